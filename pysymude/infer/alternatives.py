"""Experiments that could be done: starts, inputs, doses and conditions to choose from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import float_array, label_of, meant, number_of, short
from pysymude.model.period import checked_doses
from pysymude.model.signal import Signal
from pysymude.model.signal_values import signal_values

if TYPE_CHECKING:
    from pysymude.model.system import ODESystem

__all__ = ["KINDS", "Experiments", "Setting", "checked_candidates", "experiments_of"]

KINDS = ("u0", "signals", "doses", "parameters")
"""What experiments can differ by; keywords of `Trajectory.from_arrays`."""

Setting = Mapping[str, Mapping[str, Any]]
"""Those keywords with what they are in one experiment."""

_KEYS = ("t", "observe", *KINDS)
_LISTS = {
    "u0": "[{x: 1.0}, {x: 5.0}], or {x: [1.0, 5.0]}",
    "signals": "[{u: (times, values)}, ...], or {u: {'t': switches, 'levels': [0, 0.5, 1]}}",
    "doses": "[{gut: [(0, 50)]}, {gut: [(0, 20), (6, 30)]}], or {gut: {'t': [0, 6], 'amounts': [0, 50]}}",
    "parameters": "[{T: 280.0}, {T: 300.0}], or {T: [280.0, 300.0]}",
}


@dataclass(frozen=True)
class _Part:
    """One alternative for one thing: all of a keyword, or a number of it."""

    kind: str
    given: Mapping[str, Any]
    piece: tuple[str, float, float] | None = (
        None  # of a signal or doses: name, time, level or amount
    )


@dataclass(frozen=True)
class Experiments:
    """All combinations of what can be chosen.

    Attributes
    ----------
    dimensions : tuple of tuples
        The alternatives for each thing that can be chosen.
    """

    dimensions: tuple[tuple[_Part, ...], ...]

    @property
    def count(self) -> int:
        """How many experiments there are; 1 where nothing can be chosen."""
        return math.prod(len(d) for d in self.dimensions)

    def setting(self, at: Sequence[int]) -> Setting:
        """The experiment with these alternatives, one a dimension."""
        found: dict[str, dict[str, Any]] = {}
        pieces: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for k, dimension in zip(at, self.dimensions, strict=True):
            part = dimension[k]
            here = found.setdefault(part.kind, {})
            here.update(part.given)
            if part.piece is not None:
                name, time, value = part.piece
                pieces.setdefault((part.kind, name), []).append((time, value))
        for (kind, name), several in pieces.items():
            several.sort()
            if kind == "doses":
                found[kind][name] = tuple((t, a) for t, a in several if a != 0)
            else:
                found[kind][name] = tuple(np.array(several).T)
        return found

    def all(self) -> Iterator[Setting]:
        """Every experiment."""
        for at in np.ndindex(*(len(d) for d in self.dimensions)):
            yield self.setting(at)


def checked_candidates(given: Any) -> Mapping[str, Any]:
    """``candidates=`` with known keys, times among them."""
    if not isinstance(given, Mapping) or "t" not in given:
        raise InvalidInputError(
            "candidates takes a mapping such as {'t': np.linspace(0, 10, 101)}, perhaps with "
            f"{', '.join(map(repr, _KEYS[1:]))}; found {short(given)}"
        )
    asked = cast("Mapping[Any, Any]", given)
    for key in asked:
        if key not in _KEYS:
            raise InvalidInputError(
                f"candidates has no {key!r}; it has {', '.join(map(repr, _KEYS))}{meant(str(key), _KEYS)}"
            )
    return asked


def experiments_of(system: ODESystem, given: Mapping[Any, Any]) -> Experiments:
    """The experiments of the entries u0, signals, doses and parameters of ``candidates=``.

    Raises
    ------
    InvalidInputError
        A name that the system does not have, or something that is no list of alternatives.
    """
    known: dict[str, list[str]] = {
        "u0": [x.name for x in system.states],
        "doses": [x.name for x in system.states],
        "signals": [s.name for s in system.signals],
        "parameters": [p.name for p in (*system.parameters, *system.symbolic_parameters)],
    }
    found: list[tuple[_Part, ...]] = []
    for kind in KINDS:
        if kind not in given:
            continue
        here = _dimensions(kind, given[kind])
        for part in (part for dimension in here for part in dimension):
            for name in (*part.given, *([part.piece[0]] if part.piece else ())):
                if name not in known[kind]:
                    raise InvalidInputError(
                        f"candidates[{kind!r}] names {name!r}; the system has "
                        f"{', '.join(known[kind]) or 'none'}{meant(name, known[kind])}"
                    )
        found += here
    return Experiments(tuple(found))


def _dimensions(kind: str, given: Any) -> list[tuple[_Part, ...]]:
    if isinstance(given, list | tuple) and given:
        entries = cast("Sequence[Any]", given)
        if all(isinstance(entry, Mapping) for entry in entries):
            return [tuple(_Part(kind, _one(kind, entry)) for entry in entries)]
    if isinstance(given, Mapping) and given:
        entries = cast("Mapping[Any, Any]", given)
        return [d for key, several in entries.items() for d in _grid(kind, key, several)]
    raise InvalidInputError(
        f"candidates[{kind!r}] takes alternatives, {_LISTS[kind]}; found {short(given)}"
    )


def _one(kind: str, given: Mapping[Any, Any]) -> dict[str, Any]:
    """One alternative as `Trajectory` keeps it."""
    what = f"candidates[{kind!r}]"
    if kind == "signals":
        return {n: (v.times, v.values) for n, v in signal_values(given, what=what).items()}
    if kind == "doses":
        return dict(checked_doses(given))
    return {label_of(k): number_of(v, what=f"{what}[{label_of(k)!r}]") for k, v in given.items()}


def _grid(kind: str, key: Any, several: Any) -> list[tuple[_Part, ...]]:
    """One dimension for the values of a number, or one for each piece of a control or time of a dose."""
    name, what = label_of(key), f"candidates[{kind!r}][{label_of(key)!r}]"
    if kind in ("u0", "parameters"):
        values = _numbers(several, what)
        return [tuple(_Part(kind, {name: float(v)}) for v in values)]
    inner = "levels" if kind == "signals" else "amounts"
    if not isinstance(several, Mapping) or set(several) != {"t", inner}:
        raise InvalidInputError(
            f"{what} takes {{'t': times, {inner!r}: values}}, which means each value at each time; for "
            f"single alternatives write candidates[{kind!r}] as a list; found {short(several)}"
        )
    entries = cast("Mapping[str, Any]", several)
    times, values = (_numbers(entries[k], f"{what}[{k!r}]") for k in ("t", inner))
    if isinstance(key, Signal):
        signal_values({key: (times, np.zeros(times.size))}, what=what)
    return [tuple(_Part(kind, {}, (name, float(t), float(v))) for v in values) for t in times]


def _numbers(given: Any, what: str) -> NDArray[np.float64]:
    found = float_array(given, what=what)
    if found.ndim != 1 or not found.size or not np.isfinite(found).all():
        raise InvalidInputError(f"{what} takes a list of numbers; found {short(given)}")
    if what.endswith("['t']") and (np.diff(found) <= 0).any():
        raise InvalidInputError(f"{what} must ascend; found {short(given)}")
    return found
