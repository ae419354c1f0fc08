# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Infinitesimal generators xi d/dt + sum eta_i d/du_i, and what can be done with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any, cast

import sympy as sp
from sympy.core.function import AppliedUndef

from pysymude.errors import InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.symbols import t

__all__ = ["Generator", "lie_bracket", "prolongation"]

_ZERO = cast("sp.Expr", sp.S.Zero)


@dataclass(frozen=True, eq=False)
class Generator:
    """A vector field xi d/dt + sum eta_i d/du_i on time and states.

    Attributes
    ----------
    xi : SymPy expression
        How time moves.
    eta : mapping from state to SymPy expression
        How each state moves; 0 where none is given.
    characteristic : mapping from state to SymPy expression
        W = eta - xi f for the system u' = f that has this symmetry; empty without a system.

    Raises
    ------
    InvalidInputError
        A part is no expression, or a key of `eta` is no state.

    Examples
    --------
    >>> import pysymude as psu
    >>> q = psu.states("q")
    >>> psu.Generator(psu.t, {q: 2*q/3})
    t*d/dt + 2/3*q*d/dq
    """

    xi: sp.Expr = _ZERO
    eta: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict[sp.Symbol, sp.Expr])
    characteristic: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict[sp.Symbol, sp.Expr])

    def __post_init__(self) -> None:
        object.__setattr__(self, "xi", _expression(self.xi, "xi"))
        object.__setattr__(self, "eta", _fixed(self.eta, "eta"))
        fixed = _fixed(self.characteristic, "characteristic")
        object.__setattr__(self, "characteristic", fixed)

    def __call__(self, expr: sp.Expr) -> sp.Expr:
        """The derivative of a function of time and states along the generator; not simplified."""
        moved = [self.xi * expr.diff(t), *(e * expr.diff(x) for x, e in self.eta.items())]
        return cast("sp.Expr", sp.Add(*moved))

    def moves(self, symbol: sp.Symbol) -> sp.Expr:
        """How time or a state moves; 0 for a state that is not mentioned."""
        return self.xi if symbol == t else self.eta.get(symbol, _ZERO)

    def components(self) -> dict[sp.Symbol, sp.Expr]:
        """How time and the states move, without those that stay."""
        return {z: e for z, e in {t: self.xi, **self.eta}.items() if e != 0}

    def restricted(self, states: Iterable[sp.Symbol]) -> Generator:
        """The parts for time and some of the states, such as the positions without the velocities."""
        kept = set(states)
        return Generator(
            self.xi,
            {x: e for x, e in self.eta.items() if x in kept},
            {x: e for x, e in self.characteristic.items() if x in kept},
        )

    def __repr__(self) -> str:
        return _joined((sign, _plain(e, f"d/d{z}")) for z, e, sign in self._signed())

    def _latex(self, printer: Any) -> str:
        def term(z: sp.Symbol, e: sp.Expr) -> str:
            d = rf"\frac{{\partial}}{{\partial {printer.doprint(z)}}}"
            text = printer.doprint(e)
            return d if e == 1 else rf"\left({text}\right) {d}" if e.is_Add else f"{text} {d}"

        return _joined((sign, term(z, e)) for z, e, sign in self._signed())

    def _repr_latex_(self) -> str:
        return f"${sp.latex(self)}$"

    def _signed(self) -> Iterator[tuple[sp.Symbol, sp.Expr, int]]:
        """Components with the sign that stands before them."""
        for z, e in self.components().items():
            minus = not e.is_Add and e.could_extract_minus_sign()
            yield (z, cast("sp.Expr", -e), -1) if minus else (z, e, 1)


def _fixed(given: Any, what: str) -> Mapping[sp.Symbol, sp.Expr]:
    if not isinstance(given, Mapping):
        raise InvalidInputError(
            f"{what} takes a mapping such as {{x: x**2}}; found {type(given).__name__} {given!r}"
        )
    for x in given:
        # functions of time may stand for states where a Lagrangian is written with them
        if not isinstance(x, (sp.Symbol, AppliedUndef)) or x == t:
            raise InvalidInputError(f"the keys of {what} are states; found {x!r}")
    return MappingProxyType({x: _expression(e, f"{what}[{x}]") for x, e in given.items()})


def _expression(given: Any, what: str) -> sp.Expr:
    try:
        # strict: text is never turned into an expression
        found = sp.sympify(given, strict=True)
    except sp.SympifyError:
        found = None
    if not isinstance(found, sp.Expr):
        raise InvalidInputError(f"{what} takes a SymPy expression or a number; found {given!r}")
    return found


def _joined(terms: Iterable[tuple[int, str]]) -> str:
    text = "".join((" - " if sign < 0 else " + ") + term for sign, term in terms)
    return text[3:] if text.startswith(" + ") else f"-{text[3:]}" if text else "0"


