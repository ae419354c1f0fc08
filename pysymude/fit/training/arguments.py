"""The checks on what `fit` is told beside system and data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pysymude.errors import InvalidInputError
from pysymude.fit.stages.stages import LBFGS, Adam, LawMatching
from pysymude.model.calls import whole_number
from pysymude.model.system import finite

__all__ = ["check_arguments", "check_own"]


def check_arguments(
    *,
    seed: Any,
    weight_decay: Any,
    patience: Any,
    resample: Any,
    checkpoint: Any,
    checkpoint_every: Any,
    resume: Any,
    callback: Any,
) -> None:
    """An error unless each argument can mean something.

    Raises
    ------
    InvalidInputError
        The message says which one cannot.
    """
    whole_number(seed, what="seed")
    whole_number(patience, what="patience", least=1)
    whole_number(checkpoint_every, what="checkpoint_every", least=1)
    if resample is not None:
        whole_number(resample, what="resample")
    if finite(weight_decay, "weight_decay") < 0:
        raise InvalidInputError(f"weight_decay must not be negative; found {weight_decay!r}")
    if callback is not None and not callable(callback):
        raise InvalidInputError(f"callback is a function of one Step; found {callback!r}")
    if resume and checkpoint is None:
        raise InvalidInputError("resume=True needs checkpoint=, the file to go on from")
    if checkpoint is not None and not Path(checkpoint).parent.is_dir():
        raise InvalidInputError(
            f"checkpoint={str(checkpoint)!r} lies in a folder that does not exist; make it first"
        )


def check_own(stages: Any, *, validation: Any, resample: Any) -> Any:
    """The stages for a loss of the user's own, of which only predictions at all times are known.

    Raises
    ------
    InvalidInputError
        A stage or an option that needs a sum over measurements.
    """
    for name, value in (("validation", validation), ("resample", resample)):
        if value is not None:
            raise InvalidInputError(
                f"{name}= takes measurements out of a sum over them, and loss= is a function of your own; "
                "leave it out, and let the function leave them out"
            )
    if stages is None:
        return (LBFGS(),)
    for stage in stages if isinstance(stages, list | tuple) else [stages]:
        kind = type(stage).__name__
        if not isinstance(stage, LawMatching | Adam | LBFGS):
            raise InvalidInputError(
                f"{kind} minimises a misfit of its own, not loss=; write stages=[psu.Adam(300), psu.LBFGS(500)]"
            )
        if not isinstance(stage, LawMatching) and min(stage.horizon) < 1.0:
            raise InvalidInputError(
                f"{kind}(horizon=) is for sums over measurements, and loss= sees all times; leave horizon= out"
            )
    return stages
