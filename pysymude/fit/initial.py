"""Initial states that are expressions of what is learned: values, and the way back of their gradients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.model.network import MLP, NetworkOutput
from pysymude.model.transforms import slope_of
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.numeric import NumericModel, network_weights
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
        found = np.stack([self._run(self.exprs, e, theta) for e in range(len(self.p))])
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
        values = self.values(theta)
        slopes = gradient[self.size : self.size + count]
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

    def filled(self, loss: LossData, theta: Float) -> LossData:
        """The loss with the starts at theta among its numbers: they tell how large states are."""
        u0 = loss.batch.u0.copy()
        missing = np.isnan(u0)
        e, k = np.nonzero(loss.u0_index >= self.size)
        u0[e, k] = self.values(theta)[loss.u0_index[e, k] - self.size]
        u0[missing & ~np.isfinite(u0)] = 0.0
        return replace(loss, batch=replace(loss.batch, u0=u0))

    def _run(self, exprs: tuple[sp.Expr, ...], e: int, theta: Float) -> Float:
        model = NumericModel(self.plan, self.p[e], theta)
        nowhere = np.zeros(len(self.plan.states))
        return model.evaluate(self.plan.tape(list(exprs)), self.t0[e], nowhere)

    def _pull_one(self, theta: Float, e: int, weights: Float, own: Float) -> None:
        """Adds the derivatives of ``weights @ exprs`` in experiment e."""
        parts = (w * f for w, f in zip(weights.tolist(), self.exprs, strict=True))
        total = sp.Add(*parts)
        outputs = sorted(total.atoms(NetworkOutput), key=sp.default_sort_key)
        slots = self.plan.layout.of_kind("parameter")
        symbols = [self.plan.system.symbol(s.name) for s in slots]
        found = self._run(
            (*(total.diff(s) for s in symbols), *(_by_output(total, o) for o in outputs)), e, theta
        )
        for slot, d in zip(slots, found, strict=False):
            z = theta[slot.offset]
            own[slot.offset] += d * float(slope_of(z, slot.low, slot.high, slot.log))
        offsets = dict(zip(self._names, np.cumsum([0, *self._sizes]), strict=False))
        for output, d in zip(outputs, found[len(slots) :], strict=True):
            nn = cast("MLP", output.args[0])
            z = self._run(tuple(nn.inputs), e, theta)
            given = np.zeros(nn.outputs)
            given[int(cast("Any", output.args[1]))] = d
            first = int(offsets[nn.name])
            flat = network_weights(self.plan.networks, theta)[nn.name]
            own[first : first + nn.n_weights] += nn.pull(flat, z, given)

    @property
    def _names(self) -> list[str]:
        return [nn.name for nn in self.plan.networks]

    @property
    def _sizes(self) -> list[int]:
        return [nn.n_weights for nn in self.plan.networks]


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
