# Solves by Rodas5P, with the tableau and the first step of OrdinaryDiffEq. Where a step takes less than a
# microsecond, an integrator that can serve any method and any problem spends most of the time on itself. And
# the control of step sizes is Gustafsson's, as OrdinaryDiffEqCore has it for SDIRK methods: it foresees how
# errors grow or shrink, and saves a quarter to a half of the steps of a stiff solve.

const RODAS5P = implicit(Rodas5P)

const STAGES = 8

const RODAS5P_TABLEAU = let c = Rodas5PTableau(Float64, Float64)
    # A and C by columns, and transposed: a column then belongs to one stage
    (; c.A, At = Mat(c.A'), Ct = Mat(c.C'), c.gamma, c.c, c.d, c.H, c.b)
end

"Whether [`march!`](@ref) stands in for an algorithm: Rodas5P as it is named here, on a dense Jacobian."
marches(algorithm, model::Model) = algorithm === RODAS5P && model.f isa Odefunction

# rows below the diagonal of A and C, the weights of the step and of its error: each loop over stages has a
# length that the compiler knows
const ROWS = let c = Rodas5PTableau(Float64, Float64), below(M) = ntuple(q -> Tuple(M[q, 1:q-1]), STAGES)
    (; A = below(c.A), C = below(c.C), b = Tuple(c.b), error = Tuple(c.btilde))
end

struct Tolerances
    reltol::Float64
    abstol::Float64
    maxiters::Int
end

"What one march calls, and its memory."
struct March
    rhs!::Rhs
    jac!::Jac
    tgrad!::Rhs
    exact::Union{Nothing,Elimination}
    u::Vec      # where a step starts
    next::Vec   # and where it ends
    stage::Vec
    f0::Vec
    f::Vec
    tgrad::Vec
    x::Vec
    b::Vec
    error::Vec
    k::Mat      # states, stages
    J::Mat
    W::Mat
    pivots::Vector{BlasInt}
end

March(model::Model) = March(
    model.f.f, model.f.jac, model.f.tgrad, elimination(model), (zeros(model.states) for _ in 1:9)...,
    zeros(model.states, STAGES), zeros(model.states, model.states), zeros(model.states, model.states),
    zeros(BlasInt, model.states),
)

"""
    march!(keep, m, u0, t0, t1, p, tolerances) -> (code, accepted, rejected)

From t0 to t1; `keep(m, t, stop)` is called after each accepted step, from `m.u` at t to `m.next` at `stop`.
The code is a name in `CODES`.
"""
function march!(keep, m::March, u0, t0, t1, p, tol::Tolerances)
    copyto!(m.u, u0)
    derivatives!(m, p, t0)
    t, h, accepted, rejected = t0, first_step!(m, p, t0, t1 - t0, tol), 0, 0
    h_before, error_before, e, fresh = h, 1.0, 0.0, true
    # nearer to a singularity than time can be told apart, steps may still be accepted
    while t + h > t
        accepted + rejected < tol.maxiters || return ended(:MaxIters, accepted, rejected)
        # a sliver that is left over would cost a whole step
        arrives = t1 - t <= 1.01h
        arrives && (h = t1 - t)
        fresh || derivatives!(m, p, t)
        e = attempt!(m, p, t, h, tol)
        fresh = !(e <= 1)
        if fresh
            rejected += 1
            h /= accepted == 0 || !isfinite(e) ? 10.0 : min(5.0, e^0.2 / 0.9)
            continue
        end
        accepted += 1
        stop = arrives ? t1 : t + h
        keep(m, t, stop)
        copyto!(m.u, m.next)
        arrives && return :Success, accepted, rejected
        t = stop
        q = e^0.2 / 0.9 # the estimate is of order 4
        accepted > 1 && (q = max(q, h_before / h * (e^2 / error_before)^0.2 / 0.9))
        h_before, error_before = h, max(1e-2, e)
        h /= clamp(q, accepted == 1 ? 1e-4 : 1 / 6, 5.0)
    end
    return ended(isfinite(e) ? :DtLessThanMin : :Unstable, accepted, rejected)
end

ended(why, accepted, rejected) = (accepted == 0 ? :InitialFailure : why), accepted, rejected

# what a step starts from
function derivatives!(m::March, p, t)
    m.rhs!(m.f0, m.u, p, t)
    m.jac!(m.J, m.u, p, t)
    m.tgrad!(m.tgrad, m.u, p, t)
    return nothing
end

# from `f0`: Hairer's, as in OrdinaryDiffEqCore; 0 where the right-hand side is not finite
function first_step!(m::March, p, t0, span, tol)
    (; u, f0, f, stage, x) = m
    size(v) = sqrt(sum(i -> abs2(v[i] / (tol.abstol + tol.reltol * abs(u[i]))), eachindex(v)) / length(v))
    d0, d1 = size(u), size(f0)
    isfinite(d1) || return 0.0
    h0 = min(d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : d0 / d1 / 100, span)
    h0 < 10eps() && return min(1e-6, span)
    @. stage = u + h0 * f0
    m.rhs!(f, stage, p, t0 + h0)
    f == f0 && return min(100h0, span)
    @. x = f - f0
    bend = max(d1, size(x) / h0)
    h1 = bend <= 1e-15 ? max(1e-6, h0 * 1e-3) : 10.0^(-(2 + log10(bend)) / 5)
    return isfinite(h1) ? min(100h0, h1, span) : h0
end

# out = base + k row
@inline @generated function combine!(out::Vec, base::Vec, k::Mat, row::NTuple{N,Float64}) where {N}
    terms = [:(sum = muladd(row[$j], k[i, $j], sum)) for j in 1:N]
    return quote
        @inbounds @simd ivdep for i in eachindex(out)
            sum = base[i]
            $(terms...)
            out[i] = sum
        end
        return nothing
    end
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

"One step, into `m.next`: its error, where 1 is what the tolerances admit, or NaN."
function attempt!(m::March, p, t, h, tol)
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
    return error_norm(m, tol)
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

function error_norm(m::March, tol)
    sum = 0.0
    @inbounds @simd for i in eachindex(m.error)
        size = max(abs(m.u[i]), abs(m.next[i]))
        sum += abs2(m.error[i] / muladd(tol.reltol, size, tol.abstol))
    end
    return sqrt(sum / length(m.error))
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

"A march to the last of `times`; `states` gets the columns that it reaches."
function march_through!(states, model::Model, u0, t0, times, p, tol::Tolerances)
    next = Ref(1 + count(<=(t0), times))
    states[:, 1:next[]-1] .= u0
    function keep(m, t, stop)
        while next[] <= length(times) && times[next[]] <= stop
            out = view(states, :, next[])
            x = (times[next[]] - t) / (stop - t)
            x < 1 ? within_step!(out, x, m.u, m.next, m.k) : copyto!(out, m.next)
            next[] += 1
        end
    end
    return march!(keep, March(model), u0, t0, times[end], p, tol)
end
