# Derivatives of all that is observed, one by one, from tangents that are carried along once.

"What the tangents are at the times asked for, in their order."
struct Kept
    tangents::Vector{Mat}
end

contract!(kept::Kept, tangents::Mat, _) = (push!(kept.tangents, copy(tangents)); nothing)

"""
    linearise(loss) -> Array{Float64,4} or Nothing

The derivatives by theta of what is observed at `loss.theta`: (theta, columns, times, experiments), 0 where
nothing is read and NaN where a solve failed. Nothing where the steps of the solver are not known here.
"""
function linearise(loss::Loss)
    algorithm(loss.algorithm)   # may load a package, whose methods this call is too old to see
    return Base.invokelatest(linearise_now, loss)
end

function linearise_now(loss::Loss)
    (; model, theta) = loss
    has_forward(algorithm(loss.algorithm), model) || return nothing
    set_scalings!(model, loss.scalings)
    learned = initial_states(loss)
    start, p = loss.mix * learned, theta[1:model.learned]
    slopes = zeros(length(theta), size(loss.y)...)
    for e in eachindex(loss.t0)
        sol = forward(loss, e, start, p, true)
        if sol === nothing || (sol isa Path && outcome(sol) == 0)
            linearise_experiment!(slopes, loss, e, sol, start, learned, p) || return nothing
        elseif sol isa Path
            fill!(view(slopes, :, :, :, e), NaN)
        else
            return nothing
        end
    end
    return slopes
end

# false where a time has no tangents
function linearise_experiment!(slopes, loss::Loss, e, sol, start, learned, p)
    (; model, ts) = loss
    # a dose may be given at the start, before what is seen there
    dosed = size(loss.dose_t, 1) > 0 && length(sol.t) > 1
    n, t0 = model.states, dosed ? -Inf : loss.t0[e]
    doses = learned_doses(loss, e)
    copyto!(model.q, view(loss.q, :, e))
    read = [i for i in axes(ts, 1) if is_read(loss, i, e)]
    times = unique(t for t in view(ts, read, e) if t > t0)
    states = [t > t0 ? Vec(sol(t)[1:n]) : start[:, e] for t in view(ts, read, e)]
    kept = Kept(Mat[])
    isempty(times) || follow!(kept, loss, e, sol, times, times)
    length(kept.tangents) == length(times) || return false
    first = zeros(n, n + model.learned + length(doses))
    foreach(k -> first[k, k] = 1.0, 1:n)
    y, pulled = zeros(size(loss.y, 1) + size(loss.law_weight, 1)), zeros(n)
    for (i, u) in zip(read, states)
        at = searchsortedfirst(times, ts[i, e])
        tangents = ts[i, e] > t0 ? kept.tangents[at] : first
        for c in axes(loss.y, 1)
            row = view(slopes, :, c, i, e)
            fill!(y, 0.0)
            fill!(pulled, 0.0)
            y[c] = 1.0
            by_theta = zeros(length(loss.theta))
            loss.pull(pulled, by_theta, y, u, p, ts[i, e])
            row .= by_theta
            along = tangents' * pulled
            row[1:model.learned] .+= view(along, n+1:n+model.learned)
            foreach((at, slope) -> row[at] += slope, doses, view(along, n+model.learned+1:length(along)))
            starts_row!(row, loss, e, loss.mix' * along[1:n], learned)
        end
    end
    return true
end

function starts_row!(row, loss::Loss, e, slopes, learned)
    for k in eachindex(slopes)
        at = loss.u0_index[k, e]
        at == 0 && continue
        row[at] += loss.positive[k] ? slopes[k] * learned[k, e] : slopes[k]
    end
    return nothing
end
