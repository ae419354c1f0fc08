"""Signals: what a table says at an argument, and on which piece that is.

A table is an array of `plan.tables`, known by its address, a number among the parameters of an experiment. During
a step the piece of each signal is what it was at the step's start; steps end where it changes, or run through the
points of a signal that has too many, see `forcing`.
"""

from __future__ import annotations

import ctypes

from pysymude.engines.native import codes
from pysymude.engines.native.compiler.built_in import written_as
from pysymude.engines.native.compiler.instructions import Writer
from pysymude.engines.native.compiler.kinds import FLOAT, Array, Value
from pysymude.engines.native.compiling import apart, inner
from pysymude.plan import tables

__all__ = [
    "AREA",
    "SQUARE",
    "integral_at",
    "number_at",
    "piece_of",
    "signal_at",
    "start_piece",
    "time_of",
]

LIVE, PIECE, LEAST, GREATEST = codes.LIVE, codes.PIECE, codes.LEAST, codes.GREATEST
HEAD = tables.HEAD
AREA, SQUARE = 0, 1


def _number(out: Writer, address: Value, k: Value) -> Value:
    first = out.result(f"inttoptr {address.text} to ptr")
    return out.load(FLOAT, out.address(Value(Array.of(FLOAT, 1), (first, "0")), [k]))


@written_as(_number)
def number_at(address: int, k: int) -> float:
    """Number k of the array at an address."""
    return ctypes.c_double.from_address(int(address) + 8 * int(k)).value


@inner
def time_of(address, k):
    """The time of point k, from 0 on."""
    return number_at(address, HEAD + k)


@inner
def piece_of(address, n, x):
    """How many of the n points lie at or before x: a guess for equal distances, then bisection."""
    first, last = time_of(address, 0), time_of(address, n - 1)
    if not x >= first:
        return 0
    if x >= last:
        return n
    low, high = 0, n - 1  # x lies from `low` on and before `high`
    k = min(int((x - first) / (last - first) * (n - 1)), n - 2)
    if time_of(address, k) <= x:
        low = k
        if x < time_of(address, k + 1):
            return k + 1
        if k + 2 < n and x < time_of(address, k + 2):
            return k + 2
    else:
        high = k
        if k > 0 and time_of(address, k - 1) <= x:
            return k
    while high - low > 1:
        middle = (low + high) // 2
        if time_of(address, middle) <= x:
            low = middle
        else:
            high = middle
    return high


@inner
def start_piece(address, x, rate):
    """What a block holds for the piece on which a signal goes on from x."""
    piece = piece_of(address, int(number_at(address, 0)), x)
    if rate < 0.0 and piece > 0 and time_of(address, piece - 1) == x:
        piece -= 1
    return PIECE + piece


@apart
def signal_at(address, x, slot, order):
    """A derivative of a signal at x, on the piece that `slot` says."""
    if slot < 0.0:
        return number_at(address, 3) if slot == LEAST else number_at(address, 4)
    if x < number_at(address, 1) or x > number_at(address, 2):
        return float("nan")
    n = int(number_at(address, 0))
    piece = piece_of(address, n, x) if slot == LIVE else int(slot - PIECE)
    s, row = x - time_of(address, max(piece - 1, 0)), HEAD + n + 4 * piece
    b, c, d = number_at(address, row + 1), number_at(address, row + 2), number_at(address, row + 3)
    if order == 0.0:
        return number_at(address, row) + s * (b + s * (c + s * d))
    if order == 1.0:
        return b + s * (2.0 * c + 3.0 * s * d)
    if order == 2.0:
        return 2.0 * c + 6.0 * s * d
    return 6.0 * d if order == 3.0 else 0.0


@inner
def integral_at(address, x, what, middle):
    """The integral up to x of a signal less `middle`, or of the square of that, between its ends."""
    n = int(number_at(address, 0))
    piece = min(max(piece_of(address, n, x), 1), n)
    s, row = x - time_of(address, piece - 1), HEAD + n + 4 * piece
    a = number_at(address, row) - middle
    b, c, d = number_at(address, row + 1), number_at(address, row + 2), number_at(address, row + 3)
    if s < 0.0:
        b, c, d = 0.0, 0.0, 0.0  # it holds before its first point
    before = number_at(address, HEAD + n + 4 * (n + 1) + what * n + piece - 1)
    if what == AREA:
        return before + s * (a + s * (b / 2.0 + s * (c / 3.0 + s * d / 4.0)))
    q = a * a + s * (
        a * b
        + s
        * (
            (2.0 * a * c + b * b) / 3.0
            + s
            * (
                (a * d + b * c) / 2.0
                + s * ((2.0 * b * d + c * c) / 5.0 + s * (c * d / 3.0 + s * d * d / 7.0))
            )
        )
    )
    return before + s * q
