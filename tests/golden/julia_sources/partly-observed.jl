const SIZES = (2, 21, 0)
const NETWORKS = [([2, 5, 1], :tanh, 0)]
const USES = Int[1]

function rhs!(du, u, p, t, q, c)
    v4 = (-4.0) * u[1]
    forward!(c[1], p, u[1], u[2])
    v6 = c[1].outputs[1]
    v7 = v4 + v6
    du[1] = u[2]
    du[2] = v7
    return nothing
end

function jac!(J, u, p, t, q, c)
    jacobian!(c[1], p, u[1], u[2])
    v7 = c[1].jacobian[1, 1]
    v8 = (-4.0) + v7
    v9 = c[1].jacobian[1, 2]
    J[1, 1] = 0.0
    J[1, 2] = 1.0
    J[2, 1] = v8
    J[2, 2] = v9
    return nothing
end

function tgrad!(dT, u, p, t, q, c)
    dT[1] = 0.0
    dT[2] = 0.0
    return nothing
end

function jac_pull!(gu, gp, v, u, p, t, q, c)
    jacobian!(c[1], p, u[1], u[2])
    v7 = c[1].jacobian[1, 1]
    v8 = (-4.0) + v7
    v9 = c[1].jacobian[1, 2]
    d9 = v[2, 2]
    d8 = v[2, 1]
    d7 = d8
    jacobian_pullback!(c[1], gp, p, d7, d9)
    x6_0 = c[1].inputs[1]
    x6_1 = c[1].inputs[2]
    gu[2] += x6_1
    gu[1] += x6_0
    return nothing
end

function tgrad_pull!(gu, gp, v, u, p, t, q, c)
    return nothing
end

function rhs_pull!(gu, gp, v, u, p, t, q, c)
    v4 = (-4.0) * u[1]
    forward!(c[1], p, u[1], u[2])
    v6 = c[1].outputs[1]
    v7 = v4 + v6
    d7 = v[2]
    d6 = d7
    pullback!(c[1], gp, p, d6)
    x5_0 = c[1].inputs[1]
    x5_1 = c[1].inputs[2]
    d4 = d7
    gu[2] += v[1] + x5_1
    gu[1] += x5_0 + d4 * (-4.0)
    return nothing
end

function vjp!(g, v, u, p, t, q, c)
    fill!(g, 0.0)
    v4 = (-4.0) * u[1]
    forward!(c[1], p, u[1], u[2])
    v6 = c[1].outputs[1]
    v7 = v4 + v6
    d7 = v[2]
    d6 = d7
    pullback!(c[1], nothing, p, d6)
    x5_0 = c[1].inputs[1]
    x5_1 = c[1].inputs[2]
    d4 = d7
    g[2] += v[1] + x5_1
    g[1] += x5_0 + d4 * (-4.0)
    return nothing
end

function vjp_p!(g, v, u, p, t, q, c)
    fill!(g, 0.0)
    v4 = (-4.0) * u[1]
    forward!(c[1], p, u[1], u[2])
    v6 = c[1].outputs[1]
    v7 = v4 + v6
    d7 = v[2]
    d6 = d7
    pullback!(c[1], g, p, d6)
    return nothing
end

# what is measured

const USES = Int[]

function observe!(y, u, p, t, q, c)
    v4 = 0.5 * u[2]
    v5 = u[1] + v4
    y[1] = v5
    return nothing
end

function pull!(gu, gp, v, u, p, t, q, c)
    v4 = 0.5 * u[2]
    v5 = u[1] + v4
    d5 = v[1]
    d4 = d5
    gu[2] += d4 * 0.5
    gu[1] += d5
    return nothing
end
