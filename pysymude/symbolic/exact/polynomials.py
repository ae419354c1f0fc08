# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Exact arithmetic: fractions of polynomials in all coordinates, and normal forms modulo relations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import gcd, lcm
from typing import Any, cast

import flint
import numpy as np
import sympy as sp

from pysymude.symbolic import effort
from pysymude.symbolic.exact.coefficients import (
    Numbers,
    null_vector,
    primitive,
    symbolic_null_vector,
)
from pysymude.symbolic.exact.fraction import Fraction, Polynomial, common_denominator, reduced
from pysymude.symbolic.exact.guarded import power, product, remainder
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.parameters import parameter_values

__all__ = ["ExactField", "Flow", "Fraction", "Polynomial", "reduced"]


@dataclass(frozen=True)
class Flow:
    """Rates of coordinates, by number of the coordinate."""

    rates: dict[int, Fraction]
    one: Polynomial

    @cached_property
    def bottom(self) -> Polynomial:
        """The common denominator of all rates."""
        return common_denominator(self.rates.values(), self.one)[0]

    @cached_property
    def _tops(self) -> dict[int, Polynomial]:
        return dict(
            zip(self.rates, common_denominator(self.rates.values(), self.one)[1], strict=True)
        )

    def slope(self, poly: Polynomial) -> Polynomial:
        """The derivative of a polynomial, times the denominator of all rates."""
        total = poly * 0
        for i, degree in enumerate(poly.degrees()):
            if degree > 0 and i in self.rates:
                total = total + product(poly.derivative(i), self._tops[i])
        return total

    def change(self, poly: Polynomial) -> Fraction:
        """The derivative of a polynomial, over the denominator of those rates that it needs."""
        used = [i for i, degree in enumerate(poly.degrees()) if degree > 0 and i in self.rates]
        bottom, tops = common_denominator((self.rates[i] for i in used), self.one)
        total = poly * 0
        for i, top in zip(used, tops, strict=True):
            total = total + product(poly.derivative(i), top)
        return Fraction(total, bottom)


_LARGE = 3000  # terms of the rates of all candidates
_POINTS = 6
_LONGEST = 600  # terms of a polynomial that is factored
_HIGHEST = 200  # its degree


