# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Laws that a user asserts: their derivative along a system, and whether they hold."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast

import sympy as sp
from sympy.core.function import AppliedUndef

from pysymude.errors import InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.coerce import real_expression
from pysymude.model.network import MLP, NetworkDerivative, NetworkOutput
from pysymude.model.signal import SignalValue
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.symbolic.exact.canonical import (
    canonical,
    conditions,
    differs_from_zero,
    expanded_roots,
    is_zero,
    sums_of_angles,
)
from pysymude.symbolic.exact.normal_form import exact
from pysymude.symbolic.laws.law_set import FirstIntegral
from pysymude.symbolic.proof.certificate import Certificate, lie_derivative_of

__all__ = ["AssertedLaw", "checked_law", "is_first_integral", "lie_derivative", "why_trivial"]

Rates = Mapping[sp.Symbol, sp.Expr]
_UNKNOWN = (NetworkOutput, NetworkDerivative, AppliedUndef, SignalValue, sp.Derivative)


@dataclass(frozen=True, eq=False)
class AssertedLaw:
    """Whether an asserted law holds, and why; true in an ``if`` where it holds.

    Attributes
    ----------
    expr : SymPy expression
        The law as it was asserted, with floats as the exact decimals that were written.
    holds : bool
        Whether it is a first integral: conserved exactly, and dependent on the states.
    residual : SymPy expression
        Its derivative along the system with symbolic parameters, as a factored fraction.
    reason : str
        One sentence.
    certificate : Certificate or None
        ``certificate.check()`` proves it again; None where the law does not hold.
    values : mapping from symbol to Rational
        The parameter values that it needs, as few as possible; empty where it holds for symbols.
    conditions : tuple of SymPy expressions
        Expressions of the parameters: where all of them are zero, a law that fails would hold.
    """

    expr: sp.Expr
    holds: bool
    residual: sp.Expr
    reason: str
    certificate: Certificate | None = None
    values: Mapping[sp.Symbol, sp.Rational] = field(
        default_factory=lambda: MappingProxyType[sp.Symbol, sp.Rational]({})
    )
    conditions: tuple[sp.Expr, ...] = ()

    def __bool__(self) -> bool:
        return self.holds

    def __repr__(self) -> str:
        return f"AssertedLaw({self.expr}: {'holds' if self.holds else 'fails'}; {self.reason})"


@explained
def lie_derivative(expr: Any, system: ODESystem) -> sp.Expr:
    """d(expr)/dt along a system, X(I) = I_t + f . grad I, exactly.

    Parameters
    ----------
    expr : SymPy expression or FirstIntegral
        Of the system's states, parameters, networks and time.
    system : ODESystem
        Its parameters are kept as symbols, also where they have values.

    Returns
    -------
    SymPy expression
        A factored fraction, with networks as symbols of their own; 0 exactly where it vanishes.

    Raises
    ------
    InvalidInputError
        `expr` contains a symbol or a network that the system does not know.

    References
    ----------
    .. [1] Olver, Applications of Lie Groups to Differential Equations, 2nd ed., sec. 1.3.

    Examples
    --------
    >>> import pysymude as psu
    >>> x, y = psu.states("x y")
    >>> psu.lie_derivative(x**2 + y**2, psu.ODESystem({x: y, y: -x - y}))
    -2*y**2
    """
    law = checked_law(expr, system, "lie_derivative")
    return canonical(lie_derivative_of(law, _rates(system)))


