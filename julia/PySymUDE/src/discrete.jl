# Gradients by going back through the solver's own steps: the derivative of the numbers that were computed,
# at the step sizes that were taken.

"Whether [`discrete!`](@ref) knows the steps of an algorithm and the model has what they need."
has_discrete(::Tsit5, model::Model) = true
has_discrete(algorithm, model::Model) = model.curved && marches(algorithm, model)

"""
    discrete!(slopes, dtheta, loss, e, sol, times, cotangents) -> Nothing

As [`adjoint!`](@ref), exactly: cotangents of the dense output at `times` are carried back through the
stages of each step. Steps are Tsit5's, or Rodas5P's, whose stages also read the Jacobian.
"""
function discrete!(slopes, dtheta, loss::Loss, e, sol, times, cotangents)
    lambda, gp = zeros(loss.model.states), zeros(loss.model.learned)
    p = loss.theta[1:loss.model.learned]
    alg, steps = algorithm(loss.algorithm), loss.steps[e]
    go_back!(lambda, gp, alg, steps, loss.model, sol, p, times, cotangents)
    for k in eachindex(lambda)
        slopes[k, e] += lambda[k]
    end
    for k in eachindex(gp)
        dtheta[k] += gp[k]
    end
    return nothing
end

# out .+= a * x
function add!(out::Vec, a::Float64, x::Vec)
    @inbounds @simd for i in eachindex(out, x)
        out[i] += a * x[i]
    end
    return nothing
end

# the last of `times` not yet used that lies after `start`, or 0
within(times, i, start) = i >= 1 && times[i] > start

const TSIT5_TABLEAU = let c = Tsit5ConstantCacheActual(Float64, Float64)
    A = zeros(7, 7)
    for i in 2:7, j in 1:i-1
        A[i, j] = getproperty(c, Symbol(:a, i, j))
    end
    (; A, c = [0.0, c.c1, c.c2, c.c3, c.c4, c.c5, c.c6])
end

# the weights of the dense output at the fraction x of a step
function tsit5_weights(x)
    r11, r12, r13, r14, r22, r23, r24, r32, r33, r34, r42, r43, r44, r52, r53, r54, r62, r63, r64,
    r72, r73, r74 = Tsit5Interp(Float64)
    y = x * x
    return (
        x * evalpoly(x, (r11, r12, r13, r14)), y * evalpoly(x, (r22, r23, r24)),
        y * evalpoly(x, (r32, r33, r34)), y * evalpoly(x, (r42, r43, r44)),
        y * evalpoly(x, (r52, r53, r54)), y * evalpoly(x, (r62, r63, r64)),
        y * evalpoly(x, (r72, r73, r74)),
    )
end

function go_back!(lambda, gp, ::Tsit5, ::Steps, model, sol, p, times, cotangents)
    (; A, c) = TSIT5_TABLEAU
    n, pull = length(lambda), model.pull
    K = [zeros(n) for _ in 1:7]      # cotangents of the stages
    first, u, U, g = zeros(n), zeros(n), zeros(n), zeros(n)
    i = length(times)
    for m in length(sol.t)-1:-1:1
        t, h, u0, k = sol.t[m], sol.t[m+1] - sol.t[m], sol.u[m], sol.k[m+1]
        foreach(x -> fill!(x, 0.0), K)
        fill!(u, 0.0)
        while within(times, i, t)
            if times[i] >= sol.t[m+1]
                add!(lambda, 1.0, cotangents[i])
            else
                b = tsit5_weights((times[i] - t) / h)
                for s in 1:7
                    add!(K[s], h * b[s], cotangents[i])
                end
                add!(u, 1.0, cotangents[i])
            end
            i -= 1
        end
        # the last stage is the first of the step that follows
        add!(K[7], 1.0, first)
        pull(lambda, gp, K[7], sol.u[m+1], p, t + h)
        add!(u, 1.0, lambda)
        for s in 1:6
            add!(K[s], h * A[7, s], lambda)
        end
        for s in 6:-1:2
            copyto!(U, u0)
            for j in 1:s-1
                add!(U, h * A[s, j], k[j])
            end
            fill!(g, 0.0)
            pull(g, gp, K[s], U, p, t + c[s] * h)
            add!(u, 1.0, g)
            for j in 1:s-1
                add!(K[j], h * A[s, j], g)
            end
        end
        copyto!(first, K[1])
        copyto!(lambda, u)
    end
    pull(lambda, gp, first, sol.u[1], p, sol.t[1])
    return nothing
end
