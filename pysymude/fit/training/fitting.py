"""`fit`: what a user asks for, prepared, trained, and handed back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any

from numpy.typing import ArrayLike

from pysymude.fit.loss.objective import objective_of
from pysymude.fit.problem.prepared import checked_dataset
from pysymude.fit.problem.settings import Settings
from pysymude.fit.result.fit_result import FitResult
from pysymude.fit.stages.stage import Stage
from pysymude.fit.training.arguments import TrainingOptions
from pysymude.fit.training.step import Step
from pysymude.fit.training.trained import trained
from pysymude.fit.treatment.measured_starts import free_measured_starts
from pysymude.model.calls import explained
from pysymude.model.dataset import Dataset
from pysymude.model.system import ODESystem
from pysymude.model.trajectory import Trajectory
from pysymude.solving.checks import check_is_system

__all__ = ["Step", "fit"]


@explained
def fit(
    system: ODESystem,
    data: Dataset | Trajectory,
    *,
    laws: Any = (),
    conserve: str | None = None,
    law_weight: float = 1.0,
    equivariance: Any = (),
    equivariance_weight: float = 1.0,
    frozen: Any = (),
    per_experiment: Any = (),
    loss: Any = None,
    stages: Sequence[Stage] | Stage | None = None,
    seed: int = 0,
    theta0: ArrayLike | Mapping[Any, ArrayLike] | None = None,
    engine: str = "auto",
    solver: Any = "auto",
    reltol: float = 1e-6,
    abstol: Any = None,
    max_steps: int | None = None,
    dtmax: float | None = None,
    tstops: Sequence[float] = (),
    sensealg: str = "auto",
    weight_decay: float = 0.0,
    validation: float | str | Sequence[str | int] | None = None,
    patience: int = 20,
    resample: int | None = None,
    checkpoint: str | PathLike[str] | None = None,
    checkpoint_every: int = 25,
    resume: bool = False,
    progress: bool = True,
    callback: Callable[[Step], Any] | None = None,
) -> FitResult:
    """The system fitted to the data.

    Parameters
    ----------
    system, data, engine, solver, reltol, abstol, max_steps, dtmax, tstops, sensealg
        As for `objective`.
    laws, conserve, law_weight, equivariance, equivariance_weight, frozen, loss
        As for `objective`. With a loss of your own, stages are `LawMatching`, `Adam` and `LBFGS` on all times
        (by default `LBFGS`), and there is neither `validation` nor `resample`.
    stages : sequence of stages, optional
        `LawMatching`, `GradientMatching`, `GaussNewton`, `Adam`, `LBFGS`, `MultipleShooting`, or objects of
        your own with a method ``legs(prepared)``, in order. By default: coefficients of laws and gradient
        matching, then L-BFGS, with networks on a growing horizon. Small problems with networks (measurements
        times learned numbers up to 20,000) also go from their start by `Adam` and L-BFGS, and end with
        `GaussNewton` from the best point.
    seed : int
        Of the initial weights. The same seed gives the same fit.
    theta0 : array, shape (parameters,), or mapping from name to values, optional
        A start of your own instead; what a mapping of natural values leaves out starts as it would.
    weight_decay : float
        Adds ``weight_decay * sum(weights^2)`` to the loss, for network weights.
    validation : float or sequence of experiments, optional
        A part of the time span at the end (0.2: the last fifth), or names or numbers of whole
        experiments, is kept out of the loss; the theta with the smallest loss there is kept.
    patience : int
        Training stops after this many validations (one every 10 iterations) without improvement.
    resample : int, optional
        Seed of a bootstrap resample: in training each measurement counts as often as it is drawn.
    checkpoint : path, optional
        Where the state of training is written, atomically, every `checkpoint_every` iterations.
    resume : bool
        Go on from `checkpoint` if it is there. The steps are the same as without interruption.
    progress : bool
        Show what is being done, on a terminal or in a notebook.
    callback : callable, optional
        Gets a `Step` after each iteration; a true answer ends training.

    Returns
    -------
    FitResult
        The best theta so far, also after Ctrl-C (``stopped == "interrupted"``).
    """
    options = TrainingOptions(
        stages=stages, seed=seed, theta0=theta0, weight_decay=weight_decay, validation=validation,
        patience=patience, resample=resample, checkpoint=checkpoint,
        checkpoint_every=checkpoint_every, resume=resume, progress=progress, callback=callback,
    )  # fmt: skip
    settings = Settings(
        laws=laws, conserve=conserve, law_weight=law_weight, equivariance=equivariance,
        equivariance_weight=equivariance_weight, weigh=True, frozen=frozen,
        per_experiment=per_experiment, loss=loss, solver=solver, reltol=reltol, abstol=abstol,
        max_steps=max_steps, dtmax=dtmax, tstops=tstops, sensealg=sensealg, engine=engine,
    )  # fmt: skip
    check_is_system(system)
    data = free_measured_starts(system, checked_dataset(data))
    return trained(objective_of(system, data, settings), options)
