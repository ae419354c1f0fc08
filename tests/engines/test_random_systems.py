"""Random systems: solves against SciPy, gradients against central differences.

A seed makes a system, its experiments and theta. A failure prints them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

import pysymude as psu
from pysymude.fit.loss.objective import Objective
from pysymude.model.network import NetworkOutput

Float = NDArray[np.float64]

t = psu.t
COUNT, PER_TEST = 300, 25
ALLOWED = 1e-5
ACTIVATIONS = {
    "tanh": np.tanh,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "softplus": lambda a: np.log1p(np.exp(a)),
    "swish": lambda a: a / (1 + np.exp(-a)),
    "rbf": lambda a: np.exp(-(a**2)),
}
BOUNDED: list[Callable[[sp.Expr], sp.Expr]] = [
    sp.sin, sp.tanh, lambda z: 1 / (1 + z**2), lambda z: sp.exp(-(z**2)), sp.atan
]  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """What a seed made."""

    seed: int
    system: psu.ODESystem
    data: psu.Dataset
    has_switches: bool

    def __str__(self) -> str:
        lines = [f"seed {self.seed}", *(f"{s}' = {f}" for s, f in self.system.rhs.items())]
        lines += [f"{name} = {f}" for name, f in self.system.observables.items()]
        lines += [f"{nn}: {nn.widths}, {nn.activation}" for nn in self.system.networks]
        lines += [f"trainable {self.system.trainable}, parameters {self.system.parameters}"]
        lines += [f"{d.t.tolist()}, u0 {d.u0}, {d.parameters}" for d in self.data]
        return "\n".join(lines)


@cache
def draw(seed: int) -> Drawn:
    """A damped system with bounded couplings, so that nothing blows up."""
    rng = Random(seed)
    n = rng.randint(1, 6)
    u = psu.states(" ".join(f"x{i}" for i in range(n)))
    u = u if isinstance(u, tuple) else (u,)
    a, b, c, q = psu.parameters("a b c q")

    def number() -> float:
        return rng.choice([-1, 1]) * round(rng.uniform(0.2, 1.5), 3)

    def bounded() -> sp.Expr:
        inner = number() * rng.choice(u) + number() * rng.choice([*u, t, a])
        return rng.choice(BOUNDED)(inner)

    rhs = [-round(rng.uniform(0.3, 2.0), 2) * z + number() * bounded() for z in u]
    if rng.random() < 0.5:
        rhs[rng.randrange(n)] += b * sp.cos(round(rng.uniform(0.5, 4.0), 2) * t)
    else:
        rhs[0] += b
    rhs[-1] += a * bounded()
    if rng.random() < 0.6:
        inputs = rng.sample([*u, t], rng.randint(1, min(3, n + 1)))
        hidden = tuple(rng.randint(1, 7) for _ in range(rng.randint(1, 3)))
        outputs = rng.randint(1, 2)
        nn = psu.MLP(
            "nn", inputs=inputs, outputs=outputs, hidden=hidden,
            activation=rng.choice(list(ACTIVATIONS)),
        )  # fmt: skip
        for i in range(outputs):
            rhs[rng.randrange(n)] += sp.tanh(nn[i]) if rng.random() < 0.5 else nn[i]
    switches = rng.random() < 0.5
    if switches:
        before, after = number(), number()
        if n > 1 and rng.random() < 0.5:
            # of one state for another, so that nothing leads back at once
            i, j = rng.sample(range(n), 2)
            rhs[j] += sp.Piecewise((before, u[i] < c), (after, True))
        else:
            rhs[rng.randrange(n)] += sp.Piecewise((before, t < c + 1), (after * q, True))
    else:
        rhs[0] += c / 5
    rhs[0] += q * sp.Rational(1, 7)
    observables = {}
    if rng.random() < 0.4:
        observables["seen"] = sp.sin(u[0]) + a * u[-1] ** 2
    trainable = {a: abs(number()), b: number(), c: round(rng.uniform(-0.5, 1.0), 3)}
    system = psu.ODESystem(
        dict(zip(u, rhs, strict=True)),
        trainable=trainable,
        parameters={q: 1.0},
        observables=observables,
    )
    return Drawn(seed, system, _data(rng, u, list(observables), q), switches)


def _data(rng: Random, u: Any, observables: list[str], q: Any) -> psu.Dataset:
    noise = np.random.default_rng(rng.randrange(10**6))
    columns = [z.name for z in u if rng.random() < 0.7] + observables
    columns = columns or [u[0].name]
    found = []
    for _ in range(rng.randint(1, 3)):
        start = rng.choice([0.0, 0.0, -0.4, 0.25])
        times = start + np.sort(noise.uniform(0.1, 3.0, rng.randint(2, 7)))
        measured = noise.normal(size=(len(times), len(columns)))
        measured[noise.random(measured.shape) < 0.2] = np.nan
        measured[-1, 0] = 0.5
        learned = rng.choice([False, False, True, [u[-1].name]])
        found.append(
            psu.Trajectory.from_arrays(
                times, measured, states=columns, t0=start, trainable_u0=learned,
                u0={z: rng.uniform(-1.0, 1.0) for z in u}, parameters={q: rng.choice([0.7, 1.3])},
                noise=rng.choice([0.5, 1.0]),
            )
        )  # fmt: skip
    return psu.Dataset(found)


# -- an independent reference ------------------------------------------------------------------


def reference(obj: Objective, case: Drawn, theta: Float) -> float:
    """The loss from SymPy's printer, a network in NumPy, and SciPy."""
    values = obj.layout.unpack(theta)
    total = 0.0
    field, watch = _functions(obj, case, theta)
    learned = [values[s.name] for s in obj.system.trainable]
    for e, trajectory in enumerate(case.data):
        given = [trajectory.parameters.get(s.name, v) for s, v in obj.system.parameters.items()]
        numbers = [*learned, *given]
        start = [values.get(f"u0[{e}].{z}", trajectory.u0.get(z.name)) for z in case.system.states]
        done = solve_ivp(
            field, (trajectory.t0, trajectory.t[-1]), start, "DOP853", t_eval=trajectory.t, rtol=1e-10,
            atol=1e-11, max_step=0.25, args=(numbers,),
        )  # fmt: skip
        assert done.success
        model = np.array([watch(s, z, numbers) for s, z in zip(done.t, done.y.T, strict=True)])
        sigma = np.array([trajectory.noise[name] for name in trajectory.columns])
        total += float(np.nansum(((model - trajectory.u) / sigma) ** 2))
    return total


