"""First derivatives of a tape, as a tape: formed operation by operation, without symbols.

Every output is differentiated backward over what it is made of. What several outputs share is
differentiated once, where it reads no more inputs than there are outputs that need it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import EmissionError
from pysymude.plan.emitter import Emitter, pruned
from pysymude.plan.slopes import SILENT, UNBOUNDED, Slope, slopes
from pysymude.plan.tape import Tape

__all__ = ["derivatives"]

Int = NDArray[np.int64]

_NEXT = {"net": "netjac", "netjac": "nethess"}


def derivatives(tape: Tape, wrt: Iterable[int]) -> tuple[Tape, Int, Int]:
    """The outputs of `tape`, then their derivatives by the inputs at the positions `wrt`.

    Only derivatives that are not 0 everywhere are formed. Conditions count as constant, and where a
    one-sided slope is infinite it is taken to be 0.

    Returns
    -------
    tape : Tape
    rows, columns : int64, shape (derivatives,)
        Which output, by which input: sorted by row, then by column.

    Raises
    ------
    EmissionError
        The third derivative of a network would be needed.
    """
    work = _Accumulation(tape, frozenset(wrt))
    for root in work.roots:
        work.gradients[root] = work.gradient(root)
    entries = [
        (row, column, work.placed(term))
        for row, root in enumerate(tape.outputs)
        for column, term in sorted(work.gradients.get(root, {}).items())
    ]
    rows, columns, places = zip(*entries, strict=True) if entries else ((), (), ())
    found, _ = pruned(tape.inputs, work.emit.operations, (*tape.outputs, *places))
    return found, np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64)


class _Accumulation:
    """One pass backward for each root: the outputs, and what they share."""

    def __init__(self, tape: Tape, wrt: frozenset[int]) -> None:
        self.emit = Emitter(tape.operations)
        self.one, self.zero = self.emit.const(1.0), self.emit.const(0.0)
        self._finite: list[bool] = []
        self._slopes: dict[int, list[tuple[int, Slope]]] = {}
        self.gradients: dict[int, dict[int, Slope]] = {}
        self.columns = {
            i: op.data
            for i, op in enumerate(tape.operations)
            if op.name == "input" and op.data in wrt
        }
        self.places = {column: i for i, column in self.columns.items()}
        self.ways = [_ways(op.name, op.args) for op in tape.operations]
        self.support = self._supports(tape)
        self.roots = self._roots(tape)

    def _supports(self, tape: Tape) -> list[int]:
        """For each operation, the set of inputs it moves with, as bits."""
        found: list[int] = []
        for i, ways in enumerate(self.ways):
            bits = 1 << self.columns[i] if i in self.columns else 0
            for k in ways:
                bits |= found[k]
            found.append(bits)
        return found

    def _roots(self, tape: Tape) -> list[int]:
        """The outputs and what is worth a gradient of its own, in the order of the tape."""
        outputs = {i: 1 << k for k, i in enumerate(tape.outputs)}
        above = [0] * len(self.ways)  # the outputs that need it, as bits
        only: list[int | None] = [None] * len(self.ways)  # the one root that reads it; -1: several
        roots: list[int] = []
        for i in range(len(self.ways) - 1, -1, -1):
            above[i] |= outputs.get(i, 0)
            if not self.support[i] or not above[i]:
                continue
            shared = only[i] == -1 and i not in self.columns and not self._is_network(i)
            if i in outputs or (shared and self.support[i].bit_count() <= above[i].bit_count()):
                roots.append(i)
                only[i] = i
            for k in self.ways[i]:
                above[k] |= above[i]
                only[k] = only[i] if only[k] in (None, only[i]) else -1
        roots.reverse()
        return roots

    def _is_network(self, i: int) -> bool:
        return self.emit.operations[i].name in ("net", "netjac", "nethess")

    def gradient(self, root: int) -> dict[int, Slope]:
        """d root / d input, by input."""
        found: dict[int, Slope] = {}
        adjoints: dict[int, dict[int, float]] = {root: {self.one: 1.0}}
        waiting = [-root]
        while waiting:
            i = -heapq.heappop(waiting)
            d = self.total(adjoints.pop(i))
            if d is None:
                continue
            if i in self.columns:
                found[self.columns[i]] = d
                continue
            for k, (factor, place) in self.shares(i, d, own=i != root):
                if k not in adjoints:
                    adjoints[k] = {}
                    heapq.heappush(waiting, -k)
                terms = adjoints[k]
                terms[place] = terms.get(place, 0.0) + factor
        return found

    def shares(self, i: int, d: Slope, own: bool) -> Iterable[tuple[int, Slope]]:
        """(operation, what it receives) when the one at `i` has received `d`."""
        if own and i in self.gradients:
            known = self.gradients[i].items()
            return [(self.places[column], self.times(d, slope)) for column, slope in known]
        op = self.emit.operations[i]
        if op.name in ("select", "min", "max"):
            return self._branches(i, d)
        if i not in self._slopes:
            self._slopes[i] = self.local(i)
        return [(k, self.times(d, slope)) for k, slope in self._slopes[i]]

    def _branches(self, i: int, d: Slope) -> list[tuple[int, Slope]]:
        emit, (name, args, _) = self.emit, self.emit.operations[i]
        if name == "select":
            condition, yes, no = args
        else:
            yes, no = args
            strict = emit.value(no) is not None  # at a tie the constant counts
            relation = ("lt" if strict else "le") if name == "min" else ("gt" if strict else "ge")
            condition = emit.relation(relation, yes, no)
        factor, place = d
        found: list[tuple[int, Slope]] = []
        if self.support[yes]:
            found.append((yes, (factor, emit.select(condition, place, self.zero))))
        if self.support[no]:
            found.append((no, (factor, emit.select(condition, self.zero, place))))
        return found

    def local(self, i: int) -> list[tuple[int, Slope]]:
        """(operand, slope) for the operands of the operation at `i` that move."""
        emit, op = self.emit, self.emit.operations[i]
        if op.name != "item":
            found = slopes(emit, i, lambda k: self.support[k] != 0)
            return [(k, self.parted(*slope)) for k, slope in found]
        call = emit.operations[op.args[0]]
        if call.name not in _NEXT:
            raise EmissionError(
                f"the third derivative of network {call.data} is not formed",
                node=call.data,
                target="numbers",
            )
        index = op.data if isinstance(op.data, tuple) else (op.data,)
        found: list[tuple[int, Slope]] = []
        for j, k in enumerate(call.args):
            if self.support[k]:
                matrix = emit.emit(_NEXT[call.name], call.args, call.data)
                # second derivatives are symmetric
                at = (index[0], *sorted((*index[1:], j)))
                found.append((k, (1.0, emit.emit("item", (matrix,), at))))
        return found

    # -- sums and products -------------------------------------------------------------------------

    def times(self, d: Slope, slope: Slope) -> Slope:
        """The product, its numbers apart."""
        emit = self.emit
        factor, (a, b) = d[0] * slope[0], (d[1], slope[1])
        if a == self.one or b == self.one:
            return self.parted(factor, b if a == self.one else a)
        if self.finite(a) and self.finite(b):
            return self.parted(factor, emit.mul(a, b))
        return factor, emit.emit("mul0", (a, b))

    def parted(self, factor: float, i: int) -> Slope:
        """A constant factor of the operation at `i` joins the number."""
        op = self.emit.operations[i]
        if op.name == "const":
            return factor * op.data, self.one
        if op.name == "mul":
            for k, other in (op.args, op.args[::-1]):
                number = self.emit.value(k)
                if number is not None:
                    return factor * number, other
        return factor, i

    def total(self, terms: dict[int, float]) -> Slope | None:
        """The sum as one term; None where it is 0."""
        left = [(factor, place) for place, factor in terms.items() if factor != 0]
        if not left:
            return None
        if len(left) == 1:
            return left[0]
        factor = left[0][0] if all(f == left[0][0] for f, _ in left) else 1.0
        places = sorted(place if factor != 1.0 else self.placed((f, place)) for f, place in left)
        return factor, self.sum(places)

    def sum(self, places: Sequence[int]) -> int:
        """In pairs, so that rounding errors stay small."""
        while len(places) > 1:
            pairs = zip(places[::2], places[1::2], strict=False)
            places = [self.emit.add(a, b) for a, b in pairs] + list(places[len(places) & ~1 :])
        return places[0]

    def placed(self, term: Slope) -> int:
        """The place of a term with its number."""
        return self.emit.mul(self.emit.const(term[0]), term[1])

    def finite(self, i: int) -> bool:
        """Whether the value at `i` is finite at every finite input, as far as can be told."""
        for op in self.emit.operations[len(self._finite) :]:
            safe = op.name not in UNBOUNDED and not (op.name == "ipow" and op.data < 0)
            self._finite.append(
                op.name == "pow0" or (safe and all(self._finite[k] for k in op.args))
            )
        return self._finite[i]


def _ways(name: str, args: tuple[int, ...]) -> tuple[int, ...]:
    """The operands through which derivatives pass."""
    if name in SILENT:
        return ()
    return args[1:] if name == "select" else args
