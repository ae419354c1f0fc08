# For callers who bring solvers of their own, or take the system to them.

"""
    problem(source, u0, tspan, theta, q, scalings) -> ODEProblem

The initial value problem of a system's `source` with exact `jac` and `tgrad`, for any `solve`; its `p` is
theta. It shares no memory with other problems or models. Its function writes into memory of its own:
one problem, and all that `remake` makes of it, serve one thread.
"""
function problem(source, u0, tspan, theta, q, scalings)
    model = load_model(source)
    copyto!(model.q, q)
    set_scalings!(model, scalings)
    t0, t1 = tspan
    return ODEProblem(model.f, Vec(u0), (Float64(t0), Float64(t1)), Vec(theta))
end

"""
    objection(x) -> String

Why `x` cannot serve as a solver, or an empty string.
"""
objection(x) = "is a $(typeof(x)) of Julia; give an algorithm such as ode.Tsit5()"
objection(T::Type{<:SciMLBase.AbstractODEAlgorithm}) =
    "is the type $(nameof(T)) of Julia; call it: $(nameof(T))()"
objection(algorithm::SciMLBase.AbstractODEAlgorithm) =
    SciMLBase.isadaptive(algorithm) ? "" :
    "$(describe(algorithm)) has a fixed step, which no tolerance governs; take an adaptive one"

"""
    adopt!(algorithm) -> String

The name by which `ALGORITHMS` knows an algorithm from now on: one name for equal ones.
"""
function adopt!(algorithm)
    made, name = without_duals(algorithm), describe(algorithm)
    known, count = name, 1
    while haskey(ALGORITHMS, known) && ALGORITHMS[known] !== made
        count += 1
        known = "$name #$count"
    end
    ALGORITHMS[known] = made
    return known
end

# Models compute in Float64 alone, and bring their Jacobians: differences serve for what is left. Without
# this the reverse problem of a Rosenbrock method looks for its time gradient with dual numbers, and fails.
without_duals(a::CompositeAlgorithm) =
    CompositeAlgorithm(map(without_duals, a.algs), a.choice_function)
without_duals(a) =
    hasproperty(a, :autodiff) ? SciMLBase.remake(a; autodiff = AutoFiniteDiff()) : a

"An algorithm's name, and the settings that are not its usual ones: `Rodas5P()`."
describe(a::CompositeAlgorithm) = "CompositeAlgorithm($(join(map(describe, a.algs), ", ")))"
function describe(algorithm)
    T = typeof(algorithm)
    usual = try
        T.name.wrapper()
    catch
        nothing # an algorithm that cannot do without settings
    end
    settings = [
        "$name=$(setting(getfield(algorithm, name)))" for name in fieldnames(T) if
        !(usual isa T.name.wrapper && getfield(usual, name) === getfield(algorithm, name))
    ]
    # settings may stand in the type alone
    name = isempty(settings) && typeof(usual) !== T ? string(T) : string(nameof(T))
    return "$name($(join(settings, ", ")))"
end

setting(x::Union{Nothing,Bool,Number,Symbol,Val}) = repr(x)
setting(x::Union{Function,Type}) = string(nameof(x))
setting(x) = string(nameof(typeof(x)))
