# Where a state becomes another at once: doses at known times, and the effects of events.
#
# An event is a condition with a direction and a function. Its sign is followed as that of a switch, but reads into
# no formula; where it passes zero in its direction the march lands, the state is set, all signs are settled anew,
# and the march begins again. Each jump is kept as a step of no length, of the method JUMP.

const JUMP = 4
const SAME = 1e-13     # of the time: events so near to each other are at one time
const MOST_JUMPS = 100 # at one time, or so near to each other
const NEVER = -9.0     # an event returns at once to where it has just acted

# `pending`: due now; called by a jump, for the next round; called, and due now
const DUE, CALLED, FOLLOWS = 1, 2, 3

"What is added to the state at a time."
struct Dose
    t::Float64
    add::Vec
end

const NO_DOSES = Dose[]

is_event(c::Conditions, k) = c.switches < k <= length(c.signs)
effect(c::Conditions, k) = c.effects[k-c.switches]
passes(c::Conditions, k, before) = effect(c, k).direction == 0 || effect(c, k).direction * before < 0

# of stops, those doses that are given at them stand first: as numbers below 0
dose_stops(doses, t0, t1) = Tuple{Float64,Int}[(d.t, -i) for (i, d) in enumerate(doses) if t0 <= d.t <= t1]

"Those zeros of an event of time alone that count, one at the end included."
function event_times(c::Conditions, k, g, zeros, t0, t1)
    before = sign(g(t0))
    before == 0 && (before = sign(g(t0 + 1e-9 * (t1 - t0))))
    found = Float64[]
    for t in zeros
        passes(c, k, before) && push!(found, t)
        before = -before
    end
    before != 0 && g(t1) == 0 && passes(c, k, before) && push!(found, t1)
    return found
end

"Whether jumps are due behind a step that ends at t; events that are get marked."
function due!(m, stops, which, p, t, h)
    c = m.conditions
    due = any(stop -> stop[2] < 0, stops)
    c === nothing && return due
    for (_, k) in stops
        is_event(c, k) || continue
        c.pending[k] = DUE
        due = true
    end
    c.switches == length(c.signs) && return due
    c.values!(c.other, m.u, p, t)
    for k in c.switches+1:length(c.signs)
        c.time_only[k] || (due |= follow_sign!(c, k, which))
    end
    due && mark_simultaneous!(m, which, p, t, h)
    return due
end

# the sign of event k behind a step; whether it acts
function follow_sign!(c::Conditions, k, which)
    if k == which
        c.signs[k] = c.now[k]
        c.pending[k] = DUE
        return true
    end
    g, before = c.other[k], c.signs[k]
    if before == 0
        c.signs[k] = sign(g)
    elseif g * before > 0
        c.armed[k] = 1
    elseif g * before < 0 && c.armed[k] == 1
        if passes(c, k, before)
            c.pending[k] = DUE
            return true
        end
        c.signs[k] = -before
    end
    return false
end

# events that would act at the next moment are due, too; into `near` what is as good as 0 now
function mark_simultaneous!(m, which, p, t, h)
    c = m.conditions
    m.rhs!(c.f, m.u, p, t)
    c.values!(c.other, m.u, p, t)
    for k in eachindex(c.signs)
        is_signal(c, k) && continue
        rate = rate!(c, k, c.f, m.u, p, t)
        c.near[k] = abs(rate) * SAME * max(abs(t), h)
        k == which && (c.near[k] = max(c.near[k], 2 * abs(c.other[k])))
        (is_event(c, k) && !c.time_only[k] && c.pending[k] == 0 && c.armed[k] == 1) || continue
        nears = 0 < c.other[k] * c.signs[k] <= c.near[k] && rate * c.signs[k] < 0
        nears && passes(c, k, c.signs[k]) && (c.pending[k] = DUE)
    end
    return nothing
end

