"""From tables to a system and its data."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError, ModelFileError
from pysymude.interchange.petab.courses_of import Plan, plan_of
from pysymude.interchange.petab.described import Described, Measured
from pysymude.interchange.petab.entities import Entities, entities_of
from pysymude.interchange.petab.experiment_stages import Experiment
from pysymude.interchange.petab.measured_columns import Column, Columns
from pysymude.interchange.sbml.happenings import as_event
from pysymude.interchange.sbml.quantities import symbol_of
from pysymude.interchange.sbml.unit_text import units_by_name
from pysymude.model.dataset import Dataset
from pysymude.model.network import NetworkOutput
from pysymude.model.period import Period
from pysymude.model.system import ODESystem
from pysymude.model.trajectory import Trajectory
from pysymude.model.units import unit_of_sum

__all__ = ["Assembled", "assembled"]


@dataclass(frozen=True)
class Assembled:
    """A problem in our terms.

    Attributes
    ----------
    system : ODESystem
        What is learned has no bounds here, and starts at its nominal value.
    places : sequence of (experiment, row, column)
        Where each row of the measurement table stands in the data.
    learned : mapping from id to name
        Parameters of the table that are estimated and stand in a formula, by the name of their symbol.
    """

    entities: Entities
    system: ODESystem
    data: Dataset
    places: Sequence[tuple[int, int, int]]
    learned: Mapping[str, str]


def assembled(described: Described) -> Assembled:
    """The system and the data of a problem.

    Raises
    ------
    ModelFileError
        The tables say something that has no meaning, or none here.
    """
    entities = entities_of(described)
    plan = plan_of(entities)
    if not described.measurements:
        raise ModelFileError("the measurement table has no rows", where=str(described.file))
    columns = Columns(entities, plan.lowered)
    groups: dict[tuple[str, bool], list[tuple[int, Measured]]] = {}
    for k, one in enumerate(described.measurements):
        if one.time == -math.inf:
            one.row.refuse("a measurement is made at a time, or at inf, when all has come to rest")
        groups.setdefault((one.experiment, math.isinf(one.time)), []).append((k, one))
    places: list[tuple[int, int, int]] = [(0, 0, 0)] * len(described.measurements)
    tables: list[_Table] = []
    for e, ((key, at_rest), rows) in enumerate(groups.items()):
        experiment = plan.experiment(key)
        table = _Table(
            columns, _resting(experiment) if at_rest else experiment,
            (key or "experiment") + (" at rest" if at_rest else ""),
        )  # fmt: skip
        seen = [(k, *table.add(one)) for k, one in rows]
        order = table.order()
        for k, row, column in seen:
            places[k] = (e, order[row], column)
        tables.append(table)
    used: set[Any] = {s for x in tables for e in _expressions(x.experiment) for s in e.free_symbols}
    made = list(columns.made.values())
    return _with_system(plan, made, tables, places, used)


def _resting(experiment: Experiment) -> Experiment:
    """An experiment whose last state is measured when it has come to rest."""
    *before, last = experiment.stages
    if not before:
        stages = (replace(last, start=-math.inf), replace(last, start=max(last.start, 0.0)))
    else:
        later = last.start + max(1.0, abs(last.start))
        stages = (*before, last, replace(last, start=later, set={}, rest=True))
    return replace(experiment, stages=stages)


class _Table:
    """The measurements of one experiment, as rows by time and replicate."""

    def __init__(self, columns: Columns, experiment: Experiment, name: str) -> None:
        self.columns, self.experiment, self.name = columns, experiment, name
        self.names: dict[str, int] = {}
        self.rows: dict[tuple[float, int], dict[int, tuple[float, float | None]]] = {}
        self.count: dict[tuple[float, int], int] = {}

    def add(self, one: Measured) -> tuple[tuple[float, int], int]:
        column, scale = self.columns.of(one)
        time = self.experiment.stages[-1].start if math.isinf(one.time) else one.time
        if time < self.experiment.t0:
            one.row.refuse(
                f"it was measured at {one.time:g}, before its experiment begins at {self.experiment.t0:g}"
            )
        if column.noise is not None:
            try:
                column.noise.check_values(np.array([one.value]), "the measurement")
            except InvalidInputError as error:
                one.row.refuse(str(error))
        j = self.names.setdefault(column.name, len(self.names))
        n = self.count[time, j] = self.count.get((time, j), 0) + 1
        self.rows.setdefault((time, n), {})[j] = (one.value, scale)
        return (time, n), j

    def order(self) -> dict[tuple[float, int], int]:
        return {key: i for i, key in enumerate(sorted(self.rows))}

    def arrays(self) -> tuple[NDArray[Any], NDArray[Any], dict[str, NDArray[Any]]]:
        """Times, values, and standard deviations of columns that have numbers of their own."""
        order, width = self.order(), len(self.names)
        values = np.full((len(order), width), np.nan)
        scales = np.full((len(order), width), np.nan)
        for key, cells in self.rows.items():
            for j, (value, scale) in cells.items():
                values[order[key], j] = value
                scales[order[key], j] = np.nan if scale is None else scale
        noise = {
            name: np.where(np.isnan(scales[:, j]), 1.0, scales[:, j])
            for name, j in self.names.items()
            if not np.isnan(scales[:, j]).all()
        }
        times = np.array([time for time, _ in order], dtype=np.float64)
        return times, values, noise


def _trajectory(plan: Plan, table: _Table, within: Collection[Any]) -> Trajectory:
    experiment = table.experiment
    times, values, noise = table.arrays()
    if times[0] == times[-1]:  # nothing is measured later; a start alone is an answer, too
        after = times[-1] + max(1.0, abs(times[-1]))
        times, values = (
            np.append(times, after),
            np.vstack([values, np.full(values.shape[1], np.nan)]),
        )
        noise = {k: np.append(v, 1.0) for k, v in noise.items()}
    first, *later = experiment.stages
    periods: list[Any] = []
    if later or first.start == -math.inf:
        periods = [Period(first.start)]
        periods += [
            Period(
                s.start,
                set={x.name: e for x, e in s.set.items()},
                parameters=_by_name(plan, s.parameters, first.parameters, within),
                rest=s.rest,
            )
            for s in later
        ]
    # columns that are left out have their noise in the system
    return Trajectory.from_arrays(
        times, values, states=list(table.names), t0=experiment.t0, trainable_u0=False,
        u0={x.name: _plain(e) for x, e in experiment.starts.items()},
        parameters=_by_name(plan, first.parameters, {}, within), noise=noise or None,
        periods=periods or None, name=table.name,
    )  # fmt: skip


def _by_name(
    plan: Plan, values: Mapping[Any, Any], before: Mapping[Any, Any], within: Collection[Any]
) -> dict[str, Any]:
    """Values of parameters that equations read, by name; those that only `before` has go back to their own."""
    found = {s.name: _plain(e) for s, e in values.items() if s in within}
    for s in before:
        if s not in values and s in plan.fixed and s in within:
            found[s.name] = plan.fixed[s]
    return found


def _plain(expr: Any) -> Any:
    return float(expr) if expr.is_number else expr


def _expressions(experiment: Experiment) -> list[Any]:
    parts = [experiment.starts.values()]
    parts += [v for s in experiment.stages for v in (s.set.values(), s.parameters.values())]
    return [e for part in parts for e in part if not isinstance(e, float)]


def _units(plan: Plan, system: ODESystem) -> dict[str, str]:
    """Units of the model, and of observables that are sums of what has one unit."""
    contents = plan.entities.contents
    units = units_by_name(contents.document, contents.quantities)
    known = {s.name for s in (*system.states, *system.parameters, *system.trainable)} | {"t"}
    found = {name: unit for name, unit in units.items() if name in known}
    found |= {
        name: unit for name, e in system.observables.items() if (unit := unit_of_sum(e, found))
    }
    return found


def _outputs(plan: Plan, expressions: Sequence[Any]) -> dict[str, Any]:
    """Outputs of networks that stand in no equation, but in an experiment, so that the system knows them."""
    known = {o.network for e in expressions for o in e.atoms(NetworkOutput)}
    found: dict[str, Any] = {}
    names = plan.entities.contents.identifiers
    for key, built in plan.entities.networks.items():
        if not {o.network for e in built.outputs for o in e.atoms(NetworkOutput)} <= known:
            found |= {names.fresh(f"{key}_output_{k}"): e for k, e in enumerate(built.outputs)}
    return found


def _with_system(
    plan: Plan,
    columns: Sequence[Column],
    tables: Sequence[_Table],
    places: Sequence[Any],
    used: set[Any],
) -> Assembled:
    found, described = plan.lowered, plan.described
    noise = {c.name: c.noise for c in columns if c.noise is not None}
    expressions = [
        *found.rhs.values(), *found.initial.values(), *(c.expr for c in columns),
        *(a for n in noise.values() for a in n.args),
    ]  # fmt: skip
    events = [as_event(h) for h in plan.events if plan.time_of(h) is None]
    expressions += [e for event in events for e in event.expressions]
    outputs = _outputs(plan, expressions)
    within: set[Any] = set().union(*(e.free_symbols for e in (*expressions, *outputs.values())))
    learned = {s: k for s, k in plan.learned.items() if s in used or s in within}
    try:
        system = ODESystem(
            found.rhs or {symbol_of(plan.entities.contents.identifiers.fresh("nothing")): 0},
            parameters={s: v for s, v in plan.fixed.items() if s in within},
            trainable={s: described.parameters[k].nominal for s, k in learned.items()},
            observables={c.name: c.expr for c in columns} | outputs,
            events=events,
            initial=found.initial if found.rhs else {"nothing": 0},
            noise=noise,
        )
        system = system.replace(units=_units(plan, system))
        data = Dataset(_trajectory(plan, table, within) for table in tables)
    except ModelFileError:
        raise
    except InvalidInputError as error:
        raise ModelFileError(str(error), where=str(described.file)) from error
    return Assembled(plan.entities, system, data, places, {k: s.name for s, k in learned.items()})
