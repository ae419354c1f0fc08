"""What a solver marches: the right-hand side with frozen switches, and its derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.plan.derivatives import derivatives
from pysymude.plan.switches import SignalUse, switch_form
from pysymude.plan.tape import Tape

__all__ = ["MarchForm", "march_form"]

Int = NDArray[np.int64]


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
        The functions whose signs are the switches, live.
    time_only : bool array, one a switch
        Whether its function depends on time, parameters and weights alone.
    uses : tuple of SignalUse or None, one a switch
        The signal whose argument the function is.
    """

    rhs: Tape
    derivatives: Tape
    rows: Int
    columns: Int
    time_rows: Int
    conditions: Tape
    time_only: NDArray[np.bool_]
    uses: tuple[SignalUse | None, ...] = ()


def march_form(f: Tape, states: int, fixed: int | None = None) -> MarchForm:
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
        conditions=switched.live,
        time_only=np.array([c.time_only for c in switched.conditions], dtype=np.bool_),
        uses=tuple(c.use for c in switched.conditions),
    )
