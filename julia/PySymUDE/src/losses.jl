# Losses over many experiments, and their gradients.

"""
    Layout(laws, experiments, size_of_theta) -> Layout

What stands where in `out`: value, data term, link term, steps; one term a law, one code an experiment (a
position in `CODES`, from 0), the gradient. `LossLayout` in Python reads it.
"""
struct Layout
    laws::UnitRange{Int}
    codes::UnitRange{Int}
    gradient::UnitRange{Int}
end

const VALUE, DATA, LINKS, STEPS = 1, 2, 3, 4
const HEAD = 4

function Layout(laws::Integer, experiments::Integer, size_of_theta::Integer)
    ends = cumsum((HEAD, laws, experiments, size_of_theta))
    return Layout(ends[1]+1:ends[2], ends[2]+1:ends[3], ends[3]+1:ends[4])
end

Base.length(layout::Layout) = last(layout.gradient)

"""
    Loss(model, source; algorithm, sensealg, data...) -> Loss

The sum of squares `(weight * (measured - observed))^2` over all experiments, the ties of multiple
shooting, and the drifts of laws. [`evaluate!`](@ref) reads `theta` and writes `out`, see [`Layout`](@ref).

The laws are what is observed after the columns of `y`. A drift is a law's value less its mean with the
weights `anchor`.
"""
struct Loss
    model::Model
    observe::Rhs
    pull::Pull
    algorithm::String
    sensealg::Symbol            # :discrete, one of ADJOINTS, or :forward for tangents carried along
    t0::Vec
    u0::Mat                     # states, experiments
    q::Mat                      # parameters, experiments
    ts::Mat                     # times, experiments
    y::Array{Float64,3}         # columns, times, experiments
    weight::Array{Float64,3}
    u0_index::Matrix{Int}       # states, experiments: place in theta, 0 for a fixed value
    positive::Vector{Bool}      # states
    mix::Mat                    # the solves start at mix * u0
    link::Vector{Int}           # the experiment that follows, 0 for none
    link_weight::Vec
    law_weight::Array{Float64,3} # laws, times, experiments
    anchor::Mat                 # times, experiments
    tolerances::Tolerances
    dose_t::Mat                 # doses, experiments
    dose_state::Matrix{Int}     # 0 for none
    dose_amount::Mat
    dose_index::Matrix{Int}     # place of the amount in theta, 0 for a number
    scalings::Vec
    at::Layout                  # of out
    theta::Vec
    out::Vec
    steps::Vector{Steps}        # of each experiment, where the way back reads them
    seen::Vec                   # the largest size of each state that was measured
    observed::Array{Float64,3}  # what the model gives for each of y
    given::Array{Float64,3}     # derivatives by these, where the caller has them
end

function Loss(
    model::Model, source; algorithm, sensealg, t0, u0, q, ts, y, weight, u0_index, positive, mix,
    link, link_weight, law_weight, anchor, reltol, abstol, maxiters, scalings, size_of_theta,
    dtmax = Inf, tstops = Float64[], dose_t = zeros(0, length(t0)), dose_state = zeros(Int, 0, length(t0)),
    dose_amount = zeros(0, length(t0)), dose_index = zeros(Int, 0, length(t0)),
)
    known = algorithm == "auto" || haskey(SOLVERS, algorithm) || haskey(ALGORITHMS, algorithm)
    known || throw(ArgumentError("algorithm $algorithm is unknown"))
    how = method(sensealg, PySymUDE.algorithm(algorithm), model)
    if jumps(model, dose_t)
        alg = PySymUDE.algorithm(algorithm)
        check_jumps(alg, model)
        how == :discrete || (how == :forward && has_forward(alg, model)) ||
            throw(ArgumentError("gradients through events and doses go along the steps of a march; not so with $sensealg"))
    end
    how in ADJOINTS && load_adjoints()
    observe, pull = load_observation(model, source)
    at = Layout(size(law_weight, 1), length(t0), size_of_theta)
    return Loss(
        model, observe, pull, algorithm, how, Vec(t0), Mat(u0), Mat(q), Mat(ts), Array{Float64,3}(y),
        Array{Float64,3}(weight), Matrix{Int}(u0_index), Vector{Bool}(positive), Mat(mix),
        Vector{Int}(link), Vec(link_weight), Array{Float64,3}(law_weight), Mat(anchor),
        Tolerances(reltol, each(abstol, size(u0, 1)), maxiters, dtmax, tstops), Mat(dose_t),
        Matrix{Int}(dose_state), Mat(dose_amount), Matrix{Int}(dose_index), Vec(scalings), at,
        zeros(size_of_theta), zeros(length(at)), [Steps() for _ in t0], zeros(size(u0, 1)), zeros(size(y)),
        zeros(size(y)),
    )
