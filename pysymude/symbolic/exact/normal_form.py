# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Systems in normal form: a rational vector field on coordinates, some of which obey relations.

Sines, exponentials, roots, logarithms become coordinates of their own, each with its rate of change
and a recipe for drawing values that respect its relation.  Network outputs and unknown functions of
time are hidden coordinates: drawn afresh everywhere, and never part of an ansatz.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFunction

from pysymude.errors import DerivationError
from pysymude.model.network import NetworkDerivative, NetworkOutput
from pysymude.model.signal import SignalValue
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.symbolic.exact.coordinates import PRIMES, Coordinate, NormalForm

__all__ = ["PRIMES", "Coordinate", "NormalForm", "exact", "normal_form", "refuse"]

_REFUSED = (
    sp.Piecewise, sp.Abs, sp.sign, sp.Min, sp.Max, sp.Heaviside, sp.floor, sp.ceiling,
    Relational, BooleanFunction,
)  # fmt: skip
_HIGHEST_ROOT = 12
_LARGEST_BASE = 10**6  # of roots of numbers, which are factored
_HYPERBOLIC = (sp.sinh, sp.cosh, sp.tanh, sp.coth, sp.sech, sp.csch)


def normal_form(system: ODESystem, *, opaque: bool = False) -> NormalForm:
    """The normal form of `system`.

    Parameters
    ----------
    system : ODESystem
    opaque : bool
        Whether what has no exact treatment, and what contains a network, counts as unknown: as a hidden
        coordinate, which may have any value.

    Raises
    ------
    DerivationError
        The right-hand side contains something that has no exact treatment; the message names it.
    """
    builder = _Builder(system, opaque)
    prepared = {x: builder.prepared(f) for x, f in system.rhs.items()}
    if not _angles_are_independent(prepared.values()):
        table = _in_common_angles(prepared.values())
        prepared = {x: cast("sp.Expr", f.xreplace(table)) for x, f in prepared.items()}
    for expr in prepared.values():
        builder.collect_units(expr)
    builder.tie(prepared.values())
    return builder.finish({x: builder.visit(f) for x, f in prepared.items()})


def exact(expr: sp.Expr) -> sp.Expr:
    """`expr` with every float as the decimal that was written, as an exact rational."""
    floats = {f: sp.Rational(repr(float(f))) for f in expr.atoms(sp.Float)}
    return cast("sp.Expr", expr.xreplace(floats))


