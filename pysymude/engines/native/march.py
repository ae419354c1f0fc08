"""The march of one experiment: attempts, control of step sizes, outputs, switches, changes of method."""

from __future__ import annotations

import math

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import place, slopes, spare, where
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.explicit import (
    attempt_explicit,
    dense_explicit,
    extend_explicit,
    stiffness,
)
from pysymude.engines.native.implicit import (
    attempt_implicit,
    dense_implicit,
    reach,
    start_implicit,
)
from pysymude.engines.native.switching import (
    condition_slopes,
    conditions_at,
    crossing,
    find_stops,
    initial_signs,
    note,
    settle,
)

__all__ = ["march"]

EXPLICIT, IMPLICIT, AUTO = st.EXPLICIT, st.IMPLICIT, st.AUTO
NOTHING, ALL = st.NOTHING, st.ALL
# positions in `outcomes.CODES`, and what only the driver sees
SUCCESS, MAX_ITERS, DT_LESS_THAN_MIN, UNSTABLE, CONVERGENCE, INITIAL, CHATTERING = 0, 1, 2, 3, 4, 5, 8
FULL, NEEDS_IMPLICIT = -1, -2

_STIFF_STEPS = 12  # so many steps at the limit of stability make a problem stiff
_MILD_STEPS = 4
_AT_LIMIT, _WITHIN = 0.8, 0.5  # of the stability region


@inner
def first_step(m, w, theta, options, o, u, f0, t, span, order, scratch, live):
    """Hairer's first step; 0 where the right-hand side is not finite."""
    # Hairer, Norsett, Wanner, Solving ODEs I, 2nd ed., sec. II.4
    n = m.n
    d0, d1 = 0.0, 0.0
    for i in range(n):
        size = options.abstol[i] + options.reltol * abs(u[i])
        d0 += (u[i] / size) ** 2
        d1 += (f0[i] / size) ** 2
    d0, d1 = math.sqrt(d0 / n), math.sqrt(d1 / n)
    if not math.isfinite(d1):
        return 0.0
    h0 = 1e-6 if d0 < 1e-5 or d1 < 1e-5 else 0.01 * d0 / d1
    h0 = min(h0, span)
    place(m, w, o, t + h0, live)
    for i in range(n):
        w.v[o + w.held.shape[0] + 1 + i] = u[i] + h0 * f0[i]
    slopes(m, w, theta, o, scratch, 0)
    d2 = 0.0
    for i in range(n):
        d2 += ((scratch[i] - f0[i]) / (options.abstol[i] + options.reltol * abs(u[i]))) ** 2
    bend = max(d1, math.sqrt(d2 / n) / h0)
    h1 = max(1e-6, 1e-3 * h0) if bend <= 1e-15 else (0.01 / bend) ** (1.0 / (order + 1))
    return min(min(100.0 * h0, h1), span) if math.isfinite(h1) else h0


@inner
def write_outputs(m, w, x, y, method, problem, theta, options, e, i, base, t, h, end, u, new, live):
    """The states at the outputs of a step. (The next output, whether extra stages were computed)."""
    T, extra, ts = problem.ts.shape[1], 0, problem.ts
    while i < T and ts[e, i] <= end:
        s = (ts[e, i] - t) / h
        out = problem.out[e, i]
        if s >= 1.0:
            for j in range(m.n):
                out[j] = new[j]
        elif method == EXPLICIT:
            if extra == 0 and x.total > x.stages:
                extend_explicit(m, w, x, options.keep, theta, base, u, t, h, live)
            extra = 1
            dense_explicit(m, w, x, base, u, h, s, out)
        elif y is not None:
            dense_implicit(m, w, y, base, u, new, s, out)
        i += 1
    return i, extra


@inner
def has_room(m, w, step, base, keep, most):
    """Whether one more step and its blocks can be kept."""
    K = w.signs.shape[0]
    if (base + 2 * most) * m.n > w.k.shape[0]:
        return False
    if keep == NOTHING:
        return True
    if step + 2 >= w.steps.shape[0] or (K > 0 and w.counts[1] + K >= w.events.shape[0]):
        return False
    if keep == ALL:
        return (base + 2 * most + 1) * m.size <= w.v.shape[0] and (step + 1) * m.lu_size <= w.lu.shape[0]
    return True


