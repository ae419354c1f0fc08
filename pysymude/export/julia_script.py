"""The parts of a standalone Julia script, each as text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.engines.julia.literals import activation, comment, number
from pysymude.export.julia_formulas import Formulas, Names
from pysymude.model.network import MLP
from pysymude.model.theta import Slot
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.problem import LossData

__all__ = ["ACTIVATIONS", "Writer"]

Float = NDArray[np.float64]

ACTIVATIONS = {
    "softplus": "softplus(z) = max(z, 0) + log1p(exp(-abs(z)))",
    "gelu": "gelu(z) = 0.5z * (1 + tanh(sqrt(2 / pi) * (z + 0.044715z^3)))",
    "swish": "swish(z) = 0.5z * (1 + tanh(0.5z))",
    "relu": "relu(z) = max(z, 0)",
    "sigmoid": "sigmoid(z) = 0.5 * (1 + tanh(0.5z))",
    "rbf": "rbf(z) = exp(-z^2)",
}
"""Activations that Base does not have, as `pysymude.model.network.ACTIVATIONS` defines them."""

_WIDTH = 92


@dataclass
class Writer:
    """Writes the functions of one plan; `used` collects what they call."""

    plan: CompiledSystem
    names: Names = field(default_factory=Names)
    used: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        # the user's names first: the script's own words make way for them
        for name in (*self.plan.states, *self.plan.parameters, *self.plan.trainable):
            _ = self.names[name]
        for nn in self.plan.networks:
            _ = self.names[nn.name]

    # -- functions ----------------------------------------------------------------------------

    def network(self, nn: MLP) -> str:
        """The network as a function of theta and its inputs."""
        offset = self.plan.layout[f"{nn.name}.W1"].offset
        last = offset + nn.n_weights
        word, scaling = self.names[nn.name], nn.fixed_scaling()
        kind = activation(nn.activation)
        lines = ["z = [inputs...]"]
        if np.any(scaling.input_shift != 0) or np.any(scaling.input_scale != 1):
            shift, scale = vector(scaling.input_shift), vector(scaling.input_scale)
            lines.append(f"z = (z .- {shift}) ./ {scale}")
        for k, layer in enumerate(nn.layers):
            W = f"theta[{offset + layer.W.start + 1}:{offset + layer.W.stop}]"
            b = f"theta[{offset + layer.b.start + 1}:{offset + layer.b.stop}]"
            product = f"reshape({W}, {layer.columns}, {layer.rows})' * z"
            lines.append(f"z = {product} .+ {b}" if layer.bias else f"z = {product}")
            if k < len(nn.hidden) and kind != "identity":
                lines.append(f"z = {kind}.(z)")
        if np.any(scaling.output_shift != 0) or np.any(scaling.output_scale != 1):
            shift, scale = vector(scaling.output_shift), vector(scaling.output_scale)
            lines.append(f"z = {shift} .+ {scale} .* z")
        self.used.add(kind)
        hidden = ", ".join(map(str, nn.hidden)) or "none"
        text = (
            f"The network {word}: {_count(len(nn.inputs), 'input')}, hidden layers {hidden} "
            f"({kind}), {_count(nn.outputs, 'output')}.",
            f"Its weights are theta[{offset + 1}:{last}]: for each layer the matrix by rows, then "
            "the bias" + ("." if all(nn.bias) else ", or zeros where a layer has none."),
        )
        body = function(f"{word}(theta, inputs...)", [*lines, "return z"])
        return block(map(comment, text), 0) + body

    def network_jacobian(self, nn: MLP) -> str:
        """The derivatives of a network's outputs by its inputs."""
        word = self.names.own(f"{nn.name}_jacobian")
        body = f"ForwardDiff.jacobian(z -> {self.names[nn.name]}(theta, z...), [inputs...])"
        return (
            f"# Derivatives of the outputs of {self.names[nn.name]} (rows) by its inputs (columns).\n"
            f"{word}(theta, inputs...) = {body}\n"
        )

    def trainable(self) -> str:
        """Natural values of the trainable parameters out of theta; empty where there are none."""
        slots = self.plan.layout.of_kind("parameter")
        if not slots:
            return ""
        lines = [f"{self.names[s.name]} = {natural(s)}{_bounds(s)}" for s in slots]
        words = ", ".join(self.names[s.name] for s in slots)
        return (
            "# The trainable parameters: theta holds numbers without bounds, which stand for these.\n"
            + function("trainable_parameters(theta)", [*lines, f"return (; {words})"])
        )

    def rhs(self) -> str:
        """The right-hand side, in place."""
        formulas = Formulas(self.names)
        exprs = list(self.plan.system.rhs.values())
        texts = [formulas(f) for f in exprs]
        body = [
            f"du[{k + 1}] = {text}    {comment(f'd{name}/dt')}"
            for k, (name, text) in enumerate(zip(self.plan.states, texts, strict=True))
        ]
        lines = [*self._unpack(formulas), *formulas.calls, *body, "return nothing"]
        return (
            "# The right-hand side du/dt = f(u, theta, t); `fixed` are the parameters not learned.\n"
            + function("rhs!(du, u, theta, t, fixed)", lines)
        )

    def observe(self, columns: Sequence[str]) -> str:
        """What is measured, as a function of the state."""
        formulas = Formulas(self.names)
        texts = [formulas(self.plan.column(name)) for name in columns]
        body = [
            "return [",
            *(f"    {t},    {comment(c)}" for t, c in zip(texts, columns, strict=True)),
            "]",
        ]
        lines = [*self._unpack(formulas), *formulas.calls, *body]
        return "# What the columns of the data measure.\n" + function(
            "observe(u, theta, t, fixed)", lines
        )

    def _unpack(self, formulas: Formulas) -> list[str]:
        """Lines that give states and parameters their names, where a formula reads them."""
        self.used |= formulas.used
        plan = self.plan
        lines: list[str] = []
        if any(name in formulas.used for name in plan.states):
            words = ", ".join(self.names[name] for name in plan.states)
            lines.append(f"{words} = u" if len(plan.states) > 1 else f"{words} = u[1]")
        for given, source in (
            (plan.parameters, "fixed"),
            (plan.trainable, "trainable_parameters(theta)"),
        ):
            words = ", ".join(self.names[name] for name in given if name in formulas.used)
            if words:
                lines.append(f"(; {words}) = {source}")
        return lines

    # -- data ---------------------------------------------------------------------------------

    def experiments(self, loss: LossData, labels: Sequence[str], columns: Sequence[str]) -> str:
        """All experiments as named tuples."""
        entries = [self._experiment(loss, e, label, columns) for e, label in enumerate(labels)]
        return (
            "# The experiments. y: one row a time, NaN where nothing was measured; weight: 1 / noise.\n"
            f"const experiments = [\n{''.join(entries)}]\n"
        )

    def _experiment(self, loss: LossData, e: int, label: str, columns: Sequence[str]) -> str:
        batch, plan = loss.batch, self.plan
        # a short experiment repeats its last time, with nothing measured there
        times = np.unique(batch.ts[e])
        y = np.where(loss.weight[e] > 0, loss.y[e], np.nan)[: times.size]
        fixed = ", ".join(
            f"{self.names[n]} = {plain(v)}"
            for n, v in zip(plan.parameters, batch.p[e], strict=True)
        )
        start = ", ".join(
            self._start(loss, e, k, symbol) for k, symbol in enumerate(plan.system.states)
        )
        rows = block([" ".join(map(plain, row)) for row in y], 12)
        fields = [
            comment(label),
            f"fixed = (; {fixed}),".replace("(; )", "(;)"),
            f"t0 = {plain(batch.t0[e])},",
            f"u0 = theta -> [{start}],    {comment(', '.join(plan.states))}",
            f"t = {wrapped(times, 8)},",
            f"y = [    {comment(', '.join(columns))}\n{rows}        ],",
            f"weight = {self._weight(loss.weight[e][: times.size])},",
        ]
        return f"    (\n{block(fields, 8)}    ),\n"

    def _start(self, loss: LossData, e: int, k: int, symbol: sp.Symbol) -> str:
        at = int(loss.u0_index[e, k])
        if at < 0:
            return plain(loss.batch.u0[e, k])
        return f"exp(theta[{at + 1}])" if symbol.is_positive else f"theta[{at + 1}]"

    def _weight(self, weight: Float) -> str:
        """One row for all times where each column has one weight, else one row a time."""
        rows = [np.unique(column[column > 0]) for column in weight.T]
        if all(row.size <= 1 for row in rows):
            return f"[{' '.join(plain(row[0]) if row.size else '1.0' for row in rows)}]"
        return f"[\n{block([' '.join(map(plain, row)) for row in weight], 12)}        ]"

    def theta(self, theta: Float, slots: Sequence[Slot]) -> str:
        """The learned vector, slice by slice."""
        lines: list[str] = []
        for slot in slots:
            shape = " x ".join(map(str, slot.shape))
            what = f"{slot.name}{f', {shape}' if shape else _bounds(slot, theta=True)}"
            lines.append(f"    {comment(what)}\n")
            rows = theta[slot.slice].reshape(slot.shape[0] if len(slot.shape) == 2 else 1, -1)
            lines += [f"{_rows(row, 4)}\n" for row in rows]
        return f"theta = [\n{''.join(lines)}]\n"


