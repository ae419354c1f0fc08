# What decides between the formulas of a right-hand side: its conditions, their signs, and when they change.
#
# During a step the sign of each condition is what it was at the start of the step, so that the step sees a
# smooth right-hand side; the step ends where a condition changes, and the next begins with the other sign.

"A sign that changed: behind which accepted step, of which condition; `silent` where nothing moves with it."
struct Event
    step::Int
    which::Int
    before::Float64
    after::Float64
    silent::Bool
end

"""
    SignalUse

A condition that is the argument of a signal: what stands for its sign is the piece on which the signal is. `at`
is the place in `q` of the table's address, 0 for a condition that is none. `affine`: the argument is of degree 1
in time; `jumps`: the right-hand side jumps from piece to piece; `each`: steps end at all points.
"""
struct SignalUse
    at::Int
    affine::Bool
    jumps::Bool
    each::Bool
end

"""
    Effect

What an event does where its condition passes zero, rising (direction 1), falling (-1) or both ways (0): `states`
become `values!`. `pull!` is that of these, the last of its `gu` the cotangent of time.
"""
struct Effect
    direction::Int
    states::Vector{Int}
    values!::Rhs
    pull!::Pull
    y::Vec
    gu::Vec
end

"""
    Conditions

The functions whose signs a model reads from the end of its `q`. While `live` the signs follow the
conditions wherever the model is called; otherwise they stay as [`set_sign!`](@ref) left them.
"""
struct Conditions
    values!::Rhs                # (g, u, p, t)
    pull!::Pull                 # (gu, gp, v, u, p, t); the last of gu is the cotangent of time
    time_only::Vector{Bool}     # those that read no state
    q::Vec
    first::Int                  # q[first + k] is the sign of condition k as the model reads it
    live::Base.RefValue{Bool}
    signs::Vec
    armed::Vector{Int}          # whether seen on its side since it changed; -1: not since its event acted
    events::Vector{Event}
    g::Vec
    other::Vec                  # g again, while g is looked at
    seed::Vec
    gu::Vec
    gp::Vec
    f::Vec
    state::Vec
    uses::Vector{SignalUse}
    through::Matrix{Int}        # (4, K) of signals through whose points steps run, see forcing.jl
    line::Mat                   # (2, K): the rate and the shift of their arguments
    switches::Int               # the conditions behind these are those of `effects`
    effects::Vector{Effect}
    now::Vec                    # the signs at a point inside a step; those of events may change there and back
    past::Mat                   # (2, K): conditions at the two points before that, times these signs
    near::Vec                   # how large a condition is that is as good as 0
    pending::Vector{Int}        # whether an event is to act
end

const NO_USE = SignalUse(0, false, false, false)
is_signal(c::Conditions, k) = c.uses[k].at > 0
table(c::Conditions, k) = c.q[c.uses[k].at]

function Conditions(
    values!, pull!, time_only, q, states, learned, uses = fill(NO_USE, length(time_only)), effects = Effect[],
)
    K = length(time_only)
    return Conditions(
        values!, pull!, Vector{Bool}(time_only), q, length(q) - K, Ref(true), zeros(K), ones(Int, K), Event[],
        zeros(K), zeros(K), zeros(K), zeros(states + 1), zeros(learned), zeros(states), zeros(states),
        uses, zeros(Int, 4, K), zeros(2, K), K - length(effects), effects, zeros(K), zeros(2, K), zeros(K),
        zeros(Int, K),
    )
end

# before each call of a model
refresh!(::Nothing, u, p, t) = nothing
function refresh!(c::Conditions, u, p, t)
    c.live[] || return nothing
    c.values!(c.g, u, p, t)
    @inbounds for k in eachindex(c.g)
        c.q[c.first+k] = is_signal(c, k) ? Operations.LIVE : sign(c.g[k])
    end
    return nothing
end

live!(::Nothing, live) = nothing
function live!(c::Conditions, live)
    c.live[] = live
    live || copyto!(c.q, c.first + 1, c.signs, 1, length(c.signs))
    return nothing
end

is_live(::Nothing) = false
is_live(c::Conditions) = c.live[]

function set_sign!(c::Conditions, k, sign)
    c.signs[k] = sign
    c.live[] || (c.q[c.first+k] = sign)
    return nothing