@inner
def march(m, w, problem, x, y, options, theta, e):
    """Experiment e from its start in w.work[0] to its last time. (code, steps kept)."""
    n, keep, K = m.n, options.keep, w.signs.shape[0]
    u, new, error, scratch, state = w.work[0], w.work[1], w.work[2], w.work[3], w.work[4]
    t, T = problem.t0[e], problem.ts.shape[1]
    t1 = problem.ts[e, T - 1]
    most = x.total + 1
    if y is not None:
        most = max(x.total, y.stages) + 1
    method = IMPLICIT if options.method == IMPLICIT else EXPLICIT
    i, step, base = 0, 0, 0
    while i < T and problem.ts[e, i] <= t:
        for j in range(n):
            problem.out[e, i, j] = u[j]
        i += 1
    accepted, rejected, changes = 0, 0, 0
    code, stop, stops, live = SUCCESS, 0, 0, False
    w.counts[1] = 0
    if i < T:
        if not has_room(m, w, step, base, keep, most):
            return FULL, 0
        free = spare(m, w)
        place(m, w, free, t, True)
        for j in range(n):
            w.v[free + w.held.shape[0] + 1 + j] = u[j]
        slopes(m, w, theta, free, w.first, 0)
        if K > 0 or problem.stops.shape[0] > 0:
            if K > 0:
                initial_signs(m, w, theta, free, t, u, w.first, w.rates)
            stops = find_stops(m, w, problem, theta, free, e, t1)
            if stops < 0:
                return FULL, 0
    fresh, restart = True, True  # the first stage is to be computed; the step size as well
    h, h_before, e_before, last_error = 0.0, 0.0, 1e-4, 0.0
    stiff, mild = 0, 0
    while i < T:
        if not has_room(m, w, step, base, keep, most):
            code = FULL
            break
        if accepted + rejected >= options.max_steps:
            code = MAX_ITERS
            break
        if fresh:
            if method == EXPLICIT:
                o = where(m, keep, base)
                place(m, w, o, t, live)
                for j in range(n):
                    w.v[o + w.held.shape[0] + 1 + j] = u[j]
                slopes(m, w, theta, o, w.k, base * n)
                for j in range(n):
                    w.first[j] = w.k[base * n + j]
            elif y is not None:
                start_implicit(m, w, theta, keep, base, u, t, live)
            fresh = False
        target = w.stops[stop] if stop < stops else t1
        if restart:
            o = spare(m, w)
            order = 4 if method == EXPLICIT else 4
            h = first_step(m, w, theta, options, o, u, w.first, t, t1 - t, order, scratch, live)
            h_before, e_before, restart = h, 1e-4 if method == EXPLICIT else 1.0, False
            if h == 0.0:
                code = UNSTABLE if accepted > 0 else INITIAL
                break
        h = min(h, options.dtmax)
        if not t + h > t:
            code = DT_LESS_THAN_MIN if math.isfinite(last_error) else UNSTABLE
            break
        arrives = target - t <= 1.01 * h
        if arrives:
            h = target - t
        if method == EXPLICIT:
            err = attempt_explicit(m, w, x, options, theta, base, u, new, error, t, h, live)
        elif y is not None:
            err = attempt_implicit(
                m, w, y, options, theta, step, base, u, new, error, t, h, live
            )
        else:
            err = 0.0
        last_error = err
        if not err <= 1.0:
            rejected += 1
            if not math.isfinite(err):
                h *= 0.1
                if K > 0 and not live:
                    live, fresh = True, True
            elif method == EXPLICIT:
                h /= min(5.0, err**x.beta / 0.9)
            elif y is not None:
                h /= 10.0 if accepted == 0 else min(5.0, err**y.exponent / 0.9)
            continue
        landed, which = False, -1
        if K > 0 and not live:
            s, which = crossing(
                m, w, x, y, method, theta, spare(m, w), base, t, h, u, new, state
            )
            if s < 0.0:
                # tried again with the sign that it takes
                note(w, keep != NOTHING, step - 1, which, -2.0 - s, 1)
                fresh = True
                continue
            if which >= 0 and s < 1.0 - 1e-14:
                h *= s
                arrives = False
                if not t + h > t:
                    h = math.nextafter(t, math.inf) - t
                if method == EXPLICIT:
                    attempt_explicit(m, w, x, options, theta, base, u, new, error, t, h, live)
                elif y is not None:
                    attempt_implicit(
                        m, w, y, options, theta, step, base, u, new, error, t, h, live
                    )
            landed = which >= 0
        accepted += 1
        end = target if arrives else t + h
        i, extra = write_outputs(
            m, w, x, y, method, problem, theta, options, e, i, base, t, h, end, u, new, live
        )
        if keep != NOTHING:
            w.steps[step, 0] = method
            w.steps[step, 1] = base
            w.steps[step, 2] = extra
            w.steps[step, 3] = 1 if live else 0
            w.times[step, 0], w.times[step, 1], w.times[step, 2] = t, h, end
            for j in range(n):
                w.u[step, j] = u[j]
        # the size of the next step
        q = 1.0
        if method == EXPLICIT:
            q = err**x.beta / e_before**x.beta_before / 0.9
            e_before = max(err, 1e-4)
            q = min(max(q, 0.1), 5.0)
        elif y is not None:
            q = err**y.exponent / 0.9
            if accepted > 1:
                q = max(q, h_before / h * (err * err / e_before) ** y.exponent / 0.9)
            h_before, e_before = h, max(1e-2, err)
            q = min(max(q, 1e-4 if accepted == 1 else 1.0 / 6.0), 5.0)
        h_next = h / q
        method_was = method
        # whether another method does better from here on
        shared = method == EXPLICIT and x.fsal == 1
        if options.method == AUTO:
            if method == EXPLICIT:
                if stiffness(m, w, x, base, h) > _AT_LIMIT:
                    stiff += 1
                    mild = 0
                else:
                    mild += 1
                    if mild >= _MILD_STEPS:
                        stiff = 0
                if stiff >= _STIFF_STEPS:
                    if y is None:
                        return NEEDS_IMPLICIT, 0
                    method, stiff, mild, fresh, changes = IMPLICIT, 0, 0, True, changes + 1
                    e_before = 1.0
                    shared = False
            elif y is not None:
                if h * reach(m, w, scratch) < _WITHIN * x.stability:
                    mild += 1
                else:
                    mild = 0
                if mild >= 2 * _MILD_STEPS:
                    method, stiff, mild, fresh, changes = EXPLICIT, 0, 0, True, changes + 1
                    e_before = 1e-4
        used = x.total
        if y is not None and method_was == IMPLICIT:
            used = y.stages
        for j in range(n):
            u[j] = new[j]
        t = end
        if live:
            live = False
            settle(m, w, theta, spare(m, w), t, u, keep != NOTHING, step)
            shared, fresh = False, True
        while stop < stops and w.stops[stop] <= t:
            if w.stop_of[stop] >= 0:
                k = w.stop_of[stop]
                note(w, keep != NOTHING, step, k, -w.signs[k], 0)
                fresh, restart, shared = True, True, False
            stop += 1
        if landed:
            if slides(m, w, theta, spare(m, w), t, u, which, scratch, keep, step):
                code = CHATTERING
                break
            fresh, restart, shared = True, True, False
        if keep == NOTHING:
            if shared:
                for j in range(n):
                    w.k[j] = w.k[x.last * n + j]
            elif not fresh:
                fresh = True
        else:
            if shared and extra and x.total > x.stages:
                shared = False
                fresh = True
            base = base + x.last if shared else base + used
            fresh = fresh or not shared
            step += 1
        if shared and not fresh:
            for j in range(n):
                w.first[j] = w.k[base * n + j]
        h = h_next
    if code != SUCCESS and code != FULL and accepted == 0 and code != MAX_ITERS:
        code = INITIAL if code != CHATTERING else code
    if keep != NOTHING and code != FULL:
        for j in range(n):
            w.u[step, j] = u[j]
    problem.counts[e, 0] = accepted + rejected
    problem.counts[e, 1], problem.counts[e, 2], problem.counts[e, 3] = accepted, rejected, changes
    return code, step


@inner
def slides(m, w, theta, o, t, u, k, f, keep, step):
    """Changes the sign of a condition that was reached; whether both sides lead back to it."""
    place(m, w, o, t, False)
    for i in range(m.n):
        w.v[o + w.held.shape[0] + 1 + i] = u[i]
    slopes(m, w, theta, o, f, 0)
    conditions_at(m, w, theta, o, t, u)
    condition_slopes(m, w, theta, o, f, w.rates)
    before = w.rates[k]
    note(w, keep != NOTHING, step, k, -w.signs[k], 0)
    w.armed[k] = 0
    place(m, w, o, t, False)
    for i in range(m.n):
        w.v[o + w.held.shape[0] + 1 + i] = u[i]
    slopes(m, w, theta, o, f, 0)
    conditions_at(m, w, theta, o, t, u)
    condition_slopes(m, w, theta, o, f, w.rates)
    after = w.rates[k]
    return before * w.signs[k] > 0.0 and after * w.signs[k] < 0.0
