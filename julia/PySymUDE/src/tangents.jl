# Gradients by going forward through the steps of a march, with the derivatives of the states by the start and
# by theta: those of the numbers that were computed, as on the way back.

"Whether [`forward!`](@ref) can follow the steps of an algorithm."
has_forward(algorithm, model::Model) = has_discrete(algorithm, model) && model.f isa Odefunction

"""
The memory of a way forward: tangents of the state (states; starts, theta and learned doses), and of the stages of
one step. `places` are the numbers of these doses, `adds` what a unit of each dose adds.
"""
struct Ahead
    model::Model
    p::Vec
    D::Mat
    inside::Mat         # at one time, and at one stage
    dk::Vector{Mat}
    J::Mat
    W::Mat
    pivots::Vector{BlasInt}
    u::Vec
    unit::Vec
    gu::Vec
    gp::Vec
    column::Vec
    M::Mat
    drift::Mat          # tangents of df/dt
    dt::Vec             # of the time of the last jump
    places::Vector{Int}
    adds::Vector{Vec}
end

function Ahead(model::Model, p, places = Int[], adds = Vec[])
    n, P = model.states, model.states + model.learned + length(places)
    D = zeros(n, P)
    foreach(i -> D[i, i] = 1.0, 1:n)
    return Ahead(
        model, p, D, zeros(n, P), [zeros(n, P) for _ in 1:STAGES], zeros(n, n), zeros(n, n),
        zeros(BlasInt, n), zeros(n), zeros(n), zeros(n), zeros(model.learned), zeros(n), zeros(n, n),
        zeros(n, P), zeros(P), places, adds,
    )
end

"""
    follow_path!(slopes, dtheta, loss, e, path, times, cotangents) -> Nothing

As [`discrete!`](@ref), by tangents that are carried along.
"""
function follow_path!(slopes, dtheta, loss::Loss, e, path::Path, times, cotangents)
    return follow!((slopes, dtheta, e, learned_doses(loss, e)), loss, e, path, times, cotangents)
end

"The places in theta of the doses of experiment e that are learned."
learned_doses(loss::Loss, e) = filter(!=(0), loss.dose_index[:, e])

# `contract!` is told of the tangents at each time
function follow!(into, loss::Loss, e, path::Path, times, cotangents)
    (; model) = loss
    (; conditions) = model
    (; steps) = path
    index, state = view(loss.dose_index, :, e), view(loss.dose_state, :, e)
    places, adds = findall(!=(0), index), [s > 0 ? loss.mix[:, s] : Vec() for s in state]
    a, i, event = Ahead(model, loss.theta[1:model.learned], places, adds), 1, 1
    if conditions !== nothing
        copyto!(conditions.signs, steps.signs)
        foreach(event -> conditions.signs[event.which] = event.before, Iterators.reverse(steps.events))
        live!(conditions, false)
    end
    for m in 0:length(path.t)-1
        if m > 0 && steps.method[m] == JUMP
            event = ahead_jump!(a, path, m, steps.events, event)
            i = ahead_end!(a, path, m, into, times, cotangents, i)
            continue
        elseif m > 0
            steps.live[m] && live!(conditions, true)
            ahead! = steps.method[m] == EXPLICIT ? ahead_explicit! : ahead_implicit!
            i = ahead!(a, path, m, into, times, cotangents, i)
            steps.live[m] && live!(conditions, false)
        end
        while event <= length(steps.events) && steps.events[event].step == m
            jump_ahead!(a, steps.events[event], path.t[m+1], path.u[m+1])
            event += 1
        end
    end
    live!(conditions, true)
    return nothing
end

# what a cotangent means where the state has these tangents
function contract!((slopes, dtheta, e, doses), tangents::Mat, cotangent)
    n, learned = size(tangents, 1), size(tangents, 2) - size(tangents, 1) - length(doses)
    @inbounds for j in axes(tangents, 2)
        sum = 0.0
        for i in 1:n
            sum += cotangent[i] * tangents[i, j]
        end
        if j <= n
            slopes[j, e] += sum
        else
            dtheta[j <= n + learned ? j - n : doses[j-n-learned]] += sum
        end
    end
    return nothing
end

# out = J(u) in + df/dtheta: the tangents of a slope, from those of the state
function slope_tangents!(out::Mat, a::Ahead, tangents::Mat, u, t)
    (; model, p, unit, gu, gp) = a
    n = model.states
    for i in 1:n
        fill!(unit, 0.0)
        fill!(gu, 0.0)
        fill!(gp, 0.0)
        unit[i] = 1.0
        # both at once, and finite at edges where formulas for the Jacobian are not
        model.pull(gu, gp, unit, u, p, t)
        for j in axes(out, 2)
            sum = own(gp, j, n)
            for k in 1:n
                sum += gu[k] * tangents[k, j]
            end
            out[i, j] = sum
        end
    end
    return nothing
end

