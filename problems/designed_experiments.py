"""Experiments to design: systems at their truth, what may be chosen, and refits of simulated data."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import least_squares

import pysymude as psu

__all__ = ["PROBLEMS", "Problem", "compared"]

x, y = psu.states("x y", positive=True)
a, b, c, d, V, K = psu.parameters("a b c d V K", positive=True)
fishing = psu.Signal("fishing", "previous")


@dataclass(frozen=True)
class Problem:
    """A system at its truth, the experiment that is done again, and what may be chosen in it.

    Attributes
    ----------
    fit : FitResult
        The truth: what data without errors gave, or a network that was fitted to some.
    options : mapping
        Keywords of `psu.design`.
    """

    fit: psu.FitResult
    noise: float
    options: Mapping[str, Any]

    @property
    def wanted(self) -> tuple[str, ...]:
        """The parameters that count."""
        return tuple(s.name for s in self.options["parameters"])

    @property
    def first(self) -> psu.Trajectory:
        """The experiment as it was."""
        return self.fit.data[0]

    def experiments(self, times: Any, numbers: Any, settings: Any) -> list[psu.Trajectory]:
        """Experiments to measure, with nothing measured yet; before them what is measured anyway."""
        found = [self.first] if self.options.get("after") else []
        for e in np.unique(numbers):
            setting = {"u0": self.first.u0, "signals": self.first.signals} | dict(settings[e])
            if not setting["signals"]:
                setting.pop("signals")
            t = np.asarray(times)[numbers == e]
            found.append(
                psu.Trajectory.from_arrays(
                    t, np.ones((t.size, len(self.first.columns))), states=self.first.columns,
                    t0=0.0, noise=self.noise, name=f"designed {e}", **setting,
                )
            )  # fmt: skip
        return found

    def refitted(self, experiments: list[psu.Trajectory], sets: int) -> np.ndarray:
        """Logarithms of what is wanted from each simulated set (sets, wanted)."""
        system, truth = self.fit.system, self.fit.theta
        obj = self.fit.objective.rebuilt(system, psu.Dataset(experiments), weigh=False, reltol=1e-8)
        exact = obj.simulated(truth)
        counted = obj.loss.weight > 0
        # weights of networks are measurements of 0 with the error 1
        prior = np.concatenate(
            [np.arange(s.slice.start, s.slice.stop) for s in obj.layout.of_kind("weight")] or [[]]
        ).astype(int)
        pulled = np.eye(truth.size)[prior]
        slots = [obj.layout[name] for name in self.wanted]
        rows: list[list[float]] = []
        for seed in range(sets):
            rng = np.random.default_rng([seed, len(experiments), experiments[-1].t.size])
            errors = rng.normal(size=exact.shape)[counted]
            shift = exact[counted] / self.noise + errors

            def residuals(theta: np.ndarray, shift: np.ndarray = shift) -> np.ndarray:
                seen = obj.simulated(theta)[counted] / self.noise
                return np.concatenate([shift - seen, theta[prior]])

            def jacobian(theta: np.ndarray) -> np.ndarray:
                return np.concatenate([obj.jacobian(theta), pulled])

            found = least_squares(
                residuals, truth, jac=jacobian, x_scale="jac", method="lm", max_nfev=60
            )
            rows.append([float(np.log(s.natural(found.x[s.offset]))) for s in slots])
        return np.array(rows)


def fitted(system: psu.ODESystem, truth: Any, u0: Any, t: Any, noise: float, **more: Any) -> Any:
    """A fit of what the truth gives, without errors."""
    u = psu.solve(truth, u0=u0, t=t, reltol=1e-9, engine="native", **more).u
    data = psu.Dataset.from_arrays(
        t[1:], u[1:], states=list(truth.states), u0=u0, t0=0.0, noise=noise, **more
    )
    return psu.fit(system, data, stages=psu.LBFGS(1000), progress=False, engine="native")


def predators() -> Problem:
    """Lotka-Volterra: eight times at which both species are counted."""
    rhs = {x: a * x - b * x * y, y: c * x * y - d * y}
    true = {a: 1.0, b: 1.0, c: 1.0, d: 1.0}
    fit = fitted(
        psu.ODESystem(rhs, trainable=true), psu.ODESystem(rhs, parameters=true), {x: 0.5, y: 0.7},
        np.linspace(0.0, 12.0, 9), 0.02,
    )  # fmt: skip
    grid = {"t": np.linspace(0.25, 12.0, 48)}
    return Problem(fit, 0.02, {"candidates": grid, "n": 8, "parameters": [a, b, c, d]})


def enzyme() -> Problem:
    """Michaelis and Menten: six measurements, from two concentrations."""
    rhs = {x: -V * x / (K + x)}
    true = {V: 1.0, K: 1.0}
    fit = fitted(
        psu.ODESystem(rhs, trainable=true), psu.ODESystem(rhs, parameters=true), {x: 2.0},
        np.linspace(0.0, 6.0, 7), 0.01,
    )  # fmt: skip
    choice = {"t": np.linspace(0.25, 6.0, 24), "u0": {x: [2.0, 4.0]}}
    options = {"candidates": choice, "n": 6, "parameters": [V, K], "replicates": True}
    return Problem(fit, 0.01, options)


def fished() -> Problem:
    """Growth and death beside a network: one more experiment, with fishing and ten times to choose."""
    f = fishing(psu.t)

    def model(interaction: Any, **keywords: Any) -> psu.ODESystem:
        rhs = {x: a * x - interaction - 0.4 * f * x, y: interaction - d * y - 0.2 * f * y}
        return psu.ODESystem(rhs, **keywords)

    nn = psu.MLP("nn", inputs=[x, y], outputs=1, hidden=(4,))
    fit = fitted(
        model(nn[0] * x * y, trainable={a: 0.8, d: 0.8}, priors={nn: psu.Normal(0, 1)}),
        model(x * y, parameters={a: 1.0, d: 1.0}), {x: 0.5, y: 0.7}, np.linspace(0.0, 12.0, 11),
        0.01, signals={fishing: ([0.0], [0.0])},
    )  # fmt: skip
    control = {fishing: {"t": np.arange(0.0, 12.0, 2.0), "levels": [0.0, 1.0]}}
    options = {
        "candidates": {"t": np.linspace(0.25, 12.0, 48), "signals": control},
        "n": 10, "parameters": [a, d], "experiments": 1, "after": True,
    }  # fmt: skip
    return Problem(fit, 0.01, options)


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "lotka-volterra": predators,
    "michaelis-menten": enzyme,
    "lotka-volterra with a network and fishing": fished,
}


def volume(logs: np.ndarray) -> float:
    """The root of the determinant of the covariance."""
    return float(np.exp(0.5 * np.linalg.slogdet(np.cov(logs.T))[1]))


def compared(problem: Problem, sets: int) -> list[dict[str, Any]]:
    """Rows for equal distances, the greedy and the relaxed design."""
    rows: list[dict[str, Any]] = []
    designs: dict[str, psu.Design] = {}
    for method in ("greedy", "relaxed"):
        begun = time.perf_counter()
        designs[method] = psu.design(problem.fit, method=method, progress=False, **problem.options)
        rows.append({"design": method, "seconds": time.perf_counter() - begun})
    any_one = designs["greedy"]
    grid, n = any_one.candidates.times, problem.options["n"]
    even = np.linspace(grid.min(), grid.max(), n)
    even = grid[np.abs(grid[None] - even[:, None]).argmin(axis=1)]
    usual = problem.refitted(problem.experiments(even, np.zeros(n, int), [{}]), sets)
    base = {"promised": np.exp(0.5 * any_one.equidistant), "found": volume(usual)}
    first = {"design": "equidistant", "volume": base["promised"], "by refits": base["found"]}
    measured = 0.0
    for row in rows:
        found = designs[row["design"]]
        if found is any_one or found.value != any_one.value:
            asked = problem.experiments(found.times, found.experiments, found.settings)
            measured = volume(problem.refitted(asked, sets))
        row |= {
            "volume": float(np.exp(0.5 * found.value)), "by refits": measured, "gain": found.gain,
            "gain by refits": base["found"] / measured, "efficiency": found.efficiency,
            "excess": found.excess,
        }  # fmt: skip
    return [first, *rows]
