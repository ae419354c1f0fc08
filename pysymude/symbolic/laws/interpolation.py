# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false
"""The coefficients of a law as polynomials in the parameters, from its rates at points modulo a prime.

Products of parameters and candidates are candidates again: where parameters are drawn afresh, their null
vector is rational.  What is found is a proposal, which its certificate decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement
from math import comb
from typing import Any, cast

import flint
import numpy as np
import sympy as sp

from pysymude.symbolic import effort
from pysymude.symbolic.exact.coefficients import primitive
from pysymude.symbolic.exact.normal_form import Coordinate, NormalForm
from pysymude.symbolic.laws.ansatz import slopes_of
from pysymude.symbolic.null_space.modular import (
    Residues,
    as_fractions,
    draw_parameters,
    null_space,
    sample,
    tangent,
)

__all__ = ["interpolated"]

_SPARE = 8  # equations beyond the number of unknowns
_MORE = 3
_MOST = 700  # unknowns
_HIGHEST = 4  # degree in the parameters
_HIGHEST_POWER = 12  # of a parameter, in a coefficient that is a product

Rule = tuple[sp.Expr, sp.Expr]


def interpolated(
    form: NormalForm, fields: Sequence[NormalForm], rules: Sequence[Rule]
) -> Iterator[list[sp.Expr]]:
    """Coefficients of a law, as polynomials in the parameters of the lowest degree that there is.

    Parameters
    ----------
    form : NormalForm
    fields : sequence of NormalForm
        The directions along which the law must not change.
    rules : sequence of (weight, inner)
        A candidate changes by weight * d(inner).
    """
    drawer = _Drawer(form, fields, rules)
    products_alone = drawer.monomials()
    if products_alone is not None:
        yield products_alone
        return
    used = drawer.used()
    if used is None:
        return
    for degree in range(_HIGHEST + 1):
        if comb(len(used) + degree, degree) * len(rules) > _MOST:
            return
        products = [
            picked
            for d in range(degree + 1)
            for picked in combinations_with_replacement(used, d)
            if all(c.base is None or picked.count(c) < c.order for c in picked)
        ]
        vector = drawer.vector(products)
        if vector is None:
            continue
        fractions = as_fractions(vector, form.prime)
        if fractions is None:
            return
        numbers = primitive([flint.fmpq(n, d) for n, d in fractions])
        names = [sp.Mul(*(c.symbol for c in picked)) for picked in products]
        table = [numbers[k : k + len(names)] for k in range(0, len(numbers), len(names))]
        sign = _sign(table, names, [c.symbol for c in used])
        yield [
            cast(
                "sp.Expr",
                sp.factor(sp.Add(*(sign * a * m for a, m in zip(row, names, strict=True)))),
            )
            for row in table
        ]
        return


def _sign(
    table: Sequence[Sequence[sp.Expr]], names: Sequence[sp.Expr], symbols: Sequence[sp.Symbol]
) -> int:
    """Such that the first coefficient leads with a plus."""
    for row in table:
        first = sp.Add(*(a * m for a, m in zip(row, names, strict=True)))
        if first != 0:
            lead = sp.Poly(first, *symbols).LC() if symbols else first
            return -1 if lead < 0 else 1
    return 1


class _Drawer:
    """Rates of candidates at points, with parameters as they are drawn."""

    def __init__(
        self, form: NormalForm, fields: Sequence[NormalForm], rules: Sequence[Rule]
    ) -> None:
        self.form, self.fields, self.rules = form, fields, rules
        self.rng = np.random.default_rng(6)
        self.parameters = form.of_kind("parameter")

    def rates(self, parameters: dict[Any, Residues]) -> Residues:
        """One row a candidate, one column an equation."""
        effort.check()
        p, count = self.form.prime, len(self.rules) + _SPARE
        points = sample(self.form, count, p, self.rng, parameters)
        columns: list[Residues] = []
        for f in self.fields:
            slopes = slopes_of(f, points, p)
            seen: dict[Any, tuple[Residues, Residues | None]] = {}
            rows = np.zeros((len(self.rules), count), dtype=np.int64)
            for k, (weight, inner) in enumerate(self.rules):
                slope = tangent(inner, points, slopes, p, seen)[1]
                if slope is not None:
                    rows[k] = slope * tangent(weight, points, slopes, p, seen)[0] % p
            columns.append(rows)
        return np.concatenate(columns, axis=1)

    def monomials(self) -> list[sp.Expr] | None:
        """The coefficients, where each is a number times powers of parameters, as in a many-body energy.

        A parameter times three changes such a coefficient by a power of three.
        """
        if not self.parameters or any(c.base is not None for c in self.parameters):
            return None
        p = self.form.prime
        start = draw_parameters(self.form, p, self.rng)
        first = null_space(self.rates(start), p)[1]
        if len(first) != 1:
            return None
        powers = {pow(3, e, p): e for e in range(-_HIGHEST_POWER, _HIGHEST_POWER + 1)}
        numbers = [int(v) for v in first[0]]
        exponents: list[list[int]] = [[] for _ in numbers]
        for c in self.parameters:
            changed = {**start, c.symbol: start[c.symbol] * 3 % p}
            now = null_space(self.rates(changed), p)[1]
            if len(now) != 1:
                return None
            for k, value in enumerate(now[0]):
                before = int(first[0][k])
                ratio = int(value) * pow(before, -1, p) % p if before else 1
                if ratio not in powers:
                    return None
                e = powers[ratio]
                exponents[k].append(e)
                numbers[k] = numbers[k] * pow(int(start[c.symbol]), -e, p) % p
        return self._products(np.array(numbers), exponents)

    def _products(self, numbers: Residues, exponents: list[list[int]]) -> list[sp.Expr] | None:
        """Numbers times powers of parameters, without denominators."""
        fractions = as_fractions(numbers, self.form.prime)
        if fractions is None:
            return None
        least = [min(column) for column in zip(*exponents, strict=True)]
        whole = primitive([flint.fmpq(n, d) for n, d in fractions])
        symbols = [c.symbol for c in self.parameters]
        return [
            cast(
                "sp.Expr",
                n
                * sp.Mul(*(z ** (e - low) for z, e, low in zip(symbols, row, least, strict=True))),
            )
            for n, row in zip(whole, exponents, strict=True)
        ]

    def used(self) -> list[Coordinate] | None:
        """The parameters on which the law depends; None where there is not exactly one law."""
        start = draw_parameters(self.form, self.form.prime, self.rng)
        first = null_space(self.rates(start), self.form.prime)[1]
        if len(first) != 1:
            return None
        found: list[Coordinate] = []
        for c in self.parameters:
            fixed = any(
                c.symbol in d.base.free_symbols for d in self.parameters if d.base is not None
            )
            if c.base is not None or fixed:
                # roots move together
                found.append(c)
                continue
            changed = {**start, c.symbol: np.asarray(self.rng.integers(1, self.form.prime))}
            now = null_space(self.rates(changed), self.form.prime)[1]
            if len(now) != 1 or np.any(now[0] != first[0]):
                found.append(c)
        return found

    def vector(self, products: Sequence[tuple[Coordinate, ...]]) -> Residues | None:
        """The null vector of candidates times products of parameters; the simplest one."""
        p, n = self.form.prime, len(self.rules) * len(products)
        effort.afford(n**3 / 60, n * n)
        columns: list[Residues] = []
        have = 0
        # polynomials of one degree need some points more than there are products
        while have < n + _SPARE or len(columns) < (len(products) + _MORE) * len(self.fields):
            parameters = draw_parameters(self.form, p, self.rng)
            rates = self.rates(parameters)
            factors: list[int] = []
            for picked in products:
                value = 1
                for c in picked:
                    value = value * int(parameters[c.symbol]) % p
                factors.append(value)
            by = np.array(factors, dtype=np.int64)
            columns.append((rates[:, None, :] * by[None, :, None] % p).reshape(n, -1))
            # at given parameters there is one law: so many equations are independent
            have += max(1, len(self.rules) - 1)
        found = null_space(np.concatenate(columns, axis=1), p)[1]
        return found[0] if len(found) else None
