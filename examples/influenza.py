"""An epidemic in a boarding school, by least squares, as Poisson counts, and with more scatter than those.

    python examples/influenza.py

Boys in bed on each of fifteen days, of 763: Anonymous, Influenza in a boarding school, British Medical
Journal 1 (1978), 587. Beside it the same sum of squares by SciPy.
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares

import pysymude as psu

IN_BED = np.array([1, 3, 8, 28, 75, 221, 291, 255, 235, 190, 125, 70, 28, 12, 5.0])
DAYS = np.arange(15.0)
BOYS = 763

S, I = psu.states("S I")  # noqa: E741 - the field's name
b, g, k = psu.parameters("b g k", positive=True)
SIR = {S: -b * S * I / BOYS, I: b * S * I / BOYS - g * I}
START = {S: BOYS - 1, I: 1}


def fit(noise: object = None, **trainable: float) -> psu.FitResult:
    """The counts with a noise model, or by least squares with a standard deviation of 15."""
    system = psu.ODESystem(
        SIR, trainable={b: 1.0, g: 0.5, **trainable}, noise={} if noise is None else {I: noise}
    )
    data = psu.Dataset.from_arrays(
        DAYS, IN_BED[:, None], states=[I], u0=START, noise=15 if noise is None else None
    )
    return psu.fit(system, data, progress=False)


def by_scipy() -> tuple[float, float, float]:
    """b, g and the sum of squares."""

    def residuals(p: np.ndarray) -> np.ndarray:
        def f(t: float, u: np.ndarray) -> list[float]:
            return [-p[0] * u[0] * u[1] / BOYS, p[0] * u[0] * u[1] / BOYS - p[1] * u[1]]

        u = solve_ivp(f, (0, 14), [BOYS - 1, 1], t_eval=DAYS, rtol=1e-9, atol=1e-9).y[1]
        return (u - IN_BED) / 15

    found = least_squares(residuals, [1.0, 0.5])
    return float(found.x[0]), float(found.x[1]), 2 * float(found.cost)


def main() -> dict[str, psu.FitResult]:
    """Prints the three fits; returns them."""
    beta, gamma, squares = by_scipy()
    print(f"SciPy least_squares:  b = {beta:.4f}, g = {gamma:.4f}, sum of squares {squares:.4f}")
    fits = {
        "least squares": fit(),
        "Poisson": fit(psu.Poisson()),
        "negative binomial": fit(psu.NegativeBinomial(k), k=5.0),
    }
    for name, found in fits.items():
        p = found.parameters
        likelihood = found.objective.log_likelihood(found.theta)
        print(
            f"{name + ':':<21} b = {p['b']:.4f}, g = {p['g']:.4f}, loss {found.loss:.4f}, "
            f"log-likelihood {likelihood:.2f}"
        )
    print(fits["negative binomial"].summary())
    return fits


if __name__ == "__main__":
    main()
