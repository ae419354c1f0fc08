"""Systems as TOML text: the inverse of `pysymude.model.toml`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from os import PathLike, fspath
from pathlib import Path
from typing import Any, NoReturn

import sympy as sp
from mpmath.libmp import prec_to_dps
from sympy.core.function import AppliedUndef

from pysymude.errors import EmissionError, ModelFileError, SaveFileError
from pysymude.model.conditions import RELATIONS
from pysymude.model.event import Event
from pysymude.model.expressions import FUNCTIONS
from pysymude.model.magnitude import EXPONENT, ROOT
from pysymude.model.network import MLP, NetworkDerivative, NetworkOutput
from pysymude.model.signal import SignalValue
from pysymude.model.source import DIGITS, FLOAT64
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.model.toml import networks_within, system_from_text
from pysymude.model.toml_noise import described
from pysymude.model.toml_signals import signal_lines
from pysymude.model.toml_text import toml_list, toml_name, toml_number, toml_string
from pysymude.whole import write_whole

__all__ = ["expression_to_text", "system_to_text", "write_toml"]

_NAMES: dict[Any, str] = {
    build: name for name, (build, _, _) in FUNCTIONS.items() if isinstance(build, type)
}
_SIGNS: dict[Any, str] = {relation: sign for sign, relation in RELATIONS.items()}
_JOINS: dict[Any, str] = {sp.And: " and ", sp.Or: " or "}

SUM, PRODUCT, POWER, ATOM = range(4)
"""How tightly the outermost operator of a text binds; a text with a sign in front is a product."""

Written = tuple[str, int]


def system_to_text(system: ODESystem) -> str:
    """TOML text that `system_from_text` reads back to the same system, every float to the last bit.

    It is read once before it is returned. A symbol without assumptions comes back as a real one,
    and SymPy simplifies what it did not simplify before: ``2*(x + y)`` comes back as ``2*x + 2*y``.

    Raises
    ------
    EmissionError
        The system contains something that the text form cannot write or that is beyond its size.
    """
    expressions = [*system.expressions]
    networks = networks_within(expressions)
    expressions += [z for nn in networks for z in nn.inputs]
    named = [*system.states, *system.parameters, *system.trainable]
    symbolic = _others(named, expressions)
    functions = sorted({_name(f) for expr in expressions for f in expr.atoms(AppliedUndef)})
    symbols = [*named, *symbolic]
    signals = [signal.name for signal in system.signals]
    writer = _Writer(frozenset([*map(_name, [*symbols, *networks]), *functions, *signals]))
    lines = [
        f"positive = {toml_list(s.name for s in symbols if s.is_positive)}",
        f"symbolic = {toml_list(s.name for s in symbolic)}",
        "[equations]",
        *writer.table({x.name: f for x, f in system.rhs.items()}),
        "[parameters]",
        *(f"{toml_name(s.name)} = {toml_number(v)}" for s, v in system.parameters.items()),
        "[trainable]",
    ]
    for s, start in system.trainable.items():
        low, high = (toml_number(b) for b in system.bounds[s])
        scale = f', scale = "{system.scales[s]}"' if s in system.given_scales else ""
        entry = f"{{ start = {toml_number(start)}, bounds = [{low}, {high}]{scale} }}"
        lines.append(f"{toml_name(s.name)} = {entry}")
    for nn in networks:
        lines += writer.network(nn)
    lines += ["[functions]", *(f'{toml_name(name)} = ["t"]' for name in functions)]
    lines += signal_lines(system, writer.whole)
    lines += ["[observables]", *writer.table(system.observables)]
    if system.initial:
        lines += ["[initial]", *writer.table({x.name: f for x, f in system.initial.items()})]
    if system.units:
        lines.append("[units]")
        lines += [f"{toml_name(k)} = {toml_string(unit)}" for k, unit in system.units.items()]
    for title, models in (("noise", system.noise), ("priors", system.priors)):
        if models:
            lines.append(f"[{title}]")
            for name, model in models.items():
                # a weight's name has a point in it
                key = toml_name(name) if name.isidentifier() else toml_string(name)
                lines.append(f"{key} = {toml_string(described(model, writer.whole))}")
    for event in system.events:
        lines += writer.event(event)
    text = "\n".join(lines) + "\n"
    _check(text, system)
    return text


def write_toml(system: ODESystem, path: str | PathLike[str]) -> None:
    """A model file with the text of `system_to_text`, written whole or not at all.

    Raises
    ------
    EmissionError
        As for `system_to_text`.
    SaveFileError
        The folder does not exist or cannot be written.
    """
    text = system_to_text(system)
    try:
        write_whole(Path(path), text.encode())
    except OSError as problem:
        raise SaveFileError(
            f"cannot be written: {problem.strerror}", path=fspath(path)
        ) from problem


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
    return _Writer(frozenset(map(_name, expr.free_symbols))).whole(expr)


def _name(node: Any) -> str:
    return node.func.__name__ if isinstance(node, AppliedUndef) else node.name


def _others(named: Iterable[sp.Symbol], expressions: Iterable[sp.Expr]) -> list[sp.Symbol]:
    """Symbols without value, even those that stand only in the inputs of a network, by name."""
    found: dict[str, Any] = {}
    for symbol in chain.from_iterable(expr.free_symbols for expr in expressions):
        found.setdefault(_name(symbol), symbol)
    done = {t.name, *map(_name, named)}
    return [found[name] for name in sorted(found) if name not in done]


def _check(text: str, system: ODESystem) -> None:
    """Refuse now what could not be read later, such as an expression that is too long."""
    try:
        system_from_text(text)
    except ModelFileError as error:
        raise EmissionError(
            f"the system cannot be kept as text: {error}", node=system, target="TOML"
        ) from error


@dataclass(frozen=True, slots=True)
class _Writer:
    """From SymPy to text, one method for each kind of node; `names` may hide a constant."""

    names: frozenset[str]

    def table(self, given: Mapping[str, sp.Expr]) -> list[str]:
        """Entries of a TOML table."""
        return [
            f"{toml_name(name)} = {toml_string(self.whole(expr))}" for name, expr in given.items()
        ]

    def event(self, event: Event) -> list[str]:
        """The TOML table of an event."""
        given = ", ".join(self.table({x.name: g for x, g in event.set.items()}))
        lines = [
            "[[events]]",
            f"expr = {toml_string(self.whole(event.expr))}",
            f"set = {{ {given} }}",
        ]
        lines += [f"direction = {event.direction}"] if event.direction else []
        lines += [f"name = {toml_string(event.name)}"] if event.name is not None else []
        return lines

    def network(self, nn: MLP) -> list[str]:
        """The TOML table of a network."""
        lines = [
            f"[networks.{toml_name(nn.name)}]",
            f"inputs = {toml_list(self.whole(z) for z in nn.inputs)}",
            f"outputs = {nn.outputs}",
            f"hidden = [{', '.join(map(str, nn.hidden))}]",
            f"activation = {toml_string(nn.activation)}",
        ]
        if not all(nn.bias):
            lines.append(f"bias = [{', '.join(str(one).lower() for one in nn.bias)}]")
        for key in ("input_scaling", "output_scaling"):
            given = getattr(nn, key)
            if given == "data":
                lines.append(f'{key} = "data"')
            elif given is not None:
                shift, scale = (", ".join(map(toml_number, part)) for part in given)
                lines.append(f"{key} = {{ shift = [{shift}], scale = [{scale}] }}")
        return lines

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
            return f"{toml_name(_name(expr))}(t)"
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
