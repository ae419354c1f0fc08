const SIZES = (2, 31, 0)
const NETWORKS = [([2, 4, 3, 1], :tanh, 0)]
const USES = Int[1]

function rhs!(du, u, p, t, q, c)
    jacobian!(c[1], p, u[1], u[2])
    v4 = c[1].jacobian[1, 2]
    v6 = c[1].jacobian[1, 1]
    v7 = (-1.0) * v6
    du[1] = v4
    du[2] = v7
    return nothing
end

function sweep(i, u, p, t, q, c)
    seed, g, time = zeros(2), zeros(2), 0.0
    seed[i] = 1.0
    jacobian!(c[1], p, u[1], u[2])
    v4 = c[1].jacobian[1, 2]
    v6 = c[1].jacobian[1, 1]
    v7 = (-1.0) * v6
    d7 = seed[2]
    d6 = d7 * (-1.0)
    d4 = seed[1]
    jacobian_pullback!(c[1], nothing, p, d6, d4)
    x3_0 = c[1].inputs[1]
    x3_1 = c[1].inputs[2]
    g[2] += x3_1
    g[1] += x3_0
    return g, time
end
function jac!(J, u, p, t, q, c)
    for i in 1:2
        row, _ = sweep(i, u, p, t, q, c)
        for j in 1:2
            J[i, j] = row[j]
        end
    end
    return nothing
end
function tgrad!(dT, u, p, t, q, c)
    for i in 1:2
        dT[i] = sweep(i, u, p, t, q, c)[2]
    end
    return nothing
end

function rhs_pull!(gu, gp, v, u, p, t, q, c)
    jacobian!(c[1], p, u[1], u[2])
    v4 = c[1].jacobian[1, 2]
    v6 = c[1].jacobian[1, 1]
    v7 = (-1.0) * v6
    d7 = v[2]
    d6 = d7 * (-1.0)
    d4 = v[1]
    jacobian_pullback!(c[1], gp, p, d6, d4)
    x3_0 = c[1].inputs[1]
    x3_1 = c[1].inputs[2]
    gu[2] += x3_1
    gu[1] += x3_0
    return nothing
end

function vjp!(g, v, u, p, t, q, c)
    fill!(g, 0.0)
    jacobian!(c[1], p, u[1], u[2])
    v4 = c[1].jacobian[1, 2]
    v6 = c[1].jacobian[1, 1]
    v7 = (-1.0) * v6
    d7 = v[2]
    d6 = d7 * (-1.0)
    d4 = v[1]
    jacobian_pullback!(c[1], nothing, p, d6, d4)
    x3_0 = c[1].inputs[1]
    x3_1 = c[1].inputs[2]
    g[2] += x3_1
    g[1] += x3_0
    return nothing
end

function vjp_p!(g, v, u, p, t, q, c)
    fill!(g, 0.0)
    jacobian!(c[1], p, u[1], u[2])
    v4 = c[1].jacobian[1, 2]
    v6 = c[1].jacobian[1, 1]
    v7 = (-1.0) * v6
    d7 = v[2]
    d6 = d7 * (-1.0)
    d4 = v[1]
    jacobian_pullback!(c[1], g, p, d6, d4)
    return nothing
end

# what is measured

const USES = Int[]

function observe!(y, u, p, t, q, c)
    y[1] = u[1]
    y[2] = u[2]
    return nothing
end

function pull!(gu, gp, v, u, p, t, q, c)
    gu[2] += v[2]
    gu[1] += v[1]
    return nothing
end
