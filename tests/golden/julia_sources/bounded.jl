const SIZES = (2, 13, 0)
const NETWORKS = [([1, 3, 1], :gelu, 0)]
const USES = Int[1]

function rhs!(du, u, p, t, q, c)
    w1 = 0.1 + 1.9 / (1 + exp(-p[11]))
    w2 = 0.0 + exp(p[12])
    w3 = 1.5 - exp(p[13])
    forward!(c[1], p, u[1])
    v8 = c[1].outputs[1]
    v9 = 0.1 * v8
    v11 = (-1.0) * w1
    v12 = v11 * u[1]
    v13 = u[2] + v9
    v14 = v13 + v12
    v15 = (-1.0) * w2
    v16 = v15 * w3
    v17 = v16 * u[1]
    du[1] = v14
    du[2] = v17
    return nothing
end

function jac!(J, u, p, t, q, c)
    w1 = 0.1 + 1.9 / (1 + exp(-p[11]))
    w2 = 0.0 + exp(p[12])
    w3 = 1.5 - exp(p[13])
    v7 = (-1.0) * w1
    jacobian!(c[1], p, u[1])
    v10 = c[1].jacobian[1, 1]
    v11 = 0.1 * v10
    v12 = v7 + v11
    v14 = (-1.0) * w2
    v15 = v14 * w3
    J[1, 1] = v12
    J[1, 2] = 1.0
    J[2, 1] = v15
    J[2, 2] = 0.0
    return nothing
end

function tgrad!(dT, u, p, t, q, c)
    dT[1] = 0.0
    dT[2] = 0.0
    return nothing
end

function jac_pull!(gu, gp, v, u, p, t, q, c)
    w1 = 0.1 + 1.9 / (1 + exp(-p[11]))
    w2 = 0.0 + exp(p[12])
    w3 = 1.5 - exp(p[13])
    v7 = (-1.0) * w1
    jacobian!(c[1], p, u[1])
    v10 = c[1].jacobian[1, 1]
    v11 = 0.1 * v10
    v12 = v7 + v11
    v14 = (-1.0) * w2
    v15 = v14 * w3
    d15 = v[2, 1]
    d14 = d15 * w3
    d12 = v[1, 1]
    d11 = d12
    d10 = d11 * 0.1
    jacobian_pullback!(c[1], gp, p, d10)
    x9_0 = c[1].inputs[1]
    d7 = d12
    gp[13] += (d15 * v14) * (-exp(p[13]))
    gp[12] += (d14 * (-1.0)) * exp(p[12])
    gp[11] += (d7 * (-1.0)) * 1.9 * exp(-abs(p[11])) / (1 + exp(-abs(p[11])))^2
    gu[1] += x9_0
    return nothing
end

function tgrad_pull!(gu, gp, v, u, p, t, q, c)
    return nothing
end

function rhs_pull!(gu, gp, v, u, p, t, q, c)
    w1 = 0.1 + 1.9 / (1 + exp(-p[11]))
    w2 = 0.0 + exp(p[12])
    w3 = 1.5 - exp(p[13])
    forward!(c[1], p, u[1])
    v8 = c[1].outputs[1]
    v9 = 0.1 * v8
    v11 = (-1.0) * w1
    v12 = v11 * u[1]
    v13 = u[2] + v9
    v14 = v13 + v12
    v15 = (-1.0) * w2
    v16 = v15 * w3
    v17 = v16 * u[1]
    d17 = v[2]
    d16 = d17 * u[1]
    d15 = d16 * w3
    d14 = v[1]
    d13 = d14
    d12 = d14
    d11 = d12 * u[1]
    d9 = d13
    d8 = d9 * 0.1
    pullback!(c[1], gp, p, d8)
    x7_0 = c[1].inputs[1]
    gp[13] += (d16 * v15) * (-exp(p[13]))
    gp[12] += (d15 * (-1.0)) * exp(p[12])
    gp[11] += (d11 * (-1.0)) * 1.9 * exp(-abs(p[11])) / (1 + exp(-abs(p[11])))^2
    gu[2] += d13
    gu[1] += d17 * v16 + d12 * v11 + x7_0
    return nothing
end

function vjp!(g, v, u, p, t, q, c)
    fill!(g, 0.0)
    w1 = 0.1 + 1.9 / (1 + exp(-p[11]))
    w2 = 0.0 + exp(p[12])
    w3 = 1.5 - exp(p[13])
    forward!(c[1], p, u[1])
    v8 = c[1].outputs[1]
    v9 = 0.1 * v8
    v11 = (-1.0) * w1
    v12 = v11 * u[1]
    v13 = u[2] + v9
    v14 = v13 + v12
    v15 = (-1.0) * w2
    v16 = v15 * w3
    v17 = v16 * u[1]
    d17 = v[2]
    d14 = v[1]
    d13 = d14
    d12 = d14
    d9 = d13
    d8 = d9 * 0.1
    pullback!(c[1], nothing, p, d8)
    x7_0 = c[1].inputs[1]
    g[2] += d13
    g[1] += d17 * v16 + d12 * v11 + x7_0
    return nothing
end

function vjp_p!(g, v, u, p, t, q, c)
    fill!(g, 0.0)
    w1 = 0.1 + 1.9 / (1 + exp(-p[11]))
    w2 = 0.0 + exp(p[12])
    w3 = 1.5 - exp(p[13])
    forward!(c[1], p, u[1])
    v8 = c[1].outputs[1]
    v9 = 0.1 * v8
    v11 = (-1.0) * w1
    v12 = v11 * u[1]
    v13 = u[2] + v9
    v14 = v13 + v12
    v15 = (-1.0) * w2
    v16 = v15 * w3
    v17 = v16 * u[1]
    d17 = v[2]
    d16 = d17 * u[1]
    d15 = d16 * w3
    d14 = v[1]
    d13 = d14
    d12 = d14
    d11 = d12 * u[1]
    d9 = d13
    d8 = d9 * 0.1
    pullback!(c[1], g, p, d8)
    g[13] += (d16 * v15) * (-exp(p[13]))
    g[12] += (d15 * (-1.0)) * exp(p[12])
    g[11] += (d11 * (-1.0)) * 1.9 * exp(-abs(p[11])) / (1 + exp(-abs(p[11])))^2
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
