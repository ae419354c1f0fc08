"""Gradients that owe nothing to any engine: central differences, and CVODES through CasADi."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import casadi as ca
import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.fit.loss.objective import Objective
from pysymude.model.dataset import Dataset
from pysymude.model.network import MLP, NetworkOutput
from pysymude.model.symbols import t

__all__ = [
    "LOTKA_VOLTERRA",
    "ROBERTSON",
    "CasadiCase",
    "casadi_gradient",
    "casadi_loss",
    "central_differences",
]

Float = NDArray[np.float64]
Oracle = Callable[[Float], tuple[float, Float]]


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
            a = _ACTIVATIONS[nn.activation](a)
    return ca.DM(scaling.output_shift) + ca.DM(scaling.output_scale) * a


# -- any system through CasADi -----------------------------------------------------------------


_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "tanh": ca.tanh,
    "softplus": lambda z: ca.log(1 + ca.exp(z)),
    "gelu": lambda z: 0.5 * z * (1 + ca.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))),
}


def casadi_loss(obj: Objective, scale: Sequence[float] = (), reltol: float = 1e-11) -> Oracle:
    """Value and gradient of the sum of squares at a theta, by CVODES and its adjoint.

    The system's formulas go through SymPy's printer, its networks are written again; of `obj` itself it is
    known only which number of theta is what. `scale` are the units in which CVODES sees the states.
    """
    theta = ca.MX.sym("theta", obj.layout.size)
    units = ca.DM(list(scale) or [1.0] * len(obj.system.states))
    total = sum(_misfit(obj, e, theta, units, reltol) for e in range(len(obj.data)))
    made = ca.Function("loss", [theta], [total, ca.gradient(total, theta)])

    def evaluate(at: Float) -> tuple[float, Float]:
        value, gradient = made(at)
        return float(value), np.array(gradient).ravel()

    return evaluate


def _misfit(obj: Objective, e: int, theta: Any, units: Any, reltol: float) -> Any:
    trajectory, loss, states = obj.data[e], obj.loss, obj.system.states
    values = {s: float(v) for s, v in obj.system.parameters.items()}
    values |= {s: trajectory.parameters[s.name] for s in obj.system.symbolic_parameters}
    z, time, p = ca.MX.sym("z", len(states)), ca.MX.sym("t"), ca.MX.sym("p", theta.numel())
    u = units * z
    ode = ca.vertcat(*_written(obj, list(obj.system.rhs.values()), u, time, p, values)) / units
    start = ca.vertcat(
        *(
            _start(loss.u0_index[e, k], loss.positive[k], loss.batch.u0[e, k], theta)
            for k in range(len(states))
        )
    )
    t0, times = float(trajectory.t0), [float(at) for at in trajectory.t if at > trajectory.t0]
    flow = ca.integrator(
        "flow", "cvodes", {"x": z, "p": p, "t": time, "ode": ode}, t0, times,
        {"reltol": reltol, "abstol": 10 * reltol, "max_num_steps": 100_000},
    )  # fmt: skip
    path = flow(x0=start / units, p=theta)["xf"] * ca.repmat(units, 1, len(times))
    if len(times) < len(trajectory.t):
        path = ca.horzcat(start, path)
    total = 0.0
    for i, at in enumerate(trajectory.t):
        exprs = [_column(obj, name) for name in trajectory.columns]
        seen = _written(obj, exprs, path[:, i], float(at), theta, values)
        for name, model, measured in zip(trajectory.columns, seen, trajectory.u[i], strict=True):
            if np.isfinite(measured):
                total += ((model - measured) / trajectory.noise.get(name, 1.0)) ** 2
    return total


def _column(obj: Objective, name: str) -> sp.Expr:
    found = obj.system.observables.get(name)
    return next(s for s in obj.system.states if s.name == name) if found is None else found


def _start(index: int, positive: bool, given: float, theta: Any) -> Any:
    if index < 0:
        return float(given)
    return ca.exp(theta[int(index)]) if positive else theta[int(index)]


def _written(
    obj: Objective,
    exprs: Sequence[sp.Expr],
    u: Any,
    time: Any,
    theta: Any,
    values: dict[Any, float],
) -> list[Any]:
    """The expressions as CasADi's."""
    symbols: dict[Any, Any] = {s: u[k] for k, s in enumerate(obj.system.states)}
    symbols |= {t: time, **values}
    symbols |= {s: _natural(obj, s, theta) for s in obj.system.trainable}
    outputs = sorted({f for expr in exprs for f in expr.atoms(NetworkOutput)}, key=str)
    names = {f: sp.Dummy() for f in outputs}
    known = dict(symbols)
    for f in outputs:
        known[names[f]] = _output(obj, f, _printed(f.inputs, symbols), theta)
    return _printed([sp.sympify(expr).xreplace(names) for expr in exprs], known)


def _printed(exprs: Sequence[sp.Expr], symbols: dict[Any, Any]) -> list[Any]:
    functions = {"exp": ca.exp, "cos": ca.cos, "sin": ca.sin}
    return list(sp.lambdify(list(symbols), list(exprs), [functions])(*symbols.values()))


def _natural(obj: Objective, symbol: sp.Symbol, theta: Any) -> Any:
    z, (low, high) = theta[obj.layout[symbol.name].offset], obj.system.bounds[symbol]
    if low > -np.inf and high < np.inf:
        return low + (high - low) / (1 + ca.exp(-z))
    if low > -np.inf:
        return low + ca.exp(z)
    return high - ca.exp(z) if high < np.inf else z


def _output(obj: Objective, f: NetworkOutput, inputs: Sequence[Any], theta: Any) -> Any:
    nn = next(nn for nn in obj.system.networks if nn.name == f.network.name)
    first = obj.layout[f"{nn.name}.W1"].offset
    weights = theta[first : first + nn.n_weights]
    return _network(nn, weights, ca.vertcat(*inputs))[f.index]
