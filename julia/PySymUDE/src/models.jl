# The functions of a system behind types that do not depend on the system.

const Vec, Mat = Vector{Float64}, Matrix{Float64}
const Field4 = FunctionWrapper{Nothing,Tuple{Vec,Vec,Vec,Float64}}
const Field5 = FunctionWrapper{Nothing,Tuple{Vec,Vec,Vec,Vec,Float64}}
const Field6 = FunctionWrapper{Nothing,Tuple{Vec,Vec,Vec,Vec,Vec,Float64}}
const MatrixField = FunctionWrapper{Nothing,Tuple{Mat,Vec,Vec,Float64}}
const MatrixPullField = FunctionWrapper{Nothing,Tuple{Vec,Vec,Mat,Vec,Vec,Float64}}

# A wrapper would copy arguments of other types and lose what is written into them. Solvers hand over
# plain vectors but for a few views; those go through a copy that is written back.
plain(x::Vec) = x
plain(x::AbstractVector{Float64}) = collect(x)
give_back!(to::A, from::A) where {A} = nothing
give_back!(to, from) = (copyto!(to, from); nothing)

struct Rhs
    f::Field4
end
struct Jac
    f::MatrixField
end
struct Vjp
    f::Field5
end
struct Pull
    f::Field6
end
struct MatrixPull
    f::MatrixPullField
end

(r::Rhs)(du::Vec, u::Vec, p::Vec, t::Float64) = r.f(du, u, p, t)
function (r::Rhs)(du, u, p, t)
    out = plain(du)
    r.f(out, plain(u), p, t)
    give_back!(du, out)
end
(r::Jac)(J::Mat, u::Vec, p::Vec, t::Float64) = r.f(J, u, p, t)
function (r::Jac)(J, u, p, t)
    out = J isa Mat ? J : collect(J)
    r.f(out, plain(u), p, t)
    give_back!(J, out)
end
(r::Vjp)(g::Vec, v::Vec, u::Vec, p::Vec, t::Float64) = r.f(g, v, u, p, t)
function (r::Vjp)(g, v, u, p, t)
    out = plain(g)
    r.f(out, plain(v), plain(u), p, t)
    give_back!(g, out)
end

(r::Pull)(gu::Vec, gp::Vec, v::Vec, u::Vec, p::Vec, t::Float64) = r.f(gu, gp, v, u, p, t)
(r::MatrixPull)(gu::Vec, gp::Vec, M::Mat, u::Vec, p::Vec, t::Float64) = r.f(gu, gp, M, u, p, t)

const Odefunction = typeof(
    ODEFunction{true,SciMLBase.FullSpecialize}(
        Rhs(Field4((du, u, p, t) -> nothing));
        jac = Jac(MatrixField((J, u, p, t) -> nothing)),
        tgrad = Rhs(Field4((dT, u, p, t) -> nothing)),
        vjp = Vjp(Field5((g, v, u, p, t) -> nothing)),
        vjp_p = Vjp(Field5((g, v, u, p, t) -> nothing)),
    ),
)

include("sparse.jl")
include("linear.jl")
include("conditions.jl")
include("crossings.jl")
include("jumps.jl")
include("stops.jl")
include("knots.jl")

"""
    Model

A system ready to be solved: `f` is an `ODEFunction` with `jac`, `tgrad`, `vjp` and `vjp_p`; `q` holds
the parameters that are not learned, and is read by all of them. `pull`, `jac_pull` and `tgrad_pull` add to
the cotangents of u and p what those of the right-hand side, of its Jacobian and of its time gradient mean;
the latter two only where `curved`. One model serves one thread.
"""
struct Model
    states::Int
    learned::Int                   # the leading part of theta that the system reads
    q::Vec
    f::Union{Odefunction,SparseOdefunction}
    pull::Pull
    curved::Bool
    jac_pull::MatrixPull
    tgrad_pull::Pull
    networks::Vector{MLP}
    place::Module                  # what it was made from
    exact::Base.RefValue{Union{Missing,Nothing,Elimination}}
    conditions::Union{Nothing,Conditions}
end