"""
    jump!(keep, m, pace, stops, doses, p, t) -> Symbol

All that happens to the state at this time: doses, events in their order, and what these call for.
"""
function jump!(keep::F, m, pace, stops, doses, p, t) where {F}
    c = m.conditions
    for (_, k) in stops
        k < 0 || continue
        copyto!(m.next, m.u)
        m.next .+= doses[-k].add
        keep_jump!(keep, m, pace, k, false, p, t)
    end
    count = 0
    while c !== nothing
        k = next_event!(c)
        k == 0 && break
        count += 1
        count > MOST_JUMPS && return :Chattering
        act!(keep, m, pace, k, p, t)
    end
    all(isfinite, m.u) || return :Unstable
    if count > 0
        pace.close = t - pace.last_jump <= SAME * abs(t) ? pace.close + 1 : 0
        pace.last_jump = t
        pace.close > MOST_JUMPS && return :Chattering
    end
    return :Success
end

# first all that are due, in their order, then those that were called; 0 where there is none
function next_event!(c::Conditions)
    for _ in 1:2
        k = findfirst(in((DUE, FOLLOWS)), c.pending)
        k === nothing || return k
        replace!(c.pending, CALLED => FOLLOWS)
    end
    return 0
end

# the step of a jump from m.u to m.next; `what` is an event, or a dose as a number below 0
function keep_jump!(keep::F, m, pace, what, follows, p, t) where {F}
    took = m.method
    m.method, m.jump = JUMP, (what, follows)
    keep(m, t, t)
    m.method = took
    pace.accepted += 1
    pace.jumps += 1
    copyto!(m.u, m.next)
    m.conditions === nothing || settle_behind!(m, pace.accepted, what, p, t)
    return nothing
end

function act!(keep::F, m, pace, k, p, t) where {F}
    c, e = m.conditions, effect(m.conditions, k)
    follows = c.pending[k] == FOLLOWS
    if !follows && !c.time_only[k]
        c.values!(c.other, m.u, p, t)
        # where a jump at the same time has moved its zero, its time is that of the other
        follows = abs(c.other[k]) > c.near[k]
    end
    c.pending[k] = 0
    e.values!(e.y, m.u, p, t)
    copyto!(m.next, m.u)
    for (i, s) in pairs(e.states)
        m.next[s] = e.y[i]
    end
    keep_jump!(keep, m, pace, k, follows, p, t)
    return nothing
end

# the signs of all conditions behind a jump: of what is 0 there, that of its slope
function settle_behind!(m, step, own, p, t)
    c, on_zero = m.conditions, false
    c.values!(c.other, m.u, p, t)
    for k in eachindex(c.signs)
        (c.time_only[k] || is_signal(c, k)) && continue
        g = c.other[k]
        if abs(g) <= c.near[k]
            c.armed[k] = -2 # for the loop below
            on_zero = true
        elseif k <= c.switches
            sign(g) == c.signs[k] || note!(c, step, k, sign(g), true)
            c.armed[k] = 1
        else
            before = c.signs[k]
            c.signs[k], c.armed[k] = sign(g), 1
            called = before * g < 0 && k != own && c.pending[k] == 0
            called && passes(c, k, before) && (c.pending[k] = CALLED)
        end
    end
    on_zero || return nothing
    m.rhs!(c.f, m.u, p, t)
    for k in eachindex(c.signs)
        c.armed[k] == -2 || continue
        c.armed[k] = k <= c.switches ? 0 : -1
        moves = sign(rate!(c, k, c.f, m.u, p, t))
        moves == 0 && (moves = k == own ? -c.signs[k] : c.signs[k])
        k <= c.switches && moves != c.signs[k] ? note!(c, step, k, moves, true) : (c.signs[k] = moves)
    end
    return nothing
end

"""
Ends the step where condition k is 0 by the step itself, not by its dense output, and on its new side: one step of
Newton, then little more where rounding leaves it. The size of the step.
"""
function refine!(m, k, p, t, h, tol)
    c = m.conditions
    function changes(h)
        m.rhs!(c.f, m.next, p, t + h)
        rate = rate!(c, k, c.f, m.next, p, t + h)
        c.values!(c.g, m.next, p, t + h)
        return rate * c.now[k], c.g[k] * c.now[k]
    end
    rate, g = changes(h)
    near = h - g / rate
    if rate < 0 && 0.5h < near <= 1.5h && t + near > t
        h = near
        attempt!(m, p, t, h, tol)
    end
    more = 1.0
    for _ in 1:8
        rate, g = changes(h)
        (g >= 0 && rate < 0) || break
        h += more * max(-g / rate, nextfloat(t + h) - (t + h))
        attempt!(m, p, t, h, tol)
        more *= 4
    end
    return h
end
