"""Systems with known facts, shared by the tests: each says where its facts come from.

`KNOWN` have no network and an independent solution; `UNIVERSAL` have something to learn and data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

import pysymude as psu

__all__ = ["KNOWN", "UNIVERSAL", "Known", "Universal", "independent_solution", "known", "universal"]

Float = NDArray[np.float64]

x, y = psu.states("x y")
u, v = psu.states("u v")
a, b, k, r, w, K, wrong = psu.parameters("a b k r w K wrong")
t = psu.t


@dataclass(frozen=True, eq=False)
class Known:
    """A system without network, and what is known of its solution.

    `exact` maps times to states, shape (times, states); where it is None, SciPy at tight tolerances
    is the reference.  `invariants` are constant along every solution.
    """

    name: str
    system: psu.ODESystem
    u0: tuple[float, ...]
    t: Float
    source: str
    exact: Callable[[Float], Float] | None = None
    invariants: tuple[sp.Expr, ...] = ()
    stiff: bool = False
    values: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def reference(self) -> Float:
        """The states at `t`, shape (times, states)."""
        if self.exact is not None:
            return self.exact(self.t)
        return independent_solution(
            self.system, self.u0, self.t, stiff=self.stiff, values=self.values
        )

    def with_error(self, relative: float) -> psu.ODESystem:
        """The system with its first equation too large by this part: tests must notice 0.01.

        The part is a parameter, so that the right and the wrong system share one compiled program.
        """
        first, *_ = self.system.states
        rhs = dict(self.system.rhs) | {first: (1 + wrong) * self.system.rhs[first]}
        return self.system.replace(rhs=rhs, parameters={**self.system.parameters, wrong: relative})


@dataclass(frozen=True, eq=False)
class Universal:
    """A system with something to learn; `make` returns it and its data."""

    name: str
    make: Callable[[], tuple[psu.ODESystem, psu.Dataset]]
    stiff: bool = False
    abstol: float = 1e-10

    @cached_property
    def problem(self) -> tuple[psu.ODESystem, psu.Dataset]:
        """The system and its data, made once."""
        return self.make()


def independent_solution(
    system: psu.ODESystem,
    u0: Any,
    times: Float,
    *,
    stiff: bool = False,
    values: Mapping[str, float] | None = None,
) -> Float:
    """States by SciPy at tight tolerances, from SymPy's own printer: nothing of ours but the formulas."""
    numbers = {system.symbol(name): value for name, value in (values or {}).items()}
    numbers |= dict(system.parameters)
    rhs = sp.Matrix([f.subs(numbers) for f in system.rhs.values()])
    f = sp.lambdify([t, list(system.states)], list(rhs), "numpy")
    J = sp.lambdify([t, list(system.states)], rhs.jacobian(list(system.states)), "numpy")
    method: dict[str, Any] = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-13}
    if stiff:
        method = {"method": "Radau", "jac": J, "rtol": 1e-10, "atol": 1e-14}
    found = solve_ivp(f, (times[0], times[-1]), u0, t_eval=times, **method)
    assert found.success, found.message
    return found.y.T


# -- systems without network -----------------------------------------------------------------------


def _damped(times: Float) -> Float:
    # x'' = -2 z x' - w^2 x with z = 0.3, w = 2, x(0) = 1, x'(0) = 0
    z, w1 = 0.3, np.sqrt(4.0 - 0.3**2)
    fall = np.exp(-z * times)
    position = fall * (np.cos(w1 * times) + z / w1 * np.sin(w1 * times))
    return np.stack([position, -fall * 4.0 / w1 * np.sin(w1 * times)], axis=1)


def _logistic(times: Float) -> Float:
    return (3.0 / (1.0 + (3.0 / 0.2 - 1.0) * np.exp(-1.7 * times)))[:, None]


def _kepler() -> Known:
    q1, q2, p1, p2 = psu.states("q1 q2 p1 p2")
    distance3 = (q1**2 + q2**2) ** sp.Rational(3, 2)
    e = 0.3
    return Known(
        "kepler",
        psu.ODESystem({q1: p1, q2: p2, p1: -q1 / distance3, p2: -q2 / distance3}),
        (1 - e, 0.0, 0.0, float(np.sqrt((1 + e) / (1 - e)))),
        np.linspace(0.0, 4 * np.pi, 41),
        "Hairer, Lubich, Wanner, Geometric Numerical Integration, sec. I.2: period 2 pi",
        invariants=((p1**2 + p2**2) / 2 - 1 / sp.sqrt(q1**2 + q2**2), q1 * p2 - q2 * p1),
    )