@explained
def is_first_integral(
    expr: Any, system: ODESystem, *, constants: Iterable[sp.Symbol] = ()
) -> AssertedLaw:
    """Whether an expression is conserved by a system, for every network, and why not.

    Parameters are symbols first. If the law fails for them, the fixed values in ``system.parameters``
    are tried as exact decimals; trainable parameters stay symbols.

    Parameters
    ----------
    expr : SymPy expression or FirstIntegral
        Of the system's states, parameters, networks and time. Floats count as exact decimals.
    system : ODESystem
        With or without networks.
    constants : symbols
        Further symbols of `expr` that do not change, such as a mass that the equations do not contain.
        Those of a FirstIntegral need not be named.

    Returns
    -------
    AssertedLaw
        ``.holds``, ``.residual``, ``.reason``, ``.certificate``; usable in an ``if``.

    Raises
    ------
    InvalidInputError
        `expr` contains a symbol or a network that the system does not know.

    Examples
    --------
    >>> import pysymude as psu
    >>> x, v = psu.states("x v")
    >>> k, c = psu.parameters("k c")
    >>> oscillator = psu.ODESystem({x: v, v: -k*x - c*v})
    >>> print(psu.is_first_integral(v**2 + k*x**2, oscillator).reason)
    d/dt = -2*c*v**2, not zero; it would hold where c = 0
    """
    law = checked_law(expr, system, "is_first_integral", constants)
    rates = _rates(system)
    trivial = why_trivial(law, system)
    if trivial:
        return AssertedLaw(law, False, canonical(lie_derivative_of(law, rates)), trivial)
    certificate = _certified(law, rates)
    if certificate:
        return AssertedLaw(law, True, sp.S.Zero, _scope(law, system), certificate)
    residual = canonical(lie_derivative_of(law, rates))
    values = {p: sp.Rational(repr(v)) for p, v in system.parameters.items()}
    values = {p: v for p, v in values.items() if p in residual.free_symbols}
    certificate = _certified_at(law, rates, values)
    if certificate:
        for p in [*values]:
            fewer = {k: v for k, v in values.items() if k != p}
            still = _certified_at(law, rates, fewer)
            if still:
                values, certificate = fewer, still
        at = ", ".join(f"{p} = {v}" for p, v in values.items())
        reason = f"d/dt = {residual}, which is zero at the given values only: {at}"
        return AssertedLaw(law, True, residual, reason, certificate, MappingProxyType(values))
    return _refuted(law, residual, system, rates)


def _refuted(law: sp.Expr, residual: sp.Expr, system: ODESystem, rates: Rates) -> AssertedLaw:
    if not differs_from_zero(residual):
        reason = (
            f"d/dt = {residual} could not be decided: it is zero to 25 digits at random points, "
            "and no proof that it vanishes was found"
        )
        return AssertedLaw(law, False, residual, reason)
    needed = conditions(residual, law.free_symbols - {*system.states, t} | _parameters(system))
    reason = f"d/dt = {residual}, not zero"
    if needed:
        reason += "; it would hold where " + _alternatives(needed)
    unknown = _unknown(rates.values())
    if unknown and not law.has(NetworkOutput):
        none = dict.fromkeys(unknown, sp.S.Zero)
        known = {z: cast("sp.Expr", f.xreplace(none)) for z, f in rates.items()}
        if is_zero(lie_derivative_of(law, known)):
            reason += "; the known part conserves it, the networks or unknown functions do not"
    return AssertedLaw(law, False, residual, reason, conditions=needed)


def _certified_at(
    law: sp.Expr, rates: Rates, values: Mapping[sp.Symbol, sp.Rational]
) -> Certificate | None:
    """A certificate for parameters at some values."""
    if not values:
        return None
    moved = {z: cast("sp.Expr", f.xreplace(dict(values))) for z, f in rates.items()}
    return _certified(cast("sp.Expr", law.xreplace(dict(values))), moved)


def _certified(law: sp.Expr, rates: Rates) -> Certificate | None:
    if differs_from_zero(lie_derivative_of(law, rates)):
        return None
    # roots of equal sums, and sin(x/2)^2 beside cos(x), meet in another way of writing
    for written in (None, expanded_roots, sums_of_angles):
        pairs = {z: written(f) if written else f for z, f in rates.items()}
        certificate = Certificate(written(law) if written else law, (pairs,))
        if certificate.check():
            return certificate
    return None


