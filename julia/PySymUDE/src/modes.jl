# How long an explicit step may be for the sake of modes that rest, which its error does not show. Where a system
# starts in equilibrium, or a state is 0 and stays there, steps would grow beyond the region of stability: values
# are right, and derivatives grow by |R(h lambda)| a step.

const FIRST_LOOKS, LOOKS = 3, 10          # after a start at each step, later at each tenth
const AT_REST = 1e-3                      # of a slope, where that of a state is 0
const DAMPED = 0.1                        # of its rate is the decay of a mode that stability is enough for
const STABLE, ACCURATE = 0.6, 0.3         # of the region of stability
const NEARLY, BEGINNING = 0.9, 0.1        # of the reach
const UNMOVED = 1e-6                      # of the tolerance are errors of what rests
const RESOLVED, GENTLY = 0.05, 1.4        # steps of so much of the fastest time grow by no more, while nothing moves

"Looks at the step from `m.u`, where it is time to: the fastest mode's rate, and the reach of a step."
function look!(pace::Pace, m::March, p, t)
    m.method == EXPLICIT && (m.way == SWITCHING || m.derived) || return nothing
    pace.since <= FIRST_LOOKS || pace.since % LOOKS == 0 || return nothing
    rate, decay = fastest!(m, p, t)
    pace.rate = rate
    pace.reach = rate > 0 ? (decay > DAMPED * rate ? STABLE : ACCURATE) * REGION / rate : Inf
    return nothing
end

# the first step sees how the fastest mode begins
begin_within_reach(pace::Pace) = pace.h <= pace.reach ? pace.h : BEGINNING * pace.reach

# not beyond the reach, and not at once up to it
within_reach(pace::Pace, h, wanted) = wanted <= pace.reach ? wanted : min(pace.reach, GENTLY * h)

# whether nothing but the decay of the fastest mode keeps the step from being longer
held_by_decay(pace::Pace, h) = h > NEARLY * pace.reach && pace.reach * pace.rate > REGION / 2

# a little, while nothing has moved since the start: derivatives do
function most_growth!(pace::Pace, h, e)
    pace.most = max(pace.most, e)
    return pace.most < UNMOVED && h * pace.rate > RESOLVED ? GENTLY : Inf
end

# The size of the Jacobian's largest eigenvalue, and less its real part: v, J v and J J v tell both of a pair,
# whatever the units of the states are.
function fastest!(m::March, p, t)
    v, a, b = m.mode, m.along, m.beyond
    everywhere!(v, m.f0)
    if m.model.f isa Odefunction
        prepare_jacobian!(m)
        m.model.f.jac(m.J, m.u, p, t)
    end
    along!(a, m, v, p, t)
    vv, va, aa = sum(abs2, v), dot(v, a), sum(abs2, a)
    (0 < aa < Inf && 0 < vv < Inf) || return forget!(v)
    minor = aa * vv - va * va
    if minor <= 1e-8 * aa * vv
        @. v = a / sqrt(aa)
        return sqrt(aa / vv), -va / vv
    end
    along!(b, m, a, p, t)
    vb, ab, bb = dot(v, b), dot(a, b), sum(abs2, b)
    0 < bb < Inf || return forget!(v)
    x, y = (ab * vv - vb * va) / minor, (vb * aa - ab * va) / minor
    @. v = b / sqrt(bb)
    rest = x * x / 4 + y
    rest < 0 && return sqrt(-y), -x / 2
    largest = x / 2 + copysign(sqrt(rest), x)
    return abs(largest), -largest
end

forget!(v) = (fill!(v, 0); (0.0, 0.0))

# the slope, with something of it where that is 0
function everywhere!(v, f)
    all(iszero, v) || return nothing
    rest = any(!iszero, f) ? AT_REST * sqrt(sum(abs2, f)) : 1.0
    @. v = ifelse(abs(f) > AT_REST * rest, f, rest)
    return nothing
end

# J v; a system without a dense Jacobian is asked twice
function along!(out, m::March, v, p, t)
    m.model.f isa Odefunction && return mul!(out, m.J, v)
    e = 1e-7 * (1 + sqrt(sum(abs2, m.u))) / sqrt(sum(abs2, v))
    @. m.x = m.u + e * v
    m.rhs!(out, m.x, p, t)
    @. out = (out - m.f0) / e
    return out
end
