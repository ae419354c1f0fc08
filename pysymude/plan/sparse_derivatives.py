"""Exact derivatives of looped right-hand sides: one symbolic derivative a template, tables for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.plan.looped import Looped, assemble
from pysymude.plan.tape import constant
from pysymude.plan.template import Template, fuse

__all__ = ["SparseJacobian", "sparse_jacobian", "time_gradient"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SparseJacobian:
    """df/du where it may differ from zero, and its diagonal.

    Attributes
    ----------
    rows, columns : int64, shape (entries,)
        Places, column after column (compressed columns).
    values : Looped
        One output an entry.
    """

    rows: Int
    columns: Int
    values: Looped

    @property
    def column_starts(self) -> Int:
        """Where each column begins, and the number of entries."""
        n = self.values.states
        return np.concatenate([[0], np.cumsum(np.bincount(self.columns, minlength=n))])

    def dense(self, values: Float) -> Float:
        """Entries of shape (..., entries) as matrices of shape (..., states, states)."""
        n = self.values.states
        found = np.zeros((*values.shape[:-1], n, n))
        found[..., self.rows, self.columns] = values
        return found


@dataclass(frozen=True, eq=False)
class _Slopes:
    """Triplets of a derivative: output `row` by entry `by`, `factor` times `source`.

    `source` counts states, then terms of `templates`; -1 is the number 1.
    """

    row: Int
    by: Int
    source: Int
    factor: Float
    templates: tuple[Template, ...]


def sparse_jacobian(f: Looped) -> SparseJacobian:
    """df/du of a looped right-hand side.

    Raises
    ------
    EmissionError
        A second derivative of a network would be needed.
    """
    n = f.states
    slopes = _slopes(f, "state")
    every = np.arange(n)
    # solvers subtract a multiple of the unit matrix, so the diagonal is always there
    place = np.unique(np.append(slopes.by * n + slopes.row, every * n + every))
    output = np.searchsorted(place, slopes.by * n + slopes.row)
    values = _sums(slopes, output, len(place), n)
    return SparseJacobian(place % n, place // n, values)


def time_gradient(f: Looped) -> Looped:
    """df/dt at fixed states."""
    slopes = _slopes(f, "time")
    return _sums(slopes, slopes.row, f.size, f.states)


def _sums(slopes: _Slopes, output: Int, size: int, states: int) -> Looped:
    number = slopes.source < 0
    bias = np.zeros(size)
    np.add.at(bias, output[number], slopes.factor[number])
    rest = ~number
    rows = assemble(bias, states, output[rest], slopes.source[rest], slopes.factor[rest])
    return Looped(size, states, slopes.templates, rows)


@dataclass(frozen=True, eq=False)
class _Part:
    """One summand of the derivative of one output of one template by one slot."""

    row: Int
    member: Int
    by: Int
    factor: Float
    template: Template | None  # None: a number, or the states in `source`
    source: Int


def _slopes(f: Looped, kind: str) -> _Slopes:
    parts: list[_Part] = []
    for k, template in enumerate(f.templates):
        for o, expr in enumerate(template.exprs):
            row, member, factor = _readers(f, f.starts[k] + o * template.members, template.members)
            for symbol, slot in zip(template.symbols, template.slots, strict=True):
                if slot.kind != kind:
                    continue
                by = np.broadcast_to(slot.table, (template.members,))[member]
                for summand in sp.Add.make_args(expr.diff(symbol)):
                    found = _part(template, summand, row, member, by, factor)
                    parts += [] if found is None else [found]
    fused, places = fuse([p.template for p in parts if p.template is not None])
    starts = np.cumsum([0, *(t.size for t in fused)])
    position = iter(places)
    sources: list[Int] = []
    for p in parts:
        if p.template is None:
            sources.append(p.source)
        else:
            k, o = next(position)
            member = p.member if p.template.members > 1 else np.zeros_like(p.member)
            sources.append(f.states + starts[k] + o * p.template.members + member)
    row, by, source, factor = (
        _linear(f) if kind == "state" else (_none(), _none(), _none(), np.zeros(0))
    )
    return _Slopes(
        np.concatenate([row, *(p.row for p in parts)]),
        np.concatenate([by, *(p.by for p in parts)]),
        np.concatenate([source, *sources]),
        np.concatenate([factor, *(p.factor for p in parts)]),
        tuple(fused),
    )


def _none() -> Int:
    return np.zeros(0, dtype=np.int64)


def _readers(f: Looped, start: int, members: int) -> tuple[Int, Int, Float]:
    """Which outputs contain the terms from `start` on: output, member, factor."""
    found: list[tuple[Int, Int, Float]] = []
    for rows in f.rows:
        inside = (rows.terms >= start) & (rows.terms < start + members) & (rows.term_factors != 0)
        i, j = np.nonzero(inside)
        found.append((rows.outputs[i], rows.terms[i, j] - start, rows.term_factors[i, j]))
    return _stack(found)


def _linear(f: Looped) -> tuple[Int, Int, Int, Float]:
    found: list[tuple[Int, Int, Float]] = []
    for rows in f.rows:
        i, j = np.nonzero(rows.state_factors)
        found.append((rows.outputs[i], rows.states[i, j], rows.state_factors[i, j]))
    row, by, factor = _stack(found)
    return row, by, np.full(len(row), -1), factor


def _stack(found: Sequence[tuple[Int, Int, Float]]) -> Any:
    return tuple(np.concatenate(column) for column in zip(*found, strict=True))


def _part(
    template: Template, summand: Any, row: Int, member: Int, by: Int, factor: Float
) -> _Part | None:
    if summand == 0:
        return None
    if summand.is_number and not summand.free_symbols:
        source = np.full(len(row), -1)
        return _Part(row, member, by, factor * constant(summand), None, source)
    number, rest = summand.as_coeff_Mul()
    factor = factor * constant(number)
    known = dict(zip(template.symbols, template.slots, strict=True))
    if rest.is_Symbol and known[rest].kind == "state":
        source = np.broadcast_to(known[rest].table, (template.members,))[member]
        return _Part(row, member, by, factor, None, source)
    return _Part(row, member, by, factor, template.derived(rest), row)
