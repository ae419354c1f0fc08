"""An objective trained: stages become legs, legs become a result."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.outcomes import ReturnCode
from pysymude.fit.files.fit_key import fit_key
from pysymude.fit.long_work.progress_bar import Reporter
from pysymude.fit.loss.objective import FAILED, Objective
from pysymude.fit.problem.absorbable import absorbable, made_up_for
from pysymude.fit.result.fit_log import FitLog
from pysymude.fit.result.fit_result import FitResult
from pysymude.fit.result.stopped import INTERRUPTED
from pysymude.fit.stages.stage import Leg, Training
from pysymude.fit.terms.sampled_terms import SampledTerm
from pysymude.fit.training.arguments import TrainingOptions
from pysymude.fit.training.attempts import further_attempts, legs_of
from pysymude.fit.training.checkpoint import Progress
from pysymude.fit.training.first_theta import given_start
from pysymude.fit.training.loop import Loop
from pysymude.fit.training.validation import HeldOut, split
from pysymude.fit.treatment.resampling import resampled

__all__ = ["trained"]

log = logging.getLogger("pysymude")

Float = NDArray[np.float64]


def trained(obj: Objective, given: TrainingOptions) -> FitResult:
    """The fit of an objective."""
    options = given.for_objective(obj)
    start = given_start(obj, options.theta0, options.seed)
    loss, held_out = split(obj, options.validation, options.patience)
    if options.resample is not None:
        loss = resampled(loss, options.resample)
    decay = np.zeros(obj.layout.size)
    for slot in obj.layout.of_kind("weight"):
        decay[slot.slice] = options.weight_decay
    prepared = Training(obj, loss, decay)
    legs = legs_of(options.stages, prepared)
    if given.stages is None:
        legs += further_attempts(prepared, legs, start, options.seed)
    checkpoint, key = options.checkpoint, _key(prepared, options, start, legs)
    state = Progress(vector=start.copy())
    if options.resume and checkpoint is not None and Path(checkpoint).exists():
        state = Progress.load(checkpoint, key)
    loop = Loop(
        prepared, legs, held_out, state,
        save=None if checkpoint is None else partial(Progress.save, path=checkpoint, key=key),
        every=options.checkpoint_every, callback=options.callback,
    )  # fmt: skip
    with Reporter(options.progress, None) as reporter:
        _tell_of_absorbed(obj, state, reporter)
        stopped = loop.run(reporter)
    return _result(prepared, held_out, state, start, stopped, options)


def _tell_of_absorbed(obj: Objective, state: Progress, reporter: Reporter) -> None:
    """Says before training which parameters no data determine, since networks can make up for them."""
    for name, networks in absorbable(obj.system, obj.data, obj.frozen).items():
        sentence = made_up_for(name, networks)
        log.info("%s", sentence)
        reporter.says(sentence)
        row = ["before", 0, None, 0.0, sentence]
        if row not in state.record:  # a training that goes on has said so
            state.record.append(row)


def _key(
    prepared: Training, options: TrainingOptions, start: Float, legs: Sequence[Leg]
) -> dict[str, str]:
    """What a checkpoint must agree with."""
    obj, settings = prepared.objective, prepared.objective.settings
    sampled = [t for t in obj.composition.terms if isinstance(t, SampledTerm)]
    own: dict[str, Any] = {}
    if settings.loss is not None:  # of a function there is but its name
        own["loss"] = getattr(settings.loss, "__qualname__", repr(type(settings.loss)))
    weights = settings.law_weight, settings.equivariance_weight
    return fit_key(
        {
            "system": (obj.plan.fingerprint, *obj.plan.default_parameters, *obj.plan.scalings),
            "data": obj.data.fingerprint,
            "stages": (options.stages, [leg.label for leg in legs]),
            "theta0": start,
            "method": obj.method,
            "weight_decay": prepared.decay,
            "validation": (options.validation, options.patience),
            "laws": (obj.enforced.conserve, [str(law.expr) for law in obj.laws], weights),
            "symmetries": [str(term.expressions) for term in sampled],
            "resample": options.resample,
            "noise": sorted((name, repr(model)) for name, model in obj.system.noise.items()),
            "priors": sorted((name, repr(model)) for name, model in obj.system.priors.items()),
            "initial": [(str(x), str(f)) for x, f in obj.system.initial.items()],
            "frozen": obj.frozen,
            **own,
        }
    )


def _result(
    prepared: Training,
    held_out: HeldOut | None,
    state: Progress,
    start: Float,
    stopped: str,
    options: TrainingOptions,
) -> FitResult:
    obj = prepared.objective
    training = obj.with_loss(prepared.loss)
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
        validation_loss=None if held_out is None else held_out.objective.value(theta),
        history=state.history.arrays(),
        log=FitLog.from_list(state.record),
        stopped=stopped,
        converged=converged,
        promised=state.promised if np.isfinite(state.promised) else None,
        seconds=state.seconds,
        seed=options.seed,
        weight_decay=float(options.weight_decay),
    )


def _ended(solve: ReturnCode, stopped: str) -> ReturnCode:
    """A training that was cut short is no success, though the solves are."""
    return ReturnCode.Interrupted if solve.successful and stopped == INTERRUPTED else solve
