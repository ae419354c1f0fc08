"""Leg after leg, iteration after iteration: what a fit does between its start and its result."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import SaveFileError
from pysymude.fit.long_work.progress_bar import Reporter
from pysymude.fit.loss.constant_loss import is_constant
from pysymude.fit.optimizers.optimizer import Point
from pysymude.fit.result.stopped import FINISHED, INTERRUPTED
from pysymude.fit.stages.stage import Leg, Training
from pysymude.fit.stages.task import Task
from pysymude.fit.training import judging
from pysymude.fit.training.checkpoint import Progress
from pysymude.fit.training.step import Step
from pysymude.fit.training.validation import HeldOut

__all__ = ["Loop"]

log = logging.getLogger("pysymude")

Float = NDArray[np.float64]


class Loop:
    """One training; `state` is all that changes."""

    def __init__(
        self,
        prepared: Training,
        legs: list[Leg],
        held_out: HeldOut | None,
        state: Progress,
        *,
        save: Callable[[Progress], None] | None,
        every: int,
        callback: Callable[[Step], Any] | None,
    ) -> None:
        self.prepared, self.legs, self.held_out, self.state = prepared, legs, held_out, state
        self.obj = prepared.objective
        self.training = self.obj.with_loss(prepared.loss)
        self.save, self.every, self.callback = save, every, callback
        self.clock = time.perf_counter() - state.seconds
        self.unsaved = ""

    def run(self, reporter: Reporter) -> str:
        """Until all legs are done; why it stopped."""
        state = self.state
        self.tell_of_resume(reporter)
        try:
            while state.leg < len(self.legs) and not state.finished:
                leg = self.legs[state.leg]
                due = self.takes_up(leg)
                self.tell_where(reporter)
                why = self.run_leg(leg, reporter) if due else ""
                if why:
                    return why
                state.leg, state.iteration, state.memory = state.leg + 1, 0, {}
                self.checkpoint()
        except KeyboardInterrupt:
            log.warning("interrupted; the best result so far is returned")
            self.note("interrupted")
            return INTERRUPTED
        finally:
            state.seconds = time.perf_counter() - self.clock
            self.tell_of_checkpoint()
        state.finished = True
        self.checkpoint()
        return FINISHED

    def note(self, what: str, leg: Leg | None = None, loss: float = np.nan) -> None:
        """A row in the record of what happened."""
        state = self.state
        here = leg or self.legs[min(state.leg, len(self.legs) - 1)]
        seconds = round(time.perf_counter() - self.clock, 3)
        state.record.append(
            [here.label, state.iteration, float(loss) if np.isfinite(loss) else None, seconds, what]
        )

    def tell_where(self, reporter: Reporter) -> None:
        """How far training is, in iterations of the attempts that have been taken up."""
        own = [leg for leg in self.legs if leg.attempt <= self.state.attempt]
        before = [leg for leg in self.legs[: self.state.leg] if leg.attempt <= self.state.attempt]
        done = sum(leg.iterations for leg in before) + self.state.iteration
        reporter.stands(done, sum(leg.iterations for leg in own))

    def tell_of_resume(self, reporter: Reporter) -> None:
        """Says where a training goes on that another process began."""
        state = self.state
        if not len(state.history):
            return
        # who was killed after the last stage may not have said that it was the last
        if state.finished or state.leg == len(self.legs):
            reporter.says("resumed: this training was finished already")
            return
        leg, loss = self.legs[state.leg], state.history.last("value", 1)[0]
        where = (
            f"stage {state.leg + 1} of {len(self.legs)}, {leg.label}, iteration {state.iteration}"
        )
        sentence = f"resumed at {where}, loss {loss:.4g}, after {state.seconds:.1f} s"
        log.info("%s", sentence)
        reporter.says(sentence)
        self.note(f"resumed at {where}", leg, loss)

    def tell_of_checkpoint(self) -> None:
        """Says at the end that the file is not what was reached."""
        if self.unsaved:
            log.warning("the last checkpoint is not in its file: it %s", self.unsaved)

    def run_leg(self, leg: Leg, reporter: Reporter) -> str:
        """One leg; empty when training goes on, else why it stops."""
        state = self.state
        task = leg.make()
        if task is not None and leg.resting:
            task = replace(task, resting=leg.resting)
        if task is None:
            self.note("left out: it finds nothing to work on here", leg)
            return ""
        reporter.begins(leg.label)
        if state.iteration == 0:
            state.before = state.vector.copy()
            state.vector = task.embed(state.before)
        point = self.first_point(task, leg)
        if not point.ok:
            log.warning("%s is left out: %s", leg.label, point.message)
            self.note(f"left out: {point.message}", leg)
            state.vector = task.extract(state.vector)
            return ""
        if state.iteration == 0:
            state.memory = leg.optimizer.start(point.theta)
            self.keep_best(task, point)
        why, ended = "", False
        while state.iteration < leg.iterations and not why and not ended:
            see = partial(task.evaluate, step=state.iteration + 1)
            better = leg.optimizer.step(point, state.memory, see)
            if better is None:
                ended = True
                break
            point = better
            state.vector = point.theta
            state.iteration += 1
            why = self.after_iteration(leg, task, point, reporter)
            recent = state.history.last("value", min(state.iteration, judging.CRAWL))
            ended = leg.optimizer.descends and judging.crawls(recent, leg.least)
        if why:
            self.note(why, leg, point.value)
        else:
            self.close(leg, task, point, ended)
        return why

    def close(self, leg: Leg, task: Task, point: Point, ended: bool) -> None:
        """The end of a leg: whether it converged, or, on a part of the loss, whether it helped."""
        state = self.state
        state.vector = task.extract(state.vector)
        if task.full:
            self.keep_best(task, point, last=True)
            self.judge(leg, task, point, ended)
            told = "converged" if state.converged else "nothing more to gain"
            self.note(told if ended else "all iterations used", leg, point.value)
            return
        after, before = self.full(state.vector), self.full(state.before)
        # a network that was matched to a part knows more than its loss on the whole shows
        lost = not after < np.inf if self.obj.plan.networks else not after <= before
        if lost and before < np.inf:
            log.info("%s lost ground on the whole loss and is undone", leg.label)
            self.note("undone: it lost ground on the whole loss", leg, point.value)
            state.vector = state.before.copy()
            return
        self.note("nothing more to gain" if ended else "all iterations used", leg, point.value)
        state.moved = state.moved or not np.array_equal(state.vector, state.before)
        if self.held_out is None and after < state.score:
            state.score, state.best = after, state.vector.copy()
            state.converged, state.promised = False, np.inf

    def judge(self, leg: Leg, task: Task, point: Point, ended: bool) -> None:
        """Whether the best point is a minimum, and how much the loss could still fall from there.

        By the optimiser's model, and as its last iterations did; what has no model of the loss, or ended
        elsewhere than at its best, is tried by a few steps of what has one.
        """
        state = self.state
        if state.best is None or self.held_out is not None:
            return
        promised, here = np.inf, point
        recent = state.history.last("value", min(state.iteration, judging.TREND))
        if np.array_equal(state.best, task.extract(point.theta)):
            promised = judging.promise_at(leg.optimizer, state.memory, task, point, ended)
            state.converged = ended and judging.is_minimum(
                self.obj, point, promised, state.first, recent
            )
            if state.converged and is_constant(self.training, state.best):
                state.converged = False
                return
        elif np.isfinite(state.promised):  # the best one is of an earlier leg
            return
        else:
            here = task.evaluate(state.best)
        if state.converged:
            state.promised = 0.0
        elif here.ok:
            state.promised = max(
                judging.trend(recent),
                promised if np.isfinite(promised) else judging.tried(task, here),
            )

    def takes_up(self, leg: Leg) -> bool:
        """Whether a leg is due: the first attempt's always, others where something is to be gained."""
        state = self.state
        if leg.attempt == state.attempt:
            return True
        origin = state.best if isinstance(leg.origin, str) else leg.origin
        if origin is None or self.held_out is not None:
            return False
        # without networks a look from the start itself costs little; with many weights the data must ask for it
        due = leg.due or state.score > judging.enough(self.prepared)
        if leg.attempt == 1:
            due = state.moved and (due or not self.obj.plan.networks)
        if due:
            log.info("another attempt, %s", leg.label)
            self.note("another attempt: something may be gained", leg, state.score)
            state.attempt, state.vector = leg.attempt, origin.copy()
        return due

    def full(self, theta: Float) -> float:
        """The whole training loss at theta, infinite where it cannot be solved."""
        here = self.training.evaluate(theta, gradient=False)
        return here.value + float(self.prepared.decay @ theta**2) if here.success else np.inf

    def first_point(self, task: Task, leg: Leg) -> Point:
        """Where the leg starts; networks that make the solve fail are drawn towards zero first."""
        point = task.evaluate(self.state.vector, self.state.iteration)
        weights = [s.slice for s in self.obj.layout.of_kind("weight")]
        for _ in range(8):
            if point.ok or not weights:
                break
            log.info("%s: the start fails (%s); weights are halved", leg.label, point.message)
            self.note(f"the start fails ({point.message}); weights are halved", leg)
            for place in weights:
                self.state.vector[place] *= 0.5
            point = task.evaluate(self.state.vector, self.state.iteration)
        if task.full and point.ok and not np.isfinite(self.state.first):
            self.state.first = abs(point.value)
        return point

    def after_iteration(self, leg: Leg, task: Task, point: Point, reporter: Reporter) -> str:
        """History, best so far, checkpoint, callback; why to stop, or an empty string."""
        state = self.state
        validation = self.keep_best(task, point)
        state.seconds = time.perf_counter() - self.clock
        extra = {} if validation is None else {"validation": validation}
        state.history.add(
            leg.label, iteration=state.iteration, value=point.value,
            seconds=state.seconds, **point.terms, **extra,
        )  # fmt: skip
        reporter.advance(leg.label, point.value)
        if state.iteration % self.every == 0:
            self.checkpoint()
        theta = task.extract(point.theta).copy()
        step = Step(leg.label, state.iteration, point.value, dict(point.terms), theta)
        if self.callback is not None and self.callback(step):
            return "stopped by the callback"
        if self.held_out is not None and state.stale >= self.held_out.patience:
            return "no further improvement in validation"
        return ""

    def keep_best(self, task: Task, point: Point, *, last: bool = False) -> float | None:
        """Keeps the best theta, on losses that can be compared; the validation loss if it was due.

        It is due every few iterations, and at the last one of a leg.
        """
        state = self.state
        if not task.full:
            return None
        score = point.value
        validation = None
        if self.held_out is not None:
            if state.iteration % self.held_out.every and not last:
                return None
            score = validation = self.held_out.objective.value(task.extract(point.theta))
        if score < state.score:
            state.score, state.best, state.stale = score, task.extract(point.theta).copy(), 0
            state.converged, state.promised = False, np.inf
        elif self.held_out is not None:
            state.stale += 1
        return validation

    def checkpoint(self) -> None:
        """Writes the state, where the user asked for it."""
        if self.save is None:
            return
        try:
            self.save(self.state)
        except SaveFileError as error:
            # hours of training are worth more than the file
            if not self.unsaved:
                log.warning("the checkpoint %s; training goes on without it", error)
            self.unsaved = str(error)
        else:
            self.unsaved = ""
