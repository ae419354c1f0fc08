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
# one each for all of E problems
each(x, n, E) = x isa AbstractMatrix ? Mat(x) : repeat(each(x, n), 1, E)

"What one march calls, and its memory."
mutable struct March
    rhs!::Rhs
    model::Model
    conditions::Union{Nothing,Conditions}
    way::Int
    confined::Bool  # to explicit steps
    derived::Bool   # whether derivatives of the steps may be asked for
    method::Int       # of the step that is tried, EXPLICIT or IMPLICIT
    live::Bool        # whether it follows the conditions
    shared::Bool      # whether its first slope is the last of the step before
    jump::Tuple{Int,Bool} # the event, or less the dose, that is kept as a step; whether another called for it
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
    mode::Vec   # a direction that the fastest mode grows in
    along::Vec
    beyond::Vec
    k::Mat      # states, stages
    J::Mat
    W::Mat
    pivots::Vector{BlasInt}
end

function March(model::Model, way; explicit = false, derived = true)
    n = model.states
    confined, method = explicit || !(model.f isa Odefunction), way == IMPLICIT ? IMPLICIT : EXPLICIT
    m = March(
        model.f.f, model, model.conditions, way, confined, derived, method, false, false, (0, false), nothing,
        (zeros(n) for _ in 1:12)..., zeros(n, STAGES), zeros(0, 0), zeros(0, 0), zeros(BlasInt, n),
    )
    way == IMPLICIT && prepare_implicit!(m)
    return m
end

# a march that never takes an implicit step has nothing to eliminate
function prepare_implicit!(m::March)
    n = m.model.states
    size(m.W, 1) == n && return nothing
    prepare_jacobian!(m)
    m.W, m.exact = zeros(n, n), elimination(m.model)
    return nothing
end

function prepare_jacobian!(m::March)
    n = m.model.states
    size(m.J, 1) == n || (m.J = zeros(n, n))
    return nothing
end

"""
    march!(keep, m, u0, t0, t1, p, tolerances, doses = NO_DOSES) -> (code, pace)

From t0 to t1; `keep(m, t, stop)` is called after each accepted step, from `m.u` at t to `m.next` at `stop`, and
for each jump as one of the method JUMP.
The code is a name in `CODES`, or `:NeedsImplicit` where a system without a dense Jacobian is stiff.
"""
function march!(keep::F, m::March, u0, t0, t1, p, tol::Tolerances, doses = NO_DOSES) where {F}
    copyto!(m.u, u0)
    live!(m.conditions, false)
    code, pace = go!(keep, m, t0, t1, p, tol, doses)
    live!(m.conditions, true)
    # late times, too, may leave no room for a first step
    failed = code == :Unstable || (code == :DtLessThanMin && !all(isfinite, m.f0))
    return failed && pace.accepted == 0 ? :InitialFailure : code, pace
end

function go!(keep::F, m::March, t0, t1, p, tol::Tolerances, doses) where {F}
    (; conditions) = m
    pace, t, e = Pace(), t0, 0.0
    stops = start!(m, t0, t1, p, tol, doses)
    next_stop = 1 + count(stop -> stop[1] <= t0, stops)
    if next_stop > 1
        at_start = view(stops, 1:next_stop-1)
        due!(m, at_start, 0, p, t0, 0.0)
        code = jump!(keep, m, pace, at_start, doses, p, t0)
        code == :Success || return code, pace
    end
    t1 > t0 || return :Success, pace
    # `fresh`: what a step starts from is to be computed; `restart`: the step size as well
    fresh, restart = true, true
    while true
        knot, parted = next_knot!(m, pace, t)
        (fresh || parted) && derivatives!(m, p, t)
        if restart
            begin_anew!(pace, m, first_step!(m, p, t, t1 - t, tol))
            look!(pace, m, p, t)
            pace.h = pace.h_before = begin_within_reach(pace)
            restart = false
        end
        fresh = false
        pace.accepted + pace.rejected < tol.maxiters || return :MaxIters, pace
        h = pace.h = as_told(t, min(pace.h, tol.dtmax))
        # nearer to a singularity than time can be told apart, steps may still be accepted
        t + h > t || return isfinite(e) ? :DtLessThanMin : :Unstable, pace
        target = min(next_stop <= length(stops) ? stops[next_stop][1] : t1, knot)
        # a sliver that is left over would cost a whole step
        arrives = target - t <= 1.01h
        arrives && (h = target - t)
        e = attempt!(m, p, t, h, tol)
        e <= 1 && (e = max(e, unseen!(m, p, t, h, tol)))
        if !(e <= 1)
            rejected!(pace, m, h, e)
            # frozen signs may lead a step out of the domain of a formula
            fresh = !isfinite(e) && follow!(m)
            continue
        end
        reached, which = crossed!(m, pace, p, t, h, tol)
        which == typemin(Int) && return :Chattering, pace
        if which < 0
            fresh = true
            continue
        end
        reached == h || ((h, arrives) = (reached, false))
        stop = arrives ? target : t + h
        keep(m, t, stop)
        pace.since += 1
        look!(pace, m, p, t)
        accepted!(pace, m, h, e)
        took = m.method
        m.way == SWITCHING && change_method!(pace, m, h)
        m.method != took && m.confined && return :NeedsImplicit, pace
        copyto!(m.u, m.next)
        t = stop
        m.shared = took == EXPLICIT && m.method == EXPLICIT
        m.live && stop_following!(m, pace, p, t)
        last_stop = next_stop
        while next_stop <= length(stops) && stops[next_stop][1] <= t
            next_stop += 1
        end
        here = view(stops, last_stop:next_stop-1)
        span = min(h, (next_stop <= length(stops) ? stops[next_stop][1] : t1) - t)
        restart, parted = t < t1 ? turn!(m, pace, here, p, t, span) : (false, false)
        turned = t < t1 && conditions !== nothing && turn_back!(conditions, pace.accepted, which, m.u, p, t)
        if t < t1 && 0 < which <= conditions.switches
            slides!(conditions, m.rhs!, pace.accepted, which, m.u, p, t) && return :Chattering, pace
            restart = true
        end
        if due!(m, here, which, p, t, h)
            code = jump!(keep, m, pace, here, doses, p, t)
            code == :Success || return code, pace
            restart = true
        end
        t >= t1 && return :Success, pace
        (restart || turned || parted) && (m.shared = false)
        fresh = !m.shared
        m.shared && share!(m)
    end
