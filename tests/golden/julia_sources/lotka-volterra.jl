const SIZES = (2, 87, 2)
const NETWORKS = [([2, 5, 5, 5, 2], :tanh, 0)]
const USES = Int[1]

function rhs!(du, u, p, t, q, c)
    v5 = q[1] * u[1]
    forward!(c[1], p, u[1], u[2])
    v7 = c[1].outputs[1]
    v8 = v5 + v7
    v10 = (-1.0) * q[2]
    v11 = v10 * u[2]
    v12 = c[1].outputs[2]
    v13 = v11 + v12
    du[1] = v8
    du[2] = v13
    return nothing
end

function jac!(J, u, p, t, q, c)
    jacobian!(c[1], p, u[1], u[2])
    v6 = c[1].jacobian[1, 1]
    v7 = q[1] + v6
    v8 = c[1].jacobian[1, 2]
    v9 = c[1].jacobian[2, 1]
    v11 = (-1.0) * q[2]
    v12 = c[1].jacobian[2, 2]
    v13 = v11 + v12
    J[1, 1] = v7
    J[1, 2] = v8
    J[2, 1] = v9
    J[2, 2] = v13
    return nothing
end

function tgrad!(dT, u, p, t, q, c)
    dT[1] = 0.0
    dT[2] = 0.0
    return nothing
end

function jac_pull!(gu, gp, v, u, p, t, q, c)
    jacobian!(c[1], p, u[1], u[2])
    v6 = c[1].jacobian[1, 1]
    v7 = q[1] + v6
    v8 = c[1].jacobian[1, 2]
    v9 = c[1].jacobian[2, 1]
    v11 = (-1.0) * q[2]
    v12 = c[1].jacobian[2, 2]
    v13 = v11 + v12
    d13 = v[2, 2]
    d12 = d13
    d9 = v[2, 1]
    d8 = v[1, 2]
    d7 = v[1, 1]
    d6 = d7
    jacobian_pullback!(c[1], gp, p, d6, d9, d8, d12)
    x5_0 = c[1].inputs[1]
    x5_1 = c[1].inputs[2]
    gu[2] += x5_1
    gu[1] += x5_0
    return nothing
end

function tgrad_pull!(gu, gp, v, u, p, t, q, c)
    return nothing
end

function rhs_pull!(gu, gp, v, u, p, t, q, c)
    v5 = q[1] * u[1]
    forward!(c[1], p, u[1], u[2])
    v7 = c[1].outputs[1]
    v8 = v5 + v7
    v10 = (-1.0) * q[2]
    v11 = v10 * u[2]
    v12 = c[1].outputs[2]
    v13 = v11 + v12
    d13 = v[2]
    d12 = d13
    d11 = d13
    d8 = v[1]
    d7 = d8
    pullback!(c[1], gp, p, d7, d12)
    x6_0 = c[1].inputs[1]
    x6_1 = c[1].inputs[2]
    d5 = d8
    gu[2] += d11 * v10 + x6_1
    gu[1] += x6_0 + d5 * q[1]
    return nothing
end

function vjp!(g, v, u, p, t, q, c)
    fill!(g, 0.0)
    v5 = q[1] * u[1]
    forward!(c[1], p, u[1], u[2])
    v7 = c[1].outputs[1]
    v8 = v5 + v7
    v10 = (-1.0) * q[2]
    v11 = v10 * u[2]
    v12 = c[1].outputs[2]
    v13 = v11 + v12
    d13 = v[2]
    d12 = d13
    d11 = d13
    d8 = v[1]
    d7 = d8
    pullback!(c[1], nothing, p, d7, d12)
    x6_0 = c[1].inputs[1]
    x6_1 = c[1].inputs[2]
    d5 = d8
    g[2] += d11 * v10 + x6_1
    g[1] += x6_0 + d5 * q[1]
    return nothing
end

function vjp_p!(g, v, u, p, t, q, c)
    fill!(g, 0.0)
    v5 = q[1] * u[1]
    forward!(c[1], p, u[1], u[2])
    v7 = c[1].outputs[1]
    v8 = v5 + v7
    v10 = (-1.0) * q[2]
    v11 = v10 * u[2]
    v12 = c[1].outputs[2]
    v13 = v11 + v12
    d13 = v[2]
    d12 = d13
    d8 = v[1]
    d7 = d8
    pullback!(c[1], g, p, d7, d12)
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
