"""Stages of training: what is minimised, by which optimiser, for how long."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from pysymude.errors import InvalidInputError
from pysymude.fit.optimizers import optimizers
from pysymude.fit.optimizers.optimizers import Optimizer
from pysymude.model.calls import explained_class

__all__ = [
    "LBFGS",
    "Adam",
    "GradientMatching",
    "LawMatching",
    "MultipleShooting",
    "Stage",
    "default_stages",
]


@explained_class
@dataclass(frozen=True)
class GradientMatching:
    """A warm start without any solve: the right-hand side is matched to slopes of smoothed data.

    Every state must be measured; otherwise the stage says so and is left out.

    Parameters
    ----------
    iterations : int
        L-BFGS iterations.
    points : int
        Points between two measurements.

    References
    ----------
    .. [1] Varah, A spline least squares method for numerical parameter estimation in differential
       equations, SIAM J. Sci. Stat. Comput. 3 (1982), 28.
    """

    iterations: int = 200
    points: int = 4

    def __post_init__(self) -> None:
        _positive(self, "iterations", "points")

    def legs(self) -> list[tuple[str, int, Optimizer, float, int]]:
        """(kind, iterations, optimiser, horizon, segments)."""
        return [("matching", self.iterations, optimizers.LBFGS(), 1.0, 1)]


@explained_class
@dataclass(frozen=True)
class LawMatching:
    """The unknown coefficients of laws, fitted to the data alone, without any solve.

    What varies least along each experiment's smoothed data: the sum over laws of the variance of I,
    relative to its spread, and for balance laws the weak form of dI/dt = rate. Left out where no
    law has an unknown coefficient, or where the coefficients could all be zero. Afterwards
    `GradientMatching` and stages on a part of the time span leave these coefficients as they are,
    unless an equation contains them too: they know less of them.

    Parameters
    ----------
    iterations : int
        L-BFGS iterations.
    """

    iterations: int = 100

    def __post_init__(self) -> None:
        _positive(self, "iterations")

    def legs(self) -> list[tuple[str, int, Optimizer, float, int]]:
        """(kind, iterations, optimiser, horizon, segments)."""
        return [("laws", self.iterations, optimizers.LBFGS(), 1.0, 1)]


@explained_class
@dataclass(frozen=True)
class Adam:
    """Adam on the loss of solved trajectories.

    Parameters
    ----------
    iterations : int
    learning_rate : float
        Falls along a half cosine to one hundredth.
    horizon : tuple of float
        Growing horizon: the iterations are split evenly over these parts of the time span.
    clip : float
        Largest norm of the gradient.
    batch : int, optional
        How many experiments each step sees, or, where there is one alone, how many of its times. They are
        shuffled each time all have been seen.
    """

    iterations: int = 300
    learning_rate: float = 1e-2
    horizon: tuple[float, ...] = (1.0,)
    clip: float = 1e3
    batch: int | None = None

    def __post_init__(self) -> None:
        _positive(self, "iterations", "learning_rate", "clip")
        _check_horizon(self.horizon)
        if self.batch is not None:
            _positive(self, "batch")
            if self.horizon != (1.0,):
                raise InvalidInputError(
                    "Adam takes batch= or horizon=, one of them: a batch is of the whole time span"
                )

    def legs(self) -> list[tuple[str, int, Optimizer, float, int]]:
        """(kind, iterations, optimiser, horizon, segments)."""
        each = -(-self.iterations // len(self.horizon))
        optimizer = optimizers.Adam(self.learning_rate, each, self.clip)
        if self.batch is not None:
            return [("batch", each, optimizer, 1.0, self.batch)]
        return [("loss", each, optimizer, h, 1) for h in self.horizon]


@explained_class
@dataclass(frozen=True)
class LBFGS:
    """L-BFGS on the loss of solved trajectories.

    Parameters
    ----------
    iterations : int
    memory : int
        Pairs of steps that are remembered.
    horizon : tuple of float
        As for `Adam`.
    """

    iterations: int = 1000
    memory: int = 50
    horizon: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        _positive(self, "iterations", "memory")
        _check_horizon(self.horizon)

    def legs(self) -> list[tuple[str, int, Optimizer, float, int]]:
        """(kind, iterations, optimiser, horizon, segments)."""
        each = -(-self.iterations // len(self.horizon))
        return [("loss", each, optimizers.LBFGS(self.memory), h, 1) for h in self.horizon]


@explained_class
@dataclass(frozen=True)
class MultipleShooting:
    """Short trajectories with starts of their own, tied together by a penalty that grows tenfold.

    Parameters
    ----------
    segments : int
        Pieces per experiment.
    iterations : int
        L-BFGS iterations in all, split evenly over the rounds.
    rounds : int
        How often the penalty grows.

    References
    ----------
    .. [1] Bock and Plitt, A multiple shooting algorithm for direct solution of optimal control
       problems, IFAC Proceedings 17 (1984), 1603.
    """

    segments: int = 4
    iterations: int = 300
    rounds: int = 3

    def __post_init__(self) -> None:
        _positive(self, "segments", "iterations", "rounds")

    def legs(self) -> list[tuple[str, int, Optimizer, float, int]]:
        """(kind, iterations, optimiser, weight of the ties, segments)."""
        each = -(-self.iterations // self.rounds)
        return [
            ("shooting", each, optimizers.LBFGS(), 10.0**r, self.segments)
            for r in range(self.rounds)
        ]


Stage = LawMatching | GradientMatching | Adam | LBFGS | MultipleShooting


def default_stages(*, networks: bool) -> tuple[Stage, ...]:
    """A warm start from laws and slopes, then L-BFGS; with networks on a growing horizon first."""
    horizon = (LBFGS(200, horizon=(0.4, 0.7)),) if networks else ()
    return (LawMatching(), GradientMatching(), *horizon, LBFGS(1000))


def check_stages(stages: Any, *, networks: bool) -> tuple[Stage, ...]:
    """`stages` as a tuple, the default where it is None."""
    if stages is None:
        return default_stages(networks=networks)
    given = tuple(stages) if isinstance(stages, (list, tuple)) else (stages,)
    for stage in given:
        if not isinstance(stage, (LawMatching, GradientMatching, Adam, LBFGS, MultipleShooting)):
            raise InvalidInputError(
                "stages= takes LawMatching, GradientMatching, Adam, LBFGS and MultipleShooting objects, such as "
                f"[psu.Adam(300), psu.LBFGS(500)]; found {stage!r}"
            )
    if not given:
        raise InvalidInputError("stages= is empty; leave it out for the default stages")
    return given


def _positive(stage: Any, *names: str) -> None:
    whole = {f.name for f in fields(stage) if f.type in ("int", "int | None")}
    for name in names:
        value = getattr(stage, name)
        kind = "a positive whole number" if name in whole else "a positive number"
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
            raise InvalidInputError(
                f"{type(stage).__name__}({name}=) must be {kind}; found {value!r}"
            )
        if name in whole and value != int(value):
            raise InvalidInputError(
                f"{type(stage).__name__}({name}=) must be {kind}; found {value!r}"
            )


def _check_horizon(horizon: Any) -> None:
    if not isinstance(horizon, tuple) or not all(0 < h <= 1 for h in horizon) or not horizon:
        raise InvalidInputError(
            f"horizon= takes parts of the time span in (0, 1], such as (0.3, 1.0); found {horizon!r}"
        )
