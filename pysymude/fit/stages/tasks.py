"""What one leg of training minimises, as a function of its own vector of unknowns."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import Evaluation
from pysymude.fit.legwise.coursed_loss import bind_loss
from pysymude.fit.loss.objective import Objective
from pysymude.fit.optimizers.optimizers import Point
from pysymude.fit.stages.minibatches import Batches
from pysymude.fit.terms.sampled_terms import Part
from pysymude.fit.treatment.smoothing import Smoothed
from pysymude.model.transforms import to_unconstrained
from pysymude.plan.course import Course
from pysymude.plan.problem import Batch, Doses, LossData, Samples

__all__ = ["Task", "batch_task", "horizon_task", "matching_task", "samples_task", "shooting_task"]

log = logging.getLogger("pysymude")

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Task:
    """A loss over theta and perhaps some unknowns of its own behind it.

    `extra` are the starting values of those unknowns; `decay` is one weight a number of theta. Numbers
    of theta at the places `held` stay as they are.
    """

    run: Callable[[Float, int], Evaluation]
    decay: Float
    extra: Float
    full: bool = False
    held: tuple[int, ...] = ()

    def embed(self, theta: Float) -> Float:
        """The task's vector for a theta."""
        return np.concatenate([theta, self.extra])

    def extract(self, vector: Float) -> Float:
        """Theta out of the task's vector."""
        return vector[: vector.size - self.extra.size]

    def evaluate(self, vector: Float, step: int = 0) -> Point:
        """Value, gradient and named terms at the task's vector, as the step of that number sees them."""
        found = self.run(vector, step)
        if not found.success or found.gradient is None:
            return Point(vector, np.inf, np.zeros_like(vector), False, {}, found.message)
        theta = self.extract(vector)
        gradient = found.gradient.copy()
        gradient[: theta.size] += 2 * self.decay * theta
        gradient[list(self.held)] = 0.0
        decay = float(self.decay @ theta**2)
        terms = {k: v for k, v in found.terms.items() if k == "data" or v != 0}
        if decay:
            terms["weight_decay"] = decay
        return Point(vector, found.value + decay, gradient, True, terms)


def horizon_task(objective: Objective, loss: LossData, decay: Float, horizon: float) -> Task:
    """The loss on the first part of the time span, or on all of it."""
    cut = loss if horizon >= 1 else loss.with_horizon(horizon)
    bound = objective.with_loss(cut)
    return Task(lambda v, _: bound.evaluate(v), decay, np.zeros(0), full=horizon >= 1)


def batch_task(objective: Objective, loss: LossData, decay: Float, size: int) -> Task:
    """The loss of another part of the data in each step."""
    return Task(Batches(objective, loss, size, seed=0).evaluate, decay, np.zeros(0))


def matching_task(objective: Objective, smoothed: Smoothed, decay: Float) -> Task:
    """The misfit of the vector field to the smoothed slopes, each state on its own scale."""
    mix = objective.enforced.mix
    du = smoothed.du @ mix.T
    scale = np.std(du, axis=0)
    weight = 1.0 / np.where(scale > 0, scale, 1.0) / np.sqrt(len(smoothed.t))
    weights = np.tile(weight, (len(smoothed.t), 1))
    samples = Samples.each(smoothed.t, smoothed.u @ mix.T, smoothed.p, weights, du)
    part = Part("data", tuple(objective.plan.system.rhs.values()), samples)
    return samples_task(objective, [part], decay)


def samples_task(objective: Objective, parts: Sequence[Part], decay: Float) -> Task:
    """A sum of terms that need no solve."""
    alone = replace(objective, parts=tuple(parts))

    def run(theta: Float, _: int) -> Evaluation:
        nothing = Evaluation(0.0, np.zeros(theta.size), {}, (), 0)
        return alone.with_parts(nothing, theta, gradient=True)

    return Task(run, 0 * decay, np.zeros(0))


def shooting_task(
    objective: Objective, loss: LossData, decay: Float, weight: float, segments: int
) -> Task | None:
    """Each experiment cut into segments whose starts are unknowns; gaps are penalised.

    None where changes happen at times that are learned: no segment could be told which are its own.
    """
    if loss.courses is not None and not all(c.is_fixed for c in loss.courses.each):
        log.info(
            "MultipleShooting is left out: the starts of periods or the times of doses are learned"
        )
        return None
    cut, starts = _segments(objective, loss, segments)
    scale = np.sqrt(np.nanmean(_states_along(objective, loss) ** 2, axis=(0, 1)))
    ties = np.sqrt(weight * loss.n_measured / max(1, starts.size)) / np.where(scale > 0, scale, 1.0)
    cut = replace(cut, link_weight=ties)
    bound = bind_loss(
        objective.runner,
        objective.runner.compile(objective.plan),
        replace(objective.spec, links=True),
        cut,
        objective.method,
    )

    def run(vector: Float, _: int) -> Evaluation:
        found = objective.of_bound(bound, cut, vector, gradient=True)
        return objective.with_parts(found, vector, gradient=True)

    return Task(run, decay, starts)


def _segments(objective: Objective, loss: LossData, count: int) -> tuple[LossData, Float]:
    """The loss with one row a segment, and the unconstrained starts of segments after the first."""
    batch, n = loss.batch, len(objective.system.states)
    along = _states_along(objective, loss)
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


def _states_along(objective: Objective, loss: LossData) -> Float:
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
    for k in range(u.size):
        if objective.loss.positive[k]:
            found[k] = to_unconstrained(max(float(u[k]), 1e-12), 0.0, np.inf)
        else:
            found[k] = u[k]
    return found
