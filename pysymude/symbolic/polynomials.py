# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Exact arithmetic: fractions of polynomials in all coordinates, and normal forms modulo relations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import flint
import sympy as sp

from pysymude.symbolic.normal import NormalForm

__all__ = ["ExactField", "Fraction"]

Polynomial = Any  # flint.fmpq_mpoly has no type stubs


@dataclass(frozen=True)
class Fraction:
    """top / bottom, without common factors."""

    top: Polynomial
    bottom: Polynomial

    def __add__(self, other: Fraction) -> Fraction:
        if self.bottom == other.bottom:
            return reduced(self.top + other.top, self.bottom)
        return reduced(
            self.top * other.bottom + other.top * self.bottom, self.bottom * other.bottom
        )

    def __mul__(self, other: Fraction) -> Fraction:
        return reduced(self.top * other.top, self.bottom * other.bottom)

    def __pow__(self, n: int) -> Fraction:
        if n < 0:
            return Fraction(self.bottom**-n, self.top**-n)
        return Fraction(self.top**n, self.bottom**n)


def reduced(top: Polynomial, bottom: Polynomial) -> Fraction:
    """The fraction in lowest terms."""
    if top.is_zero():
        return Fraction(top, bottom**0)
    if not bottom.is_constant():
        common = top.gcd(bottom)
        if not common.is_constant():
            top, bottom = divmod(top, common)[0], divmod(bottom, common)[0]
    return Fraction(top, bottom)


