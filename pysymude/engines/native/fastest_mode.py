"""How long an explicit step may be for the sake of modes that rest, which its error does not show.

A system that starts in equilibrium, or a state that is 0 and stays there, gives no errors, and steps grow beyond
the region of stability: values are right, and derivatives, which do not rest, grow by |R(h lambda)| a step,
1e12 and more. So the fastest mode is looked for along the way.
"""

from __future__ import annotations

import math

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import run_tangents, where
from pysymude.engines.native.compiling import inner

__all__ = ["begin_within_reach", "held_by_decay", "look", "unmoved_growth", "within_reach"]

AUTO, RHS = st.AUTO, st.RHS
RATE, REACH, MOST, H = st.RATE, st.REACH, st.MOST, st.H
ACCEPTED, BASE, BEGUN = st.ACCEPTED, st.BASE, st.BEGUN
FAST, SCRATCH = st.FAST, st.SCRATCH

_FIRST_LOOKS = 3  # after a start, at each step
_LOOKS = 10  # so many steps are between two looks, later
_REST = 1e-3  # of a slope, where that of a state is 0
_PARALLEL = 1e-8  # two directions are one, where the square of the sine is smaller
_DAMPED = 0.1  # of its rate is the decay of a mode that stability is enough for
_STABLE, _ACCURATE = 0.6, 0.3  # of the stability region
_NEARLY = 0.9  # of the reach
_BEGINNING = 0.1  # of the reach
_UNSEEN = 1e-6  # of the tolerance are errors of what rests
_RESOLVED, _GENTLY = (
    0.05,
    1.4,
)  # steps of so much of the fastest time grow by no more, while nothing moves


@inner
def look(m, w, x, options, theta):
    """Looks at the step just taken, where it is time to: the fastest mode's rate, and the reach of a step."""
    since = w.marks[ACCEPTED] - w.marks[BEGUN]
    if options.method != AUTO and not options.derived:
        return
    if since > _FIRST_LOOKS and since % _LOOKS != 0:
        return
    rate, decay = fastest(m, w, theta, where(m, options.keep, w.marks[BASE]))
    w.walk[RATE] = rate
    share = _STABLE if decay > _DAMPED * rate else _ACCURATE
    w.walk[REACH] = share * x.stability / rate if rate > 0.0 else math.inf


@inner
def within_reach(w, h):
    """The next step, where errors would allow h: not beyond the reach, and not at once up to it."""
    if h <= w.walk[REACH]:
        return h
    return min(w.walk[REACH], _GENTLY * w.walk[H])


@inner
def begin_within_reach(w, h):
    """The first step, where the state would allow h: one that sees how the fastest mode begins."""
    return h if h <= w.walk[REACH] else _BEGINNING * w.walk[REACH]


@inner
def held_by_decay(w, x):
    """Whether nothing but the decay of the fastest mode keeps the step from being longer."""
    walk = w.walk
    return walk[H] > _NEARLY * walk[REACH] and walk[REACH] * walk[RATE] > 0.5 * x.stability


@inner
def unmoved_growth(w, error):
    """How much longer the next step may be: a little, while nothing has moved since the start.

    Derivatives do move then, and steps that grow manifold would step over how.
    """
    w.walk[MOST] = max(w.walk[MOST], error)
    if w.walk[MOST] < _UNSEEN and w.walk[H] * w.walk[RATE] > _RESOLVED:
        return _GENTLY
    return math.inf


@inner
def fastest(m, w, theta, o):
    """Rate and decay of the fastest mode: the size of the Jacobian's largest eigenvalue, and its real part.

    From two more power iterations at the block at `o`: v, J v and J J v tell both eigenvalues of a pair,
    whatever the units of the states are.
    """
    v, a, n = w.work[FAST], w.work[SCRATCH], m.n
    everywhere(v, w.first)
    along(m, w, theta, o, v, a)
    vv, va, aa = product(v, v, n), product(v, a, n), product(a, a, n)
    if not (0.0 < aa < math.inf and 0.0 < vv < math.inf):
        forget(v)
        return 0.0, 0.0
    if aa * vv - va * va <= _PARALLEL * aa * vv:
        keep_direction(v, a, aa)
        return math.sqrt(aa / vv), -va / vv
    return of_pair(m, w, theta, o, vv, va, aa)


@inner
def of_pair(m, w, theta, o, vv, va, aa):
    """`fastest`, where v and J v are two directions: J J v = p J v + q v, by least squares."""
    v, a, b, n = w.work[FAST], w.work[SCRATCH], w.work[st.INSIDE], m.n
    along(m, w, theta, o, a, b)
    vb, ab, bb = product(v, b, n), product(a, b, n), product(b, b, n)
    if not 0.0 < bb < math.inf:
        forget(v)
        return 0.0, 0.0
    minor = aa * vv - va * va
    p, q = (ab * vv - vb * va) / minor, (vb * aa - ab * va) / minor
    keep_direction(v, b, bb)
    rest = 0.25 * p * p + q
    if rest < 0.0:
        return math.sqrt(-q), -0.5 * p
    largest = 0.5 * p + (math.sqrt(rest) if p > 0.0 else -math.sqrt(rest))
    return abs(largest), -largest


@inner
def product(a, b, n):
    """The scalar product of the first n entries."""
    total = 0.0
    for j in range(n):
        total += a[j] * b[j]
    return total


@inner
def along(m, w, theta, o, v, out):
    """J v at the block at `o`, into out."""
    d, n, at = w.g, m.n, w.held.shape[0] + 1
    for s in range(m.size):
        d[s] = 0.0
    for j in range(n):
        d[at + j] = v[j]
    run_tangents(m, w, RHS, theta, w.zeros_of_theta, o, d)
    for j in range(n):
        out[j] = m.f_factors[j] * d[m.f_slots[j]]


@inner
def everywhere(v, f):
    """A direction to begin with, where v is 0: the slope f, with something of it where that is 0."""
    for j in range(v.shape[0]):
        if v[j] != 0.0:
            return
    size = product(f, f, v.shape[0])
    rest = _REST * math.sqrt(size) if size > 0.0 else 1.0
    for j in range(v.shape[0]):
        v[j] = f[j] if abs(f[j]) > _REST * rest else rest


@inner
def keep_direction(v, new, square):
    """The direction to go on with."""
    scale = 1.0 / math.sqrt(square)
    for j in range(v.shape[0]):
        v[j] = scale * new[j]


@inner
def forget(v):
    """The next look begins anew."""
    for j in range(v.shape[0]):
        v[j] = 0.0
