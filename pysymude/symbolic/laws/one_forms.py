"""Exact one-forms: antisymmetric matrices O for which O f is a gradient.

Whatever O is, O f is orthogonal to f; where its curl vanishes, its potential is a law.  The energy of
any mechanical system comes of a constant O, however complicated it is: only the equations for O are
solved, and the potential is integrated afterwards.
"""

from __future__ import annotations

import time as clock
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, cast

import numpy as np
import sympy as sp

from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.ansatz import directions
from pysymude.symbolic.null_space.modular import (
    PRIMES,
    Residues,
    draw_parameters,
    null_space,
    sample,
    tangent,
)

__all__ = ["Entry", "Slope", "closed_forms", "slopes"]

_MOST = 900  # unknown entries
_SPARE = 15
_P = PRIMES[0]


@dataclass(frozen=True)
class Entry:
    """The matrix that is `factor` at (row, column), -`factor` at (column, row), and else zero."""

    row: sp.Symbol
    column: sp.Symbol
    factor: sp.Expr


@dataclass(frozen=True)
class Slope:
    """A derivative of the potential: `value`, up to a number, is a part of d/d(variable)."""

    variable: sp.Symbol
    value: sp.Expr


def closed_forms(form: NormalForm, deadline: float) -> Iterator[list[Entry]]:
    """The entries of matrices O with O f closed and other than zero, simple ones first.

    Constant entries, then linear ones, then reciprocals of products of two states. For all values of
    networks: these are variables of which the potential must not depend.
    """
    for entries in _layers(form):
        if clock.perf_counter() > deadline:
            return
        if len(entries) <= _MOST:
            yield from _closed(form, entries)


def slopes(form: NormalForm, entries: Sequence[Entry]) -> list[Slope]:
    """What the derivatives of the potential are made of."""
    found: list[Slope] = []
    for e in entries:
        for i, j in ((e.row, e.column), (e.column, e.row)):
            for part in sp.Add.make_args(cast("sp.Expr", form.coordinates[i].rate)):
                found.append(Slope(j, cast("sp.Expr", e.factor * part)))
    return list(dict.fromkeys(found))


def _layers(form: NormalForm) -> Iterator[list[Entry]]:
    # a state and its velocity first: the energy comes of such entries alone
    rates = {x: cast("sp.Expr", form.coordinates[x].rate).free_symbols for x in form.states}
    pairs = list(combinations(form.states, 2))
    moving = set(form.states)
    pairs.sort(
        key=lambda pair: rates[pair[0]] & moving != {pair[1]}
        and rates[pair[1]] & moving != {pair[0]}
    )
    constant = [Entry(x, y, cast("sp.Expr", sp.S.One)) for x, y in pairs]
    yield constant
    linear = [Entry(x, y, cast("sp.Expr", z)) for x, y in pairs for z in form.states]
    yield constant + linear
    yield [Entry(x, y, cast("sp.Expr", 1 / (x * y))) for x, y in pairs]


def _closed(form: NormalForm, entries: list[Entry]) -> Iterator[list[Entry]]:
    """The supports of null vectors of the equations d(O f) = 0."""
    n = len(form.states)
    rng = np.random.default_rng(6)
    hidden = [c.symbol for c in form.of_kind("hidden")]
    count = (len(entries) + _SPARE) // (n * (n - 1) // 2) + 2
    points = sample(form, count, _P, rng, draw_parameters(form, _P, rng))
    columns, values = _equations(form, entries, hidden, points)
    free, vectors = null_space(columns, _P)
    for _, vector in zip(free, vectors, strict=True):
        support = np.flatnonzero(vector)
        total = (vector[support, None] * values[support] % _P).sum(axis=0) % _P
        if total.any():
            yield [entries[k] for k in support]


def _equations(
    form: NormalForm, entries: list[Entry], hidden: list[sp.Symbol], points: dict[Any, Residues]
) -> tuple[Residues, Residues]:
    """For each entry: its part of all derivatives that must vanish, and of O f itself."""
    place = {x: k for k, x in enumerate(form.states)}
    n, m = len(place), len(hidden)
    moves = _directions(form, hidden, points)
    count = next(iter(points[x] for x in form.states)).shape[-1]
    seen: dict[Any, tuple[Residues, Residues | None]] = {}
    turned = np.zeros((len(entries), n, n + m, count), dtype=np.int64)
    values = np.zeros((len(entries), n, count), dtype=np.int64)
    for k, e in enumerate(entries):
        for i, j, sign in ((e.row, e.column, 1), (e.column, e.row, -1)):
            part = e.factor * cast("sp.Expr", form.coordinates[i].rate)
            value, slope = tangent(part, points, moves, _P, seen)
            values[k, place[j]] = sign * value % _P
            if slope is not None:
                turned[k, place[j]] = sign * slope % _P
    upper = np.triu_indices(n, 1)
    curl = (turned[:, :, :n] - turned[:, :, :n].swapaxes(1, 2))[:, upper[0], upper[1]] % _P
    rows = [curl.reshape(len(entries), -1), turned[:, :, n:].reshape(len(entries), -1)]
    return np.concatenate(rows, axis=1), values.reshape(len(entries), -1)


def _directions(
    form: NormalForm, hidden: list[sp.Symbol], points: dict[Any, Residues]
) -> dict[Any, Residues]:
    """Derivatives of all coordinates with respect to the states, then to the hidden ones."""
    found = directions(form, points, _P)
    n, m = len(form.states), len(hidden)
    wider: dict[Any, Residues] = {}
    for z, slope in found.items():
        below = np.zeros((m, *slope.shape[1:]), dtype=np.int64)
        wider[z] = np.concatenate([slope, below])
    for k, h in enumerate(hidden):
        wider[h] = np.eye(n + m, dtype=np.int64)[n + k][:, None]
    return wider
