# The steps of Rodas5P, and the way back through one.

const STAGES = 8

const RODAS5P_TABLEAU = let c = Rodas5PTableau(Float64, Float64)
    # A and C by columns, and transposed: a column then belongs to one stage
    (; c.A, At = Mat(c.A'), Ct = Mat(c.C'), c.gamma, c.c, c.d, c.H, c.b)
end

# rows below the diagonal of A and C, the weights of the step and of its error: each loop over stages has a
# length that the compiler knows
const ROWS = let c = Rodas5PTableau(Float64, Float64), below(M) = ntuple(q -> Tuple(M[q, 1:q-1]), STAGES)
    (; A = below(c.A), C = below(c.C), b = Tuple(c.b), error = Tuple(c.btilde))
end

# out = f + hd tgrad + k row / h
@inline @generated function right_side!(
    out::Vec, f::Vec, hd, tgrad::Vec, inverse, k::Mat, row::NTuple{N,Float64},
) where {N}
    terms = [:(sum = muladd(row[$j], k[i, $j], sum)) for j in 1:N]
    return quote
        @inbounds @simd ivdep for i in eachindex(out)
            sum = 0.0
            $(terms...)
            out[i] = muladd(inverse, sum, muladd(hd, tgrad[i], f[i]))
        end
        return nothing
    end
end

# The control that foresees errors takes longer steps than others do at the same tolerance: asked for a third,
# it is as accurate (gradients of Robertson's problem at 1e-6: 1e-6, else 2e-6), with a sixth more steps.
const STRICTER = 3.0

function attempt_implicit!(m::March, p, t, h, tol)
    right_side!(m.x, m.f0, h * RODAS5P_TABLEAU.d[1], m.tgrad, 1 / h, m.k, ROWS.C[1])
    (; exact) = m
    if exact !== nothing && eliminate!(m, exact, h)
        stages!(m, exact, p, t, h)
    else
        shifted!(m.W, 1 / (h * RODAS5P_TABLEAU.gamma), m.J)
        factors!(m.W, m.pivots) || return NaN
        solve_stage!(m, nothing)
        stages!(m, nothing, p, t, h)
    end
    combine!(m.next, m.u, m.k, ROWS.b)
    fill!(m.error, 0.0)
    combine!(m.error, m.error, m.k, ROWS.error)
    return STRICTER * error_norm(m, tol)
end

# The elimination written out for the system, where it is accurate without exchanging rows: the factors of
# W = I/(hγ) - J, and the first stage. Otherwise false, and `m.x` as it was.
function eliminate!(m::March, exact::Elimination, h)
    a = 1 / (h * RODAS5P_TABLEAU.gamma)
    copyto!(m.b, m.x)
    shifted!(m.W, a, m.J)
    exact.factor!(m.W)
    solve_stage!(m, exact)
    good = is_solution(m.f, m.error, a, m.J, m.x, m.b)
    good || copyto!(m.x, m.b)
    return good
end

solve_stage!(m::March, exact::Elimination) = exact.solve!(m.x, m.W)
solve_stage!(m::March, ::Nothing) = solve_factored!(m.x, m.W, m.pivots)

# the other stages, when `m.x` holds the first
function stages!(m::March, exact, p, t, h)
    (; c, d) = RODAS5P_TABLEAU
    n, inverse = length(m.x), 1 / h
    copyto!(m.k, m.x)
    @nexprs 7 i -> begin
        combine!(m.stage, m.u, m.k, ROWS.A[i+1])
        m.rhs!(m.f, m.stage, p, t + c[i+1] * h)
        right_side!(m.x, m.f, h * d[i+1], m.tgrad, inverse, m.k, ROWS.C[i+1])
        solve_stage!(m, exact)
        copyto!(m.k, i * n + 1, m.x, 1, n)
    end
    return nothing
end

# W = a I - J
function shifted!(W::Mat, a, J::Mat)
    @inbounds @simd ivdep for i in eachindex(W)
        W[i] = -J[i]
    end
    @inbounds for i in axes(W, 1)
        W[i, i] += a
    end
    return nothing
end

"The state at the fraction x of a step from u to `next` with stages k (states, stages)."
function within_step!(out, x, u, next, k)
    (; H) = RODAS5P_TABLEAU
    @inbounds for i in eachindex(u)
        out[i] = muladd(x, next[i] - u[i], u[i])
    end
    @inbounds for q in 1:STAGES
        weight = x * (1 - x) * evalpoly(x, (H[1, q], H[2, q], H[3, q]))
        for i in eachindex(u)
            out[i] = muladd(weight, k[i, q], out[i])
        end
    end
    return nothing
end

# the factors of I/(hγ) - J of step m; large Jacobians were not kept
function step_factors!(b, path, t, h, u0, m)
    (; J, W, pivots, model, p) = b
    from = path.steps.jacobian[m]
    if from == 0
        model.f.jac(J, u0, p, t)
    else
        copyto!(J, 1, path.steps.J, from, b.n^2)
    end
    shifted!(W, 1 / (h * RODAS5P_TABLEAU.gamma), J)
    factors!(W, pivots)
    return nothing
end

# the states where the stages of a step from u0 are taken: U (stages, states)
function stage_states!(U, k, from, u0)
    (; A) = RODAS5P_TABLEAU
    @inbounds for i in eachindex(u0)
        for q in 1:STAGES
            U[q, i] = u0[i]
        end
        for j in 1:STAGES-1
            stage = k[from+STAGES*(i-1)+j]
            @simd for q in 1:STAGES
                U[q, i] += A[q, j] * stage
            end
        end
    end
    return nothing
end

# as `back_explicit!`
function back_implicit!(b::Back, path, m, times, cotangents, i)
    (; At, Ct, c, d, H) = RODAS5P_TABLEAU
    weights = RODAS5P_TABLEAU.b
    (; n, lambda, K, U, u, g, w, at_stage, dT, M, gp, p, model) = b
    t, h, u0, k = path.t[m], path.t[m+1] - path.t[m], path.u[m], path.steps.k
    from = path.steps.at[m]
    step_factors!(b, path, t, h, u0, m)
    stage_states!(U, k, from, u0)
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
            K[q, s] += weights[q] * lambda[s]
        end
    end
    for q in STAGES:-1:1
        @inbounds for s in 1:n
            w[s], at_stage[s] = K[q, s], U[q, s]
        end
        solve_transposed!(w, b.W, b.pivots)
        @inbounds for s in 1:n, r in 1:n
            M[r, s] += w[r] * k[from+STAGES*(s-1)+q]
        end
        add!(dT, h * d[q], w)
        fill!(g, 0.0)
        b.pull(g, gp, w, at_stage, p, t + c[q] * h)
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
    return i
end
