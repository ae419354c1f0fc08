"""What is kept out of the loss, to see when training starts to follow the noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.loss.objective import Objective
from pysymude.plan.problem import LossData

__all__ = ["HeldOut", "split"]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The objective of what is kept out of the loss, how often it is asked, and how long without gain."""

    objective: Objective
    patience: int
    every: int = 10


def split(
    obj: Objective, validation: float | str | Sequence[str | int] | None, patience: int
) -> tuple[LossData, HeldOut | None]:
    """The numbers to train on, and what is held out: the tail of the time span, or whole experiments.

    Raises
    ------
    InvalidInputError
        A part outside (0, 1), an experiment that is not there, or nothing left on one side.
    """
    if validation is None:
        return obj.loss, None
    out = _tail(obj, validation) if isinstance(validation, float) else _experiments(obj, validation)
    weight = obj.loss.weight
    training = obj.loss.with_weight(np.where(out, 0.0, weight))
    held_out = obj.loss.with_weight(np.where(out, weight, 0.0))
    if not training.n_measured or not held_out.n_measured:
        raise InvalidInputError(
            f"validation={validation!r} leaves {training.n_measured} measurements for training and "
            f"{held_out.n_measured} for validation; both need some"
        )
    return _shorter(training), HeldOut(obj.with_loss(held_out), patience)


def _tail(obj: Objective, part: float) -> NDArray[np.bool_]:
    if not 0 < part < 1:
        raise InvalidInputError(
            f"validation= takes a part of the time span between 0 and 1, such as 0.2; found {part!r}"
        )
    ts, t0 = obj.loss.batch.ts, obj.loss.batch.t0
    end = t0 + (1 - part) * (ts[:, -1] - t0)
    return (ts > end[:, None])[:, :, None] & np.ones_like(obj.loss.weight, dtype=bool)


def _experiments(obj: Objective, names: int | str | Sequence[str | int]) -> NDArray[np.bool_]:
    known = [trajectory.name for trajectory in obj.data]
    given = [names] if isinstance(names, (str, int)) else list(names)
    out = np.zeros_like(obj.loss.weight, dtype=bool)
    for name in given:
        text = str(name)
        if text not in known:
            raise InvalidInputError(
                f"validation= names the experiment {name!r}; the dataset has {', '.join(known)}"
            )
        out[known.index(text)] = True
    return out


def _shorter(training: LossData) -> LossData:
    """Times after an experiment's last training measurement are cut: nobody looks at them."""
    ts = training.batch.ts
    counts = (training.weight > 0).any(axis=2)
    last = np.where(counts, ts, -np.inf).max(axis=1)
    # an experiment that is held out as a whole keeps its shortest span
    last = np.where(np.isfinite(last), last, ts[:, min(1, ts.shape[1] - 1)])
    last = np.maximum(last, ts[:, min(1, ts.shape[1] - 1)])
    return replace(training, batch=replace(training.batch, ts=np.minimum(ts, last[:, None])))
