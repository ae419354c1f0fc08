"""What users pass, as plain names, finite numbers and float64 arrays; errors name the argument."""

from __future__ import annotations

import contextlib
import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeAlias, TypeVar, cast

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.model.symbols import check_name, t

__all__ = [
    "FloatArray",
    "Name",
    "by_name",
    "check_effort",
    "close_matches",
    "float_array",
    "is_list_of_several",
    "label_of",
    "meant",
    "name_of",
    "names_of",
    "number_of",
    "numbers_by_name",
    "one_each",
    "real_expression",
    "short",
]

FloatArray: TypeAlias = NDArray[np.float64]
Name: TypeAlias = str | sp.Symbol
"""A state, parameter or observable: a SymPy symbol or its name."""

Read = TypeVar("Read", covariant=True)

_SEVERAL = (str, list, tuple, Mapping)


def name_of(value: object, *, what: str) -> str:
    """The name of a symbol or string, checked to be a plain identifier other than time.

    Parameters
    ----------
    value : SymPy symbol or str
    what : str
        The argument, for the message.

    Raises
    ------
    InvalidInputError
        `value` is neither, is no plain identifier, or is the name of time.
    """
    if not isinstance(value, str | sp.Symbol):
        raise InvalidInputError(
            f"{what} takes SymPy symbols or strings; found {value!r} of type {type(value).__name__}"
        )
    name = value if isinstance(value, str) else str(cast("Any", value).name)
    if len(parts := name.replace(",", " ").split()) > 1:
        raise InvalidInputError(f"{what} takes one name each; found {name!r}: write {parts!r}")
    if check_name(name, what=f"a name in {what}") == t.name:
        raise InvalidInputError(f"{what} must not contain 't': that name is time")
    return name


def label_of(key: Any) -> str:
    """What a symbol, a network or a string is called, whatever that is; `name_of` checks it."""
    return key if isinstance(key, str) else str(getattr(key, "name", key))


def names_of(values: Any, *, what: str) -> tuple[str, ...]:
    """The names of one symbol or string, or of several in their order, each at most once.

    Raises
    ------
    InvalidInputError
        There is no name, a name twice, a mapping, or something that is no name.
    """
    if isinstance(values, str | sp.Symbol):
        return (name_of(values, what=what),)
    if isinstance(values, Mapping) or not isinstance(values, Iterable):
        raise InvalidInputError(
            f"{what} takes a symbol, a string or a list of them; found {short(values)}"
        )
    names = tuple(name_of(value, what=what) for value in cast("Iterable[object]", values))
    if not names:
        raise InvalidInputError(f"{what} is empty: name at least one")
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise InvalidInputError(f"{what} names {twice[0]!r} twice: {', '.join(names)}")
    return names


def number_of(value: Any, *, what: str) -> float:
    """`value` as a finite float.

    Raises
    ------
    InvalidInputError
        It is a bool, a string, an array, complex, NaN or infinite.
    """
    # float() would take True, "1.5" and arrays of one entry, which are slips in this place
    number: float | None = None
    if not isinstance(value, bool | str | bytes) and getattr(value, "ndim", 0) == 0:
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            number = float(value)
    if number is None or getattr(value, "dtype", None) == np.bool_:
        raise InvalidInputError(f"{what} must be a number; found {short(value)}")
    if not math.isfinite(number):
        raise InvalidInputError(f"{what} must be finite; found {number}")
    return number


def check_effort(
    degree: object, budget: object, *, least: int, max_memory: object = math.inf
) -> None:
    """An error unless `degree` is None or a whole number from `least` on, and the bounds positive."""
    if degree is not None and (
        isinstance(degree, bool) or not isinstance(degree, int) or degree < least
    ):
        raise InvalidInputError(f"degree must be a whole number, {least} or more; found {degree!r}")
    # infinity is welcome
    if isinstance(budget, bool) or not isinstance(budget, int | float) or not budget > 0:
        raise InvalidInputError(f"budget must be a positive number of seconds; found {budget!r}")
    if (
        isinstance(max_memory, bool)
        or not isinstance(max_memory, int | float)
        or not max_memory > 0
    ):
        raise InvalidInputError(
            f"max_memory must be a positive number of bytes; found {max_memory!r}"
        )


def numbers_by_name(values: Any, *, what: str) -> dict[str, float]:
    """A mapping from symbols or names to numbers, as a dict from names to finite floats.

    Raises
    ------
    InvalidInputError
        It is no mapping, a key is no name, a value is no finite number, or a name comes twice.
    """
    return by_name(values, number_of, what=what)


class Reader(Protocol[Read]):
    """Makes of a user's value what is meant; `what` names it in messages."""

    def __call__(self, value: Any, *, what: str) -> Read: ...


def by_name(values: Any, read: Reader[Read], *, what: str) -> dict[str, Read]:
    """A mapping from symbols or names to values, as a dict from names to what `read` makes of each.

    Raises
    ------
    InvalidInputError
        It is no mapping, a key is no name, or a name comes twice; and what `read` raises.
    """
    if not isinstance(values, Mapping):
        raise InvalidInputError(f"{what} takes a mapping such as {{x: 1.0}}; found {short(values)}")
    found: dict[str, Read] = {}
    for key, value in cast("Mapping[object, object]", values).items():
        name = name_of(key, what=what)
        if name in found:
            raise InvalidInputError(f"{what} names {name!r} twice, as a symbol and as a string")
        found[name] = read(value, what=f"{what}[{name!r}]")
    return found