function ahead_explicit!(a::Ahead, path, m, into, times, cotangents, i)
    (; A, c) = TSIT5_TABLEAU
    (; D, inside, dk) = a
    t, h, u0, k = path.t[m], path.t[m+1] - path.t[m], path.u[m], explicit_stages(path.steps, m, length(a.u))
    for q in 1:TSIT5_STAGES
        copyto!(inside, D)
        copyto!(a.u, u0)
        for r in 1:q-1
            inside .+= (h * A[q, r]) .* dk[r]
            a.u .+= (h * A[q, r]) .* view(k, :, r)
        end
        slope_tangents!(dk[q], a, inside, a.u, t + c[q] * h)
    end
    while i <= length(times) && times[i] < path.t[m+1]
        weights = tsit5_weights((times[i] - t) / h)
        copyto!(inside, D)
        for q in 1:TSIT5_STAGES
            inside .+= (h * weights[q]) .* dk[q]
        end
        contract!(into, inside, cotangents[i])
        i += 1
    end
    for q in 1:TSIT5_STAGES-1
        D .+= (h * A[7, q]) .* dk[q]
    end
    return ahead_end!(a, path, m, into, times, cotangents, i)
end

function ahead_end!(a::Ahead, path, m, into, times, cotangents, i)
    # outputs at the time of a jump are those behind it
    m < length(path.steps.method) && path.steps.method[m+1] == JUMP && return i
    while i <= length(times) && times[i] <= path.t[m+1]
        contract!(into, a.D, cotangents[i])
        i += 1
    end
    return i
end

function ahead_implicit!(a::Ahead, path, m, into, times, cotangents, i)
    (; A, At, Ct, c, d, H, gamma) = RODAS5P_TABLEAU
    weights = RODAS5P_TABLEAU.b
    (; model, p, D, inside, dk, J, W, pivots, column) = a
    t, h, u0 = path.t[m], path.t[m+1] - path.t[m], path.u[m]
    k = implicit_stages(path.steps, m, length(a.u))
    model.f.jac(J, u0, p, t)
    shifted!(W, 1 / (h * gamma), J)
    factors!(W, pivots)
    drift_tangents!(a, u0, t)
    for q in 1:STAGES
        copyto!(inside, D)
        copyto!(a.u, u0)
        for r in 1:q-1
            inside .+= A[q, r] .* dk[r]
            a.u .+= A[q, r] .* view(k, r, :)
        end
        slope_tangents!(dk[q], a, inside, a.u, t + c[q] * h)
        dk[q] .+= (h * d[q]) .* a.drift
        for r in 1:q-1
            dk[q] .+= (Ct[r, q] / h) .* dk[r]
        end
        add_curvature!(dk[q], a, view(k, q, :), u0, t)
        for j in axes(D, 2)
            copyto!(column, view(dk[q], :, j))
            solve_factored!(column, W, pivots)
            copyto!(view(dk[q], :, j), column)
        end
    end
    copyto!(inside, D)
    for q in 1:STAGES
        D .+= weights[q] .* dk[q]
    end
    before = copy(inside)
    while i <= length(times) && times[i] < path.t[m+1]
        x = (times[i] - t) / h
        inside .= (1 - x) .* before .+ x .* D
        for q in 1:STAGES
            inside .+= (x * (1 - x) * evalpoly(x, (H[1, q], H[2, q], H[3, q]))) .* dk[q]
        end
        contract!(into, inside, cotangents[i])
        i += 1
    end
    return ahead_end!(a, path, m, into, times, cotangents, i)
end

function drift_tangents!(a::Ahead, u, t)
    (; model, unit, drift) = a
    for i in 1:model.states
        fill!(unit, 0.0)
        unit[i] = 1.0
        moved!(a, drift, i, () -> model.tgrad_pull(a.gu, a.gp, unit, u, a.p, t))
    end
    return nothing
end

# out += tangents of J(u) k, k held
function add_curvature!(out::Mat, a::Ahead, k, u, t)
    (; model, M) = a
    row = zeros(1, size(out, 2))
    for i in 1:model.states
        fill!(M, 0.0)
        M[i, :] .= k
        moved!(a, row, 1, () -> model.jac_pull(a.gu, a.gp, M, u, a.p, t))
        out[i, :] .+= view(row, 1, :)
    end
    return nothing
end

# the tangents of a number, into a row of `out`; `pull()` adds its slopes to `gu` and `gp`
function moved!(a::Ahead, out::Mat, row, pull)
    n = length(a.gu)
    fill!(a.gu, 0.0)
    fill!(a.gp, 0.0)
    pull()
    for j in axes(a.D, 2)
        out[row, j] = sum(i -> a.gu[i] * a.D[i, j], 1:n) + own(a.gp, j, n)
    end
    return nothing
end

# as `jump_back!`
function jump_ahead!(a::Ahead, event::Event, t, u)
    (; model, p, D) = a
    c, k, n = model.conditions, event.which, length(u)
    if !event.silent
        before, after = a.unit, a.column
        model.f.f(before, u, p, t)
        set_sign!(c, k, event.after)
        model.f.f(after, u, p, t)
        set_sign!(c, k, event.before)
        rate = rate!(c, k, before, u, p, t)
        for j in axes(D, 2)
            moved = sum(i -> c.gu[i] * D[i, j], 1:n) + own(c.gp, j, n)
            rate == 0 || (D[:, j] .-= (before .- after) .* (moved / rate))
        end
    end
    set_sign!(c, k, event.after)
    return nothing
end
