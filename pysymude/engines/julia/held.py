"""Objects in Julia that are run again and again with other numbers, through memory that both sides see.

A call by way of a C function costs microseconds where one of juliacall costs a hundred.
"""

from __future__ import annotations

from threading import Lock
from typing import Any
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import BoundLoss, Evaluation, Linearised, Simulated
from pysymude.engines.julia.convert import from_julia, view
from pysymude.engines.julia.runtime import check_process, entry, package, translated
from pysymude.engines.loss_layout import LossLayout
from pysymude.plan.tolerance import lowered

__all__ = ["HeldLoss", "HeldSamples", "HeldSolves"]

Float = NDArray[np.float64]

# numbers of objects that nobody holds any more
_ABANDONED: list[int] = []
# their memory is shared: no other thread of Python may write while one runs
_LOCK = Lock()

_LARGE = 50_000_000  # numbers of derivatives that are formed at once

# what a run of a loss is told, as in entry.jl
_GRADIENT, _GIVEN = 1, 2


class _Held:
    """A Julia object and the number by which its C function knows it."""

    kept: Any = None  # what numbers that are addresses lead to

    def __init__(self, made: Any) -> None:
        self.object = made
        while _ABANDONED:
            package().release(_ABANDONED.pop())
        self.number = int(package().hold(made))
        self.call = entry()
        # not released at once: garbage may be collected in a thread where Julia must not run
        finalize(self, _ABANDONED.append, self.number).atexit = False

    def run_with(self, flag: int, doing: str) -> None:
        if self.call(self.number, flag):
            with translated(doing):  # it threw: again, by the way that tells what
                package().run_b(self.object, flag)


class HeldSamples(_Held, BoundLoss):
    """A ``Samples``."""

    def __init__(self, made: Any, layout: LossLayout) -> None:
        super().__init__(made)
        self.layout = layout
        self.theta, self.out = view(made.theta), view(made.out)

    def evaluate(self, theta: Float, *, gradient: bool) -> Evaluation:
        """One call: theta in, value, terms, outcomes and gradient out."""
        check_process()
        with _LOCK:
            self.fill(theta, _GRADIENT if gradient else 0)
            out = self.out.copy()
        return self.layout.read(out, theta, gradient=gradient)

    def fill(self, theta: Float, flag: int) -> None:
        """Everything that it writes, for the leading part of `theta` that it reads."""
        self.theta[:] = theta[: self.theta.size]
        self.run_with(flag, "evaluating a loss")


class HeldLoss(HeldSamples):
    """A ``Loss``."""

    def __init__(self, made: Any, layout: LossLayout, *, follows: bool) -> None:
        super().__init__(made, layout)
        self.linked = bool((view(made.link) > 0).any())
        self.observed, self.given = view(made.observed).T, view(made.given).T
        self.t0, self.ts = view(made.t0), view(made.ts).T
        self.follows = follows
        # the absolute tolerances go down with the states that are met
        self.seen, self.abstol = view(made.seen), view(made.tolerances.abstol)
        self.reltol = float(made.tolerances.reltol)

    def fill(self, theta: Float, flag: int) -> None:
        """The same, again where states were met that are too small for `abstol`."""
        super().fill(theta, flag)
        lower = lowered(self.abstol, self.seen, self.reltol) if self.follows else None
        if lower is not None:
            self.abstol[:] = lower
            super().fill(theta, flag)

    def simulate(self, theta: Float) -> Simulated:
        """What the model gives for each measurement at theta."""
        check_process()
        with _LOCK:
            self.fill(theta, 0)
            out, seen = self.out.copy(), np.array(self.observed, order="C")
            sizes = self.seen.copy()[None]
        found = self.layout.read(out, theta, gradient=False)
        return Simulated(seen, found.terms, found.retcodes, found.steps, sizes)

    def pull(self, theta: Float, given: Float) -> Evaluation:
        """The gradient of a loss whose derivatives by what `simulate` gives are `given`."""
        check_process()
        with _LOCK:
            self.given[...] = given
            self.fill(theta, _GRADIENT | _GIVEN)
            out = self.out.copy()
        return self.layout.read(out, theta, gradient=True)

    def linearise(
        self, theta: Float, asked: NDArray[np.bool_], directions: Float | None = None
    ) -> Linearised:
        """What the model gives, and its derivatives at the places asked, by tangents where steps are known."""
        found = None
        if not self.linked and asked.size * theta.size <= _LARGE:
            found = self._linearised(theta)
        if found is None:
            return super().linearise(theta, asked, directions)
        simulated, each = found
        slopes = np.zeros((int(asked.sum()), theta.size))
        slopes[:, : each.shape[-1]] = each[asked]
        if not all(code.successful for code in simulated.retcodes):
            slopes[:] = np.nan
        return Linearised(simulated, slopes if directions is None else slopes @ directions.T)

    def _linearised(self, theta: Float) -> tuple[Simulated, Float] | None:
        """With derivatives of everything, (E, T, columns, theta)."""
        check_process()
        with _LOCK:
            self.fill(theta, 0)
            out, seen = self.out.copy(), np.array(self.observed, order="C")
            sizes = self.seen.copy()[None]
            with translated("differentiating what is observed"):
                made = package().linearise(self.object)
            each = None if made is None else from_julia(made)
        if each is None:
            return None
        found = self.layout.read(out, theta, gradient=False)
        return Simulated(seen, found.terms, found.retcodes, found.steps, sizes), each

    def retime(self, t0: Float, ts: Float) -> None:
        """Other times from now on."""
        with _LOCK:
            self.t0[:], self.ts[...] = t0, ts


class HeldSolves(_Held):
    """A ``Repeated``: initial value problems of given sizes."""

    def __init__(self, made: Any) -> None:
        super().__init__(made)
        batch, results = made.batch, made.results
        inputs = batch.t0, batch.u0, batch.q, batch.ts, batch.theta, batch.scalings, batch.abstol
        if len(batch.dose_t):
            inputs += batch.dose_t, batch.dose_state, batch.dose_amount
        self.inputs = [view(a).T for a in inputs]
        self.outputs = [view(a).T for a in (results.u, results.codes, results.stats, results.sizes)]

    def run(self, arrays: tuple[Float, ...], threads: int) -> list[NDArray[Any]]:
        """States (experiments, times, states), codes, counts (experiments, 4), sizes (experiments, states)."""
        check_process()
        with _LOCK:
            for inside, given in zip(self.inputs, arrays, strict=True):
                inside[...] = given
            self.run_with(threads, "solving")
            return [a.copy() for a in self.outputs]
