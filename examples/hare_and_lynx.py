"""Hare and lynx, 1900 to 1920: Lotka-Volterra with starts and noise learned from the series itself.

    python examples/hare_and_lynx.py

Pelts of the Hudson's Bay Company, see `Dataset.hudson_bay`. As in Carpenter's case study (Predator-Prey
Population Dynamics, Stan 2018) the logarithms scatter; beside it plain least squares by SciPy, which lets the
large years decide.
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares

import pysymude as psu

hare, lynx = psu.states("hare lynx", positive=True)
a, b, c, d, s, r = psu.parameters("a b c d s r", positive=True)
MODEL = psu.ODESystem(
    {hare: a * hare - b * hare * lynx, lynx: c * hare * lynx - d * lynx},
    trainable={a: 0.5, b: 0.03, c: 0.03, d: 0.8, s: 0.3, r: 0.3},
    noise={hare: psu.LogNormal(s), lynx: psu.LogNormal(r)},
)


def by_scipy(data: psu.Dataset) -> np.ndarray:
    """The four rates by least squares of the numbers themselves."""
    t, u = data[0].t, data[0].u

    def residuals(z: np.ndarray) -> np.ndarray:
        p, start = np.exp(z[:4]), np.exp(z[4:])

        def f(_: float, w: np.ndarray) -> list[float]:
            return [p[0] * w[0] - p[1] * w[0] * w[1], p[2] * w[0] * w[1] - p[3] * w[1]]

        return (solve_ivp(f, (t[0], t[-1]), start, t_eval=t, rtol=1e-8, atol=1e-8).y.T - u).ravel()

    start = np.log([0.5, 0.03, 0.03, 0.8, *u[0]])
    return np.exp(least_squares(residuals, start).x[:4])


def main() -> psu.FitResult:
    """Prints both; returns the fit."""
    data = psu.Dataset.hudson_bay()
    fit = psu.fit(MODEL, data, progress=False)
    plain = by_scipy(data)
    print("SciPy, least squares: a = {:.3f}, b = {:.4f}, c = {:.4f}, d = {:.3f}".format(*plain))
    print(
        "log-normal noise:     a = {a:.3f}, b = {b:.4f}, c = {c:.4f}, d = {d:.3f}".format(
            **fit.parameters
        )
    )
    print("Carpenter (means):    a = 0.545, b = 0.0276, c = 0.0241, d = 0.804; noise 0.25 and 0.25")
    print(fit.summary())
    return fit


if __name__ == "__main__":
    main()
