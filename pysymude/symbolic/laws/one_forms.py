# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Exact one-forms: antisymmetric matrices O for which O f is a gradient.

Whatever O is, O f is orthogonal to f; where its curl vanishes, its potential is a law.  The energy of
any mechanical system comes of a constant O, however complicated it is: only the equations for O are
solved, and the potential is integrated afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, cast

import numpy as np
import sympy as sp

from pysymude.symbolic import effort
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.ansatz import directions
from pysymude.symbolic.null_space.modular import Residues, evaluate, null_space, sample, tangent

__all__ = ["Entry", "Slope", "closed_forms", "entry_layers", "slopes"]

_SPARE = 15


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


def entry_layers(form: NormalForm) -> Iterator[list[Entry]]:
    """Constant entries, then linear ones too, then reciprocals of products of two states."""
    # a state and its velocity first: the energy comes of such entries alone
    moving = set(form.states)
    reads = {x: cast("sp.Expr", form.coordinates[x].rate).free_symbols & moving for x in moving}
    pairs = list(combinations(form.states, 2))
    pairs.sort(key=lambda pair: reads[pair[0]] != {pair[1]} and reads[pair[1]] != {pair[0]})
    constant = [Entry(x, y, cast("sp.Expr", sp.S.One)) for x, y in pairs]
    yield constant
    yield constant + [Entry(x, y, cast("sp.Expr", z)) for x, y in pairs for z in form.states]
    yield [Entry(x, y, cast("sp.Expr", 1 / (x * y))) for x, y in pairs]


def closed_forms(
    form: NormalForm,
    entries: Sequence[Entry],
    parameters: Mapping[Any, Residues],
    at: Mapping[Any, Residues],
) -> list[tuple[list[Entry], Residues]]:
    """The matrices O in the span of some entries with O f closed: the entries, and O f at one point.

    Modulo a prime, at the given residues of the parameters.  Networks are variables of which a potential
    must not depend.
    """
    n, p = len(form.states), form.prime
    count = (len(entries) + _SPARE) // (n * (n - 1) // 2) + 2
    effort.afford(len(entries) ** 3 / 60, len(entries) * n * n * count)
    points = sample(form, count, p, np.random.default_rng(6), parameters)
    _, vectors = null_space(_equations(form, entries, points), p)
    found: list[tuple[list[Entry], Residues]] = []
    values = np.array([_value(form, e, dict(at)) for e in entries])
    for vector in vectors:
        support = [int(k) for k in np.flatnonzero(vector)]
        total = (vector[support, None] * values[support] % p).sum(axis=0) % p
        found.append(([entries[k] for k in support], total))
    return found


def slopes(form: NormalForm, entries: Sequence[Entry]) -> list[Slope]:
    """What the derivatives of the potential are made of."""
    found: list[Slope] = []
    for e in entries:
        for i, j in ((e.row, e.column), (e.column, e.row)):
            for part in sp.Add.make_args(cast("sp.Expr", form.coordinates[i].rate)):
                found.append(Slope(j, cast("sp.Expr", e.factor * part)))
    return list(dict.fromkeys(found))


def _equations(form: NormalForm, entries: Sequence[Entry], points: dict[Any, Residues]) -> Residues:
    """For each entry its part of all derivatives that must vanish."""
    place = {x: k for k, x in enumerate(form.states)}
    hidden = [c.symbol for c in form.of_kind("hidden")]
    n, m, p = len(place), len(hidden), form.prime
    moves = _directions(form, hidden, points)
    count = next(points[x] for x in form.states).shape[-1]
    seen: dict[Any, tuple[Residues, Residues | None]] = {}
    turned = np.zeros((len(entries), n, n + m, count), dtype=np.int64)
    for k, e in enumerate(entries):
        effort.check()
        for i, j, sign in ((e.row, e.column, 1), (e.column, e.row, -1)):
            part = e.factor * cast("sp.Expr", form.coordinates[i].rate)
            slope = tangent(part, points, moves, p, seen)[1]
            if slope is not None:
                turned[k, place[j]] = sign * slope % p
    upper = np.triu_indices(n, 1)
    curl = (turned[:, :, :n] - turned[:, :, :n].swapaxes(1, 2))[:, upper[0], upper[1]] % p
    rows = [curl.reshape(len(entries), -1), turned[:, :, n:].reshape(len(entries), -1)]
    return np.concatenate(rows, axis=1)


def _value(form: NormalForm, e: Entry, point: dict[Any, Residues]) -> Residues:
    """O f at one point for the matrix of one entry."""
    found = np.zeros(len(form.states), dtype=np.int64)
    for i, j, sign in ((e.row, e.column, 1), (e.column, e.row, -1)):
        part = e.factor * cast("sp.Expr", form.coordinates[i].rate)
        value = evaluate(part, point, form.prime, {})
        found[form.states.index(j)] = sign * int(np.ravel(value)[0]) % form.prime
    return found


def _directions(
    form: NormalForm, hidden: list[sp.Symbol], points: dict[Any, Residues]
) -> dict[Any, Residues]:
    """Derivatives of all coordinates with respect to the states, then to the hidden ones."""
    found = directions(form, points, form.prime)
    n, m = len(form.states), len(hidden)
    wider: dict[Any, Residues] = {}
    for z, slope in found.items():
        below = np.zeros((m, *slope.shape[1:]), dtype=np.int64)
        wider[z] = np.concatenate([slope, below])
    for k, h in enumerate(hidden):
        wider[h] = np.eye(n + m, dtype=np.int64)[n + k][:, None]
    return wider
