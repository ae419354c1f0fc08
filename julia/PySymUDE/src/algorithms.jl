# The solvers by name, and the packages that hold them. Two are loaded with PySymUDE; each of the others
# costs a part of a second, and is loaded when one of its solvers is first asked for.

using Base: PkgId, UUID

const TSIT5 = PkgId(OrdinaryDiffEqTsit5)
const ROSENBROCK = PkgId(OrdinaryDiffEqRosenbrock)
const VERNER = PkgId(UUID("79d7bb75-1356-48c1-b8c0-6832512096c2"), "OrdinaryDiffEqVerner")
const SDIRK = PkgId(UUID("2d112036-d095-4a1e-ab9a-08536f3ecdbf"), "OrdinaryDiffEqSDIRK")
const BDF = PkgId(UUID("6ad6398a-0878-4a85-9266-38940aa047c8"), "OrdinaryDiffEqBDF")
const FIRK = PkgId(UUID("5960d6e9-dd7a-4743-88e7-cf307b64f125"), "OrdinaryDiffEqFIRK")
const DEFAULT = PkgId(UUID("50262376-6c5a-4cf5-baba-aaf4f84d72d7"), "OrdinaryDiffEqDefault")
const SUNDIALS = PkgId(UUID("c3572dad-4567-51f8-b174-8c6c989267f4"), "Sundials")

explicit(T) = T()
# the reverse problem of an implicit solver has no time gradient of its own: differences serve there
implicit(T) = T(; autodiff = AutoFiniteDiff())

# Newton's method may keep a factorisation made for another step size, with the rate of convergence that it had
# for its own: a first iterate wrong by 1000 tolerances was then taken for the solution. So a new one for every
# step, which also needs a quarter of the iterations.
fresh(T) = T(; autodiff = AutoFiniteDiff(), fast_convergence_cutoff = 0)

# Smoothed, the estimates of these are 10 to 30 times too small where a system is not stiff.
function strict(T)
    newton = parentmodule(T).NLNewton(; fast_convergence_cutoff = 0)
    return T(; autodiff = AutoFiniteDiff(), smooth_est = false, nlsolve = newton)
end

switching(T) = T(implicit(Rosenbrock23))

"For each solver the package that holds it, and how it is made from its constructor."
const SOLVERS = Dict(
    "Tsit5" => (TSIT5, explicit),
    "AutoTsit5" => (TSIT5, switching),
    "Vern7" => (VERNER, explicit),
    "Vern9" => (VERNER, explicit),
    "Rosenbrock23" => (ROSENBROCK, implicit),
    "Rodas5P" => (ROSENBROCK, implicit),
    "KenCarp4" => (SDIRK, strict),
    "Kvaerno5" => (SDIRK, strict),
    "TRBDF2" => (SDIRK, strict),
    "RadauIIA5" => (FIRK, fresh),
    "FBDF" => (BDF, implicit),
    "QNDF" => (BDF, implicit),
    "CVODE_BDF" => (SUNDIALS, explicit),
    "DefaultODEAlgorithm" => (DEFAULT, implicit),
)

const ALGORITHMS = Dict{String,Any}()

"""
    algorithm(name) -> Any

The solver of that name, "auto" for [`Auto`](@ref); its package is loaded where it is not yet. What is done with a solver after
that is to be called by `invokelatest`: its methods are younger than the caller may be.
"""
algorithm(name) = get!(ALGORITHMS, String(name)) do
    name == "auto" && return AUTO
    haskey(SOLVERS, name) || throw(ArgumentError("algorithm $name is unknown"))
    id, make = SOLVERS[name]
    home = get(Base.loaded_modules, id, nothing)
    if home === nothing
        Base.locate_package(id) === nothing && throw(
            ArgumentError(
                "solver $name needs the Julia package $(id.name), which the project " *
                "$(Base.active_project()) lacks; run: using Pkg; Pkg.add(\"$(id.name)\")",
            ),
        )
        home = Base.require(id)
    end
    return Base.invokelatest(() -> make(getglobal(home, Symbol(name))))
end

"""
    stops(algorithm, times) -> Vector{Float64}

Where steps have to end: at all `times` for solvers that are worse between their steps than at them. Most of
these have nothing but a cubic there.
"""
function stops(algorithm, times)
    kind = typeof(algorithm)
    rough = algorithm isa Rosenbrock23 || nameof(kind) == :QNDF || nameof(parentmodule(kind)) in ROUGH
    return rough ? unique(Vec(times)) : Float64[]
end

const ROUGH = (:OrdinaryDiffEqSDIRK, :OrdinaryDiffEqFIRK)

# a reverse solve begins anew at every measurement, where multistep methods fall back to order one
const MULTISTEP = (:FBDF, :QNDF)

"The solver for the way back of a solve."
function reverse_algorithm(name)
    # "auto" comes here only where it was too stiff for Tsit5
    forward = algorithm(name == "auto" ? "Rodas5P" : name)
    # algorithms of other packages than OrdinaryDiffEq do not tell that they stopped early
    kept = forward isa OrdinaryDiffEqAlgorithm && !(nameof(typeof(forward)) in MULTISTEP)
    return kept ? forward : algorithm("Rodas5P")
end
