"""`fit`: the one training loop, the same for every engine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.engines.outcomes import ReturnCode
from pysymude.errors import InvalidInputError
from pysymude.fit.long_work.progress_bar import Reporter
from pysymude.fit.loss.objective import FAILED, Objective, checked_dataset, objective
from pysymude.fit.result.fit_log import FitLog
from pysymude.fit.result.fit_result import FitResult
from pysymude.fit.stages.stages import GradientMatching, Stage, check_stages
from pysymude.fit.stages.tasks import (
    Task,
    batch_task,
    horizon_task,
    matching_task,
    samples_task,
    shooting_task,
)
from pysymude.fit.terms.sampled_terms import Part, free_scale, law_parts, unknown_coefficients
from pysymude.fit.training.arguments import check_arguments, check_own
from pysymude.fit.training.checkpoint import Progress, fit_key
from pysymude.fit.training.loop import INTERRUPTED, Leg, Loop, Step
from pysymude.fit.training.validation import Validation, split
from pysymude.fit.treatment.measured_starts import free_measured_starts
from pysymude.fit.treatment.per_experiment import separated
from pysymude.fit.treatment.resampling import resampled
from pysymude.fit.treatment.smoothing import smooth
from pysymude.model.calls import explained
from pysymude.model.coerce import float_array, label_of
from pysymude.model.dataset import Dataset
from pysymude.model.system import ODESystem
from pysymude.model.trajectory import Trajectory
from pysymude.plan.compiled import compile_system
from pysymude.plan.law import Law
from pysymude.solving.checks import check_is_system

__all__ = ["Step", "fit"]

log = logging.getLogger("pysymude")

Float = NDArray[np.float64]


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
        `LawMatching`, `GradientMatching`, `Adam`, `LBFGS`, `MultipleShooting`, in order. By default:
        coefficients of laws and gradient matching, then L-BFGS on a growing horizon.
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
    by_default = stages is None
    check_arguments(
        seed=seed, weight_decay=weight_decay, patience=patience, resample=resample, checkpoint=checkpoint,
        checkpoint_every=checkpoint_every, resume=resume, callback=callback,
    )  # fmt: skip
    system, data = separated(_checked(system), checked_dataset(data), per_experiment)
    data = free_measured_starts(system, data)
    obj = objective(
        system, data, weigh=True, frozen=frozen, laws=laws, conserve=conserve, law_weight=law_weight,
        equivariance=equivariance, equivariance_weight=equivariance_weight, loss=loss, solver=solver,
        reltol=reltol, abstol=abstol, max_steps=max_steps, dtmax=dtmax, tstops=tstops,
        sensealg=sensealg, engine=engine,
    )  # fmt: skip
    if obj.own is not None:
        stages = check_own(stages, validation=validation, resample=resample)
    stages = check_stages(stages, networks=bool(obj.plan.networks))
    start = obj.theta0(seed) if theta0 is None else _given_start(obj, theta0, seed)
    parts = split(obj, validation, patience)
    if resample is not None:
        parts = replace(parts, training=resampled(parts.training, resample))
    decay = np.zeros(obj.layout.size)
    for slot in obj.layout.of_kind("weight"):
        decay[slot.slice] = weight_decay
    key = fit_key(
        {
            "system": (obj.plan.fingerprint, *obj.plan.default_parameters, *obj.plan.scalings),
            "data": data.fingerprint,
            "stages": stages,
            "theta0": start,
            "method": obj.method,
            "weight_decay": decay,
            "validation": (validation, patience),
            "laws": (obj.enforced.conserve, [str(law.expr) for law in obj.laws], obj.weights),
            "symmetries": [str(part.expressions) for part in obj.parts],
            "resample": resample,
            "noise": sorted((name, repr(model)) for name, model in obj.system.noise.items()),
            "priors": sorted((name, repr(model)) for name, model in obj.system.priors.items()),
            "initial": [(str(x), str(f)) for x, f in obj.system.initial.items()],
            "frozen": obj.frozen,
            # of a function there is but its name
            **({} if loss is None else {"loss": getattr(loss, "__qualname__", repr(type(loss)))}),
        }
    )
    state = Progress(vector=start.copy())
    if resume and checkpoint is not None and Path(checkpoint).exists():
        state = Progress.load(checkpoint, key)
    legs = _legs(obj, stages, parts, decay)
    if by_default:
        legs += _further_attempts(obj, legs, start, seed)
    loop = Loop(
        obj, legs, parts, state, decay,
        save=None if checkpoint is None else lambda s: s.save(checkpoint, key),
        every=checkpoint_every, callback=callback,
    )  # fmt: skip
    with Reporter(progress, None) as reporter:
        stopped = loop.run(reporter)
    return replace(
        _result(obj, parts, state, start, stopped, seed), weight_decay=float(weight_decay)
    )


def _legs(obj: Objective, stages: Sequence[Stage], parts: Validation, decay: Float) -> list[Leg]:
    legs: list[Leg] = []
    held: tuple[int, ...] = ()
    for stage in stages:
        name = type(stage).__name__
        for kind, iterations, optimizer, amount, segments in stage.legs():
            if kind == "matching":
                points = stage.points if isinstance(stage, GradientMatching) else 4
                make = lambda points=points, h=held: _held(_matching(obj, decay, points), h)  # noqa: E731
                label = name
            elif kind == "laws":
                terms = _coefficient_parts(obj)
                make, label = lambda p=terms: _law_matching(obj, p, decay), name
                held = _told_by_the_data(obj) if terms else ()
            elif kind == "batch":
                make = lambda n=segments: batch_task(obj, parts.training, decay, n)  # noqa: E731
                label = f"{name} (batches of {segments})"
            elif kind == "shooting":
                make = lambda a=amount, n=segments: shooting_task(obj, parts.training, decay, a, n)  # noqa: E731
                label = f"{name} (ties x{amount:g})"
            else:
                kept = held if amount < 1 else ()
                make = lambda a=amount, h=kept: _held(  # noqa: E731
                    horizon_task(obj, parts.training, decay, a), h
                )
                label = name if amount >= 1 else f"{name} (to {amount:.0%})"
            legs.append(Leg(label, iterations, optimizer, make))
    return legs


def _further_attempts(obj: Objective, legs: list[Leg], start: Float, seed: int) -> list[Leg]:
    """The last stage from the start itself, and with networks all of them from two other seeds."""
    last = legs[-1]
    found = [replace(last, label=f"{last.label} (from the start)", attempt=1, origin=start)]
    if obj.plan.networks:
        for k in (2, 3):
            again = [replace(leg, label=f"{leg.label} (attempt {k})", attempt=k) for leg in legs]
            found += [replace(again[0], origin=obj.theta0(seed + 1000 * (k - 1))), *again[1:]]
    return found


def _matching(obj: Objective, decay: Float, points: int) -> Task | None:
    if obj.loss.courses is not None:
        log.info(
            "GradientMatching is left out: no curve through data tells what changes on the way"
        )
        return None
    smoothed = smooth(compile_system(obj.system), obj.data, points)
    if smoothed is None:
        log.info("GradientMatching is left out: it needs six measurements of every state")
        return None
    return matching_task(obj, smoothed, decay)


def _held(task: Task | None, held: tuple[int, ...]) -> Task | None:
    return task and replace(task, held=held)


def _told_by_the_data(obj: Objective) -> tuple[int, ...]:
    """Places of coefficients that stand in laws alone, which the data have told once.

    Slopes and the first part of the time span know little of them, and a network that is still wrong
    would bend them to its needs: they are free again on the whole span.
    """
    told = unknown_coefficients(obj.system, _matched_laws(obj)) & obj.system.unread
    return tuple(obj.layout[s.name].offset for s in sorted(told, key=lambda s: s.name))


def _matched_laws(obj: Objective) -> list[Law]:
    laws = [law for law in obj.laws if unknown_coefficients(obj.system, [law])]
    return [law for law in laws if not free_scale(obj.system, law)]


def _law_matching(obj: Objective, parts: Sequence[Part], decay: Float) -> Task | None:
    if not parts:
        log.info("LawMatching is left out: no law has coefficients that the data alone can tell")
        return None
    return samples_task(obj, parts, decay)


def _coefficient_parts(obj: Objective) -> list[Part]:
    """The laws on the smoothed data, those whose unknown coefficients this can tell."""
    names = {law.name for law in _matched_laws(obj)}
    if not names:
        return []
    return [part for part in law_parts(obj.enforced, obj.data) if part.name in names]


def _result(
    obj: Objective, parts: Validation, state: Progress, start: Float, stopped: str, seed: int
) -> FitResult:
    training = obj.with_loss(parts.training)
    theta, converged = state.best, state.converged and state.finished
    if theta is None:
        # stopped before any solve of the whole span: the start may still be the better one
        last = state.vector[: obj.layout.size].copy()
        theta = min((last, start), key=training.value)
    final = training.evaluate(theta, gradient=False)
    return FitResult(
        objective=obj,
        theta=theta,
        loss=final.value if final.success else FAILED,
        retcode=_ended(final.retcode, stopped),
        validation_loss=None if parts.held_out is None else parts.held_out.value(theta),
        history=state.history.arrays(),
        stopped=stopped,
        converged=converged,
        seconds=state.seconds,
        seed=seed,
        log=FitLog.from_list(state.record),
    )


def _given_start(obj: Objective, theta0: Any, seed: int) -> Float:
    """A start of the user's, with or without the initial states that are learned by default."""
    if isinstance(theta0, Mapping):
        return _start_by_names(obj, theta0, seed)
    given = float_array(theta0, what="theta0")
    freed = [s.name for s in obj.layout.of_kind("u0")]
    short = obj.layout.size - len(freed)
    if freed and given.shape == (short,):
        # they stand behind everything else
        given = np.concatenate([given, obj.theta0()[short:]])
    return obj.layout.check(given)


