"""The file of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.outcomes import ReturnCode
from pysymude.errors import InvalidInputError, SaveFileError
from pysymude.fit.files import read
from pysymude.fit.formulas import read_formulas, write_formulas
from pysymude.fit.objective import Objective
from pysymude.model.dataset import Dataset
from pysymude.model.system import ODESystem
from pysymude.model.toml import system_from_text
from pysymude.model.trajectory import Trajectory
from pysymude.model.writing import system_to_text

__all__ = ["KIND", "NUMBERS", "SavedFit", "fit_parts"]

Float = NDArray[np.float64]

KIND = "fit"
NUMBERS = ("loss", "validation_loss", "stopped", "converged", "seconds", "seed")
_BEFORE = {"converged": False}  # what a file of version 0.1 does not say


def fit_parts(
    obj: Objective,
    theta: Float,
    retcode: ReturnCode,
    history: Mapping[str, NDArray[Any]],
    numbers: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What the file of a fit holds: JSON and arrays; `SavedFit.from_parts` is the inverse."""
    arrays: dict[str, NDArray[Any]] = {"theta": theta}
    arrays |= {f"history.{k}": v for k, v in history.items()}
    trajectories: list[dict[str, Any]] = []
    for e, trajectory in enumerate(obj.data):
        arrays |= {f"data.{e}.t": trajectory.t, f"data.{e}.u": trajectory.u}
        trajectories.append(
            {
                "states": list(trajectory.columns),
                "u0": dict(trajectory.u0),
                "t0": trajectory.t0,
                "trainable_u0": trajectory.trainable_u0,
                "parameters": dict(trajectory.parameters),
                "noise": dict(trajectory.noise),
                "name": trajectory.name,
            }
        )
    method = {
        **obj.method.keywords,
        "sensealg": obj.method.sensealg,
        "weigh": obj.weighed,
        "frozen": list(obj.frozen),
    }
    written, formulas = write_formulas(obj)
    meta = {
        "system": system_to_text(written),
        "formulas": formulas,
        "data": trajectories,
        "method": {**method, "engine": obj.engine},
        "retcode": retcode.name,
        **numbers,
    }
    return meta, arrays


@dataclass(frozen=True, eq=False)
class SavedFit:
    """What the file of a fit holds, without an engine.

    `method` and `formulas` are the keywords of `objective`; `numbers` those of `FitResult`.
    """

    system: ODESystem
    data: Dataset
    theta: Float
    method: dict[str, Any]
    formulas: dict[str, Any]
    retcode: ReturnCode
    history: dict[str, NDArray[Any]]
    numbers: dict[str, Any]

    @classmethod
    def read(cls, path: str | PathLike[str]) -> SavedFit:
        """The file's content; errors as for `FitResult.load`."""
        meta, arrays = read(path, KIND)
        try:
            return cls.from_parts(meta, arrays)
        except InvalidInputError as error:
            raise SaveFileError(f"holds what no fit has: {error}", path=str(path)) from error

    @classmethod
    def from_parts(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> SavedFit:
        """The inverse of `FitResult.parts`."""
        trajectories = [
            Trajectory.from_arrays(arrays[f"data.{e}.t"], arrays[f"data.{e}.u"], **_keywords(given))
            for e, given in enumerate(meta["data"])
        ]
        system, formulas = system_from_text(meta["system"]), dict[str, Any]()
        if "formulas" in meta:
            system, formulas = read_formulas(system, meta["formulas"])
        return cls(
            system=system,
            formulas=formulas,
            data=Dataset(trajectories),
            theta=arrays["theta"],
            method=meta["method"],
            retcode=ReturnCode[meta["retcode"]],
            history={
                k.removeprefix("history."): v for k, v in arrays.items() if k.startswith("history.")
            },
            numbers={name: (_BEFORE | meta)[name] for name in NUMBERS},
        )


def _keywords(given: dict[str, Any]) -> dict[str, Any]:
    trainable = given["trainable_u0"]
    return given | {
        "trainable_u0": tuple(trainable) if isinstance(trainable, list) else trainable,
        "noise": given["noise"] or None,
        "u0": given["u0"] or None,
    }
