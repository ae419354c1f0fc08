"""Arithmetic written as text, read into SymPy without ever running it.

`ast` parses the text into a tree, and each node of the tree must be on a list. Nothing is evaluated
by Python, and what SymPy computes on the way is bounded in size.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from sympy.core.function import UndefinedFunction

from pysymude.errors import InvalidInputError, ModelFileError
from pysymude.model.coerce import close_matches
from pysymude.model.conditions import read_where
from pysymude.model.language import CONSTANTS, FORMS, FUNCTIONS
from pysymude.model.magnitude import LARGEST, Budget, Term, TooLargeError
from pysymude.model.network import NetworkDerivative, NetworkOutput
from pysymude.model.signal import Signal, SignalValue
from pysymude.model.source import DEPTH, DIGITS, FLOAT64, Source

__all__ = ["parse_expression"]


_S: Any = sp.S

_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_ALLOWED = (
    "only arithmetic, declared names, outputs such as nn[0] and the functions "
    f"{', '.join(sorted((*FUNCTIONS, *FORMS)))} are allowed"
)


def parse_expression(
    text: str, names: Mapping[str, Any], *, where: str = "", literal: bool = False
) -> sp.Expr:
    """The SymPy expression that `text` writes.

    Parameters
    ----------
    text : str
        Numbers, names, ``+ - * /``, powers as ``^`` or ``**``, brackets, calls of `FUNCTIONS`,
        ``nn[0]`` for an output of a network (``nn(2*x, y)[0]`` at other inputs), ``D(nn[0], 1)`` for
        its derivative with respect to the network's input 1 (the second one), ``w(t)`` for an
        unknown function, ``T(t)`` for a signal (``D(T(t), 1)`` for its slope),
        ``where(x > 0 and y > 0, yes, no)`` for a choice (any odd number of arguments: conditions and
        values by turns, then what holds otherwise). ``pi`` is the number.
        Integers stay exact, so that ``1/3`` is a rational; decimals are float64, or keep their
        digits if these are more than 17. A declared name may be that of a function of the language.
    names : mapping from str to SymPy expression, network, signal, or undefined SymPy function
        All that the text may name.
    where : str
        The place of the text, for messages.
    literal : bool
        Whether a number times a sum stays a product, as ``factor`` leaves it; by default SymPy
        multiplies it out.

    Raises
    ------
    ModelFileError
        The text is not such an expression, names something unknown, or has no finite real value;
        the message gives the piece of text and its column.

    Examples
    --------
    >>> x = sp.Symbol("x")
    >>> parse_expression("x^2/3 + sin(pi*x)", {"x": x})
    x**2/3 + sin(pi*x)
    """
    source = Source(text, where=where, allowed=_ALLOWED)
    tree = source.tree()
    try:
        expr = _Reader(source, names, literal).read(tree, 0).expr
    except RecursionError:
        source.refuse("it is nested too deeply")
    _check_value(source, expr)
    return expr


def _check_value(source: Source, expr: Any) -> None:
    if expr.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
        source.refuse("it has no finite value")
    roots = (power.as_base_exp() for power in expr.atoms(sp.Pow))
    if expr.has(_S.ImaginaryUnit) or any(
        b.is_negative and b.is_number and not e.is_integer for b, e in roots
    ):
        source.refuse("it is not real: a root, power or logarithm of a negative number")
    if any(abs(number) >= LARGEST for number in expr.atoms(sp.Number)):
        source.refuse("it contains a number beyond 1.8e308, the largest of float64")


@dataclass(slots=True)
class _Reader:
    """From nodes to SymPy, one method for each kind of node that is allowed."""

    source: Source
    names: Mapping[str, Any]
    literal: bool = False
    budget: Budget = field(default_factory=Budget)

    def read(self, node: ast.expr, depth: int) -> Term:
        """The term that a node stands for."""
        if depth > DEPTH:
            self.source.refuse_node(node, f"more than {DEPTH} levels of nesting")
        match node:
            case ast.Constant():
                return Term(self.number(node))
            case ast.Name():
                return Term(self.symbol(node))
            case ast.UnaryOp(op=ast.USub()):
                term = self.read(node.operand, depth + 1)
                return Term(-term.expr, term.growth)
            case ast.UnaryOp(op=ast.UAdd()):
                return self.read(node.operand, depth + 1)
            case ast.BinOp():
                return self.chain(node, depth)
            case ast.Call(func=ast.Name(id="where")):
                return read_where(self.source, self.budget, self.read, node, depth)
            case ast.Call(func=ast.Name(id="D")):
                return Term(self.derivative(node, depth))
            case ast.Call(func=ast.Name() as name):
                return self.call(node, name, depth)
            case ast.Compare():
                return self.source.refuse_node(node, "write where(condition, yes, no)")
            case ast.Subscript():
                return Term(self.output(node, depth))
            case _:
                return self.source.refuse_node(node)

    def number(self, node: ast.Constant) -> Any:
        """An exact integer, or a decimal with the digits that were written."""
        text = self.source.piece(node)
        if not (found := _NUMBER.fullmatch(text)):
            self.source.refuse_node(node)
        digits = found[1].replace(".", "").lstrip("0")
        if len(digits) > DIGITS:
            self.source.refuse_node(node, f"a number may have {DIGITS} digits")
        if isinstance(node.value, int):
            return sp.Integer(node.value)
        if digits and (float(text) == 0.0 or not math.isfinite(float(text))):
            self.source.refuse_node(node, "float64 cannot hold this number")
        return sp.Float(node.value) if len(digits) <= FLOAT64 else sp.Float(text, len(digits))

    def symbol(self, node: ast.Name) -> Any:
        """A declared symbol, or a constant."""
        found = self.known(node)
        if isinstance(found, UndefinedFunction):
            self.source.refuse_node(node, f"{node.id} is a function; write {node.id}(t)")
        if isinstance(found, Signal):
            self.source.refuse_node(node, f"{node.id} is a signal; write {node.id}(t)")
        if not isinstance(found, sp.Expr):
            self.source.refuse_node(node, f"{node.id} is a network; write {node.id}[0]")
        return found

    def known(self, node: ast.Name) -> Any:
        """What a name stands for."""
        found = self.names.get(node.id, CONSTANTS.get(node.id))
        if found is None and node.id in FUNCTIONS:
            self.source.refuse_node(node, f"{node.id} is a function; write {node.id}(...)")
        if found is None:
            self.source.refuse_node(node, f"unknown name; {close_matches(node.id, self.names)}")
        return found

    def chain(self, node: ast.BinOp, depth: int) -> Term:
        """A row of operators: ``a + b + c`` nests to the left, which is no depth to its reader."""
        row: list[ast.BinOp] = []
        first: ast.expr = node
        while isinstance(first, ast.BinOp):
            row.append(first)
            first = first.left
        term = self.read(first, depth + 1)
        for step in reversed(row):
            term = self.combined(step, term, self.read(step.right, depth + 1))
        return term

    def combined(self, node: ast.BinOp, left: Term, right: Term) -> Term:
        """One operator applied."""
        growth = max(left.growth, right.growth)
        match node.op:
            case ast.Add():
                expr = left.expr + right.expr
            case ast.Sub():
                expr = left.expr - right.expr
            case ast.Mult():
                expr = self.product(left.expr, right.expr)
            case ast.Div() if right.expr.is_zero:
                self.source.refuse_node(node, "this divides by zero")
            case ast.Div():
                expr = left.expr / right.expr
            case ast.Pow():
                return self.power(node, left, right)
            case _:
                self.source.refuse_node(node)
        return Term(self.finite(node, expr), growth)

    def product(self, left: Any, right: Any) -> Any:
        """A product, in which a number before a sum stays there if the text is taken literally."""
        number, rest = (left, right) if left.is_Number else (right, left)
        if self.literal and rest.is_Add and number.is_Number and number not in (0, 1):
            return sp.Mul(number, rest, evaluate=False)
        return left * right

    def power(self, node: ast.expr, base: Term, exponent: Term) -> Term:
        """A power whose numbers stay of a length that can be computed."""
        try:
            term = self.budget.power(base, exponent)
        except TooLargeError as error:
            self.source.refuse_node(node, str(error))
        return Term(self.finite(node, term.expr), term.growth)

    def call(self, node: ast.Call, name: ast.Name, depth: int) -> Term:
        """A function on the list, or an unknown function, at its arguments."""
        terms = self.arguments(node, depth)
        function = self.function(node, name)
        if function is FUNCTIONS["sqrt"][0]:
            return self.power(node, terms[0], Term(sp.Rational(1, 2)))
        try:
            growth = self.budget.call(function, terms)
        except TooLargeError as error:
            self.source.refuse_node(node, str(error))
        return Term(self.applied(node, function, terms), growth)

    def arguments(self, node: ast.Call, depth: int) -> list[Term]:
        """The arguments of a call, which have no names and no stars."""
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            self.source.refuse_node(node, "a function takes plain arguments: sin(x)")
        return [self.read(argument, depth + 1) for argument in node.args]

    def function(self, node: ast.Call, name: ast.Name) -> Any:
        """The function of that name, if it takes so many arguments."""
        declared = self.names.get(name.id)
        if isinstance(declared, UndefinedFunction):
            return declared
        if isinstance(declared, Signal):
            if len(node.args) != 1:
                self.source.refuse_node(node, f"{name.id} takes 1 argument; write {name.id}(t)")
            return declared
        if name.id not in FUNCTIONS:
            if declared is not None or name.id in CONSTANTS:
                self.source.refuse_node(node, f"{name.id} is no function; is a * missing?")
            hint = close_matches(name.id, (*FUNCTIONS, *FORMS))
            self.source.refuse_node(node, f"unknown function {name.id}; {hint}")
        build, least, most = FUNCTIONS[name.id]
        if not least <= (found := len(node.args)) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            self.source.refuse_node(
                node, f"{name.id} takes {wanted} argument{'s' * (most > 1)}; found {found}"
            )
        return build

    def output(self, node: ast.Subscript, depth: int) -> Any:
        """One output of a network, ``nn[0]``, or of the same network elsewhere, ``nn(x, y)[0]``."""
        call = node.value if isinstance(node.value, ast.Call) else None
        name = call.func if call else node.value
        if not isinstance(name, ast.Name):
            self.source.refuse_node(node)
        network = self.known(name)
        if isinstance(network, sp.Expr | UndefinedFunction | Signal):
            self.source.refuse_node(node, f"{name.id} is no network, so it has no outputs")
        index = node.slice
        if not isinstance(index, ast.Constant) or type(index.value) is not int:
            self.source.refuse_node(node, f"write the output as a number: {name.id}[0]")
        outputs = self.applied(node, network, self.arguments(call, depth)) if call else network
        try:
            return outputs[index.value]
        except (InvalidInputError, LookupError) as error:
            self.source.refuse_node(node, str(error))

    def derivative(self, node: ast.Call, depth: int) -> Any:
        """The derivative of an output with respect to one or two of the inputs of its network."""
        match [term.expr for term in self.arguments(node, depth)]:
            case [NetworkOutput() as out, *by] if 1 <= len(by) <= 2 and all(
                isinstance(i, sp.Integer) and 0 <= i < len(out.inputs) for i in by
            ):
                return NetworkDerivative(out.network, out.args[1], sp.Tuple(*by), *out.inputs)
            case [SignalValue() as value, sp.Integer() as order] if 1 <= order <= 3:
                return SignalValue(value.signal, order, value.argument)
            case _:
                return self.source.refuse_node(node, "write an output and an input: D(nn[0], 1)")

    def applied(self, node: ast.expr, function: Any, terms: Iterable[Term]) -> Any:
        """What SymPy makes of a function at its arguments, if that is finite."""
        try:
            return self.finite(node, function(*(term.expr for term in terms)))
        except ModelFileError:
            raise
        except InvalidInputError as error:
            self.source.refuse_node(node, str(error))
        except (TypeError, ValueError, ArithmeticError) as error:
            self.source.refuse_node(node, f"this has no real value: {error}")

    def finite(self, node: ast.expr, expr: Any) -> Any:
        """`expr` itself, unless it is infinite or undefined, which later steps could hide."""
        if expr in (sp.nan, sp.zoo, sp.oo, -sp.oo):
            self.source.refuse_node(node, "this has no finite value")
        return expr
