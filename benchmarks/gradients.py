"""`value_and_grad` against the same loss written by hand in diffrax, and forward against adjoint.

    python -m benchmarks.gradients [--part compare|networks|sizes|all] [--json FILE]

The comparison needs ``pip install pysymude[benchmarks]``. Every time stands beside the error of the gradient
against CVODES at 1e-11.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

import pysymude as psu
from benchmarks.harness import arguments, finish, interleaved, passed
from problems.catalogue import universal
from problems.oracles import LOTKA_VOLTERRA, ROBERTSON, casadi_gradient
from pysymude.fit.loss.objective import Objective

LIMIT = 1.15
RELTOL = 1e-6
BLOCK = 1e-2  # seconds of calls one after the other, as an optimiser makes them
ABSTOL = {"lotka-volterra": 1e-6, "robertson": 1e-10}


def network(theta: Any, widths: tuple[int, ...], z: Any) -> Any:
    """A tanh network as one writes it: matrices and biases cut out of a flat vector."""
    offset = 0
    import jax.numpy as jnp

    for k, (columns, rows) in enumerate(itertools.pairwise(widths)):
        W = theta[offset : offset + rows * columns].reshape(rows, columns)
        offset += rows * columns
        z = W @ z + theta[offset : offset + rows]
        offset += rows
        z = jnp.tanh(z) if k < len(widths) - 2 else z
    return z


def lotka_volterra(t: Any, u: Any, theta: Any) -> Any:
    """The field of the published problem."""
    import jax.numpy as jnp

    n = network(theta, (2, 5, 5, 5, 2), u)
    return jnp.stack([1.3 * u[0] + n[0], -1.8 * u[1] + n[1]])


def robertson(t: Any, u: Any, theta: Any) -> Any:
    """The field of the stiff problem, with the catalogue's scalings."""
    import jax.numpy as jnp

    shift = jnp.array([0.5, 1.8e-5, 0.5])
    n = network(theta, (3, 4, 1), (u - shift) / shift)
    slow = u[0] * jnp.exp(jnp.log(0.04) + 0.2 * n[0])
    fast, back = 3e7 * u[1] ** 2, 1e4 * u[1] * u[2]
    return jnp.stack([-slow + back, slow - back - fast, fast])


def by_hand(field: Any, solver: Any, obj: Objective, abstol: float, *, throw: bool) -> Callable:
    """The loss and its gradient in diffrax, with its defaults wherever it has one."""
    import diffrax
    import jax
    import jax.numpy as jnp

    batch, loss = obj.loss.batch, obj.loss
    ts, u0 = jnp.asarray(batch.ts[0]), jnp.asarray(batch.u0[0])
    y, weight = jnp.asarray(loss.y[0]), jnp.asarray(loss.weight[0])

    def value(theta: Any) -> Any:
        sol = diffrax.diffeqsolve(
            diffrax.ODETerm(field), solver, ts[0], ts[-1], None, u0, theta,
            saveat=diffrax.SaveAt(ts=ts), throw=throw,
            stepsize_controller=diffrax.PIDController(rtol=RELTOL, atol=abstol),
        )  # fmt: skip
        return jnp.sum((weight * (sol.ys - y)) ** 2)

    compiled = jax.jit(jax.value_and_grad(value))

    def call(theta: Any) -> tuple[float, Any]:
        v, g = compiled(theta)
        return float(v), np.asarray(g)

    return call


WIDTHS = ((20, 20), (28, 28))  # of networks with about 500 and 1000 weights
HALF = 0.5


def networks(name: str, rounds: int) -> list[dict[str, Any]]:
    """Larger networks beside the same by hand."""
    import diffrax
    import jax
    import jax.numpy as jnp
    import optimistix

    jax.config.update("jax_enable_x64", True)
    data, abstol, rows = universal(name).problem[1], ABSTOL[name], list[dict[str, Any]]()
    for hidden in WIDTHS:
        system = sized(name, hidden)
        (nn,) = system.networks
        widths = (len(nn.inputs), *hidden, nn.outputs)
        solver: Any = diffrax.Tsit5()
        if name == "robertson":
            chord = diffrax.with_stepsize_controller_tols(optimistix.Chord)()
            solver = diffrax.Kvaerno5(root_finder=chord)

        def field(t: Any, u: Any, theta: Any, widths: Any = widths) -> Any:
            if name == "lotka-volterra":
                n = 0.5 * network(theta, widths, u)
                return jnp.stack([1.3 * u[0] + n[0], -1.8 * u[1] + n[1]])
            shift = jnp.array([0.5, 1.8e-5, 0.5])
            n = network(theta, widths, (u - shift) / shift)
            slow = u[0] * jnp.exp(0.5 * (jnp.log(0.04) + 0.2 * n[0]))
            fast, back = 3e7 * u[1] ** 2, 1e4 * u[1] * u[2]
            return jnp.stack([-slow + back, slow - back - fast, fast])

        obj = psu.objective(system, data, reltol=RELTOL, abstol=abstol)
        # from larger weights the stiff problem's root finder by hand does not converge
        theta = 0.1 * obj.theta0(1)
        hand = by_hand(field, solver, obj, abstol, throw=False)
        calls = {"hand": partial(hand, theta), "pysymude": partial(obj.value_and_grad, theta)}
        by_us, by_them = calls["pysymude"]()[0], calls["hand"]()[0]
        timings = interleaved(calls, rounds=rounds, least=BLOCK)
        for label, timing in timings.items():
            rows.append({"problem": name, "theta": theta.size, "what": label} | timing.columns())
        rows[-1] |= {
            "losses differ": abs(by_us / by_them - 1.0),
            "verdict": passed(timings["pysymude"].ratio, HALF),
        }
    return rows


