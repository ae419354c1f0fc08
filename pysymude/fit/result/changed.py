# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false
"""An experiment with values, signals or doses of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import meant, numbers_by_name
from pysymude.model.measurements import check_changes
from pysymude.model.period import Given, Period, checked_doses, given_value
from pysymude.model.signal_values import signal_values
from pysymude.model.trajectory import Trajectory

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["changed"]


def changed(
    fit: FitResult,
    e: int,
    parameters: Mapping[Any, Any] | None,
    signals: Mapping[Any, Any] | None,
    doses: Mapping[Any, Any] | None = None,
) -> Trajectory:
    """Experiment `e` with these in place of its own.

    Raises
    ------
    InvalidInputError
        A name that there is not, or a value that nothing in this experiment reads.
    """
    found = fit.data[e]
    if signals:
        found = replace(found, signals={**found.signals, **signal_values(signals)})
    if doses is not None:
        added = checked_doses(doses)
        check_changes(found.t0, (), added)
        found = replace(found, doses=added)
    own = numbers_by_name(parameters or {}, what="parameters")
    if not own:
        return found
    rest = {n: v for n, v in found.parameters.items() if n not in own}
    read = {s.name for expr in fit.system.expressions for s in expr.free_symbols}
    read |= set(fit.objective.plan.parameters)
    _check(fit, own, read | found.parameters.keys(), replace(found, parameters=rest))
    kept = {n: v for n, v in own.items() if n in read or n in found.parameters}
    return _put(replace(found, parameters=rest), own, kept)


def _check(
    fit: FitResult, own: Mapping[str, float], read: set[str], trajectory: Trajectory
) -> None:
    """Every value must be read by the system, or by an expression of this experiment."""
    states = {s.name for s in fit.system.states}
    here = read | set(_mentioned(trajectory))
    good = sorted(here & {*fit.objective.plan.parameters, *fit.objective.plan.trainable})
    for name in own:
        if name in states:
            raise InvalidInputError(
                f"parameters= names {name!r}, which is a state; its start belongs to u0="
            )
        if name in good:
            continue
        others = [tr.name for tr in fit.data if name in _mentioned(tr)]
        what = f"the system has no parameter {name!r}"
        if others:
            what = (
                f"experiment {trajectory.name!r} does not read {name!r}, which is a value of "
                f"{', '.join(map(repr, others))}"
            )
            if trajectory.name in others:
                what = f"nothing reads {name!r} beside the other values of parameters="
        raise InvalidInputError(
            f"{what}; it has {', '.join(good) or 'none'}{'' if others else meant(name, good)}"
        )


def _mentioned(trajectory: Trajectory) -> Iterator[str]:
    """The names in the expressions of an experiment."""
    given: list[Any] = [*trajectory.parameters.values(), *trajectory.u0.values()]
    for period in trajectory.periods:
        given += [period.start, *period.parameters.values(), *period.set.values()]
    given += [v for pairs in trajectory.doses.values() for pair in pairs for v in pair]
    for expr in given:
        if isinstance(expr, sp.Expr):
            yield from (s.name for s in expr.free_symbols if isinstance(s, sp.Symbol))


def _put(trajectory: Trajectory, own: Mapping[str, float], kept: Mapping[str, float]) -> Trajectory:
    """The numbers in the place of their names, in all expressions of an experiment."""

    def put(value: Given) -> Given:
        if not isinstance(value, sp.Expr):
            return value
        swap = {s: sp.Float(own[s.name]) for s in value.free_symbols if s.name in own}
        return given_value(value.xreplace(swap), what="a value") if swap else value

    def each(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: put(value) for name, value in values.items()}

    periods: list[Period] = []
    for period in trajectory.periods:
        made = Period(
            put(period.start), set=each(period.set), parameters=each(period.parameters), rest=period.rest
        )  # fmt: skip
        periods.append(made)
    doses = {
        name: tuple((put(time), put(amount)) for time, amount in pairs)
        for name, pairs in trajectory.doses.items()
    }
    return replace(
        trajectory, parameters={**each(trajectory.parameters), **kept}, u0=each(trajectory.u0),
        periods=tuple(periods), doses=doses,
    )  # fmt: skip
