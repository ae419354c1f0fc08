# Solves by Tsit5, by Rodas5P, or by whichever of the two suits, with the tableaus and the first step of
# OrdinaryDiffEq. Where a step takes less than a microsecond, an integrator that can serve any method and any
# problem spends most of the time on itself.

const EXPLICIT, IMPLICIT, SWITCHING = 1, 2, 3

"Stands for Tsit5 with changes to Rodas5P and back."
struct Auto end

const AUTO = Auto()
const RODAS5P = implicit(Rodas5P)
const TSIT5_ALGORITHM = Tsit5()

"Whether [`march!`](@ref) stands in for an algorithm: Rodas5P as it is named here needs a dense Jacobian."
marches(::Any, ::Model) = false
marches(::Auto, ::Model) = true
marches(algorithm::Tsit5, ::Model) = algorithm === TSIT5_ALGORITHM
marches(algorithm::Rodas5P, model::Model) = algorithm === RODAS5P && model.f isa Odefunction

way(::Auto) = SWITCHING
way(::Tsit5) = EXPLICIT
way(::Rodas5P) = IMPLICIT

"How accurate a solve is, and what bounds it: `abstol` has a number a state; steps end at `tstops`."
struct Tolerances
    reltol::Float64
    abstol::Vec
    maxiters::Int
    dtmax::Float64
    tstops::Vec
end

Tolerances(reltol, abstol, maxiters, dtmax = Inf) = Tolerances(reltol, abstol, maxiters, dtmax, Float64[])

# one number for all states, or one each
each(x::Number, n) = fill(Float64(x), n)
each(x, n) = Vec(x)

"What one march calls, and its memory."
mutable struct March
    rhs!::Rhs
    model::Model
    conditions::Union{Nothing,Conditions}
    way::Int
    confined::Bool  # to explicit steps
    method::Int       # of the step that is tried, EXPLICIT or IMPLICIT
    live::Bool        # whether it follows the conditions
    shared::Bool      # whether its first slope is the last of the step before
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

function March(model::Model, way; explicit = false)
    n = model.states
    m = March(
        model.f.f, model, model.conditions, way, explicit || !(model.f isa Odefunction), way == IMPLICIT ? IMPLICIT : EXPLICIT, false, false, nothing,
        (zeros(n) for _ in 1:9)..., zeros(n, STAGES), zeros(0, 0), zeros(0, 0), zeros(BlasInt, n),
    )
    way == IMPLICIT && prepare_implicit!(m)
    return m
end

# a march that never takes an implicit step has no matrices
function prepare_implicit!(m::March)
    n = m.model.states
    size(m.J, 1) == n && return nothing
    m.J, m.W, m.exact = zeros(n, n), zeros(n, n), elimination(m.model)
    return nothing
end

"What controls the sizes of steps, and which method takes them."
mutable struct Pace
    h::Float64
    h_before::Float64
    e_before::Float64
    since::Int        # accepted steps since the step size was found anew
    accepted::Int
    rejected::Int
    changes::Int      # of method
    at_limit::Int     # steps that stability held back
    mild::Int         # steps that it did not
end

Pace() = Pace(0.0, 0.0, 1.0, 0, 0, 0, 0, 0, 0)

function begin_anew!(pace::Pace, m::March, h)
    pace.h, pace.h_before, pace.e_before, pace.since = h, h, m.method == EXPLICIT ? 1e-4 : 1.0, 0
    return nothing
end

"""
    march!(keep, m, u0, t0, t1, p, tolerances) -> (code, pace)

From t0 to t1; `keep(m, t, stop)` is called after each accepted step, from `m.u` at t to `m.next` at `stop`.
The code is a name in `CODES`, or `:NeedsImplicit` where a system without a dense Jacobian is stiff.
"""
function march!(keep::F, m::March, u0, t0, t1, p, tol::Tolerances) where {F}
    copyto!(m.u, u0)
    live!(m.conditions, false)
    code, pace = go!(keep, m, t0, t1, p, tol)
    live!(m.conditions, true)
    failed = code in (:DtLessThanMin, :Unstable)
    return failed && pace.accepted == 0 ? :InitialFailure : code, pace
end

