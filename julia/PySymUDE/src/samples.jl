# Sums of squares for which nothing is solved.

"""
    Samples(model, source, t, u, q, residual, point, expression, factor, target, ...) -> Samples

A sum of squares over expressions at given points, columns of `u` (states, points) and `q` (parameters,
points). Entry j adds `factor[j]` times expression `expression[j]` at point `point[j]` to residual
`residual[j]`, from which `target` is taken; evaluated as a [`Loss`](@ref) is.
"""
struct Samples
    model::Model
    observe::Rhs
    pull::Pull
    t::Vec
    u::Mat
    q::Mat
    residual::Vector{Int}
    point::Vector{Int}
    expression::Vector{Int}
    factor::Vec
    target::Vec
    scalings::Vec
    at::Layout
    theta::Vec
    out::Vec
end

function Samples(
    model, source, t, u, q, residual, point, expression, factor, target, scalings,
    size_of_theta::Integer,
)
    observe, pull = load_observation(model, source)
    at = Layout(0, 1, size_of_theta)
    return Samples(
        model, observe, pull, Vec(t), Mat(u), Mat(q), Vector{Int}(residual), Vector{Int}(point),
        Vector{Int}(expression), Vec(factor), Vec(target), Vec(scalings), at, zeros(size_of_theta),
        zeros(length(at)),
    )
end

evaluate!(s::Samples, gradient::Bool) = Base.invokelatest(evaluate_now!, s, gradient)

function evaluate_now!(s::Samples, gradient)
    (; model, out, theta, at) = s
    set_scalings!(model, s.scalings)
    p, total, nowhere = theta[1:model.learned], zero(theta), zeros(model.states)
    values = zeros(maximum(s.expression), length(s.t))
    y, u = zeros(size(values, 1)), zeros(model.states)
    r = -s.target
    for i in eachindex(s.t)
        copyto!(model.q, view(s.q, :, i))
        copyto!(u, view(s.u, :, i))
        s.observe(y, u, p, s.t[i])
        values[:, i] = y
    end
    for j in eachindex(s.factor)
        r[s.residual[j]] += s.factor[j] * values[s.expression[j], s.point[j]]
    end
    fill!(view(out, 1:last(at.codes)), 0.0)
    out[VALUE] = out[DATA] = sum(abs2, r)
    gradient || return nothing
    fill!(values, 0.0)
    for j in eachindex(s.factor)
        values[s.expression[j], s.point[j]] += 2 * r[s.residual[j]] * s.factor[j]
    end
    for i in eachindex(s.t)
        copyto!(model.q, view(s.q, :, i))
        copyto!(u, view(s.u, :, i))
        copyto!(y, view(values, :, i))
        s.pull(nowhere, total, y, u, p, s.t[i])
    end
    copyto!(view(out, at.gradient), total)
    not_finite!(out, at)
    return nothing
end
