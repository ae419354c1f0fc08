"""Choices in the text of expressions, ``where(x > 0 and y > 0, yes, no)``, and their conditions."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import sympy as sp

from pysymude.model.magnitude import Budget, Term, TooLargeError
from pysymude.model.source import DEPTH, Source

__all__ = ["RELATIONS", "piecewise", "read_where"]

RELATIONS: dict[str, Any] = {
    "<": sp.StrictLessThan,
    "<=": sp.LessThan,
    ">": sp.StrictGreaterThan,
    ">=": sp.GreaterThan,
    "==": sp.Equality,
    "!=": sp.Unequality,
}
"""Comparisons by their sign."""

_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}

CLAUSES = 64  # of the conditions of one Piecewise, which SymPy may have to multiply out


def read_where(
    source: Source,
    budget: Budget,
    read: Callable[[ast.expr, int], Term],
    node: ast.Call,
    depth: int,
) -> Term:
    """The choice that a call of ``where`` writes; `read` reads the expressions in it."""
    parts = node.args
    if node.keywords or any(isinstance(part, ast.Starred) for part in parts):
        source.refuse_node(node, "write where(condition, yes, no)")
    if len(parts) < 3 or len(parts) % 2 == 0:
        source.refuse_node(
            node, "write where(condition, yes, no), or further conditions and values before no"
        )
    reader = _Conditions(source, budget, read)
    conditions = [reader.condition(part, depth + 1) for part in parts[:-1:2]]
    terms = [read(part, depth + 1) for part in [*parts[1::2], parts[-1]]]
    *values, otherwise = (term.expr for term in terms)
    growth = max(term.growth for term in terms)
    return Term(piecewise(zip(values, conditions, strict=True), otherwise), growth)


def piecewise(choices: Iterable[tuple[Any, Any]], otherwise: Any) -> Any:
    """The `Piecewise` of (value, condition) pairs, the first that holds, and what holds else.

    A choice in `otherwise` continues the pairs, as nested calls of ``where`` do.
    """
    # SymPy joins the conditions of pieces that become equal, and multiplies them out: in one
    # Piecewise of n conditions "a and b" to 2^n clauses, but not across a nested Piecewise
    pieces = _pieces(otherwise)
    for value, condition in reversed(list(choices)):
        if condition == sp.true:
            pieces = _pieces(value)
        elif condition != sp.false:
            if math.prod(_clauses(c) for c in (condition, *(c for _, c in pieces))) > CLAUSES:
                pieces = [(sp.Piecewise(*pieces, evaluate=False), sp.true)]
            pieces = [(value, condition), *pieces]
    return sp.Piecewise(*pieces, evaluate=False)


def _pieces(expr: Any) -> list[tuple[Any, Any]]:
    if isinstance(expr, sp.Piecewise):
        return [(piece.expr, piece.cond) for piece in cast("Any", expr.args)]
    return [(expr, sp.true)]


def _clauses(condition: Any) -> int:
    """The number of clauses of a condition as a conjunction of disjunctions."""
    if isinstance(condition, sp.And):
        return sum(map(_clauses, condition.args))
    return math.prod(map(_clauses, condition.args)) if isinstance(condition, sp.Or) else 1


@dataclass(frozen=True, slots=True)
class _Conditions:
    """From nodes to conditions of SymPy."""

    source: Source
    budget: Budget
    read: Callable[[ast.expr, int], Term]

    def condition(self, node: ast.expr, depth: int) -> Any:
        """The condition that a node stands for."""
        if depth > DEPTH:
            self.source.refuse_node(node, f"more than {DEPTH} levels of nesting")
        match node:
            case ast.Compare():
                return self.comparison(node, depth)
            case ast.BoolOp():
                join = sp.And if isinstance(node.op, ast.And) else sp.Or
                return join(*(self.condition(value, depth + 1) for value in node.values))
            case ast.UnaryOp(op=ast.Not()):
                return sp.Not(self.condition(node.operand, depth + 1))
            case _:
                return self.source.refuse_node(node, "a condition must stand here, such as x > 0")

    def comparison(self, node: ast.Compare, depth: int) -> Any:
        """A comparison; ``0 < x < 1`` is two of them."""
        sides = [self.read(side, depth + 1) for side in (node.left, *node.comparators)]
        pairs = zip(node.ops, pairwise(sides), strict=True)
        return sp.And(*(self.relation(node, op, left, right) for op, (left, right) in pairs))

    def relation(self, node: ast.expr, op: ast.cmpop, left: Term, right: Term) -> Any:
        """One comparison, which is decided here only where it is one of numbers."""
        if (sign := _SIGNS.get(type(op))) is None:
            self.source.refuse_node(node)
        if left.expr.has(sp.Piecewise) or right.expr.has(sp.Piecewise):
            self.source.refuse_node(node, "a condition must not contain where")
        constant = left.expr.is_number and right.expr.is_number
        try:
            self.budget.call(RELATIONS[sign], (left, right))
            found = RELATIONS[sign](left.expr, right.expr, evaluate=constant)
        except TooLargeError as error:
            self.source.refuse_node(node, str(error))
        except TypeError as error:
            self.source.refuse_node(node, f"this has no real value: {error}")
        if constant and found not in (sp.true, sp.false):
            self.source.refuse_node(node, "whether this holds cannot be decided")
        return found
