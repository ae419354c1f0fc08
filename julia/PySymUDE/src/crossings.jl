# Where a condition that reads the state changes first inside a step. Signs are compared at the ends of eighths of it;
# between them a condition may touch 0 and come back, as a peak does that is a little above a threshold: where
# values say that this may be, the lowest point is looked for.

const PARTS = 8 # of a step, at whose ends signs are compared
const GOLDEN = 0.3819660112501051

"""
    crossing!(c, inside!, u, p, t, h, begins = 1) -> (fraction, condition)

The first change of a condition, from `begins` on, inside a step from u at t, whose states `inside!(out, fraction)`
gives; (2, 0) where there is none. A switch that rests on 0 and leaves it is told by its new sign: -2 - sign; an
event that returns at once to where it has just acted by NEVER.
"""
function crossing!(c::Conditions, inside!, u, p, t, h, begins = 1)
    first, which, before = 2.0, 0, 0.0
    copyto!(c.now, c.signs)
    copyto!(c.state, u)
    c.values!(c.other, c.state, p, t)
    for k in eachindex(c.now)
        c.past[1, k] = NaN
        c.past[2, k] = c.armed[k] == 1 ? c.other[k] * c.now[k] : NaN
    end
    for j in 1:PARTS
        x = j / PARTS
        inside!(c.state, x)
        c.values!(c.other, c.state, p, t + x * h)
        for k in begins:length(c.signs)
            c.time_only[k] && continue
            g, s = c.other[k], c.now[k]
            if s == 0 && g != 0
                k <= c.switches && return -2 - sign(g), k
                c.now[k], c.armed[k] = sign(g), 1
            elseif g * s > 0
                c.armed[k] = 1
                if !is_signal(c, k) && touches(c.past[1, k], c.past[2, k], g * s)
                    found = dip!(c, inside!, p, t, h, k, before, x, g * s)
                    found < first && ((first, which) = (found, k))
                end
            elseif g * s < 0 && k > c.switches && !passes(c, k, s)
                c.now[k], c.armed[k] = sign(g), 1
            elseif g * s < 0
                found = change!(c, inside!, p, t, h, k, before, x)
                found == NEVER && c.armed[k] == -1 && return NEVER, k
                if found == NEVER
                    c.now[k], c.armed[k] = -s, 1
                elseif found < first
                    first, which = found, k
                end
            end
            c.past[1, k], c.past[2, k] = c.past[2, k], g * s > 0 ? g * s : NaN
        end
        which > 0 && return first, which
        before = x
    end
    return first, which
end

# where to look in round r between points with values a and b: the secant's place, each third time the middle;
# Dowell and Jarratt, BIT 11 (1971), 168
function illinois(r, low, high, a, b)
    middle = r % 3 > 0 ? (low * b - high * a) / (b - a) : (low + high) / 2
    return low < middle < high ? middle : (low + high) / 2
end

# where condition k changes between two fractions of a step
function close_in!(c::Conditions, inside!, p, t, h, k, low, high)
    at(x) = value_inside!(c, inside!, p, t, h, k, x)
    a, b = at(low), at(high)
    a > 0 || k > c.switches || return low
    if !(a > 0)
        # it begins on 0, and was on its side only between there and `high`
        middle = high
        for _ in 1:60
            middle = low + (high - low) / 2
            a = at(middle)
            a > 0 && break
            high, b = middle, a
        end
        a > 0 || return NEVER
        low, c.armed[k] = middle, 1
    end
    for r in 1:60
        middle = illinois(r, low, high, a, b)
        value = at(middle)
        if value > 0
            low, a = middle, value
            b /= 2
        else
            high, b = middle, value
            a /= 2
        end
        (high - low <= 1e-15 * high || value == 0) && break
    end
    return high
end

# `close_in!`, or 2 for a switch that has just changed and did not reach its new side
function change!(c::Conditions, inside!, p, t, h, k, low, high)
    if k <= c.switches && c.armed[k] != 1
        is_signal(c, k) && return 2.0
        begins, low, a = low, high, -1.0
        for _ in 1:30
            low = begins + (low - begins) / 2
            a = value_inside!(c, inside!, p, t, h, k, low)
            a > 0 && break
            high = low
        end
        a > 0 || return 2.0
        c.armed[k] = 1
    end
    return close_in!(c, inside!, p, t, h, k, low, high)
end

# condition k at the fraction x of a step, times its sign
function value_inside!(c::Conditions, inside!, p, t, h, k, x)
    inside!(c.state, x)
    c.values!(c.g, c.state, p, t + x * h)
    return c.g[k] * c.now[k]
end

"""
Whether a condition may be 0 between points where it is a, b and c > 0, at equal distances: the parabola through
them has its lowest point between, or nearly so, and that is near 0, as curvature goes.
"""
function touches(a, b, c)
    bend = a - 2b + c
    return bend > 0 && abs(a - c) <= 2.5bend && b - (a - c)^2 / 8bend < bend / 2
end

# where condition k first changes between two parts' ends where it has one sign; 2 where it does not
function dip!(c::Conditions, inside!, p, t, h, k, middle, high, last)
    at(x) = value_inside!(c, inside!, p, t, h, k, x)
    a, b, part = c.past[1, k], c.past[2, k], high - middle
    bend, begins = a - 2b + last, middle - part
    lowest = middle + clamp((a - last) / 2bend, -1.0, 1.0) * part
    left, right = max(begins, lowest - part / 2), min(high, lowest + part / 2)
    l, r = left + GOLDEN * (right - left), right - GOLDEN * (right - left)
    at_l, at_r = at(l), at(r)
    for _ in 1:60
        least = min(at_l, at_r)
        # what is left of the bracket cannot bring it down to 0
        (!(least >= 0) || least > bend * ((right - left) / part)^2) && break
        if at_l < at_r
            right, r, at_r = r, l, at_l
            l = left + GOLDEN * (right - left)
            at_l = at(l)
        else
            left, l, at_l = l, r, at_r
            r = right - GOLDEN * (right - left)
            at_r = at(r)
        end
    end
    lowest = at_l < at_r ? l : r
    min(at_l, at_r) < 0 || return 2.0
    if k > c.switches && !passes(c, k, c.now[k])
        # the way back counts
        c.now[k] = -c.now[k]
        return close_in!(c, inside!, p, t, h, k, lowest, high)
    end
    return close_in!(c, inside!, p, t, h, k, lowest > middle ? middle : begins, lowest)
end
