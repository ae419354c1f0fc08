"""Linear first integrals of large systems: the exact left null space of a sparse matrix.

A system u' = N v with distinct rate terms v keeps sum c_i u_i constant, whatever the rates are, when
c^T N = 0.  The unknowns are the c_i, and each column of N is an equation.  Short equations are
solved first, in integers; what fills up is postponed and solved as a small dense matrix modulo
primes; the answer is lifted to integers and checked against every column in integers.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, cmp_to_key
from math import gcd, isqrt, lcm
from numbers import Integral, Rational
from typing import Any, cast

import flint
import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError

__all__ = ["left_null_space", "linear_laws", "rate_matrix"]

Ints = NDArray[np.int64]
Vector = dict[int, int]  # nonzero entries by index
Equation = tuple[tuple[int, int], ...]  # the same, as (index, entry) pairs

_LONGEST = 24  # entries of an equation; a longer one is cheaper in the dense matrix
_LARGEST = 2**62  # entry of an equation that is solved in integers; below it int64 is enough
_SPARE = 32  # equations beyond the number of unknowns that a dense matrix starts with
_CHUNK = 2**20  # entries of the largest temporary array


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
    solved = _eliminated([tuple((place[i], a) for i, a in eq) for eq in equations], len(order))
    found = [{order[k]: c for k, c in v.items()} for v in _tidied(_lifted(solved))]
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


# -- reading ------------------------------------------------------------------------------------


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


# -- elimination in integers --------------------------------------------------------------------


class _Flat:
    """Sparse rows, one after the other: row r has the entries starts[r] to starts[r + 1]."""

    def __init__(self, rows: Sequence[Equation]) -> None:
        self.rows = rows
        self.starts = np.cumsum([0, *map(len, rows)])
        self.index = np.array([i for row in rows for i, _ in row], dtype=np.int64)
        self.exact = [a for row in rows for _, a in row]

    @cached_property
    def largest_sum(self) -> int:
        """A bound on the sum of the magnitudes in one row."""
        largest = max(max(self.exact, default=0), -min(self.exact, default=0))
        return largest * max(map(len, self.rows), default=0)

    def residues(self, p: int) -> Ints:
        """The entries mod p, between -p/2 and p/2."""
        exact = self.exact if self.largest_sum < _LARGEST else [a % p for a in self.exact]
        return _balanced(np.array(exact, dtype=np.int64) % p, p)

    def times(self, matrix: Ints, p: int | None = None) -> Ints:
        """The rows, none of them empty, times a matrix; without p, sums must fit in int64."""
        values = np.array(self.exact, dtype=np.int64) if p is None else self.residues(p)
        found = np.zeros((len(self.rows), matrix.shape[1]), dtype=np.int64)
        for first, last in self._chunks(matrix.shape[1]):
            a, b = self.starts[first], self.starts[last]
            products = values[a:b, None] * matrix[self.index[a:b]]
            if p is not None:
                products %= p
            found[first:last] = np.add.reduceat(products, self.starts[first:last] - a, axis=0)
        return found if p is None else found % p

    def _chunks(self, width: int) -> Iterator[tuple[int, int]]:
        """Ranges of rows whose products with a matrix of `width` columns are not too large."""
        most = max(1, _CHUNK // max(1, width))
        first = 0
        while first < len(self.rows):
            last = int(np.searchsorted(self.starts, self.starts[first] + most, side="right")) - 1
            last = max(last, first + 1)
            yield first, last
            first = last


@dataclass(frozen=True)
class _Solved:
    """Equations of which some are solved for one unknown each.

    Equation s of `pivots` gives `unknowns[s]`, which has the coefficient `leads[s]` there, from
    unknowns that are solved later or never (`free`). The `postponed` equations are as they were.
    """

    unknowns: list[int]
    leads: list[int]
    free: list[int]
    pivots: _Flat
    postponed: _Flat
    original: _Flat


def _eliminated(equations: list[Equation], n: int) -> _Solved:
    """Short equations solved one by one, the shortest first, each for its rarest unknown."""
    m = len(equations)
    current = [dict(equation) for equation in equations]
    waiting = [not _is_heavy(equation) for equation in current]
    users: list[set[int]] = [set() for _ in range(n)]
    for e, equation in enumerate(current):
        if waiting[e]:
            for i in equation:
                users[i].add(e)
    # one integer holds length and number
    heap = [len(equation) * m + e for e, equation in enumerate(current) if waiting[e]]
    heapq.heapify(heap)
    postponed = [e for e in range(m) if not waiting[e]]
    unknowns: list[int] = []
    leads: list[int] = []
    pivots: list[Vector] = []
    while heap:
        length, e = divmod(heapq.heappop(heap), m)
        pivot = current[e]
        if not waiting[e] or length != len(pivot):
            continue
        waiting[e] = False
        if not pivot:
            continue
        for i in pivot:
            users[i].discard(e)
        u = -min((len(users[i]), -i) for i in pivot)[1]
        lead = pivot.pop(u)
        unknowns.append(u)
        leads.append(lead)
        pivots.append(pivot)
        for f in users[u]:
            equation = current[f]
            _subtract(equation, equation.pop(u), pivot, lead, users, f)
            if not _is_heavy(equation):
                heapq.heappush(heap, len(equation) * m + f)
                continue
            waiting[f] = False
            postponed.append(f)
            for i in equation:
                users[i].discard(f)
        users[u] = set()
    solved = set(unknowns)
    return _Solved(
        unknowns,
        leads,
        [i for i in range(n) if i not in solved],
        _Flat([tuple(pivot.items()) for pivot in pivots]),
        _Flat([equations[e] for e in sorted(postponed)]),
        _Flat(equations),
    )


def _is_heavy(equation: Vector) -> bool:
    if len(equation) > _LONGEST:
        return True
    values = equation.values()
    return bool(values) and (max(values) >= _LARGEST or min(values) <= -_LARGEST)


def _subtract(
    equation: Vector, b: int, pivot: Vector, a: int, users: list[set[int]], f: int
) -> None:
    """An equation, number f, times a less b times the pivot; keeps the users of each unknown."""
    common = gcd(a, b) if a > 0 else -gcd(a, b)
    a, b = a // common, b // common
    if a != 1:
        for i in equation:
            equation[i] *= a
    for i, c in pivot.items():
        old = equation.get(i)
        if old is None:
            equation[i] = -b * c
            users[i].add(f)
        elif old == b * c:
            del equation[i]
            users[i].discard(f)
        else:
            equation[i] = old - b * c
    if a != 1 and equation:
        factor = gcd(*equation.values())
        if factor > 1:
            for i in equation:
                equation[i] //= factor


# -- the null space modulo a prime --------------------------------------------------------------


@dataclass(frozen=True)
class _Image:
    """The reduced basis mod p: column k is 1 at leads[k] and 0 at the other leads.

    The leads are the first independent coordinates, so they do not depend on the elimination.
    """

    p: int
    leads: list[int]
    basis: Ints

    @property
    def rank(self) -> tuple[int, list[int]]:
        """Smallest for the primes that tell the truth."""
        return len(self.leads), self.leads


def _image(solved: _Solved, p: int) -> _Image | None:
    """The reduced basis mod p; None where p divides a number that was divided by."""
    if any(a % p == 0 for a in solved.leads):
        return None
    owners, basis = _basis(solved, p)
    _exchange(owners, basis, p)
    order = np.argsort(owners)
    return _Image(p, owners[order].tolist(), basis[:, order])


def _basis(solved: _Solved, p: int) -> tuple[Ints, Ints]:
    """Null vectors mod p as columns, and where each is 1 and the others are 0."""
    back = _BackSubstitution(solved, p)
    owners = np.array(solved.free, dtype=np.int64)
    basis = back(np.eye(len(owners), dtype=np.int64))
    postponed = solved.postponed
    if not postponed.rows:
        return owners, basis
    # a few more equations than unknowns nearly always have the rank of all; spread over all of
    # them, as neighbours are alike
    count = min(len(postponed.rows), len(owners) + _SPARE)
    spread = np.linspace(0, len(postponed.rows) - 1, count).astype(int)
    chosen, values = _null_space(_Flat([postponed.rows[e] for e in spread]).times(basis, p), p)
    owners, basis = owners[chosen], back(values)
    while len(owners):
        rest = postponed.times(basis, p)
        rest = rest[rest.any(axis=1)]
        if not len(rest):
            break
        chosen, values = _null_space(rest[: len(owners) + _SPARE], p)
        owners, basis = owners[chosen], _product(basis, values, p)
    return owners, basis


def _exchange(owners: Ints, basis: Ints, p: int) -> None:
    """Reduces columns in place until the first independent rows own them."""
    for r in range(len(basis)):
        support = np.flatnonzero(basis[r])
        later = support[owners[support] > r]
        if not len(later):
            continue
        k = int(later[owners[later].argmax()])
        column = basis[:, k] * pow(int(basis[r, k]), -1, p) % p
        others = np.ix_(np.flatnonzero(column), support[support != k])
        basis[others] = (basis[others] - column[others[0]] * basis[r, others[1]]) % p
        basis[:, k] = column
        owners[k] = r


class _BackSubstitution:
    """All unknowns from the free ones, mod p."""

    def __init__(self, solved: _Solved, p: int) -> None:
        self.solved = solved
        self.p = p
        self.values = solved.pivots.residues(p)
        # sums of products of small entries need only one remainder
        self.is_small = solved.pivots.largest_sum < 2**32

    def __call__(self, values: Ints) -> Ints:
        """The unknowns, shape (unknowns, columns), from the free ones, shape (free, columns)."""
        solved, p = self.solved, self.p
        found = np.zeros((len(solved.unknowns) + len(solved.free), values.shape[1]), dtype=np.int64)
        found[solved.free] = values
        starts, index = solved.pivots.starts.tolist(), solved.pivots.index
        for s in range(len(solved.unknowns) - 1, -1, -1):
            a, b = starts[s], starts[s + 1]
            if a == b:
                continue
            row, terms = self.values[a:b], found[index[a:b]]
            total = row @ terms if self.is_small else (row[:, None] * terms % p).sum(axis=0)
            scale = -pow(solved.leads[s], -1, p) % p
            found[solved.unknowns[s]] = total % p * scale % p
        return found


def _balanced(residues: Ints, p: int) -> Ints:
    """The same residues between -p/2 and p/2."""
    return np.where(residues > p // 2, residues - p, residues)


def _matrix(a: Ints, p: int) -> Any:
    # nmod_mat reads a list of int far more slowly than fmpz_mat does
    return flint.nmod_mat(flint.fmpz_mat(len(a), a.shape[1], a.ravel().tolist()), p)


def _null_space(a: Ints, p: int) -> tuple[list[int], Ints]:
    """All x with a @ x = 0 mod p, as columns, and where each is 1 and the others are 0."""
    k = a.shape[1]
    # from the last unknown to the first, so that the first ones stay free
    reduced, rank = _matrix(a[:, ::-1], p).rref()
    pivots: list[int] = []
    free: list[int] = []
    for j in range(k):
        r = len(pivots)
        (pivots if r < rank and int(reduced[r, j]) else free).append(j)
    found = np.zeros((k, len(free)), dtype=np.int64)
    found[free, range(len(free))] = 1
    entries = [-int(reduced[r, j]) % p for r in range(rank) for j in free]
    found[pivots] = np.array(entries, dtype=np.int64).reshape(rank, len(free))
    return [k - 1 - j for j in free], found[::-1]


def _product(a: Ints, b: Ints, p: int) -> Ints:
    """A matrix product mod p."""
    # halves of 16 bits: a sum of fewer than 2^20 products is exact in a double
    a1, a0 = (a >> 16).astype(float), (a & 0xFFFF).astype(float)
    b1, b0 = (b >> 16).astype(float), (b & 0xFFFF).astype(float)
    high = (a1 @ b1).astype(np.int64) % p
    middle = (a1 @ b0 + a0 @ b1).astype(np.int64) % p
    low = (a0 @ b0).astype(np.int64) % p
    return ((high * 2**16 % p + middle) * 2**16 % p + low) % p


# -- back to integers ---------------------------------------------------------------------------


def _lifted(solved: _Solved) -> NDArray[Any]:
    """The reduced basis, each column in integers without a common factor, and checked."""
    lift: _Lift | None = None
    for p in _primes():
        image = _image(solved, p)
        if image is None:
            continue
        if lift is None or image.rank < lift.rank:
            # an unlucky prime shows more vectors, or later leads
            lift = _Lift(solved.original, image)
        elif image.rank == lift.rank:
            lift.add(image)
        if not lift.open:
            return lift.basis
    raise AssertionError("there are infinitely many primes")


def _primes() -> Iterator[int]:
    """Primes below 2^31, so that products of two residues fit in int64."""
    p = 2**31
    while True:
        p = cast("int", sp.prevprime(p))
        yield p


class _Lift:
    """A basis known modulo a growing product of primes; `open` columns are not known exactly yet."""

    def __init__(self, equations: _Flat, image: _Image) -> None:
        self.equations = equations
        self.rank = image.rank
        self.modulus = image.p
        # most vectors are integers that one prime shows as they are
        self.small = _balanced(image.basis, image.p)
        self.open = sorted(set(range(len(image.leads))) - set(_null_columns(equations, self.small)))
        self.large: dict[int, NDArray[Any]] = {}
        self.residues = image.basis[:, self.open].astype(object)
        self.used = self.next_try = 1
        self._try()

    @property
    def basis(self) -> NDArray[Any]:
        """All columns, once none is open: int64, or Python integers where these do not suffice."""
        fits = all(max(v.max(), -v.min()) < 2**31 for v in self.large.values())
        found = self.small if fits else self.small.astype(object)
        for k, v in self.large.items():
            found[:, k] = v
        return found

    def add(self, image: _Image) -> None:
        """Takes in one more prime (Chinese remainders)."""
        m, p = self.modulus, image.p
        new = image.basis[:, self.open]
        where = (self.residues != 0) | (new != 0)
        old = self.residues[where]
        self.residues[where] = old + m * ((new[where] - old) * pow(m, -1, p) % p)
        self.modulus *= p
        self.used += 1
        if self.used >= self.next_try:
            self._try()

    def _try(self) -> None:
        self.next_try = self.used + 1 + self.used // 3
        candidates = np.zeros_like(self.residues)
        for k in range(len(self.open)):
            candidates[:, k] = _integers(self.residues[:, k], self.modulus)
        good = _null_columns(self.equations, candidates)
        self.large |= {self.open[k]: candidates[:, k] for k in good}
        kept = np.delete(np.arange(len(self.open)), good)
        self.open = [self.open[k] for k in kept]
        self.residues = self.residues[:, kept]


def _integers(residues: NDArray[Any], m: int) -> NDArray[Any]:
    """The integer vector that a vector of small fractions is a multiple of; zeros where none is.

    References
    ----------
    .. [1] Maple help, iratrecon: n/d is unique for |n| <= N, d <= D with 2 N D < m (Wang's algorithm).
    """
    found = np.zeros(len(residues), dtype=object)
    bound, half = isqrt(m // 2), m // 2
    bottom = 1
    support = np.flatnonzero(residues)
    tops: list[int] = []
    for r in residues[support].tolist():
        # entries share most of their denominators
        top = r * bottom % m
        if top > half:
            top -= m
        if not -bound <= top <= bound:
            fraction = _fraction(top % m, m, bound)
            if fraction is None or bottom * fraction[1] > bound:
                return found
            top, d = fraction
            tops = [a * d for a in tops]
            bottom *= d
        tops.append(top)
    factor = gcd(*tops)
    found[support] = [a // factor for a in tops]
    return found


def _fraction(a: int, m: int, bound: int) -> tuple[int, int] | None:
    """(n, d) with n = a d mod m and |n|, d <= bound, by Euclid's algorithm."""
    r0, r1, d0, d1 = m, a, 0, 1
    while r1 > bound:
        q = r0 // r1
        r0, r1, d0, d1 = r1, r0 - q * r1, d1, d0 - q * d1
    if abs(d1) > bound:
        return None
    return (r1, d1) if d1 > 0 else (-r1, -d1)


def _null_columns(equations: _Flat, basis: NDArray[Any]) -> list[int]:
    """The columns other than 0 that satisfy all equations, in integers."""
    if not basis.size:
        return []
    nonzero = (basis != 0).any(axis=0)
    largest = max(1, int(basis.max()), -int(basis.min()))
    if largest * equations.largest_sum < 2**63:
        small = basis.astype(np.int64)
        good = np.ones(basis.shape[1], dtype=bool)
        for first in range(0, len(good), 64):
            part = slice(first, first + 64)
            good[part] = ~equations.times(small[:, part]).any(axis=0)
        return np.flatnonzero(good & nonzero).tolist()
    return [
        k
        for k, column in enumerate(basis.T.tolist())
        if nonzero[k]
        and not any(sum(a * column[i] for i, a in equation) for equation in equations.rows)
    ]


# -- nonnegative and short vectors --------------------------------------------------------------


def _tidied(basis: NDArray[Any]) -> list[Vector]:
    """The span of the columns from vectors with fewer negative and fewer nonzero entries."""
    found: list[Vector] = []
    for rows, columns in _blocks(basis != 0):
        block = basis[np.ix_(rows, columns)].T
        try:
            vectors = _tidied_block(np.array(block, order="C"))
        except OverflowError:
            vectors = _tidied_block(block.astype(object))
        for v in vectors:
            support = np.flatnonzero(v)
            found.append(dict(zip(rows[support].tolist(), v[support].tolist(), strict=True)))
    return found


def _tidied_block(vectors: NDArray[Any]) -> NDArray[Any]:
    """Other vectors (rows) with the same span."""
    if len(vectors) > 1:
        _split(vectors)
        _make_nonnegative(vectors)
        _shorten(vectors)
    return vectors


def _split(vectors: NDArray[Any]) -> None:
    """Makes parts, not what consists of them, the coordinates that vectors belong to.

    A coordinate that is positive in one vector alone and negative in others is that vector's own
    coordinate less those of the others, as a part is a complex less its other parts.
    """
    positive, negative = (vectors > 0).sum(axis=0), (vectors < 0).sum(axis=0)
    while len(at := np.flatnonzero((positive == 1) & (negative > 0))):
        i = at[0]
        own = vectors[int(np.argmax(vectors[:, i] > 0))]
        for k in np.flatnonzero(vectors[:, i] < 0):
            old = vectors[k].copy()
            vectors[k] = _divided(own[i] * old - old[i] * own)
            positive += (vectors[k] > 0).astype(int) - (old > 0)
            negative += (vectors[k] < 0).astype(int) - (old < 0)


def _blocks(nonzero: NDArray[np.bool_]) -> Iterator[tuple[Ints, Ints]]:
    """The rows and columns of parts that share neither."""
    left = np.ones(nonzero.shape[1], dtype=bool)
    while left.any():
        columns = np.flatnonzero(left)[:1]
        while True:
            rows = np.flatnonzero(nonzero[:, columns].any(axis=1))
            more = np.flatnonzero(nonzero[rows].any(axis=0))
            if len(more) == len(columns):
                break
            columns = more
        left[columns] = False
        yield rows, columns


def _make_nonnegative(vectors: NDArray[Any]) -> None:
    """Adds nonnegative vectors to the others until nothing negative is left, where possible."""
    mixed = [k for k, v in enumerate(vectors) if v.min() < 0]
    good = np.delete(vectors, mixed, axis=0)
    progress = True
    while mixed and progress:
        progress = False
        for k in list(mixed):
            raised = [_raised(good, sign * vectors[k]) for sign in (1, -1)]
            better = min((v for v in raised if v is not None), key=np.count_nonzero, default=None)
            if better is not None:
                progress = True
                mixed.remove(k)
                vectors[k] = better
                good = np.concatenate([good, better[None]])


def _raised(good: NDArray[Any], v: NDArray[Any]) -> NDArray[Any] | None:
    """v plus multiples of nonnegative vectors, without negative entries."""
    while len(negative := np.flatnonzero(v < 0)):
        candidates = good[good[:, negative[0]] > 0]
        if not len(candidates):
            return None
        # the one that brings the fewest new entries
        w = candidates[((candidates != 0) & (v == 0)).sum(axis=1).argmin()]
        at = negative[w[negative] > 0]
        v = _divided(v + (-(v[at] // w[at])).max() * w)
    return v


def _shorten(vectors: NDArray[Any]) -> None:
    """Subtracts nonnegative vectors from those whose support contains theirs."""
    good = [k for k, v in enumerate(vectors) if v.min() >= 0]
    if len(good) < 2:
        return
    support = vectors[good] != 0
    for a in np.argsort(support.sum(axis=1), kind="stable"):
        while True:
            inside = ~(support & ~support[a]).any(axis=1)
            inside[a] = False
            if not inside.any():
                break
            v, w = vectors[good[a]], vectors[good[int(inside.argmax())]]
            top, bottom = _least_ratio(v, w)
            vectors[good[a]] = _divided(bottom * v - top * w)
            support[a] = vectors[good[a]] != 0


def _least_ratio(v: NDArray[Any], w: NDArray[Any]) -> tuple[int, int]:
    """The smallest v[i] / w[i] with w[i] > 0: the multiple of w that leaves nothing negative."""
    support = np.flatnonzero(w)
    tops, bottoms = v[support].tolist(), w[support].tolist()
    least = (tops[0], bottoms[0])
    for top, bottom in zip(tops, bottoms, strict=True):
        if top * least[1] < least[0] * bottom:
            least = (top, bottom)
    return least


def _divided(v: NDArray[Any]) -> NDArray[Any]:
    """Without common factor; an error where the next step might exceed int64."""
    found = v // (int(np.gcd.reduce(v)) or 1)
    if found.dtype != object and max(int(found.max()), -int(found.min())) >= 2**31:
        raise OverflowError
    return found


def _signed(v: Vector) -> Vector:
    """Entries in order; the first of them positive, where not all are."""
    ordered = dict(sorted(v.items()))
    return {i: -c for i, c in ordered.items()} if next(iter(ordered.values())) < 0 else ordered
