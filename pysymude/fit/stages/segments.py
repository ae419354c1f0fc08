"""Experiments cut into segments, whose starts are unknowns of their own."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.loss.objective import Objective
from pysymude.model.transforms import to_unconstrained
from pysymude.plan.course import Course
from pysymude.plan.problem import Batch, Doses, LossData

__all__ = ["segments_of", "states_along"]

Float = NDArray[np.float64]


def segments_of(objective: Objective, loss: LossData, count: int) -> tuple[LossData, Float]:
    """The loss with one row a segment, and the unconstrained starts of segments after the first."""
    batch, n = loss.batch, len(objective.system.states)
    along = states_along(objective, loss)
    cuts = [_cuts(ts, count) for ts in batch.ts]
    longest = 1 + max(int(np.diff(edges).max()) for edges in cuts)
    rows: list[dict[str, Any]] = []
    courses: list[Course] = []
    starts: list[Float] = []
    # behind the starts that are expressions
    size = objective.layout.size + (0 if objective.starts is None else objective.starts.count)
    for e, edges in enumerate(cuts):
        end = edges[-1]
        for a, b in pairwise(edges):
            at = np.arange(a, a + longest)
            pick = np.minimum(at, b)
            # a time on a cut belongs to the segment that starts there
            own = (at < b) | ((b == end) & (at == b))
            index = loss.u0_index[e]
            if a > 0:
                index = size + sum(s.size for s in starts) + np.arange(n, dtype=np.int32)
                starts.append(_unconstrained(objective, along[e, a]))
            if loss.courses is not None:
                whole = loss.courses.each[e]
                courses.append(whole.after(float(batch.ts[e, a])) if a > 0 else whole)
            rows.append(
                {
                    "t0": batch.ts[e, a] if a > 0 else batch.t0[e],
                    "u0": along[e, a] if a > 0 else batch.u0[e],
                    "p": batch.p[e],
                    "ts": batch.ts[e, pick],
                    **_doses(batch, e, a, b),
                    "y": loss.y[e, pick],
                    "weight": loss.weight[e, pick] * own[:, None],
                    **({} if loss.side is None else {"side": loss.side[e, pick]}),
                    "u0_index": index.astype(np.int32),
                    "link": len(rows) + 1 if b < end else -1,
                    "law_weight": loss.law_weight[e, pick] * own[:, None],
                    "anchor": _anchor(loss.anchor[e, pick] * own),
                }
            )
    doses = None if batch.doses is None else Doses.stacked([row.pop("doses") for row in rows])
    stacked = {key: np.stack([row[key] for row in rows]) for key in rows[0]}
    t0, u0, p, ts = (stacked.pop(key) for key in ("t0", "u0", "p", "ts"))
    cut = replace(batch, t0=t0, u0=u0, p=p, ts=ts, doses=doses)
    stacked["link"] = stacked["link"].astype(np.int32)
    if loss.courses is not None:
        loss = replace(loss, courses=loss.courses.of(courses))
    return replace(loss, batch=cut, **stacked), np.concatenate(starts) if starts else np.zeros(0)


def _doses(batch: Batch, e: int, a: int, b: int) -> dict[str, Any]:
    """The doses of a segment: one at a cut is given before it, as outputs are those behind a dose."""
    if batch.doses is None:
        return {}
    start = batch.ts[e, a] if a > 0 else batch.t0[e]
    return {"doses": batch.doses.within(e, start, batch.ts[e, b], first=a == 0)}


def _cuts(ts: Float, count: int) -> NDArray[np.int64]:
    """Where segments of an experiment begin, and where the last of them ends.

    A segment begins at the first of equal times, so that all measurements at that time are its own; those
    at the end are the last one's, as are the times with which a short experiment is filled up.
    """
    begins = np.flatnonzero(np.diff(ts, prepend=-np.inf) > 0)
    parts = min(count, begins.size - 1)
    if parts < 1:  # one time alone
        return np.array([0, ts.size - 1])
    edges = begins[np.linspace(0, begins.size - 1, parts + 1).round().astype(np.int64)]
    edges[-1] = ts.size - 1
    return edges


def _anchor(weights: Float) -> Float:
    """A segment's share of an experiment's anchor; its own start where it has none."""
    total = weights.sum()
    return weights / total if total > 0 else (np.arange(weights.size) == 0).astype(np.float64)


def states_along(objective: Objective, loss: LossData) -> Float:
    """A guess of every state at every time, shape (E, T, n): measured, or interpolated, or u0."""
    batch = loss.batch
    guess = np.repeat(batch.u0[:, None, :], batch.ts.shape[1], axis=1)
    for k, symbol in enumerate(objective.system.states):
        if symbol.name not in objective.spec.columns:
            continue
        j = objective.spec.columns.index(symbol.name)
        for e in range(len(batch.t0)):
            seen = loss.weight[e, :, j] > 0
            if seen.any():
                guess[e, :, k] = np.interp(batch.ts[e], batch.ts[e, seen], loss.y[e, seen, j])
    return guess


def _unconstrained(objective: Objective, u: Float) -> Float:
    found = np.empty(u.size)
    least = 1e-12 * (min(float(np.abs(u).max()), 1.0) or 1.0)
    for k in range(u.size):
        if objective.loss.positive[k]:
            found[k] = to_unconstrained(max(float(u[k]), least), 0.0, np.inf)
        else:
            found[k] = u[k]
    return found