class ExactField:
    """The field of fractions of a normal form's coordinates, atoms before states before parameters."""

    def __init__(self, form: NormalForm) -> None:
        self.form = form
        atoms = [c for c in form.coordinates.values() if c.of is not None]
        plain = [*form.of_kind("hidden"), *form.of_kind("time", "state")]
        order = [*reversed(atoms), *plain, *form.of_kind("parameter")]
        self.symbols = [c.symbol for c in order]
        self.n_parameters = len(form.of_kind("parameter"))
        names = [f"z{i}" for i in range(len(order))]
        self.context = flint.fmpq_mpoly_ctx.get(names, "lex")
        self.gens = dict(zip(self.symbols, self.context.gens(), strict=True))
        self.one = self.context.constant(1)
        self.seen: dict[Any, Fraction] = {}

    def fraction(self, expr: Any) -> Fraction:
        """A rational expression of coordinates as a fraction of polynomials."""
        found = self.seen.get(expr)
        if found is None:
            found = self.seen[expr] = self._fraction(expr)
        return found

    def _fraction(self, expr: Any) -> Fraction:
        if expr in self.gens:
            return Fraction(self.gens[expr], self.one)
        if expr.is_Rational:
            return Fraction(self.one * flint.fmpq(int(expr.p), int(expr.q)), self.one)
        if expr.is_Pow:
            return self.fraction(expr.base) ** int(expr.exp)
        parts = [self.fraction(a) for a in expr.args]
        total = parts[0]
        for part in parts[1:]:
            total = total + part if expr.is_Add else total * part
        return total

    def expression(self, poly: Polynomial) -> sp.Expr:
        """A polynomial as a SymPy expression in the coordinates."""
        terms = [
            sp.Mul(
                sp.Rational(int(c.p), int(c.q)),
                *(z**k for z, k in zip(self.symbols, powers, strict=True) if k),
            )
            for powers, c in poly.to_dict().items()
        ]
        return cast("sp.Expr", sp.Add(*terms))

    def factors(self, polynomials: Sequence[Polynomial]) -> list[sp.Expr]:
        """The irreducible factors of some polynomials, each one once, in a fixed order."""
        found: list[sp.Expr] = []
        for poly in polynomials:
            if poly.is_zero() or poly.is_constant():
                continue
            parts = [self.expression(factor) for factor, _ in poly.factor()[1]]
            new = {sp.primitive(part)[1] for part in parts}
            found += sorted(new - set(found), key=sp.default_sort_key)
        return found

    @cached_property
    def flow(self) -> dict[sp.Symbol, Fraction]:
        """The rates of all coordinates that move."""
        return {z: self.fraction(rate) for z, rate in self.form.rates.items() if rate != 0}

    def rate(self, value: Fraction, flow: Mapping[sp.Symbol, Fraction]) -> Fraction:
        """The derivative of a fraction along a flow."""
        top, bottom = self._slope(value.top, flow), self._slope(value.bottom, flow)
        if bottom.top.is_zero():
            return reduced(top.top, top.bottom * value.bottom)
        square = Fraction(self.one, value.bottom * value.bottom)
        # (P' Q - P Q') / Q^2
        minus = Fraction(-value.top, self.one)
        return (top * Fraction(value.bottom, self.one) + bottom * minus) * square

    def _slope(self, poly: Polynomial, flow: Mapping[sp.Symbol, Fraction]) -> Fraction:
        total = Fraction(self.one * 0, self.one)
        degrees = poly.degrees()
        for i, z in enumerate(self.symbols):
            if degrees[i] > 0 and z in flow:
                total = total + Fraction(poly.derivative(i), self.one) * flow[z]
        return total

    @cached_property
    def relations(self) -> list[Polynomial]:
        """Polynomials that vanish, each with its own leading variable: sin^2, root^order, ..."""
        found: list[Polynomial] = []
        for c in self.form.coordinates.values():
            if c.kind == "root":
                base = self.fraction(c.of)
                found.append(self.gens[c.symbol] ** c.order * base.bottom - base.top)
            elif c.kind == "sin":
                cos = next(d for d in self.form.of_kind("cos") if d.of == c.of)
                s, k = self.gens[c.symbol], self.gens[cos.symbol]
                found.append(s**2 + k**2 - self.one)
        return found

    def normal(self, poly: Polynomial) -> Polynomial:
        """The remainder of a polynomial modulo the relations; 0 exactly when it vanishes there."""
        for relation in reversed(self.relations):
            # its leading monomial is a power of its own variable, which stands before the others
            poly = divmod(poly, relation)[1]
        return poly

    def split(self, poly: Polynomial) -> dict[tuple[int, ...], dict[tuple[int, ...], Any]]:
        """Coefficients by monomial of the variables; each is a polynomial in the parameters."""
        cut = len(self.symbols) - self.n_parameters
        rows: dict[tuple[int, ...], dict[tuple[int, ...], Any]] = {}
        for monomial, coefficient in poly.to_dict().items():
            key = tuple(monomial)
            rows.setdefault(key[:cut], {})[key[cut:]] = coefficient
        return rows

    def null_vector(self, systems: Sequence[Sequence[Polynomial]]) -> list[sp.Expr] | None:
        """c with sum c_k columns[k] = 0 in each system; None unless there is one up to a factor."""
        entries: list[list[dict[tuple[int, ...], Any]]] = []
        for columns in systems:
            split = [self.split(column) for column in columns]
            monomials = sorted({m for rows in split for m in rows})
            entries += [[rows.get(m, {}) for rows in split] for m in monomials]
        columns = systems[0]
        if not entries:
            return [sp.S.One] if len(columns) == 1 else None
        if self.n_parameters:
            return self._null_with_parameters(entries)
        zero = flint.fmpq(0)
        matrix = flint.fmpq_mat(
            len(entries), len(columns), [e.get((), zero) for row in entries for e in row]
        )
        rref, rank = matrix.rref()
        if rank != len(columns) - 1:
            return None
        pivots = [next(j for j in range(len(columns)) if rref[i, j]) for i in range(rank)]
        (free,) = set(range(len(columns))) - set(pivots)
        vector = {p: -rref[i, free] for i, p in enumerate(pivots)} | {free: flint.fmpq(1)}
        return [sp.Rational(int(vector[k].p), int(vector[k].q)) for k in range(len(columns))]

    def _null_with_parameters(
        self, entries: list[list[dict[tuple[int, ...], Any]]]
    ) -> list[sp.Expr] | None:
        from sympy.polys.matrices import DomainMatrix

        parameters = self.symbols[len(self.symbols) - self.n_parameters :]
        ring = sp.QQ[parameters]
        field = ring.get_field()

        def element(entry: dict[tuple[int, ...], Any]) -> Any:
            poly = ring.ring.from_dict({m: sp.QQ(int(c.p), int(c.q)) for m, c in entry.items()})
            return field.convert_from(poly, ring)

        rows = [[element(e) for e in row] for row in entries]
        matrix = DomainMatrix(rows, (len(rows), len(rows[0])), field)
        null = matrix.nullspace()
        if null.shape[0] != 1:
            return None
        return [cast("sp.Expr", field.to_sympy(a)) for a in null.to_list()[0]]
