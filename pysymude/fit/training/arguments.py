"""`TrainingOptions`: what `fit` is told beside the objective, checked, as one object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

from pysymude.errors import InvalidInputError
from pysymude.fit.loss.objective import Objective
from pysymude.fit.stages.all_stages import check_stages
from pysymude.fit.stages.gradient_matching import GradientMatching
from pysymude.fit.stages.lbfgs import LBFGS
from pysymude.fit.stages.multiple_shooting import MultipleShooting
from pysymude.model.calls import whole_number
from pysymude.model.coerce import number_of

__all__ = ["TrainingOptions"]


@dataclass(frozen=True, eq=False)
class TrainingOptions:
    """The keywords of `fit` that say how to train; see there.

    Raises
    ------
    InvalidInputError
        One that can mean nothing; the message says which.
    """

    stages: Any
    seed: int
    theta0: Any
    weight_decay: float
    validation: Any
    patience: int
    resample: int | None
    checkpoint: str | PathLike[str] | None
    checkpoint_every: int
    resume: bool
    progress: bool
    callback: Callable[..., Any] | None

    def __post_init__(self) -> None:
        whole_number(self.seed, what="seed")
        whole_number(self.patience, what="patience", least=1)
        whole_number(self.checkpoint_every, what="checkpoint_every", least=1)
        if self.resample is not None:
            whole_number(self.resample, what="resample")
        if number_of(self.weight_decay, what="weight_decay") < 0:
            raise InvalidInputError(
                f"weight_decay must not be negative; found {self.weight_decay!r}"
            )
        if self.callback is not None and not callable(self.callback):
            raise InvalidInputError(f"callback is a function of one Step; found {self.callback!r}")
        if self.resume and self.checkpoint is None:
            raise InvalidInputError("resume=True needs checkpoint=, the file to go on from")
        if self.checkpoint is not None and not Path(self.checkpoint).parent.is_dir():
            raise InvalidInputError(
                f"checkpoint={str(self.checkpoint)!r} lies in a folder that does not exist; make it first"
            )

    def for_objective(self, obj: Objective) -> TrainingOptions:
        """The same with stages that this objective can have."""
        stages = self.stages
        if obj.own is not None:
            self._check_own()
            stages = (LBFGS(),) if stages is None else stages
        return replace(self, stages=check_stages(stages, networks=bool(obj.plan.networks)))

    def _check_own(self) -> None:
        """Of a loss of the user's own only predictions at all times are known."""
        for name in ("validation", "resample"):
            if getattr(self, name) is not None:
                raise InvalidInputError(
                    f"{name}= takes measurements out of a sum over them, and loss= is a function of your own; "
                    "leave it out, and let the function leave them out"
                )
        given = self.stages if isinstance(self.stages, list | tuple) else [self.stages]
        for stage in given:
            kind = type(stage).__name__
            if isinstance(stage, GradientMatching | MultipleShooting):
                raise InvalidInputError(
                    f"{kind} minimises a misfit of its own, not loss=; write "
                    "stages=[psu.Adam(300), psu.LBFGS(500)]"
                )
            if min(getattr(stage, "horizon", (1.0,))) < 1.0:
                raise InvalidInputError(
                    f"{kind}(horizon=) is for sums over measurements, and loss= sees all times; leave horizon= out"
                )
