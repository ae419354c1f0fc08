"""What experiments say by expressions, as plain text and numbers that any file can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

from pysymude.model.copies import expressions_from_text, expressions_to_text
from pysymude.model.period import Given, Period
from pysymude.model.trajectory import Trajectory

__all__ = [
    "changes_from_text",
    "changes_to_text",
    "given_from_text",
    "given_to_text",
    "period_from_text",
    "period_to_text",
]


def given_to_text(values: Sequence[Given]) -> dict[str, Any]:
    """Numbers and expressions as JSON: ``numbers``, None where there is an expression; and their text."""
    exprs = [v for v in values if isinstance(v, sp.Expr)]
    # infinities are no JSON
    numbers = [None if isinstance(v, sp.Expr) else repr(v) for v in values]
    if not exprs:
        return {"numbers": numbers}
    text, facts = expressions_to_text(exprs)
    return {"numbers": numbers, "text": text, "facts": facts}


def given_from_text(told: Mapping[str, Any]) -> list[Given]:
    """The inverse of `given_to_text`."""
    exprs = iter(expressions_from_text(told["text"], told["facts"]) if "text" in told else ())
    return [next(exprs) if number is None else float(number) for number in told["numbers"]]


def period_to_text(period: Period) -> tuple[dict[str, Any], list[str], list[str], bool]:
    """A period as JSON: its values, the names of what it sets and of its parameters, whether it follows rest."""
    values = [period.start, *period.set.values(), *period.parameters.values()]
    return given_to_text(values), list(period.set), list(period.parameters), period.rest


def period_from_text(
    told: Mapping[str, Any], changed: Sequence[str], named: Sequence[str], rest: bool = False
) -> Period:
    """The inverse of `period_to_text`."""
    start, *values = given_from_text(told)
    states, parameters = values[: len(changed)], values[len(changed) :]
    return Period(
        start,
        set=dict(zip(changed, states, strict=True)),
        parameters=dict(zip(named, parameters, strict=True)),
        rest=rest,
    )


def changes_to_text(trajectory: Trajectory) -> dict[str, Any]:
    """Starts, parameters, periods and doses of an experiment as JSON; numbers as they are where all are."""
    found: dict[str, Any] = {}
    for name in ("u0", "parameters"):
        values = dict(getattr(trajectory, name))
        plain = all(isinstance(v, float) for v in values.values())
        found[name] = values if plain else [list(values), given_to_text(list(values.values()))]
    if trajectory.periods:
        found["periods"] = [list(period_to_text(period)) for period in trajectory.periods]
    if trajectory.doses:
        flat = {k: [v for pair in pairs for v in pair] for k, pairs in trajectory.doses.items()}
        found["doses"] = {k: given_to_text(values) for k, values in flat.items()}
    return found


def changes_from_text(told: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords of `Trajectory.from_arrays`, from what `changes_to_text` made."""
    found: dict[str, Any] = {}
    for name in ("u0", "parameters"):
        values = told[name]
        if isinstance(values, list):
            keys, text = values
            values = dict(zip(keys, given_from_text(text), strict=True))
        found[name] = values or None
    found["periods"] = [period_from_text(*parts) for parts in told.get("periods", ())]
    flat = {k: given_from_text(text) for k, text in told.get("doses", {}).items()}
    found["doses"] = {k: list(zip(v[::2], v[1::2], strict=True)) for k, v in flat.items()}
    return found
