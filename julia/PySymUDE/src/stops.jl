# The times at which conditions that know only time and parameters change: within a step that nobody would take
# for too long. So they are found before the march, which ends steps there.

"""
The times between t0 and t1 at which conditions of time alone change, ascending: (time, condition). The points of
signals are among them, as [`knots!`](@ref) gives them; where `all`, those that steps could run through as well.
"""
function find_stops(c::Conditions, u, p, t0, t1; all = false)
    found = Tuple{Float64,Int}[]
    t1 > t0 || return found
    for k in eachindex(c.signs)
        c.time_only[k] || continue
        if is_signal(c, k)
            append!(found, knots!(c, k, u, p, t0, t1, all))
            continue
        end
        nowhere = zero(u)
        g(t) = (c.values!(c.other, u, p, t); c.other[k])
        slope(t) = rate!(c, k, nowhere, u, p, t)
        zeros = zeros_between(g, slope, t0, t1)
        append!(found, [(t, k) for t in (is_event(c, k) ? event_times(c, k, g, zeros, t0, t1) : zeros)])
    end
    return sort!(found)
end
find_stops(::Nothing, u, p, t0, t1; all = false) = Tuple{Float64,Int}[]

"The times in (t0, t1) at which a function changes its sign."
function zeros_between(g, slope, t0, t1)
    found, tiny, parts = Float64[], 1e-9 * (t1 - t0), count_parts(g, t0, t1)
    low, a = t0, g(t0)
    a == 0 && ((low, a) = (t0 + tiny, g(t0 + tiny)))
    da = slope(low)
    for j in 1:parts
        high = t0 + (t1 - t0) * j / parts
        b = g(high)
        if b == 0 && j < parts
            # a zero on the grid is one inside the interval that ends a little later
            high += tiny
            b = g(high)
        end
        db = slope(high)
        if a * b < 0
            push!(found, zero_between(g, low, high, a, b))
        elseif a * da < 0 && b * db > 0
            # it goes towards 0 and comes back: perhaps through it, and again
            middle = beyond(g, slope, low, high, a, tiny)
            if middle > low
                c = g(middle)
                push!(found, zero_between(g, low, middle, a, c), zero_between(g, middle, high, c, b))
            end
        end
        b == 0 || ((low, a, da) = (high, b, db))
    end
    return found
end

# a time between two at which g has the other sign, or `low` where there is none
function beyond(g, slope, low, high, a, tiny)
    start = low
    while high - low > 1e-3 * tiny
        middle = (low + high) / 2
        low < middle < high || break
        g(middle) * a < 0 && return middle
        slope(middle) * a < 0 ? (low = middle) : (high = middle)
    end
    return start
end

const GRID = 128

# A straight line has one zero. Otherwise sixteen parts for each period of an oscillation as fast as the
# steepest slope seen says, and at least 128.
function count_parts(g, t0, t1)
    a, b = g(t0), g(t1)
    size, bend, steep = max(abs(a), abs(b)), 0.0, 0.0
    for j in 1:GRID-1
        x = j / GRID + 0.003 * (j % 3) # off the grid, so that a period is not met at one phase alone
        now = g(t0 + (t1 - t0) * x)
        bend = max(bend, abs(now - (a + (b - a) * x)))
        size = max(size, abs(now))
        steep = max(steep, abs(g(t0 + (t1 - t0) * (x + 1e-7)) - now) / 1e-7)
    end
    bend > 1e-12 * size || return 1
    return floor(Int, clamp(16 * steep / (2pi * size), GRID, 1e6))
end

# to the last bit of time
function zero_between(g, low, high, a, b)
    for r in 1:200
        middle = illinois(r, low, high, a, b)
        (middle == low || middle == high) && break
        value = g(middle)
        value == 0 && return middle
        if value * a > 0
            low, a = middle, value
            b /= 2
        else
            high, b = middle, value
            a /= 2
        end
    end
    return high
end
