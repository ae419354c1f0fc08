# The terms of a loss, and what they mean for what was observed and for states.

function is_read(loss::Loss, i, e)
    any(!iszero, view(loss.weight, :, i, e)) && return true
    size(loss.law_weight, 1) == 0 && return false
    return loss.anchor[i, e] != 0 || any(!iszero, view(loss.law_weight, :, i, e))
end

# the terms of what was observed at the times `read`, added to `out`; `values` become their derivatives
function slopes_of!(values, loss::Loss, e, read, given)
    C = size(loss.y, 1)
    for (j, i) in enumerate(read), c in 1:C
        loss.observed[c, i, e] = values[c, j]
        given && (values[c, j] = loss.given[c, i, e]; continue)
        w = loss.weight[c, i, e]
        r = w > 0 ? w * (values[c, j] - loss.y[c, i, e]) : 0.0
        loss.out[DATA] += r * r
        values[c, j] = 2w * r
    end
    for k in axes(loss.law_weight, 1)
        middle, total = 0.0, 0.0
        for (j, i) in enumerate(read)
            middle += loss.anchor[i, e] * values[C+k, j]
        end
        for (j, i) in enumerate(read)
            w = loss.law_weight[k, i, e]
            r = w * (values[C+k, j] - middle)
            loss.out[loss.at.laws[k]] += r * r
            values[C+k, j] = 2w * r
            total += 2w * r
        end
        for (j, i) in enumerate(read)
            values[C+k, j] -= loss.anchor[i, e] * total
        end
    end
    return nothing
end

function add_cotangent!(slopes, times, cotangents, e, t0, t, pulled)
    if t <= t0
        slopes[:, e] .+= pulled
    elseif !isempty(times) && times[end] == t
        cotangents[end] .+= pulled
    else
        push!(times, t)
        push!(cotangents, copy(pulled))
    end
    return nothing
end

# the gap between the end of one experiment and the start of the next
function tie!(slopes, times, cotangents, loss::Loss, e, start, last, t0)
    next = loss.link[e]
    next == 0 && return nothing
    gap = 2 .* loss.link_weight .^ 2 .* (last[:, e] .- start[:, next])
    slopes[:, next] .-= gap
    add_cotangent!(slopes, times, cotangents, e, t0, loss.ts[end, e], gap)
    return nothing
end

function link_term(loss::Loss, start, last)
    sum = 0.0
    for e in axes(start, 2), k in axes(start, 1)
        next = loss.link[e]
        next == 0 || (sum += abs2(loss.link_weight[k] * (last[k, e] - start[k, next])))
    end
    return sum
end