def _functions(
    obj: Objective, case: Drawn, theta: Float
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The field and what is measured, of time, the states and the numbers of an experiment."""
    system = obj.system  # with the scalings of its networks as numbers
    outputs = sorted(set().union(*(f.atoms(NetworkOutput) for f in system.rhs.values())), key=str)
    stand_ins = [sp.Dummy() for _ in outputs]
    swap = dict(zip(outputs, stand_ins, strict=True))
    arguments = [t, list(system.states), [*system.trainable, *system.parameters]]
    rhs = [f.xreplace(swap) for f in system.rhs.values()]
    field = sp.lambdify([*arguments, stand_ins], rhs, "math")
    known = {z.name: z for z in system.states} | dict(system.observables)
    seen = [known[name] for name in case.data.columns]
    watch = sp.lambdify(arguments, seen, "math")
    if not outputs:
        return (lambda s, z, numbers: field(s, z, numbers, ())), watch
    nn = outputs[0].network
    inputs = sp.lambdify(arguments, nn.inputs, "math")
    run = network(nn, theta)

    def rhs_with_network(s: float, z: Float, numbers: list[float]) -> Any:
        found = run(np.array(inputs(s, z, numbers)))
        return field(s, z, numbers, [found[o.index] for o in outputs])

    return rhs_with_network, watch


def network(nn: psu.MLP, theta: Float) -> Callable[[Float], Float]:
    scaling, layers, at = nn.fixed_scaling(), [], 0
    for columns, rows in zip(nn.widths[:-1], nn.widths[1:], strict=True):
        W = theta[at : at + rows * columns].reshape(rows, columns)
        at += rows * columns
        layers.append((W, theta[at : at + rows]))
        at += rows
    activation = ACTIVATIONS[nn.activation]

    def run(z: Float) -> Float:
        a = (z - scaling.input_shift) / scaling.input_scale
        for k, (W, bias) in enumerate(layers):
            a = W @ a + bias
            if k < len(nn.hidden):
                a = activation(a)
        return scaling.output_shift + scaling.output_scale * a

    return run


# -- the tests ---------------------------------------------------------------------------------


def slope(value: Callable[[Float], float], theta: Float, d: Float, h: float) -> float:
    """Along d: central differences with h and h/2, extrapolated."""
    D = [(value(theta + s * d) - value(theta - s * d)) / (2 * s) for s in (h, h / 2)]
    return (4 * D[1] - D[0]) / 3


def mismatches(case: Drawn, engine: str) -> list[str]:
    """What of a case is wrong, in words."""
    solver = ("auto", "Tsit5", "Rodas5P", "Vern7")[case.seed % 4]
    made = {
        sensealg: psu.objective(
            case.system, case.data, engine=engine, solver=solver, sensealg=sensealg, reltol=1e-9,
            abstol=1e-10,
        )
        for sensealg in ("adjoint", "forward")
    }  # fmt: skip
    obj = made["adjoint"]
    theta = obj.theta0(case.seed) + 0.05
    wrong: list[str] = []
    value = obj.value(theta)
    right = reference(obj, case, theta)
    if not abs(value - right) <= ALLOWED * (1 + abs(right)):
        wrong.append(f"{solver}: value {value}, right {right}")
    d = np.random.default_rng(case.seed).standard_normal(theta.size)
    d /= np.linalg.norm(d)
    expected = slope(obj.value, theta, d, 1e-3)
    for sensealg, one in made.items():
        gradient = one.evaluate(theta).gradient
        size = 1 + np.linalg.norm(gradient)
        if not abs(gradient @ d - expected) <= ALLOWED * size:
            wrong.append(f"{solver}, {sensealg}: slope {gradient @ d}, differences {expected}")
    return wrong


# Julia compiles each system
@pytest.mark.parametrize("first", range(0, COUNT, PER_TEST))
def test_random_systems(engine: str, first: int):
    if engine == "julia":
        pytest.skip("compiles each of the 300 systems")
    for seed in range(first, first + PER_TEST):
        case = draw(seed)
        wrong = mismatches(case, engine)
        assert not wrong, "\n".join([*wrong, str(case)])


def test_all_kinds_are_drawn():
    cases = [draw(seed) for seed in range(COUNT)]
    assert {len(case.system.states) for case in cases} == set(range(1, 7))
    assert {nn.activation for case in cases for nn in case.system.networks} == set(ACTIVATIONS)
    assert {len(case.data) for case in cases} == {1, 2, 3}
    for feature in (
        lambda c: c.has_switches,
        lambda c: c.system.observables,
        lambda c: any(d.trainable_u0 for d in c.data),
        lambda c: any(np.isnan(d.u).any() for d in c.data),
        lambda c: any(t in f.free_symbols for f in c.system.rhs.values()),
    ):
        assert sum(bool(feature(case)) for case in cases) > 60


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_wrong_term_is_noticed(engine: str, seed: int):
    """The negative control: an equation that is off by 1e-4 against the reference's."""
    if engine == "julia":
        pytest.skip("as above")
    case = draw(seed)
    u = case.system.states[0]
    off = case.system.replace(rhs=dict(case.system.rhs) | {u: case.system.rhs[u] + 3e-4})
    obj = psu.objective(off, case.data, engine=engine, reltol=1e-9, abstol=1e-10)
    right = psu.objective(case.system, case.data, engine=engine, reltol=1e-9, abstol=1e-10)
    theta = obj.theta0(seed) + 0.05
    expected = reference(right, case, theta)
    assert abs(obj.value(theta) - expected) > ALLOWED * (1 + expected)
