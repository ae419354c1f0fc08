"""From SymPy to formulas: infix text for tables, MathML for models; every number to its last bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from pysymude.errors import EmissionError
from pysymude.model.network import NetworkOutput
from pysymude.model.symbols import t

__all__ = ["Formulas"]

_FUNCTIONS: dict[Any, tuple[str, str]] = {
    sp.exp: ("exp", "exp"), sp.log: ("log", "ln"), sp.Abs: ("abs", "abs"),
    sp.sin: ("sin", "sin"), sp.cos: ("cos", "cos"), sp.tan: ("tan", "tan"),
    sp.asin: ("arcsin", "arcsin"), sp.acos: ("arccos", "arccos"), sp.atan: ("arctan", "arctan"),
    sp.sinh: ("sinh", "sinh"), sp.cosh: ("cosh", "cosh"), sp.tanh: ("tanh", "tanh"),
    sp.asinh: ("arcsinh", "arcsinh"), sp.acosh: ("arccosh", "arccosh"), sp.atanh: ("arctanh", "arctanh"),
    sp.Max: ("max", "max"), sp.Min: ("min", "min"),
}  # fmt: skip
"""Functions by class: their names in tables and in MathML."""

_RELATIONS: dict[Any, tuple[str, str]] = {
    sp.StrictLessThan: ("<", "lt"), sp.LessThan: ("<=", "leq"), sp.StrictGreaterThan: (">", "gt"),
    sp.GreaterThan: (">=", "geq"), sp.Equality: ("==", "eq"), sp.Unequality: ("!=", "neq"),
}  # fmt: skip


@dataclass(frozen=True)
class Formulas:
    """Two ways to write expressions, both with the same names.

    Attributes
    ----------
    names : mapping from symbol's name to id
    outputs : mapping from NetworkOutput to id
    """

    names: Mapping[str, str]
    outputs: Mapping[Any, str]

    def infix(self, expr: Any) -> str:
        """Text for a table.

        Raises
        ------
        EmissionError
            Something that tables have no word for.
        """
        return self._infix(_plain(expr))

    def mathml(self, expr: Any) -> str:
        """A ``<math>`` element.

        Raises
        ------
        EmissionError
            Something that MathML in SBML has no word for.
        """
        inner = self._mathml(_plain(expr))
        return f'<math xmlns="http://www.w3.org/1998/Math/MathML">{inner}</math>'

    def name(self, expr: Any) -> str:
        """The id of a symbol or of an output of a network."""
        if isinstance(expr, NetworkOutput):
            if expr not in self.outputs:
                _refuse(expr, "a network at other inputs than its own")
            return self.outputs[expr]
        if expr.name not in self.names:
            _refuse(expr, "the symbol is not among those of the problem")
        return self.names[expr.name]

    # -- text ---------------------------------------------------------------------------------

    def _infix(self, e: Any) -> str:
        if e == t:
            return "time"
        if isinstance(e, (sp.Symbol, NetworkOutput)):
            return self.name(e)
        if e.is_Number or e.is_NumberSymbol:
            return _number_text(e)
        if e.is_Add:
            return f"({' + '.join(map(self._infix, e.args))})"
        if e.is_Mul:
            return f"({' * '.join(map(self._infix, e.args))})"
        if e.is_Pow:
            return f"({self._infix(e.base)} ^ {self._infix(e.exp)})"
        if isinstance(e, sp.Piecewise):
            *pieces, last = [(a.expr, a.cond) for a in _args(e)]
            parts = [f"{self._infix(v)}, {self._condition(c)}" for v, c in pieces]
            return f"piecewise({', '.join([*parts, self._infix(last[0])])})"
        if e.func in _FUNCTIONS:
            return f"{_FUNCTIONS[e.func][0]}({', '.join(map(self._infix, e.args))})"
        return _refuse(e)

    def _condition(self, c: Any) -> str:
        if isinstance(c, (sp.And, sp.Or)):
            sign = " && " if isinstance(c, sp.And) else " || "
            return f"({sign.join(map(self._condition, c.args))})"
        if isinstance(c, sp.Not):
            return f"!({self._condition(c.args[0])})"
        if c.func in _RELATIONS:
            left, right = map(self._infix, c.args)
            return f"({left} {_RELATIONS[c.func][0]} {right})"
        return _refuse(c)

    # -- MathML -------------------------------------------------------------------------------

    def _mathml(self, e: Any) -> str:
        if e == t:
            place = "http://www.sbml.org/sbml/symbols/time"
            return f'<csymbol encoding="text" definitionURL="{place}"> time </csymbol>'
        if isinstance(e, (sp.Symbol, NetworkOutput)):
            return f"<ci> {self.name(e)} </ci>"
        if e.is_Number or e.is_NumberSymbol:
            return _number_element(e)
        if e.is_Add or e.is_Mul or e.is_Pow:
            operator = "plus" if e.is_Add else ("times" if e.is_Mul else "power")
            return _apply(operator, map(self._mathml, (e.base, e.exp) if e.is_Pow else e.args))
        if isinstance(e, sp.Piecewise):
            *pieces, last = [(a.expr, a.cond) for a in _args(e)]
            parts = [f"<piece>{self._mathml(v)}{self._truth(c)}</piece>" for v, c in pieces]
            return f"<piecewise>{''.join(parts)}<otherwise>{self._mathml(last[0])}</otherwise></piecewise>"
        if e.func in _FUNCTIONS:
            return _apply(_FUNCTIONS[e.func][1], map(self._mathml, e.args))
        return _refuse(e)

    def _truth(self, c: Any) -> str:
        if isinstance(c, (sp.And, sp.Or, sp.Not)):
            return _apply(type(c).__name__.lower(), map(self._truth, c.args))
        if c.func in _RELATIONS:
            return _apply(_RELATIONS[c.func][1], map(self._mathml, c.args))
        return _refuse(c)


def _args(e: Any) -> Any:
    if e.args[-1].cond != sp.true:
        _refuse(e, "it has no value where none of its conditions holds")
    return e.args


def _plain(expr: Any) -> Any:
    """`expr` with jumps as choices."""
    expr = sp.sympify(expr, strict=True)

    def step(x: Any, *at_zero: Any) -> Any:
        return sp.Piecewise((1, x > 0), (0, x < 0), (at_zero[0] if at_zero else sp.S.Half, True))

    expr = expr.replace(sp.Heaviside, step)
    return expr.replace(sp.sign, lambda x: sp.Piecewise((1, x > 0), (-1, x < 0), (0, True)))


def _apply(operator: str, parts: Any) -> str:
    # max and min come with version 2 of level 3
    return f"<apply><{operator}/>{''.join(parts)}</apply>"


def _number_text(e: Any) -> str:
    if e.is_Rational and not e.is_Integer:
        return f"({e.p} / {e.q})"
    text = str(e) if e.is_Integer else repr(float(e))
    return f"({text})" if text.startswith("-") else text


def _number_element(e: Any) -> str:
    if e.is_Integer and abs(e) < 2**31:
        return f'<cn type="integer"> {e} </cn>'
    if e.is_Rational and not e.is_Integer and max(abs(e.p), e.q) < 2**31:
        return f'<cn type="rational"> {e.p} <sep/> {e.q} </cn>'
    mantissa, _, exponent = repr(float(e)).partition("e")
    if exponent:
        return f'<cn type="e-notation"> {mantissa} <sep/> {int(exponent)} </cn>'
    return f"<cn> {mantissa} </cn>"


def _refuse(node: Any, problem: str = "SBML and PEtab have no word for it") -> Any:
    raise EmissionError(f"{node} cannot be written: {problem}", node=node, target="PEtab")
