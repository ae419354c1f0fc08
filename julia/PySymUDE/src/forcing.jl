# Steps that run through the points of a signal: whether they saw what the signal did.
#
# The stages of a step look at a signal a few times only. So a step counts where the solver's own quadrature of the
# signal, and of its square, agrees with the exact integral as far as the tolerances ask.

const SAFETY = 4.0 # what is not seen is no error that a longer way averages out
const LONGEST = 64

# a step for u' = g(t): the stages of Rodas5P are gamma (g + h d g' + C stages)
const RODAS5P_QUADRATURE = let (; gamma, Ct, b, d) = RODAS5P_TABLEAU
    M = [(i == j) - gamma * (i < j ? Ct[i, j] : 0.0) for i in 1:STAGES, j in 1:STAGES]
    weights = gamma * (M \ Vec(collect(b)))
    (; weights = Tuple(weights), slope = sum(weights .* d))
end

"""
    next_knot!(m, pace, t) -> (time, changed)

Where the step that is tried has to end for the signals that it could run through, else Inf; and whether a piece
has changed.

Steps of the length of a few pieces lose more at kinks than they gain: each piece is then a step, up to `LONGEST`
of them before the next try of a longer one. `through` is 1 and how many of these are left, the length of the last
such row, and the steps rejected and accepted when it was last looked at.
"""
function next_knot!(m::March, pace, t)
    (; conditions) = m
    finish, changed = Inf, false
    conditions === nothing && return finish, changed
    for k in axes(conditions.through, 2)
        conditions.through[1, k] > 0 || continue
        own, parted = next_knot!(conditions, k, pace, t)
        finish, changed = min(finish, own), changed || parted
    end
    return finish, changed
end

function next_knot!(c::Conditions, k, pace, t)
    state, address, (rate, shift) = view(c.through, :, k), table(c, k), view(c.line, :, k)
    n, x = Operations.count_points(address), rate * t + shift
    piece = Operations.piece_of(address, x)
    # rounding may have left it an ulp before the point
    if rate > 0 && piece < n && Operations.time_of(address, piece) - x <= 1e-13 * abs(x)
        piece += 1
    elseif rate < 0 && piece > 0 && x - Operations.time_of(address, piece - 1) <= 1e-13 * abs(x)
        piece -= 1
    end
    at = rate > 0 ? piece : piece - 1 # the next point
    finish = 0 <= at < n ? (Operations.time_of(address, at) - shift) / rate : Inf
    length = max(finish - t, 0.0)
    is_live = c.signs[k] == Operations.LIVE
    if is_live && pace.rejected > state[3] && pace.h < 4length
        state[1], state[2] = 1 + state[2], min(2 * state[2], LONGEST)
    elseif is_live && pace.accepted > state[4]
        state[2] = SHORTEST
    end
    state[1] > 1 && pace.accepted > state[4] && (state[1] -= 1)
    state[3], state[4] = pace.rejected, pace.accepted
    single = state[1] > 1 || pace.h < 1.5length
    wanted = single ? Operations.PIECE + piece : Operations.LIVE
    changed = wanted != c.signs[k]
    changed && note!(c, pace.accepted, k, wanted, true)
    return single ? finish : Inf, changed
end

"The largest error that the step that was tried may have made for what it did not see of signals."
function unseen!(m::March, p, t, h, tol)
    (; conditions) = m
    (conditions === nothing || m.live) && return 0.0
    most = 0.0
    for k in axes(conditions.through, 2)
        conditions.through[1, k] > 0 && conditions.signs[k] == Operations.LIVE || continue
        most = max(most, unseen!(m, conditions, k, p, t, h, tol))
    end
    return most
end

function unseen!(m::March, c::Conditions, k, p, t, h, tol)
    address, (rate, shift) = table(c, k), view(c.line, :, k)
    least, greatest = Operations.number_at(address, 3), Operations.number_at(address, 4)
    width, middle, start = greatest - least, (least + greatest) / 2, rate * t + shift
    (width == 0 || rate == 0) && return 0.0
    at(x, order) = Operations.signal(address, x, Operations.LIVE, order)
    area = square = 0.0
    explicit = m.method == EXPLICIT
    weights = explicit ? TSIT5_ROWS[7] : RODAS5P_QUADRATURE.weights
    nodes = explicit ? TSIT5_TABLEAU.c : RODAS5P_TABLEAU.c
    for q in eachindex(weights)
        v = at(start + rate * nodes[q] * h, 0) - middle
        area += weights[q] * v
        square += weights[q] * v * v
    end
    value = at(start, 0)
    if !explicit
        slope = h * rate * at(start, 1) * RODAS5P_QUADRATURE.slope
        area += slope
        square += 2 * (value - middle) * slope
    end
    (a0, s0), (a1, s1) = Operations.integrals(address, start), Operations.integrals(address, start + rate * h)
    missed = max(abs(h * area - (a1 - a0) / rate), abs(h * square - (s1 - s0) / rate) / width)
    return SAFETY * missed * reaction!(m, c, k, p, t, value, (least, greatest), tol)
end

# how much the right-hand side depends on a signal, relative to what the tolerances admit
function reaction!(m::March, c::Conditions, k, p, t, value, (least, greatest), tol)
    most = 0.0
    for (stand_in, extreme) in ((Operations.LEAST, least), (Operations.GREATEST, greatest))
        distance = abs(extreme - value)
        distance < 0.1 * (greatest - least) && continue
        set_sign!(c, k, stand_in)
        m.rhs!(m.f, m.u, p, t)
        size = 0.0
        for i in eachindex(m.f)
            most_of = max(abs(m.u[i]), abs(m.next[i]))
            size += abs2((m.f[i] - m.f0[i]) / distance / (tol.abstol[i] + tol.reltol * most_of))
        end
        most = max(most, size)
    end
    set_sign!(c, k, Operations.LIVE)
    return sqrt(most / length(m.f))
end
