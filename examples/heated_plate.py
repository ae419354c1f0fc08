"""A lamp heats a steel plate: the drive voltage is measured, how the plate loses heat is a network.

    python examples/heated_plate.py

The heating system of the DaISy collection (number 99-001, by R. Smith; used by Dullerud and Smith,
International Journal of Robust and Nonlinear Control 6 (1996), 1065): a 300 W halogen lamp above a thin
plate, volts in, degrees Celsius behind the plate out, every 2 s; heating_system.csv holds its 801 rows.
Before the start the plate was at rest at 6 V. Heat comes after a delay that is learned. Either the plate
loses it in proportion to its temperature, here and by SciPy's least squares, or that proportion is a network
of the temperature. The collection warns of discrepancies that no one model explains: what the voltages 9, 4,
8 and 3 teach, 7 and 6 do not follow within some kelvins.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import sympy as sp
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares

import pysymude as psu

plate, frame = psu.states("plate frame")
gain, power, loss, delay, k, q, scatter = psu.parameters(
    "gain power loss delay k q scatter", positive=True
)
ROOM = 25.0  # degrees Celsius, of a laboratory
voltage = psu.Signal("voltage", kind="previous")
nn = psu.MLP("nn", inputs=[plate / 100], outputs=1, hidden=5)
STARTS = {gain: 0.06, power: 2.0, loss: 0.02, delay: 3.0, k: 0.02, q: 0.005, scatter: 1.0}


def model(factor: object, **more: dict) -> psu.ODESystem:
    """Heat comes with a power of the voltage, a little late; what holds the plate follows it slowly."""
    return psu.ODESystem(
        {
            plate: gain * voltage(psu.t - delay) ** power
            - loss * factor * (plate - ROOM)
            - k * (plate - frame),
            frame: q * (plate - frame),
        },
        trainable=STARTS,
        bounds={delay: (0.0, 20.0)},
        initial={plate: 129.32, frame: 129.32},
        noise={"plate": scatter},
        **more,
    )


def measured() -> np.ndarray:
    """Rows of time, voltage and temperature, and one before the start, when nothing changed for long."""
    with (Path(__file__).parent / "heating_system.csv").open() as file:
        rows = [[float(cell) for cell in row] for row in list(csv.reader(file))[1:]]
    return np.array([[-100.0, 6.0, rows[0][2]], *rows])


def by_scipy(rows: np.ndarray) -> np.ndarray:
    """The first model's temperatures at all rows, fitted to them."""
    edges = rows[np.flatnonzero(np.diff(rows[:, 1], prepend=np.nan) != 0)]

    def run(z: np.ndarray) -> np.ndarray:
        a, e, h, late, k1, k2 = np.exp(z)
        u, found, t = np.array([129.32, 129.32]), [], 0.0
        for i, (_, v, _) in enumerate(edges):
            end = edges[i + 1, 0] + late if i + 1 < len(edges) else rows[-1, 0]
            own = rows[(rows[:, 0] >= t) & (rows[:, 0] < end), 0]
            sol = solve_ivp(
                lambda t, x, v=v: [a * v**e - h * (x[0] - ROOM) - k1 * (x[0] - x[1]), k2 * (x[0] - x[1])],
                (t, end), u, t_eval=np.append(own, end), rtol=1e-8, atol=1e-8, method="LSODA",
            )  # fmt: skip
            found.append(sol.y[0, : len(own)])
            u, t = sol.y[:, -1], end
        return np.append(np.concatenate(found), u[0])

    start = np.log([0.06, 2.0, 0.02, 3.0, 0.02, 0.005])
    fitted = least_squares(lambda z: run(z) - rows[1:, 2], start)
    return run(fitted.x)


def main() -> dict[str, float]:
    """Prints and returns the root mean square errors in kelvin."""
    rows = measured()
    found = {"SciPy, proportional": rms(by_scipy(rows) - rows[1:, 2])}
    signals, rows = {voltage: (rows[:, 0], rows[:, 1])}, rows[1:]
    data = psu.Dataset.from_arrays(
        rows[:, 0], rows[:, 2], states=[plate], signals=signals, trainable_u0=False
    )
    plain, unknown = model(1), model(sp.exp(nn[0]), priors={nn: psu.Normal(0, 1)})
    for name, system in (("proportional", plain), ("a network", unknown)):
        fit = psu.fit(system, data, stages=psu.LBFGS(700), progress=False)
        print(fit.summary(), "\n")
        found[name] = fit.residuals.table[0].rms
    for name, error in found.items():
        print(f"{name}: {error:.3f} K")
    return found


def rms(r: np.ndarray) -> float:
    """The root mean square."""
    return float(np.sqrt(np.mean(r**2)))


if __name__ == "__main__":
    main()
