"""What a kernel is given, as records of arrays: the model, the problem, how to solve, and memory.

int64 and float64, C order. n states, S slots of a block, E experiments, T times, Q parameters of theta.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.native.records import Record

__all__ = [
    "Explicit",
    "Implicit",
    "Memory",
    "Model",
    "Options",
    "Problem",
    "Slopes",
    "Task",
    "Wanted",
]

Float = NDArray[np.float64]
Int = NDArray[np.int64]


class Model(Record):
    """Programs of one bound problem; `ranges` are theirs, in the order START, RHS, ... below.

    `held` are the first slots of a block: parameters, then learned values (at `theta_at` of theta, mapped
    by `kind`, `low`, `high`), then numbers and what is computed from all of these once a solve. Time, the
    states and the signs of the conditions follow. A program's outputs are `factors * v[slots]`.
    """

    code: Int
    consts: Float
    net: Int
    scaling: Float
    ranges: Int
    held: Float
    theta_at: Int
    kind: Int
    low: Float
    high: Float
    f_slots: Int
    f_factors: Float
    d_slots: Int
    d_factors: Float
    rows: Int
    columns: Int
    time_rows: Int
    g_slots: Int
    g_factors: Float
    time_only: Int
    signal_of: Int  # the held slot of the table of the signal whose argument a condition is, or -1
    affine: Int  # whether that argument is of degree 1 in time
    jumps: Int  # whether the right-hand side jumps from piece to piece
    each: Int  # whether steps end at all points, however many these are
    switches: int  # the conditions behind these are those of events
    directions: Int  # of events
    set_from: Int  # event j sets the states set_states[set_from[j]:set_from[j + 1]]
    set_states: Int
    e_slots: Int
    e_factors: Float
    y_slots: Int
    y_factors: Float
    elimination: Int
    size: int
    n: int
    lu_layout: int
    lu_size: int


START, RHS, DERIVATIVES, CONDITIONS, OBSERVE, EFFECTS = range(6)  # from EFFECTS on one an event
FREE, ABOVE, BELOW, BETWEEN, DECADES = range(
    5
)  # `kind`: a learned value's bounds, as logarithms the last


class Explicit(Record):
    """An explicit tableau, see `tableaus.ExplicitTableau`."""

    A: Float
    c: Float
    b: Float
    error: Float
    dense: Float
    stages: int
    total: int
    last: int
    fsal: int
    twin: int
    other: int
    stability: float
    beta: float
    beta_before: float


class Implicit(Record):
    """A Rosenbrock tableau, see `tableaus.RosenbrockTableau`."""

    A: Float
    C: Float
    c: Float
    d: Float
    b: Float
    error: Float
    H: Float
    weights: Float  # of stages, and of the slope in time, for an integral over a step
    stages: int
    gamma: float
    exponent: float


class Options(Record):
    """How to solve. `method`: EXPLICIT, IMPLICIT, or AUTO; `keep`: what is left of each step.

    `abstol` is written: the row of `by_experiment` (E or 1, n) that is at work. `derived`: whether
    derivatives of the steps may be asked for.
    """

    method: int
    reltol: float
    abstol: Float
    by_experiment: Float
    max_steps: int
    dtmax: float
    keep: int
    derived: int


EXPLICIT, IMPLICIT, AUTO, JUMP = range(4)  # JUMP: of a step of no length
NOTHING, SLOPES, ALL = range(3)
DENSE, RUNS, FLAT = range(3)  # how linear systems are solved


class Problem(Record):
    """Experiments and what was measured, as in `plan.problem`; `start` and `out` are written.

    `stops` are times at which steps end in any case, ascending; `link` is -1 where nothing follows.
    """

    t0: Float
    u0: Float
    p: Float
    ts: Float
    stops: Float
    dose_t: Float  # (E, doses), ascending
    dose_state: Int  # -1 where there is none
    dose_amount: Float
    dose_index: Int
    y: Float
    weight: Float
    u0_index: Int
    positive: Int
    mix: Float
    link: Int
    link_weight: Float
    law_weight: Float
    anchor: Float
    out: Float
    start: Float
    slopes: Float  # cotangents of the starts
    sizes: Float  # (E, n), the largest magnitudes at the ends of steps
    seen: Float  # (E, T, columns): what the model gives for each measurement
    given: Float  # (E, T, columns): derivatives of a loss of another's by these
    codes: Int
    counts: Int  # (E, 4): tried, accepted, rejected, changes of method
    terms: Float  # (E, 2 + laws): data, links, laws

    def with_results(self, laws: int) -> Problem:
        """The same problem with results of its own."""
        E, T, n = self.out.shape
        fields = {name: getattr(self, name) for name in type(self).__annotations__}
        return Problem(**(fields | results(E, T, n, self.y.shape[2], laws)))


def results(E: int, T: int, n: int, columns: int, laws: int) -> dict[str, Any]:
    """What a kernel writes of a problem."""
    return {
        "out": np.full((E, T, n), np.nan),
        "start": np.zeros((E, n)),
        "slopes": np.zeros((E, n)),
        "sizes": np.zeros((E, n)),
        "seen": np.zeros((E, T, columns)),
        "given": np.zeros((E, T, columns)),
        "codes": np.zeros(E, dtype=np.int64),
        "counts": np.zeros((E, 4), dtype=np.int64),
        "terms": np.zeros((E, 2 + laws)),
    }


class Memory(Record):
    """Of one thread. Steps are rows of `steps`: see STEP_... below."""

    v: Float  # blocks
    k: Float  # slopes, or stages, of each block
    lu: Float
    pivots: Int
    steps: Int
    times: Float  # (steps, 3): where each starts, its size, where it ends
    u: Float  # where steps start
    held: Float
    g: Float  # cotangents, or tangents, of a block
    other: Float  # a second one
    entries: Float  # of the Jacobian; then df/dt
    first: Float  # the right-hand side where a step starts
    work: Float  # (ROWS, n)
    walk: Float  # what a march knows on its way, see `march`
    marks: Int
    linear: Float  # 2 n numbers for linear systems
    stage: Float  # cotangents of stages
    cotangents: Float  # (T, n), of the states at output times
    values: Float  # (T, columns and laws)
    matrix: Float  # cotangents of the Jacobian's entries
    gtheta: Float
    dtheta: Float
    signs: Float  # of the conditions, frozen
    rates: Float  # how fast each changes
    now: Float  # the signs at a point inside a step; those of events may change there and back
    past: Float  # (K, 2): conditions at the two points before that, times these signs
    near: Float  # how large a condition is that is as good as 0
    armed: Int  # whether a condition has been seen on its side; -1: not since its event acted
    pending: Int  # whether an event is to act
    through: Int  # (K, 4) of signals through whose points steps run, see `forcing`
    line: Float  # (K, 2): the rate and the shift of their arguments
    events: Int  # (events, 5): step, condition, its signs before and behind (columns 2, 4), whether silent
    counts: Int  # steps kept, events kept
    zeros_of_theta: Float
    stops: Float  # times where steps end, ascending
    stop_of: Int  # and the condition that changes there; -1 for none, -2 less a dose


# of a jump: which (an event, or -1 less a dose), and whether another one called for it, in the last two
STEP_METHOD, STEP_BASE, STEP_EXTRA, STEP_LIVE = range(4)


class Task(Record):
    """All of it."""

    model: Model
    memory: Memory
    problem: Problem
    explicit: Explicit
    implicit: Implicit
    options: Options
    theta: Float


class Wanted(Record):
    """Times at which the states of a task's solve are wanted, and room for them."""

    task: Task
    times: Float
    out: Float