def _alternatives(needed: tuple[sp.Expr, ...]) -> str:
    """The conditions in words; a common factor is enough by itself."""
    common = cast("sp.Expr", sp.gcd_list(list(needed)))
    if common.is_number or len(needed) == 1:
        return " and ".join(f"{g} = 0" for g in needed)
    others = (sp.cancel(g / common) for g in needed)
    return f"{sp.factor(common)} = 0, or " + " and ".join(f"{sp.factor(g)} = 0" for g in others)


def why_trivial(law: sp.Expr, system: ODESystem) -> str:
    """Why a law says nothing about the states; empty where it does."""
    if any(not is_zero(law.diff(x)) for x in system.states):
        return ""
    if is_zero(law.diff(t)):
        return "the expression is constant: it depends on no state"
    return "the expression depends on time alone: it depends on no state"


def _scope(law: sp.Expr, system: ODESystem) -> str:
    free = law.free_symbols | {s for f in system.rhs.values() for s in f.free_symbols}
    names = sorted(s.name for s in free - {t, *system.states})
    parts = [f"for all values of {', '.join(names)}"] if names else []
    if _networks(system):
        parts.append(f"for every network {', '.join(sorted(_networks(system)))}")
    if system.functions:
        parts.append(f"for every {', '.join(map(str, system.functions))}")
    return ", ".join(["d/dt = 0 exactly", *parts])


def _rates(system: ODESystem) -> Rates:
    rates = {x: exact(f) for x, f in system.rhs.items()}
    return MappingProxyType({**rates, t: cast("sp.Expr", sp.S.One)})


def _unknown(exprs: Iterable[sp.Expr]) -> set[Any]:
    return {node for e in exprs for node in e.atoms(*_UNKNOWN)}


def _parameters(system: ODESystem) -> set[sp.Symbol]:
    return {*system.parameters, *system.trainable, *system.symbolic_parameters}


def _networks(system: ODESystem) -> set[str]:
    """Names of the networks, also of those that enter by their derivatives alone."""
    return {nn.name for f in system.rhs.values() for nn in f.atoms(MLP)}


def checked_law(given: Any, system: Any, what: str, constants: Iterable[sp.Symbol] = ()) -> sp.Expr:
    """The law as an exact expression of things that the system knows."""
    if not isinstance(system, ODESystem):
        raise InvalidInputError(
            f"{what}(expr, system) takes an ODESystem; found {type(system).__name__}"
        )
    if isinstance(given, sp.Equality):
        raise InvalidInputError(
            f"{what}(expr, system) takes an expression; found the equation {given}: write "
            f"{_difference(given)}"
        )
    own = {*system.states, *_parameters(system), *constants, t}
    if isinstance(given, FirstIntegral):
        given, own = given.expr, own | given.expr.free_symbols
    law = exact(real_expression(given, f"the law in {what}"))
    for symbol in sorted(law.free_symbols - own, key=lambda s: s.name):
        _unknown_symbol(symbol, own, what)
    names = _networks(system)
    strange = sorted(
        o.network.name for o in law.atoms(NetworkOutput) if o.network.name not in names
    )
    if strange:
        raise InvalidInputError(
            f"{what}: the law contains the network {strange[0]!r}, which the system does not; it has "
            f"{', '.join(sorted(names)) or 'no network'}"
        )
    return law


def _difference(equation: Any) -> sp.Expr:
    return equation.lhs - equation.rhs


def _unknown_symbol(symbol: Any, own: set[Any], what: str) -> None:
    names = sorted(s.name for s in own)
    if symbol.name in names:
        raise InvalidInputError(
            f"{what}: the law's {symbol.name} is another symbol than the system's {symbol.name}: it "
            "was made with other assumptions. Use the symbol that the system was made with"
        )
    near = difflib.get_close_matches(symbol.name, names, n=1)
    hint = f". Did you mean {near[0]}?" if near else ""
    raise InvalidInputError(
        f"{what}: the law contains unknown symbols: {symbol.name} is neither state nor parameter of "
        f"the system, which has {', '.join(names)}{hint}. A constant that only the law contains is named "
        f"in constants= of is_first_integral; for a fit make it trainable={{{symbol.name}: 1.0}}"
    )
