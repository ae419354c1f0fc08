# What every first use compiles: the types of models do not depend on the system, so one system will do.

module Example

using ..PySymUDE: forward!, jacobian!, jacobian_pullback!, pullback!

const SIZES = (1, 2, 0)
const NETWORKS = [([1, 1], :tanh, 0)]
const USES = [1]
rhs!(du, u, p, t, q, c) = (forward!(c[1], p, u[1]); du[1] = c[1].outputs[1] - u[1]; nothing)
jac!(J, u, p, t, q, c) = (jacobian!(c[1], p, u[1]); J[1, 1] = c[1].jacobian[1, 1] - 1; nothing)
tgrad!(dT, u, p, t, q, c) = (dT[1] = 0.0; nothing)
function vjp!(g, v, u, p, t, q, c)
    forward!(c[1], p, u[1])
    pullback!(c[1], nothing, p, v[1])
    g[1] = c[1].inputs[1] - v[1]
    return nothing
end
function vjp_p!(g, v, u, p, t, q, c)
    fill!(g, 0.0)
    forward!(c[1], p, u[1])
    pullback!(c[1], g, p, v[1])
    return nothing
end
function rhs_pull!(gu, gp, v, u, p, t, q, c)
    forward!(c[1], p, u[1])
    pullback!(c[1], gp, p, v[1])
    gu[1] += c[1].inputs[1] - v[1]
    return nothing
end
function jac_pull!(gu, gp, v, u, p, t, q, c)
    jacobian!(c[1], p, u[1])
    jacobian_pullback!(c[1], gp, p, v[1, 1])
    gu[1] += c[1].inputs[1]
    return nothing
end
tgrad_pull!(gu, gp, v, u, p, t, q, c) = nothing
observe!(y, u, p, t, q, c) = (y[1] = u[1]; nothing)
pull!(gu, gp, v, u, p, t, q, c) = (gu[1] += v[1]; nothing)

end

function work(algorithm, sensealgs)
    model = load_model(Example)
    times, scalings = reshape([0.0, 0.5, 1.0], 3, 1), [0.0, 1.0, 0.0, 1.0]
    none, start = zeros(0, 1), ones(1, 1)
    data = ([0.0], start, none, times, [0.1, 0.2], scalings, 1e-6, [1e-8], 1000, Inf, Float64[])
    solve_batch(model, algorithm, 1, data...)
    for sensealg in sensealgs
        loss = Loss(
            model, Example; algorithm, sensealg, t0 = [0.0], u0 = start, q = none, ts = times,
            y = zeros(1, 3, 1), weight = ones(1, 3, 1), u0_index = [0;;], positive = [false],
            mix = [1.0;;], link = [0], link_weight = [1.0], law_weight = zeros(0, 3, 1),
            anchor = [1.0; 0.0; 0.0;;], reltol = 1e-6, abstol = [1e-8], maxiters = 1000, scalings,
            size_of_theta = 2,
        )
        evaluate!(loss, false)
        evaluate!(loss, true)
    end
    return nothing
end

@compile_workload begin
    work("Tsit5", ("adjoint", "forward"))
    work("Rodas5P", ("adjoint",))
    work("auto", ("adjoint",))
end
