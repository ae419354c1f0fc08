# What a march leaves of its steps.

"""
    Steps()

What the accepted steps of a solve computed, one after the other in `k`: Tsit5's slopes (states, stages), or
Rodas5P's stages (stages, states), with the Jacobians of small systems in `J`.
"""
struct Steps
    k::Vec
    J::Vec
    method::Vector{Int}
    at::Vector{Int}         # k of a step begins behind here
    jacobian::Vector{Int}   # its Jacobian begins here, or 0
    shared::Vector{Bool}    # its first slope is the last of the step before
    live::Vector{Bool}      # it followed the conditions
    events::Vector{Event}
    signs::Vec              # of the conditions, behind the last step
    jumps::Vector{Tuple{Int,Bool}}  # of a step of no length: the event, or less the dose; whether another called for it
end

Steps() = Steps(Vec(), Vec(), Int[], Int[], Int[], Bool[], Bool[], Event[], Vec(), Tuple{Int,Bool}[])

Base.empty!(s::Steps) = (foreach(name -> empty!(getfield(s, name)), fieldnames(Steps)); s)

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

"""
    march_path!(steps, model, way, u0, t0, t1, p, tolerances, doses; explicit) -> Path

A [`march!`](@ref) from u0 at t0 to t1 that keeps its steps, in the place of those in `steps`. It stops with
`:NeedsImplicit` where it would change to Rodas5P and that cannot be: always so if `explicit`.
"""
function march_path!(steps::Steps, model::Model, way, u0, t0, t1, p, tol::Tolerances, doses = NO_DOSES; explicit = false)
    empty!(steps)
    ends, states = [t0], [u0]
    function keep(m, t, stop)
        push!(ends, stop)
        push!(states, copy(m.next))
        record!(steps, m)
    end
    name, pace = march!(keep, March(model, way; explicit), u0, t0, t1, p, tol, doses)
    if model.conditions !== nothing
        append!(steps.events, model.conditions.events)
        append!(steps.signs, model.conditions.signs)
    end
    return Path(ends, states, steps, name, tried(pace))
end

function record!(steps::Steps, m::March)
    n, at = length(m.u), length(steps.k)
    push!(steps.method, m.method)
    push!(steps.at, at)
    push!(steps.shared, m.shared && m.method != JUMP)
    push!(steps.live, m.live && m.method != JUMP)
    push!(steps.jumps, m.method == JUMP ? m.jump : (0, false))
    small = m.method == IMPLICIT && n <= SMALL
    push!(steps.jacobian, small ? length(steps.J) + 1 : 0)
    small && append!(steps.J, m.J)
    m.method == JUMP && return nothing
    if m.method == EXPLICIT
        resize!(steps.k, at + TSIT5_STAGES * n)
        copyto!(steps.k, at + 1, m.k, 1, TSIT5_STAGES * n)
    else
        resize!(steps.k, at + STAGES * n)
        @inbounds for i in 1:n, q in 1:STAGES
            steps.k[at+STAGES*(i-1)+q] = m.k[i, q]
        end
    end
    return nothing
end

# slopes (states, stages)
explicit_stages(s::Steps, m, n) = reshape(view(s.k, s.at[m]+1:s.at[m]+TSIT5_STAGES*n), n, TSIT5_STAGES)
# stages (stages, states)
implicit_stages(s::Steps, m, n) = reshape(view(s.k, s.at[m]+1:s.at[m]+STAGES*n), STAGES, n)

(path::Path)(t) = path(t, clamp(searchsortedlast(path.t, t), 1, length(path.t) - 1))

function (path::Path)(t, m)
    (; steps, u) = path
    h = path.t[m+1] - path.t[m]
    x = (t - path.t[m]) / h
    x < 1 || return u[m+1]
    n, out = length(u[m]), similar(u[m])
    if steps.method[m] == EXPLICIT
        within_explicit!(out, x, h, u[m], explicit_stages(steps, m, n))
    else
        within_step!(out, x, u[m], u[m+1], transpose(implicit_stages(steps, m, n)))
    end
    return out
end
