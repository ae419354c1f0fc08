# Solves, and how they end.

# the reverse problem of an implicit solver has no time gradient of its own: differences serve there
const IMPLICIT = (; autodiff = AutoFiniteDiff())

"The solvers by name."
const ALGORITHMS = Dict{String,Any}(
    "Tsit5" => Tsit5(),
    "Vern7" => Vern7(),
    "Vern9" => Vern9(),
    "Rosenbrock23" => Rosenbrock23(; IMPLICIT...),
    "Rodas5P" => Rodas5P(; IMPLICIT...),
    "KenCarp4" => KenCarp4(; IMPLICIT...),
    "Kvaerno5" => Kvaerno5(; IMPLICIT...),
    "TRBDF2" => TRBDF2(; IMPLICIT...),
    "FBDF" => FBDF(; IMPLICIT...),
    "QNDF" => QNDF(; IMPLICIT...),
)

const QUIET = SciMLLogging.None()

"How a solve may end; a result holds the position in this tuple, counted from 0."
const CODES = (
    :Success, :MaxIters, :DtLessThanMin, :Unstable, :ConvergenceFailure, :InitialFailure, :Failure,
)

code(name::Symbol) = findfirst(==(name), CODES) - 1

function outcome(sol)
    SciMLBase.successful_retcode(sol) && return 0
    sol.stats.naccept == 0 && return code(:InitialFailure)
    sol.retcode == ReturnCode.MaxIters && return code(:MaxIters)
    sol.retcode == ReturnCode.DtLessThanMin && return code(:DtLessThanMin)
    sol.retcode in (ReturnCode.Unstable, ReturnCode.DtNaN) && return code(:Unstable)
    sol.retcode == ReturnCode.ConvergenceFailure && return code(:ConvergenceFailure)
    return code(:Failure)
end

"""
    solve_batch(model, algorithm, t0, u0, q, ts, theta, scalings, reltol, abstol, maxiters)
        -> (u, codes, stats)

One experiment for each column of `u0` (states, experiments), `q` (parameters, experiments) and `ts`
(times, experiments); the times ascend and may repeat the last one.

# Returns
- `u`: (states, times, experiments), NaN where a solve did not get.
- `codes`: positions in `CODES`, from 0.
- `stats`: (3, experiments): steps tried, accepted, rejected.
"""
function solve_batch(
    model::Model, algorithm, t0, u0, q, ts, theta, scalings, reltol, abstol, maxiters,
)
    set_scalings!(model, scalings)
    T, E = size(ts)
    u, codes, stats = fill(NaN, model.states, T, E), zeros(Int, E), zeros(Int, 3, E)
    p, alg = Vec(theta[1:model.learned]), ALGORITHMS[algorithm]
    for e in 1:E
        copyto!(model.q, view(q, :, e))
        times = Vec(ts[:, e])
        if times[end] <= t0[e]
            u[:, :, e] .= u0[:, e]
            continue
        end
        prob = ODEProblem(model.f, Vec(u0[:, e]), (Float64(t0[e]), times[end]), p)
        sol = solve(
            prob, alg; reltol, abstol, maxiters, saveat = unique(times), dense = false,
            verbose = QUIET,
        )
        codes[e] = outcome(sol)
        stats[:, e] .= steps(sol), sol.stats.naccept, sol.stats.nreject
        copy_times!(view(u, :, :, e), times, sol)
    end
    return u, codes, stats
end

steps(sol) = sol.stats.naccept + sol.stats.nreject

# what was saved at exactly the times asked for: a failed solve may add the one where it stopped
function copy_times!(u, times, sol)
    k = 1
    for (i, t) in pairs(times)
        while k <= length(sol.t) && sol.t[k] < t
            k += 1
        end
        k <= length(sol.t) && sol.t[k] == t && copyto!(view(u, :, i), sol.u[k])
    end
    return nothing
end
