"""Entries ``[[fit.periods]]`` of a model file: what changes on the way, in all experiments of the table.

::

    [[fit.periods]]
    times = "measured"                   # at each measurement; or numbers, [7, 14]
    set = { cases = "new", new = "0" }   # states, from what they were just before
    parameters = { rate = "0" }          # and parameters, until the next period begins
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pysymude.errors import ModelFileError
from pysymude.model.expressions import parse_expression
from pysymude.model.measurements import check_changes
from pysymude.model.period import Period, checked_periods
from pysymude.model.toml_table import TomlTable

if TYPE_CHECKING:
    import sympy as sp

    from pysymude.model.dataset import Dataset
    from pysymude.model.system import ODESystem
    from pysymude.model.trajectory import Trajectory

__all__ = ["ChangeTimes", "with_periods"]

_MEASURED = "measured"


@dataclass(frozen=True)
class ChangeTimes:
    """One entry as it was read: times, or None for each measurement, and expressions as text."""

    where: str
    times: tuple[float, ...] | None
    set: dict[str, str]
    parameters: dict[str, str]

    @classmethod
    def read(cls, table: TomlTable) -> ChangeTimes:
        """From TOML.

        Raises
        ------
        ModelFileError
            An entry that is unknown or of another type.
        """
        table.only("times", "set", "parameters", required=("times",))
        times = table.values["times"]
        if isinstance(times, str) and times != _MEASURED:
            raise table.error("times", f"are numbers, or {_MEASURED!r}; found {times!r}")
        return cls(
            table.where("set"),
            None if isinstance(times, str) else tuple(table.numbers("times")),
            _texts(table, "set"),
            _texts(table, "parameters"),
        )

    def periods(self, trajectory: Trajectory, system: ODESystem) -> list[Period]:
        """Of one experiment, from its start on."""
        known = (*system.parameters, *system.trainable, *system.symbolic_parameters)
        names = {s.name: s for s in (*system.states, *known)}

        def parsed(given: dict[str, str]) -> dict[str, sp.Expr]:
            return {k: parse_expression(v, names, where=self.where) for k, v in given.items()}

        changed, values = parsed(self.set), parsed(self.parameters)
        times = np.unique(trajectory.t).tolist() if self.times is None else self.times
        return [
            Period(when, set=changed, parameters=values)
            for when in times
            if self.times is not None or when > trajectory.t0
        ]


def with_periods(data: Dataset, system: ODESystem, entries: Sequence[ChangeTimes]) -> Dataset:
    """The same measurements with what changes on the way.

    Raises
    ------
    ModelFileError
        Two changes at one time, or an expression of something that the system does not have.
    """
    found: list[Trajectory] = []
    for trajectory in data:
        made = [period for entry in entries for period in entry.periods(trajectory, system)]
        made.sort(key=lambda period: float(period.start))
        starts = [float(period.start) for period in made]
        if len(set(starts)) < len(starts):
            twice = next(t for t in starts if starts.count(t) > 1)
            raise ModelFileError(
                f"two periods begin at {twice:g}; write both changes in one",
                where="[[fit.periods]]",
            )
        changes = checked_periods(made)
        check_changes(trajectory.t0, changes, trajectory.doses)
        found.append(replace(trajectory, periods=changes))
    return type(data)(tuple(found))


def _texts(table: TomlTable, key: str) -> dict[str, str]:
    if key not in table:
        return {}
    inner = table.table(key)
    return {name: inner.expression(name) for name in inner}
