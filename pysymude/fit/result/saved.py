"""The file of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.outcomes import ReturnCode
from pysymude.errors import InvalidInputError
from pysymude.fit.files.save_file import read, understood, with_prefix
from pysymude.fit.loss.objective import Objective
from pysymude.fit.loss.objective_text import read_told, told
from pysymude.fit.problem.settings import Settings
from pysymude.fit.result.fit_log import FitLog
from pysymude.model.dataset import Dataset
from pysymude.model.period_text import changes_from_text, changes_to_text
from pysymude.model.system import ODESystem
from pysymude.model.trajectory import Trajectory

__all__ = ["KIND", "NUMBERS", "SavedFit", "fit_content"]

Float = NDArray[np.float64]

KIND = "fit"
NUMBERS = (
    "loss",
    "validation_loss",
    "stopped",
    "converged",
    "promised",
    "seconds",
    "seed",
    "weight_decay",
)
_KINDS: dict[str, Any] = {
    "stopped": str,
    "converged": bool,
    "validation_loss": (int, float, NoneType),
    "promised": (int, float, NoneType),
}
_BEFORE = {"converged": False, "promised": None, "weight_decay": 0.0}  # what older files do not say


def fit_content(
    obj: Objective,
    theta: Float,
    retcode: ReturnCode,
    history: Mapping[str, NDArray[Any]],
    numbers: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What the file of a fit holds: JSON and arrays; `SavedFit.from_content` is the inverse."""
    arrays: dict[str, NDArray[Any]] = {"theta": theta}
    arrays |= {f"history.{k}": v for k, v in history.items()}
    trajectories: list[dict[str, Any]] = []
    for e, trajectory in enumerate(obj.data):
        arrays |= {f"data.{e}.t": trajectory.t, f"data.{e}.u": trajectory.u}
        arrays[f"data.{e}.censored"] = trajectory.censored
        noise = dict(trajectory.noise)
        for signal, points in trajectory.signals.items():
            arrays[f"data.{e}.signals.{signal}"] = np.stack(
                [points.times, np.asarray(points.values, dtype=np.float64)]
            )
        for column in [c for c, scale in noise.items() if isinstance(scale, np.ndarray)]:
            arrays[f"data.{e}.noise.{column}"] = np.asarray(noise.pop(column))
        trajectories.append(
            {
                "states": list(trajectory.columns),
                "t0": trajectory.t0,
                "trainable_u0": trajectory.trainable_u0,
                "noise": noise,
                "name": trajectory.name,
                "units": dict(trajectory.units),
                **changes_to_text(trajectory),
            }
        )
    meta = {
        **told(obj),
        "data": trajectories,
        "retcode": retcode.name,
        **numbers,
    }
    return meta, arrays


@dataclass(frozen=True, eq=False)
class SavedFit:
    """What the file of a fit holds, without an engine.

    `settings` are those of its objective; `numbers` fields of `FitResult`.
    """

    system: ODESystem
    data: Dataset
    theta: Float
    settings: Settings
    retcode: ReturnCode
    history: dict[str, NDArray[Any]]
    numbers: dict[str, Any]
    log: FitLog

    @classmethod
    def read(cls, path: str | PathLike[str]) -> SavedFit:
        """The file's content; errors as for `FitResult.load`."""
        meta, arrays = read(path, KIND)
        with understood(path, KIND):
            return cls.from_content(meta, arrays)

    @classmethod
    def from_content(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> SavedFit:
        """The inverse of `FitResult.content`."""
        trajectories = [
            _trajectory(given, with_prefix(arrays, f"data.{e}."))
            for e, given in enumerate(meta["data"])
        ]
        _check(meta, arrays)
        system, settings = read_told(meta)
        return cls(
            system=system,
            settings=settings,
            data=Dataset(trajectories),
            theta=arrays["theta"],
            retcode=ReturnCode[meta["retcode"]],
            history=with_prefix(arrays, "history."),
            numbers={name: (_BEFORE | meta)[name] for name in NUMBERS},
            log=FitLog.from_list(meta.get("log", ())),  # files of version 0.1 have none
        )


def _check(meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    """An error unless the parts have the types that `fit_content` gives them."""
    for name in NUMBERS:
        value = (_BEFORE | meta)[name]
        kinds = _KINDS.get(name, (int, float))
        if not isinstance(value, kinds):
            raise InvalidInputError(f"{name} is {value!r}")
    rows = {k: v.shape for k, v in arrays.items() if k.startswith("history.")}
    if "history.stage" not in rows or len(set(rows.values())) > 1:
        raise InvalidInputError("a history whose columns differ in length")


def _trajectory(given: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Trajectory:
    trainable, noise = given["trainable_u0"], given["noise"] | with_prefix(arrays, "noise.")
    changed: dict[str, Any] = {
        "trainable_u0": tuple(trainable) if isinstance(trainable, list) else trainable,
        "noise": noise or None,
        # files of version 0.1 have none
        "censored": arrays.get("censored"),
        "signals": {name: tuple(v) for name, v in with_prefix(arrays, "signals.").items()},
        **changes_from_text(given),
    }
    return Trajectory.from_arrays(arrays["t"], arrays["u"], **given | changed)
