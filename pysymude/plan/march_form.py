"""What a solver marches: the right-hand side with frozen switches, its derivatives, and events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.plan.derivatives import derivatives
from pysymude.plan.switches import SignalUse, switch_form
from pysymude.plan.tape import Operation, Tape

__all__ = ["Effect", "MarchForm", "march_form"]

Int = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Effect:
    """What an event does.

    Attributes
    ----------
    condition : Tape
        The function at whose zeros it happens, live; one output.
    direction : int
        1: where that rises; -1: where it falls; 0: both.
    states : tuple of int
        Which states are set.
    values : Tape
        To what, one output each.
    """

    condition: Tape
    direction: int
    states: tuple[int, ...]
    values: Tape


@dataclass(frozen=True, eq=False)
class MarchForm:
    """A right-hand side in straight lines, whatever its size, with all that its steps need.

    Attributes
    ----------
    rhs : Tape
        du/dt in switch form (`plan.switches`), one output a state.
    derivatives : Tape
        du/dt, then the entries of df/du, then those of df/dt; the switches are numbered as in `rhs`.
    rows, columns : int64, shape (entries,)
        Where df/du may differ from 0, row by row.
    time_rows : int64
        Where df/dt may.
    conditions : Tape
        The functions whose signs are the switches, then those of the events, live.
    time_only : bool array, one a condition
        Whether its function depends on time, parameters and weights alone.
    uses : tuple of SignalUse or None, one a condition
        The signal whose argument the function is.
    switches : int
        How many conditions are switches.
    effects : tuple of Effect
        The events, in the order in which they act at one time.
    """

    rhs: Tape
    derivatives: Tape
    rows: Int
    columns: Int
    time_rows: Int
    conditions: Tape
    time_only: NDArray[np.bool_]
    uses: tuple[SignalUse | None, ...] = ()
    switches: int = 0
    effects: tuple[Effect, ...] = ()


def march_form(
    f: Tape, states: int, fixed: int | None = None, effects: Sequence[Effect] = ()
) -> MarchForm:
    """From the right-hand side, whose inputs are the states, time, then parameters.

    Of the parameters `fixed` are not learned, by default all.
    """
    switched = switch_form(f, states, fixed)
    tape, rows, columns = derivatives(switched.tape, range(states + 1))
    values, in_time = columns < states, columns == states
    order: Any = np.concatenate([np.flatnonzero(values), np.flatnonzero(in_time)])
    places = np.array(tape.outputs[states:], dtype=np.int64)[order]
    outputs = (*tape.outputs[:states], *(int(k) for k in places))
    return MarchForm(
        rhs=switched.tape,
        derivatives=Tape(tape.inputs, tape.operations, outputs),
        rows=rows[values],
        columns=columns[values],
        time_rows=rows[in_time],
        conditions=_joined([switched.live, *(effect.condition for effect in effects)]),
        time_only=np.array(
            [
                *(c.time_only for c in switched.conditions),
                *(not _reads(effect.condition, states) for effect in effects),
            ],
            dtype=np.bool_,
        ),
        uses=(*(c.use for c in switched.conditions), *[None] * len(effects)),
        switches=len(switched.conditions),
        effects=tuple(effects),
    )


def _joined(tapes: Sequence[Tape]) -> Tape:
    """All outputs of tapes with the same inputs."""
    operations: list[Operation] = []
    outputs: list[int] = []
    for tape in tapes:
        first = len(operations)
        operations += [
            op._replace(args=tuple(a + first for a in op.args)) for op in tape.operations
        ]
        outputs += [i + first for i in tape.outputs]
    return Tape(tapes[0].inputs, tuple(operations), tuple(outputs))


def _reads(tape: Tape, states: int) -> bool:
    """Whether an output depends on one of the leading inputs."""
    return any(
        op.name == "input" and op.data < states
        for op, needed in zip(tape.operations, tape.needed, strict=True)
        if needed
    )
