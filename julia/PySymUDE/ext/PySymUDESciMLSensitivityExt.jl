# The adjoints of SciMLSensitivity, with derivatives written out beforehand.

module PySymUDESciMLSensitivityExt

using PrecompileTools: @compile_workload
using PySymUDE: PySymUDE, Loss, QUIET, reverse_algorithm
using SciMLSensitivity: BacksolveAdjoint, GaussAdjoint, InterpolatingAdjoint, QuadratureAdjoint, ZygoteVJP,
    adjoint_sensitivities

# Our functions are derivatives already: autojacvec is a name that has to be given, and nothing of it runs.
const OWN = ZygoteVJP()

# cotangents have other sizes than the states: one tolerance for all
tolerances(loss) = (; loss.tolerances.reltol, abstol = maximum(loss.tolerances.abstol))

const METHODS = Dict{Symbol,Any}(
    :gauss => loss -> GaussAdjoint(; autojacvec = OWN),
    :quadrature => loss -> QuadratureAdjoint(; autojacvec = OWN, tolerances(loss)...),
    :interpolating => loss -> InterpolatingAdjoint(; autojacvec = OWN),
    :backsolve => loss -> BacksolveAdjoint(; autojacvec = OWN),
)

function PySymUDE.adjoint!(slopes, dtheta, loss::Loss, e, sol, times, cotangents)
    (; maxiters) = loss.tolerances
    reached = Ref(Inf)
    watch = function (dt, u, p, t)
        reached[] = t + dt
        return any(!isfinite, u)
    end
    set!(out, u, p, t, i) = (copyto!(out, cotangents[i]); nothing)
    du0, dp = adjoint_sensitivities(
        sol, reverse_algorithm(loss.algorithm); t = times, dgdu_discrete = set!, maxiters, tolerances(loss)...,
        sensealg = get(METHODS, loss.sensealg, METHODS[:gauss])(loss), unstable_check = watch, verbose = QUIET,
    )
    t0 = loss.t0[e]
    # a solve that stops early returns what it has without a word
    arrived = reached[] <= t0 + 1e-12 * max(1.0, abs(t0), abs(times[end]))
    for k in axes(slopes, 1)
        slopes[k, e] += arrived ? du0[k] : NaN
    end
    for k in 1:loss.model.learned
        dtheta[k] += arrived ? dp[k] : NaN
    end
    return nothing
end

@compile_workload begin
    PySymUDE.work("Tsit5", ("gauss",))
    PySymUDE.work("Rodas5P", ("gauss",))
end

end
