"""`Settings`: what `objective` is told beside system and data, as one object that is passed whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import number_of
from pysymude.solving.control import Control

__all__ = ["Settings"]


@dataclass(frozen=True, eq=False)
class Settings:
    """The keywords of `objective`, which explains them; those of an objective have every choice made."""

    laws: Any = ()
    conserve: str | None = None
    law_weight: float = 1.0
    equivariance: Any = ()
    equivariance_weight: float = 1.0
    weigh: bool = False
    frozen: Any = ()
    per_experiment: Any = ()
    loss: Any = None
    solver: Any = "auto"
    reltol: float = 1e-6
    abstol: Any = None
    max_steps: int | None = None
    dtmax: float | None = None
    tstops: Any = ()
    sensealg: str = "auto"
    engine: str = "auto"

    def __post_init__(self) -> None:
        for name in ("law_weight", "equivariance_weight"):
            number = number_of(getattr(self, name), what=name)
            if number < 0:
                raise InvalidInputError(
                    f"{name} must not be negative; found {getattr(self, name)!r}"
                )
            object.__setattr__(self, name, number)

    LAWS: ClassVar[tuple[str, ...]] = (
        "laws", "conserve", "law_weight", "equivariance", "equivariance_weight",
    )  # fmt: skip
    """Those that hold expressions, which travel as text with their system."""

    @classmethod
    def among(cls, options: Mapping[str, Any]) -> Settings:
        """Those that are among the options of something larger."""
        return cls(**{k: v for k, v in options.items() if k in cls.names()})

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """All keywords."""
        return tuple(field.name for field in fields(cls))

    @property
    def control(self) -> Control:
        """What decides step sizes."""
        return Control(self.reltol, self.abstol, self.max_steps, self.dtmax, self.tstops)

    @property
    def keywords(self) -> dict[str, Any]:
        """With which `objective` is told the same."""
        return {name: getattr(self, name) for name in self.names()}

    @property
    def of_laws(self) -> dict[str, Any]:
        """What is told of laws and symmetries."""
        return {name: getattr(self, name) for name in self.LAWS}

    @property
    def of_fit(self) -> dict[str, Any]:
        """With which `fit` is told the same: it decides by itself how columns without noise are weighed."""
        return {name: value for name, value in self.keywords.items() if name != "weigh"}