def compare(name: str, rounds: int) -> list[dict[str, Any]]:
    """One problem: hand-written first, then pysymude with both kinds of gradient."""
    import diffrax
    import jax
    import optimistix

    # for the hand-written part; pysymude does not need it
    jax.config.update("jax_enable_x64", True)
    system, data = universal(name).problem
    abstol = ABSTOL[name]

    def ours(sensealg: str) -> Objective:
        return psu.objective(system, data, reltol=RELTOL, abstol=abstol, sensealg=sensealg)

    adjoint, forward = ours("adjoint"), ours("forward")
    theta = adjoint.theta0(1)
    if name == "robertson":
        chord = diffrax.with_stepsize_controller_tols(optimistix.Chord)()
        field, solver, oracle = robertson, diffrax.Kvaerno5(root_finder=chord), ROBERTSON
    else:
        field, solver, oracle = lotka_volterra, diffrax.Tsit5(), LOTKA_VOLTERRA
    calls = {
        "hand": by_hand(field, solver, adjoint, abstol, throw=False),
        "hand, throw=True": by_hand(field, solver, adjoint, abstol, throw=True),
        "pysymude adjoint": adjoint.value_and_grad,
        "pysymude forward": forward.value_and_grad,
    }
    if name == "robertson":
        default = by_hand(field, diffrax.Kvaerno5(), adjoint, abstol, throw=False)
        calls["hand, default root finder"] = default
    _, exact = casadi_gradient(oracle, system.networks[0], theta, data)
    timings = interleaved(
        {k: partial(f, theta) for k, f in calls.items()}, rounds=rounds, least=BLOCK
    )
    rows: list[dict[str, Any]] = []
    for label, call in calls.items():
        error = np.linalg.norm(call(theta)[1] - exact) / np.linalg.norm(exact)
        row = {"problem": name, "what": label, "solver": adjoint.method.solver}
        row |= timings[label].columns() | {"error": float(error)}
        chosen = psu.objective(system, data, reltol=RELTOL, abstol=abstol).method.sensealg
        row["verdict"] = ""
        if label == f"pysymude {chosen}":
            row["verdict"] = f"the default: {passed(timings[label].ratio, LIMIT)}"
        rows.append(row)
    return rows


EXPLICIT_SIZES = ((2,), (5,), (9,), (20,), (10, 10), (14, 14), (20, 20), (28, 28))
IMPLICIT_SIZES = ((2,), (5,), (10,), (20,), (10, 10), (15, 15), (20, 20), (28, 28))


def sized(name: str, hidden: tuple[int, ...]) -> psu.ODESystem:
    """A catalogue problem with another network."""
    system, _ = universal(name).problem
    (old,) = system.networks
    new = psu.MLP(
        "nn", inputs=old.inputs, outputs=old.outputs, hidden=hidden,
        input_scaling=old.input_scaling, output_scaling=old.output_scaling,
    )  # fmt: skip
    # weights a little smaller than usual: wide networks must not change the dynamics much
    return system.replace(
        rhs={
            s: f.xreplace({old[i]: new[i] / 2 for i in range(old.outputs)}) for s, f in _rhs(system)
        }
    )


def _rhs(system: psu.ODESystem) -> list[tuple[sp.Symbol, sp.Expr]]:
    return list(system.rhs.items())


def sizes(name: str, rounds: int) -> list[dict[str, Any]]:
    """Forward against adjoint, by the number of trainable numbers."""
    rows: list[dict[str, Any]] = []
    data = universal(name).problem[1]
    for hidden in IMPLICIT_SIZES if name == "robertson" else EXPLICIT_SIZES:
        system = sized(name, hidden)
        made = {
            s: psu.objective(system, data, reltol=RELTOL, abstol=ABSTOL[name], sensealg=s)
            for s in ("adjoint", "forward")
        }
        theta = made["adjoint"].theta0(1)
        for sensealg, obj in made.items():
            found = obj.evaluate(theta)
            if not found.success:  # its time would be that of something else
                raise SystemExit(f"{name}, {sensealg}: {found.retcode.name}")
        timings = interleaved(
            {s: partial(o.value_and_grad, theta) for s, o in made.items()}, rounds=rounds
        )
        row: dict[str, Any] = {"problem": name, "theta": theta.size}
        row["steps"] = made["adjoint"].evaluate(theta).steps
        row |= {f"{s} ms": 1e3 * t.median for s, t in timings.items()}
        rows.append(row | {"forward/adjoint": timings["forward"].ratio})
        print(row, flush=True)
    return [*rows, {"problem": name, "theta": f"crossing near {crossing(rows):.0f}"}]


def crossing(rows: list[dict[str, Any]]) -> float:
    """Where forward and adjoint cost the same, between the sizes measured (logarithmically)."""
    n = np.log([row["theta"] for row in rows])
    r = np.log([row["forward/adjoint"] for row in rows])
    slower = np.flatnonzero(r > 0)
    if not slower.size or slower[0] == 0:
        return float(np.exp(n[-1] if not slower.size else n[0]))
    k = int(slower[0])
    return float(np.exp(np.interp(0.0, r[k - 1 : k + 1], n[k - 1 : k + 1])))


def main() -> None:
    given = arguments(__doc__ or "", part="all", rounds=100, problem="all")
    for name in ABSTOL if given.problem == "all" else (given.problem,):
        if given.part in ("compare", "all"):
            finish(f"gradients, {name}", compare(name, given.rounds), given.json)
        if given.part in ("networks", "all"):
            rows = networks(name, max(10, given.rounds // 2))
            finish(f"larger networks, {name}", rows, given.json)
        if given.part in ("sizes", "all"):
            rows = sizes(name, max(10, given.rounds // 3))
            finish(f"forward and adjoint, {name}", rows, given.json)


if __name__ == "__main__":
    main()
