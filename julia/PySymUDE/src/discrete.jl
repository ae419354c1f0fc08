# Gradients by going back through the steps of a march: the derivative of the numbers that were computed, at
# the step sizes that were taken, and of the times at which conditions change.

"Whether [`discrete!`](@ref) knows the steps of an algorithm and the model has what they need."
has_discrete(algorithm, model::Model) =
    marches(algorithm, model) && (model.curved || way(algorithm) != IMPLICIT)

"""
    discrete!(slopes, dtheta, loss, e, path, times, cotangents) -> Nothing

As [`adjoint!`](@ref), exactly: cotangents of the dense output at `times` are carried back through the
stages of each step. Steps are Tsit5's, or Rodas5P's, whose stages also read the Jacobian.
"""
function discrete!(slopes, dtheta, loss::Loss, e, path::Path, times, cotangents)
    (; model) = loss
    b = Back(model, loss.theta[1:model.learned], any(==(IMPLICIT), path.steps.method), size(loss.dose_t, 1))
    go_back!(b, path, times, cotangents)
    for (d, lambda) in enumerate(b.dosed)
        at = loss.dose_index[d, e]
        at == 0 || isempty(lambda) || (dtheta[at] += dot(view(loss.mix, :, loss.dose_state[d, e]), lambda))
    end
    for k in eachindex(b.lambda)
        slopes[k, e] += b.lambda[k]
    end
    for k in eachindex(b.gp)
        dtheta[k] += b.gp[k]
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

"The memory of a way back: cotangents of the state, of theta, and of the stages of one step."
struct Back
    model::Model
    pull::Pull
    p::Vec
    n::Int
    lambda::Vec
    gp::Vec
    first::Vec      # of the slope that the step behind took over
    K::Mat          # stages, states
    U::Mat
    u::Vec
    g::Vec
    w::Vec
    at_stage::Vec
    dT::Vec
    M::Mat
    J::Mat
    W::Mat
    pivots::Vector{BlasInt}
    dosed::Vector{Vec}  # lambda at each dose
end

function Back(model::Model, p, implicit::Bool, doses = 0)
    n = model.states
    square() = implicit ? zeros(n, n) : zeros(0, 0)
    return Back(
        model, model.pull, p, n, zeros(n), zeros(model.learned), zeros(n), zeros(STAGES, n),
        zeros(STAGES, implicit ? n : 0), (zeros(n) for _ in 1:5)..., square(), square(), square(),
        zeros(BlasInt, n), [Vec() for _ in 1:doses],
    )
end

"Cotangents of the states at `times` back to those of the start in `b.lambda` and of theta in `b.gp`."
function go_back!(b::Back, path::Path, times, cotangents)
    (; steps) = path
    (; conditions) = b.model
    i, event, moved = length(times), length(steps.events), 0.0
    conditions === nothing || (copyto!(conditions.signs, steps.signs); live!(conditions, false))
    for m in length(path.t)-1:-1:1
        if steps.method[m] == JUMP
            # outputs at the time of a jump are those behind it
            while i > 0 && times[i] >= path.t[m]
                add!(b.lambda, 1.0, cotangents[i])
                i -= 1
            end
            event, moved = back_jump!(b, path, m, steps.events, event, moved)
            continue
        end
        while event > 0 && steps.events[event].step == m
            jump_back!(b, steps.events[event], path.t[m+1], path.u[m+1])
            event -= 1
        end
        steps.live[m] && live!(conditions, true)
        back! = steps.method[m] == EXPLICIT ? back_explicit! : back_implicit!
        i = back!(b, path, m, times, cotangents, i)
        steps.live[m] && live!(conditions, false)
    end
    # those at the start, where they are not the caller's
    foreach(j -> add!(b.lambda, 1.0, cotangents[j]), i:-1:1)
    live!(conditions, true)
    return nothing
end

# A switch moves with what decides it: lambda (f- - f+) dt, where dt = -dg / (dg/dt along f-).
function jump_back!(b::Back, event::Event, t, u)
    (; model, p, lambda, gp) = b
    c, k = model.conditions, event.which
    if event.silent
        set_sign!(c, k, event.before)
        return nothing
    end
    before, after = b.g, b.w
    model.f.f(after, u, p, t)
    set_sign!(c, k, event.before)
    model.f.f(before, u, p, t)
    jump = sum(s -> lambda[s] * (before[s] - after[s]), eachindex(lambda))
    rate = rate!(c, k, before, u, p, t)
    (jump == 0 || rate == 0) && return nothing
    a = -jump / rate
    for s in eachindex(lambda)
        lambda[s] += a * c.gu[s]
    end
    add!(gp, a, c.gp)
    return nothing
end
