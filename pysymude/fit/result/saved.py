"""The file of a fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.outcomes import ReturnCode
from pysymude.errors import InvalidInputError
from pysymude.fit.files.save_file import read, understood
from pysymude.fit.loss.objective import Objective, objective
from pysymude.fit.loss.written_formulas import read_formulas, write_formulas
from pysymude.fit.result.fit_log import FitLog
from pysymude.model.dataset import Dataset
from pysymude.model.period_text import changes_from_text, changes_to_text
from pysymude.model.system import ODESystem
from pysymude.model.toml import system_from_text
from pysymude.model.trajectory import Trajectory
from pysymude.model.writing import system_to_text
from pysymude.plan.problem import LossData

__all__ = ["KIND", "NUMBERS", "SavedFit", "fit_parts", "objective_from_text", "objective_to_text"]

Float = NDArray[np.float64]

KIND = "fit"
NUMBERS = ("loss", "validation_loss", "stopped", "converged", "seconds", "seed", "weight_decay")
_KINDS: dict[str, Any] = {
    "stopped": str,
    "converged": bool,
    "validation_loss": (int, float, NoneType),
}
_METHOD = {
    "solver",
    "reltol",
    "abstol",
    "max_steps",
    "tstops",
    "dtmax",
    "sensealg",
    "engine",
    "weigh",
    "frozen",
}
_BEFORE = {"converged": False, "weight_decay": 0.0}  # what older files do not say


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
                **changes_to_text(trajectory),
            }
        )
    meta = {
        **_told(obj),
        "data": trajectories,
        "retcode": retcode.name,
        **numbers,
    }
    return meta, arrays


def objective_to_text(obj: Objective) -> str:
    """What `objective` was told beside the data, as JSON; `objective_from_text` is the inverse."""
    return json.dumps(_told(obj))


def objective_from_text(text: str, data: Dataset, loss: LossData) -> Objective:
    """The objective of a text of `objective_to_text`, with these numbers in its loss."""
    told = json.loads(text)
    system, formulas = read_formulas(system_from_text(told["system"]), told["formulas"])
    return objective(system, data, **told["method"], **formulas).with_loss(loss)


def _told(obj: Objective) -> dict[str, Any]:
    if obj.own is not None:
        raise InvalidInputError(
            "loss= is a function of your own, which no file holds; keep fit.theta, and give the function again"
        )
    written, formulas = write_formulas(obj)
    method = {
        **obj.method.keywords,
        "sensealg": obj.method.sensealg,
        "weigh": obj.weighed,
        "frozen": list(obj.frozen),
    }
    return {
        "system": system_to_text(written),
        "formulas": formulas,
        "method": {**method, "engine": obj.engine},
    }


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
    log: FitLog

    @classmethod
    def read(cls, path: str | PathLike[str]) -> SavedFit:
        """The file's content; errors as for `FitResult.load`."""
        meta, arrays = read(path, KIND)
        with understood(path, KIND):
            return cls.from_parts(meta, arrays)

    @classmethod
    def from_parts(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> SavedFit:
        """The inverse of `FitResult.parts`."""
        trajectories = [
            _trajectory(given, {k.removeprefix(f"data.{e}."): v for k, v in arrays.items()})
            for e, given in enumerate(meta["data"])
        ]
        _check(meta, arrays)
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
            log=FitLog.from_list(meta.get("log", ())),  # files of version 0.1 have none
        )


def _check(meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    """An error unless the parts have the types that `fit_parts` gives them."""
    for name in NUMBERS:
        value = (_BEFORE | meta)[name]
        kinds = _KINDS.get(name, (int, float))
        if not isinstance(value, kinds):
            raise InvalidInputError(f"{name} is {value!r}")
    if unknown := set(meta["method"]) - _METHOD:
        raise InvalidInputError(f"a method with {sorted(unknown)[0]!r}")
    rows = {k: v.shape for k, v in arrays.items() if k.startswith("history.")}
    if "history.stage" not in rows or len(set(rows.values())) > 1:
        raise InvalidInputError("a history whose columns differ in length")


def _trajectory(given: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Trajectory:
    trainable, prefix = given["trainable_u0"], "noise."
    noise = given["noise"] | {
        k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)
    }
    changed: dict[str, Any] = {
        "trainable_u0": tuple(trainable) if isinstance(trainable, list) else trainable,
        "noise": noise or None,
        # files of version 0.1 have none
        "censored": arrays.get("censored"),
        "signals": {
            k.removeprefix("signals."): tuple(v)
            for k, v in arrays.items()
            if k.startswith("signals.")
        },
        **changes_from_text(given),
    }
    return Trajectory.from_arrays(arrays["t"], arrays["u"], **given | changed)
