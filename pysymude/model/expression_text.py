"""Expressions as text in the language of model files: the inverse of `parse_expression`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

import sympy as sp
from mpmath.libmp import prec_to_dps
from sympy.core.function import AppliedUndef

from pysymude.errors import EmissionError
from pysymude.model.conditions import RELATIONS
from pysymude.model.language import FUNCTIONS
from pysymude.model.magnitude import EXPONENT, ROOT
from pysymude.model.network import NetworkDerivative, NetworkOutput
from pysymude.model.signal import SignalValue
from pysymude.model.source import DIGITS, FLOAT64
from pysymude.model.symbols import t
from pysymude.model.toml_text import toml_name

__all__ = ["ExpressionWriter", "expression_to_text", "name_of_node"]

_NAMES: dict[Any, str] = {
    build: name for name, (build, _, _) in FUNCTIONS.items() if isinstance(build, type)
}
_SIGNS: dict[Any, str] = {relation: sign for sign, relation in RELATIONS.items()}
_JOINS: dict[Any, str] = {sp.And: " and ", sp.Or: " or "}

SUM, PRODUCT, POWER, ATOM = range(4)
"""How tightly the outermost operator of a text binds; a text with a sign in front is a product."""

Written = tuple[str, int]


def expression_to_text(expr: Any) -> str:
    """`expr` in the language of `parse_expression`, every float to the last bit of float64.

    A constant that has no name there, such as Euler's gamma, becomes a decimal of 40 digits.

    Raises
    ------
    EmissionError
        It contains something that the language cannot write; `.node` is it.

    Examples
    --------
    >>> x, y = sp.symbols("x y")
    >>> expression_to_text(-sp.sqrt(x) / 3 + sp.Piecewise((x, x > y), (0, True)))
    '-1/3*sqrt(x) + where(x > y, x, 0)'
    """
    return ExpressionWriter(frozenset(map(name_of_node, expr.free_symbols))).whole(expr)


def name_of_node(node: Any) -> str:
    """Of a symbol, or of an unknown function."""
    return node.func.__name__ if isinstance(node, AppliedUndef) else node.name


@dataclass(frozen=True, slots=True)
class ExpressionWriter:
    """From SymPy to text, one method for each kind of node; `names` may hide a constant."""

    names: frozenset[str]

    def whole(self, expr: Any) -> str:
        """The text of a whole expression."""
        try:
            return self.text(expr)
        except RecursionError:
            raise EmissionError(
                "an expression is nested too deeply for a file", node=expr, target="TOML"
            ) from None

    def text(self, expr: Any, least: int = SUM) -> str:
        """The text, in brackets if it binds less tightly than `least`."""
        text, binds = self.written(expr)
        return text if binds >= least else f"({text})"

    def written(self, expr: Any) -> Written:
        """The text of an expression, and how tightly it binds."""
        match expr:
            case sp.Symbol():
                return toml_name(expr.name), ATOM
            case sp.Integer():
                return _integer(int(expr))
            case sp.Rational():
                over, under = sp.Integer(expr.p), sp.Integer(expr.q)
                return f"{self.text(over, PRODUCT)}/{self.text(under, ATOM)}", PRODUCT
            case sp.Float():
                return _decimal(expr)
            case sp.Add():
                return self.sum(expr), SUM
            case sp.Mul():
                return self.product(expr), PRODUCT
            case sp.Pow():
                return self.power(*expr.args)
            case _:
                return self.atom(expr), ATOM

    def sum(self, expr: Any) -> str:
        """Terms, with the signs that they have."""
        first, *rest = (self.text(term, PRODUCT) for term in expr.args)
        return first + "".join(f" - {z[1:]}" if z[0] == "-" else f" + {z}" for z in rest)

    def product(self, expr: Any) -> str:
        """Factors, a number first unless SymPy would multiply it into the sum that follows."""
        number, factors = sp.S.One, list(expr.args)
        if factors[0].is_Number:
            number, *factors = factors
        text = "*".join(self.text(factor, POWER) for factor in factors)
        if number is sp.S.One:
            return text
        if factors[0].is_Add:
            return f"{text}*{self.text(number, POWER)}"
        return "-" + text if number is sp.S.NegativeOne else f"{self.text(number, PRODUCT)}*{text}"

    def power(self, base: Any, exponent: Any) -> Written:
        """A power, root or exponential function."""
        if base == sp.E:
            return f"exp({self.text(exponent)})", ATOM
        if exponent == sp.Rational(1, 2) and not _is_large(base):
            return f"sqrt({self.text(base)})", ATOM
        if exponent.is_Number and (
            abs(exponent) > EXPONENT or (not exponent.is_Integer and _is_large(base))
        ):
            # the reader bounds powers and roots of numbers; SymPy makes the same power of this
            return f"exp({self.text(exponent, PRODUCT)}*log({self.text(base)}))", ATOM
        if exponent.is_Integer:
            return f"{self.text(base, ATOM)}^{exponent}", POWER
        return f"{self.text(base, ATOM)}^{self.text(exponent, ATOM)}", POWER

    def atom(self, expr: Any) -> str:
        """A call, an output of a network, or a constant."""
        if expr == sp.E:
            return "exp(1)"
        if expr == sp.pi:
            return "acos(-1)" if "pi" in self.names else "pi"
        if isinstance(expr, sp.Piecewise):
            return self.choice(expr)
        if isinstance(expr, NetworkOutput):
            return self.output(expr.network, expr.args[1], expr.inputs)
        if isinstance(expr, NetworkDerivative):
            by = ", ".join(map(str, expr.by))
            return f"D({self.output(expr.network, expr.args[1], expr.inputs)}, {by})"
        if isinstance(expr, SignalValue):
            text = f"{toml_name(expr.signal.name)}({self.text(expr.argument)})"
            return f"D({text}, {expr.order})" if expr.order else text
        if isinstance(expr, AppliedUndef) and expr.args == (t,):
            return f"{toml_name(name_of_node(expr))}(t)"
        if expr.func in _NAMES:
            usual = isinstance(expr, sp.Heaviside) and expr.args[1] == sp.Rational(1, 2)
            args = expr.args[:1] if usual else expr.args
            return f"{_NAMES[expr.func]}({', '.join(map(self.text, args))})"
        return self.constant(expr)

    def output(self, network: Any, index: Any, inputs: Iterable[Any]) -> str:
        """One output of a network, with its inputs if they are not its own."""
        given = tuple(inputs)
        at = "" if given == network.inputs else f"({', '.join(map(self.text, given))})"
        return f"{toml_name(network.name)}{at}[{index}]"

    def constant(self, expr: Any) -> str:
        """A number that has no name in the language, as a decimal."""
        if isinstance(expr, sp.Expr) and expr.is_number:
            number = expr.evalf(DIGITS)
            if isinstance(number, sp.Float):
                return f"({_decimal(number)[0]})"
        return _refuse(expr)

    def choice(self, expr: Any) -> str:
        """Conditions and values by turns; a choice in the last value continues them."""
        parts: list[str] = []
        last: Any = expr
        while isinstance(last, sp.Piecewise):
            *pieces, (otherwise, always) = (piece.args for piece in last.args)
            if always != sp.true:
                _refuse(last, "is not defined everywhere; end it with (value, True)")
            parts += (z for v, c in pieces for z in (self.condition(c), self.text(v)))
            last = otherwise
        return f"where({', '.join([*parts, self.text(last)])})" if parts else self.text(last)

    def condition(self, condition: Any) -> str:
        """Comparisons joined by words."""
        if condition.func in _SIGNS:
            left, right = map(self.text, condition.args)
            return f"{left} {_SIGNS[condition.func]} {right}"
        if condition.func in _JOINS:
            return _JOINS[condition.func].join(map(self.bracketed, condition.args))
        if isinstance(condition, sp.Not):
            return f"not ({self.condition(condition.args[0])})"
        if isinstance(condition, sp.Symbol):
            return f"{toml_name(condition.name)} != 0"
        return _refuse(condition)

    def bracketed(self, condition: Any) -> str:
        """A condition that stands beside others."""
        text = self.condition(condition)
        return f"({text})" if condition.func in _JOINS else text


def _integer(value: int) -> Written:
    """An integer, by Horner's rule if it has more digits than one number may have."""
    step = 10 ** (DIGITS - 1)
    high, lows = abs(value), list[int]()
    while high >= 10 * step:
        high, low = divmod(high, step)
        lows.insert(0, low)
    if not lows:
        return str(value), ATOM if value >= 0 else PRODUCT
    text = str(high) + ")".join(f"*{step} + {low}" for low in lows)
    text = "(" * (len(lows) - 1) + text
    return (text, SUM) if value > 0 else (f"-({text})", PRODUCT)


def _decimal(value: Any) -> Written:
    """A decimal that float64 reads as the same number, with more digits where `value` has them."""
    number = float(value)
    if not math.isfinite(number):
        _refuse(value)
    text = repr(number)
    digits = min(prec_to_dps(value._prec), DIGITS)
    if digits > FLOAT64:
        # always with an exponent, as zeros after the point would count as digits
        long = sp.sstr(sp.Float(value, digits), full_prec=True, min=0, max=0)
        # two roundings may differ from one in the last bit, and float64 may hold no more than zero
        if number != 0.0 and float(long) == float(sp.Float(long, digits)) == number:
            text = long
    return text, PRODUCT if text[0] == "-" else ATOM


def _is_large(base: Any) -> bool:
    """Whether the reader takes no root of this number."""
    return base.is_Rational and max(abs(base.p), base.q) > ROOT


def _refuse(node: Any, problem: str = "cannot be written to a file") -> NoReturn:
    raise EmissionError(f"{type(node).__name__} in {node!s} {problem}", node=node, target="TOML")