def _start_by_names(obj: Objective, given: Mapping[Any, Any], seed: int) -> Float:
    """The seeded start with natural values by name over it; a network takes all of its weights."""
    values = obj.layout.unpack(obj.theta0(seed))
    networks = {nn.name: nn for nn in obj.plan.networks}
    for key, value in given.items():
        name = label_of(key)
        if name in networks:
            flat = np.asarray(value, dtype=np.float64).ravel()
            slots = [s for s in obj.layout.of_kind("weight") if s.name.startswith(f"{name}.")]
            if flat.size != sum(s.size for s in slots):
                raise InvalidInputError(
                    f"network {name!r} has {sum(s.size for s in slots)} weights; found {flat.size} in theta0="
                )
            first = slots[0].offset
            for s in slots:
                values[s.name] = flat[s.offset - first : s.slice.stop - first].reshape(s.shape)
        elif name in obj.layout:
            values[name] = value
        else:
            raise InvalidInputError(
                f"theta0= names {name!r}, which is not learned; there are "
                f"{', '.join([*networks, *obj.layout])}"
            )
    return obj.layout.pack(values)


def _checked(system: Any) -> ODESystem:
    check_is_system(system)
    return system


def _ended(solve: ReturnCode, stopped: str) -> ReturnCode:
    """A training that was cut short is no success, though the solves are."""
    return ReturnCode.Interrupted if solve.successful and stopped == INTERRUPTED else solve
