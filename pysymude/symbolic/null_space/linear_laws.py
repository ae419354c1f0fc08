"""Linear first integrals of large systems: the exact left null space of a sparse matrix.

A system u' = N v with distinct rate terms v keeps sum c_i u_i constant, whatever the rates are, when
c^T N = 0.  The unknowns are the c_i, and each column of N is an equation.  Short equations are
solved first, in integers; what fills up is postponed and solved as a small dense matrix modulo
primes; the answer is lifted to integers and checked against every column in integers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cmp_to_key
from math import gcd, lcm
from numbers import Integral, Rational
from typing import Any

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.symbolic.null_space.integer_elimination import Equation, Vector, eliminated
from pysymude.symbolic.null_space.integer_lifting import lifted
from pysymude.symbolic.null_space.moieties import tidied

__all__ = ["left_null_space", "linear_laws", "rate_matrix"]


def left_null_space(
    rows: Sequence[Mapping[int, int | Fraction]], n_columns: int
) -> list[dict[int, int]]:
    """A basis of all rational c with c^T A = 0, in integers.

    Parameters
    ----------
    rows : sequence of mappings from column to int or Fraction
        The rows of A; entries that are not named are 0. Dimensionless.
    n_columns : int
        The number of columns of A.

    Returns
    -------
    list of dict from row to int
        Nonzero entries of each vector, without a common factor; vectors without negative entries
        where they were found by adding others, else with a positive first entry. Vectors with few
        entries come first. The basis depends on A alone, not on the order within a mapping.

    Raises
    ------
    InvalidInputError
        An entry is not rational, or stands in no column of A.

    Notes
    -----
    The number of vectors is proved: modulo a prime the rank can only fall, so it gives an upper
    bound, and as many independent vectors are checked in integers. Time and memory grow like the
    number of entries where short equations suffice; random reactions between four species leave a
    dense matrix of a seventh of the species, between six a quarter.

    References
    ----------
    .. [1] Bouillaguet, Delaplace, Sparse Gaussian Elimination modulo p: an Update, CASC 2016: short
       rows as pivots, so that the rest stays sparse.
    .. [2] De Martino, De Martino, Mulet, Pagnani, Identifying All Moiety Conservation Laws in
       Genome-Scale Metabolic Networks, PLOS ONE 9, e100750 (2014): moieties are the vectors without
       negative entries.

    Examples
    --------
    The enzyme reaction E + S <-> C -> E + P, with rows E, S, C, P:

    >>> left_null_space([{0: -1, 1: 1}, {0: -1}, {0: 1, 1: -1}, {1: 1}], 2)
    [{0: 1, 2: 1}, {1: 1, 2: 1, 3: 1}]
    """
    equations = _equations(rows, n_columns)
    count = [0] * len(rows)
    for equation in equations:
        for i, _ in equation:
            count[i] += 1
    # unknowns that stand in many equations come first: there free moieties beat their complexes
    order = sorted((i for i, n in enumerate(count) if n), key=lambda i: (-count[i], i))
    place = {i: k for k, i in enumerate(order)}
    solved = eliminated([tuple((place[i], a) for i, a in eq) for eq in equations], len(order))
    found = [{order[k]: c for k, c in v.items()} for v in tidied(lifted(solved))]
    found += [{i: 1} for i, n in enumerate(count) if not n]
    return sorted(map(_signed, found), key=lambda v: (len(v), list(v.items())))


def linear_laws(
    rhs: Mapping[sp.Symbol, sp.Expr], *, keep: Callable[[sp.Expr], bool] | None = None
) -> list[sp.Expr]:
    """Linear first integrals of u' = rhs: a basis of the sums c_i u_i whose rate terms cancel.

    Every product that stands in a right-hand side is a rate of its own, networks, unknown functions
    and functions of time among them, so the laws hold whatever these are.

    Parameters
    ----------
    rhs : mapping from state to SymPy expression
        Right-hand sides. With ``{t: 1}`` in it, laws that are linear in time are found too.
    keep : callable from rate to bool, optional
        Rates that must cancel; the others are ignored. All of them by default.

    Returns
    -------
    list of SymPy expressions
        With integer coefficients, in the order of `left_null_space`. Complete for rates that are
        linearly independent functions, as different products of powers are; 1/(1 + x) and
        x/(1 + x) count as different rates, though their sum is 1.

    Examples
    --------
    >>> import sympy as sp
    >>> E, S, C, P, k1, k2, k3 = sp.symbols("E S C P k1 k2 k3")
    >>> bind, release, make = k1 * E * S, k2 * C, k3 * C
    >>> linear_laws({E: release + make - bind, S: release - bind, C: bind - release - make, P: make})
    [C + E, C + P + S]
    """
    rows, rates = rate_matrix(rhs)
    if keep is not None:
        wanted = [keep(rate) for rate in rates]
        rows = [{j: a for j, a in row.items() if wanted[j]} for row in rows]
    laws = left_null_space(rows, len(rates))
    # sums sort their terms, which is fast where these are in order already
    states = sorted(enumerate(rhs), key=lambda state: cmp_to_key(sp.Basic.compare)(state[1]))
    return [sp.Add(*(law[i] * x for i, x in states if i in law)) for law in laws]


def rate_matrix(
    rhs: Mapping[sp.Symbol, sp.Expr],
) -> tuple[list[dict[int, int | Fraction]], list[sp.Expr]]:
    """N and v of u' = N v: right-hand sides as rational combinations of distinct rates.

    Parameters
    ----------
    rhs : mapping from state to SymPy expression
        Right-hand sides. Floats stand for the decimal that was written.

    Returns
    -------
    rows : list of dict from rate to int or Fraction
        The rows of N, one for each state.
    rates : list of SymPy expressions
        Products without a numeric factor, in the order in which they are met.

    Raises
    ------
    InvalidInputError
        A coefficient is not a finite real number.

    Examples
    --------
    >>> import sympy as sp
    >>> x, y = sp.symbols("x y")
    >>> rate_matrix({x: -x * (y + 2), y: x * y})
    ([{0: -2, 1: -1}, {1: 1}], [x, x*y])
    """
    rates = _Rates()
    return [rates.combination(sp.sympify(f, strict=True)) for f in rhs.values()], rates.found


class _Rates:
    """Distinct products without a numeric factor, numbered as they are met."""

    def __init__(self) -> None:
        self.found: list[sp.Expr] = []
        # by their factors, so that a product need not be built for each occurrence
        self.known: dict[tuple[Any, ...], dict[int, int | Fraction]] = {}

    def combination(self, expr: Any) -> dict[int, int | Fraction]:
        """An expression as a sum of numbers times rates."""
        total: dict[int, int | Fraction] = {}
        for term in sp.Add.make_args(expr):
            factors = term.args if term.is_Mul else (term,)
            number: int | Fraction = 1
            if factors[0].is_Number:
                number, factors = _number(factors[0]), factors[1:]
            if not number:
                continue
            known = self.known.get(factors)
            if known is None:
                known = self.known[factors] = self._new(factors)
            for j, a in known.items():
                total[j] = total.get(j, 0) + number * a
        return {j: a for j, a in total.items() if a}

    def _new(self, factors: tuple[Any, ...]) -> dict[int, int | Fraction]:
        """A product that was not met before; products of sums are multiplied out."""
        for k, factor in enumerate(factors):
            if _is_sum(factor):
                parts = sp.Add.make_args(factor.expand(deep=False) if factor.is_Pow else factor)
                others = (*factors[:k], *factors[k + 1 :])
                return self.combination(sp.Add(*(sp.Mul(*others, part) for part in parts)))
        self.found.append(sp.Mul(*factors))
        return {len(self.found) - 1: 1}


def _is_sum(factor: Any) -> bool:
    if factor.is_Pow:
        return bool(factor.base.is_Add and factor.exp.is_Integer and factor.exp > 0)
    return bool(factor.is_Add)


def _number(number: Any) -> int | Fraction:
    if number.is_Integer:
        return int(number)
    if number.is_Rational:
        return Fraction(int(number.p), int(number.q))
    if number.is_Float and number.is_finite:
        return Fraction(repr(float(number)))
    raise InvalidInputError(f"coefficients must be finite real numbers; found {number}")


def _equations(rows: Sequence[Mapping[int, Any]], n_columns: int) -> list[Equation]:
    """The distinct columns as ((row, entry), ...): integers without a common factor, sorted."""
    columns: dict[int, list[tuple[int, Any]]] = {}
    for i, row in enumerate(rows):
        for j, a in row.items():
            if not 0 <= j < n_columns:
                raise InvalidInputError(f"row {i} has an entry in column {j} of {n_columns}")
            if a:
                entry = a if type(a) is int else _rational(a)
                columns.setdefault(j, []).append((i, entry))
    return sorted({_primitive(column) for column in columns.values()})


def _rational(a: Any) -> int | Fraction:
    if isinstance(a, Integral):
        return int(a)
    if isinstance(a, Rational):
        return Fraction(int(a.numerator), int(a.denominator))
    raise InvalidInputError(f"entries must be integers or fractions; found {a!r}")


def _primitive(column: list[tuple[int, Any]]) -> Equation:
    """A multiple of a column: a factor of a column changes no law."""
    try:
        factor = gcd(*(a for _, a in column))
    except TypeError:  # fractions
        bottom = lcm(*(a.denominator for _, a in column))
        column = [(i, int(a * bottom)) for i, a in column]
        factor = gcd(*(a for _, a in column))
    if column[0][1] < 0:
        factor = -factor
    return tuple(column) if factor == 1 else tuple((i, a // factor) for i, a in column)


def _signed(v: Vector) -> Vector:
    """Entries in order; the first of them positive, where not all are."""
    ordered = dict(sorted(v.items()))
    return {i: -c for i, c in ordered.items()} if next(iter(ordered.values())) < 0 else ordered
