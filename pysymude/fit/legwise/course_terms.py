"""Experiments in legs at one theta: what was solved, and the terms beside the data."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.outcomes import ReturnCode
from pysymude.plan.problem import LossData, LossSpec
from pysymude.solving.legs import Part
from pysymude.solving.steady import SteadyState

__all__ = ["Run", "Step", "beside", "gaps", "law_slopes"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Step:
    """A part that was solved: which rows it gave, where it came from and went, what was seen."""

    part: Part
    rows: NDArray[np.int64]
    before: Float
    start: Float
    end: Float
    steady: SteadyState | None = None


@dataclass(eq=False)
class Run:
    """All experiments at one theta."""

    seen: Float
    laws: Float
    codes: list[ReturnCode]
    starts: Float
    ends: Float
    sizes: Float
    steps: int
    taken: list[list[Step]]


def beside(spec: LossSpec, data: LossData, run: Run) -> dict[str, float]:
    """The terms of ties and of laws, and none of the data."""
    terms = {"data": 0.0, "links": 0.0, **dict.fromkeys(spec.laws, 0.0)}
    if not all(code.successful for code in run.codes):
        return dict.fromkeys(terms, math.nan)
    if spec.links:
        terms["links"] = float((gaps(data, run) ** 2).sum())
    r = _drifts(data, run)
    for k, law in enumerate(spec.laws):
        terms[law] = float((r[:, :, k] ** 2).sum())
    return terms


def gaps(data: LossData, run: Run) -> Float:
    """Ends less the starts that are tied to them, weighed; 0 where nothing is."""
    link = data.link
    gap = data.link_weight * (run.ends - run.starts[np.maximum(link, 0)])
    return np.where(link[:, None] >= 0, gap, 0.0)


def _anchors(data: LossData, run: Run) -> list[tuple[int, NDArray[np.int64], Float]]:
    """For each leg: experiment, rows, and the weights of the mean from which a law drifts there."""
    found: list[tuple[int, NDArray[np.int64], Float]] = []
    for e, steps in enumerate(run.taken):
        for step in steps:
            if step.rows.size:
                own = data.anchor[e, step.rows]
                first = (np.arange(own.size) == 0).astype(np.float64)
                found.append((e, step.rows, own / own.sum() if own.sum() > 0 else first))
    return found


def _drifts(data: LossData, run: Run) -> Float:
    """How far laws are from their means in each leg, weighed: a change may break a law."""
    r = np.zeros_like(run.laws)
    if run.laws.size:
        for e, rows, anchor in _anchors(data, run):
            values = run.laws[e, rows]
            r[e, rows] = data.law_weight[e, rows] * (values - anchor @ values)
    return r


def law_slopes(data: LossData, run: Run) -> Float:
    """The derivatives of their terms by the values of laws."""
    r = 2.0 * data.law_weight * _drifts(data, run)
    if r.size:
        for e, rows, anchor in _anchors(data, run):
            r[e, rows] -= anchor[:, None] * r[e, rows].sum(axis=0)
    return r
