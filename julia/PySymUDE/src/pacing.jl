# How large steps are, and which method takes them.

"What controls the sizes of steps, and which method takes them."
mutable struct Pace
    h::Float64
    h_before::Float64
    e_before::Float64
    since::Int        # accepted steps since the step size was found anew
    accepted::Int
    rejected::Int
    changes::Int      # of method
    at_limit::Int     # steps that stability held back
    mild::Int         # steps that it did not
    taken::Int        # steps since the last change of method
    h_explicit::Float64 # the last step before the change to the implicit method
    jumps::Int        # among the accepted steps
    last_jump::Float64
    rate::Float64     # of the fastest mode
    reach::Float64    # the longest explicit step that it allows
    most::Float64     # the largest error since the step size was found anew
    close::Int        # events that followed each other at one time, as far as numbers tell
end

Pace() = Pace(0.0, 0.0, 1.0, 0, 0, 0, 0, 0, 0, 0, 0.0, 0, -Inf, 0.0, Inf, 0.0, 0)

# steps that were tried, and those accepted
tried(pace::Pace) = pace.accepted + pace.rejected - pace.jumps

function begin_anew!(pace::Pace, m::March, h)
    pace.h, pace.h_before, pace.e_before, pace.since = h, h, m.method == EXPLICIT ? 1e-4 : 1.0, 0
    pace.reach, pace.most = Inf, 0.0
    return nothing
end

# Tsit5: the PI control of OrdinaryDiffEq. Rodas5P: Gustafsson's, as OrdinaryDiffEqCore has it for SDIRK
# methods: it foresees how errors grow or shrink, and saves a quarter to a half of the steps of a stiff solve.
function rejected!(pace::Pace, m::March, h, e)
    pace.rejected += 1
    if m.method == EXPLICIT
        pace.h = h / (isfinite(e) ? min(5.0, e^(7 / 50) / 0.9) : 10.0)
    else
        pace.h = h / (pace.since == 0 || !isfinite(e) ? 10.0 : min(5.0, e^0.2 / 0.9))
    end
    return nothing
end

function accepted!(pace::Pace, m::March, h, e)
    pace.accepted += 1
    least = 1 / most_growth!(pace, h, e)
    if m.method == EXPLICIT
        q = e^(7 / 50) / pace.e_before^(2 / 25) / 0.9
        pace.e_before = max(e, 1e-4)
        pace.h = within_reach(pace, h, h / clamp(max(q, least), 0.1, 5.0))
        return nothing
    end
    q = e^0.2 / 0.9 # the estimate is of order 4
    pace.since > 1 && (q = max(q, pace.h_before / h * (e^2 / pace.e_before)^0.2 / 0.9))
    pace.h_before, pace.e_before = h, max(1e-2, e)
    pace.h = h / clamp(max(q, least), pace.since == 1 ? 1e-4 : 1 / 6, 5.0)
    return nothing
end

const STIFF_STEPS, MILD_STEPS = 12, 4   # so many in a row make a system stiff, or mild again
const AT_LIMIT, WELL_WITHIN = 0.8, 0.5  # of the region of stability

# after an accepted step of size h
function change_method!(pace::Pace, m::March, h)
    pace.taken += 1
    if m.method == EXPLICIT
        becomes_stiff!(pace, m, h) || return nothing
        m.method, pace.h_explicit = IMPLICIT, h
        m.confined || prepare_implicit!(m)
    else
        pace.mild = h * largest_row(m.J) < WELL_WITHIN * REGION ? pace.mild + 1 : 0
        # it was not stability, then, that had kept the steps short
        in_vain = pace.taken == 4MILD_STEPS && h < 2 * pace.h_explicit
        pace.mild >= 2MILD_STEPS || in_vain || return nothing
        m.method = EXPLICIT
    end
    pace.at_limit = pace.mild = pace.taken = 0
    pace.changes += 1
    pace.h_before, pace.e_before = h, m.method == EXPLICIT ? 1e-4 : 1.0
    return nothing
end

function becomes_stiff!(pace::Pace, m::March, h)
    if max(reach(m, h), h * pace.rate) > AT_LIMIT * REGION || held_by_decay(pace, h)
        pace.at_limit += 1
        pace.mild = 0
    else
        pace.mild += 1
        pace.mild >= MILD_STEPS && (pace.at_limit = 0)
    end
    return pace.at_limit >= STIFF_STEPS
end

# a bound of the eigenvalues
function largest_row(J::Mat)
    most = 0.0
    @inbounds for i in axes(J, 1)
        sum = 0.0
        for j in axes(J, 2)
            sum += abs(J[i, j])
        end
        most = max(most, sum)
    end
    return most
end

# the step h from t, but for what numbers as large as t do not tell: it ends where its clock says
function as_told(t, h)
    stop = t + h
    return (stop - t > h ? prevfloat(stop) : stop) - t
end

# from `f0`: Hairer's, as in OrdinaryDiffEqCore; 0 where the right-hand side is not finite
function first_step!(m::March, p, t0, span, tol)
    (; u, f0, f, stage, x) = m
    size(v) =
        sqrt(sum(i -> abs2(v[i] / (tol.abstol[i] + tol.reltol * abs(u[i]))), eachindex(v)) / length(v))
    d0, d1 = size(u), size(f0)
    isfinite(d1) || return 0.0
    least = 16 * (nextfloat(abs(t0)) - abs(t0))
    h0 = min(max(least, d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : d0 / d1 / 100), span)
    h0 < 10eps() && return min(max(least, 1e-6), span)
    @. stage = u + h0 * f0
    m.rhs!(f, stage, p, t0 + h0)
    f == f0 && return min(max(least, 100h0), span)
    @. x = f - f0
    bend = max(d1, size(x) / h0)
    h1 = bend <= 1e-15 ? max(1e-6, h0 * 1e-3) : 10.0^(-(2 + log10(bend)) / 5)
    return isfinite(h1) ? min(max(least, min(100h0, h1)), span) : h0
end
