"""Tables: signals as pieces of polynomials, laid out as engines read them.

Among the parameters of an experiment stands the number of each table that it reads, which is made of what is in
it, and equal in every process. An engine gets the address in its place, so that a signal of any length takes one
word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.model.signal import Signal
from pysymude.model.signal_values import SignalValues

__all__ = ["HEAD", "Table", "domain_of", "monotone_slopes", "numbered", "piecewise", "table_of"]

Float = NDArray[np.float64]

HEAD = 8
"""Numbers before a table's times: points, the ends of its domain, least and greatest value, three to spare."""

_SLACK = 1e-9  # of the span: how far rounding may lead beyond the ends


@dataclass(frozen=True, eq=False)
class Table:
    """A piecewise polynomial of degree 3 at most.

    Attributes
    ----------
    times : float64, shape (n,)
        Where pieces begin, strictly ascending.
    rows : float64, shape (n + 1, 4)
        Coefficients of each piece, by ascending powers of what has passed since it began; the first is that
        before ``times[0]``, in powers of the distance to it.
    low, high : float
        Where it is defined; elsewhere it is NaN.
    number : float
        By which parameters name it.
    """

    times: Float
    rows: Float
    low: float
    high: float
    number: float

    @cached_property
    def packed(self) -> Float:
        """One array: `HEAD` numbers, times, rows, integrals up to each time.

        The integrals are those of the table less the middle of its range, and of the square of that.
        """
        n, inner = len(self.times), self.rows[1:-1]
        least, greatest = self.range
        middle = 0.5 * (least + greatest)
        c = inner.copy()
        c[:, 0] -= middle
        d = np.diff(self.times)
        area = sum(c[:, k] * d ** (k + 1) / (k + 1) for k in range(4))
        square = sum(
            c[:, j] * c[:, k] * d ** (j + k + 1) / (j + k + 1) for j in range(4) for k in range(4)
        )
        head = np.array([n, self.low, self.high, least, greatest, 0.0, 0.0, 0.0])
        sums = [np.append(0.0, np.cumsum(a)) if n > 1 else np.zeros(n) for a in (area, square)]
        return np.concatenate([head, self.times, self.rows.ravel(), *sums])

    @property
    def address(self) -> int:
        """Where `packed` lies in memory."""
        return int(self.packed.ctypes.data)

    @cached_property
    def range(self) -> tuple[float, float]:
        """The least and the greatest value at the ends of pieces."""
        d = np.append(np.diff(self.times), 0.0)
        ends = sum(self.rows[1:, k] * d**k for k in range(4))
        every = np.concatenate([self.rows[:, 0], np.atleast_1d(ends)])
        return float(every.min()), float(every.max())

    def evaluate(self, x: Float, order: int = 0) -> Float:
        """Its derivative of an order at `x`, of any shape; NaN where it is not defined."""
        piece = np.searchsorted(self.times, x, side="right")
        s = x - self.times[np.maximum(piece - 1, 0)]
        found = np.zeros(np.shape(x))
        for k in range(3, order - 1, -1):
            factor = np.prod(np.arange(k - order + 1, k + 1))
            found = found * s + factor * self.rows[piece, k]
        return np.where((x >= self.low) & (x <= self.high), found, np.nan)


_KNOWN: WeakValueDictionary[float, Table] = WeakValueDictionary()


def numbered(number: float) -> Table:
    """The table of that number.

    Raises
    ------
    InvalidInputError
        Whoever gave its points holds them no more.
    """
    found = _KNOWN.get(float(number))
    if found is None:
        raise InvalidInputError(
            "the points of a signal are not there any more; keep the data or the SignalValues they came with"
        )
    return found


def _number(*parts: object) -> float:
    """A whole number of 48 bits, which float64 holds exactly."""
    digest = hashlib.blake2b(digest_size=6)
    for part in parts:
        digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return float(int.from_bytes(digest.digest(), "big"))


def _made(number: float, make: Callable[[float], Table]) -> Table:
    """One table a number."""
    found = _KNOWN.get(number)
    if found is None:
        found = _KNOWN[number] = make(number)
    return found


def piecewise(times: Float, rows: Float, low: float, high: float) -> Table:
    """A table of these pieces."""
    number = _number(times, rows, low, high)
    return _made(number, lambda n: Table(times, rows, low, high, n))


def table_of(signal: Signal, values: SignalValues) -> Table:
    """The pieces of a signal at points that are numbers; as long as `values`, it is kept."""
    if signal not in values.made:
        number = _number(signal.kind, signal.extrapolate, values.times, values.values)
        values.made[signal] = _made(number, lambda n: _table(signal, values, n))
    return values.made[signal]


def _table(signal: Signal, values: SignalValues, number: float) -> Table:
    t = values.times
    y = np.asarray(values.values, dtype=np.float64)
    rows = np.zeros((len(t) + 1, 4))
    rows[0, 0] = y[0]
    rows[1:, 0] = y
    if signal.kind != "previous":
        h = np.diff(t)
        slope = np.diff(y) / h
        rows[1:-1, 1] = slope
        if signal.kind == "cubic":
            d = monotone_slopes(h, slope)
            rows[1:-1, 1] = d[:-1]
            rows[1:-1, 2] = (3 * slope - 2 * d[:-1] - d[1:]) / h
            rows[1:-1, 3] = (d[:-1] + d[1:] - 2 * slope) / h**2
    return Table(t, rows, *domain_of(signal, t), number)


def domain_of(signal: Signal, t: Float) -> tuple[float, float]:
    """Where a signal is defined: its last value holds where each value does until the next."""
    slack = _SLACK * max(float(t[-1] - t[0]), abs(float(t[0])))
    low, high = float(t[0]) - slack, float(t[-1]) + slack
    if signal.extrapolate:
        return -np.inf, np.inf
    return low, np.inf if signal.kind == "previous" else high


def monotone_slopes(h: Float, m: Float) -> Float:
    """Slopes at the points of a monotone cubic, from the lengths and slopes of its chords.

    Fritsch and Butland, SIAM J. Sci. Stat. Comput. 5 (1984), eq. (2.4); at the ends three points with the
    shape kept, as in Moler, Numerical Computing with MATLAB, sec. 3.6.
    """
    if len(h) == 1:
        return np.array([m[0], m[0]])
    before, after = m[:-1], m[1:]
    w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    one_way = before * after > 0
    with np.errstate(all="ignore"):
        mean = (w1 + w2) / (w1 / before + w2 / after)
    inner = np.where(one_way, mean, 0.0)
    ends = [_end_slope(h[0], h[1], m[0], m[1]), _end_slope(h[-1], h[-2], m[-1], m[-2])]
    return np.concatenate([ends[:1], inner, ends[1:]])


def _end_slope(h0: float, h1: float, m0: float, m1: float) -> float:
    d = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    if d * m0 <= 0:
        return 0.0
    return 3 * m0 if m0 * m1 <= 0 and abs(d) > 3 * abs(m0) else d
