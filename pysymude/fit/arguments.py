"""The checks on what `fit` is told beside system and data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pysymude.errors import InvalidInputError
from pysymude.model.calls import whole_number
from pysymude.model.system import finite

__all__ = ["check_arguments"]


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
