"""Initial states that are expressions of what is learned: values, and the way back of their gradients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.model.network import MLP, NetworkOutput
from pysymude.plan.compiled import CompiledSystem, Program
from pysymude.plan.numeric import NumericModel
from pysymude.plan.problem import LossData

__all__ = ["InitialStates", "initial_states"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class InitialStates:
    """The starts that ``initial=`` gives.

    To an engine they are learned numbers that stand behind those of theta, so that it needs no more than it
    has: `embed` computes them, and `pull` brings their derivatives home.

    Attributes
    ----------
    plan : CompiledSystem
    size : int
        Of theta.
    exprs : tuple of SymPy expression
    places : int64 array, shape (starts, 2)
        Experiment and position in `exprs` of each.
    p : float64 array, shape (E, parameters)
    positive : bool array, shape (starts,)
        Whether it must not be negative.
    logarithms : bool array, shape (starts,)
        Whether an engine takes it by its logarithm.
    """

    plan: CompiledSystem
    exprs: tuple[sp.Expr, ...]
    size: int
    places: NDArray[np.int64]
    p: Float
    t0: Float
    positive: NDArray[np.bool_]
    logarithms: NDArray[np.bool_]

    def values(self, theta: Float) -> Float:
        """The starts at theta, float64 (starts,)."""
        found = np.stack([self._run(self._tape, e, theta) for e in range(len(self.p))])
        return found[self.places[:, 0], self.places[:, 1]]

    def embed(self, theta: Float) -> Float:
        """Theta as the engine takes it: with the starts behind its own numbers."""
        values = self.values(theta)
        # 0 is a fine start of a positive state; only its logarithm is not
        with np.errstate(all="ignore"):
            logs = np.log(np.where(values == 0.0, 1e-300, values))
        stored = np.where(self.logarithms, logs, values)
        stored[self.positive & (values < 0.0)] = np.nan
        return np.concatenate([theta[: self.size], stored, theta[self.size :]])

    def pull(self, theta: Float, gradient: Float) -> Float:
        """The gradient by theta of what has this gradient by ``embed(theta)``."""
        count = len(self.places)
        own = np.concatenate([gradient[: self.size], gradient[self.size + count :]])
        slopes = gradient[self.size : self.size + count]
        if self.logarithms.any():
            values = self.values(theta)
            with np.errstate(all="ignore"):
                slopes = np.where(
                    self.logarithms, slopes / np.where(values == 0.0, 1e-300, values), slopes
                )
        for e in range(len(self.p)):
            here = self.places[:, 0] == e
            weights = np.zeros(len(self.exprs))
            weights[self.places[here, 1]] = slopes[here]
            self._pull_one(theta, e, weights, own)
        return own

    def jacobian(self, theta: Float) -> Float:
        """The derivatives of ``embed(theta)``, float64 (its size, theta)."""
        count, size = len(self.places), theta.size + len(self.places)
        own = np.setdiff1d(np.arange(size), self.size + np.arange(count))
        found = np.zeros((size, theta.size))
        found[own] = np.eye(theta.size)
        for k in range(self.size, self.size + count):
            found[k] = self.pull(theta, np.eye(size)[k])
        return found

    def filled(self, loss: LossData, theta: Float) -> LossData:
        """The loss with the starts at theta among its numbers: they tell how large states are."""
        u0 = loss.batch.u0.copy()
        missing = np.isnan(u0)
        e, k = np.nonzero(loss.u0_index >= self.size)
        u0[e, k] = self.values(theta)[loss.u0_index[e, k] - self.size]
        u0[missing & ~np.isfinite(u0)] = 0.0
        return replace(loss, batch=replace(loss.batch, u0=u0))

    # tapes take longer to build than to run, and theta is asked for thousands of times
    @cached_property
    def _tape(self) -> Program:
        return self.plan.tape(list(self.exprs))

    @cached_property
    def _outputs(self) -> tuple[Any, ...]:
        """Outputs of networks that the expressions read."""
        found = {o for f in self.exprs for o in f.atoms(NetworkOutput)}
        return tuple(sorted(found, key=sp.default_sort_key))

    @cached_property
    def _slopes(self) -> Program:
        """Each expression's derivatives by the trainable parameters, then by the outputs of networks."""
        symbols = [self.plan.system.symbol(s.name) for s in self.plan.layout.of_kind("parameter")]
        return self.plan.tape(
            [
                d
                for f in self.exprs
                for d in (*(f.diff(s) for s in symbols), *(_by_output(f, o) for o in self._outputs))
            ]
        )

    @cached_property
    def _inputs(self) -> tuple[Program, ...]:
        """Those of the network of each output."""
        return tuple(self.plan.tape(list(o.args[0].inputs)) for o in self._outputs)

    def _run(self, tape: Program, e: int, theta: Float) -> Float:
        model = NumericModel(self.plan, self.p[e], theta)
        return model.evaluate(tape, self.t0[e], np.zeros(len(self.plan.states)))

    def _pull_one(self, theta: Float, e: int, weights: Float, own: Float) -> None:
        """Adds the derivatives of ``weights @ exprs`` in experiment e."""
        slots = self.plan.layout.of_kind("parameter")
        if not slots and not self._outputs:
            return
        found = weights @ self._run(self._slopes, e, theta).reshape(len(self.exprs), -1)
        for slot, d in zip(slots, found[: len(slots)], strict=True):
            own[slot.offset] += d * float(slot.slope(theta[slot.offset]))
        for output, inputs, d in zip(self._outputs, self._inputs, found[len(slots) :], strict=True):
            nn: MLP = output.args[0]
            given = np.zeros(nn.outputs)
            given[int(output.args[1])] = d
            first = self.plan.layout[f"{nn.name}.W1"].offset
            here = slice(first, first + nn.n_weights)
            own[here] += nn.pull(theta[here], self._run(inputs, e, theta), given)


def _by_output(expr: sp.Expr, output: sp.Expr) -> sp.Expr:
    """The derivative by one output of a network, as if it were a symbol."""
    stand_in = sp.Dummy(real=True)
    inner: Any = expr.xreplace({output: stand_in})
    return inner.diff(stand_in).xreplace({stand_in: output})


def initial_states(
    plan: CompiledSystem,
    exprs: dict[int, sp.Expr],
    loss: LossData,
    size: int,
    known: NDArray[np.bool_],
) -> tuple[InitialStates, LossData]:
    """The starts of a loss, and the loss that reads them; `known` (E, n) are those given otherwise."""
    numbers = list(exprs)
    places = np.array(
        [
            (e, i)
            for e in range(len(loss.batch.t0))
            for i, k in enumerate(numbers)
            if not known[e, k]
        ],
        dtype=np.int64,
    ).reshape(-1, 2)
    index = loss.u0_index.copy()
    states = np.array(numbers)[places[:, 1]] if len(places) else np.zeros(0, dtype=np.int64)
    index[places[:, 0], states] = size + np.arange(len(places))
    # an engine need not take logarithms of a state whose starts are all of this kind
    declared = loss.positive
    free = np.array([not (loss.u0_index[:, k] >= 0).any() for k in range(index.shape[1])])
    loss = replace(loss, positive=declared & ~(free & np.isin(np.arange(len(free)), states)))
    made = InitialStates(
        plan, tuple(exprs.values()), size, places, loss.batch.p, loss.batch.t0, declared[states],
        loss.positive[states],
    )  # fmt: skip
    return made, replace(loss, u0_index=index.astype(np.int32))
