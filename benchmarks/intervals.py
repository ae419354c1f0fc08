"""Profiles, sampled quantiles and exact answers beside those of others, in one run.

    python -m benchmarks.intervals [--draws 2000] [--json FILE]

Profiles: `psu.profile` on an ODE, SciPy by hand on the closed form of its solution, and lmfit's conf_interval on
the same closed form and on the ODE solved by SciPy. Noise is estimated from the residuals in all of them.
Quantiles: `psu.sample` beside emcee by hand on the closed form, and beside an exact normal posterior; the
difference is given in its Monte Carlo error. lmfit is part of the extra `benchmarks`; without it its rows are
left out.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import integrate, optimize, special, stats

import pysymude as psu
from benchmarks.harness import arguments, finish

x = psu.states("x", positive=True)
A, k, V, K = psu.parameters("A k V K", positive=True)
LEVELS = (0.6827, 0.95)
QUANTILES = (0.025, 0.5, 0.975)


@dataclass(frozen=True)
class Problem:
    """A system of two parameters, its data, and the closed form of its solution."""

    system: psu.ODESystem
    t: np.ndarray
    values: np.ndarray
    noise: float
    start: float | None
    solution: Callable[..., np.ndarray]
    rhs: Callable[..., Any]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters."""
        return tuple(s.name for s in self.system.trainable)

    def data(self, *, noise: bool) -> psu.Dataset:
        """With the noise known or not."""
        given: dict[str, Any] = {} if self.start is None else {"u0": {x: self.start}, "t0": 0.0}
        if noise:
            given["noise"] = {x: self.noise}
        return psu.Dataset.from_arrays(self.t, self.values[:, None], states=[x], **given)

    def fit(self, *, noise: bool) -> psu.FitResult:
        """By the native engine, tightly."""
        return psu.fit(
            self.system, self.data(noise=noise), reltol=1e-9, progress=False, engine="native"
        )

    def squares(self, logs: np.ndarray) -> float:
        """The sum of squares at logarithms of the parameters, by the closed form."""
        return float(((self.solution(self.t, *np.exp(logs)) - self.values) ** 2).sum())


def decay() -> Problem:
    """A exp(-k t), of eight noisy points."""
    t = np.linspace(0.0, 3.0, 8)
    values = 2.0 * np.exp(-0.8 * t) + 0.3 * np.random.default_rng(5).normal(size=t.size)
    system = psu.ODESystem({x: -k * x}, trainable={A: 1.0, k: 1.0}, initial={x: A})
    return Problem(
        system, t, values, 0.3, None, lambda t, a, r: a * np.exp(-r * t), lambda _, u, a, r: -r * u
    )


def enzyme() -> Problem:
    """Michaelis and Menten: K W(x0/K exp((x0 - V t)/K)), with Lambert's W."""

    def solution(t: np.ndarray, v: float, c: float) -> np.ndarray:
        # W(exp(y)) without overflow is Wright's omega
        return c * special.wrightomega(np.log(4.0 / c) + (4.0 - v * t) / c).real

    t = np.linspace(0.0, 6.0, 16)[1:]
    values = solution(t, 1.0, 1.0) + 0.1 * np.random.default_rng(1).normal(size=t.size)
    system = psu.ODESystem({x: -V * x / (K + x)}, trainable={V: 1.0, K: 1.0})
    return Problem(system, t, values, 0.1, 4.0, solution, lambda _, u, v, c: -v * u / (c + u))


PROBLEMS: dict[str, Callable[[], Problem]] = {"decay": decay, "michaelis-menten": enzyme}


def by_scipy(problem: Problem, level: float) -> dict[str, tuple[float, float]]:
    """Where the least squares with one parameter held rise as far as Student's t asks, by hand."""
    tight = {"xatol": 1e-10, "fatol": 1e-14, "maxiter": 5000}
    best = optimize.minimize(problem.squares, np.zeros(2), method="Nelder-Mead", options=tight)
    free = problem.t.size - 2
    top = best.fun * (1.0 + stats.t.ppf(0.5 + level / 2, free) ** 2 / free)
    found: dict[str, tuple[float, float]] = {}
    for j, name in enumerate(problem.names):

        def over(z: float, j: int = j) -> float:
            def along(other: float) -> float:
                return problem.squares(np.array([z, other] if j == 0 else [other, z]))

            middle = best.x[1 - j]
            inner = optimize.minimize_scalar(
                along, bounds=(middle - 4, middle + 4), method="bounded", options={"xatol": 1e-10}
            )
            return inner.fun - top

        z = best.x[j]
        ends = optimize.brentq(over, z - 3.0, z), optimize.brentq(over, z, z + 3.0)
        found[name] = float(np.exp(ends[0])), float(np.exp(ends[1]))
    return found


