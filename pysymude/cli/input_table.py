"""Measured inputs and doses from a table, for `pysymude simulate`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.model.tables.delimited import read_csv
from pysymude.model.tables.dose_columns import doses_of_rows
from pysymude.model.tables.experiments import experiments
from pysymude.model.tables.roles import Asked
from pysymude.model.tables.table import Table

__all__ = ["InputTable"]

Points = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class InputTable:
    """A CSV file with the times and values of inputs.

    `reading` holds what the table ``[fit]`` of a model says of reading tables; `experiment` names the one that
    is wanted of several.
    """

    path: Path
    reading: Mapping[str, Any] = field(default_factory=dict[str, Any])
    experiment: str | None = None

    def signals(self, asked: Mapping[str, str] | None, known: list[str]) -> dict[str, Points]:
        """Points by signal; without `asked` of all `known` signals that a column is called after.

        Raises
        ------
        InvalidInputError
            A column that is not there, no signal to be found, several experiments.
        """
        if not known:
            raise InvalidInputError(f"--signals {self.path}: the model has no signal")
        columns = asked or {n: c for n in known if (c := _called(self.table, n)) is not None}
        if not columns:
            raise InvalidInputError(
                f"--signals {self.path}: no column is called like a signal of the model, {', '.join(known)}; "
                f"found columns {', '.join(self.table.columns)}; say which it is: --data {self.path} --signals "
                f"{known[0]}=COLUMN"
            )
        found: dict[str, Points] = {}
        for name, (t, values) in self._read(columns, "--signals").items():
            here = np.isfinite(values)
            found[name] = t[here], values[here]
        return found

    def doses(self, asked: Mapping[str, str]) -> dict[str, list[tuple[float, float]]]:
        """Doses by state; empty cells are none."""
        read = self._read(asked, "--doses")
        return {name: doses_of_rows(t, amounts) for name, (t, amounts) in read.items()}

    @cached_property
    def table(self) -> Table:
        """The file as it is, read once for signals and doses."""
        style = {key: self.reading[key] for key in ("delimiter", "decimal") if key in self.reading}
        return read_csv(self.path, **style)

    def _read(self, columns: Mapping[str, str], option: str) -> dict[str, Points]:
        """Times and values of each column, of the experiment that is wanted."""
        names = {self.table.find(column, what=option): name for name, column in columns.items()}
        if len(names) < len(columns):
            raise InvalidInputError(
                f"{option} names one column twice: {', '.join(columns.values())}"
            )
        given = {key: self.reading.get(key) for key in ("time", "experiment", "time_unit")}
        found = experiments(self.table, Asked(states=names, **given))
        e = self._number(found.names) if len(found.t) > 1 else 0
        return {name: (found.t[e], found.u[e][:, j]) for j, name in enumerate(found.states)}

    def _number(self, names: list[str]) -> int:
        if self.experiment not in names:
            raise InvalidInputError(
                f"{self.path} holds {len(names)} experiments; say which: --experiment NAME, one of "
                f"{', '.join(names)}"
            )
        return names.index(self.experiment)


def _called(table: Table, name: str) -> str | None:
    """The column of that name, whose unit may stand behind it."""
    try:
        return table.find(name, what="--signals")
    except InvalidInputError:
        return None