end

# the first slope and what it decides; the times at which steps have to end, with the condition or 0
function start!(m::March, t0, t1, p, tol, doses)
    stops = Tuple{Float64,Int}[(t, 0) for t in tol.tstops if t0 < t < t1]
    append!(stops, dose_stops(doses, t0, t1))
    m.conditions === nothing && return sort!(stops)
    live!(m.conditions, true)
    m.rhs!(m.f, m.u, p, t0)
    live!(m.conditions, false)
    initial_signs!(m.conditions, m.f, m.u, p, t0)
    together!(sort!(append!(stops, find_stops(m.conditions, m.u, p, t0, t1))))
    # up to the first change of another one
    start_signs!(m.conditions, m.u, p, t0, minimum((t for (t, _) in stops if t > t0); init = t1) - t0)
    return stops
end

# what differs by rounding alone becomes one time
function together!(stops)
    for i in 2:length(stops)
        stops[i][1] - stops[i-1][1] <= 1e-14 * abs(stops[i][1]) && (stops[i] = (stops[i-1][1], stops[i][2]))
    end
    return stops
end

# Whether a condition that reads the state changes in the step from t that was tried, and which, or 0: the step
# is then repeated up to there. (its size, condition); a negative one where the step is to be tried again.
function crossed!(m::March, pace, p, t, h, tol)
    (; conditions) = m
    conditions === nothing && return h, 0
    # while the right-hand side follows its switches by itself, events are still looked for
    begins = m.live ? conditions.switches + 1 : 1
    begins > length(conditions.signs) && return h, 0
    x, which = crossing!(conditions, Inside(m, h), m.u, p, t, h, begins)
    x == NEVER && return h, typemin(Int)
    if x < 0
        note!(conditions, pace.accepted, which, -2 - x, true)
        return h, -1
    end
    which == 0 && return h, which
    if x < 1 - 1e-14
        h = max(t + x * h, nextfloat(t)) - t
        attempt!(m, p, t, h, tol)
    end
    is_event(conditions, which) && (h = refine!(m, which, p, t, h, tol))
    return h, which
end

# whether the right-hand side jumps at the stops that were reached, and whether its derivatives do; conditions of
# time alone change
function turn!(m::March, pace, stops, p, t, span)
    turned = parted = false
    for (_, k) in stops
        (k <= 0 || is_event(m.conditions, k)) && continue
        knot, jumps = pass_knot!(m.conditions, pace.accepted, k)
        if knot
            turned, parted = turned || jumps, true
            continue
        end
        note!(m.conditions, pace.accepted, k, -m.conditions.signs[k], false)
        leave_zero!(m.conditions, pace.accepted, m.u, p, t, span)
        turned = true
    end
    return turned, parted
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

"A march to the last of `times`; `states` gets the columns that it reaches, `sizes` what all steps meet."
function march_through!(states, sizes, model::Model, way, u0, t0, times, p, tol::Tolerances, doses = NO_DOSES)
    next = Ref(1 + count(<=(t0), times))
    states[:, 1:next[]-1] .= u0
    function keep(m, t, stop)
        widen!(sizes, m.next)
        if m.method == JUMP
            # outputs at the time of a jump are those behind it
            for i in next[]-1:-1:1
                times[i] == t || break
                copyto!(view(states, :, i), m.next)
            end
            return nothing
        end
        while next[] <= length(times) && times[next[]] <= stop
            out = view(states, :, next[])
            x = (times[next[]] - t) / (stop - t)
            x < 1 ? inside!(out, m, x, stop - t) : copyto!(out, m.next)
            next[] += 1
        end
    end
    return march!(keep, March(model, way; derived = false), u0, t0, times[end], p, tol, doses)
end
