"""The signals of experiments: which table each one reads, where that lies, whether it is long enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import meant
from pysymude.model.signal_values import SignalValues, check_points
from pysymude.model.signals_within import uses_of
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.numeric import NumericModel
from pysymude.plan.problem import Batch
from pysymude.plan.tables import Table, numbered, table_of

__all__ = [
    "addressed",
    "check_reach",
    "check_reach_of_data",
    "count_points",
    "register",
    "with_signals",
]

Float = NDArray[np.float64]

_LOOKS = 65  # times at which arguments are looked at


def with_signals(
    plan: CompiledSystem, p: Float, given: Mapping[str, SignalValues], who: str = ""
) -> Float:
    """The parameters `p` of one experiment with the numbers of the tables of its own signals.

    Raises
    ------
    InvalidInputError
        A name that is no signal, too few points, or a signal without values.
    """
    if not (given or plan.signals):
        return p
    known = {signal.name: signal for signal in plan.system.signals}
    for name, values in given.items():
        if name not in known:
            raise InvalidInputError(
                f"signals= names {name!r}{who}, which is no signal of the system; "
                f"{'it has ' + ', '.join(known) if known else 'it has none'}{meant(name, known)}"
            )
        if name in plan.bases:
            raise InvalidInputError(
                f"signal {name!r} has learned values in the system, so it cannot have others{who}"
            )
        check_points(known[name], values, f"signals[{name!r}]{who}")
    found, first = p.copy(), len(plan.parameters)
    for k, signal in enumerate(plan.signals, start=first):
        if signal.name in given:
            found[k] = table_of(signal, given[signal.name]).number
        elif found[k] < 0:
            raise InvalidInputError(
                f"signal {signal.name!r} has no values{who}; give signals={{{signal.name}: (times, values)}} "
                "with the data, the solve or the system"
            )
    return found


def register(plan: CompiledSystem, batch: Batch) -> None:
    """Makes the tables of a batch that comes from elsewhere; several of a signal are told apart by a word."""
    for name, values in batch.signals.items():
        for signal in plan.signals:
            if signal.name == name.partition(" ")[0]:
                table_of(signal, values)


def addressed(plan: CompiledSystem, p: Float) -> tuple[Float, Any]:
    """`p` (..., parameters + signals) with the addresses of tables for their numbers, and the tables.

    Whoever reads the addresses has to hold the tables.
    """
    first = len(plan.parameters)
    if not plan.signals:
        return p, ()
    numbers, back = np.unique(p[..., first:], return_inverse=True)
    tables = [numbered(number) for number in numbers.tolist()]
    found = np.array(p, dtype=np.float64)
    addresses = np.array([float(table.address) for table in tables])
    found[..., first:] = addresses[back].reshape(found[..., first:].shape)
    return found, tables


def count_points(plan: CompiledSystem, p: Float) -> int:
    """How many points the signals of an experiment have at most: so many steps may have to end somewhere."""
    if not plan.signals:
        return 0
    numbers = p.reshape(-1, p.shape[-1])[:, len(plan.parameters) :]
    return max((sum(len(numbered(n).times) for n in row) for row in numbers.tolist()), default=0)


def check_reach(
    plan: CompiledSystem, batch: Batch, theta: Float, names: Sequence[str] | None = None
) -> None:
    """An error where a solve would need a signal where that is not defined.

    Arguments are looked at for `theta`; a lag that is learned may still lead beyond the ends.
    """
    if not plan.signals:
        return
    uses = sorted(uses_of(plan.system.expressions), key=str)
    limited = [use for use in uses if not use.signal.extrapolate]
    if not limited:
        return
    program = plan.tape([use.argument for use in limited])
    signals = [signal.name.partition(" ")[0] for signal in plan.signals]
    states = np.zeros(len(plan.states))
    for e, (t0, ts, p) in enumerate(zip(batch.t0, batch.ts, batch.p, strict=True)):
        times = np.linspace(t0, ts[-1], _LOOKS)
        at = NumericModel(plan, p, theta).evaluate(program, times, states)
        for j, use in enumerate(limited):
            table = numbered(p[len(plan.parameters) + signals.index(use.signal.name)])
            low, high = at[:, j].min(), at[:, j].max()
            if low >= table.low and high <= table.high:
                continue
            who = f" of experiment {names[e]!r}" if names is not None and names[e] else ""
            first, last = _ends(plan, use, table)
            found, needed = (
                (f"begins at {first:g}", f"at {low:g}")
                if low < table.low
                else (f"ends at {last:g}", f"up to {high:g}")
            )
            raise InvalidInputError(
                f"signal {use.signal.name!r}{who} {found}, but {use} is needed {needed} (a solve from t = "
                f"{t0:g} to {ts[-1]:g}); give more points, or psu.Signal({use.signal.name!r}, "
                f"{use.signal.kind!r}, extrapolate=True), which holds the values at the ends"
            )


def _ends(plan: CompiledSystem, use: Any, table: Table) -> tuple[float, float]:
    """Where a signal begins and ends; a learned one is made of parts."""
    values = plan.system.signal_values.get(use.signal.name)
    times = values.times if use.signal.name in plan.bases and values is not None else table.times
    return float(times[0]), float(times[-1])


def check_reach_of_data(plan: CompiledSystem, batch: Batch, names: Sequence[str]) -> None:
    """`check_reach` with what is learned at its start."""
    if plan.signals:
        check_reach(plan, batch, plan.start, names)
