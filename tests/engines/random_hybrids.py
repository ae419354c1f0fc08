"""Random systems with events, kinks and doses, for the engines and for SciPy piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

import pysymude as psu
from pysymude.engines.base import BatchSolution, BoundLoss, Method
from pysymude.engines.registry import select_engine
from pysymude.plan.compiled import compile_system
from pysymude.plan.problem import Batch, Doses, LossData, LossSpec
from tests.engines.hybrid import Happening, Hybrid

MARCHES = {
    "native": ("Tsit5", "Vern7", "Rodas5P", "Rosenbrock23", "auto"),
    "julia": ("Tsit5", "Rodas5P", "auto"),
}
"""The solvers of each engine that know jumps in losses."""

PARAMETERS = psu.parameters("a b c d")


def with_values(system: psu.ODESystem, values: dict[Any, float]) -> psu.ODESystem:
    """The system with other starting values of what is learned."""
    return system.replace(trainable={**system.trainable, **values})


def doses_of(rows: list[tuple[float, int, float, int]]) -> Doses | None:
    """Doses of one experiment: (time, state, amount, place in theta)."""
    if not rows:
        return None
    t, state, amount, index = (np.array([column]) for column in zip(*rows, strict=True))
    return Doses(
        t.astype(float), state.astype(np.int32), amount.astype(float), index.astype(np.int32)
    )


@dataclass
class Case:
    """One system; `doses` are (time, state, amount)."""

    states: tuple[Any, ...]
    values: Any
    rhs: dict[Any, Any]
    events: list[psu.Event]
    doses: list[tuple[float, int, float]]
    ts: Any
    u0: Any

    def oracle(self) -> Hybrid:
        """The same for SciPy."""

        def function(expr: Any) -> Any:
            made = sp.lambdify((psu.t, self.states, PARAMETERS), expr, "numpy")
            return lambda t, u: made(t, u, self.values)

        happenings: list[Happening] = []
        for event in self.events:
            after = function([event.set.get(x, x) for x in self.states])
            happenings.append(Happening(function(event.expr), event.direction, after))
        return Hybrid(function(list(self.rhs.values())), happenings, self.doses)

    def solve(self, engine: str, solver: str, tol: float) -> BatchSolution:
        """By an engine."""
        named = dict(zip(PARAMETERS, self.values, strict=True))
        plan = compile_system(psu.ODESystem(self.rhs, parameters=named, events=self.events))
        doses = doses_of([(*dose, -1) for dose in self.doses])
        batch = Batch(
            np.zeros(1), self.u0[None], plan.default_parameters[None], self.ts[None], doses=doses
        )
        made, method = select_engine(engine), Method(solver, tol, 1e-2 * tol)
        return made.solve(made.compile(plan), batch, np.zeros(0), method)

    def loss(self, engine: str, solver: str, way: str, tol: float, seed: int) -> Any:
        """A loss over random numbers in which every second dose and all starts are learned; its theta."""
        named = dict(zip(PARAMETERS, self.values, strict=True))
        plan = compile_system(psu.ODESystem(self.rhs, trainable=named, events=self.events))
        n, theta = len(self.states), [*self.values, *self.u0]
        rows: list[tuple[float, int, float, int]] = []
        for i, dose in enumerate(self.doses):
            rows.append((*dose, len(theta) if i % 2 == 0 else -1))
            theta += [dose[2]] if i % 2 == 0 else []
        batch = Batch(
            np.zeros(1),
            self.u0[None],
            plan.default_parameters[None],
            self.ts[None],
            doses=doses_of(rows),
        )
        rng = np.random.default_rng(seed)
        y = rng.normal(size=(1, len(self.ts), n))
        starts = len(self.values) + np.arange(n, dtype=np.int32)[None]
        data = plain_loss(batch, y, 1.0 * (rng.random(y.shape) < 0.7), starts)
        made, method = select_engine(engine), Method(solver, tol, 1e-2 * tol, sensealg=way)
        spec = LossSpec(tuple(x.name for x in self.states))
        bound: BoundLoss = made.loss(made.compile(plan), spec, data, method)
        return bound, np.array(theta)


def plain_loss(batch: Batch, y: Any, weight: Any, starts: Any) -> LossData:
    """A sum of squares of one experiment or several, without laws or links."""
    E, T, n = y.shape
    return LossData(
        batch, y, weight, starts, np.full(E, -1, dtype=np.int32), np.ones(n), np.zeros(n, dtype=bool),
        np.eye(n), np.zeros((E, T, 0)), np.zeros((E, T)),
    )  # fmt: skip


def random_case(seed: int) -> Case:
    """One to three states, one to three events on states or time, up to four doses."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 4))
    states = tuple(psu.states(f"x0:{n}"))
    a, b, c, d = PARAMETERS
    values = rng.uniform(0.3, 1.5, 4)

    def number(low: float, high: float) -> sp.Expr:
        return sp.Float(round(float(rng.uniform(low, high)), 3))

    def mixed() -> Any:
        return sp.Add(*(number(-1.5, 1.5) * x for x in states))

    rhs: dict[Any, Any] = {}
    for i, x in enumerate(states):
        f = -a * x + b * sp.sin(states[(i + 1) % n] + c * psu.t) + d / 10 + number(-1.5, 1.5)
        rhs[x] = f + d * sp.Max(mixed(), 0) / 2 if rng.random() < 0.4 else f
    events: list[psu.Event] = []
    for j in range(int(rng.integers(1, 4))):
        kind = rng.random()
        if kind < 0.2:
            expr = psu.t - c * number(0.5, 3)
        elif kind < 0.35:
            expr = sp.sin(3 * psu.t + a)
        else:
            expr = mixed() - number(-1, 1)
            expr += number(0.1, 0.4) * sp.cos(d * psu.t) if rng.random() < 0.4 else 0
        which = rng.choice(n, int(rng.integers(1, n + 1)), replace=False)
        given = {
            states[w]: number(-0.8, 0.8) * states[w]
            + (d * number(-1, 1) if rng.random() < 0.7 else b * states[(w + 1) % n])
            + (sp.sin(psu.t) if rng.random() < 0.3 else 0)
            for w in which
        }
        direction = int(rng.integers(-1, 2))
        events.append(psu.Event(expr, set=given, direction=direction, name=f"e{j}"))
    when = np.sort(np.round(rng.uniform(0.0, 4.0, int(rng.integers(0, 5))), 2))
    if len(when) and rng.random() < 0.4:
        when[0] = 0.0
    if len(when) > 1 and rng.random() < 0.3:
        when[1] = when[0]
    doses = [(float(s), int(rng.integers(n)), round(float(rng.normal()), 3)) for s in when]
    ts = np.unique(np.r_[np.linspace(0.0, 4.0, 33), when])
    return Case(states, values, rhs, events, doses, ts, rng.normal(size=n))