function go!(keep::F, m::March, t0, t1, p, tol::Tolerances) where {F}
    (; conditions) = m
    pace, t, e = Pace(), t0, 0.0
    stops, next_stop = start!(m, t0, t1, p, tol), 1
    # `fresh`: what a step starts from is to be computed; `restart`: the step size as well
    fresh, restart = true, true
    while true
        fresh && derivatives!(m, p, t)
        if restart
            begin_anew!(pace, m, first_step!(m, p, t, t1 - t, tol))
            restart = false
        end
        fresh = false
        pace.accepted + pace.rejected < tol.maxiters || return :MaxIters, pace
        h = pace.h = min(pace.h, tol.dtmax)
        # nearer to a singularity than time can be told apart, steps may still be accepted
        t + h > t || return isfinite(e) ? :DtLessThanMin : :Unstable, pace
        target = next_stop <= length(stops) ? stops[next_stop][1] : t1
        # a sliver that is left over would cost a whole step
        arrives = target - t <= 1.01h
        arrives && (h = target - t)
        e = attempt!(m, p, t, h, tol)
        if !(e <= 1)
            rejected!(pace, m, h, e)
            # frozen signs may lead a step out of the domain of a formula
            fresh = !isfinite(e) && follow!(m)
            continue
        end
        which = 0
        if conditions !== nothing && !m.live
            x, which = crossing!(conditions, Inside(m, h), p, t, h)
            if x < 0
                note!(conditions, pace.accepted, which, -2 - x, true)
                fresh = true
                continue
            elseif which > 0 && x < 1 - 1e-14
                h, arrives = max(x * h, nextfloat(t) - t), false
                attempt!(m, p, t, h, tol)
            end
        end
        stop = arrives ? target : t + h
        keep(m, t, stop)
        accepted!(pace, m, h, e)
        took = m.method
        m.way == SWITCHING && change_method!(pace, m, h)
        m.method != took && m.confined && return :NeedsImplicit, pace
        copyto!(m.u, m.next)
        t = stop
        t >= t1 && return :Success, pace
        m.shared = took == EXPLICIT && m.method == EXPLICIT
        if conditions !== nothing
            m.live && stop_following!(m, pace, p, t)
            while next_stop <= length(stops) && stops[next_stop][1] <= t
                k = stops[next_stop][2]
                next_stop += 1
                k == 0 && continue
                note!(conditions, pace.accepted, k, -conditions.signs[k], false)
                restart = true
            end
            if which > 0
                slides!(conditions, m.rhs!, pace.accepted, which, m.u, p, t) && return :Chattering, pace
                restart = true
            end
            restart && (m.shared = false)
        else
            while next_stop <= length(stops) && stops[next_stop][1] <= t
                next_stop += 1
            end
        end
        fresh = !m.shared
        m.shared && share!(m)
    end
end

# the first slope and what it decides; the times at which steps have to end, with the condition or 0
function start!(m::March, t0, t1, p, tol)
    stops = Tuple{Float64,Int}[(t, 0) for t in tol.tstops if t0 < t < t1]
    m.conditions === nothing && return stops
    m.rhs!(m.f, m.u, p, t0)
    initial_signs!(m.conditions, m.f, m.u, p, t0)
    return sort!(append!(stops, find_stops(m.conditions, m.u, p, t0, t1)))
end

# whether the next attempt follows the conditions where the last did not
function follow!(m::March)
    (m.conditions === nothing || m.live) && return false
    m.live = true
    live!(m.conditions, true)
    return true
end

function stop_following!(m::March, pace, p, t)
    m.live = m.shared = false
    live!(m.conditions, false)
    settle!(m.conditions, pace.accepted, m.u, p, t)
    return nothing
end

# what a step starts from
function derivatives!(m::March, p, t)
    m.shared = false
    m.rhs!(m.f0, m.u, p, t)
    if m.method == IMPLICIT
        m.model.f.jac(m.J, m.u, p, t)
        m.model.f.tgrad(m.tgrad, m.u, p, t)
    end
    return nothing
end

"One step, into `m.next`: its error, where 1 is what the tolerances admit, or NaN."
attempt!(m::March, p, t, h, tol) =
    m.method == EXPLICIT ? attempt_explicit!(m, p, t, h, tol) : attempt_implicit!(m, p, t, h, tol)

"The state at the fraction x of the step that was taken."
inside!(out, m::March, x, h) =
    m.method == EXPLICIT ? within_explicit!(out, x, h, m.u, m.k) : within_step!(out, x, m.u, m.next, m.k)

