"""Large systems: every output a sum of terms, terms of one shape computed in a loop.

    outputs = bias + A u + S r,      r: the terms, template by template

A term stands once in r, however many outputs it enters: a reaction's rate, a grid point's source. What
is linear in the states with constant factors needs no term at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.plan.shape import Leaf
from pysymude.plan.tape import SignalCall, build_tape, constant
from pysymude.plan.template import Template, fuse, group

__all__ = ["Looped", "Rows", "assemble", "build_looped"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]

_UNROLLED = 16  # rows of up to this many entries are grouped by exact length
_PATTERNS = 8  # and by their factors, where so many rows on average share them


@dataclass(frozen=True, eq=False)
class Rows:
    """Outputs with as many states and terms each: bias + sum of factors * states + ... terms.

    Attributes
    ----------
    outputs : int64, shape (rows,)
    bias : float64, shape (rows,)
    states, state_factors : shape (rows, number of states)
    terms, term_factors : shape (rows, number of terms)
    """

    outputs: Int
    bias: Float
    states: Int
    state_factors: Float
    terms: Int
    term_factors: Float

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """All of it."""
        return (
            self.outputs, self.bias, self.states, self.state_factors, self.terms, self.term_factors,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Looped:
    """What a `Tape` is for a small system.

    Attributes
    ----------
    size : int
        How many outputs.
    states : int
        How many states.
    templates : tuple of Template
    rows : tuple of Rows
        Each output stands in one of them.
    """

    size: int
    states: int
    templates: tuple[Template, ...]
    rows: tuple[Rows, ...]

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where each template's terms begin, and the number of terms."""
        return tuple(int(k) for k in np.cumsum([0, *(t.size for t in self.templates)]))

    @cached_property
    def order(self) -> Int:
        """Where each output stands among the rows, group after group."""
        return np.argsort(np.concatenate([g.outputs for g in self.rows]))

    def terms(
        self,
        sources: Mapping[str, Callable[[NDArray[Any]], Any]],
        operations: Mapping[str, Callable[..., Any]],
        network: Callable[[str, list[Any]], Any],
        network_jacobian: Callable[[str, list[Any]], Any],
        signal: Callable[[SignalCall, Any], Any] | None = None,
    ) -> list[tuple[Any, int]]:
        """Each part of r with its length: a value of shape (..., members) or (..., 1).

        ``sources[kind](table)`` reads states and the like at a table of shape (members,) or (1,).
        """
        found: list[tuple[Any, int]] = []
        for template in self.templates:
            inputs = template.gather(sources)
            values = template.tape.run(inputs, operations, network, network_jacobian, signal=signal)
            found += [(value, template.members) for value in values]
        return found

    def __repr__(self) -> str:
        digest = hashlib.sha256()
        for template in self.templates:
            digest.update(repr((template.tape, template.members)).encode())
            for slot in template.slots:
                digest.update(repr(slot.key).encode())
        for rows in self.rows:
            for array in rows.arrays():
                digest.update(repr((array.dtype.str, array.shape)).encode() + array.tobytes())
        return f"Looped({self.size}, {self.states}, {digest.hexdigest()})"


def build_looped(exprs: Sequence[sp.Expr], leaves: Mapping[sp.Symbol, Leaf], states: int) -> Looped:
    """The loops that compute `exprs`.

    Raises
    ------
    EmissionError
        As `build_tape` does.
    """
    bias = np.zeros(len(exprs))
    linear: list[tuple[int, int, float]] = []
    entries: list[tuple[int, int, float]] = []
    numbers: dict[sp.Expr, int] = {}
    for i, expr in enumerate(exprs):
        for part in sp.Add.make_args(expr):
            if part.is_number and not part.free_symbols:
                bias[i] += constant(part)
                continue
            factor, term = part.as_coeff_Mul()
            leaf = leaves.get(term) if isinstance(term, sp.Symbol) else None
            if leaf is not None and leaf.kind == "state":
                linear.append((i, leaf.index, constant(factor)))
            else:
                entries.append((i, numbers.setdefault(term, len(numbers)), constant(factor)))
    _check_symbols(numbers, leaves)
    templates, places = group(list(numbers), leaves)
    fused, moved = fuse(templates)
    starts = np.cumsum([0, *(t.size for t in fused)])
    column = np.array([_term(fused, starts, moved[a], k) for a, k in places], dtype=np.int64)
    i, j, c = _columns(linear)
    row, term, factor = _columns(entries)
    outputs, columns = np.append(i, row), np.append(j, states + column[term])
    rows = assemble(bias, states, outputs, columns, np.append(c, factor))
    return Looped(len(exprs), states, tuple(fused), rows)


