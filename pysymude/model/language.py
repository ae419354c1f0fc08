"""The words of expressions as text: functions, forms and constants, and the names that they leave."""

from __future__ import annotations

from typing import Any

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.symbols import check_name, t

__all__ = ["CONSTANTS", "FORMS", "FUNCTIONS", "check_called_name", "check_own_name"]


def _sigmoid(z: Any) -> Any:
    return 1 / (1 + sp.exp(-z))


_OF_ONE = "sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh exp log sqrt sign erf"

FUNCTIONS: dict[str, tuple[Any, int, int]] = {
    **{name: (getattr(sp, name), 1, 1) for name in _OF_ONE.split()},
    "abs": (sp.Abs, 1, 1),
    "sigmoid": (_sigmoid, 1, 1),
    "atan2": (sp.atan2, 2, 2),
    "heaviside": (sp.Heaviside, 1, 2),
    "min": (sp.Min, 1, 8),
    "max": (sp.Max, 1, 8),
}
"""Functions by the name that a text uses: what builds them, fewest and most arguments."""

FORMS = ("where", "D")  # calls with a condition, with the number of an input

CONSTANTS: dict[str, Any] = {"pi": sp.S.Pi}


def check_own_name(name: str, *, what: str) -> str:
    """`name` itself if it is a plain identifier and not that of time.

    Raises
    ------
    InvalidInputError
        It is no identifier, or ``t``.
    """
    if check_name(name, what=what) == t.name:
        raise InvalidInputError(f"{what} must not be 't', which is time (psu.t): write t_")
    return name


def check_called_name(name: str, *, what: str) -> str:
    """`name` itself if a text may call it, as ``name(t)``, and mean nothing else.

    A state, a parameter or a network may be called ``max``, since ``max(...)`` stays the function.

    Raises
    ------
    InvalidInputError
        It is no identifier, time, or a function of the language.
    """
    if check_own_name(name, what=what) in FUNCTIONS or name in FORMS:
        raise InvalidInputError(
            f"{what} must not be {name!r}: in model files and saved fits {name}(...) is a function of the "
            f"language of expressions, so {name}(t) would have two meanings. Write {name}_, or a longer name"
        )
    return name