"""
    load_model(source) -> Model

The model of source text, or of a module, that defines

- `rhs!(du, u, p, t, q, c)`, `jac!(J, ...)`, `tgrad!(dT, ...)`, `vjp!(g, v, u, ...)`, `vjp_p!(g, v, u, ...)`,
  all returning `nothing`: p is theta, q the fixed parameters, `c[i]` the
  [`Call`](@ref) of the i-th use of a network;
- perhaps `rhs_pull!(gu, gp, v, u, ...)`, `jac_pull!(gu, gp, M, u, ...)`, `tgrad_pull!(gu, gp, v, u, ...)`;
- `SIZES = (states, learned, parameters)`: the lengths of u, p and q;
- for a large system `PATTERN = (starts, rows)`, compressed columns of its Jacobian: `jac!` then fills the
  vector of its entries; and `SCRATCH`, the length of a vector that is handed over as `c[end]`;
- for a small system many of whose derivatives are 0 `ENTRIES`, the linear positions of the others in J;
- where formulas change with the sign of conditions `TIME_ONLY = Bool[...]`, which of them read no state;
  `conditions!(g, u, ...)` and `conditions_pull!(gu, gp, v, u, ...)`, in whose `gu` time stands last; the
  functions above then read the sign of condition k from `q[parameters + k]`; and `SIGNALS`, of each condition
  the fields of a [`SignalUse`](@ref); and `EVENTS`, of each event, whose conditions stand last, its direction and
  the states that it sets, to what `effect_1!(y, u, ...)` says, with `effect_1_pull!(gu, gp, v, u, ...)`;
- `NETWORKS`: a vector of `(widths, activation, offset)`; `USES`: for each `c[i]` its network's position.
"""
function load_model(source)
    place = load_source(source)
    get(name) = Base.invokelatest(getglobal, place, name)
    states, learned, parameters = get(:SIZES)
    networks = MLP[MLP(w, activation, offset) for (w, activation, offset) in get(:NETWORKS)]
    time_only = has(place, :TIME_ONLY) ? get(:TIME_ONLY) : Bool[]
    q, c = zeros(parameters + length(time_only)), memory(networks, place)
    conditions = load_conditions(place, time_only, states, learned, q, c)
    four(name) = Rhs(Field4(_four(get(name), q, c, conditions)))
    five(name) = Vjp(Field5(_five(get(name), q, c, conditions)))
    pattern = has(place, :PATTERN) ? (get(:PATTERN),) : ()
    jac, jac_prototype = jacobian(states, _four(get(:jac!), q, c, conditions), pattern...)
    f = ODEFunction{true,SciMLBase.FullSpecialize}(
        four(:rhs!); jac, jac_prototype, tgrad = four(:tgrad!), vjp = five(:vjp!),
        vjp_p = five(:vjp_p!),
    )
    curved = has(place, :jac_pull!)
    nothing_to_pull = (gu, gp, v, u, p, t) -> nothing
    six(name) = _six(get(name), q, c, conditions)
    pull = has(place, :rhs_pull!) ? six(:rhs_pull!) : both(f, states, learned)
    return Model(
        states, learned, q, f, Pull(Field6(pull)), curved,
        MatrixPull(MatrixPullField(curved ? six(:jac_pull!) : nothing_to_pull)),
        Pull(Field6(curved ? six(:tgrad_pull!) : nothing_to_pull)), networks, place,
        Ref{Union{Missing,Nothing,Elimination}}(missing), conditions,
    )
end

function load_conditions(place, time_only, states, learned, q, c)
    isempty(time_only) && return nothing
    get(name) = Base.invokelatest(getglobal, place, name)
    values!, pull! = Rhs(Field4(_four(get(:conditions!), q, c))), Pull(Field6(_six(get(:conditions_pull!), q, c)))
    uses = has(place, :SIGNALS) ? [SignalUse(use...) for use in get(:SIGNALS)] : fill(NO_USE, length(time_only))
    given = has(place, :EVENTS) ? get(:EVENTS) : Tuple{Int,Vector{Int}}[]
    effects = map(enumerate(given)) do (i, (direction, set))
        value!, back! = get(Symbol(:effect_, i, :!)), get(Symbol(:effect_, i, :_pull!))
        Effect(
            direction, set, Rhs(Field4(_four(value!, q, c))), Pull(Field6(_six(back!, q, c))), zeros(length(set)),
            zeros(states + 1),
        )
    end
    return Conditions(values!, pull!, time_only, q, states, learned, uses, collect(Effect, effects))
