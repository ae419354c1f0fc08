"""Signals in model files: a table for each, with what is known of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from pysymude.errors import InvalidInputError, ModelFileError
from pysymude.model.signal import Signal
from pysymude.model.signal_values import SignalValues
from pysymude.model.toml_table import TomlTable
from pysymude.model.toml_text import toml_list, toml_name, toml_number, toml_string

if TYPE_CHECKING:
    from pysymude.model.system import ODESystem

__all__ = ["read_points", "read_signals", "signal_lines"]

_KEYS = ("kind", "extrapolate", "times", "values")


def read_signals(tables: TomlTable) -> dict[str, Signal]:
    """The signals of a file by name."""
    found: dict[str, Signal] = {}
    for name in tables:
        table = tables.table(name)
        table.only(*_KEYS)
        hold = table.values.get("extrapolate", False)
        try:
            found[name] = Signal(name, table.text("kind", "linear"), hold)
        except InvalidInputError as error:
            raise ModelFileError(str(error), where=f"[{table.place}]") from error
    return found


def read_points(tables: TomlTable, parse: Callable[[str, str], Any]) -> dict[str, Any]:
    """The pairs of times and values of those signals that have some."""
    found: dict[str, Any] = {}
    for name in tables:
        table = tables.table(name)
        if "times" not in table and "values" not in table:
            continue
        table.only(*_KEYS, required=("times", "values"))
        given = table.values["values"]
        if isinstance(given, list) and any(isinstance(v, str) for v in cast("list[Any]", given)):
            where = table.where("values")
            values = [
                parse(v if isinstance(v, str) else repr(v), where) for v in cast("list[Any]", given)
            ]
        else:
            values = table.numbers("values")
        found[name] = table.numbers("times"), values
    return found


def signal_lines(system: ODESystem, write: Callable[[Any], str]) -> list[str]:
    """The tables of the signals of a system; `write` makes text of an expression."""
    lines: list[str] = []
    for signal in system.signals:
        lines += [f"[signals.{toml_name(signal.name)}]", f"kind = {toml_string(signal.kind)}"]
        if signal.extrapolate:
            lines.append("extrapolate = true")
        points = system.signal_values.get(signal.name)
        if points is not None:
            lines += _points(points, write)
    return lines


def _points(points: SignalValues, write: Callable[[Any], str]) -> list[str]:
    if points.knots:
        values = toml_list(map(write, points.knots))
    else:
        values = f"[{', '.join(map(toml_number, cast('Any', points.values).tolist()))}]"
    return [f"times = [{', '.join(map(toml_number, points.times.tolist()))}]", f"values = {values}"]
