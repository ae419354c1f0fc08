"""Expressions with their exact derivatives by everything that is learned, where nothing is solved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray

from pysymude.model.network import MLP, NetworkOutput
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.derivatives import derivatives
from pysymude.plan.numeric import NumericModel

__all__ = ["Formulas", "Pulled", "formulas"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pulled:
    """Cotangents of theta (parameters,), of the state (states,) and of time."""

    theta: Float
    u: Float
    t: float


@dataclass(frozen=True, eq=False)
class Formulas:
    """Expressions of states, time, parameters and networks of a plan.

    Attributes
    ----------
    plan : CompiledSystem
    exprs : tuple of SymPy expression
    """

    plan: CompiledSystem
    exprs: tuple[sp.Expr, ...]

    def values(self, p: Float, theta: Float, t: float = 0.0, u: ArrayLike | None = None) -> Float:
        """Their values, float64 (expressions,)."""
        return self._run(self._tape, p, theta, t, u)

    def pull(
        self, weights: Float, p: Float, theta: Float, t: float = 0.0, u: ArrayLike | None = None
    ) -> Pulled:
        """The derivatives of ``weights @ values``."""
        plan, n = self.plan, len(self.plan.states)
        own = np.zeros(plan.layout.size)
        tape, rows, columns = self._derivatives
        slopes = self._run(tape, p, theta, t, u)[len(self.exprs) :]
        by_input = np.zeros(len(plan.inputs))
        np.add.at(by_input, columns, weights[rows] * slopes)
        first = n + 1 + len(plan.parameters)
        for i, slot in enumerate(plan.layout.of_kind("parameter")):
            if d := by_input[first + i]:
                own[slot.offset] += d * float(slot.slope(theta[slot.offset]))
        if self._outputs:
            found = self._run(self._by_outputs, p, theta, t, u).reshape(len(self.exprs), -1)
            for output, inputs, d in zip(self._outputs, self._inputs, weights @ found, strict=True):
                nn: MLP = output.args[0]
                given = np.zeros(nn.outputs)
                given[int(output.args[1])] = d
                offset = plan.layout[f"{nn.name}.W1"].offset
                here = slice(offset, offset + nn.n_weights)
                own[here] += nn.pull(theta[here], self._run(inputs, p, theta, t, u), given)
        return Pulled(own, by_input[:n], float(by_input[n]))

    # tapes take longer to build than to run, and theta is asked for thousands of times
    @cached_property
    def _tape(self) -> Any:
        return self.plan.straight(self.exprs)

    @cached_property
    def _derivatives(self) -> Any:
        """By states, time and trainable parameters; what networks give moves with their inputs."""
        n, fixed = len(self.plan.states), len(self.plan.parameters)
        moving = [*range(n + 1), *range(n + 1 + fixed, len(self.plan.inputs))]
        return derivatives(self._tape, moving)

    @cached_property
    def _outputs(self) -> tuple[Any, ...]:
        """Outputs of networks that the expressions read."""
        found = {o for f in self.exprs for o in f.atoms(NetworkOutput)}
        return tuple(sorted(found, key=sp.default_sort_key))

    @cached_property
    def _by_outputs(self) -> Any:
        slopes = [_by_output(f, o) for f in self.exprs for o in self._outputs]
        return self.plan.straight(slopes)

    @cached_property
    def _inputs(self) -> tuple[Any, ...]:
        """Those of the network of each output."""
        return tuple(self.plan.straight(o.args[0].inputs) for o in self._outputs)

    def _run(self, tape: Any, p: Float, theta: Float, t: float, u: ArrayLike | None) -> Float:
        state = np.zeros(len(self.plan.states)) if u is None else u
        return NumericModel(self.plan, p, theta).evaluate(tape, t, state)


def formulas(plan: CompiledSystem, exprs: Sequence[sp.Expr]) -> Formulas:
    """The expressions of a plan."""
    return Formulas(plan, tuple(sp.sympify(e, strict=True) for e in exprs))


def _by_output(expr: sp.Expr, output: sp.Expr) -> sp.Expr:
    """The derivative by one output of a network, as if it were a symbol."""
    stand_in = sp.Dummy(real=True)
    inner: Any = expr.xreplace({output: stand_in})
    return inner.diff(stand_in).xreplace({stand_in: output})
