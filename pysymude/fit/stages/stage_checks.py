"""Checks on the arguments of stages."""

from __future__ import annotations

from typing import Any

from pysymude.errors import InvalidInputError

__all__ = ["check_counts", "check_horizon", "check_positive"]


def check_positive(stage: Any, *names: str) -> None:
    """An error unless these are positive numbers."""
    for name in names:
        value = getattr(stage, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise _wrong(stage, name, "a positive number")


def check_counts(stage: Any, *names: str) -> None:
    """An error unless these are positive whole numbers."""
    for name in names:
        value = getattr(stage, name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not value > 0 or value != int(value):
            raise _wrong(stage, name, "a positive whole number")


def _wrong(stage: Any, name: str, wanted: str) -> InvalidInputError:
    value = getattr(stage, name)
    return InvalidInputError(f"{type(stage).__name__}({name}=) must be {wanted}; found {value!r}")


def check_horizon(horizon: Any) -> None:
    """An error unless these are parts of a time span."""
    if not isinstance(horizon, tuple) or not all(0 < h <= 1 for h in horizon) or not horizon:
        raise InvalidInputError(
            f"horizon= takes parts of the time span in (0, 1], such as (0.3, 1.0); found {horizon!r}"
        )
