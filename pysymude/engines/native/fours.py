"""Four numbers at once: the vectors in which the loops over networks compute.

In plain Python a four is an array of four numbers. Compiled, it is a vector of the processor, and what is
written here one or two instructions: no loop is left to the optimiser, which would make several
versions of each, with and without overlap, for long ones and short ones, and take seconds over it.
Products and sums may be fused. No index is negative, and none is checked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pysymude.engines.native.compiler.built_in import written_as
from pysymude.engines.native.compiler.instructions import Writer
from pysymude.engines.native.compiler.kinds import BOOL, FLOAT, FOUR, INT, Value, constant

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

_ZEROS = Value(FOUR, ("zeroinitializer",))
_LOAD, _STORE = "llvm.masked.load.v4f64.p0", "llvm.masked.store.v4f64.p0"
_COUNTED = "<i64 0, i64 1, i64 2, i64 3>"


def _made(out: Writer, line: str) -> Value:
    return Value(FOUR, (out.result(line),))


def _below(out: Writer, relation: str, count: Value) -> str:
    """The mask of the places whose number, 0 to 3, is in a relation to `count`."""
    one = out.result(f"insertelement <4 x i64> poison, {count.text}, i32 0")
    whole = out.result(
        f"shufflevector <4 x i64> {one}, <4 x i64> poison, <4 x i32> zeroinitializer"
    )
    return out.result(f"icmp {relation} <4 x i64> {_COUNTED}, {whole}")


def _masked(out: Writer, address: str, mask: str) -> Value:
    out.declared[_LOAD] = f"declare <4 x double> @{_LOAD}(ptr, i32, <4 x i1>, <4 x double>)"
    given = f"ptr {address}, i32 8, <4 x i1> {mask}, <4 x double> zeroinitializer"
    return _made(out, f"call <4 x double> @{_LOAD}({given})")


def _part(out: Writer, v: Value, i: Value, count: Value) -> Value:
    return _masked(out, out.address(v, [i]), _below(out, "slt", count))


def _few(out: Writer, v: Value, i: Value, count: Value) -> Value:
    found = "zeroinitializer"
    for place in range(4):
        inside = out.compare("<", constant(place), count)
        k = out.result(f"select {inside.text}, i64 {place}, i64 0")
        address = out.address(v, [out.arithmetic("+", i, Value(INT, (k,)))])
        value = out.result(f"select {inside.text}, {out.load(FLOAT, address).text}, double 0.0")
        found = out.result(f"insertelement <4 x double> {found}, double {value}, i32 {place}")
    return Value(FOUR, (found,))


def _placed(out: Writer, x: Value, k: Value, value: Value) -> Value:
    here, given = _below(out, "eq", k), out.converted(value, FOUR)
    return _made(out, f"select <4 x i1> {here}, {given.text}, {x.text}")


def _put(out: Writer, v: Value, i: Value, x: Value) -> Value:
    out.store(x, out.address(v, [i]))
    return constant(None)


def _add_part(out: Writer, v: Value, i: Value, x: Value, count: Value) -> Value:
    address, whole, rest, end = out.address(v, [i]), out.label(), out.label(), out.label()
    out.choose(out.compare(">=", count, constant(4)), whole, rest)
    out.start(whole)
    out.store(out.arithmetic("+", out.load(FOUR, address), x), address)
    out.go(end)
    out.start(rest)
    mask = _below(out, "slt", count)
    total = out.arithmetic("+", _masked(out, address, mask), x)
    out.declared[_STORE] = f"declare void @{_STORE}(<4 x double>, ptr, i32, <4 x i1>)"
    out.write(f"call void @{_STORE}({total.text}, ptr {address}, i32 8, <4 x i1> {mask})")
    out.start(end)
    return constant(None)


def _sums(out: Writer, a: Value, b: Value, c: Value, d: Value) -> Value:
    def pick(x: Value, y: Value, *places: int) -> Value:
        chosen = ", ".join(f"i32 {place}" for place in places)
        return _made(out, f"shufflevector {x.text}, {y.text}, <4 x i32> <{chosen}>")

    def fold(x: Value, y: Value, first: tuple[int, ...], second: tuple[int, ...]) -> Value:
        return out.arithmetic("+", pick(x, y, *first), pick(x, y, *second))

    ab, cd = (fold(x, y, (0, 4, 2, 6), (1, 5, 3, 7)) for x, y in [(a, b), (c, d)])
    return fold(ab, cd, (0, 1, 4, 5), (2, 3, 6, 7))


def _select(out: Writer, *values: Value) -> Value:
    a, b, x, y = (out.converted(value, FOUR) for value in values)
    less = out.result(f"fcmp olt {a.text}, {b.parts[0]}")
    return _made(out, f"select <4 x i1> {less}, {x.text}, {y.text}")


def _is_zero(out: Writer, x: Value) -> Value:
    differs = out.result(f"fcmp une {x.text}, zeroinitializer")
    bits = out.result(f"bitcast <4 x i1> {differs} to i4")
    return Value(BOOL, (out.result(f"icmp eq i4 {bits}, 0"),))


def _two_to_the(out: Writer, x: Value) -> Value:
    bits = out.result(f"bitcast {x.text} to <4 x i64>")
    up = out.result(f"shl <4 x i64> {bits}, <i64 52, i64 52, i64 52, i64 52>")
    one = ", ".join([f"i64 {1023 << 52}"] * 4)
    whole = out.result(f"add <4 x i64> {up}, <{one}>")
    return _made(out, f"bitcast <4 x i64> {whole} to <4 x double>")


@written_as(lambda out, v, i: out.load(FOUR, out.address(v, [i])))
def four(v: Any, i: Any) -> Any:
    """v[i:i+4]."""
    return v[i : i + 4].copy()


@written_as(_part)
def part(v: Any, i: Any, count: Any) -> Any:
    """The first `count` numbers of v[i:i+4], then zeros; reads no others."""
    x = np.zeros(4)
    count = min(4, count)
    x[:count] = v[i : i + count]
    return x


@written_as(_few)
def few(v: Any, i: Any, count: Any) -> Any:
    """The same, one number at a time, at least one: for what was written so a moment before."""
    return part(v, i, count)


@written_as(_placed)
def placed(x: Any, k: Any, value: Any) -> Any:
    """x with `value` in place k."""
    return np.where(np.arange(4) == k, value, x)


@written_as(lambda out, v, i: out.spread(out.load(FLOAT, out.address(v, [i]))))
def each(v: Any, i: Any) -> Any:
    """v[i] four times."""
    return np.full(4, v[i])


@written_as(lambda out: _ZEROS)
def zeros() -> Any:
    """Four zeros."""
    return np.zeros(4)


@written_as(_is_zero)
def is_zero(x: Any) -> Any:
    """Whether all four are zero; not a number is not zero."""
    return not np.any(x)


@written_as(_put)
def put(v: Any, i: Any, x: Any) -> None:
    """v[i:i+4] = x."""
    v[i : i + 4] = x


@written_as(_add_part)
def add_part(v: Any, i: Any, x: Any, count: Any) -> None:
    """Adds the first `count` numbers of x to v[i:i+4]; touches no others."""
    count = min(4, count)
    v[i : i + count] += x[:count]


@written_as(_sums)
def sums(a: Any, b: Any, c: Any, d: Any) -> Any:
    """The sums over each of four fours."""
    return np.array([a.sum(), b.sum(), c.sum(), d.sum()])


@written_as(lambda out, x: out.call("llvm.fabs.v4f64", FOUR, x))
def magnitude(x: Any) -> Any:
    """The absolute values."""
    return np.abs(x)


@written_as(_two_to_the)
def two_to_the(x: Any) -> Any:
    """2^k, for k in the last bits of x = 1.5 2^52 + k."""
    return ((x.view(np.int64) << 52) + (1023 << 52)).view(np.float64)


@written_as(_select)
def select_less(a: Any, b: Any, x: Any, y: Any) -> Any:
    """x where a < b, else y; each a four or a number, a and b not both numbers."""
    return np.where(np.less(a, b), x, y)