# -- text ------------------------------------------------------------------------------------------


def function(head: str, lines: Sequence[str]) -> str:
    """A Julia function."""
    return f"function {head}\n{block(lines, 4)}end\n"


def block(lines: Iterable[str], indent: int) -> str:
    """The lines, indented."""
    return "".join(f"{' ' * indent}{line}\n" for line in lines)


def plain(value: float) -> str:
    """A number in a list: no parentheses, NaN allowed."""
    return "NaN" if np.isnan(value) else number(value).strip("()")


def vector(values: Float) -> str:
    """A Julia vector on one line."""
    return f"[{', '.join(map(plain, values))}]"


def wrapped(values: Float, indent: int) -> str:
    """A Julia vector over as many lines as it needs."""
    text = vector(values)
    if len(text) <= _WIDTH - indent - 4:
        return text
    return f"[\n{_rows(values, indent + 4)}\n{' ' * indent}]"


def _rows(values: Any, indent: int) -> str:
    """Numbers with commas, in lines of limited length."""
    lines, line = [], " " * indent
    for value in values:
        text = f"{plain(value)}, "
        if len(line) + len(text) > _WIDTH and line.strip():
            lines.append(line.rstrip())
            line = " " * indent
        line += text
    return "\n".join([*lines, line.rstrip()])


def natural(slot: Slot) -> str:
    """The value that an entry of theta stands for."""
    z = f"theta[{slot.offset + 1}]"
    low, high = slot.low, slot.high
    if np.isfinite(low) and np.isfinite(high):
        if slot.log:
            low, high = math.log(low), math.log(high)
        first = f"{number(low)} + " if low else ""
        value = f"{first}{number(high - low)} / (1 + exp(-{z}))"
        return f"exp({value})" if slot.log else value
    if np.isfinite(low):
        return f"{number(low)} + exp({z})" if low else f"exp({z})"
    return f"{number(high)} - exp({z})" if np.isfinite(high) else z


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _bounds(slot: Slot, *, theta: bool = False) -> str:
    if not (np.isfinite(slot.low) or np.isfinite(slot.high)):
        return ""
    what = "stands for a value in" if theta else "    # in"
    return f"{'' if not theta else ', '}{what} ({slot.low:g}, {slot.high:g})".replace("inf", "Inf")
