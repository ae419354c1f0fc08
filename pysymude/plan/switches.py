"""Tapes whose conditions can be frozen: every comparison is one of the sign of a function g.

Between two switches a right-hand side is smooth. A solver keeps the signs of all g as they are during
a step, whatever the stages read, and ends its steps where one of them changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pysymude.plan.emitter import RELATIONS, Emitter, pruned
from pysymude.plan.tape import Operation, SignalCall, Tape

__all__ = ["Condition", "SignalUse", "SwitchedTape", "switch_form"]

_STATE, _TIME, _PARAMETER = 1, 2, 4
_MIRROR = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}
_LOGICAL = frozenset({*RELATIONS, "and", "or", "not"})
_SWITCHING = frozenset({*RELATIONS, "abs", "sign", "heaviside", "min", "max"})
_PIECEWISE = _SWITCHING | {"signal"}
_Product = tuple[int, ...]
"""Operations that are multiplied; none of them stands for 1."""

_TERMS = 64  # sums of more terms are compared as they are written


@dataclass(frozen=True)
class SignalUse:
    """A signal at one argument: g is the argument, and what changes is the piece on which it is.

    Attributes
    ----------
    name : str
        Of the signal.
    affine : bool
        Whether the argument is of degree 1 in time, so that it meets each point once at most.
    jumps : bool
        Whether the right-hand side jumps from piece to piece.
    learned : bool
        Whether the argument depends on what is learned. Derivatives by that read the slopes of the signal,
        which steps that run through points do not see well.
    """

    name: str
    affine: bool
    jumps: bool
    learned: bool = False


@dataclass(frozen=True)
class Condition:
    """One function g whose sign decides something; or, with `use`, a signal's argument.

    Attributes
    ----------
    operation : int
        Where g stands on the tape.
    time_only : bool
        Whether g depends on time, parameters and weights alone, so that its zeros are known before
        the states are.
    """

    operation: int
    time_only: bool
    use: SignalUse | None = None


@dataclass(frozen=True)
class SwitchedTape:
    """A tape in switch form.

    Attributes
    ----------
    tape : Tape
        ``Operation("switch", (g,), k)`` is the sign of g, -1.0, 0.0 or 1.0, which an engine freezes.
        Comparisons of parameters alone stay as they were.
    conditions : tuple of Condition
        In the order of k. Those of signals stand last; they are known to their operations by `SignalCall`.
    live : Tape
        All g as outputs, in the order of k, without a switch inside.
    """

    tape: Tape
    conditions: tuple[Condition, ...]
    live: Tape


def switch_form(tape: Tape, states: int, fixed: int | None = None) -> SwitchedTape:
    """`tape`, whose first inputs are `states` states, then time, then parameters, in switch form.

    Of the parameters `fixed` are not learned, by default all.

    The values are those of `tape`. At a tie, ``max`` and ``min`` take the operand that is constant, so
    that the derivative is 0 where the value is constant on one side.
    """
    if not any(op.name in _PIECEWISE for op in tape.operations):
        none, _ = pruned(tape.inputs, tape.operations, ())
        return SwitchedTape(tape, (), none)
    writer = _Writer(tape, states)
    for i in range(len(tape.operations)):
        writer.rewrite(i)
    outputs = [writer.new[i] for i in tape.outputs]
    found, moved = pruned(tape.inputs, writer.frozen.operations, outputs)
    signs = [s for s in writer.signs if moved[s.place] >= 0]
    number = {moved[s.place]: k for k, s in enumerate(signs)}
    uses = _Uses(found, len(signs), {moved[place]: old for place, old in writer.old.items()})
    operations = tuple(
        op._replace(data=number[i]) if i in number else uses.numbered(op)
        for i, op in enumerate(found.operations)
    )
    conditions = tuple(
        Condition(operations[moved[s.place]].args[0], not writer.depends(s.place) & _STATE)
        for s in signs
    )
    live, _ = pruned(
        tape.inputs, writer.live.operations, [*(s.live for s in signs), *uses.arguments]
    )
    return SwitchedTape(
        Tape(tape.inputs, operations, found.outputs),
        (*conditions, *uses.conditions(states, fixed)),
        live,
    )


class _Uses:
    """The signals of a tape, each at each of its arguments, numbered from `first` on."""

    def __init__(self, tape: Tape, first: int, old: dict[int, int]) -> None:
        self.tape, self.first, self.old = tape, first, old
        self.found: dict[tuple[str, int], list[SignalCall]] = {}
        for op in tape.operations:
            if op.name == "signal":
                self.found.setdefault((op.data.name, op.args[0]), []).append(op.data)

    def numbered(self, op: Operation) -> Operation:
        if op.name != "signal":
            return op
        at = list(self.found).index((op.data.name, op.args[0]))
        return op._replace(data=op.data._replace(call=self.first + at))

    @property
    def arguments(self) -> list[int]:
        """Where the arguments stand on the tape as it was."""
        return [self.old[at] for _, at in self.found]

    def conditions(self, states: int, fixed: int | None) -> list[Condition]:
        if not self.found:
            return []
        degrees = _degrees_in_time(self.tape, states)
        learned = _learned(
            self.tape, len(self.tape.inputs) if fixed is None else states + 1 + fixed
        )
        return [
            Condition(
                at,
                True,
                SignalUse(name, degrees[at] <= 1, any(c.jumps for c in calls), learned[at]),
            )
            for (name, at), calls in self.found.items()
        ]


def _learned(tape: Tape, first: int) -> list[bool]:
    """Whether each operation depends on an input from `first` on."""
    found: list[bool] = []
    for op in tape.operations:
        own = op.name == "input" and op.data >= first
        found.append(own or any(found[a] for a in op.args))
    return found


def _degrees_in_time(tape: Tape, states: int) -> list[int]:
    """The degree of each operation as a polynomial of time; 2 for whatever is neither of degree 0 nor 1."""
    found: list[int] = []
    for op in tape.operations:
        inner = [found[a] for a in op.args]
        if op.name == "input":
            found.append(1 if op.data == states else 0)
        elif op.name == "add":
            found.append(max(inner))
        elif op.name == "mul":
            found.append(min(sum(inner), 2))
        else:
            found.append(2 if any(inner) else 0)
    return found


@dataclass(frozen=True)
class _Sign:
    """The sign of one g: its switch, the live g, and g's leading factor."""

    place: int
    live: int
    lead: float


