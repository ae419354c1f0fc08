"""Twelve people and one drug by mouth: how fast it is lost is a network that they share, volumes are their own.

    python examples/theophylline_population.py

The theophylline study (Boeckmann, Sheiner and Beal, NONMEM Users Guide V, 1994; the data set `Theoph` of R):
doses in mg/kg at time 0, concentrations in mg/l over 24 hours; theophylline.csv holds its figures. A network of
the concentration stands for the rate constant of elimination. Each subject has a volume and an absorption rate of
its own, drawn from populations whose medians are learned. Beside it the same with one rate constant for all, and
SciPy's least squares of the closed form for each subject by itself.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import sympy as sp
from scipy.optimize import least_squares

import pysymude as psu

gut, blood = psu.states("gut blood")
m_ka, m_v, ke, s = psu.parameters("m_ka m_V ke s", positive=True)
d_ka, d_v = psu.parameters("d_ka d_V")
ka, V = m_ka * sp.exp(d_ka), m_v * sp.exp(d_v)
nn = psu.MLP("nn", inputs=[blood / (10 * V)], outputs=1, hidden=4)
# deviations from the population, on the logarithm
POPULATION = {d_v: psu.Normal(0, 0.2), d_ka: psu.Normal(0, 0.7)}
STARTS = {m_ka: 1.5, m_v: 0.5, d_ka: 0.0, d_v: 0.0, s: 0.5}


def model(rate: sp.Expr, **more: dict) -> psu.ODESystem:
    """One compartment that loses the drug at a rate constant."""
    return psu.ODESystem(
        {gut: -ka * gut, blood: ka * gut - rate * blood},
        observables={"conc": blood / V},
        noise={"conc": s},
        **more,
    )


def study() -> psu.Dataset:
    """All subjects, without what was measured before the dose."""
    with (Path(__file__).parent / "theophylline.csv").open() as file:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    subjects = [[r for r in rows if r["subject"] == k] for k in range(1, 13)]
    measured = [[r for r in own if r["time"] > 0] for own in subjects]
    return psu.Dataset.from_arrays(
        [[r["time"] for r in own] for own in measured],
        [[[r["concentration"]] for r in own] for own in measured],
        states=["conc"], t0=0.0, u0={gut: 0.0, blood: 0.0},
        doses=[{gut: [(0.0, own[0]["dose"])]} for own in subjects],
        name=[f"{k}" for k in range(1, 13)],
    )  # fmt: skip


def by_scipy(data: psu.Dataset) -> float:
    """The root mean square residual where each subject has a ka, ke and V of the closed form to itself."""
    total = []
    for subject in data:
        dose = subject.doses["gut"][0][1]

        def residuals(z, subject=subject, dose=dose):
            a, e, v = np.exp(z)
            return (
                dose * a / (v * (a - e)) * (np.exp(-e * subject.t) - np.exp(-a * subject.t))
                - subject.u[:, 0]
            )

        total.append(least_squares(residuals, np.log([1.5, 0.08, 0.5])).fun)
    return float(np.sqrt(np.mean(np.concatenate(total) ** 2)))


def main() -> dict[str, psu.FitResult]:
    """Prints all three; returns the fits."""
    data = study()
    plain = model(ke, trainable={**STARTS, ke: 0.08})
    unknown = model(0.08 * sp.exp(nn[0]), trainable=STARTS, priors={nn: psu.Normal(0, 5)})
    fits = {
        name: psu.fit(system, data, per_experiment=POPULATION, progress=False)
        for name, system in (("one rate constant", plain), ("a network", unknown))
    }
    print(f"SciPy, three parameters for each subject: RMS {by_scipy(data):.4f} mg/l")
    for name, fit in fits.items():
        print(
            f"{name}: RMS {fit.residuals.table[0].rms:.4f} mg/l, loss {fit.loss:.2f}, {fit.retcode.name}"
        )
    fit = fits["a network"]
    c = np.array([1.0, 3.0, 6.0, 9.0])
    rates = 0.08 * np.exp(fit.network(nn, c[:, None] / 10)[:, 0])
    print("rate constant at 1, 3, 6, 9 mg/l: " + ", ".join(f"{r:.4f}" for r in rates) + " per h")
    own = fit.parameters["m_V"] * np.exp([fit.parameters[f"d_V_{k}"] for k in range(1, 13)])
    print("volumes: " + ", ".join(f"{v:.3f}" for v in own) + " l/kg")
    return fits


if __name__ == "__main__":
    main()
