"""Values of parameters modulo a prime, such that the roots that stand for parameters are roots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pysymude.errors import DerivationError
from pysymude.symbolic.exact.normal_form import NormalForm

__all__ = ["parameter_values", "root_modulo"]

_DRAWS = 500


def parameter_values(form: NormalForm, p: int, draw: Callable[[], int]) -> dict[Any, int]:
    """One residue for each parameter; `draw` gives random ones other than 0.

    Raises
    ------
    DerivationError
        There is hardly any point at which all roots of parameters exist.
    """
    for _ in range(_DRAWS):
        found: dict[Any, int] = {}
        for c in form.of_kind("parameter"):
            value = draw() if c.base is None else root_modulo(_value(c.base, found, p), c.order, p)
            if value is None:
                break
            found[c.symbol] = value
        else:
            return found
    raise DerivationError("no parameters could be drawn for which all roots of the system exist")


def root_modulo(base: int, order: int, p: int) -> int | None:
    """A root modulo p = 3 mod 4, itself a square where the order is even; None where there is none."""
    found, odd = base % p, order
    while odd % 2 == 0:
        found, odd = pow(found, (p + 1) // 4, p), odd // 2
    if odd > 1:
        found = pow(found, pow(odd, -1, p - 1), p)
    return found if found and pow(found, order, p) == base % p else None


def _value(expr: Any, values: dict[Any, int], p: int) -> int:
    """A polynomial in parameters."""
    if expr.is_Symbol:
        return values[expr]
    if expr.is_Rational:
        return int(expr.p) * pow(int(expr.q), -1, p) % p
    if expr.is_Pow:
        return pow(_value(expr.base, values, p), int(expr.exp), p)
    total = 0 if expr.is_Add else 1
    for part in expr.args:
        value = _value(part, values, p)
        total = (total + value if expr.is_Add else total * value) % p
    return total