"The states inside the step that a march took, for [`crossing!`](@ref)."
struct Inside
    m::March
    h::Float64
end

(s::Inside)(out, x) = inside!(out, s.m, x, s.h)

# Tsit5: the PI control of OrdinaryDiffEq. Rodas5P: Gustafsson's, as OrdinaryDiffEqCore has it for SDIRK
# methods: it foresees how errors grow or shrink, and saves a quarter to a half of the steps of a stiff solve.
function rejected!(pace::Pace, m::March, h, e)
    pace.rejected += 1
    if m.method == EXPLICIT
        pace.h = h / (isfinite(e) ? min(5.0, e^(7 / 50) / 0.9) : 10.0)
    else
        pace.h = h / (pace.since == 0 || !isfinite(e) ? 10.0 : min(5.0, e^0.2 / 0.9))
    end
    return nothing
end

function accepted!(pace::Pace, m::March, h, e)
    pace.accepted += 1
    pace.since += 1
    if m.method == EXPLICIT
        q = e^(7 / 50) / pace.e_before^(2 / 25) / 0.9
        pace.e_before = max(e, 1e-4)
        pace.h = h / clamp(q, 0.1, 5.0)
        return nothing
    end
    q = e^0.2 / 0.9 # the estimate is of order 4
    pace.since > 1 && (q = max(q, pace.h_before / h * (e^2 / pace.e_before)^0.2 / 0.9))
    pace.h_before, pace.e_before = h, max(1e-2, e)
    pace.h = h / clamp(q, pace.since == 1 ? 1e-4 : 1 / 6, 5.0)
    return nothing
end

const STIFF_STEPS, MILD_STEPS = 12, 4   # so many in a row make a system stiff, or mild again
const AT_LIMIT, WELL_WITHIN = 0.8, 0.5  # of the region of stability

# after an accepted step of size h
function change_method!(pace::Pace, m::March, h)
    if m.method == EXPLICIT
        if reach(m, h) > AT_LIMIT * REGION
            pace.at_limit += 1
            pace.mild = 0
        else
            pace.mild += 1
            pace.mild >= MILD_STEPS && (pace.at_limit = 0)
        end
        pace.at_limit >= STIFF_STEPS || return nothing
        m.method = IMPLICIT
        m.confined || prepare_implicit!(m)
    else
        pace.mild = h * largest_row(m.J) < WELL_WITHIN * REGION ? pace.mild + 1 : 0
        pace.mild >= 2MILD_STEPS || return nothing
        m.method = EXPLICIT
    end
    pace.at_limit = pace.mild = 0
    pace.changes += 1
    pace.h_before, pace.e_before = h, m.method == EXPLICIT ? 1e-4 : 1.0
    return nothing
end

# a bound of the eigenvalues
function largest_row(J::Mat)
    most = 0.0
    @inbounds for i in axes(J, 1)
        sum = 0.0
        for j in axes(J, 2)
            sum += abs(J[i, j])
        end
        most = max(most, sum)
    end
    return most
end

# from `f0`: Hairer's, as in OrdinaryDiffEqCore; 0 where the right-hand side is not finite
function first_step!(m::March, p, t0, span, tol)
    (; u, f0, f, stage, x) = m
    size(v) =
        sqrt(sum(i -> abs2(v[i] / (tol.abstol[i] + tol.reltol * abs(u[i]))), eachindex(v)) / length(v))
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

function error_norm(m::March, tol)
    sum = 0.0
    @inbounds @simd for i in eachindex(m.error)
        size = max(abs(m.u[i]), abs(m.next[i]))
        sum += abs2(m.error[i] / muladd(tol.reltol, size, tol.abstol[i]))
    end
    return sqrt(sum / length(m.error))
end

"A march to the last of `times`; `states` gets the columns that it reaches."
function march_through!(states, model::Model, way, u0, t0, times, p, tol::Tolerances)
    next = Ref(1 + count(<=(t0), times))
    states[:, 1:next[]-1] .= u0
    function keep(m, t, stop)
        while next[] <= length(times) && times[next[]] <= stop
            out = view(states, :, next[])
            x = (times[next[]] - t) / (stop - t)
            x < 1 ? inside!(out, m, x, stop - t) : copyto!(out, m.next)
            next[] += 1
        end
    end
    return march!(keep, March(model, way), u0, t0, times[end], p, tol)
end
