"""Why a gradient is not finite: the first derivative along the solution that is not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.engines.base import AbstractEngine, Method
from pysymude.errors import EmissionError
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.derivatives import derivatives
from pysymude.plan.emitter import pruned
from pysymude.plan.numeric import NumericModel
from pysymude.plan.problem import Batch, LossData, LossSpec
from pysymude.plan.tape import Tape, build_tape

__all__ = ["not_differentiable"]

Float = NDArray[np.float64]

_BETWEEN = 64  # so many further times of each experiment are looked at
_LONGEST = 80  # characters of an expression in a sentence, and of a state


@dataclass(frozen=True)
class _Suspects:
    """Expressions by name: right-hand sides of states, or columns that are measured."""

    plan: CompiledSystem
    names: tuple[str, ...]
    measured: bool

    def expression(self, name: str) -> sp.Expr:
        """The one of that name."""
        if self.measured:
            return self.plan.column(name)
        return self.plan.system.rhs[self.plan.system.states[self.plan.states.index(name)]]

    def title(self, name: str) -> str:
        """Its name, and where it is short what it is."""
        text = str(self.expression(name))
        title = name if self.measured else f"{name}'"
        return f"{title} = {text}" if len(text) <= _LONGEST and text != name else title


@dataclass(frozen=True, eq=False)
class _Derivatives:
    """Derivatives as a tape, and for each of its outputs: of which name, by which inputs."""

    tape: Tape
    of: list[int]
    by: list[tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class _Path:
    """Solutions at many times, (E, T, n), and what was measured where."""

    batch: Batch
    u: Float
    loss: LossData

    def counts(self, e: int, suspects: _Suspects) -> NDArray[np.bool_]:
        """Which names matter at which times of an experiment, (T, names)."""
        t, known = self.batch.ts[e], np.isfinite(self.u[e]).all(axis=1)[:, None]
        if not suspects.measured:
            return np.broadcast_to(known, (len(t), len(suspects.names)))
        weight = np.concatenate([self.loss.weight[e], self.loss.law_weight[e]], axis=1) != 0
        return known & ((t[:, None] == self.loss.batch.ts[e]) @ weight)


def not_differentiable(
    engine: AbstractEngine,
    plan: CompiledSystem,
    data: tuple[LossSpec, LossData],
    method: Method,
    theta: Float,
) -> str:
    """A sentence that names the expression, the input, the time and the state; "" where none is found.

    The experiments are solved once more, with times in between. Right-hand sides count along all of the
    way, what is measured where it is; if their derivatives are finite, second ones are looked at, which
    implicit steps read.
    """
    spec, loss = data
    if loss.courses is not None:  # no one solve shows all of it
        return ""
    batch = _with_more_times(loss, theta)
    path = _Path(batch, engine.solve(engine.compile(plan), batch, theta, method).u, loss)
    measured = (*spec.columns, *spec.laws)
    for order in (1, 2):
        for suspects in (_Suspects(plan, plan.states, False), _Suspects(plan, measured, True)):
            found = _first(suspects, order, path, theta)
            if found:
                return found
    return ""


def _with_more_times(loss: LossData, theta: Float) -> Batch:
    """The experiments from their starts at theta."""
    batch, learned = loss.batch, loss.u0_index >= 0
    start = np.where(learned, theta[loss.u0_index], batch.u0)
    start[learned & loss.positive] = np.exp(start[learned & loss.positive])
    part = np.linspace(0.0, 1.0, _BETWEEN)
    more = batch.t0[:, None] + (batch.ts[:, -1] - batch.t0)[:, None] * part
    times = np.sort(np.concatenate([batch.ts, more], axis=1))
    return replace(batch, u0=start @ loss.mix.T, ts=times)


def _first(suspects: _Suspects, order: int, path: _Path, theta: Float) -> str:
    """The first of the derivatives of this order that is not finite, in the order of time."""
    try:
        known = _derivatives(suspects, order)
    except EmissionError:  # third derivatives of a network are not formed
        return ""
    earliest, sentence = np.inf, ""
    for e, t in enumerate(path.batch.ts if known.by else ()):
        model = NumericModel(suspects.plan, path.batch.p[e], theta)
        wrong = ~np.isfinite(model.evaluate(known.tape, t, path.u[e]))
        wrong &= path.counts(e, suspects)[:, known.of]
        i = int(np.argmax(wrong.any(axis=1)))
        if wrong[i].any() and t[i] < earliest:
            k = int(np.argmax(wrong[i]))
            title = suspects.title(suspects.names[known.of[k]])
            earliest = t[i]
            sentence = _sentence(suspects.plan, title, known.by[k], float(t[i]), path.u[e, i])
    return sentence


@lru_cache(maxsize=8)
def _derivatives(suspects: _Suspects, order: int) -> _Derivatives:
    """By states and trainable parameters."""
    plan, names = suspects.plan, suspects.names
    inputs = len(plan.inputs)
    wrt = (*range(len(plan.states)), *range(inputs - len(plan.trainable), inputs))
    tape = build_tape(plan.inputs, [suspects.expression(name) for name in names])
    of = list(range(len(names)))
    by: list[tuple[int, ...]] = [()] * len(names)
    for _ in range(order):
        made, rows, places = derivatives(tape, wrt)
        by = [(*by[r], int(c)) for r, c in zip(rows, places, strict=True)]
        of = [of[r] for r in rows]
        tape, _ = pruned(made.inputs, made.operations, made.outputs[len(tape.outputs) :])
    return _Derivatives(tape, of, by)


def _sentence(plan: CompiledSystem, title: str, by: tuple[int, ...], t: float, state: Float) -> str:
    where = ", ".join(f"{s} = {v:.6g}" for s, v in zip(plan.states, state, strict=True))
    where = where if len(where) <= _LONGEST else f"{where[:_LONGEST]}..."
    names = " and ".join(str(plan.inputs[k]) for k in by)
    second = "second " if len(by) > 1 else ""
    return (
        f"The {second}derivative of {title} by {names} is not finite at t = {t:.6g}, where {where}."
    )