def _plain(e: sp.Expr, d: str) -> str:
    """A coefficient before a derivative, rational numbers in front: 2/3*q*d/dq."""
    if e == 1:
        return d
    c, rest = e.as_coeff_Mul(rational=True)
    if c != 1 and rest != 1:
        inner = f"({rest})" if rest.is_Add else str(rest)
        return f"{c}*{inner}*{d}"
    return f"({e})*{d}" if e.is_Add else f"{e}*{d}"


@explained
def lie_bracket(X: Generator, Y: Generator) -> Generator:
    """The commutator [X, Y] = X Y - Y X of two vector fields on time and states.

    Parameters
    ----------
    X, Y : Generator

    Returns
    -------
    Generator

    Examples
    --------
    >>> import pysymude as psu
    >>> x = psu.states("x")
    >>> psu.lie_bracket(psu.Generator(1), psu.Generator(psu.t, {x: 2*x}))
    d/dt
    """
    for given in (X, Y):
        _is_generator(given, "lie_bracket")
    eta = {x: _bracket(X, Y, x) for x in dict.fromkeys([*X.eta, *Y.eta])}
    return Generator(_bracket(X, Y, t), eta)


def _bracket(X: Generator, Y: Generator, z: sp.Symbol) -> sp.Expr:
    return cast("sp.Expr", sp.expand(X(Y.moves(z)) - Y(X.moves(z))))


@explained
def prolongation(
    X: Generator,
    order: int = 1,
    *,
    derivatives: Mapping[sp.Symbol, Any] | None = None,
) -> Generator:
    """How a generator moves derivatives: eta^(k) = D_t eta^(k-1) - q^(k) D_t xi.

    Parameters
    ----------
    X : Generator
        With xi and eta functions of time and coordinates.
    order : int
        Of the highest derivative.
    derivatives : mapping from coordinate to a symbol or a sequence of them, optional
        The symbols of q', q'', ...; by default ``q_t``, ``q_tt``, ... for each coordinate in `X`.

    Returns
    -------
    Generator
        On time, the coordinates and their derivatives.

    Raises
    ------
    InvalidInputError
        Symbols are missing, or xi or eta contains a derivative.

    References
    ----------
    .. [1] Olver, Applications of Lie Groups to Differential Equations, 2nd ed., theorem 2.36.

    Examples
    --------
    >>> import pysymude as psu
    >>> q, v = psu.states("q v")
    >>> psu.prolongation(psu.Generator(psu.t, {q: 2*q/3}), derivatives={q: v})
    t*d/dt + 2/3*q*d/dq - 1/3*v*d/dv
    """
    _is_generator(X, "prolongation")
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise InvalidInputError(f"order must be a positive whole number; found {order!r}")
    chains = _chains(X, order, derivatives)
    above = {a: b for chain in chains.values() for a, b in pairwise(chain)}
    moved = {q: X.moves(q) for q in chains}
    for name, expr in {"xi": X.xi, **{f"eta[{q}]": e for q, e in moved.items()}}.items():
        inside = expr.free_symbols & set(above.values())
        if inside:
            raise InvalidInputError(
                f"a generator that is prolonged depends on time and coordinates; its {name} contains "
                f"{min(inside, key=str)}, a derivative"
            )

    def along(expr: sp.Expr) -> sp.Expr:
        terms = (expr.diff(z) * rate for z, rate in above.items())
        return cast("sp.Expr", sp.Add(expr.diff(t), *terms))

    slowed = along(X.xi)
    for lower, upper in above.items():
        moved[upper] = cast("sp.Expr", sp.expand(along(moved[lower]) - upper * slowed))
    return Generator(X.xi, moved)


def _chains(
    X: Generator, order: int, derivatives: Mapping[sp.Symbol, Any] | None
) -> dict[sp.Symbol, list[sp.Symbol]]:
    """q, q', q'', ... for each coordinate."""
    if derivatives is None:
        return {
            q: [q, *(sp.Symbol(f"{q.name}_{'t' * k}", real=True) for k in range(1, order + 1))]
            for q in X.eta
        }
    found: dict[sp.Symbol, list[sp.Symbol]] = {}
    for q, given in derivatives.items():
        symbols = list(given) if isinstance(given, Sequence) else [given]
        if len(symbols) < order or not all(isinstance(s, sp.Symbol) for s in symbols):
            raise InvalidInputError(
                f"a prolongation of order {order} takes {order} symbols for the derivatives of {q}; "
                f"found {given!r}"
            )
        found[q] = [q, *symbols[:order]]
    every = [s for chain in found.values() for s in chain]
    twice = [s for s in every if every.count(s) > 1 or s == t]
    if twice:
        raise InvalidInputError(f"derivatives= uses {twice[0]} for two things")
    return found


def _is_generator(given: Any, where: str) -> None:
    if not isinstance(given, Generator):
        raise InvalidInputError(
            f"{where} takes a Generator, such as psu.Generator(xi, {{x: eta}}); found "
            f"{type(given).__name__}"
        )
