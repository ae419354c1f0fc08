"""The table ``[fit]`` of a model file: what the options of `pysymude fit` say, as text that is kept.

::

    [fit]
    columns = { "hares [thousand]" = "x", lynxes = "y" }   # or ["x", "y"]
    time = "year"
    t0 = 1899.5                                            # where states start; by default the first row
    noise = { x = 0.1, y = "sd_y" }                        # numbers or columns; or one for all
    u0 = { x = 30.0 }
    signals = { T = "temperature" }                        # measured inputs and their columns; or ["T"]
    doses = { gut = "AMT" }                                # columns of amounts that are added to states
    per_experiment = ["k"]                                 # parameters with a value for each experiment
    stages = ["Adam(300)", "LBFGS(500)"]
    seed = 1

    [[fit.periods]]                                        # what changes in all experiments
    times = "measured"                                     # at each measurement; or numbers
    set = { cases = "new", new = "0" }
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pysymude.cli.inputs import parse_numbers
from pysymude.cli.period_table import ChangeTimes
from pysymude.errors import InvalidInputError
from pysymude.model.toml_table import TomlTable, errors_of, parse_toml, read_text

__all__ = [
    "NUMBERS",
    "TABLE",
    "TEXTS",
    "parse_columns",
    "parse_doses",
    "parse_noise",
    "parse_signals",
    "read_fit_table",
]

TEXTS = (
    "time",
    "variable",
    "value",
    "time_unit",
    "delimiter",
    "decimal",
    "engine",
    "solver",
    "conserve",
)
NUMBERS = ("reltol", "weight_decay", "validation", "t0")
TABLE = (
    *TEXTS, *NUMBERS, "experiment", "columns", "noise", "u0", "loq", "trainable_u0", "stages", "laws", "seed",
    "abstol", "signals", "doses", "per_experiment", "periods",
)  # fmt: skip


def read_fit_table(path: Path) -> dict[str, Any]:
    """The entries of ``[fit]`` in a model file, checked; empty where there is no such table.

    Raises
    ------
    ModelFileError
        An entry that is unknown or of another type; the message names it.
    """
    text = read_text(path)
    with errors_of(path):
        return _checked(parse_toml(text).table("fit"))


def _checked(table: TomlTable) -> dict[str, Any]:
    table.only(*TABLE)
    found: dict[str, Any] = {}
    for key in table:
        if key in TEXTS:
            found[key] = table.text(key)
        elif key in NUMBERS:
            found[key] = table.number(key)
        else:
            found[key] = _entry(table, key)
    return found


def _entry(table: TomlTable, key: str) -> Any:
    value = table.values[key]
    if key in ("u0", "columns", "noise", "loq", "abstol", "signals", "doses") and isinstance(
        value, dict
    ):
        return dict(_named(table, key))
    if key == "periods":
        return [ChangeTimes.read(inner) for inner in table.tables(key)]
    lists = ("columns", "laws", "experiment", "trainable_u0", "signals", "per_experiment")
    if key in lists and isinstance(value, list):
        return table.strings(key)
    if key == "stages":
        return ", ".join(table.strings(key)) if isinstance(value, list) else table.text(key)
    if key == "seed":
        return table.integers(key)[0]
    if key == "trainable_u0" and isinstance(value, bool):
        return value
    if key in ("noise", "loq", "abstol") and not isinstance(value, str):
        return table.number(key)
    if key in ("noise", "loq", "experiment"):
        return table.text(key)
    raise table.error(key, f"cannot be {value!r}; see `pysymude fit --help`")


def _named(table: TomlTable, key: str) -> Mapping[str, Any]:
    """A table of names, with text for columns, numbers for a start, and either for noise."""
    inner = table.table(key)
    words = {
        "columns": True,
        "signals": True,
        "doses": True,
        "u0": False,
        "loq": False,
        "abstol": False,
    }
    return {
        name: inner.text(name)
        if words.get(key, isinstance(inner.values[name], str))
        else inner.number(name)
        for name in inner
    }


def parse_columns(text: str) -> list[str] | dict[str, str]:
    """``"x,y"`` as a list of columns, ``"hares=x,lynxes=y"`` as a mapping from column to state.

    Examples
    --------
    >>> parse_columns("hares=x, y=y")
    {'hares': 'x', 'y': 'y'}
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not any("=" in part for part in parts):
        if not parts:
            raise InvalidInputError("--columns is empty; write --columns x,y or --columns hares=x")
        return parts
    pairs = [[side.strip() for side in part.partition("=")[::2]] for part in parts]
    if wrong := [
        part for part, (column, state) in zip(parts, pairs, strict=True) if not (column and state)
    ]:
        raise InvalidInputError(
            f"--columns takes column=state pairs separated by commas; found {wrong[0]!r}"
        )
    return dict(cast("list[tuple[str, str]]", pairs))


def parse_doses(text: str) -> dict[str, str]:
    """``"gut=AMT"`` as a mapping from state to column.

    Examples
    --------
    >>> parse_doses("gut=AMT")
    {'gut': 'AMT'}
    """
    found = parse_signals(text)
    if not isinstance(found, dict):
        raise InvalidInputError(
            f"--doses takes state=column pairs separated by commas; found {text!r}"
        )
    return found


def parse_signals(text: str) -> list[str] | dict[str, str]:
    """``"T,Q"`` as a list, ``"T=temperature"`` as a mapping from signal to column.

    Examples
    --------
    >>> parse_signals("T=temperature, Q=Q")
    {'T': 'temperature', 'Q': 'Q'}
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not any("=" in part for part in parts):
        return parts
    pairs = [[side.strip() for side in part.partition("=")[::2]] for part in parts]
    if wrong := [p for p, pair in zip(parts, pairs, strict=True) if not all(pair)]:
        raise InvalidInputError(
            f"--signals takes signal=column pairs separated by commas; found {wrong[0]!r}"
        )
    return dict(cast("list[tuple[str, str]]", pairs))


def parse_noise(text: str) -> float | str | dict[str, float | str]:
    """``"0.1"``, ``"sd"`` (a column), or ``"x=0.1,y=sd_y"``.

    Examples
    --------
    >>> parse_noise("0.1"), parse_noise("x=0.1,y=sd_y")
    (0.1, {'x': 0.1, 'y': 'sd_y'})
    """
    if "=" not in text:
        return _number_or_word(text)
    found: dict[str, float | str] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, value = (side.strip() for side in part.partition("="))
        if not name or not value or name in found:
            raise InvalidInputError(
                f"--noise takes a number, a column, or name=value pairs such as x=0.1,y=sd_y; found {part!r}"
            )
        found[name] = _number_or_word(value)
    return found


def _number_or_word(text: str) -> float | str:
    try:
        return parse_numbers(f"noise={text}", "--noise")["noise"]
    except InvalidInputError:
        return text.strip()