def _robertson_system() -> psu.ODESystem:
    y1, y2, y3 = psu.states("y1 y2 y3")
    slow, fast, back = 0.04 * y1, 3e7 * y2**2, 1e4 * y2 * y3
    return psu.ODESystem({y1: -slow + back, y2: slow - back - fast, y3: fast})


_DAMPED = {x: v, v: -0.6 * v - 4 * x}

KNOWN = (
    Known(
        "decay", psu.ODESystem({x: -k * x}, parameters={k: 1.5}), (2.0,),
        np.linspace(0.0, 2.0, 9), "2 exp(-1.5 t)", lambda s: 2.0 * np.exp(-1.5 * s)[:, None],
    ),
    Known(
        "oscillator", psu.ODESystem({x: v, v: -(w**2) * x}, parameters={w: 2.0}), (1.0, 0.0),
        np.linspace(0.0, 5.0, 11), "cos 2t",
        lambda s: np.stack([np.cos(2 * s), -2 * np.sin(2 * s)], axis=1),
        invariants=(v**2 / 2 + 2 * x**2,),
    ),
    Known(
        "forced", psu.ODESystem({u: u * sp.cos(t)}), (1.0,),
        np.linspace(0.0, 4.0, 11), "exp(sin t); the time of each stage must be right",
        lambda s: np.exp(np.sin(s))[:, None],
    ),
    Known(
        "damped", psu.ODESystem(_DAMPED), (1.0, 0.0),
        np.linspace(0.0, 5.0, 11), "x'' = -0.6 x' - 4 x, characteristic roots -0.3 +- 1.977i",
        _damped,
    ),
    Known(
        "logistic", psu.ODESystem({x: r * x * (1 - x / K)}), (0.2,),
        np.linspace(0.0, 4.0, 9), "Verhulst 1838", _logistic, values={"r": 1.7, "K": 3.0},
    ),
    _kepler(),
    Known(
        "robertson", _robertson_system(), (1.0, 0.0, 0.0),
        np.concatenate([[0.0], np.logspace(-2, 4, 13)]),
        "Hairer and Wanner, Solving Ordinary Differential Equations II, eq. (IV.1.4)",
        invariants=(sum(_robertson_system().states),), stiff=True,
    ),
    Known(
        "van der Pol", psu.ODESystem({x: y, y: 1000.0 * (1 - x**2) * y - x}), (2.0, 0.0),
        np.linspace(0.0, 600.0, 13),
        "Hairer and Wanner, sec. IV.10, before its first jump at t = 807", stiff=True,
    ),
)  # fmt: skip


# -- systems with something to learn ---------------------------------------------------------------


def _noisy(values: Float, level: float, seed: int) -> Float:
    noise = np.random.default_rng(seed).standard_normal(values.shape)
    return values + level * np.abs(values).mean(axis=0) * noise


def _lotka_volterra() -> tuple[psu.ODESystem, psu.Dataset]:
    """The set-up of Rackauckas et al., Universal Differential Equations, arXiv:2001.04385."""
    x, y = psu.states("x y", positive=True)
    alpha, gamma = psu.parameters("alpha gamma")
    truth = psu.ODESystem({x: 1.3 * x - 0.9 * x * y, y: -1.8 * y + 0.8 * x * y})
    times = np.linspace(0.0, 3.0, 31)
    measured = independent_solution(truth, (0.44249296, 4.6280594), times)
    nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=(5, 5, 5))
    ude = psu.ODESystem(
        {x: alpha * x + nn[0], y: -gamma * y + nn[1]}, parameters={alpha: 1.3, gamma: 1.8}
    )
    return ude, psu.Dataset.from_arrays(times, measured, states=[x, y])


def _robertson() -> tuple[psu.ODESystem, psu.Dataset]:
    """The slow rate is y1 exp(nn): the scalings keep it near the true 0.04 y1."""
    truth = _robertson_system()
    y1, y2, y3 = truth.states
    scaling = ((0.5, 1.8e-5, 0.5), (0.5, 1.8e-5, 0.5))
    nn = psu.MLP(
        "nn", inputs=[y1, y2, y3], outputs=1, hidden=(4,), input_scaling=scaling,
        output_scaling=(float(np.log(0.04)), 0.2),
    )  # fmt: skip
    slow, fast, back = y1 * sp.exp(nn[0]), 3e7 * y2**2, 1e4 * y2 * y3
    times = np.concatenate([[0.0], np.logspace(-1, 3, 17)])
    measured = independent_solution(truth, (1.0, 0.0, 0.0), times, stiff=True)
    data = psu.Dataset.from_arrays(
        times, measured, states=[y1, y2, y3], noise={y1: 0.05, y2: 1e-6, y3: 0.05}
    )
    return psu.ODESystem({y1: -slow + back, y2: slow - back - fast, y3: fast}), data