def by_lmfit(
    problem: Problem, level: float, *, closed: bool
) -> dict[str, tuple[float, float]] | None:
    """lmfit's conf_interval, by the closed form or with the ODE solved by SciPy."""
    if importlib.util.find_spec("lmfit") is None:
        return None
    import lmfit

    given = lmfit.Parameters()
    for name in problem.names:
        given.add(name, value=1.0, min=1e-6)

    def residuals(parameters: Any) -> np.ndarray:
        values = [parameters[name].value for name in problem.names]
        if closed:
            return problem.solution(problem.t, *values) - problem.values
        start = values[0] if problem.start is None else problem.start
        ts = np.unique(np.concatenate([[0.0], problem.t]))
        sol = integrate.solve_ivp(
            problem.rhs,
            (0.0, ts[-1]),
            [start],
            t_eval=ts,
            args=tuple(values),
            rtol=1e-9,
            atol=1e-10,
        )
        return sol.y[0, -problem.t.size :] - problem.values

    mini = lmfit.Minimizer(residuals, given)
    found = lmfit.conf_interval(mini, mini.minimize(), sigmas=[level])
    return {name: (found[name][0][1], found[name][-1][1]) for name in problem.names}


def profiles() -> list[dict[str, Any]]:
    """Intervals of all methods, and how far each end is from SciPy's in parts of the interval."""
    rows: list[dict[str, Any]] = []
    for title, make in PROBLEMS.items():
        problem = make()
        fit = problem.fit(noise=False)
        for level in LEVELS:
            right = by_scipy(problem, level)
            methods: dict[str, Any] = {
                "SciPy by hand": right,
                "psu.profile": {
                    n: psu.profile(fit, n, level=level, progress=False).interval()
                    for n in problem.names
                },
                "lmfit, closed form": by_lmfit(problem, level, closed=True),
                "lmfit, ODE by SciPy": by_lmfit(problem, level, closed=False),
            }
            for method, found in methods.items():
                for name in problem.names if found else ():
                    low, high = found[name]
                    width = right[name][1] - right[name][0]
                    off = max(abs(low - right[name][0]), abs(high - right[name][1])) / width
                    rows.append({
                        "problem": title, "parameter": name, "level": level, "method": method,
                        "low": low, "high": high, "off": off,
                    })  # fmt: skip
    return rows


def by_emcee(problem: Problem, draws: int) -> dict[str, np.ndarray]:
    """Walkers on the closed form: flat in natural units, the noise known; (walkers, draws) by name."""
    import emcee

    def density(values: np.ndarray) -> float:
        if (values <= 0).any():
            return -np.inf
        return -0.5 * problem.squares(np.log(values)) / problem.noise**2

    rng = np.random.default_rng(0)
    begin = np.exp(optimize.minimize(problem.squares, np.zeros(2), method="Nelder-Mead").x)
    sampler = emcee.EnsembleSampler(20, 2, density)
    sampler.random_state = np.random.RandomState(1).get_state()
    state = sampler.run_mcmc(begin * np.exp(0.05 * rng.normal(size=(20, 2))), 1000)
    sampler.reset()
    sampler.run_mcmc(state, draws)
    chain = np.transpose(sampler.get_chain(), (1, 0, 2))
    return {name: chain[:, :, j] for j, name in enumerate(problem.names)}


def quantiles(draws: int) -> list[dict[str, Any]]:
    """Of draws by NUTS beside emcee's and exact ones, the differences in Monte Carlo errors."""
    import arviz

    def row(
        title: str, name: str, part: float, ours: Any, other: Any, whose: str
    ) -> dict[str, Any]:
        here = float(np.quantile(ours, part))
        error = float(arviz.mcse(np.asarray(ours), method="quantile", prob=part))
        if callable(other):
            there = float(other(part))
        else:
            there = float(np.quantile(other, part))
            error = float(np.hypot(error, arviz.mcse(other, method="quantile", prob=part)))
        return {
            "problem": title, "parameter": name, "quantile": part, "nuts": here, whose: there,
            "in Monte Carlo errors": (here - there) / error,
        }  # fmt: skip

    rows: list[dict[str, Any]] = []
    for title, make in PROBLEMS.items():
        problem = make()
        fit = problem.fit(noise=True)
        ours = psu.sample(fit, draws=draws, seed=3, predictive=False, progress=False)
        others = by_emcee(problem, draws)
        for name in problem.names:
            for part in QUANTILES:
                rows.append(
                    row(title, name, part, ours.posterior[name].values, others[name], "emcee")
                )
    line, slope = psu.states("line"), psu.parameters("slope")
    t = np.linspace(0.0, 2.0, 9)
    y = 1.3 * t + 0.4 * np.random.default_rng(0).normal(size=t.size)
    data = psu.Dataset.from_arrays(t, y[:, None], states=[line], u0={line: 0.0}, noise={line: 0.4})
    system = psu.ODESystem({line: slope}, trainable={slope: 1.0})
    fit = psu.fit(system, data, progress=False, engine="native")
    ours = psu.sample(fit, draws=draws, seed=4, predictive=False, progress=False)
    exact = stats.norm((t @ y) / (t @ t), 0.4 / np.sqrt(t @ t)).ppf
    for part in QUANTILES:
        rows.append(row("normal", "slope", part, ours.posterior["slope"].values, exact, "exact"))
    return rows


def main() -> None:
    """Both tables."""
    logging.getLogger("pysymude").setLevel(logging.ERROR)
    options = arguments(__doc__ or "", draws=2000)
    finish("intervals by profiles", profiles(), options.json)
    finish("quantiles of draws", quantiles(options.draws), options.json)


if __name__ == "__main__":
    main()
