"""A drug in the blood after a dose by mouth: one compartment, with noise that grows with what is measured.

    python examples/theophylline.py

The first subject of the theophylline study (Boeckmann, Sheiner and Beal, NONMEM Users Guide V, 1994; the data
set `Theoph` of R): 4.02 mg/kg at time 0, concentrations in mg/l over 24 hours. Beside it SciPy's least squares
of the logarithms of the closed form.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

import pysymude as psu

HOURS = np.array([0.25, 0.57, 1.12, 2.02, 3.82, 5.10, 7.03, 9.05, 12.12, 24.37])
MEASURED = np.array([2.84, 6.57, 10.50, 9.66, 8.58, 8.36, 7.47, 6.89, 5.94, 3.28])
DOSE = 4.02  # mg/kg

gut, blood = psu.states("gut blood")
ka, ke, V, s = psu.parameters("ka ke V s", positive=True)
MODEL = psu.ODESystem(
    {gut: -ka * gut, blood: ka * gut - ke * blood},
    trainable={ka: 1.0, ke: 0.1, V: 0.4, s: 0.2},
    observables={"conc": blood / V},
    noise={"conc": psu.LogNormal(s)},
)


def by_scipy() -> np.ndarray:
    """ka, ke and V of the closed form."""

    def residuals(z: np.ndarray) -> np.ndarray:
        a, e, v = np.exp(z)
        conc = DOSE * a / (v * (a - e)) * (np.exp(-e * HOURS) - np.exp(-a * HOURS))
        return np.log(conc / MEASURED)

    return np.exp(least_squares(residuals, np.log([1.0, 0.1, 0.4]), xtol=1e-12).x)


def main() -> psu.FitResult:
    """Prints both; returns the fit."""
    data = psu.Dataset.from_arrays(
        HOURS, MEASURED[:, None], states=["conc"], t0=0.0, u0={gut: DOSE, blood: 0.0}
    )
    fit = psu.fit(MODEL, data, progress=False)
    expected = by_scipy()
    print("SciPy, closed form:   ka = {:.4f}, ke = {:.5f}, V = {:.4f}".format(*expected))
    print(
        "pysymude:             ka = {ka:.4f}, ke = {ke:.5f}, V = {V:.4f}".format(**fit.parameters)
    )
    print(fit.summary())
    return fit


if __name__ == "__main__":
    main()
