"""The shape of an expression: its operations without its leaves, so that equal shapes share one loop.

A leaf is a symbol or a number. Operands of commutative operations are put in an order that does not
depend on names, so that u1*u2 + k*u1 and u8*u7 + k*u8 have one shape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import sympy as sp
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

from pysymude.model.network import NetworkDerivative, NetworkOutput
from pysymude.model.signal import SignalValue

__all__ = ["Leaf", "Shape", "shape_of"]

_UNORDERED = (sp.Add, sp.Mul, sp.And, sp.Or, sp.Min, sp.Max)


@dataclass(frozen=True)
class Leaf:
    """What a symbol stands for: an entry of the states, of the parameters, ...

    Attributes
    ----------
    kind : str
        ``state``, ``time``, ``parameter``, ``trainable``, or ``term`` for an entry of a table of terms.
    index : int
        Its position among those of its kind.
    family : str
        Leaves of different families never share a place in a loop (other assumptions, other bounds).
    """

    kind: str
    index: int
    family: str


class Shape(NamedTuple):
    """`key` is equal for equal shapes; `make` builds the expression again from other leaves."""

    key: str
    leaves: tuple[sp.Expr, ...]
    make: Callable[[Iterator[sp.Basic]], Any]


def shape_of(expr: sp.Expr, leaves: Mapping[sp.Symbol, Leaf]) -> Shape:
    """The shape of `expr`, whose symbols are all in `leaves`."""
    counts = Counter(node for node in sp.preorder_traversal(expr) if node.is_Symbol)
    found = _Walk(leaves, counts).visit(expr)
    # where a symbol stands twice, all that share the shape have one symbol there
    first: dict[sp.Expr, int] = {}
    same = [
        first.setdefault(leaf, i) if leaf.is_Symbol else i for i, leaf in enumerate(found.leaves)
    ]
    return found._replace(key=f"{found.key}{same}")


class _Walk:
    def __init__(self, leaves: Mapping[sp.Symbol, Leaf], counts: Counter[Any]) -> None:
        self.leaves, self.counts = leaves, counts

    def visit(self, node: Any) -> Shape:
        if node.is_Symbol:
            return Shape(self.leaves[node].family, (node,), _take)
        if isinstance(node, (BooleanTrue, BooleanFalse)):
            return _literal(node)
        if isinstance(node, sp.Expr) and node.is_number and not node.free_symbols:
            return Shape("#", (node,), _take)
        if isinstance(node, sp.Pow):
            base, exponent = node.args
            power = _literal(exponent) if exponent.is_number else self.visit(exponent)
            return _join("Pow", [self.visit(base), power], sp.Pow)
        if isinstance(node, sp.Heaviside):
            return _join(
                "Heaviside", [self.visit(node.args[0]), _literal(node.args[1])], sp.Heaviside
            )
        if isinstance(node, (NetworkOutput, NetworkDerivative)):
            return self.network(node)
        if isinstance(node, SignalValue):
            signal, order = node.signal, sp.Integer(node.order)
            key = f"signal {signal.name} {order}"
            return _join(key, [self.visit(node.argument)], lambda x: SignalValue(signal, order, x))
        children = [self.visit(a) for a in node.args]
        if isinstance(node, _UNORDERED):
            children.sort(key=lambda child: (child.key, [self.rank(leaf) for leaf in child.leaves]))
        return _join(type(node).__name__, children, node.func)

    def network(self, node: Any) -> Shape:
        fixed = 2 if isinstance(node, NetworkOutput) else 3
        head: Any = node.args[:fixed]
        inputs = [self.visit(z) for z in node.args[fixed:]]
        key = f"{type(node).__name__} {head[0].name} {head[1:]}"
        build: Any = type(node)
        return _join(key, inputs, lambda *args: build(*head, *args))

    def rank(self, leaf: Any) -> tuple[float, float, int]:
        """Decides between operands of one shape: numbers by value, symbols by how often they stand here."""
        if not leaf.is_Symbol:
            return (float(leaf) if leaf.is_real else 0.0, 0, 0)
        return (0.0, -self.counts[leaf], self.leaves[leaf].index)


def _take(leaves: Iterator[sp.Basic]) -> sp.Basic:
    return next(leaves)


def _literal(node: Any) -> Shape:
    return Shape(str(node), (), lambda leaves: node)


def _join(name: str, children: Sequence[Shape], build: Callable[..., Any]) -> Shape:
    key = f"{name}({','.join(child.key for child in children)})"
    leaves = tuple(leaf for child in children for leaf in child.leaves)
    return Shape(key, leaves, lambda given: build(*[cast("Any", c).make(given) for c in children]))