class ExactField:
    """The field of fractions of a normal form's coordinates, atoms before states before parameters."""

    def __init__(self, form: NormalForm) -> None:
        self.form = form
        atoms = [c for c in form.coordinates.values() if c.of is not None]
        plain = [*form.of_kind("hidden", "tied"), *form.of_kind("time", "state")]
        parameters = form.of_kind("parameter")
        roots = [c for c in reversed(parameters) if c.base is not None]
        order = [*reversed(atoms), *plain, *roots, *(c for c in parameters if c.base is None)]
        self.symbols = [c.symbol for c in order]
        self.n_parameters = len(parameters)
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
        return _as_expression(poly, self.symbols)

    def factors(self, polynomials: Sequence[Polynomial]) -> list[Polynomial]:
        """Irreducible factors that contain a coordinate and no network, each one once, in a fixed order."""
        found: dict[str, Polynomial] = {}
        for poly in polynomials:
            if poly.is_zero() or poly.is_constant():
                continue
            if len(poly) > _LONGEST or poly.total_degree() > _HIGHEST:
                # seldom a product, slow to be taken apart, and nothing interrupts that
                continue
            effort.check()
            parts = [_primitive(factor) for factor, _ in poly.factor()[1]]
            for text, part in sorted((str(part), part) for part in parts):
                degrees = part.degrees()
                used = {z for z, k in zip(self.symbols, degrees, strict=True) if k}
                if used & self._moving and not used & self._hidden:
                    found.setdefault(text, part)
        return list(found.values())

    @cached_property
    def _moving(self) -> set[Any]:
        return {c.symbol for c in self.form.coordinates.values() if c.kind != "parameter"}

    @cached_property
    def _hidden(self) -> set[Any]:
        return {c.symbol for c in self.form.of_kind("hidden")}

    @cached_property
    def denominators(self) -> list[sp.Expr]:
        """The irreducible factors of the denominators of the states' rates, parameters aside."""
        bottoms: list[Polynomial] = []
        for c in self.form.of_kind("state"):
            bottom = self.fraction(c.rate).bottom
            bottoms += [bottom] if len(bottom) <= _LONGEST else self._written(c.rate, bottom)
        return [self.expression(factor) for factor in self.factors(bottoms)]

    @cached_property
    def curves_of_rates(self) -> list[sp.Expr]:
        """The irreducible factors of the states' rates that divide their own rates."""
        tops = [self.fraction(c.rate).top for c in self.form.of_kind("state")]
        return self.darboux(self.factors(tops))

    def _written(self, rate: Any, bottom: Polynomial) -> list[Polynomial]:
        """The denominators as they are written, where their product is long."""
        found: list[Polynomial] = []
        for node in sp.preorder_traversal(rate):
            if node.is_Pow and node.exp.is_Integer and node.exp < 0:
                top = self.fraction(node.base).top
                if top not in found and remainder(bottom, top).is_zero():
                    found.append(top)
        return found

    @cached_property
    def flow(self) -> Flow:
        """The rates of all coordinates."""
        return self.flow_of(self.form)

    def flow_of(self, form: NormalForm) -> Flow:
        """The rates of all coordinates along a field in the same coordinates."""
        places = {z: i for i, z in enumerate(self.symbols)}
        rates = {places[z]: self.fraction(r) for z, r in form.rates.items() if r != 0}
        return Flow(rates, self.one)

    def rate(self, value: Fraction, flow: Flow) -> Fraction:
        """The derivative of a fraction along a flow."""
        top, bottom = flow.change(value.top), flow.change(value.bottom)
        if bottom.top.is_zero():
            return reduced(top.top, product(value.bottom, top.bottom))
        whole, (above, below) = common_denominator((top, bottom), self.one)
        change = product(above, value.bottom) - product(value.top, below)
        return reduced(change, product(power(value.bottom, 2), whole))

    def darboux(self, factors: Sequence[Polynomial]) -> list[sp.Expr]:
        """Those of some polynomials that divide their own rate; they share no factor with denominators."""
        return [
            self.expression(poly)
            for poly in factors
            if remainder(self.normal(self.flow.change(poly).top), poly).is_zero()
        ]

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
            elif c.base is not None:
                found.append(self.gens[c.symbol] ** c.order - self.fraction(c.base).top)
        return found

    def normal(self, poly: Polynomial) -> Polynomial:
        """The remainder of a polynomial modulo the relations; 0 exactly when it vanishes there."""
        for relation in reversed(self.relations):
            # its leading monomial is a power of its own variable, which stands before the others
            poly = remainder(poly, relation)
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
        """c with sum c_k columns[k] = 0 in each system; None unless there is one up to a factor.

        Without common factors or denominators, the first one leading with a plus.
        """
        columns = systems[0]
        if not self.n_parameters:
            entries = self._entries(systems)
            zero = flint.fmpq(0)
            rows = [[row.get(k, {}).get((), zero) for k in range(len(columns))] for row in entries]
            numbers = null_vector(rows, len(columns)) if rows else _single(columns)
            return None if numbers is None else list(primitive(numbers))
        found = None
        if sum(len(column) for system in systems for column in system) > _LARGE:
            found = self._null_vector_at_points(systems)
        if found is None:
            equations = self._entries(systems)
            found = symbolic_null_vector(
                equations, len(columns), self.parameter_context, self.numbers
            )
        if found is None or not all(self._vanishes(system, found) for system in systems):
            return None
        if found[0].leading_coefficient() < 0:
            found = [-c for c in found]
        return [self.factored(c) for c in found]

    def _null_vector_at_points(
        self, systems: Sequence[Sequence[Polynomial]]
    ) -> list[Polynomial] | None:
        """From the equations at some values of the states under roots and in denominators.

        Written out, roots of sums of many states have more monomials than any law needs equations.
        """
        inner = [c.of for c in self.form.coordinates.values() if c.of is not None]
        fixed = {z for e in [*inner, *self.denominators] for z in e.free_symbols}
        names = {x: self.context.names()[self.symbols.index(x)] for x in self.form.states}
        fixed_names = [name for x, name in names.items() if x in fixed]
        equations: list[dict[int, dict[tuple[int, ...], Any]]] = []
        rng = np.random.default_rng(5)
        for _ in range(_POINTS if fixed_names else 0):
            values = {
                name: int(v)
                for name, v in zip(fixed_names, rng.integers(-9, 10, len(fixed_names)), strict=True)
            }
            at_point = [[column.subs(values) for column in system] for system in systems]
            equations += self._entries(at_point)
            found = symbolic_null_vector(
                equations, len(systems[0]), self.parameter_context, self.numbers
            )
            if found is not None:
                return found
        return None

    def _entries(
        self, systems: Sequence[Sequence[Polynomial]]
    ) -> list[dict[int, dict[tuple[int, ...], Any]]]:
        """The equations: for each monomial of the variables, what each unknown contributes."""
        found: list[dict[int, dict[tuple[int, ...], Any]]] = []
        for columns in systems:
            rows: dict[tuple[int, ...], dict[int, dict[tuple[int, ...], Any]]] = {}
            for k, column in enumerate(columns):
                for monomial, entry in self.split(column).items():
                    rows.setdefault(monomial, {})[k] = entry
            found += rows.values()
        return found

    @cached_property
    def parameter_context(self) -> Any:
        """The polynomials in the parameters alone."""
        return flint.fmpq_mpoly_ctx.get([f"z{i}" for i in range(self.n_parameters)], "lex")

    @cached_property
    def numbers(self) -> Numbers:
        """What the parameters obey that are roots of numbers or of other parameters."""
        cut = len(self.symbols) - self.n_parameters
        names = self.symbols[cut:]
        roots = [c for c in self.form.of_kind("parameter") if c.base is not None]
        rng = np.random.default_rng(1)
        p = self.form.prime
        values = parameter_values(self.form, p, lambda: int(rng.integers(1, p)))
        relations = [
            self.parameter_context.from_dict(
                {
                    tuple(m)[cut:]: k
                    for m, k in (self.gens[c.symbol] ** c.order - self.fraction(c.base).top)
                    .to_dict()
                    .items()
                }
            )
            for c in roots
        ]
        return Numbers(relations[::-1], [values[z] for z in names], self.form.prime)

    def _vanishes(self, columns: Sequence[Polynomial], vector: Sequence[Polynomial]) -> bool:
        before = (0,) * (len(self.symbols) - self.n_parameters)
        total = self.one * 0
        for column, c in zip(columns, vector, strict=True):
            lifted = {before + tuple(m): k for m, k in c.to_dict().items()}
            total = total + product(column, self.context.from_dict(lifted))
        return bool(self.normal(total).is_zero() if self.numbers.relations else total.is_zero())

    def rational(self, value: Fraction) -> sp.Expr:
        """A fraction of polynomials in the parameters."""
        return cast("sp.Expr", self.factored(value.top) / self.factored(value.bottom))

    def factored(self, poly: Polynomial) -> sp.Expr:
        """A polynomial in the parameters, as a product."""
        if poly.is_zero():
            return cast("sp.Expr", sp.S.Zero)
        number, factors = poly.factor()
        names = self.symbols[len(self.symbols) - self.n_parameters :]
        parts: list[sp.Expr] = [sp.Rational(int(number.p), int(number.q))]
        for factor, k in factors:
            parts.append(_as_expression(factor, names) ** k)
        return cast("sp.Expr", sp.Mul(*parts))


def _single(columns: Sequence[Polynomial]) -> list[Any] | None:
    """Without any equation one unknown is free, and several are not determined."""
    return [flint.fmpq(1)] if len(columns) == 1 else None


def _primitive(poly: Polynomial) -> Polynomial:
    """With whole coefficients without a common factor."""
    numbers = [(int(c.p), int(c.q)) for c in poly.coeffs()]
    common = lcm(*(q for _, q in numbers))
    content = gcd(*(p * (common // q) for p, q in numbers))
    return poly * flint.fmpq(common if numbers[0][0] > 0 else -common, content)


def _as_expression(poly: Polynomial, symbols: Sequence[sp.Symbol]) -> sp.Expr:
    terms = [
        sp.Mul(
            sp.Rational(int(c.p), int(c.q)),
            *(z**k for z, k in zip(symbols, powers, strict=True) if k),
        )
        for powers, c in poly.to_dict().items()
    ]
    return cast("sp.Expr", sp.Add(*terms))
