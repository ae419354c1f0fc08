"""Expressions as a tape: one straight list of operations in which nothing is computed twice.

An engine runs a tape on its own arrays, or prints it line by line in its own language. Building a
tape is where expressions meet a whitelist: a node that is not in `FUNCTIONS` is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, cast

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

from pysymude.errors import EmissionError
from pysymude.model.network import MLP, NetworkDerivative, NetworkOutput
from pysymude.model.signal import KINDS, SignalValue

__all__ = [
    "FUNCTIONS", "Operation", "SignalCall", "Tape", "array_operations", "build_tape", "constant",
]  # fmt: skip

FUNCTIONS: dict[type[sp.Basic], str] = {
    sp.sin: "sin",
    sp.cos: "cos",
    sp.tan: "tan",
    sp.asin: "asin",
    sp.acos: "acos",
    sp.atan: "atan",
    sp.atan2: "atan2",
    sp.sinh: "sinh",
    sp.cosh: "cosh",
    sp.tanh: "tanh",
    sp.asinh: "asinh",
    sp.acosh: "acosh",
    sp.atanh: "atanh",
    sp.exp: "exp",
    sp.log: "log",
    sp.erf: "erf",
    sp.Abs: "abs",
    sp.sign: "sign",
    sp.Min: "min",
    sp.Max: "max",
    sp.Heaviside: "heaviside",
    sp.StrictLessThan: "lt",
    sp.LessThan: "le",
    sp.StrictGreaterThan: "gt",
    sp.GreaterThan: "ge",
    sp.Equality: "eq",
    sp.Unequality: "ne",
    sp.And: "and",
    sp.Or: "or",
    sp.Not: "not",
}
"""SymPy nodes with operands only, and the name of their operation."""


class SignalCall(NamedTuple):
    """Which signal an operation reads, and how often it is differentiated.

    `call` is the number of the condition whose state says on which piece the signal is; -1 where the piece
    is that of the argument.
    """

    name: str
    kind: str
    order: int
    call: int = -1

    @property
    def vanishes(self) -> bool:
        """Whether it is 0 on each piece."""
        return self.order > KINDS[self.kind]

    @property
    def jumps(self) -> bool:
        """Whether its value has jumps where pieces meet."""
        # a cubic one has a continuous slope
        return self.order >= {"previous": 0, "linear": 1, "cubic": 2}[self.kind]


class Operation(NamedTuple):
    """`name` applied to earlier results `args`; `data` is a number, an exponent, or an index.

    Besides the values of `FUNCTIONS`: ``input`` (data: position), ``const`` (data: float), ``add``,
    ``mul``, ``ipow`` (data: integer exponent), ``pow``, ``sqrt``, ``select`` (condition, yes, no),
    ``net``, ``netjac`` and ``nethess`` (data: network name; args: its inputs; outputs, their first
    and their second derivatives), ``item`` (data: index into one of these, such as (output, input)),
    ``signal`` (data: a `SignalCall`; args: where it is read).

    `plan.derivatives` and `plan.switches` add some that are finite where slopes are not: ``recip0``
    (1/x, 0 at 0), ``mul0`` (0 where either factor is, whatever the other), ``pow0`` (a power, 0 where
    that is infinite or NaN), ``log0`` (0 where the operand is not positive); and ``switch`` (the sign,
    -1.0, 0.0 or 1.0; data: which one; an engine may freeze it).
    """

    name: str
    args: tuple[int, ...] = ()
    data: Any = None


@dataclass(frozen=True)
class Tape:
    """Operations in order, and which results are the outputs."""

    inputs: tuple[str, ...]
    operations: tuple[Operation, ...]
    outputs: tuple[int, ...]

    @cached_property
    def needed(self) -> tuple[bool, ...]:
        """For each operation, whether an output depends on it."""
        needed = [False] * len(self.operations)
        for i in self.outputs:
            needed[i] = True
        for i in range(len(self.operations) - 1, -1, -1):
            if needed[i]:
                for k in self.operations[i].args:
                    needed[k] = True
        return tuple(needed)

    @cached_property
    def reads(self) -> frozenset[int]:
        """The positions of the inputs that an output depends on."""
        all_operations = zip(self.operations, self.needed, strict=True)
        return frozenset(op.data for op, needed in all_operations if needed and op.name == "input")

    def run(
        self,
        inputs: Sequence[Any],
        operations: Mapping[str, Callable[..., Any]],
        network: Callable[[str, list[Any]], Any] | None = None,
        network_jacobian: Callable[[str, list[Any]], Any] | None = None,
        network_hessian: Callable[[str, list[Any]], Any] | None = None,
        signal: Callable[[SignalCall, Any], Any] | None = None,
    ) -> list[Any]:
        """The outputs, for `inputs` in the order of ``self.inputs``.

        `network(name, inputs)` returns a sequence of outputs; `network_jacobian(name, inputs)` an
        object indexed by ``[output, input]``; `network_hessian` one by ``[output, input, input]``;
        `signal(call, argument)` a value.
        """
        done: list[Any] = []
        for op, needed in zip(self.operations, self.needed, strict=True):
            # an engine may have to do something for each input that is read
            if not needed:
                done.append(None)
                continue
            args = [done[i] for i in op.args]
            match op.name:
                case "input":
                    value = inputs[op.data]
                case "const":
                    value = op.data
                case "ipow":
                    value = operations["ipow"](args[0], op.data)
                case "item":
                    value = args[0][op.data]
                case "net":
                    value = cast("Any", network)(op.data, args)
                case "netjac":
                    value = cast("Any", network_jacobian)(op.data, args)
                case "nethess":
                    value = cast("Any", network_hessian)(op.data, args)
                case "signal":
                    value = cast("Any", signal)(op.data, args[0])
                case name:
                    value = operations[name](*args)
            done.append(value)
        return [done[i] for i in self.outputs]


def build_tape(
    inputs: Sequence[sp.Symbol], outputs: Sequence[sp.Expr], *, target: str = "numbers"
) -> Tape:
    """The tape that computes `outputs` from `inputs`.

    Raises
    ------
    EmissionError
        An output contains a function that no engine knows, an undefined function, or a symbol that
        is not among `inputs`.
    """
    builder = _Builder(inputs, target)
    found = tuple(builder.visit(expr) for expr in outputs)
    return Tape(tuple(s.name for s in inputs), tuple(builder.operations), found)


def constant(node: Any, target: str = "numbers") -> float:
    """The value of an expression without symbols.

    Raises
    ------
    EmissionError
        It is not a finite real number.
    """
    if isinstance(node, (sp.Integer, sp.Float)):
        return float(node)
    value = complex(node.evalf(25))
    if value.imag != 0 or not np.isfinite(value.real):
        raise EmissionError(
            f"the constant {node} is not a finite real number", node=node, target=target
        )
    return value.real


class _Builder:
    """Visits expressions bottom up; equal subexpressions share one operation."""

    def __init__(self, inputs: Sequence[sp.Symbol], target: str) -> None:
        self.target = target
        self.operations: list[Operation] = []
        self.seen: dict[Any, int] = {}
        for i, symbol in enumerate(inputs):
            self.seen[symbol] = self.emit(Operation("input", data=i))

    def emit(self, operation: Operation) -> int:
        key = ("op", operation)
        place = self.seen.get(key)
        if place is None:
            place = self.seen[key] = len(self.operations)
            self.operations.append(operation)
        return place

    def visit(self, node: Any) -> int:
        # a node is looked up as seldom as possible: SymPy's numbers take their time to hash
        if isinstance(node, sp.Number):
            return self.emit(Operation("const", data=constant(node, self.target)))
        place = self.seen.get(node)
        if place is None:
            place = self.seen[node] = self.emit(self.operation(node))
        return place

    def operation(self, node: Any) -> Operation:
        if isinstance(node, (BooleanTrue, BooleanFalse)):
            return Operation("const", data=bool(node))
        if isinstance(node, sp.Expr) and node.is_number and not node.free_symbols:
            return Operation("const", data=constant(node, self.target))
        if isinstance(node, (sp.Add, sp.Mul)):
            # one operation for two operands: sums that share their first terms then share them here
            name = "add" if isinstance(node, sp.Add) else "mul"
            *front, last = [self.visit(a) for a in node.args]
            while len(front) > 1:
                front[:2] = [self.emit(Operation(name, (front[0], front[1])))]
            return Operation(name, (front[0], last))
        if isinstance(node, sp.Pow):
            return self.power(node)
        if isinstance(node, NetworkOutput):
            return Operation("item", (self.network("net", node.network, node.inputs),), node.index)
        if isinstance(node, NetworkDerivative):
            what = "netjac" if len(node.by) == 1 else "nethess"
            call = self.network(what, node.network, node.inputs)
            return Operation("item", (call,), (node.output.index, *node.by))
        if isinstance(node, SignalValue):
            which = SignalCall(node.signal.name, node.signal.kind, node.order)
            if which.vanishes:
                return Operation("const", data=0.0)
            return Operation("signal", (self.visit(node.argument),), which)
        if isinstance(node, sp.Piecewise):
            return self.piecewise(node)
        if node.func in FUNCTIONS:
            return self.function(node)
        raise self.refusal(node)

    def function(self, node: Any) -> Operation:
        name = FUNCTIONS[node.func]
        if name == "heaviside" and node.args[1] != sp.S.Half:
            # a value of its own at zero
            x = self.visit(node.args[0])
            at_zero = self.emit(Operation("eq", (x, self.visit(sp.S.Zero))))
            step = self.emit(Operation("heaviside", (x,)))
            return Operation("select", (at_zero, self.visit(node.args[1]), step))
        args = node.args[:1] if name == "heaviside" else node.args
        *front, last = [self.visit(a) for a in args]
        if not front:
            return Operation(name, (last,))
        while len(front) > 1:
            front[:2] = [self.emit(Operation(name, (front[0], front[1])))]
        return Operation(name, (front[0], last))

    def power(self, node: sp.Pow) -> Operation:
        base, exponent = node.args
        if base == sp.E:
            return Operation("exp", (self.visit(exponent),))
        if isinstance(exponent, sp.Integer) and abs(int(exponent)) <= 64:
            return Operation("ipow", (self.visit(base),), int(exponent))
        if isinstance(exponent, sp.Rational) and exponent.q == 2 and abs(exponent.p) <= 63:
            root = self.emit(Operation("sqrt", (self.visit(base),)))
            return (
                Operation("ipow", (root,), int(exponent.p))
                if exponent.p != 1
                else self.operations[root]
            )
        return Operation("pow", (self.visit(base), self.visit(exponent)))

    def piecewise(self, node: sp.Piecewise) -> Operation:
        pairs = [(cast("Any", p).expr, cast("Any", p).cond) for p in node.args]
        if pairs[-1][1] != sp.true:
            raise EmissionError(
                f"{node} is not defined everywhere; end it with (value, True)",
                node=node,
                target=self.target,
            )
        value = self.visit(pairs[-1][0])
        for expr, condition in reversed(pairs[1:-1]):
            value = self.emit(Operation("select", (self.visit(condition), self.visit(expr), value)))
        expr, condition = pairs[0]
        return Operation("select", (self.visit(condition), self.visit(expr), value))

    def network(self, what: str, network: MLP, inputs: Sequence[Any]) -> int:
        return self.emit(Operation(what, tuple(self.visit(z) for z in inputs), network.name))

    def refusal(self, node: Any) -> EmissionError:
        if isinstance(node, AppliedUndef):
            text = (
                f"the unknown function {node} has no values; replace it by an expression, a parameter "
                "or a network before solving"
            )
        elif isinstance(node, sp.Symbol):
            text = f"the symbol {node} is neither a state, a parameter nor time here"
        else:
            known = ", ".join(sorted(FUNCTIONS.values()))
            text = f"{type(node).__name__} in {node} cannot be computed; known are {known}, powers"
        return EmissionError(text, node=node, target=self.target)


def array_operations(erf: Callable[[Any], Any]) -> dict[str, Callable[..., Any]]:
    """The operations on arrays, by name; NumPy has all but `erf`."""
    same = ["sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log", "sqrt", "sign"]
    table: dict[str, Callable[..., Any]] = {name: getattr(np, name) for name in same}
    table |= {
        "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2,
        "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
        "abs": np.abs, "min": np.minimum, "max": np.maximum, "erf": erf,
        "heaviside": lambda a: np.where(a > 0, 1.0, np.where(a < 0, 0.0, 0.5)),
        "add": lambda a, b: a + b,
        "mul": lambda a, b: a * b,
        "pow": lambda a, b: a**b,
        "ipow": _integer_power,
        "select": np.where,
        "lt": lambda a, b: a < b, "le": lambda a, b: a <= b,
        "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b,
        "eq": lambda a, b: a == b, "ne": lambda a, b: a != b,
        "and": np.logical_and, "or": np.logical_or, "not": np.logical_not,
        "switch": np.sign,
        "recip0": lambda a: np.where(a == 0, 0.0, 1.0 / np.where(a == 0, 1.0, a)),
        "mul0": lambda a, b: np.where((a == 0) | (b == 0), 0.0, a * b),
        "pow0": lambda a, b: np.nan_to_num(a**b, nan=0.0, posinf=0.0, neginf=0.0),
        "log0": lambda a: np.log(np.where(a > 0, a, 1.0)),
    }  # fmt: skip
    return table


def _integer_power(a: Any, n: int) -> Any:
    """a**n; a reciprocal for negative n, since NumPy refuses negative powers of integer arrays."""
    return a**n if n >= 0 else 1.0 / a ** (-n)
