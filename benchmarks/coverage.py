"""How often 95 % intervals and bands hold the truth, Wald's and profiles', on simulated data sets.

    python -m benchmarks.coverage [--sets 200] [--bands 50] [--problem NAME] [--json FILE]

A share between 91 and 98 % is what 200 sets allow of an exact 95 %. In the last problem Wald's intervals are
known to fail: the rate is close to saturation, where the loss is flat to one side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import pysymude as psu
from benchmarks.harness import arguments, finish

S, I, x, y = psu.states("S I x y", positive=True)  # noqa: E741
a, b, c, d, g, k, V, K = psu.parameters("a b c d g k V K", positive=True)


@dataclass(frozen=True)
class Problem:
    """A system with the truth as its start, and how its data are made."""

    system: psu.ODESystem
    data: Callable[[int], psu.Dataset]
    judged: tuple[str, ...] = ("wald", "profile")

    @property
    def truth(self) -> dict[str, float]:
        """The values behind the data."""
        return {s.name: v for s, v in self.system.trainable.items()}


def clean(system: psu.ODESystem, u0: dict[Any, float], t: Any) -> np.ndarray:
    return psu.solve(system, u0=u0, t=t, reltol=1e-9, engine="native").u


def predators() -> Problem:
    """Lotka-Volterra, both species with noise that nobody gave; starts are known."""
    system = psu.ODESystem(
        {x: a * x - b * x * y, y: c * x * y - d * y}, trainable={a: 1.3, b: 0.9, c: 0.8, d: 1.8}
    )
    u0, t = {x: 1.0, y: 1.0}, np.linspace(0.0, 8.0, 21)
    exact = clean(system, u0, t)

    def data(seed: int) -> psu.Dataset:
        rng = np.random.default_rng([seed, 1])
        return psu.Dataset.from_arrays(
            t[1:], exact[1:] + 0.15 * rng.normal(size=exact[1:].shape), states=[x, y], u0=u0, t0=0.0
        )

    return Problem(system, data)


def epidemic() -> Problem:
    """Counts of an epidemic with scatter beyond Poisson's, whose size is learned."""
    system = psu.ODESystem(
        {S: -b * S * I / 10000, I: b * S * I / 10000 - g * I},
        trainable={b: 0.8, g: 0.3, k: 8.0},
        noise={I: psu.NegativeBinomial(k)},
    )
    u0, t = {S: 9990.0, I: 10.0}, np.arange(0.0, 40.0)
    mean = clean(system, u0, t)[:, 1:]

    def data(seed: int) -> psu.Dataset:
        counts = np.random.default_rng([seed, 2]).negative_binomial(8.0, 8.0 / (8.0 + mean))
        return psu.Dataset.from_arrays(t, counts.astype(float), states=[I], u0=u0)

    return Problem(system, data)


def enzyme(start: float, noise: float, count: int) -> Problem:
    """Michaelis and Menten, from a concentration of so many constants, with known noise."""
    system = psu.ODESystem({x: -V * x / (K + x)}, trainable={V: 1.0, K: 1.0})
    u0, t = {x: start}, np.linspace(0.0, 1.5 * start, count)
    exact = clean(system, u0, t)

    def data(seed: int) -> psu.Dataset:
        rng = np.random.default_rng([seed, 3])
        return psu.Dataset.from_arrays(
            t[1:], exact[1:] + noise * rng.normal(size=exact[1:].shape), states=[x], u0=u0, t0=0.0,
            noise={x: noise},
        )  # fmt: skip

    return Problem(system, data)


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "lotka-volterra": predators,
    "sir, negative binomial": epidemic,
    "michaelis-menten": lambda: enzyme(4.0, 0.05, 16),
    "michaelis-menten, saturated": lambda: enzyme(4.0, 0.5, 7),
}


def covered(problem: Problem, sets: int) -> dict[str, dict[str, float]]:
    """The share of the data sets whose intervals hold the truth, by method and parameter."""
    held = {how: dict.fromkeys(problem.truth, 0) for how in problem.judged}
    # the truth as the start: another optimum would be another question
    for seed in range(sets):
        fit = psu.fit(
            problem.system,
            problem.data(seed),
            stages=psu.LBFGS(200),
            progress=False,
            engine="native",
        )
        for how in problem.judged:
            for name, (low, high) in fit.confidence_intervals(0.95, method=how).items():
                held[how][name] += low <= problem.truth[name] <= high
    return {how: {n: v / sets for n, v in found.items()} for how, found in held.items()}


def banded(problem: Problem, sets: int) -> dict[str, dict[str, float]]:
    """The share of values of the true curve inside of 95 % bands: along the data, and behind their end.

    Also of the profile of the first state behind the end.
    """
    plain = psu.ODESystem(problem.system.rhs)
    names = [state.name for state in plain.states]
    read = {str(s) for f in plain.rhs.values() for s in f.free_symbols}
    rates = {n: v for n, v in problem.truth.items() if n in read}
    held: dict[str, dict[str, float]] = {}
    for seed in range(sets):
        data = problem.data(seed)
        fit = psu.fit(problem.system, data, stages=psu.LBFGS(200), progress=False, engine="native")
        own = data[0]
        t = np.array([own.t0, *np.linspace(own.t[0] + 0.1, own.t[-1], 5), 1.25 * own.t[-1]])
        u0 = {name: own.u0[name] for name in names}
        truth = psu.solve(plain, u0=u0, t=t, parameters=rates, reltol=1e-9, engine="native")
        band = fit.predict(t, band=0.95)
        for name in names:
            inside = (band[name].lower <= truth[name]) & (truth[name] <= band[name].upper)
            for where, share in (("along", inside[1:-1].mean()), ("behind", inside[-1])):
                shares = held.setdefault(f"band, {where} the data", {})
                shares[name] = shares.get(name, 0.0) + share / sets
        first = names[0]
        low, high = psu.profile(fit, first, t[-1], progress=False).interval()
        shares = held.setdefault("profile, behind the data", {first: 0.0})
        shares[first] += (low <= truth[first][-1] <= high) / sets
    return held


def main() -> None:
    """All problems as one table."""
    options = arguments(__doc__ or "", sets=200, bands=50, problem="")
    rows: list[dict[str, Any]] = []
    for name, make in PROBLEMS.items():
        if options.problem in ("", name):
            both = covered(make(), options.sets) | banded(make(), options.bands)
            for how, shares in both.items():
                found = ", ".join(f"{n} {v:.1%}" for n, v in shares.items())
                rows.append({"problem": name, "method": how, "holds the truth": found})
                print(rows[-1], flush=True)
    finish("coverage of 95 % intervals", rows, options.json)


if __name__ == "__main__":
    main()
