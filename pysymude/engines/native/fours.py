"""Four numbers at once: the vectors in which the loops over networks compute.

In plain Python a four is an array of four numbers. Numba compiles it to a vector of the processor, and what is
written here to one or two instructions: no loop is left to the optimiser, which would make several
versions of each, with and without overlap, for long ones and short ones, and take seconds over it.
Products and sums may be fused. No index is negative, and none is checked.
"""

# pyright: reportUntypedBaseClass=false, reportUntypedClassDecorator=false

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model

__all__ = [
    "add_part",
    "each",
    "few",
    "four",
    "is_zero",
    "magnitude",
    "part",
    "placed",
    "put",
    "select_less",
    "sums",
    "two_to_the",
    "zeros",
]


class _Four(types.Type):
    def __init__(self) -> None:
        super().__init__(name="four")


FOUR, _ARRAY, _INT = _Four(), types.Array(types.float64, 1, "C"), types.int64
_DOUBLE, _INT64, _INT32 = ir.DoubleType(), ir.IntType(64), ir.IntType(32)
_VECTOR, _BITS = ir.VectorType(_DOUBLE, 4), ir.VectorType(_INT64, 4)
_MASK, _PLACES = ir.VectorType(ir.IntType(1), 4), ir.VectorType(_INT32, 4)


@register_model(_Four)
class _FourModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


def _constant(kind: ir.VectorType, value: Any) -> Any:
    return ir.Constant(kind, [value] * 4)


def _spread(builder: Any, value: Any, kind: ir.VectorType) -> Any:
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), value, _int32(0))
    return builder.shuffle_vector(first, first, _constant(_PLACES, 0))


def _wide(builder: Any, value: Any) -> Any:
    """A number in all four places; a four as it is."""
    return value if value.type == _VECTOR else _spread(builder, value, _VECTOR)


def _int32(value: int) -> Any:
    return ir.Constant(_INT32, value)


def _compiled(build: Callable[..., Any], result: Any, *signatures: Any) -> Callable[..., Any]:
    """Registers what `build` emits as the compiled form of a function with these types of arguments.

    Arrays come to `build` as the addresses of their first numbers.
    """

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        values = [
            context.make_array(kind)(context, builder, value).data if kind == _ARRAY else value
            for kind, value in zip(sig.args, args, strict=True)
        ]
        made = build(builder, *values)
        return context.get_dummy_value() if result is types.void else made

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        class Template(ConcreteTemplate):
            key = function
            cases = [signature(result, *arguments) for arguments in signatures]  # noqa: RUF012

        infer_global(function, types.Function(Template))
        for arguments in signatures:
            lower_builtin(function, *arguments)(lower)
        return function

    return register


def _register_operator(name: Any, emit: str) -> None:
    def build(builder: Any, a: Any, b: Any) -> Any:
        return getattr(builder, emit)(_wide(builder, a), _wide(builder, b), flags=["contract"])

    _compiled(build, FOUR, *_MIXED)(name)


_EITHER = [FOUR, types.float64]
_MIXED = [(FOUR, FOUR), (FOUR, types.float64), (types.float64, FOUR)]
_register_operator(operator.add, "fadd")
_register_operator(operator.iadd, "fadd")
_register_operator(operator.sub, "fsub")
_register_operator(operator.mul, "fmul")
_register_operator(operator.truediv, "fdiv")


def _address(builder: Any, start: Any, i: Any) -> Any:
    return builder.bitcast(builder.gep(start, [i]), _VECTOR.as_pointer())


def _first(builder: Any, count: Any) -> Any:
    """The mask of the first `count` places."""
    return builder.icmp_signed(
        "<", ir.Constant(_BITS, [0, 1, 2, 3]), _spread(builder, count, _BITS)
    )


def _load_part(builder: Any, address: Any, mask: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [address.type, _INT32, _MASK, _VECTOR])
    load = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.load.v4f64.p0v4f64")
    return builder.call(load, [address, _int32(8), mask, _constant(_VECTOR, 0.0)])


def _build_part(builder: Any, v: Any, i: Any, count: Any) -> Any:
    return _load_part(builder, _address(builder, v, i), _first(builder, count))


def _build_few(builder: Any, v: Any, i: Any, count: Any) -> Any:
    found = _constant(_VECTOR, 0.0)
    for place in range(4):
        inside = builder.icmp_signed("<", ir.Constant(_INT64, place), count)
        k = builder.add(
            i, builder.select(inside, ir.Constant(_INT64, place), ir.Constant(_INT64, 0))
        )
        value = builder.select(inside, builder.load(builder.gep(v, [k])), ir.Constant(_DOUBLE, 0.0))
        found = builder.insert_element(found, value, _int32(place))
    return found


def _build_placed(builder: Any, x: Any, k: Any, value: Any) -> Any:
    here = builder.icmp_signed("==", ir.Constant(_BITS, [0, 1, 2, 3]), _spread(builder, k, _BITS))
    return builder.select(here, _wide(builder, value), x)


