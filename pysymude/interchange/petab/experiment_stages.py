"""One experiment in our terms: its stages, and where its states start."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Experiment", "Stage"]


@dataclass(frozen=True)
class Stage:
    """A period: its start, what states become, values of parameters, by symbol, and whether it follows a rest."""

    start: float
    set: Mapping[Any, Any]
    parameters: Mapping[Any, Any]
    rest: bool = False


@dataclass(frozen=True)
class Experiment:
    """Stages in order, and starts of states that are not those of the system."""

    stages: tuple[Stage, ...]
    starts: Mapping[Any, Any]

    @property
    def t0(self) -> float:
        """Where measurements can begin."""
        return next(s.start for s in self.stages if s.start > -math.inf)