end

const ADJOINTS = (:gauss, :quadrature, :interpolating, :backsolve)

# what "adjoint" stands for: the steps of a solver where they are known here, else Gauss' quadrature
function method(sensealg, algorithm, model)
    how = Symbol(sensealg)
    how == :adjoint && return has_discrete(algorithm, model) ? :discrete : :gauss
    how == :forward || how in ADJOINTS || throw(ArgumentError("sensealg $sensealg is unknown"))
    return how
end

"""
    evaluate!(loss, gradient::Bool, given = false) -> Nothing

The loss at `loss.theta`, into `loss.out`; without `gradient` its last part is left as it is. Where a solve
fails, value and gradient are NaN and the code says why. `loss.observed` gets what was observed in place of
`y`, where anything is read. If `given`, the data have no term, but the derivatives `loss.given` by that.
"""
function evaluate!(loss::Loss, gradient::Bool, given::Bool = false)
    algorithm(loss.algorithm)   # may load a package, whose methods this call is too old to see
    return Base.invokelatest(evaluate_now!, loss, gradient, given)
end

function evaluate_now!(loss::Loss, gradient, given)
    (; out, theta, at) = loss
    fill!(loss.seen, 0.0)
    set_scalings!(loss.model, loss.scalings)
    codes = view(out, at.codes)
    learned = initial_states(loss)
    start = loss.mix * learned
    p = theta[1:loss.model.learned]
    last, slopes = copy(start), zeros(size(start))   # end states; cotangents of the starts
    dtheta = zeros(gradient ? length(theta) : 0)
    steps = 0
    sols = Any[]
    for e in eachindex(codes)
        sol = forward(loss, e, start, p, gradient)
        push!(sols, sol)
        codes[e] = sol === nothing ? 0 : outcome(sol)
        steps += sol === nothing ? 0 : count_steps(sol)
        codes[e] == 0 || continue
        sol === nothing || copyto!(view(last, :, e), 1, sol.u[end], 1, size(last, 1))
    end
    failed = any(!=(0), codes)
    fill!(view(out, 1:HEAD), failed ? NaN : 0.0)
    fill!(view(out, at.laws), failed ? NaN : 0.0)
    out[STEPS] = steps
    if !failed
        out[LINKS] = link_term(loss, start, last)
        for e in eachindex(codes)
            experiment!(slopes, dtheta, loss, e, sols[e], start, last, p, gradient, given)
        end
        out[VALUE] = out[DATA] + out[LINKS] + sum(view(out, at.laws))
    end
    gradient || return nothing
    failed || start_slopes!(dtheta, loss.mix' * slopes, loss, learned)
    copyto!(view(out, at.gradient), failed ? fill(NaN, length(theta)) : dtheta)
    not_finite!(out, at)
    return nothing
end

# a gradient that is not finite where the value is has an outcome of its own
function not_finite!(out, at)
    isfinite(out[VALUE]) && !all(isfinite, view(out, at.gradient)) || return nothing
    out[first(at.codes)] = code(:GradientNotFinite)
    return nothing
end

"Initial states (states, experiments), those that are learned read from theta."
function initial_states(loss::Loss)
    u0 = copy(loss.u0)
    for i in eachindex(u0)
        at = loss.u0_index[i]
        at == 0 && continue
        z = loss.theta[at]
        u0[i] = loss.positive[mod1(i, size(u0, 1))] ? exp(z) : z
    end
    return u0
end

function start_slopes!(dtheta, slopes, loss, start)
    for i in eachindex(slopes)
        at = loss.u0_index[i]
        at == 0 && continue
        dtheta[at] += loss.positive[mod1(i, size(start, 1))] ? slopes[i] * start[i] : slopes[i]
    end
    return nothing
end

# a dose that is none is never reached, so that the numbers of the others stay
function doses_of(loss::Loss, e)
    amount(d) = loss.dose_index[d, e] == 0 ? loss.dose_amount[d, e] : loss.theta[loss.dose_index[d, e]]
    return Dose[
        loss.dose_state[d, e] == 0 ? Dose(Inf, Vec()) :
        Dose(loss.dose_t[d, e], amount(d) .* view(loss.mix, :, loss.dose_state[d, e])) for d in axes(loss.dose_t, 1)
    ]
end

# nothing where the experiment has no duration
function forward(loss::Loss, e, start, p, gradient)
    (; model, tolerances) = loss
    t0, t1, doses = loss.t0[e], loss.ts[end, e], doses_of(loss, e)
    t1 > t0 || !isempty(doses) || return nothing
    copyto!(model.q, view(loss.q, :, e))
    alg, u0 = algorithm(loss.algorithm), start[:, e]
    elsewhere = gradient && loss.sensealg != :discrete && !(loss.sensealg == :forward && has_forward(alg, model))
    if marches(alg, model) && !elsewhere
        # a way back through implicit steps needs derivatives of the Jacobian
        steep = gradient && !model.curved && way(alg) == SWITCHING
        path = march_path!(loss.steps[e], model, way(alg), u0, t0, t1, p, tolerances, doses; explicit = steep)
        path.code == :NeedsImplicit && jumps(model, doses) &&
            return Path(path.t, path.u, path.steps, :Failure, path.tried)
        path.code == :NeedsImplicit || return path
    end
    alg = settled(alg, model, u0, t0, t1, p, tolerances)
    gradient && loss.sensealg == :forward && return solve_tangents(loss, e, start, p, alg)
    prob = ODEProblem(model.f, u0, (t0, t1), p)
    return solve(prob, alg; keywords(tolerances, alg, model, u0, p, t0, view(loss.ts, :, e))...)
end

# the terms of one experiment, added to `out`; what they mean for the start and for theta is added to both
function experiment!(slopes, dtheta, loss::Loss, e, sol, start, last, p, gradient, given)
    (; model, ts, weight) = loss
    # a dose may be given at the start, before what is seen there
    dosed = size(loss.dose_t, 1) > 0 && length(sol.t) > 1
    t0 = dosed ? -Inf : loss.t0[e]
    copyto!(model.q, view(loss.q, :, e))
    C, K = size(loss.y, 1), size(loss.law_weight, 1)
    read = [i for i in axes(ts, 1) if is_read(loss, i, e)]
    states, values = zeros(model.states, length(read)), zeros(C + K, length(read))
    full = zeros(sol === nothing ? model.states : length(sol.u[1]))
    u, y = zeros(model.states), zeros(C + K)
    for (j, i) in enumerate(read)
        t = ts[i, e]
        t > t0 || dosed ? copyto!(full, sol(t)) : copyto!(full, view(start, :, e))
        copyto!(u, 1, full, 1, model.states)
        loss.observe(y, u, p, t)
        states[:, j] = u
        loss.seen .= max.(loss.seen, abs.(u))
        values[:, j] = y
    end
    slopes_of!(values, loss, e, read, given)
    gradient || return nothing
    pulled, times, cotangents = zeros(model.states), Float64[], Vec[]
    for (j, i) in enumerate(read)
        copyto!(u, view(states, :, j))
        copyto!(y, view(values, :, j))
        fill!(pulled, 0.0)
        loss.pull(pulled, dtheta, y, u, p, ts[i, e])
        add_cotangent!(slopes, times, cotangents, e, t0, ts[i, e], pulled)
    end
    tie!(slopes, times, cotangents, loss, e, start, last, t0)
    isempty(times) && return nothing
    if sol isa Path
        through! = loss.sensealg == :forward ? follow_path! : discrete!
        through!(slopes, dtheta, loss, e, sol, times, cotangents)
    elseif loss.sensealg == :forward
        contract!(slopes, dtheta, loss, e, sol, times, cotangents)
    else
        # its package may only now be asked for
        loss.sensealg in ADJOINTS || load_adjoints()
        Base.invokelatest(adjoint!, slopes, dtheta, loss, e, sol, times, cotangents)
    end
    return nothing
end

"""
    adjoint!(slopes, dtheta, loss, e, sol, times, cotangents) -> Nothing

Adds to the cotangents of experiment `e`'s start and of theta what cotangents of its states mean for them,
by an adjoint of SciMLSensitivity. A reverse solve that does not arrive leaves NaN. The method comes with
that package, see [`load_adjoints`](@ref).
"""
function adjoint! end

const SENSITIVITY = Base.PkgId(Base.UUID("1ed8b502-d754-442c-8d5d-10ac956f44a1"), "SciMLSensitivity")

"Loads SciMLSensitivity: it takes seconds, so only losses that need it do so."
load_adjoints() = (Base.require(SENSITIVITY); nothing)
