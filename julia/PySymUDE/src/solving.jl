# Solves, and how they end.

const QUIET = SciMLLogging.None()

"How a solve may end; a result holds the position in this tuple, counted from 0."
const CODES = (
    :Success, :MaxIters, :DtLessThanMin, :Unstable, :ConvergenceFailure, :InitialFailure, :Failure,
    :Terminated, :Chattering, :GradientNotFinite, :LossNotFinite, :Interrupted,
)

code(name::Symbol) = findfirst(==(name), CODES) - 1

function outcome(sol)
    sol.retcode == ReturnCode.Terminated && return code(:Terminated)
    SciMLBase.successful_retcode(sol) && return 0
    sol.stats.naccept == 0 && return code(:InitialFailure)
    sol.retcode == ReturnCode.MaxIters && return code(:MaxIters)
    sol.retcode == ReturnCode.DtLessThanMin && return code(:DtLessThanMin)
    sol.retcode in (ReturnCode.Unstable, ReturnCode.DtNaN) && return code(:Unstable)
    sol.retcode == ReturnCode.ConvergenceFailure && return code(:ConvergenceFailure)
    return code(:Failure)
end

"""
    Batch(t0, u0, q, ts, theta, scalings, reltol, abstol, maxiters, dtmax = Inf, tstops = Float64[])

Initial value problems: one for each column of `u0` (states, experiments), `q` (parameters, experiments)
and `ts` (times, experiments); the times ascend and may repeat; the last five are [`Tolerances`](@ref), of
which `abstol` may be a number, one a state, or one for each of (states, experiments).
"""
struct Batch
    t0::Vec
    u0::Mat
    q::Mat
    ts::Mat
    theta::Vec
    scalings::Vec
    reltol::Float64
    abstol::Mat
    maxiters::Int
    dtmax::Float64
    tstops::Vec
    dose_t::Mat                 # doses, experiments
    dose_state::Matrix{Int}     # 0 for none
    dose_amount::Mat

    Batch(
        t0, u0, q, ts, theta, scalings, reltol, abstol, maxiters, dtmax = Inf, tstops = Float64[],
        dose_t = zeros(0, length(t0)), dose_state = zeros(Int, 0, length(t0)), dose_amount = zeros(0, length(t0)),
    ) = new(
        Vec(t0), Mat(u0), Mat(q), Mat(ts), Vec(theta), Vec(scalings), reltol, each(abstol, size(u0)...),
        maxiters, dtmax, Vec(tstops), Mat(dose_t), Matrix{Int}(dose_state), Mat(dose_amount),
    )
end

function doses_of(b::Batch, e)
    n = size(b.u0, 1)
    unit(s) = (x = zeros(n); x[s] = 1.0; x)
    return [
        Dose(b.dose_t[d, e], b.dose_amount[d, e] .* unit(b.dose_state[d, e])) for
        d in axes(b.dose_t, 1) if b.dose_state[d, e] > 0
    ]
end

tolerances_of(b::Batch, e) = Tolerances(b.reltol, b.abstol[:, e], b.maxiters, b.dtmax, b.tstops)

# a solver of OrdinaryDiffEq is told of the same tolerances; of what bounds its steps, only what is not usual
function keywords(tol::Tolerances, alg, model::Model, u0, p, t0, times)
    t1 = times[end]
    found = find_stops(model.conditions, u0, p, t0, t1; all = true)
    zeros, sharp = first.(found), [t for (t, k) in found if jumps_at(model.conditions, k)]
    tstops = [stops(alg, times); filter(t -> t0 < t < t1, tol.tstops); zeros]
    more = isfinite(tol.dtmax) ? (; dtmax = min(tol.dtmax, t1 - t0)) : (;)
    isempty(sharp) || (more = (; more..., d_discontinuities = sharp))
    return (; tol.reltol, abstol = one_or_each(alg, tol.abstol), tol.maxiters, tstops, verbose = QUIET, more...)
end

# SUNDIALS and others are quicker with one; those of FIRK have room for one alone beside one `reltol`
one_or_each(alg, abstol) =
    nameof(parentmodule(typeof(alg))) == :OrdinaryDiffEqFIRK ? minimum(abstol) :
    all(==(abstol[1]), abstol) ? abstol[1] : abstol

"""
States (states, times, experiments), NaN where a solve did not get; codes; steps tried, accepted, rejected,
and changes of method, -1 where Rodas5P was taken from the start; the largest size of each state that was met.
"""
struct Results
    u::Array{Float64,3}
    codes::Vector{Int}
    stats::Matrix{Int}
    sizes::Mat
end

function Results(states, b::Batch)
    T, E = size(b.ts)
    return Results(fill(NaN, states, T, E), zeros(Int, E), zeros(Int, 4, E), zeros(states, E))
