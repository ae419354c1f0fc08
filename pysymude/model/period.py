"""`Period`: from a time on, other parameter values and a changed state; and doses, which are such changes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.coerce import by_name, name_of, number_of, short
from pysymude.model.symbols import t

__all__ = [
    "Doses",
    "Given",
    "Period",
    "checked_doses",
    "checked_periods",
    "given_value",
    "given_values",
]

Given = float | sp.Expr
"""A number, or an expression of what is learned."""

Doses = Mapping[str, tuple[tuple[Given, Given], ...]]
"""Times and amounts by state."""


@dataclass(frozen=True, init=False, eq=False)
class Period:
    """A part of an experiment that begins at `start` and lasts until the next one.

    What was measured at `start` itself was measured after the change.

    Parameters
    ----------
    start : float or SymPy expression
        In the unit of time. ``-numpy.inf``: the state has come to rest before the next period begins. An
        expression of trainable parameters, such as a lag, is learned with them.
    set : mapping from state to SymPy expression, optional
        What states become at `start`, all at once: expressions of states just before it, of parameters,
        networks and ``psu.t``. Other states go on.
    parameters : mapping from symbol or name to float or SymPy expression, optional
        Values during this period alone; others are those of the experiment.
    rest : bool
        Whether the state comes to rest before this period begins, in the values of the period before and from the
        state that it had at `start`.

    Raises
    ------
    InvalidInputError
        A start, a value or a name that is none.

    Examples
    --------
    >>> import pysymude as psu
    >>> gut, k = psu.states("gut"), psu.parameters("k")
    >>> psu.Period(24.0, set={gut: gut + 100}, parameters={k: 0.5})
    Period(24.0, set={gut: gut + 100}, parameters={k: 0.5})
    """

    start: Given
    set: Mapping[str, sp.Expr]
    parameters: Mapping[str, Given]
    rest: bool

    @explained
    def __init__(
        self,
        start: Any,
        *,
        set: Mapping[Any, Any] = MappingProxyType({}),  # noqa: A002
        parameters: Mapping[Any, Any] = MappingProxyType({}),
        rest: bool = False,
    ) -> None:
        object.__setattr__(self, "start", _start(start))
        changes = given_values(set, what="set")
        found = {name: sp.sympify(value, strict=True) for name, value in changes.items()}
        object.__setattr__(self, "set", MappingProxyType(found))
        values = given_values(parameters, what="parameters")
        object.__setattr__(self, "parameters", MappingProxyType(values))
        if not isinstance(rest, bool):
            raise InvalidInputError(f"Period: rest must be True or False; found {rest!r}")
        object.__setattr__(self, "rest", rest)
        if self.rest and (self.is_steady or isinstance(self.start, sp.Expr)):
            raise InvalidInputError(
                f"a Period with rest=True begins at a time that is a number; found {self.start}"
            )
        if self.is_steady and found:
            raise InvalidInputError(
                "a Period that begins at -inf has no instant at which set= could act; give the state from "
                "which it comes to rest as u0="
            )

    @property
    def is_steady(self) -> bool:
        """Whether it begins at -inf, and the state has come to rest at its end."""
        return self.start == -math.inf

    @property
    def names(self) -> tuple[str, ...]:
        """The states and parameters that it names."""
        return (*self.set, *self.parameters)

    def __repr__(self) -> str:
        parts = [str(self.start)]
        for what in ("set", "parameters"):
            values = getattr(self, what)
            if values:
                parts.append(f"{what}={{{', '.join(f'{k}: {v}' for k, v in values.items())}}}")
        parts += ["rest=True"] if self.rest else []
        return f"Period({', '.join(parts)})"

    def __reduce__(self) -> tuple[Any, ...]:
        # the text of expressions, so that no pickle of ours needs SymPy's
        from pysymude.model.period_text import period_from_text, period_to_text

        return period_from_text, period_to_text(self)


def given_value(value: Any, *, what: str) -> Given:
    """A finite number, or an expression that is real and has something free in it.

    Raises
    ------
    InvalidInputError
        Something infinite, or neither.
    """
    if not isinstance(value, sp.Expr) or value.is_number:
        return number_of(value, what=what)
    if value.has(sp.nan, sp.oo, -sp.oo, sp.zoo, sp.I, sp.Derivative):
        raise InvalidInputError(f"{what} must be real and finite; found {value}")
    return value


def given_values(values: Any, *, what: str) -> dict[str, Given]:
    """A mapping from symbols or names to numbers or expressions, as a dict by name."""
    return by_name(values, given_value, what=what)


def _start(start: Any) -> Given:
    if isinstance(start, (float, np.floating)) and start == -math.inf:
        return -math.inf
    found = given_value(start, what="the start of a Period")
    if isinstance(found, sp.Expr) and found.has(t):
        raise InvalidInputError(f"the start of a Period is a time; found {found}, which contains t")
    return found


def checked_periods(periods: Any) -> tuple[Period, ...]:
    """Periods as a tuple, their numbers strictly ascending.

    Raises
    ------
    InvalidInputError
        Something else, or starts that do not ascend.
    """
    if periods is None:
        return ()
    periods = (periods,) if isinstance(periods, Period) else periods
    if not isinstance(periods, Sequence) or isinstance(periods, str):
        raise InvalidInputError(
            f"periods= takes psu.Period(start, ...) in a list; found {short(periods)}"
        )
    found = tuple(cast("Sequence[Any]", periods))
    last = None
    for period in found:
        if not isinstance(period, Period):
            raise InvalidInputError(
                f"periods= takes psu.Period(start, ...) in a list; found {short(period)} in it"
            )
        if isinstance(period.start, sp.Expr):
            continue
        if last is not None and not period.start > last:
            raise InvalidInputError(
                f"the periods must ascend; found one that starts at {period.start:g} after one at {last:g}"
            )
        last = period.start
    if found and found[-1].is_steady:
        raise InvalidInputError(
            "the last period begins at -inf: state rests, and nothing begins after it; add the period that "
            "is measured, such as psu.Period(0.0)"
        )
    return found


def checked_doses(doses: Any) -> dict[str, tuple[tuple[Given, Given], ...]]:
    """Doses by state, each in the order given.

    Raises
    ------
    InvalidInputError
        Something that is no list of (time, amount), or two doses of a state at one time.
    """
    if doses is None:
        return {}
    if not isinstance(doses, Mapping):
        raise InvalidInputError(
            f"doses= takes a mapping such as {{gut: [(0.0, 100.0)]}}; found {short(doses)}"
        )
    found: dict[str, tuple[tuple[Given, Given], ...]] = {}
    for key, several in cast("Mapping[object, Any]", doses).items():
        name = name_of(key, what="doses")
        if name in found:
            raise InvalidInputError(f"doses names {name!r} twice, as a symbol and as a string")
        found[name] = tuple(_pairs(name, several))
    return found


def _pairs(name: str, several: Any) -> Iterable[tuple[Given, Given]]:
    wrong = (
        f"doses[{name!r}] must be (time, amount) pairs such as [(0.0, 100.0), (12.0, 50.0)]; found "
        f"{short(several)}"
    )
    if isinstance(several, (str, Mapping)) or not isinstance(several, Iterable):
        raise InvalidInputError(wrong)
    seen: set[float] = set()
    for pair in several:
        if isinstance(pair, (str, Mapping)) or not isinstance(pair, Iterable):
            raise InvalidInputError(wrong)
        entries = tuple(pair)
        if len(entries) != 2:
            raise InvalidInputError(wrong)
        time = given_value(entries[0], what=f"a time in doses[{name!r}]")
        amount = given_value(entries[1], what=f"an amount in doses[{name!r}]")
        if isinstance(time, float):
            if time in seen:
                raise InvalidInputError(
                    f"doses[{name!r}] has two doses at {time:g}; add their amounts"
                )
            seen.add(time)
        yield time, amount
