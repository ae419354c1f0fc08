# Where steps end for signals: the times at which their arguments meet their points.

const FEW = 256      # points within a solve at which steps end in any case
const SHORTEST = 4   # pieces that are taken one by one where a step over several has failed

"What stands for the piece on which a signal goes on from x."
function start_piece(address, x, rate)
    piece = Operations.piece_of(address, x)
    rate < 0 && piece > 0 && Operations.time_of(address, piece - 1) == x && (piece -= 1)
    return Operations.PIECE + piece
end

"""
    knots!(c, k, u, p, t0, t1, all) -> Vector of (time, k + K (piece + 1))

When the argument that condition k is meets the points of its signal, and the piece behind each; none where these
are many and nothing jumps, unless `all`: then steps run through them.
"""
function knots!(c::Conditions, k, u, p, t0, t1, all)
    argument(t) = (c.values!(c.other, u, p, t); c.other[k])
    found, address, use = Tuple{Float64,Int}[], table(c, k), c.uses[k]
    if !use.affine
        parts = range(t0, t1; length = 257)
        foreach(i -> bent!(found, c, k, argument, parts[i], parts[i+1], t1), 1:256)
        return found
    end
    a, b = argument(t0), argument(t1)
    (isfinite(a) && isfinite(b) && a != b) || return found
    first, last = (Operations.piece_of(address, x) for x in minmax(a, b))
    fill!(c.f, 0.0)
    rate = rate!(c, k, c.f, u, p, t0)
    if last - first > FEW && !use.each && !all
        set_sign!(c, k, Operations.LIVE)
        c.through[:, k] .= 1, SHORTEST, 0, 0
        c.line[:, k] .= rate, a - rate * t0
        return found
    end
    for at in (rate > 0 ? (first:last-1) : (last-1:-1:first))
        # exact where the argument is time, or time and a shift
        knot = Operations.time_of(address, at)
        t = rate == 1 ? knot + (t0 - a) : t0 + (knot - a) / rate
        t0 < t < t1 && push!(found, (t, coded(c, k, rate > 0 ? at + 1 : at)))
    end
    return found
end

coded(c::Conditions, k, piece) = k + length(c.signs) * (piece + 1)

# the points of an argument that goes in one direction between two times, though not straight
function bent!(found, c::Conditions, k, argument, low, high, t1)
    address, a, b = table(c, k), argument(low), argument(high)
    (isfinite(a) && isfinite(b) && a != b) || return nothing
    first, last = (Operations.piece_of(address, x) for x in minmax(a, b))
    for at in (b > a ? (first:last-1) : (last-1:-1:first))
        knot = Operations.time_of(address, at)
        t = meeting(argument, low, high, b > a ? 1 : -1, knot)
        t < t1 && push!(found, (t, coded(c, k, b > a ? at + 1 : at)))
    end
    return nothing
end

# when an argument that goes up, or down, meets a point between two times
function meeting(argument, low, high, up, knot)
    while true
        middle = (low + high) / 2
        low < middle < high || return high
        (argument(middle) - knot) * up < 0 ? (low = middle) : (high = middle)
    end
end

"Whether a stop is a point of a signal, and whether the right-hand side jumps there; the signal goes on."
function pass_knot!(c::Conditions, step, stop)
    K = length(c.signs)
    stop > K || return false, false
    k, piece = mod1(stop, K), (stop - 1) ÷ K - 1
    note!(c, step, k, Operations.PIECE + piece, !c.uses[k].jumps)
    return true, c.uses[k].jumps
end

"Whether what changes at a stop makes the right-hand side jump."
jumps_at(c::Conditions, stop) =
    stop <= length(c.signs) || c.uses[mod1(stop, length(c.signs))].jumps
