# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false
"""The trained networks as functions of what they read, sampled where they were informed and where asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.result.fit_result import FitResult
from pysymude.model.coerce import label_of, number_of
from pysymude.model.network import NetworkOutput
from pysymude.model.system import ODESystem
from pysymude.plan.compiled import compile_system
from pysymude.plan.numeric import NumericModel
from pysymude.recover.learned import learned_outputs
from pysymude.recover.library import Candidates

__all__ = ["Samples", "sample"]

Float = NDArray[np.float64]
_POINTS = 201  # along each trajectory, and in a box


@dataclass(frozen=True, eq=False)
class Samples:
    """One output of one network at N points, and its candidates there.

    Attributes
    ----------
    output : float64 array, shape (N,)
    features : float64 array, shape (N, candidates)
    along : int
        How many of the points, the first ones, lie on fitted trajectories.
    """

    output: Float
    features: Float
    along: int

    @property
    def scale(self) -> Float:
        """The coefficient with which each candidate alone would be as large as the output."""
        size = np.sqrt(np.mean(self.features[: self.along] ** 2, axis=0))
        whole = np.sqrt(np.mean(self.output[: self.along] ** 2))
        with np.errstate(divide="ignore"):
            return np.where(size > 0, (whole if whole > 0 else 1.0) / size, 0.0)


def sample(
    fit: FitResult, outputs: Sequence[Candidates], box: Mapping[Any, Any] | None, seed: int
) -> list[Samples]:
    """Every output along the fitted trajectories and, where a box is given, at points drawn from it.

    States that the box does not name, and time, keep the values of a point on a trajectory.

    Raises
    ------
    InvalidInputError
        A box of something else than states; a candidate that is not finite at some point.
    """
    t, u, p = _along(fit)
    along = len(t)
    if box is not None:
        extra = _in_box(fit, box, t, u, p, seed)
        t, u, p = (np.concatenate(pair) for pair in zip((t, u, p), extra, strict=True))
    plan, learned = compile_system(fit.system), learned_outputs(fit)
    model = NumericModel(plan, p.T, fit.theta)
    read = _read_outputs(fit.system)
    found: list[Samples] = []
    for out in outputs:
        own = out.network[out.index]
        values = model.evaluate(plan.tape([learned.get(own, own)]), t, u)[:, 0]
        features = model.evaluate(plan.tape(list(out.terms)), t, u)
        bad = np.flatnonzero(~np.isfinite(features).all(axis=0))
        if bad.size:
            raise InvalidInputError(
                f"the candidate {out.terms[bad[0]]} for {out.name} is not finite along the fitted "
                "trajectories or in the box; leave it out of library="
            )
        if (out.network.name, out.index) not in read:
            # a potential: slopes alone stand in the model, and a constant has none
            values = values - values[:along].mean()
            features = features - features[:along].mean(axis=0)
            features[:, [term.is_number for term in out.terms]] = 0.0
        found.append(Samples(values, features, along))
    return found


def _read_outputs(system: ODESystem) -> set[tuple[str, int]]:
    """Outputs whose values stand in the system, not their slopes alone."""
    events = (f for event in system.events for f in event.expressions)
    read = (*system.rhs.values(), *system.observables.values(), *events)
    atoms = (atom for f in read for atom in f.atoms(NetworkOutput))
    return {(cast("Any", a.args[0]).name, int(cast("Any", a.args[1]))) for a in atoms}


def _along(fit: FitResult) -> tuple[Float, Float, Float]:
    """Times, states and parameters at even distances in time along every fitted trajectory."""
    times: list[Float] = []
    parts: list[Float] = []
    for e, trajectory in enumerate(fit.data):
        # the measurement times too: on a stiff system they follow its time scales
        even = np.linspace(trajectory.t0, trajectory.t[-1], _POINTS)
        t = np.union1d(even, np.concatenate([[trajectory.t0], trajectory.t]))
        solution = fit.predict(t, experiment=e)
        good = np.isfinite(solution.u).all(axis=1)
        times.append(solution.t[good])
        parts.append(solution.u[good])
    given = fit.objective.loss.batch.p
    p = np.concatenate([np.tile(given[e], (len(t), 1)) for e, t in enumerate(times)])
    return np.concatenate(times), np.concatenate(parts), p


def _in_box(
    fit: FitResult, box: Mapping[Any, Any], t: Float, u: Float, p: Float, seed: int
) -> tuple[Float, Float, Float]:
    limits = _limits(fit, box)
    rng = np.random.default_rng(seed)
    pick = rng.integers(len(t), size=_POINTS)
    states = u[pick].copy()
    for k, (low, high) in limits.items():
        states[:, k] = rng.uniform(low, high, _POINTS)
    return t[pick], states, p[pick]


def _limits(fit: FitResult, box: Any) -> dict[int, tuple[float, float]]:
    names = [s.name for s in fit.system.states]
    if not isinstance(box, Mapping) or not box:
        raise InvalidInputError(
            f"box= takes a mapping from states to (low, high), such as {{{names[0]}: (0, 1)}}; "
            f"found {box!r}"
        )
    found: dict[int, tuple[float, float]] = {}
    for key, pair in box.items():
        name = label_of(key)
        if name not in names:
            raise InvalidInputError(
                f"box= names {name!r}, which is no state; the states are {', '.join(names)}"
            )
        try:
            low, high = pair
        except (TypeError, ValueError):
            low = high = None
        if low is None or high is None:
            raise InvalidInputError(f"box[{name}] must be (low, high); found {pair!r}")
        low, high = (number_of(v, what=f"box[{name}]") for v in (low, high))
        if not low < high:
            raise InvalidInputError(f"box[{name}] must have low < high; found ({low:g}, {high:g})")
        found[names.index(name)] = (low, high)
    return found
