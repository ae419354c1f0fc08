# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Coordinates with their derivatives as symbols, the total derivative, and the Euler operator."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import sympy as sp
from sympy.core.function import AppliedUndef

from pysymude.errors import DerivationError, InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.network import NetworkDerivative
from pysymude.model.symbols import check_name, t
from pysymude.symbolic.exact.canonical import canonical
from pysymude.symbolic.exact.normal_form import exact

__all__ = ["Jets", "euler", "euler_operator", "slope"]

_FORMS = "{q: v}, {q: (v, a)} with symbols, or a list of functions [q(t)]"


@dataclass(frozen=True)
class Jets:
    """Coordinates and their time derivatives as independent symbols.

    Attributes
    ----------
    rows : tuple of tuples of symbols
        (q, v, a, ...) of each coordinate; all of the same length.
    notation : dict
        What each symbol stands for where the user writes q(t) and its derivatives; empty otherwise.
    """

    rows: tuple[tuple[sp.Symbol, ...], ...]
    notation: dict[sp.Symbol, sp.Expr]
    time: sp.Symbol = t

    @classmethod
    def read(cls, coordinates: Any, exprs: Iterable[sp.Expr] = ()) -> Jets:
        """Jets from the forms in which a user gives coordinates, long enough for `exprs`."""
        if isinstance(coordinates, Mapping):
            jets = cls(tuple(_row(q, given) for q, given in coordinates.items()), {})
        else:
            many = isinstance(coordinates, (list, tuple, sp.Tuple))
            jets = _of_functions(list(coordinates) if many else [coordinates], list(exprs))
        names = [z.name for row in jets.rows for z in row]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice or "t" in names or not names:
            raise InvalidInputError(
                "coordinates= needs different symbols for all coordinates and velocities, and psu.t is "
                f"time; found {', '.join(twice or names) or 'no coordinate'}"
            )
        return jets.of_order(max(len(row) for row in jets.rows) - 1)

    def of_order(self, order: int) -> Jets:
        """Longer jets where needed; the names go on as v, v_t, v_tt and q_t, q_tt."""
        rows = tuple(_extended(row, order + 1) for row in self.rows)
        return Jets(rows, self.notation, self.time)

    @property
    def coordinates(self) -> tuple[sp.Symbol, ...]:
        """The coordinates themselves."""
        return tuple(row[0] for row in self.rows)

    def order_of(self, expr: sp.Expr) -> int:
        """The order of the highest derivative in `expr`."""
        orders = [k for row in self.rows for k, z in enumerate(row) if z in expr.free_symbols]
        return max(orders, default=0)

    def total_derivative(self, expr: sp.Expr) -> sp.Expr:
        """D_t of an expression whose order is less than that of the jets."""
        moved = [slope(expr, t)] + [
            slope(expr, z) * after for row in self.rows for z, after in pairwise(row)
        ]
        return cast("sp.Expr", sp.Add(*moved))

    def symbols(self, expr: Any, what: str) -> sp.Expr:
        """`expr` with symbols in place of q(t) and its derivatives, and with exact numbers."""
        if isinstance(expr, bool) or not isinstance(expr, (sp.Expr, int, float)):
            raise InvalidInputError(
                f"{what} must be a SymPy expression; found {expr!r} of type {type(expr).__name__}"
            )
        found = exact(cast("sp.Expr", sp.sympify(expr, strict=True)))
        if self.notation:
            # the highest derivatives are replaced whole, before what they contain
            back = {node: z for z, node in self.notation.items()}
            found = cast("sp.Expr", found.xreplace(back).xreplace({self.time: t}))
        left = sorted(found.atoms(sp.Derivative), key=sp.default_sort_key)
        if left:
            raise InvalidInputError(
                f"{what} contains {left[0]}, and coordinates= does not name that function; give "
                f"coordinates as {_FORMS}"
            )
        return found

    def user(self, expr: sp.Expr) -> sp.Expr:
        """An expression in the notation in which the coordinates were given."""
        if not self.notation:
            return expr
        top = max(len(row) for row in self.rows)
        table = {row[0]: self.notation[row[0]] for row in self.rows}
        nodes = {row[k]: table[row[0]].diff(self.time, k) for row in self.rows for k in range(top)}
        return cast("sp.Expr", expr.xreplace({t: self.time}).xreplace(nodes))


def _row(q: Any, given: Any) -> tuple[sp.Symbol, ...]:
    row = (q, *(given if isinstance(given, (list, tuple, sp.Tuple)) else (given,)))
    for z in row:
        if not isinstance(z, sp.Symbol) or z == t:
            raise InvalidInputError(
                f"coordinates= takes {_FORMS}; found {z!r} of type {type(z).__name__}"
            )
        check_name(z.name, what="the name of a coordinate or velocity")
    return cast("tuple[sp.Symbol, ...]", row)