def _forced() -> tuple[psu.ODESystem, psu.Dataset]:
    nn = psu.MLP("nn", inputs=[u, t], outputs=1, hidden=(6,), activation="softplus")
    truth = psu.ODESystem({u: u * sp.cos(t) + sp.sin(2 * t) - 0.2 * u})
    times = np.linspace(0.0, 4.0, 15)
    measured = independent_solution(truth, (1.0,), times)
    return psu.ODESystem({u: u * sp.cos(t) + nn[0]}), psu.Dataset.from_arrays(
        times, _noisy(measured, 0.01, 1), states=[u]
    )


def _partial() -> tuple[psu.ODESystem, psu.Dataset]:
    """Only the sum x + v/2 is measured, and neither state by itself."""
    nn = psu.MLP("nn", inputs=[x, v], outputs=1, hidden=(5,))
    times = np.linspace(0.0, 5.0, 21)
    states = _damped(times)
    signal = _noisy((states[:, 0] + states[:, 1] / 2)[:, None], 0.01, 2)
    ude = psu.ODESystem({x: v, v: -4 * x + nn[0]}, observables={"signal": x + v / 2})
    return ude, psu.Dataset.from_arrays(times, signal, states=["signal"], u0={x: 1.0, v: 0.0})


def _experiments() -> tuple[psu.ODESystem, psu.Dataset]:
    """Three experiments: other grids, other k, gaps, and initial states that are learned."""
    x, y = psu.states("x y", positive=True)
    truth = psu.ODESystem({x: 1.3 * x - k * x * y, y: -1.8 * y + 0.8 * x * y})
    nn = psu.MLP("nn", inputs=[x, y], outputs=1, hidden=(4,))
    trajectories: list[psu.Trajectory] = []
    plans = (
        (np.linspace(0.0, 3.0, 13), (0.5, 4.0), 0.9, True),
        (np.linspace(0.5, 2.5, 8), (1.5, 1.0), 0.7, ("y",)),
        (np.array([0.0, 0.1, 0.4, 1.1, 2.9]), (1.0, 2.0), 1.1, False),
    )
    for e, (times, start, rate, trainable) in enumerate(plans):
        measured = independent_solution(truth, start, times, values={"k": rate})
        measured = _noisy(measured, 0.02, e)
        measured[3, 0] = measured[-1, 1] = np.nan
        trajectories.append(
            psu.Trajectory.from_arrays(
                times, measured, states=[x, y], u0=start, trainable_u0=trainable,
                parameters={k: rate}, noise={x: 0.1, y: 0.2},
            )
        )  # fmt: skip
    ude = psu.ODESystem({x: 1.3 * x - k * x * y, y: -1.8 * y + nn[0]})
    return ude, psu.Dataset(trajectories)


def _bounded() -> tuple[psu.ODESystem, psu.Dataset]:
    """Trainable parameters with two bounds, one from below, one from above, beside a network."""
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=(3,), activation="gelu")
    times = np.linspace(0.0, 4.0, 12)
    measured = np.stack([_damped(times)[:, 0], np.cos(times)], axis=1)
    ude = psu.ODESystem(
        {x: y - a * x + 0.1 * nn[0], y: -b * x * w},
        trainable={a: 0.4, b: 1.2, w: 0.8},
        bounds={a: (0.1, 2.0), b: (0.0, None), w: (None, 1.5)},
    )
    return ude, psu.Dataset.from_arrays(times, measured, states=[x, y])


def _neural_ode() -> tuple[psu.ODESystem, psu.Dataset]:
    """No known term: the cubic spiral of Chen et al., Neural Ordinary Differential Equations.

    The system is that of their published example, arXiv:1806.07366, with u^3 as the network's input.
    """
    truth = psu.ODESystem({x: -0.1 * x**3 + 2 * y**3, y: -2 * x**3 - 0.1 * y**3})
    times = np.linspace(0.0, 2.0, 21)
    measured = independent_solution(truth, (2.0, 0.0), times)
    system = psu.neural_ode((x, y), hidden=(6,), inputs=[x**3, y**3])
    return system, psu.Dataset.from_arrays(times, measured, states=[x, y])


UNIVERSAL = (
    Universal("lotka-volterra", _lotka_volterra),
    Universal("neural ODE", _neural_ode),
    Universal("robertson", _robertson, stiff=True, abstol=1e-14),
    Universal("non-autonomous", _forced),
    Universal("partly observed", _partial),
    Universal("three experiments", _experiments),
    Universal("bounded", _bounded),
)


def known(name: str) -> Known:
    """The system of that name."""
    return next(case for case in KNOWN if case.name == name)


def universal(name: str) -> Universal:
    """The universal system of that name."""
    return next(case for case in UNIVERSAL if case.name == name)
