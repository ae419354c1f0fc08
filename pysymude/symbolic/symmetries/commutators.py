# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""`commutator_table`: the Lie algebra that generators span."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, cast

import numpy as np
import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.symbols import t
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField
from pysymude.symbolic.null_space.modular import PRIMES, Residues, evaluate, null_space, sample
from pysymude.symbolic.proof.certificate import vanishes
from pysymude.symbolic.symmetries.generator import Generator, lie_bracket
from pysymude.symbolic.symmetries.joint_form import admissible_parameters, joint_form, numerators

__all__ = ["CommutatorTable", "commutator_table"]

Row = tuple[sp.Expr, ...]
_P = PRIMES[0]


@dataclass(frozen=True, eq=False)
class CommutatorTable:
    """The brackets of generators, as combinations of these.

    Attributes
    ----------
    generators : tuple of Generator
        Linearly independent.
    brackets : dict of (int, int) to Generator
        [X_i, X_j] for i < j.
    constants : dict of (int, int) to tuple of SymPy expressions
        c with [X_i, X_j] = sum c_k X_k for i < j; None where the bracket is no such combination.
    """

    generators: tuple[Generator, ...]
    brackets: dict[tuple[int, int], Generator]
    constants: dict[tuple[int, int], Row | None]

    @property
    def closes(self) -> bool:
        """Whether the generators span a Lie algebra."""
        return None not in self.constants.values()

    def structure_constant(self, i: int, j: int, k: int) -> sp.Expr:
        """The coefficient of X_k in [X_i, X_j].

        Raises
        ------
        InvalidInputError
            [X_i, X_j] is no combination of the generators.
        """
        if i == j:
            return cast("sp.Expr", sp.S.Zero)
        row = self.constants[min(i, j), max(i, j)]
        if row is None:
            raise InvalidInputError(
                f"[X{i}, X{j}] = {lie_bracket(self.generators[i], self.generators[j])} is no "
                "combination of the generators"
            )
        return row[k] if i < j else -row[k]

    def _cell(self, i: int, j: int) -> sp.Expr | None:
        row = self.constants.get((min(i, j), max(i, j)), ())
        if row is None:
            return None
        total = sp.Add(*(c * sp.Symbol(f"X{k}") for k, c in enumerate(row)))
        return cast("sp.Expr", total if i < j else -total)

    def __repr__(self) -> str:
        size = range(len(self.generators))
        rows = [["", *(f"X{j}" for j in size)]]
        for i in size:
            cells = (self._cell(i, j) for j in size)
            rows.append([f"X{i}", *("?" if c is None else str(c) for c in cells)])
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        lines = [
            "  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows
        ]
        lines += [f"X{k} = {X}" for k, X in enumerate(self.generators)]
        lines += [
            f"[X{i}, X{j}] = {self.brackets[i, j]} is no combination of them"
            for (i, j), row in self.constants.items()
            if row is None
        ]
        return "\n".join(lines)

    def _repr_latex_(self) -> str:
        size = range(len(self.generators))
        head = " & ".join(["", *(f"X_{{{j}}}" for j in size)])
        lines = [head + r" \\ \hline"]
        for i in size:
            cells = (self._cell(i, j) for j in size)
            texts = ["?" if c is None else sp.latex(c) for c in cells]
            lines.append(" & ".join([f"X_{{{i}}}", *texts]) + r" \\")
        columns = "c|" + "c" * len(size)
        return rf"$\begin{{array}}{{{columns}}}" + "\n".join(lines) + r"\end{array}$"


@explained
def commutator_table(generators: Iterable[Generator]) -> CommutatorTable:
    """All brackets of some generators, with exact structure constants.

    Parameters
    ----------
    generators : iterable of Generator
        Linearly independent over the constants, such as the result of `symmetries`.

    Returns
    -------
    CommutatorTable

    Raises
    ------
    InvalidInputError
        They are linearly dependent.
    DerivationError
        A coefficient has no exact treatment; the message names it.

    Examples
    --------
    >>> import pysymude as psu
    >>> x = psu.states("x")
    >>> psu.commutator_table([psu.Generator(1), psu.Generator(psu.t, {x: -x})])
         X0  X1
    X0    0  X0
    X1  -X0   0
    X0 = d/dt
    X1 = t*d/dt - x*d/dx
    """
    found = tuple(generators)
    for X in found:
        if not isinstance(X, Generator):
            raise InvalidInputError(
                f"commutator_table takes generators; found one of type {type(X).__name__}"
            )
    pairs = list(combinations(range(len(found)), 2))
    brackets = {(i, j): lie_bracket(found[i], found[j]) for i, j in pairs}
    solver = _Span(found, list(brackets.values()))
    constants = {pair: solver.combination(k) for k, pair in enumerate(pairs)}
    return CommutatorTable(found, brackets, constants)


class _Span:
    """The vector fields that generators span, with exact arithmetic on their components."""

    def __init__(self, basis: Sequence[Generator], others: Sequence[Generator]) -> None:
        self.size = len(basis)
        self.every = [*basis, *others]
        states = list(dict.fromkeys(x for X in self.every for x in X.eta))
        self.variables = [t, *states]
        flat = [X.moves(z) for X in self.every for z in self.variables]
        # a form has at least one state
        rates = dict.fromkeys(states or [sp.Symbol("u", real=True)], cast("sp.Expr", sp.S.Zero))
        form, inside = joint_form(rates, flat)
        width = len(self.variables)
        self.fields = [inside[k * width : (k + 1) * width] for k in range(len(self.every))]
        self.exact = ExactField(form)
        self.sampled = _sampled(form, self.fields, self.size + 5)
        free = null_space(self.sampled[: self.size], _P)[0] if self.size else []
        if free:
            raise InvalidInputError(
                f"generator {free[0]} is a combination of earlier ones; give independent generators"
            )

    def combination(self, k: int) -> Row | None:
        """The coefficients of the k-th other field, or None: found modulo a prime, then made exact."""
        last = self.size + k
        _, vectors = null_space(self.sampled[[*range(self.size), last]], _P)
        if not len(vectors):
            return None
        support = np.flatnonzero(vectors[0]).tolist()
        chosen = [*support[:-1], last]
        row: list[sp.Expr] = [cast("sp.Expr", sp.S.Zero)] * self.size
        if len(chosen) > 1:
            systems = [
                numerators(self.exact, [self.exact.fraction(self.fields[i][z]) for i in chosen])
                for z in range(len(self.variables))
            ]
            vector = self.exact.null_vector(systems)
            if vector is None:
                return None
            for i, c in zip(chosen[:-1], vector[:-1], strict=True):
                row[i] = cast("sp.Expr", sp.factor(sp.cancel(-c / vector[-1])))
        proved = all(
            vanishes(
                self.every[last].moves(z) - sp.Add(*(c * X.moves(z) for c, X in self._pairs(row)))
            )
            for z in self.variables
        )
        return tuple(row) if proved else None

    def _pairs(self, row: Sequence[sp.Expr]) -> list[tuple[sp.Expr, Generator]]:
        return list(zip(row, self.every[: self.size], strict=True))


def _sampled(form: NormalForm, fields: Sequence[Sequence[sp.Expr]], count: int) -> Residues:
    """All components of each field at random points, one field a row."""
    rng = np.random.default_rng(0)
    points = sample(form, count, _P, rng, admissible_parameters(form, rng))
    seen: dict[Any, Residues] = {}
    rows = [
        np.concatenate([np.broadcast_to(evaluate(e, points, _P, seen), count) for e in X])
        for X in fields
    ]
    return np.stack(rows) if rows else np.zeros((0, count), dtype=np.int64)