def _extended(row: tuple[sp.Symbol, ...], length: int) -> tuple[sp.Symbol, ...]:
    while len(row) < length:
        name = row[-1].name
        derived = len(row) > 1 and re.search("_t+$", name)
        row = (*row, sp.Symbol(f"{name}t" if derived else f"{name}_t", real=True))
    return row


def _of_functions(functions: list[Any], exprs: list[sp.Expr]) -> Jets:
    """Jets of functions q(t), long enough for the derivatives in `exprs`."""
    for f in functions:
        if not isinstance(f, AppliedUndef) or len(f.args) != 1 or not f.args[0].is_Symbol:
            raise InvalidInputError(
                f"coordinates= takes {_FORMS}; found {f!r} of type {type(f).__name__}"
            )
    times = {f.args[0] for f in functions}
    if len(times) > 1:
        raise InvalidInputError(
            f"the coordinates must be functions of one time; found {', '.join(map(str, functions))}"
        )
    found = {d for e in exprs for d in e.atoms(sp.Derivative) if d.expr in functions}
    order = max((d.derivative_count for d in found), default=1)
    rows: list[tuple[sp.Symbol, ...]] = []
    notation: dict[sp.Symbol, sp.Expr] = {}
    time = times.pop() if times else t
    for f in functions:
        name = check_name(f.func.__name__, what="the name of a coordinate")
        start = sp.Symbol(name, positive=True) if f.is_positive else sp.Symbol(name, real=True)
        rows.append(_extended((start,), order + 1))
        notation |= {z: f.diff(time, k) if k else f for k, z in enumerate(rows[-1])}
    return Jets(tuple(rows), notation, cast("sp.Symbol", time))


@explained
def euler_operator(expr: Any, coordinates: Any) -> dict[sp.Expr, sp.Expr]:
    """The Euler operator of each coordinate: E_q = d/dq - D_t d/dv + D_t^2 d/da - ...

    It annihilates exactly the total derivatives D_t B, and gives the Euler-Lagrange expressions of a
    Lagrangian.

    Parameters
    ----------
    expr : SymPy expression
        Of time, the coordinates and their derivatives.
    coordinates : mapping or sequence
        ``{q: v}`` or ``{q: (v, a)}`` with symbols; further derivatives that the result needs are
        named ``v_t``, ``v_tt``. Or functions ``[q(t)]``, where `expr` is written with ``q(t)`` and
        ``q(t).diff(t)``, and so is the result.

    Returns
    -------
    dict from coordinate to SymPy expression
        Factored fractions; 0 exactly where they vanish.

    Raises
    ------
    InvalidInputError
        `coordinates` has another form, or names a symbol twice.
    DerivationError
        A third derivative of a network would be needed.

    References
    ----------
    .. [1] Olver, Applications of Lie Groups to Differential Equations, 2nd ed., sec. 4.1, theorem 4.7.

    Examples
    --------
    >>> import pysymude as psu
    >>> q, v, a = psu.states("q v a")
    >>> psu.euler_operator(v**2/2 - q**2/2, {q: (v, a)})
    {q: -a - q}
    >>> psu.euler_operator(v*psu.t + q, {q: v})        # D_t (q t)
    {q: 0}
    """
    jets = Jets.read(coordinates, [expr] if isinstance(expr, sp.Expr) else [])
    value = jets.symbols(expr, "the argument of euler_operator")
    order = jets.order_of(value)
    jets = jets.of_order(2 * order)
    keys = [jets.user(q) for q in jets.coordinates]
    return {
        key: jets.user(canonical(euler(value, jets, row, order)))
        for key, row in zip(keys, jets.rows, strict=True)
    }


def euler(expr: sp.Expr, jets: Jets, row: tuple[sp.Symbol, ...], order: int) -> sp.Expr:
    """E_q(expr) for the coordinate of one row; not simplified. The jets have twice the order."""
    found: sp.Expr = sp.S.Zero
    for k in range(order, -1, -1):
        found = slope(expr, row[k]) - jets.total_derivative(found)
    return found


def slope(expr: sp.Expr, z: sp.Symbol) -> sp.Expr:
    """d(expr)/dz, with an error that says so where a network would be differentiated three times."""
    if any(len(d.by) > 1 and d.has(z) for d in expr.atoms(NetworkDerivative)):
        raise DerivationError(
            f"the third derivative of a network with respect to {z} would be needed, and networks are "
            f"differentiated twice; it stands in {expr}"
        )
    return cast("sp.Expr", expr.diff(z))
