"""What every experiment of a table is told besides, by the user or by columns of the table itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypedDict, cast

import numpy as np

from pysymude.model.coerce import FloatArray, Name
from pysymude.model.tables.dose_columns import joined_doses
from pysymude.model.tables.experiments import Experiments
from pysymude.model.tables.signal_columns import joined_signals

__all__ = ["Options", "arguments_of", "take_noise_columns"]


class Options(TypedDict, total=False):
    """What every experiment of a table may be told besides; see `Dataset.from_arrays`."""

    u0: Any
    t0: float | None
    trainable_u0: bool | Name | Collection[Name] | None
    parameters: Any
    noise: Any
    signals: Any
    doses: Any
    periods: Any
    units: Any


def arguments_of(found: Experiments, options: Options) -> dict[str, Any]:
    """The keywords of `Dataset.from_arrays` for the experiments of a table."""
    given: dict[str, Any] = dict(options)
    given["units"] = found.units | (given.get("units") or {})
    if found.noise and given.get("noise") is None:
        given["noise"] = _of_columns(found.noise, found.states)
    if found.signals:
        given["signals"] = joined_signals(found.signals, given.get("signals"))
    if found.doses:
        given["doses"] = joined_doses(found.doses, given.get("doses"))
    own = {"states": found.states, "name": found.names or "", "censored": found.censored}
    return {**given, **own}


def take_noise_columns(options: Options) -> Any:
    """Takes the columns out of `options` that ``noise=`` names."""
    noise: Any = options.get("noise")
    named = cast("Iterable[object]", noise.values()) if isinstance(noise, Mapping) else [noise]
    if not any(isinstance(one, str) for one in named):
        return None
    return options.pop("noise")


def _of_columns(noise: Sequence[FloatArray], states: Sequence[Name]) -> Any:
    """Noise by state and experiment, without states that have none in the whole table."""
    given = np.any(np.isfinite(np.vstack(noise)), axis=0).tolist()
    return [{state: one[:, k] for k, state in enumerate(states) if given[k]} for one in noise]
