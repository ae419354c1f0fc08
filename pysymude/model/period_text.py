"""What experiments say by expressions, as plain text and numbers that any file can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

from pysymude.model.copies import expressions_from_text, expressions_to_text
from pysymude.model.period import Given, Period

__all__ = ["given_from_text", "given_to_text", "period_from_text", "period_to_text"]


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


def period_to_text(period: Period) -> tuple[dict[str, Any], list[str], list[str]]:
    """A period as JSON: its values, and the names of what it sets and of its parameters."""
    values = [period.start, *period.set.values(), *period.parameters.values()]
    return given_to_text(values), list(period.set), list(period.parameters)


def period_from_text(
    told: Mapping[str, Any], changed: Sequence[str], named: Sequence[str]
) -> Period:
    """The inverse of `period_to_text`."""
    start, *values = given_from_text(told)
    states, parameters = values[: len(changed)], values[len(changed) :]
    return Period(
        start,
        set=dict(zip(changed, states, strict=True)),
        parameters=dict(zip(named, parameters, strict=True)),
    )
