"""Python's and NumPy's functions of numbers, as compiled code has them; and functions that write their own."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from pysymude.engines.native.compiler.instructions import Writer
from pysymude.engines.native.compiler.kinds import FLOAT, INT, NotCompiledError, Value, constant

__all__ = ["BUILT_IN", "power", "written_as"]

F = TypeVar("F", bound=Callable[..., Any])

Emitter = Callable[..., Value]

BUILT_IN: dict[Any, Emitter] = {}


def written_as(emit: Emitter) -> Callable[[F], F]:
    """In compiled code, calls of the function become what `emit` writes, given a writer and the arguments."""

    def register(function: F) -> F:
        BUILT_IN[function] = emit
        return function

    return register


def _library(name: str) -> Emitter:
    def emit(out: Writer, *values: Value) -> Value:
        return out.call(name, FLOAT, *(out.converted(value, FLOAT) for value in values))

    return emit


# LLVM knows those that its own names stand for, and what they are of constants
for _name, *_functions in (
    ("llvm.sqrt.f64", math.sqrt, np.sqrt), ("llvm.exp.f64", math.exp, np.exp),
    ("llvm.log.f64", math.log, np.log), ("llvm.sin.f64", math.sin, np.sin),
    ("llvm.cos.f64", math.cos, np.cos), ("tanh", math.tanh, np.tanh), ("tan", math.tan, np.tan),
    ("asin", math.asin, np.arcsin), ("acos", math.acos, np.arccos), ("atan", math.atan, np.arctan),
    ("sinh", math.sinh, np.sinh), ("cosh", math.cosh, np.cosh), ("asinh", math.asinh, np.arcsinh),
    ("acosh", math.acosh, np.arccosh), ("atanh", math.atanh, np.arctanh), ("erf", math.erf),
    ("atan2", math.atan2, np.arctan2), ("nextafter", math.nextafter, np.nextafter),
):  # fmt: skip
    BUILT_IN.update(dict.fromkeys(_functions, _library(_name)))


def power(out: Writer, a: Value, b: Value) -> Value:
    """a**b."""
    if b.known == 2:
        return out.arithmetic("*", a, a)
    if a.kind == INT and b.kind == INT:
        raise NotCompiledError("a power of whole numbers")
    a = out.converted(a, FLOAT)
    if b.known == 0.5:
        return out.call("llvm.sqrt.f64", FLOAT, a)
    return out.call("llvm.pow.f64", FLOAT, a, out.converted(b, FLOAT))


def _abs(out: Writer, x: Value) -> Value:
    if x.kind == FLOAT:
        return out.call("llvm.fabs.f64", FLOAT, x)
    negative = out.compare("<", x, constant(0))
    return choice(out, negative, out.arithmetic("-", constant(0), x), x)


def choice(out: Writer, condition: Value, then: Value, otherwise: Value) -> Value:
    """One of two numbers, both of which are there."""
    line = f"select {condition.text}, {then.text}, {otherwise.text}"
    return Value(then.kind, (out.result(line),))


def _extreme(relation: str) -> Emitter:
    def emit(out: Writer, *values: Value) -> Value:
        kind = out.common(values)
        first, *others = (out.converted(value, kind) for value in values)
        for other in others:  # as Python does, also where one is no number
            first = choice(out, out.compare(relation, other, first), other, first)
        return first

    return emit


def _int(out: Writer, x: Value) -> Value:
    if x.kind == FLOAT:
        return Value(INT, (out.result(f"fptosi {x.text} to i64"),))
    return out.converted(x, INT)


BUILT_IN.update(
    {
        builtins.abs: _abs,
        builtins.max: _extreme(">"),
        builtins.min: _extreme("<"),
        builtins.int: _int,
        builtins.float: lambda out, x: out.converted(x, FLOAT),
        builtins.bool: lambda out, x: out.truth(x),
        math.isfinite: lambda out, x: out.finite(x),
        np.isfinite: lambda out, x: out.finite(x),
    }
)
