"""From the trees of libSBML to SymPy: every node is on a list, and no number grows beyond its bound."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NoReturn

import sympy as sp

from pysymude.interchange.packages import needed
from pysymude.interchange.sbml.mathml_functions import MANY, of_one, refused, relations
from pysymude.model.conditions import RELATIONS, piecewise
from pysymude.model.magnitude import LARGEST, Budget, Term, TooLargeError
from pysymude.model.symbols import t

__all__ = ["AVOGADRO", "Effort", "Formula", "Lambda", "Refuse"]

AVOGADRO = 6.02214179e23
"""What the csymbol avogadro stands for (SBML level 3, section 3.4.6)."""

DEPTH = 150
NODES = 1_000_000  # of a whole model, its function definitions applied

Refuse = Callable[[str], NoReturn]
"""Raises the error about a problem, naming where it stands."""


@dataclass(frozen=True)
class Lambda:
    """A function definition: its arguments by name and the node of its body."""

    name: str
    arguments: tuple[str, ...]
    body: Any


@dataclass(slots=True)
class Effort:
    """How many nodes were read so far."""

    nodes: int = 0


@dataclass(slots=True)
class Formula:
    """One formula.

    Attributes
    ----------
    refuse : callable
        Raises the error about a problem.
    names : mapping from id to SymPy expression
        What names stand for.
    functions : mapping from id to Lambda
    time : SymPy expression
    rate_of : callable or None
        What stands for the rate of something, by its id and its symbol.
    """

    refuse: Refuse
    names: Mapping[str, Any]
    functions: Mapping[str, Lambda] = field(default_factory=dict)
    time: Any = t
    rate_of: Callable[[str, Any], Any] | None = None
    effort: Effort = field(default_factory=Effort)
    budget: Budget = field(default_factory=Budget)

    def read(self, node: Any) -> sp.Expr:
        """The SymPy expression of a tree."""
        if node is None:
            self.refuse("its formula is missing")
        try:
            found = self._term(node, self.names, 0).expr
        except TooLargeError as error:
            self.refuse(str(error))
        return self._checked(found)

    def condition(self, node: Any) -> Any:
        """The condition of a tree."""
        if node is None:
            self.refuse("its condition is missing")
        try:
            return self._condition(node, self.names, 0)
        except TooLargeError as error:
            self.refuse(str(error))

    def _checked(self, expr: Any) -> sp.Expr:
        if expr.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
            self.refuse("its formula has no finite value")
        if expr.has(sp.I):
            self.refuse("its formula is not real: a root, power or logarithm of a negative number")
        if any(abs(number) >= LARGEST for number in expr.atoms(sp.Number)):
            self.refuse("its formula contains a number beyond 1.8e308, the largest of float64")
        return expr

    # -- numbers ------------------------------------------------------------------------------

    def _term(self, node: Any, names: Mapping[str, Any], depth: int) -> Term:
        libsbml = needed("libsbml")
        self._count(depth)
        kind = node.getType()
        if kind == libsbml.AST_NAME:
            return Term(self._name(node.getName(), names))
        if kind == libsbml.AST_INTEGER:
            return Term(sp.Integer(node.getInteger()))
        if kind == libsbml.AST_RATIONAL:
            return Term(self._rational(node))
        if kind in (libsbml.AST_REAL, libsbml.AST_REAL_E):
            return Term(self.number(node.getReal()))
        if kind in (libsbml.AST_PLUS, libsbml.AST_MINUS):
            return self._sum(node, names, depth)
        if kind == libsbml.AST_TIMES:
            return self._product(node, names, depth)
        if kind == libsbml.AST_DIVIDE:
            above, below = self._arguments(node, names, depth, 2)
            if below.expr.is_zero:
                self.refuse("its formula divides by zero")
            inverse = self.budget.power(below, Term(sp.S.NegativeOne))
            return Term(above.expr * inverse.expr, max(above.growth, inverse.growth))
        if kind in (libsbml.AST_POWER, libsbml.AST_FUNCTION_POWER):
            base, exponent = self._arguments(node, names, depth, 2)
            return self._finite(self.budget.power(base, exponent))
        return self._special(node, kind, names, depth)

    def _special(self, node: Any, kind: int, names: Mapping[str, Any], depth: int) -> Term:
        libsbml = needed("libsbml")
        if kind == libsbml.AST_NAME_TIME:
            return Term(self.time)
        if kind == libsbml.AST_NAME_AVOGADRO:
            return Term(sp.Float(AVOGADRO))
        if kind == libsbml.AST_CONSTANT_PI:
            return Term(sp.pi)
        if kind == libsbml.AST_CONSTANT_E:
            return Term(sp.E)
        if kind == libsbml.AST_FUNCTION_PIECEWISE:
            return self._piecewise(node, names, depth)
        if kind == libsbml.AST_FUNCTION_ROOT:
            *degree, base = self._arguments(node, names, depth, 1, 2)
            power = Term(1 / degree[0].expr) if degree else Term(sp.Rational(1, 2))
            return self._finite(self.budget.power(base, power))
        if kind == libsbml.AST_FUNCTION_LOG:
            *base, argument = self._arguments(node, names, depth, 1, 2)
            number = base[0].expr if base else sp.Integer(10)
            return self._applied(lambda x: sp.log(x) / sp.log(number), argument)
        if kind in (libsbml.AST_FUNCTION_MIN, libsbml.AST_FUNCTION_MAX):
            name = "min" if kind == libsbml.AST_FUNCTION_MIN else "max"
            return self._applied(MANY[name], *self._arguments(node, names, depth, 1, 99))
        if kind == libsbml.AST_FUNCTION:
            return self._call(node, names, depth)
        if kind == libsbml.AST_FUNCTION_RATE_OF:
            inner = node.getChild(0) if node.getNumChildren() == 1 else None
            if self.rate_of is None or inner is None or inner.getType() != libsbml.AST_NAME:
                self.refuse("rateOf is not read here")
            return Term(self.rate_of(inner.getName(), self._name(inner.getName(), names)))
        if kind in refused():
            self.refuse(refused()[kind])
        if build := of_one().get(kind):
            return self._applied(build, *self._arguments(node, names, depth, 1))
        if kind in relations() or node.isLogical() or node.isBoolean():
            # since version 2 of level 3 a condition is 1 or 0
            return Term(piecewise([(sp.S.One, self._condition(node, names, depth + 1))], sp.S.Zero))
        return self.refuse(f"{node.getName() or 'an element'} of its formula is not read")

    def _name(self, name: str, names: Mapping[str, Any]) -> Any:
        if name not in names:
            self.refuse(f"its formula contains {name!r}, which is nothing of the model")
        return names[name]

    def number(self, value: float) -> Any:
        """A number, whole where it is."""
        if not math.isfinite(value):
            self.refuse("its formula contains a number that is not finite in float64")
        # 2.0 as an exponent or a stoichiometry is exactly 2
        return (
            sp.Integer(int(value)) if value.is_integer() and abs(value) < 2**53 else sp.Float(value)
        )

    def _rational(self, node: Any) -> Any:
        if node.getDenominator() == 0:
            self.refuse("its formula divides by zero")
        return sp.Rational(node.getNumerator(), node.getDenominator())

    def _sum(self, node: Any, names: Mapping[str, Any], depth: int) -> Term:
        """A row of + and -, which nests to the left and is no depth to its reader."""
        libsbml = needed("libsbml")
        terms: list[Term] = []
        rest: list[tuple[Any, int]] = [(node, 1)]
        while rest:
            one, sign = rest.pop()
            kind, n = one.getType(), one.getNumChildren()
            if kind == libsbml.AST_PLUS:
                rest += [(one.getChild(k), sign) for k in range(n)]
            elif kind == libsbml.AST_MINUS and n == 2:
                rest += [(one.getChild(0), sign), (one.getChild(1), -sign)]
            elif kind == libsbml.AST_MINUS and n == 1:
                rest.append((one.getChild(0), -sign))
            else:
                term = self._term(one, names, depth + 1)
                terms.append(term if sign > 0 else Term(-term.expr, term.growth))
            self._count(depth)
        return Term(sp.Add(*(x.expr for x in terms)), max((x.growth for x in terms), default=1.0))

    def _product(self, node: Any, names: Mapping[str, Any], depth: int) -> Term:
        libsbml = needed("libsbml")
        terms: list[Term] = []
        rest = [node]
        while rest:
            one = rest.pop()
            if one.getType() == libsbml.AST_TIMES:
                rest += [one.getChild(k) for k in range(one.getNumChildren())]
            else:
                terms.append(self._term(one, names, depth + 1))
            self._count(depth)
        # SymPy multiplies a number into a sum that stands alone beside it
        return Term(sp.Mul(*(x.expr for x in terms)), max((x.growth for x in terms), default=1.0))

    def _piecewise(self, node: Any, names: Mapping[str, Any], depth: int) -> Term:
        n = node.getNumChildren()
        if n % 2 == 0:
            self.refuse(
                "its piecewise has no otherwise, and no value where none of its conditions holds"
            )
        values = [self._term(node.getChild(k), names, depth + 1) for k in range(0, n, 2)]
        conditions = [self._condition(node.getChild(k), names, depth + 1) for k in range(1, n, 2)]
        exprs = [x.expr for x in values]
        found = piecewise(zip(exprs[:-1], conditions, strict=True), exprs[-1])
        return Term(found, max(x.growth for x in values))

    def _call(self, node: Any, names: Mapping[str, Any], depth: int) -> Term:
        called = self._inlined(node, names, depth)
        return self._term(*called, depth + 1)

    def _inlined(
        self, node: Any, names: Mapping[str, Any], depth: int
    ) -> tuple[Any, dict[str, Any]]:
        """The body of a function that is called, and what its arguments stand for."""
        if (function := self.functions.get(node.getName())) is None:
            self.refuse(f"its formula calls {node.getName()!r}, which is no function of the model")
        if node.getNumChildren() != (n := len(function.arguments)):
            self.refuse(f"{function.name} takes {n} arguments; found {node.getNumChildren()}")
        given = self._arguments(node, names, depth, n)
        return function.body, dict(zip(function.arguments, (x.expr for x in given), strict=True))

    def _arguments(
        self, node: Any, names: Mapping[str, Any], depth: int, least: int, most: int | None = None
    ) -> list[Term]:
        n = node.getNumChildren()
        if not least <= n <= (most or least):
            self.refuse(f"{node.getName() or 'an operator'} of its formula has {n} arguments")
        return [self._term(node.getChild(k), names, depth + 1) for k in range(n)]

    def _applied(self, build: Callable[..., Any], *terms: Term) -> Term:
        growth = self.budget.call(build, terms)
        return self._finite(Term(build(*(x.expr for x in terms)), growth))

    def _finite(self, term: Term) -> Term:
        if term.expr in (sp.nan, sp.zoo, sp.oo, -sp.oo):
            self.refuse("its formula has no finite value")
        return term

    def _count(self, depth: int) -> None:
        self.effort.nodes += 1
        if depth > DEPTH:
            self.refuse(f"its formula has more than {DEPTH} levels")
        if self.effort.nodes > NODES:
            self.refuse(f"with its functions applied the model has more than {NODES} operations")

    # -- conditions ---------------------------------------------------------------------------

    def _condition(self, node: Any, names: Mapping[str, Any], depth: int) -> Any:
        libsbml = needed("libsbml")
        self._count(depth)
        kind = node.getType()
        parts = [node.getChild(k) for k in range(node.getNumChildren())]
        if kind == libsbml.AST_CONSTANT_TRUE:
            return sp.true
        if kind == libsbml.AST_CONSTANT_FALSE:
            return sp.false
        if kind in relations():
            return self._comparison(relations()[kind], parts, names, depth)
        if kind == libsbml.AST_FUNCTION:
            return self._condition(*self._inlined(node, names, depth), depth + 1)
        if node.isLogical():
            return self._logical(kind, [self._condition(p, names, depth + 1) for p in parts])
        number = self._term(node, names, depth + 1).expr
        if number.has(sp.Piecewise):
            self.refuse("a choice stands where a condition must, such as x > 0")
        return sp.Ne(number, 0, evaluate=bool(number.is_number))

    def _logical(self, kind: int, parts: Sequence[Any]) -> Any:
        libsbml = needed("libsbml")
        if kind == libsbml.AST_LOGICAL_AND:
            return sp.And(*parts)
        if kind == libsbml.AST_LOGICAL_OR:
            return sp.Or(*parts)
        if kind == libsbml.AST_LOGICAL_NOT and len(parts) == 1:
            return sp.Not(parts[0])
        if kind == libsbml.AST_LOGICAL_IMPLIES and len(parts) == 2:
            return sp.Or(sp.Not(parts[0]), parts[1])
        if kind == libsbml.AST_LOGICAL_XOR:
            found: Any = sp.false
            for one in parts:
                found = sp.Or(sp.And(found, sp.Not(one)), sp.And(sp.Not(found), one))
            return found
        return self.refuse("its condition has an operator, or so many operands, that are not read")

    def _comparison(
        self, sign: str, parts: Sequence[Any], names: Mapping[str, Any], depth: int
    ) -> Any:
        sides = [self._term(p, names, depth + 1) for p in parts]
        if len(sides) < 2 or (sign == "!=" and len(sides) > 2):
            self.refuse("a comparison of its condition has too few or too many sides")
        found: list[Any] = []
        for left, right in pairwise(sides):
            self.budget.call(RELATIONS[sign], (left, right))
            if left.expr.has(sp.Piecewise) or right.expr.has(sp.Piecewise):
                self.refuse("its condition contains a piecewise, which is not read there")
            constant = left.expr.is_number and right.expr.is_number
            found.append(RELATIONS[sign](left.expr, right.expr, evaluate=constant))
        return sp.And(*found)