end

"Elimination written out for the entries of a model's Jacobian, or nothing where that would be long."
function elimination(model::Model)::Union{Nothing,Elimination}
    if model.exact[] === missing
        entries = has(model.place, :ENTRIES) ? Base.invokelatest(getglobal, model.place, :ENTRIES) : Int[]
        model.exact[] = elimination(model.states, entries)
    end
    return model.exact[]
end

# the cotangents of u and p by one function each, added to what is there
function both(f, states, learned)
    u_part, p_part = zeros(states), zeros(learned)
    return function (gu, gp, v, u, p, t)
        f.vjp(u_part, v, u, p, t)
        f.vjp_p(p_part, v, u, p, t)
        gu .+= u_part
        gp .+= p_part
        return nothing
    end
end

"The same model with memory of its own, for another thread."
twin(model::Model) = load_model(model.place)

has(place, name) = Base.invokelatest(isdefined, place, name)

function memory(networks, place)
    get(name) = Base.invokelatest(getglobal, place, name)
    calls = Tuple(call(networks[k]) for k in get(:USES))
    return has(place, :SCRATCH) ? (calls..., zeros(get(:SCRATCH))) : calls
end

_four(f, q, c) = (out, u, p, t) -> f(out, u, p, t, q, c)
_five(f, q, c) = (out, v, u, p, t) -> f(out, v, u, p, t, q, c)
_six(f, q, c) = (gu, gp, v, u, p, t) -> f(gu, gp, v, u, p, t, q, c)

# the same, with signs that follow the conditions where they are to
_four(f, q, c, ::Nothing) = _four(f, q, c)
_five(f, q, c, ::Nothing) = _five(f, q, c)
_six(f, q, c, ::Nothing) = _six(f, q, c)
_four(f, q, c, signs::Conditions) = (out, u, p, t) -> (refresh!(signs, u, p, t); f(out, u, p, t, q, c))
_five(f, q, c, signs::Conditions) = (out, v, u, p, t) -> (refresh!(signs, u, p, t); f(out, v, u, p, t, q, c))
_six(f, q, c, signs::Conditions) =
    (gu, gp, v, u, p, t) -> (refresh!(signs, u, p, t); f(gu, gp, v, u, p, t, q, c))

"""
    load_observation(model, source) -> (observe, pull)

What is measured: `observe(y, u, p, t)`, and `pull(gu, gp, v, u, p, t)`, which adds to the cotangents of u
and p what cotangents v of y mean for them. `source` defines both as `observe!` and `pull!`, and `USES`.
"""
function load_observation(model::Model, source)
    place = load_source(source)
    c = memory(model.networks, place)
    pull! = Base.invokelatest(getglobal, place, :pull!)
    return load_values(model, source, :observe!), Pull(Field6(_six(pull!, model.q, c)))
end

"The function `name(y, u, p, t)` of a source that has `USES`."
function load_values(model::Model, source, name)
    place = load_source(source)
    c = memory(model.networks, place)
    return Rhs(Field4(_four(Base.invokelatest(getglobal, place, name), model.q, c)))
end

const SOURCES = Dict{String,Module}()

"On how many threads Julia was started."
count_threads() = Threads.nthreads()

"How many different sources this process has loaded."
count_sources() = length(SOURCES)

"A module that holds the functions of `source` and sees only what they may name; one for equal texts."
load_source(source::AbstractString) = get!(() -> new_module(source), SOURCES, String(source))

load_source(place::Module) = place

function new_module(source)
    place = Module(:System)
    for name in Operations.NAMES
        Core.eval(place, :(const $name = $(getfield(Operations, name))))
    end
    for f in (forward!, pullback!, jacobian!, jacobian_pullback!)
        Core.eval(place, :(const $(nameof(f)) = $f))
    end
    include_string(place, source, "system")
    return place
end

"""
    set_scalings!(model, scalings) -> Nothing

The scalings of all networks, one after the other: shift_in, scale_in, shift_out, scale_out.
"""
function set_scalings!(model::Model, scalings)
    offset = 0
    for nn in model.networks
        copyto!(nn.scaling, 1, scalings, offset + 1, length(nn.scaling))
        offset += length(nn.scaling)
    end
    return nothing
end
