# The steps of Rodas5P: what a solve leaves of them, and the way back through them.

"""
    Steps()

What a solve by Rodas5P computed in its accepted steps: `k` (stages, states, steps), and `J` (states,
states, steps) of small systems.
"""
struct Steps
    k::Vec
    J::Vec
end

Steps() = Steps(Float64[], Float64[])

"""
    Path

What a march leaves: the ends of its steps, and what `steps` holds. Called with a time it is a solution.
"""
struct Path
    t::Vec
    u::Vector{Vec}
    steps::Steps
    code::Symbol
    tried::Int
end

outcome(path::Path) = code(path.code)
count_steps(path::Path) = path.tried

"A [`march!`](@ref) from u0 at t0 to t1 that keeps its steps, in the place of those in `steps`."
function march_path!(steps::Steps, model::Model, u0, t0, t1, p, tol::Tolerances)
    empty!(steps.k)
    empty!(steps.J)
    ends, states = [t0], [u0]
    function keep(m, t, stop)
        push!(ends, stop)
        push!(states, copy(m.next))
        record!(steps, m)
    end
    name, accepted, rejected = march!(keep, March(model), u0, t0, t1, p, tol)
    return Path(ends, states, steps, name, accepted + rejected)
end

function record!(steps::Steps, m::March)
    n, at = length(m.u), length(steps.k)
    resize!(steps.k, at + STAGES * n)
    @inbounds for i in 1:n, q in 1:STAGES
        steps.k[at+STAGES*(i-1)+q] = m.k[i, q]
    end
    n <= SMALL && append!(steps.J, m.J)
    return nothing
end

function (path::Path)(t)
    m = clamp(searchsortedlast(path.t, t), 1, length(path.t) - 1)
    x = (t - path.t[m]) / (path.t[m+1] - path.t[m])
    x < 1 || return path.u[m+1]
    n, out = length(path.u[m]), similar(path.u[m])
    k = reshape(view(path.steps.k, (m-1)*STAGES*n+1:m*STAGES*n), STAGES, n)
    within_step!(out, x, path.u[m], path.u[m+1], transpose(k))
    return out
end

# the factors of I/(hγ) - J of step m; large Jacobians were not kept
function step_factors!(W, pivots, J, steps, model, p, t, h, u0, m)
    n = length(u0)
    if isempty(steps.J)
        model.f.jac(J, u0, p, t)
    else
        copyto!(J, 1, steps.J, (m - 1) * n * n + 1, n * n)
    end
    shifted!(W, 1 / (h * RODAS5P_TABLEAU.gamma), J)
    factors!(W, pivots)
    return nothing
end

# the states where the stages of step m are taken: U (stages, states)
function stage_states!(U, steps, u0, m)
    (; A) = RODAS5P_TABLEAU
    n = length(u0)
    at = (m - 1) * STAGES * n
    @inbounds for i in 1:n
        for q in 1:STAGES
            U[q, i] = u0[i]
        end
        for j in 1:STAGES-1
            k = steps.k[at+STAGES*(i-1)+j]
            @simd for q in 1:STAGES
                U[q, i] += A[q, j] * k
            end
        end
    end
    return nothing
end

function go_back!(lambda, gp, ::Rodas5P, steps::Steps, model, sol, p, times, cotangents)
    (; At, Ct, c, d, H, b) = RODAS5P_TABLEAU
    n, pull = length(lambda), model.pull
    U, K = zeros(STAGES, n), zeros(STAGES, n)       # states of the stages; cotangents of the stages
    u, g, w, at_stage, dT = zeros(n), zeros(n), zeros(n), zeros(n), zeros(n)
    M, J, W, pivots = zeros(n, n), zeros(n, n), zeros(n, n), zeros(BlasInt, n)
    i = length(times)
    for m in length(sol.t)-1:-1:1
        t, h, u0 = sol.t[m], sol.t[m+1] - sol.t[m], sol.u[m]
        step_factors!(W, pivots, J, steps, model, p, t, h, u0, m)
        stage_states!(U, steps, u0, m)
        foreach(x -> fill!(x, 0.0), (u, dT))
        fill!(K, 0.0)
        fill!(M, 0.0)
        while within(times, i, t)
            # u0 (1 - x) + x (u1 + (1 - x) (H1 k + x H2 k + x^2 H3 k))
            x = min((times[i] - t) / h, 1.0)
            add!(lambda, x, cotangents[i])
            add!(u, 1 - x, cotangents[i])
            for q in 1:STAGES
                weight = x * (1 - x) * evalpoly(x, (H[1, q], H[2, q], H[3, q]))
                for s in 1:n
                    K[q, s] += weight * cotangents[i][s]
                end
            end
            i -= 1
        end
        add!(u, 1.0, lambda)
        @inbounds for s in 1:n
            @simd for q in 1:STAGES
                K[q, s] += b[q] * lambda[s]
            end
        end
        k = (m - 1) * STAGES * n
        for q in STAGES:-1:1
            @inbounds for s in 1:n
                w[s], at_stage[s] = K[q, s], U[q, s]
            end
            solve_transposed!(w, W, pivots)
            @inbounds for s in 1:n, r in 1:n
                M[r, s] += w[r] * steps.k[k+STAGES*(s-1)+q]
            end
            add!(dT, h * d[q], w)
            fill!(g, 0.0)
            pull(g, gp, w, at_stage, p, t + c[q] * h)
            add!(u, 1.0, g)
            @inbounds for s in 1:n
                one, other = g[s], w[s] / h
                @simd for j in 1:STAGES
                    K[j, s] += At[j, q] * one + Ct[j, q] * other
                end
            end
        end
        model.jac_pull(u, gp, M, u0, p, t)
        model.tgrad_pull(u, gp, dT, u0, p, t)
        copyto!(lambda, u)
    end
    return nothing
end