class _Writer:
    def __init__(self, tape: Tape, states: int) -> None:
        self.tape, self.states = tape, states
        self.frozen, self.live = Emitter(), Emitter(tape.operations)
        self.new: list[int] = []  # where each operation of `tape` went
        self.old: dict[int, int] = {}  # and back
        self.signs: list[_Sign] = []
        self._known: dict[Any, _Sign] = {}
        self._masks: list[int] = []

    def rewrite(self, i: int) -> None:
        op = self.tape.operations[i]
        place = self.place(op, tuple([self.new[k] for k in op.args]))
        self.new.append(place)
        self.old.setdefault(place, i)

    def place(self, op: Operation, args: tuple[int, ...]) -> int:
        emit = self.frozen
        if not self.switches(op, args):
            return emit.folded(op, args)
        zero = emit.const(0.0)
        sign, turned = self.sign(op, args)
        match op.name:
            case "sign":
                return emit.mul(emit.const(turned), sign)
            case "abs":
                return emit.mul(emit.mul(emit.const(turned), sign), args[0])
            case "heaviside":
                half = emit.const(0.5)
                return emit.add(emit.mul(emit.const(0.5 * turned), sign), half)
            case "max" | "min":
                name = "gt" if self.depends(args[1]) == 0 else "ge"
                upwards = (op.name == "max") == (turned > 0)
                c = emit.relation(name if upwards else _MIRROR[name], sign, zero)
                return emit.select(c, *args)
            case name:
                return emit.relation(name if turned > 0 else _MIRROR[name], sign, zero)

    def switches(self, op: Operation, args: tuple[int, ...]) -> bool:
        if op.name not in _SWITCHING or any(self.logical(a) for a in args):
            return False
        return any(self.depends(a) & (_STATE | _TIME) for a in args)

    def logical(self, i: int) -> bool:
        op = self.frozen.operations[i]
        return op.name in _LOGICAL or (op.name == "const" and isinstance(op.data, bool))

    def depends(self, i: int) -> int:
        """What the operation at `i` depends on."""
        for op in self.frozen.operations[len(self._masks) :]:
            mask = 0
            if op.name == "input":
                kinds = (_STATE, _TIME, _PARAMETER)
                mask = kinds[(op.data >= self.states) + (op.data > self.states)]
            elif op.name in ("net", "netjac", "nethess"):
                mask = _PARAMETER
            elif op.name == "signal":
                # when it passes a threshold is seen along the way, from point to point
                mask = _STATE
            for a in op.args:
                mask |= self._masks[a]
            self._masks.append(mask)
        return self._masks[i]

    def sign(self, op: Operation, args: tuple[int, ...]) -> tuple[int, float]:
        """The switch for the sign of the operand, or of the first less the second; and 1.0 or -1.0."""
        terms = self.terms(args[0])
        for product, factor in self.terms(args[1]).items() if len(args) == 2 else ():
            terms[product] = terms.get(product, 0.0) - factor
        terms = {product: factor for product, factor in terms.items() if factor != 0}
        lead = next((terms[product] for product in sorted(terms) if product), 0.0)
        if lead == 0.0:  # the difference is a number
            return self.frozen.const(float(np.sign(terms.get((), 0.0)))), 1.0
        # equal for g and every multiple of it
        key = tuple(sorted((product, factor / lead) for product, factor in terms.items()))
        if key not in self._known:
            self._known[key] = self.new_sign(op, args, terms, lead)
            self.signs.append(self._known[key])
        found = self._known[key]
        return found.place, float(np.sign(lead * found.lead))

    def new_sign(
        self, op: Operation, args: tuple[int, ...], terms: dict[_Product, float], lead: float
    ) -> _Sign:
        emit, live = self.frozen, self.live
        (product, *rest) = terms
        if not rest and len(product) == 1 and product[0] in self.old:
            # a factor does not change the zeros
            g, lead, alive = product[0], 1.0, self.old[product[0]]
        elif len(args) == 1:
            g, alive = args[0], op.args[0]
        else:
            g, alive = emit.sub(*args), live.sub(*op.args)
        return _Sign(emit.emit("switch", (g,), len(self.signs)), alive, lead)

    def terms(self, i: int) -> dict[_Product, float]:
        """The operation at `i` as a sum of products, each with its factor."""
        found: dict[_Product, float] = {}
        open_ = [(i, 1.0)]
        for _ in range(_TERMS):
            if not open_:
                return found
            node, factor = open_.pop()
            op = self.frozen.operations[node]
            if op.name == "add":
                open_ += [(a, factor) for a in op.args]
                continue
            number, product = self.product(node)
            found[product] = found.get(product, 0.0) + factor * number
        return {(i,): 1.0}

    def product(self, i: int) -> tuple[float, _Product]:
        """The operation at `i` as a number times operations."""
        number, factors, open_ = 1.0, [], [i]
        while open_ and len(factors) < _TERMS:
            node = open_.pop()
            op = self.frozen.operations[node]
            if op.name == "mul":
                open_ += op.args
            elif op.name == "const":
                number *= op.data
            else:
                factors.append(node)
        return (1.0, (i,)) if open_ else (number, tuple(sorted(factors)))