def _build_add_part(builder: Any, v: Any, i: Any, x: Any, count: Any) -> None:
    address = _address(builder, v, i)
    whole = builder.icmp_signed(">=", count, ir.Constant(_INT64, 4))
    with builder.if_else(whole) as (then, otherwise):
        with then:
            total = builder.fadd(builder.load(address, align=8), x, flags=["contract"])
            builder.store(total, address, align=8)
        with otherwise:
            mask = _first(builder, count)
            total = builder.fadd(_load_part(builder, address, mask), x, flags=["contract"])
            kind = ir.FunctionType(ir.VoidType(), [_VECTOR, address.type, _INT32, _MASK])
            name = "llvm.masked.store.v4f64.p0v4f64"
            store = cgutils.get_or_insert_function(builder.module, kind, name)
            builder.call(store, [total, address, _int32(8), mask])


def _build_sums(builder: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    def pick(x: Any, y: Any, *places: int) -> Any:
        return builder.shuffle_vector(x, y, ir.Constant(_PLACES, list(places)))

    def fold(x: Any, y: Any, first: Any, second: Any) -> Any:
        return builder.fadd(pick(x, y, *first), pick(x, y, *second), flags=["contract"])

    ab, cd = (fold(x, y, (0, 4, 2, 6), (1, 5, 3, 7)) for x, y in [(a, b), (c, d)])
    return fold(ab, cd, (0, 1, 4, 5), (2, 3, 6, 7))


def _build_select(builder: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
    a, b, x, y = (_wide(builder, value) for value in (a, b, x, y))
    return builder.select(builder.fcmp_ordered("<", a, b), x, y)


def _build_is_zero(builder: Any, x: Any) -> Any:
    differs = builder.fcmp_unordered("!=", x, _constant(_VECTOR, 0.0))
    bits = builder.bitcast(differs, ir.IntType(4))
    return builder.icmp_unsigned("==", bits, ir.Constant(ir.IntType(4), 0))


def _build_magnitude(builder: Any, x: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR])
    return builder.call(
        cgutils.get_or_insert_function(builder.module, kind, "llvm.fabs.v4f64"), [x]
    )


def _build_power(builder: Any, x: Any) -> Any:
    bits = builder.shl(builder.bitcast(x, _BITS), _constant(_BITS, 52))
    return builder.bitcast(builder.add(bits, _constant(_BITS, 1023 << 52)), _VECTOR)


@_compiled(
    lambda builder, v, i: builder.load(_address(builder, v, i), align=8), FOUR, (_ARRAY, _INT)
)
def four(v: Any, i: Any) -> Any:
    """v[i:i+4]."""
    return v[i : i + 4].copy()


@_compiled(_build_part, FOUR, (_ARRAY, _INT, _INT))
def part(v: Any, i: Any, count: Any) -> Any:
    """The first `count` numbers of v[i:i+4], then zeros; reads no others."""
    x = np.zeros(4)
    count = min(4, count)
    x[:count] = v[i : i + count]
    return x


@_compiled(_build_few, FOUR, (_ARRAY, _INT, _INT))
def few(v: Any, i: Any, count: Any) -> Any:
    """The same, one number at a time, at least one: for what was written so a moment before."""
    return part(v, i, count)


@_compiled(_build_placed, FOUR, (FOUR, _INT, types.float64))
def placed(x: Any, k: Any, value: Any) -> Any:
    """x with `value` in place k."""
    return np.where(np.arange(4) == k, value, x)


@_compiled(
    lambda builder, v, i: _wide(builder, builder.load(builder.gep(v, [i]))), FOUR, (_ARRAY, _INT)
)
def each(v: Any, i: Any) -> Any:
    """v[i] four times."""
    return np.full(4, v[i])


@_compiled(lambda builder: _constant(_VECTOR, 0.0), FOUR, ())
def zeros() -> Any:
    """Four zeros."""
    return np.zeros(4)


@_compiled(_build_is_zero, types.boolean, (FOUR,))
def is_zero(x: Any) -> Any:
    """Whether all four are zero; not a number is not zero."""
    return not np.any(x)


@_compiled(
    lambda builder, v, i, x: builder.store(x, _address(builder, v, i), align=8),
    types.void,
    (_ARRAY, _INT, FOUR),
)
def put(v: Any, i: Any, x: Any) -> None:
    """v[i:i+4] = x."""
    v[i : i + 4] = x


@_compiled(_build_add_part, types.void, (_ARRAY, _INT, FOUR, _INT))
def add_part(v: Any, i: Any, x: Any, count: Any) -> None:
    """Adds the first `count` numbers of x to v[i:i+4]; touches no others."""
    count = min(4, count)
    v[i : i + count] += x[:count]


@_compiled(_build_sums, FOUR, (FOUR, FOUR, FOUR, FOUR))
def sums(a: Any, b: Any, c: Any, d: Any) -> Any:
    """The sums over each of four fours."""
    return np.array([a.sum(), b.sum(), c.sum(), d.sum()])


@_compiled(_build_magnitude, FOUR, (FOUR,))
def magnitude(x: Any) -> Any:
    """The absolute values."""
    return np.abs(x)


@_compiled(_build_power, FOUR, (FOUR,))
def two_to_the(x: Any) -> Any:
    """2^k, for k in the last bits of x = 1.5 2^52 + k."""
    return ((x.view(np.int64) << 52) + (1023 << 52)).view(np.float64)


_CHOICES = [(*pair, x, y) for pair in _MIXED for x in _EITHER for y in _EITHER]


@_compiled(_build_select, FOUR, *_CHOICES)
def select_less(a: Any, b: Any, x: Any, y: Any) -> Any:
    """x where a < b, else y; each a four or a number, a and b not both numbers."""
    return np.where(np.less(a, b), x, y)