end

# condition k has another sign behind accepted step `step`
function note!(c::Conditions, step, k, sign, silent)
    push!(c.events, Event(step, k, c.signs[k], sign, silent))
    set_sign!(c, k, sign)
    return nothing
end

"How fast condition k changes where the state moves by f a unit of time; leaves its slopes in `gu` and `gp`."
function rate!(c::Conditions, k, f, u, p, t)
    fill!(c.seed, 0.0)
    c.seed[k] = 1.0
    slopes!(c, u, p, t)
    return c.gu[end] + sum(i -> c.gu[i] * f[i], eachindex(f))
end

# what `c.seed` means for the state, time and theta
function slopes!(c::Conditions, u, p, t)
    fill!(c.gu, 0.0)
    fill!(c.gp, 0.0)
    c.pull!(c.gu, c.gp, c.seed, u, p, t)
    return nothing
end

"The signs at a start where the slope is f; of a condition that is 0 there, that of its slope."
function initial_signs!(c::Conditions, f, u, p, t)
    empty!(c.events)
    fill!(c.armed, 1)
    fill!(c.pending, 0)
    c.values!(c.other, u, p, t)
    for k in eachindex(c.signs)
        g = c.other[k]
        if is_signal(c, k)
            c.through[1, k] = 0
            set_sign!(c, k, start_piece(table(c, k), g, rate!(c, k, f, u, p, t)))
            continue
        end
        set_sign!(c, k, g == 0 ? sign(rate!(c, k, f, u, p, t)) : sign(g))
        g == 0 && k > c.switches && (c.armed[k] = 0)
    end
    return nothing
end

"The signs as they are at a state, behind a step during which they were live."
function settle!(c::Conditions, step, u, p, t)
    c.values!(c.other, u, p, t)
    for k in 1:c.switches
        is_signal(c, k) && continue
        now = sign(c.other[k])
        now == 0 || now == c.signs[k] || note!(c, step, k, now, true)
        c.armed[k] = 1
    end
    return nothing
end

"Whether both sides of condition k, which was reached at t, lead back to it; its sign is changed."
function slides!(c::Conditions, rhs!, step, k, u, p, t)
    rhs!(c.f, u, p, t)
    before = rate!(c, k, c.f, u, p, t)
    note!(c, step, k, -c.signs[k], false)
    c.armed[k] = 0
    rhs!(c.f, u, p, t)
    after = rate!(c, k, c.f, u, p, t)
    return before * c.signs[k] > 0 && after * c.signs[k] < 0
end

"""
The sign that condition k, of time alone, has behind t where it is 0; 0 where it rests there for long.

A zero of a high order is one of all numbers near to it: looked at are times further and further behind.
"""
function sign_behind!(c::Conditions, k, u, p, t, span)
    for power in -9:-2
        c.values!(c.other, u, p, t + 10.0^power * span)
        c.other[k] == 0 || return sign(c.other[k])
    end
    return 0.0
end

is_at_rest(c::Conditions, k) = c.time_only[k] && !is_signal(c, k) && c.signs[k] == 0

"The signs of conditions of time alone that are 0 at the start, and so is their slope."
function start_signs!(c::Conditions, u, p, t, span)
    for k in 1:c.switches
        is_at_rest(c, k) && set_sign!(c, k, sign_behind!(c, k, u, p, t, span))
    end
    return nothing
end

"Conditions of time alone that were 0 so far have a sign where another one switches them on."
function leave_zero!(c::Conditions, step, u, p, t, span)
    for k in 1:c.switches
        is_at_rest(c, k) || continue
        now = sign_behind!(c, k, u, p, t, span)
        now == 0 || note!(c, step, k, now, true)
    end
    return nothing
end

"Whether a condition that had changed, other than `landed`, was back on its old side before it was seen on the new."
function turn_back!(c::Conditions, step, landed, u, p, t)
    turned = false
    for k in 1:c.switches
        (c.armed[k] != 0 || k == landed) && continue
        c.values!(c.other, u, p, t)
        c.other[k] * c.signs[k] < 0 || continue
        note!(c, step, k, -c.signs[k], true)
        c.armed[k], turned = 1, true
    end
    return turned
end