end

function widen!(sizes, u)
    @inbounds for i in eachindex(sizes, u)
        isfinite(u[i]) && (sizes[i] = max(sizes[i], abs(u[i])))
    end
    return nothing
end

"""
    solve_batch(model, algorithm, threads, data...) -> (u, codes, stats)

All problems of a [`Batch`](@ref), on `threads` threads; `codes` are positions in `CODES`, from 0.
"""
function solve_batch(model::Model, name, threads::Integer, data...)
    s = Repeated(model, name, data...)
    evaluate!(s, threads)
    return s.results.u, s.results.codes, s.results.stats
end

"""
    Repeated(model, algorithm, data...)

A [`Batch`](@ref) to be solved again and again, with other numbers of the same sizes: [`evaluate!`](@ref)
reads `batch` and writes `results`.
"""
struct Repeated
    model::Model
    algorithm::String
    batch::Batch
    results::Results
end

function Repeated(model::Model, name, data...)
    batch = Batch(data...)
    algorithm(name)
    return Repeated(model, name, batch, Results(model.states, batch))
end

function evaluate!(s::Repeated, threads::Integer)
    fill!(s.results.u, NaN)
    fill!(s.results.codes, 0)
    fill!(s.results.stats, 0)
    fill!(s.results.sizes, 0.0)
    Base.invokelatest(solve_all!, s.results, s.model, algorithm(s.algorithm), s.batch, threads)
    return nothing
end

function solve_all!(r::Results, model::Model, alg, b::Batch, threads)
    E = length(b.t0)
    workers = min(threads, E)
    if workers <= 1
        foreach(e -> solve_one!(r, model, alg, b, e), 1:E)
        return nothing
    end
    # whoever is free takes the next few: solves differ in length
    next, few = Threads.Atomic{Int}(1), clamp(E ÷ (8 * workers), 1, 64)
    @sync for k in 1:workers
        own = k == 1 ? model : twin(model)
        Threads.@spawn while true
            first = Threads.atomic_add!(next, few)
            first > E && break
            foreach(e -> solve_one!(r, own, alg, b, e), first:min(first + few - 1, E))
        end
    end
    return nothing
end

function solve_one!(r::Results, model::Model, alg, b::Batch, e; more...)
    set_scalings!(model, b.scalings)
    copyto!(model.q, view(b.q, :, e))
    times, sizes = b.ts[:, e], view(r.sizes, :, e)
    widen!(sizes, view(b.u0, :, e))
    doses = doses_of(b, e)
    if times[end] <= b.t0[e] && isempty(doses)
        r.u[:, :, e] .= b.u0[:, e]
        return nothing
    end
    p, u0, t0, tol = b.theta[1:model.learned], b.u0[:, e], b.t0[e], tolerances_of(b, e)
    jumps(model, doses) && check_jumps(alg, model)
    if isempty(more) && marches(alg, model)
        name, pace = march_through!(view(r.u, :, :, e), sizes, model, way(alg), u0, t0, times, p, tol, doses)
        r.stats[:, e] .= tried(pace), pace.accepted - pace.jumps, pace.rejected, pace.changes
        if name == :NeedsImplicit && jumps(model, doses)
            name = :Failure
        end
        if name != :NeedsImplicit
            r.codes[e] = code(name)
            return nothing
        end
    end
    given, alg = alg, settled(alg, model, u0, t0, times[end], p, tol)
    r.stats[4, e] = given === AUTO && alg === RODAS5P ? -1 : 0
    prob = ODEProblem(model.f, u0, (t0, times[end]), p)
    sol = solve(
        prob, alg; keywords(tol, alg, model, u0, p, t0, times)..., saveat = unique(times), dense = false,
        more...,
    )
    r.codes[e] = outcome(sol)
    r.stats[1:3, e] .= count_steps(sol), sol.stats.naccept, sol.stats.nreject
    copy_times!(view(r.u, :, :, e), times, sol)
    # of its steps, a solver tells only those that callbacks see
    foreach(u -> widen!(sizes, u), eachcol(view(r.u, :, :, e)))
    return nothing
end

"Whether a state may become another at once."
jumps(model::Model, doses) = !isempty(doses) || (model.conditions !== nothing && !isempty(model.conditions.effects))

# a solver of OrdinaryDiffEq knows neither events that set states nor doses
check_jumps(alg, model::Model) =
    marches(alg, model) || throw(ArgumentError("events that set states, and doses, are for Tsit5, Rodas5P and auto"))

"""
    Followed(model, algorithm, data...)

The first problem of a [`Batch`](@ref) with all steps of its solve: `results`, and `path`.
"""
struct Followed
    results::Results
    path::Path
end