@dataclass
class _Builder:
    """Collects coordinates while expressions are made rational, innermost first."""

    system: ODESystem
    opaque: bool = False
    coordinates: dict[sp.Symbol, Coordinate] = field(default_factory=dict[sp.Symbol, Coordinate])
    known: dict[Any, sp.Expr] = field(default_factory=dict[Any, sp.Expr])
    units: dict[sp.Expr, sp.Rational] = field(default_factory=dict[sp.Expr, sp.Rational])
    orders: dict[sp.Expr, int] = field(default_factory=dict[sp.Expr, int])

    def __post_init__(self) -> None:
        system = self.system
        for p in sorted(_parameters(system), key=lambda s: s.name):
            self.add(Coordinate(p, "parameter", p))
        self.add(Coordinate(t, "time", t, rate=sp.S.One))
        for x in system.states:
            self.add(Coordinate(x, "state", x))

    def add(self, coordinate: Coordinate) -> sp.Symbol:
        self.coordinates[coordinate.symbol] = coordinate
        return coordinate.symbol

    def new(
        self,
        kind: str,
        meaning: sp.Expr,
        of: sp.Expr | None = None,
        order: int = 0,
        **more: Any,
    ) -> sp.Symbol:
        if of is not None and self.touches_hidden(of):
            kind, of, order, more = "hidden", None, 0, {}
        # sqrt((x - y)^2) and sqrt((y - x)^2) are one root
        key = (kind, meaning if of is None else sp.expand(of), order)
        if kind == "power":
            key = (kind, meaning, order)
        if key not in self.known:
            # a name that no user symbol can have
            symbol = sp.Symbol(f"{kind}#{len(self.coordinates)}", real=True)
            self.known[key] = self.add(Coordinate(symbol, kind, meaning, of, order, **more))
        return cast("sp.Symbol", self.known[key])

    def touches_hidden(self, expr: sp.Expr) -> bool:
        """Whether a network or an unknown function stands in it of which no change is known."""
        free = cast("Iterable[sp.Symbol]", expr.free_symbols)
        return any(self.coordinates[z].kind == "hidden" for z in free if z in self.coordinates)

    def prepared(self, expr: sp.Expr) -> sp.Expr:
        """`expr` in sin, cos, exp and powers alone, with exact numbers."""
        refuse(expr, opaque=self.opaque)
        expr = exact(expr)
        if expr.atoms(sp.tan, sp.cot, sp.sec, sp.csc, *_HYPERBOLIC):
            expr = expr.replace(sp.tan, lambda a: sp.sin(a) / sp.cos(a))
            expr = expr.replace(sp.cot, lambda a: sp.cos(a) / sp.sin(a))
            expr = expr.replace(sp.sec, lambda a: 1 / sp.cos(a))
            expr = expr.replace(sp.csc, lambda a: 1 / sp.sin(a))
            for f in _HYPERBOLIC:
                expr = expr.replace(f, lambda a, f=f: f(a).rewrite(sp.exp))
        return expr

    def visit(self, node: sp.Expr) -> sp.Expr:
        if node.is_Symbol or node.is_Rational:
            return node
        if node.is_number:
            return self.number(node)
        if isinstance(node, NetworkDerivative) or node in self.known:
            return self.derivative(node)
        if isinstance(node, (NetworkOutput, AppliedUndef, SignalValue)):
            return self.new("hidden", node)
        if isinstance(node, (sp.Add, sp.Mul)):
            return node.func(*(self.visit(cast("sp.Expr", a)) for a in node.args))
        if isinstance(node, sp.exp) or (isinstance(node, sp.Pow) and node.base == sp.E):
            return self.exponential(cast("sp.Expr", node.args[-1]))
        if isinstance(node, sp.Pow):
            return self.power(node)
        if isinstance(node, (sp.sin, sp.cos)):
            return self.circular(node)
        if isinstance(node, sp.log):
            return self.new("log", node, self.visit(cast("sp.Expr", node.args[0])))
        if isinstance(node, sp.atan):
            return self.new("atan", node, self.visit(cast("sp.Expr", node.args[0])))
        if self.opaque:
            return self.new("hidden", node)
        raise DerivationError(
            f"{node} cannot be treated exactly: laws are derived for rational functions, powers, "
            "sin, cos, exp, log, atan, networks and unknown functions of time"
        )

    def root(self, base: sp.Expr, inner: sp.Expr, order: int) -> sp.Expr:
        """A root; one of parameters alone is a parameter itself."""
        fixed = all(
            z in self.coordinates and self.coordinates[z].kind == "parameter"
            for z in inner.free_symbols
        )
        if not fixed or not inner.free_symbols:
            return self.new("root", cast("sp.Expr", base ** sp.Rational(1, order)), inner, order)
        top, bottom = sp.fraction(sp.together(inner))
        table = {c.symbol: c.meaning for c in self.coordinates.values()}
        if order % 2 == 0 and not bottom.xreplace(table).is_positive:
            # sqrt(a/b) is sqrt(a b)/b for a positive b alone
            return self.new("parameter", cast("sp.Expr", base ** sp.Rational(1, order)))
        whole = cast("sp.Expr", sp.expand(top * bottom ** (order - 1)))
        meaning = cast("sp.Expr", whole.xreplace(table) ** sp.Rational(1, order))
        symbol = self.new("parameter", meaning, order=order, base=whole)
        return cast("sp.Expr", symbol / bottom)

    def number(self, node: Any) -> sp.Expr:
        """A number that is no fraction: roots of primes, and others for which any value may stand."""
        if node.atoms(sp.I, sp.nan, sp.zoo, sp.oo, -sp.oo) or node.is_real is False:
            raise DerivationError(f"{node} is not real and finite")
        if isinstance(node, (sp.Add, sp.Mul)):
            return node.func(*(self.visit(cast("sp.Expr", a)) for a in node.args))
        if node.is_Pow and node.exp.is_Integer:
            return self.visit(node.base) ** node.exp
        if node.is_Pow and node.exp.is_Rational and node.exp.q <= _HIGHEST_ROOT:
            base, exponent = node.args
            if base.is_Rational and base > 0 and max(base.p, base.q) < _LARGEST_BASE:
                product: sp.Expr = sp.S.One
                for prime, k in sp.factorrat(base).items():
                    order = self.orders.get(sp.Integer(prime), exponent.q)
                    order = exponent.q if order % exponent.q else order
                    root = sp.Pow(sp.Integer(prime), sp.Rational(1, order))
                    symbol = self.new("parameter", root, order=order, base=sp.Integer(prime))
                    product *= symbol ** (exponent.p * k * (order // exponent.q))
                return product
        if isinstance(node, sp.exp) and node.args[0].is_Rational:
            # exp(2) is the square of E
            k = node.args[0]
            e = self.visit(cast("sp.Expr", sp.E))
            return (e if k.q == 1 else self.root(cast("sp.Expr", sp.E), e, k.q)) ** k.p
        # pi, E: constants that obey no polynomial, so a generic value stands for them
        return self.new("parameter", node)

    def derivative(self, node: Any) -> sp.Symbol:
        """A derivative of a network, with the outputs and derivatives that change with it.

        The output itself is then a function of which the change is known, and may stand in a law.
        """
        if not self.opaque:
            raise DerivationError(f"{node}: derivatives of networks are not treated here")
        known = self.known.get(node)
        return cast("sp.Symbol", known) if known is not None else self.new("hidden", node)

    def tie(self, exprs: Iterable[sp.Expr]) -> None:
        """Outputs of which derivatives stand in the rates, and these where second ones do."""
        found = {d for e in exprs for d in e.atoms(NetworkDerivative)}
        if not found or not self.opaque:
            return
        for d in sorted(found, key=sp.default_sort_key):
            output = d.output
            twice = any(len(e.by) == 2 and e.output == output for e in found)
            self._tied(output, output.inputs, twice=twice)

    def _tied(self, node: Any, inputs: tuple[sp.Expr, ...], *, twice: bool) -> None:
        if node in self.known:
            return
        partials: list[tuple[sp.Expr, sp.Symbol]] = []
        for j, argument in enumerate(inputs):
            if argument.free_symbols.isdisjoint({*self.system.states, t}):
                continue
            before = tuple(map(sp.Integer, node.by)) if isinstance(node, NetworkDerivative) else ()
            args = (node.network, node.args[1], sp.Tuple(*before, sp.Integer(j)))
            slope = NetworkDerivative(*args, *inputs)
            if twice and not before:
                self._tied(slope, inputs, twice=False)
                by = cast("sp.Symbol", self.known[slope])
            else:
                by = self.new("hidden", slope)
                self.known[slope] = by
            partials.append((self.visit(self.prepared(argument)), by))
        symbol = sp.Symbol(f"tied#{len(self.coordinates)}", real=True)
        self.known[node] = self.add(Coordinate(symbol, "tied", node, partials=tuple(partials)))

    def power(self, node: sp.Pow) -> sp.Expr:
        base, exponent = cast("tuple[sp.Expr, sp.Expr]", node.args)
        inner = self.visit(base)
        if isinstance(exponent, sp.Integer):
            return inner**exponent
        if isinstance(exponent, sp.Rational) and exponent.q > _HIGHEST_ROOT:
            # a fitted number: nothing is known of it but that it stands there
            whole = sp.floor(exponent)
            rest = exponent - whole
            symbol = self.new("parameter", rest)
            meaning = cast("sp.Expr", base**rest)
            return inner**whole * self.new("power", meaning, inner, exponent=symbol)
        if isinstance(exponent, sp.Rational):
            order = self.orders.get(base, exponent.q)
            order = exponent.q if order % exponent.q else order
            return self.root(base, inner, order) ** (exponent.p * (order // exponent.q))
        if exponent.free_symbols <= _parameters(self.system):
            k, rest = exponent.as_coeff_Add()
            if k.is_Integer and k != 0:
                return inner**k * self.power(cast("sp.Pow", sp.Pow(base, rest)))
            return self.new("power", node, inner, exponent=self.visit(exponent))
        return self.exponential(exponent * sp.log(base))

    def exponential(self, argument: sp.Expr) -> sp.Expr:
        """exp of a sum as a product: one coordinate for each term up to a rational factor."""
        product: sp.Expr = sp.S.One
        for factor, monomial in _exponents(argument):
            unit = self.units.get(monomial, sp.Rational(1, factor.q))
            meaning = cast("sp.Expr", sp.exp(unit * monomial))
            product *= self.new("exp", meaning, self.visit(unit * monomial)) ** (factor / unit)
        return product

    def collect_units(self, expr: sp.Expr) -> None:
        """exp(x/2) and exp(x) are powers of one coordinate: its exponent is their common divisor."""
        for node in expr.atoms(sp.Pow):
            if node.exp.is_Rational and not node.exp.is_Integer:
                for base in _bases(node.base):
                    order = int(sp.ilcm(self.orders.get(base, 1), node.exp.q))
                    if order <= _HIGHEST_ROOT:
                        self.orders[base] = order
        for node in expr.atoms(sp.exp):
            for factor, monomial in _exponents(cast("sp.Expr", node.args[0])):
                unit = self.units.get(monomial, abs(factor))
                common = sp.gcd(unit.p * factor.q, factor.p * unit.q)
                self.units[monomial] = sp.Rational(common, unit.q * factor.q)

    def circular(self, node: sp.Expr) -> sp.Expr:
        argument = cast("sp.Expr", node.args[0])
        inner = self.visit(argument)
        s = self.new("sin", cast("sp.Expr", sp.sin(argument)), inner)
        c = self.new("cos", cast("sp.Expr", sp.cos(argument)), inner)
        return s if isinstance(node, sp.sin) else c

    def finish(self, rhs: dict[sp.Symbol, sp.Expr]) -> NormalForm:
        """The normal form with the rates of all coordinates."""
        mixed = [c for c in self.coordinates.values() if c.kind == "hidden" and not _is_plain(c)]
        if mixed and not self.opaque:
            raise DerivationError(
                f"{mixed[0].meaning} contains a network or an unknown function; laws are derived for "
                "networks that enter rationally"
            )
        plain = NormalForm(self.system, self.system.states, self.coordinates)
        return plain.along({t: sp.S.One, **rhs})


def _exponents(argument: sp.Expr) -> list[tuple[sp.Rational, sp.Expr]]:
    """An exponent as pairs (rational factor, the rest), one a term."""
    terms = sp.Add.make_args(sp.expand(argument))
    return [cast("tuple[sp.Rational, sp.Expr]", a.as_coeff_Mul(rational=True)) for a in terms]


def _angles_are_independent(exprs: Iterable[sp.Expr]) -> bool:
    """Whether no angle is a rational combination of others: then sin and cos of each are free."""
    found = {a.args[0] for e in exprs for a in e.atoms(sp.sin, sp.cos)}
    angles = [{m: f for f, m in _exponents(cast("sp.Expr", a))} for a in found]
    monomials = sorted({m for angle in angles for m in angle}, key=sp.default_sort_key)
    if not angles:
        return True
    matrix = sp.Matrix([[angle.get(m, 0) for m in monomials] for angle in angles])
    return bool(matrix.rank() == len(angles))


def _in_common_angles(exprs: Iterable[sp.Expr]) -> dict[sp.Expr, sp.Expr]:
    """Sines and cosines of sums and multiples, by those of the common divisors of all angles."""
    nodes = {a for e in exprs for a in e.atoms(sp.sin, sp.cos)}
    angles = {node: _exponents(cast("sp.Expr", node.args[0])) for node in nodes}
    shares: dict[sp.Expr, int] = {}
    for parts in angles.values():
        for factor, monomial in parts:
            shares[monomial] = int(sp.ilcm(shares.get(monomial, 1), factor.q))
    # a symbol for each divisor, so that multiples of it are taken apart
    units = {m: sp.Dummy(real=True) for m in shares}
    back = {units[m]: m / n for m, n in shares.items()}
    table: dict[sp.Expr, sp.Expr] = {}
    for node, parts in angles.items():
        whole = sp.Add(*(factor * shares[m] * units[m] for factor, m in parts))
        table[node] = cast("sp.Expr", sp.expand_trig(node.func(whole)).xreplace(back))
    return table


def _parameters(system: ODESystem) -> set[sp.Symbol]:
    return {*system.parameters, *system.trainable, *system.symbolic_parameters}


def _bases(base: sp.Expr) -> Iterable[sp.Expr]:
    """What roots of it are roots of: of a number the primes in it."""
    if base.is_Rational and base > 0 and max(base.p, base.q) < _LARGEST_BASE:
        return [sp.Integer(prime) for prime in cast("dict[Any, int]", sp.factorrat(base))]
    return [base]


def _is_plain(c: Coordinate) -> bool:
    return isinstance(c.meaning, (NetworkOutput, AppliedUndef, SignalValue))


def refuse(expr: sp.Expr, *, opaque: bool = False) -> None:
    """Raises a DerivationError that names what in `expr` has no exact treatment."""
    for node in sp.preorder_traversal(expr):
        _refuse(node, opaque=opaque)


def _refuse(node: Any, *, opaque: bool) -> None:
    if isinstance(node, _REFUSED) and not opaque:
        raise DerivationError(
            f"{node} is not smooth, so laws cannot be derived exactly; derive them for one branch at a "
            "time"
        )
    if isinstance(node, AppliedUndef) and node.args != (t,):
        raise DerivationError(
            f"the unknown function {node} depends on a state; use a network with those inputs, or an "
            "unknown function of time"
        )
