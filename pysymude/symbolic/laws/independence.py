# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Functional independence of laws: the rank of their gradients at one random point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import sympy as sp

from pysymude.symbolic.exact.canonical import opaque
from pysymude.symbolic.exact.digits import value_at
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.ansatz import Ansatz, Term, directions, primitive_rates, sampled_along
from pysymude.symbolic.null_space.modular import Residues, null_space, tangent
from pysymude.symbolic.proof.derivative import derivative

__all__ = ["Independent", "independent"]


class Independent:
    """Gradients of independent functions with respect to the states, at a point of the variety.

    That of a law with respect to time follows from these. A rank found here is a lower bound; that it
    is too low has a probability of about 1 in 10^9.
    """

    def __init__(self, form: NormalForm, point: dict[Any, Residues]) -> None:
        self.point, self.prime = point, form.prime
        self.slopes = directions(form, point, form.prime)
        self.rows: list[Residues] = []

    def gradients(self, ansatz: Ansatz, terms: list[Term]) -> Residues:
        """Derivatives of candidates, one row each."""
        sampled = sampled_along(ansatz.gens, self.point, self.slopes, self.prime)
        primitives = primitive_rates(ansatz.primitives, self.point, self.slopes, self.prime)
        return ansatz.rates(terms, sampled, primitives, self.prime)[:, :, 0]

    def gradient(self, expr: Any) -> Residues:
        """Derivatives of a rational expression in the coordinates."""
        slope = tangent(expr, self.point, self.slopes, self.prime, {})[1]
        count = len(next(iter(self.slopes.values())))
        return np.zeros(count, dtype=np.int64) if slope is None else slope[:, 0]

    def raised_by(self, row: Residues, *others: Residues) -> bool:
        """Whether a gradient is independent of those kept, and of some others."""
        rows = np.array([*self.rows, *others, row])
        return bool(row.any()) and not null_space(rows, self.prime)[0]

    def add(self, row: Residues) -> None:
        """Keeps a gradient that is independent."""
        self.rows.append(row)


def independent(laws: Sequence[sp.Expr], form: NormalForm) -> bool:
    """Whether the gradients of laws in the user's symbols have full rank at a random point.

    Elimination with 60 digits at a point of primes' square roots, where no accident makes an entry
    vanish to 1e-30 without vanishing identically.
    """
    symbols = [c.symbol for c in form.of_kind("state", "time", "parameter")]
    point = {z: sp.sqrt(sp.prime(k + 3)).evalf(60) / 30 for k, z in enumerate(symbols)}
    plain = [c.symbol for c in form.of_kind("state", "time")]
    slopes = [[derivative(law, z) for z in plain] for law in laws]
    # networks and their derivatives are independent of each other: each has a value of its own
    unknown = sorted({node for row in slopes for e in row for node in opaque(e)}, key=str)
    values = {
        node: sp.sqrt(sp.prime(k + 3 + len(symbols))).evalf(60) / 30
        for k, node in enumerate(unknown)
    }
    rows = [
        [value_at(cast("sp.Expr", e.xreplace(values)), point, 60) for e in row] for row in slopes
    ]
    while rows:
        # scaled rows: exponentials of large rates would drown the others
        scaled = [[e / max(map(abs, row)) for e in row] if any(row) else row for row in rows]
        sizes = [(abs(e), i, j) for i, row in enumerate(scaled) for j, e in enumerate(row)]
        largest, i, j = max(sizes, key=lambda entry: entry[0])
        if largest < sp.Float("1e-30"):
            return False
        pivot = scaled.pop(i)
        rows = [
            [e - row[j] / pivot[j] * f for e, f in zip(row, pivot, strict=True)] for row in scaled
        ]
        if any(all(abs(e) < sp.Float("1e-30") for e in row) for row in rows):
            return False
    return True
