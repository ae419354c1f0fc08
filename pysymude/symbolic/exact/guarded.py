"""Operations on polynomials of flint whose cost is estimated before: they cannot be interrupted.

A call that finds no memory ends the process, so what would not fit is not begun.
"""

from __future__ import annotations

from typing import Any

from pysymude.symbolic import effort

__all__ = ["gcd", "power", "product", "quotient", "remainder"]

_SMALL = 10_000  # products of terms, which need no estimate
_MUCH = 8.0  # steps of a pair of terms in a greatest common divisor
_AGAIN = 4.0  # and in a division
_SPREAD = 8  # terms that may take the place of one


def product(a: Any, b: Any) -> Any:
    """a b."""
    pairs = len(a) * len(b)
    if pairs > _SMALL:
        effort.afford(pairs, min(pairs, _dense(a, b)))
    return a * b


def power(a: Any, n: int) -> Any:
    """a to a power that is not negative."""
    terms = len(a)
    if n > 1 and terms > 1:
        # the terms of a power of a sum of independent variables, or of a dense polynomial
        count, k = 1.0, 1
        while k < terms and count < 1e12:
            count *= (n + k) / k
            k += 1
        dense = 1.0
        for d in a.degrees():
            dense *= int(d) * n + 1
        count = min(count, dense)
        if count * terms > _SMALL:
            # coefficients grow, too
            effort.afford(count * terms * (1 + n / 20), count * (1 + n / 20))
    return a**n


def gcd(a: Any, b: Any) -> Any:
    """The greatest common divisor."""
    pairs = len(a) * len(b)
    if pairs > _SMALL:
        effort.afford(_MUCH * pairs, len(a) + len(b))
    return a.gcd(b)


def quotient(a: Any, b: Any) -> Any:
    """a / b without the remainder."""
    return _divided(a, b)[0]


def remainder(a: Any, b: Any) -> Any:
    """What is left of a on division by b."""
    return _divided(a, b)[1]


def _divided(a: Any, b: Any) -> Any:
    pairs = len(a) * len(b)
    if pairs > _SMALL:
        # what takes the place of a power may have to be divided again
        effort.afford(_AGAIN * pairs, len(a) * min(len(b), _SPREAD))
    return divmod(a, b)


def _dense(a: Any, b: Any) -> float:
    count = 1.0
    for d, e in zip(a.degrees(), b.degrees(), strict=True):
        count *= int(d) + int(e) + 1
    return count