def float_array(values: object, *, what: str) -> FloatArray:
    """`values` as a new float64 array of its own shape; masked entries and None become NaN.

    Raises
    ------
    InvalidInputError
        Not an array of real numbers: ragged, text, dates, booleans, complex.
    """
    if type(values) is np.ndarray and values.dtype == np.float64:
        return values.copy()
    if type(values).__module__.startswith("jax") and str(getattr(values, "dtype", "")) == "float32":
        # JAX computes in half the digits unless it is told otherwise, which shows nowhere
        raise InvalidInputError(
            f"{what} is a float32 array of JAX, whose digits end after the seventh; set jax_enable_x64, or "
            "write np.asarray(a, dtype=np.float64) where that is meant"
        )
    try:
        array = _filled(values)
        if array.dtype.kind == "O":
            entries = [_entry(entry) for entry in array.ravel().tolist()]
            return np.array(entries, np.float64).reshape(array.shape)
        if array.dtype.kind in "iuf":
            return array.astype(np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidInputError(f"{what} must be an array of numbers: {error}") from None
    raise InvalidInputError(f"{what} must be an array of numbers; found dtype {array.dtype}")


def _entry(entry: Any) -> float:
    """A number of an array of objects; None and what pandas has for a missing value are NaN."""
    if isinstance(entry, str | bytes | bool | np.bool_):
        raise TypeError(f"found {entry!r} among numbers")
    return (
        math.nan if entry is None or type(entry).__name__ in ("NAType", "NaTType") else float(entry)
    )


def _filled(values: object) -> NDArray[Any]:
    # np.asarray would return the data under a mask, as if it had been measured
    if isinstance(values, np.ma.MaskedArray):
        return cast("Any", values).astype(np.float64).filled(np.nan)
    return np.asarray(values)


def is_list_of_several(value: object) -> bool:
    """Whether it is a list of arrays, mappings or names, and not one vector of numbers."""
    if not isinstance(value, list | tuple) or not value:
        return False
    items = cast("Iterable[Any]", value)
    return all(v is None or isinstance(v, _SEVERAL) or getattr(v, "ndim", 0) for v in items)


def one_each(value: object, n: int, *, what: str) -> list[Any]:
    """The `n` entries of a list of several; anything else, `n` times.

    Raises
    ------
    InvalidInputError
        The list has another length.
    """
    if not is_list_of_several(value):
        return [value] * n
    entries = list(cast("Iterable[Any]", value))
    if len(entries) != n:
        raise InvalidInputError(
            f"{what} must have one entry for each of the {n} arrays in t; found {len(entries)}"
        )
    return entries


def close_matches(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: what it may have meant, or all that is known."""
    known = sorted(known)
    if close := difflib.get_close_matches(name, known, n=3):
        return f"did you mean {' or '.join(close)}?"
    return f"known are {', '.join(known)}" if known else "nothing is known by name here"


def meant(name: str, known: Iterable[str]) -> str:
    """The end of a message that has named all that is known: what an unknown name may have meant."""
    close = difflib.get_close_matches(name, sorted(known), n=3)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def short(value: Any, length: int = 80) -> str:
    """`value` on one short line, with its type and shape."""
    text = " ".join(repr(value).split())
    text = text if len(text) <= length else text[: length - 3] + "..."
    shape = f", shape {value.shape}" if hasattr(value, "shape") else ""
    return f"{text} ({type(value).__name__}{shape})"


def _output(value: Any) -> str:
    """What to write for a network in the place of one of its outputs, and for a signal in that of its value."""
    kind = type(value).__name__
    if kind == "Signal":
        return f": write {value.name}(psu.t)"
    return f": write {value!r}[0]" if kind == "MLP" else ""


def real_expression(value: Any, what: str) -> sp.Expr:
    """`value` as a finite real SymPy expression; numbers allowed, text refused."""
    if isinstance(value, str):
        raise InvalidInputError(
            f"{what} is the text {value!r}; write it with SymPy symbols, or keep the model in a TOML "
            "file and read it with ODESystem.from_toml"
        )
    if isinstance(value, bool) or not isinstance(value, (sp.Expr, int, float, np.number)):
        raise InvalidInputError(
            f"{what} must be a SymPy expression; found {value!r} of type {type(value).__name__}{_output(value)}"
        )
    found = cast("sp.Expr", sp.sympify(value, strict=True))
    # one walk for what is nearly always right
    if found.has(sp.nan, sp.oo, -sp.oo, sp.zoo, sp.I, sp.Derivative):
        if found.has(sp.Derivative):
            raise InvalidInputError(
                f"{what} contains a derivative, {found}; use ODESystem.from_equations"
            )
        raise InvalidInputError(f"{what} must be real and finite; found {found}")
    return found
