"""What each candidate measurement would say: its part of the information, by exact derivatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.loss.least_squares import sensitivities
from pysymude.fit.loss.objective import Objective
from pysymude.infer.evidence import Evidence
from pysymude.model.coerce import float_array, label_of, meant
from pysymude.model.dataset import Dataset
from pysymude.model.distributions.normal import Normal
from pysymude.model.trajectory import Trajectory

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["Candidates", "candidates_of"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Candidates:
    """Possible measurements of an experiment.

    Attributes
    ----------
    times : float64 array (candidates,)
    starts : int64 array (candidates,)
        Which of the given initial states each belongs to.
    rows : float64 array (candidates, columns, numbers)
        Derivatives of what is measured, divided by its noise, by the free numbers in natural units.
    """

    times: Float
    starts: NDArray[np.int64]
    rows: Float

    @property
    def information(self) -> Float:
        """Each candidate's information, (candidates, numbers, numbers)."""
        return np.einsum("ijk,ijl->ikl", self.rows, self.rows)


def candidates_of(
    fit: FitResult, given: Any, experiment: int, columns: Sequence[str]
) -> Candidates:
    """The candidates of ``{"t": times}``, perhaps with ``"u0"``: a list of initial states."""
    if not isinstance(given, Mapping) or "t" not in given:
        raise InvalidInputError(
            "candidates takes a mapping such as {'t': np.linspace(0, 10, 101)}, and perhaps 'u0': a list of "
            f"initial states; found {type(given).__name__}"
        )
    asked = cast("Mapping[Any, Any]", given)
    for key in asked:
        if key not in ("t", "u0"):
            raise InvalidInputError(
                f"candidates has no {key!r}; it has 't' and 'u0'{meant(str(key), ('t', 'u0'))}"
            )
    times = _times(asked["t"], fit.data[experiment])
    starts = asked.get("u0")
    if starts is not None and (not isinstance(starts, list | tuple) or not starts):
        raise InvalidInputError(
            "candidates['u0'] is a list of mappings such as [{x: 1.0}, {x: 5.0}]"
        )
    several: Sequence[Any] = [None] if starts is None else list(cast("Sequence[Any]", starts))
    parts = [_of_start(fit, times, u0, experiment, columns) for u0 in several]
    return Candidates(
        np.tile(times, len(parts)), np.repeat(np.arange(len(parts)), times.size),
        np.concatenate(parts),
    )  # fmt: skip


def _times(given: Any, trajectory: Trajectory) -> Float:
    times = float_array(given, what="candidates['t']")
    if times.ndim != 1 or times.size < 2 or not np.isfinite(times).all():
        raise InvalidInputError("candidates['t'] must hold at least two finite times")
    times = np.unique(times)
    if times[0] < trajectory.t0:
        raise InvalidInputError(
            f"candidates['t'] begins at {times[0]:g}, before the experiment does at {trajectory.t0:g}"
        )
    return times


def _of_start(
    fit: FitResult, times: Float, u0: Any, experiment: int, columns: Sequence[str]
) -> Float:
    """The rows of all times from one initial state."""
    evidence = Evidence(fit)
    trajectory = _imagined(fit, times, u0, experiment, columns)
    data = [trajectory if e == experiment else tr for e, tr in enumerate(fit.data)]
    frozen = [name for name in fit.objective.frozen if not name.startswith("u0[")]
    obj = fit.objective.rebuilt(fit.system, Dataset(data), frozen=frozen)
    # learned starts that the imagined experiment does not have are nothing that it could tell
    theta = np.empty(obj.layout.size)
    for slot in obj.layout.values():
        theta[slot.slice] = fit.theta[fit.layout[slot.name].slice]
    found = sensitivities(obj, theta)
    by_name = {name: k for k, name in enumerate(obj.spec.columns)}
    rows = np.zeros((times.size, 2 * len(columns), fit.theta.size))
    for j, name in enumerate(columns):
        at = by_name[name]
        sigma, learned = _noise(fit, obj, found.seen[experiment], name, times.size)
        here = found.row[experiment, : times.size, at]
        rows[:, 2 * j] = _placed(fit, obj, found.slopes[here]) / sigma[:, None]
        if learned is not None:
            scale = found.row[experiment, : times.size, learned]
            rows[:, 2 * j + 1] = (
                np.sqrt(2.0) * _placed(fit, obj, found.slopes[scale]) / sigma[:, None]
            )
    return rows[:, :, evidence.free] * evidence.units


def _placed(fit: FitResult, obj: Objective, slopes: Float) -> Float:
    """Derivatives by the fit's theta, of which an imagined experiment may have a part."""
    found = np.zeros((len(slopes), fit.theta.size))
    for slot in obj.layout.values():
        found[:, fit.layout[slot.name].slice] = slopes[:, slot.slice]
    return found


def _imagined(
    fit: FitResult, times: Float, u0: Any, experiment: int, columns: Sequence[str]
) -> Trajectory:
    """The experiment measured at the times, from its own start or another one."""
    own = fit.data[experiment]
    start: dict[str, Any] = dict(own.u0)
    learned = own.trainable_u0 if isinstance(own.trainable_u0, tuple) else ()
    if u0 is not None:
        if not isinstance(u0, Mapping):
            raise InvalidInputError("candidates['u0'] is a list of mappings such as [{x: 1.0}]")
        start |= {label_of(k): float(v) for k, v in cast("Mapping[Any, Any]", u0).items()}
        learned = tuple(name for name in learned if name not in start)
    for k, state in enumerate(fit.system.states):
        known = state.name in start or state.name in learned or own.trainable_u0 is True
        if not known and state not in fit.system.initial:
            start[state.name] = float(fit.u0(experiment)[k])
    noise = {name: scale for name, scale in own.noise.items() if name in columns}
    return replace(
        own, t=times, u=np.ones((times.size, len(columns))), columns=tuple(columns), u0=start,
        trainable_u0=own.trainable_u0 if own.trainable_u0 is True else learned,
        noise={name: float(np.nanmean(scale)) for name, scale in noise.items()},
        censored=np.zeros((times.size, len(columns)), dtype=np.int8),
    )  # fmt: skip


def _noise(
    fit: FitResult, obj: Objective, seen: Float, name: str, count: int
) -> tuple[Float, int | None]:
    """The noise of a column at each time, and the column in which a learned scale of it is seen."""
    models = {} if obj.likelihood is None else {c.name: c for c in obj.likelihood.columns}
    at = obj.spec.columns.index(name)
    if name in models:
        column = models[name]
        scales = [seen[:count, k] for k in column.scales]
        spread = np.asarray(column.family.spread(seen[:count, at], *scales), dtype=np.float64)
        own = isinstance(column.family, Normal)
        return np.broadcast_to(spread, (count,)), column.scales[0] if own else None
    given = [float(np.nanmean(tr.noise[name])) for tr in fit.data if name in tr.noise]
    if given:
        return np.full(count, given[0]), None
    for row in fit.residuals.table:
        if row.name == name and row.noise > 0:
            return np.full(count, row.noise), None
    raise InvalidInputError(
        f"nothing is known of the noise of {name!r}: it was not measured, or without error"
    )
