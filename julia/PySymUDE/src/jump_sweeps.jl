# The way back and forward through jumps: what is set, and when, moves with what decides it.
#
# With u+ = g(u-, t) at the time where c(u-, t) = 0, that time moves by dt = -dc / (dc/dt along f-), and u+, seen
# at a fixed time, by dg/du (du- + f- dt) + dg/dt dt - f+ dt. A jump that another one at the same time called for
# moves with that one; doses stay where they are.

"""
Back through jump m: `b.lambda`, of the state behind it, becomes that of the state before. `moved` is the cotangent
of the time, of the jumps that this one called for; the result is that for the jump which called this one.
"""
function back_jump!(b, path, m, events, event, moved)
    (; model, p, lambda, gp) = b
    c, (what, follows), t = model.conditions, path.steps.jumps[m], path.t[m]
    if what > 0
        model.f.f(b.w, path.u[m+1], p, t)
        moved -= sum(s -> lambda[s] * b.w[s], eachindex(lambda))
    else
        b.dosed[-what] = copy(lambda)
    end
    while event > 0 && events[event].step == m
        set_sign!(c, events[event].which, events[event].before)
        event -= 1
    end
    what > 0 || return event, 0.0
    before, e = b.g, effect(c, what)
    model.f.f(before, path.u[m], p, t)
    moved += sum(s -> lambda[s] * before[s], eachindex(lambda))
    v = lambda[e.states]
    fill!(e.gu, 0.0)
    e.pull!(e.gu, gp, v, path.u[m], p, t)
    # v along f- and time
    moved += e.gu[end] + sum(s -> e.gu[s] * before[s], eachindex(lambda))
    for (i, s) in pairs(e.states)
        moved -= v[i] * before[s]
        lambda[s] = 0.0
    end
    for s in eachindex(lambda)
        lambda[s] += e.gu[s]
    end
    follows && return event, moved
    rate = rate!(c, what, before, path.u[m], p, t)
    if moved != 0 && rate != 0
        a = -moved / rate
        for s in eachindex(lambda)
            lambda[s] += a * c.gu[s]
        end
        add!(gp, a, c.gp)
    end
    return event, 0.0
end

"As [`back_jump!`](@ref), for tangents; `a.dt` are those of the time of the jump before."
function ahead_jump!(a, path, m, events, event)
    (; model, p, D) = a
    c, (what, follows), t, u = model.conditions, path.steps.jumps[m], path.t[m], path.u[m]
    before, new = a.unit, copy(D)
    if what > 0
        model.f.f(before, u, p, t)
        follows || time_tangents!(a, what, before, u, t)
        effect_tangents!(new, a, effect(c, what), before, u, t)
    else
        fill!(a.dt, 0.0)
        r = findfirst(==(-what), a.places)
        r === nothing || (new[:, end-length(a.places)+r] .+= a.adds[-what])
    end
    while event <= length(events) && events[event].step == m
        set_sign!(c, events[event].which, events[event].after)
        event += 1
    end
    if any(!=(0), a.dt)
        model.f.f(a.column, path.u[m+1], p, t)
        for j in axes(new, 2)
            new[:, j] .-= a.column .* a.dt[j]
        end
    end
    copyto!(D, new)
    return event
end

function time_tangents!(a, k, before, u, t)
    c, n = a.model.conditions, length(u)
    rate = rate!(c, k, before, u, a.p, t)
    for j in axes(a.D, 2)
        moved = sum(i -> c.gu[i] * a.D[i, j], 1:n) + own(c.gp, j, n)
        a.dt[j] = rate == 0 ? 0.0 : -moved / rate
    end
    return nothing
end

function effect_tangents!(new, a, e::Effect, before, u, t)
    n, v = length(u), zeros(length(e.states))
    for j in axes(new, 2)
        new[:, j] .+= before .* a.dt[j]
    end
    rows = zeros(length(v), size(new, 2))
    for i in eachindex(v)
        fill!(v, 0.0)
        fill!(e.gu, 0.0)
        fill!(a.gp, 0.0)
        v[i] = 1.0
        e.pull!(e.gu, a.gp, v, u, a.p, t)
        for j in axes(new, 2)
            rows[i, j] = sum(k -> e.gu[k] * new[k, j], 1:n) + e.gu[end] * a.dt[j] + own(a.gp, j, n)
        end
    end
    new[e.states, :] .= rows
    return nothing
end

# of column j of tangents by n starts, theta and doses: the entry of theta's part
own(gp, j, n) = n < j <= n + length(gp) ? gp[j-n] : 0.0