def _term(fused: Sequence[Template], starts: Any, place: tuple[int, int], member: int) -> int:
    k, output = place
    return int(starts[k]) + output * fused[k].members + member


def _columns(entries: Sequence[tuple[int, int, float]]) -> tuple[Int, Int, Float]:
    i, j, c = zip(*entries, strict=True) if entries else ((), (), ())
    return np.array(i, dtype=np.int64), np.array(j, dtype=np.int64), np.array(c, dtype=np.float64)


def _check_symbols(terms: Mapping[sp.Expr, int], leaves: Mapping[sp.Symbol, Leaf]) -> None:
    for term in terms:
        if not leaves.keys() >= term.free_symbols:
            build_tape(list(leaves), [term])  # it names the symbol


def assemble(
    bias: Float, states: int, outputs: Int, columns: Int, factors: Float
) -> tuple[Rows, ...]:
    """Rows from triplets; a column >= `states` is a term. Equal places are summed."""
    width = int(columns.max(initial=0)) + 1
    place, back = np.unique(outputs * width + columns, return_inverse=True)
    total = np.zeros(len(place))
    np.add.at(total, back, factors)
    factors = total
    outputs, columns = place // width, place % width
    # within a row: states, then terms, each by factor, so that equal rows look equal
    order = np.lexsort((columns, factors, columns >= states, outputs))
    outputs, columns, factors = outputs[order], columns[order], factors[order]
    size = len(bias)
    n_states = np.bincount(outputs[columns < states], minlength=size)
    n_terms = np.bincount(outputs[columns >= states], minlength=size)
    start = np.concatenate([[0], np.cumsum(n_states + n_terms)])
    groups: dict[tuple[int, int], list[int]] = {}
    for i in range(size):
        groups.setdefault((_padded(int(n_states[i])), _padded(int(n_terms[i]))), []).append(i)
    found: list[Rows] = []
    for (a, b), members in groups.items():
        who = np.array(members, dtype=np.int64)
        x, fx = _table(columns, factors, start[who], n_states[who], a)
        r, fr = _table(columns, factors, start[who] + n_states[who], n_terms[who], b)
        found += _by_factors(Rows(who, bias[who], x, fx, r - states, fr))
    return tuple(found)


def _padded(count: int) -> int:
    return count if count <= _UNROLLED else 1 << (count - 1).bit_length()


def _table(columns: Int, factors: Float, start: Int, count: Int, width: int) -> tuple[Int, Float]:
    """(rows, width) columns and factors; short rows repeat their last column with factor 0."""
    k = np.arange(width)[None, :]
    at = start[:, None] + np.minimum(k, count[:, None] - 1)
    return columns[at], np.where(k < count[:, None], factors[at], 0.0)


def _by_factors(rows: Rows) -> list[Rows]:
    """Split so that factors are the same down each column, where that leaves long groups."""
    factors = np.hstack([rows.state_factors, rows.term_factors])
    patterns, which = np.unique(factors, axis=0, return_inverse=True)
    if len(patterns) == 1 or len(patterns) * _PATTERNS > len(factors):
        return [rows]
    which = which.ravel()
    return [Rows(*(a[which == k] for a in rows.arrays())) for k in range(len(patterns))]