class Slopes(Record):
    """Directions (K, theta) or what is asked for (T, columns), and room for derivatives of one experiment.

    `slopes` is (T, columns, K), or (T, columns, theta) beside cotangents of its start, (T, columns, n).
    """

    task: Task
    directions: Float
    asked: Int
    slopes: Float
    starts: Float


# what a task is to do; GIVEN: for derivatives that are given
SOLVE, MEASURE, BACKWARD, FORWARD, GIVEN = 1, 2, 4, 8, 16
T, END, H, H_BEFORE, E_BEFORE, ERROR, STOP, RATE, REACH, MOST, LAST_JUMP = range(11)  # of `walk`
(
    METHOD, STEP, BASE, OUTPUT, NEXT_STOP, STOPS, FRESH, RESTART, LIVE, STIFF, MILD, ACCEPTED, REJECTED,
    CHANGES, EXTRA, ARRIVES, LANDED, ANOTHER, WAITING, DUE, CLOSE, BEGUN,
) = range(22)  # of `marks`  # fmt: skip
U, NEW, DIFFERENCE, SCRATCH, INSIDE, FAST = range(6)  # rows of `work`
BEFORE, BEHIND = 8, 9  # slopes at a switch or a jump

# how a march ends: positions in `outcomes.CODES`; what only the driver sees; and what nobody else does
SUCCESS, MAX_ITERS, DT_LESS_THAN_MIN, UNSTABLE, INITIAL, CHATTERING = 0, 1, 2, 3, 5, 8
FULL, NEEDS_IMPLICIT, GOES_ON = -1, -2, -3
