"""Desks: the arrays of one call at a time, with memory that grows where it has to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.native import structures as st
from pysymude.engines.native.entries import Entry
from pysymude.engines.native.kernel_arrays import explicit_tableau, implicit_tableau, make_memory
from pysymude.engines.native.native_solvers import EXPLICIT_NAMES, IMPLICIT_NAMES, pair_for
from pysymude.engines.native.tableaus import RODAS5P, ROSENBROCK23, TSIT5, VERN7
from pysymude.engines.native.workers import each
from pysymude.plan.tolerance import lowered, magnitudes_like

__all__ = [
    "Desk", "Scheme", "drive", "initial_states", "interpolate", "linearise_back", "linearise_forward",
    "parts_of", "run_all", "start_slopes",
]  # fmt: skip

Float = NDArray[np.float64]

_TABLEAUS: dict[str, Any] = {t.name: t for t in (TSIT5, VERN7, RODAS5P, ROSENBROCK23)}
_KEPT = 1 << 25  # numbers of blocks that are kept; beyond, they are computed again on the way back
_FIRST_ROOM = 48
_LOOKS = 5
_FULL, _NEEDS_IMPLICIT = -1, -2
# shares of the experiments in parts that are summed one after the other, whatever the number of threads: the last
# ones are small, so that threads end together
_SHARES = (5,) * 8 + (3,) * 4 + (2,) * 4
_FEW = 8  # experiments, below which threads cost more than they save
_SPARE = 8  # memories that wait for the next solve of a model, each of less than so many numbers:
_SMALL = 1 << 17

_KERNELS = "pysymude.engines.native.kernels"
drive = Entry(_KERNELS, "drive")
initial_states = Entry(_KERNELS, "initial_states")
interpolate = Entry(_KERNELS, "interpolate")
start_slopes = Entry(_KERNELS, "start_slopes")
_LINEARISING = "pysymude.engines.native.linearising"
linearise_back = Entry(_LINEARISING, "linearise_back")
linearise_forward = Entry(_LINEARISING, "linearise_forward")

_waiting: WeakKeyDictionary[st.Model, dict[Any, list[st.Memory]]] = WeakKeyDictionary()


@dataclass(eq=False)
class Scheme:
    """How the problems of one bound loss or solve are treated; it remembers that they were stiff.

    `model` gives the programs, with derivatives or without; `theta`, `columns`: how many. `abstol` has a
    row for each experiment, or one for all.
    """

    model: Callable[[bool], st.Model]
    solver: str
    reltol: float
    abstol: Float
    max_steps: int
    theta: int
    columns: int
    dtmax: float = np.inf
    keep: int | None = None
    follows: bool = False  # whether abstol goes down with the states that are met
    looks: int = _LOOKS

    def __post_init__(self) -> None:
        self.abstol = np.array(np.atleast_2d(self.abstol), dtype=np.float64)
        self.names = pair_for(self.solver, self.reltol)
        self.explicit = explicit_tableau(_TABLEAUS[self.names[0]])
        self.other = implicit_tableau(_TABLEAUS[self.names[1]])
        self.method = st.AUTO
        if self.solver in EXPLICIT_NAMES:
            self.method = st.EXPLICIT
        elif self.solver in IMPLICIT_NAMES:
            self.method = st.IMPLICIT
        self.implicit = self.method == st.IMPLICIT
        self.room = _FIRST_ROOM

    @property
    def stages(self) -> int:
        """The most blocks that a step takes."""
        return (
            max(self.explicit.total, self.other.stages) if self.implicit else self.explicit.total
        ) + 1

    def keeping(self, model: st.Model, gradient: bool) -> int:
        """What is left of each step."""
        if self.keep is not None:
            return self.keep
        if not gradient:
            return st.NOTHING
        size = self.room * self.stages * model.size + self.room * model.lu_size
        return st.ALL if size <= _KEPT else st.SLOPES

    def follow(self, out: Float) -> bool:
        """Whether states were met that are too small for `abstol`; it is lower then."""
        if not self.follows or self.looks == 0:
            return False
        # magnitudes are known after a few solves, and looking takes as long as a small solve
        self.looks -= 1
        found = lowered(self.abstol, magnitudes_like(self.abstol, out), self.reltol)
        if found is None:
            return False
        self.abstol = found
        return True

    def restart(self, abstol: Float) -> None:
        """As for a problem that nothing is known of yet; `abstol` as large as it was."""
        self.abstol[:] = abstol
        self.looks = _LOOKS

    def ran(self, changes: int) -> str:
        """The solvers that took steps, as a name."""
        if self.method != st.AUTO:
            return self.solver
        return "+".join(self.names) if changes else self.names[0]


@dataclass(eq=False)
class Desk:
    """Memory for one thread, never used by two calls at once; `problem` may be shared by several."""

    scheme: Scheme
    problem: st.Problem
    gradient: bool

    def __post_init__(self) -> None:
        self.prepare()

    def prepare(self) -> None:
        """Arrays of the sizes that are known to be needed."""
        s = self.scheme
        model = s.model(s.implicit)
        keep = s.keeping(model, self.gradient)
        memory = self.borrow(model, keep)
        # whether its memory may be kept for another solve
        self.small = memory.v.size + self.problem.out.size < _SMALL
        options = st.Options(
            method=s.method, reltol=s.reltol, abstol=s.abstol[0].copy(), by_experiment=s.abstol,
            max_steps=s.max_steps, dtmax=s.dtmax, keep=keep, derived=int(self.gradient),
        )  # fmt: skip
        self.known = s.implicit, s.room, s.abstol
        self.task = st.Task(
            model=model, memory=memory, problem=self.problem, explicit=s.explicit,
            implicit=s.other if s.implicit else None, options=options, theta=np.zeros(s.theta),
        )  # fmt: skip

    def borrow(self, model: st.Model, keep: int) -> st.Memory:
        """Memory of the sizes needed: one that a solve before gave back, or new."""
        s, times = self.scheme, self.problem.ts.shape[1]
        self.lent = model, (s.stages, s.theta, times, s.columns, keep, s.room)
        waiting = _waiting.setdefault(model, {}).setdefault(self.lent[1], [])
        try:
            return waiting.pop()
        except IndexError:  # also where another thread was quicker
            return make_memory(model, *self.lent[1][:4], keep=keep, room=s.room)

    @property
    def current(self) -> bool:
        """Whether its arrays are as the scheme wants them by now."""
        s = self.scheme
        return self.known[:2] == (s.implicit, s.room) and self.known[2] is s.abstol

    def leave(self) -> None:
        """Gives the memory back; the desk is used no more, and nothing that was read is in it."""
        model, sizes = self.lent
        waiting = _waiting.setdefault(model, {}).setdefault(sizes, [])
        if len(waiting) < _SPARE and self.small:
            waiting.append(self.task.memory)

    def run(self, theta: Float, first: int, last: int, todo: int) -> Float:
        """Experiments first to last; the gradient of their terms."""
        s, gradient = self.scheme, None
        while True:
            # steps that were kept are read with the arrays in which they lie, whatever other desks have met since
            if todo & st.SOLVE and not self.current:
                self.prepare()
            task = self.task
            task.theta[:] = theta
            task.memory.gtheta.fill(0.0)
            code = drive(task, first, last, todo)
            gradient = task.memory.gtheta if gradient is None else gradient + task.memory.gtheta
            if code == 0:
                return gradient
            first = int(task.memory.marks[st.WAITING])
            if code == _FULL:
                s.room = max(s.room, 2 * self.known[1])
            else:
                s.implicit = True


def parts_of(count: int) -> list[tuple[int, int]]:
    """Ranges of experiments that are treated together."""
    if count < _FEW:
        return [(0, count)]
    ends = [count * done // sum(_SHARES) for done in accumulate(_SHARES, initial=0)]
    return [(first, last) for first, last in pairwise(ends) if first < last]


def run_all(
    desks: Sequence[Desk], theta: Float, parts: Sequence[tuple[int, int]], todo: int, threads: int
) -> list[Float]:
    """All parts, each at a desk of its own; the gradients in the order of the parts."""
    if len(parts) == 1:
        return [desks[0].run(theta, *parts[0], todo)]
    return each(lambda k: desks[k].run(theta, *parts[k], todo), range(len(parts)), threads)