function Followed(model::Model, name, data...)
    alg, b = algorithm(name), Batch(data...)
    check_jumps(alg, model)
    r = Results(model.states, b)
    set_scalings!(model, b.scalings)
    copyto!(model.q, view(b.q, :, 1))
    times, u0 = b.ts[:, 1], b.u0[:, 1]
    widen!(view(r.sizes, :, 1), u0)
    path = march_path!(
        Steps(), model, way(alg), u0, b.t0[1], times[end], b.theta[1:model.learned], tolerances_of(b, 1), doses_of(b, 1),
    )
    foreach(u -> widen!(view(r.sizes, :, 1), u), path.u)
    for (i, t) in pairs(times)
        t <= path.t[end] && copyto!(view(r.u, :, i, 1), length(path.t) > 1 ? path(t) : u0)
    end
    r.codes[1] = path.code == :NeedsImplicit ? code(:Failure) : code(path.code)
    accepted = count(!=(JUMP), path.steps.method)
    changes = count(i -> path.steps.method[i] != path.steps.method[i+1] && !any(==(JUMP), path.steps.method[i:i+1]), 1:length(path.steps.method)-1)
    r.stats[:, 1] .= path.tried, accepted, path.tried - accepted, changes
    return Followed(r, path)
end

"The ends of steps, the states there (states, ends), and which steps are jumps: an event, less a dose, or 0."
steps_of(f::Followed) = f.path.t, reduce(hcat, f.path.u), first.(f.path.steps.jumps)

"The states (states, times) along the steps, before a jump at its time."
function states_at(f::Followed, times)
    (; path) = f
    return reduce(hcat, [before(path, t) for t in times]; init = zeros(length(path.u[1]), 0))
end

function before(path::Path, t)
    # the last step that ends there and is none of no length
    m = clamp(searchsortedfirst(path.t, t) - 1, 1, max(length(path.t) - 1, 1))
    return path(t, m)
end

"""
    settled(algorithm, model, u0, t0, t1, p, tolerances) -> Any

The algorithm itself; for [`Auto`](@ref) that of OrdinaryDiffEq which suits this problem.
"""
settled(algorithm, model, u0, t0, t1, p, tol) = algorithm
function settled(::Auto, model, u0, t0, t1, p, tol)
    name, pace = march!(Returns(nothing), March(model, SWITCHING), u0, t0, t1, p, tol)
    return name == :NeedsImplicit || pace.changes > 0 ? RODAS5P : TSIT5_ALGORITHM
end

count_steps(sol) = sol.stats.naccept + sol.stats.nreject

# what was saved at exactly the times asked for: a failed solve may add the one where it stopped
function copy_times!(u, times, sol)
    k = 1
    for (i, t) in pairs(times)
        while k <= length(sol.t) && sol.t[k] < t
            k += 1
        end
        k <= length(sol.t) && sol.t[k] == t || continue
        for (j, x) in pairs(sol.u[k])
            u[j, i] = isfinite(x) ? x : NaN
        end
    end
    return nothing
end

"""
    solve_events(model, source, algorithm, directions, terminates, data...)
        -> (u, codes, stats, sizes, which, times, states)

The first problem of a [`Batch`](@ref), watching for zeros of the expressions of `source` (as
[`load_observation`](@ref), without `pull!`): those that rise (direction 1), fall (-1) or both (0). Where
`terminates`, the solve ends there. `which` numbers each zero's expression from 0.
"""
function solve_events(model::Model, source, name, directions, terminates, data...)
    alg, b = algorithm(name), Batch(data...)
    r = Results(model.states, b)
    which, times, states = Int[], Float64[], Vec[]
    watch, y = load_values(model, source, :observe!), zeros(length(directions))
    function callback(i)
        condition(u, t, integrator) = (watch(y, u, integrator.p, t); y[i])
        function record!(integrator)
            push!(which, i - 1)
            push!(times, integrator.t)
            push!(states, collect(integrator.u))
            terminates[i] && SciMLBase.terminate!(integrator)
            return nothing
        end
        rising, falling = directions[i] >= 0 ? record! : nothing, directions[i] <= 0 ? record! : nothing
        return SciMLBase.ContinuousCallback(
            condition, rising, falling; save_positions = (false, false),
        )
    end
    model.conditions === nothing || live!(model.conditions, true)
    look(u, t, integrator) = (widen!(view(r.sizes, :, 1), u); false)
    each_step = SciMLBase.DiscreteCallback(look, Returns(nothing); save_positions = (false, false))
    set = SciMLBase.CallbackSet(map(callback, eachindex(directions))..., each_step)
    Base.invokelatest(solve_one!, r, model, alg, b, 1; callback = set)
    return r.u, r.codes, r.stats, r.sizes, which, times, reduce(hcat, states; init = zeros(model.states, 0))
end
