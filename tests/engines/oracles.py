"""Gradients that owe nothing to any engine: central differences, and CVODES through CasADi."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from pysymude.model.dataset import Dataset
from pysymude.model.network import MLP

__all__ = ["LOTKA_VOLTERRA", "ROBERTSON", "CasadiCase", "casadi_gradient", "central_differences"]

Float = NDArray[np.float64]


def central_differences(
    value: Callable[[Float], float], theta: Float, directions: Float, step: float
) -> Float:
    """Slopes along each row of `directions`: steps h, h/2 and h/4, extrapolated twice to order 6."""

    def slope(d: Float) -> float:
        h = step / np.array([1.0, 2.0, 4.0])
        D = np.array([(value(theta + s * d) - value(theta - s * d)) / (2 * s) for s in h])
        D = (4 * D[1:] - D[:-1]) / 3
        return float((16 * D[1] - D[0]) / 15)

    return np.array([slope(d) for d in directions])


@dataclass(frozen=True)
class CasadiCase:
    """A universal system written again by hand: rhs(states, network outputs).

    Its networks read all states. `scale` are the units in which CVODES sees the states: they bring
    states and adjoints near one, so that one abstol serves all.
    """

    rhs: Callable[[Any, Any], Sequence[Any]]
    u0: tuple[float, ...]
    scale: tuple[float, ...]


def _lotka_volterra(u: Any, nn: Any) -> Sequence[Any]:
    return [1.3 * u[0] + nn[0], -1.8 * u[1] + nn[1]]


def _robertson(u: Any, nn: Any) -> Sequence[Any]:
    slow, fast, back = u[0] * ca.exp(nn[0]), 3e7 * u[1] ** 2, 1e4 * u[1] * u[2]
    return [-slow + back, slow - back - fast, fast]


LOTKA_VOLTERRA = CasadiCase(_lotka_volterra, (0.44249296, 4.6280594), (1.0, 1.0))
ROBERTSON = CasadiCase(_robertson, (1.0, 0.0, 0.0), (1.0, 1e-5, 1.0))


def casadi_gradient(
    case: CasadiCase, nn: MLP, theta: Float, data: Dataset, reltol: float = 1e-11
) -> tuple[float, Float]:
    """The sum of squares and its gradient, by CVODES and its adjoint."""
    (trajectory,) = data
    weights, z = ca.MX.sym("theta", nn.n_weights), ca.MX.sym("z", len(case.u0))
    scale = ca.DM(case.scale)
    u = scale * z
    ode = ca.vertcat(*case.rhs(u, _network(nn, weights, u))) / scale
    times = list(map(float, trajectory.t))
    flow = ca.integrator(
        "flow", "cvodes", {"x": z, "p": weights, "ode": ode}, times[0], times[1:],
        {"reltol": reltol, "abstol": 10 * reltol, "max_num_steps": 100_000},
    )  # fmt: skip
    path = flow(x0=ca.DM(case.u0) / scale, p=weights)["xf"]
    # the first row is the start itself, which theta does not move
    model = ca.horzcat(ca.DM(case.u0), path * ca.repmat(scale, 1, path.shape[1]))
    sigma = ca.DM([trajectory.noise.get(name, 1.0) for name in trajectory.columns])
    loss = ca.sumsqr((model - ca.DM(trajectory.u.T)) / ca.repmat(sigma, 1, len(times)))
    value, gradient = ca.Function("loss", [weights], [loss, ca.gradient(loss, weights)])(theta)
    return float(value), np.array(gradient).ravel()


def _network(nn: MLP, weights: Any, z: Any) -> Any:
    scaling = nn.fixed_scaling()
    a = (z - ca.DM(scaling.input_shift)) / ca.DM(scaling.input_scale)
    offset = 0
    for k, (columns, rows) in enumerate(zip(nn.widths[:-1], nn.widths[1:], strict=True)):
        # theta holds matrices by rows, CasADi by columns
        W = ca.reshape(weights[offset : offset + rows * columns], columns, rows).T
        offset += rows * columns
        a = W @ a + weights[offset : offset + rows]
        offset += rows
        if k < len(nn.hidden):
            a = ca.tanh(a)
    return ca.DM(scaling.output_shift) + ca.DM(scaling.output_scale) * a
