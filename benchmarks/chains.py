"""Gradients of a log posterior along a chain, beside the same density written by hand in JAX and diffrax.

    python -m benchmarks.chains [--gradients 10000] [--problem NAME] [--json FILE]

Positions are those of a random walk near the optimum. By hand the density is compiled by `jax.jit` in float64 and
differentiated by the fastest of diffrax's ways, which a trial decides. Blocks of 100 gradients take turns; the
figures are medians over blocks with their quartiles. The error of a gradient is that against the same one at
tolerances of 1e-10, where both ways agree. Boehm's problem is read where a suite of PEtab problems is
(``PYSYMUDE_PETAB_SUITE``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import pysymude as psu
from benchmarks.gradients import RELTOL, lotka_volterra
from benchmarks.harness import arguments, finish
from problems.catalogue import universal
from problems.petab_suites import FOLDER

BLOCK = 100
WANTED = 3.0
ABSTOL = 1e-6
Density = Callable[[Any], Any]


@dataclass(frozen=True)
class Problem:
    """A posterior twice.

    Attributes
    ----------
    ours : Objective
    tight : Objective
    by_hand : callable
        From (reltol, abstol, adjoint) to a function of theta for JAX.
    start, step : float64 array, float
        Where the walk begins, and the standard deviation of its steps.
    """

    ours: psu.Objective
    tight: psu.Objective
    by_hand: Callable[..., Density]
    start: np.ndarray
    step: float
    stiff: bool = False


def walk(problem: Problem, count: int) -> np.ndarray:
    """Positions that wander around the start, (count, theta)."""
    rng = np.random.default_rng(0)
    found = np.empty((count, problem.start.size))
    z = np.zeros(problem.start.size)
    for row in found:
        z = 0.95 * z + problem.step * rng.normal(size=z.size)
        row[:] = problem.start + z
    return found


# -- Lotka-Volterra with a network --------------------------------------------------------------------


def predators() -> Problem:
    """The published universal differential equation, weights with a standard normal prior."""
    import jax.numpy as jnp

    system, data = universal("lotka-volterra").problem
    (nn,) = system.networks
    noise = 0.05
    noisy = psu.Dataset(
        [
            psu.Trajectory.from_arrays(
                tr.t, tr.u, states=tr.columns, u0=tr.u0 or tr.u[0], t0=tr.t0, noise=noise
            )
            for tr in data
        ]
    )
    system = system.replace(priors={nn: psu.Normal(0, 1)})
    fit = psu.fit(system, noisy, stages=psu.LBFGS(1000), progress=False, reltol=RELTOL)
    ours = psu.objective(system, noisy, reltol=RELTOL, abstol=ABSTOL)
    batch = ours.loss.batch
    ts, u0 = jnp.asarray(batch.ts[0]), jnp.asarray(batch.u0[0])
    y = jnp.asarray(ours.loss.y[0])

    def by_hand(reltol: float, abstol: float, adjoint: Any) -> Density:
        import diffrax

        def density(theta: Any) -> Any:
            seen = solved(lotka_volterra, diffrax.Tsit5(), ts, u0, theta, reltol, abstol, adjoint)
            normal = -0.5 * jnp.sum(((seen - y) / noise) ** 2) - y.size * np.log(
                noise * np.sqrt(2 * np.pi)
            )
            prior = -0.5 * jnp.sum(theta**2) - 0.5 * theta.size * np.log(2 * np.pi)
            return normal + prior

        return density

    tight = psu.objective(system, noisy, reltol=1e-10, abstol=1e-10)
    return Problem(ours, tight, by_hand, fit.theta, 3e-3)


def solved(
    field: Any, solver: Any, ts: Any, u0: Any, args: Any, reltol: float, abstol: float, adjoint: Any
) -> Any:
    """The states at all times, by diffrax."""
    import diffrax

    return diffrax.diffeqsolve(
        diffrax.ODETerm(field), solver, ts[0], ts[-1], None, u0, args, adjoint=adjoint,
        saveat=diffrax.SaveAt(ts=ts), throw=False, max_steps=4096,
        stepsize_controller=diffrax.PIDController(rtol=reltol, atol=abstol),
    ).ys  # fmt: skip


# -- Boehm's problem ----------------------------------------------------------------------------------


def boehm() -> Problem | None:
    """STAT5 dimers (Boehm et al., J. Proteome Res. 2014): stiff, nine numbers, their scatter among them."""
    import jax.numpy as jnp

    path = FOLDER / "models" / "Boehm_JProteomeRes2014" / "Boehm_JProteomeRes2014.yaml"
    if not path.is_file():
        return None
    problem = psu.read_petab(path)
    ours = problem.objective(reltol=RELTOL, abstol=ABSTOL)
    names = list(ours.layout)
    loss = ours.loss
    ts, y = jnp.asarray(loss.batch.ts[0]), jnp.asarray(loss.y[0, :, :3])
    distinct, at = np.unique(np.asarray(ts), return_inverse=True)
    counted = jnp.asarray(loss.weight[0, :, :3] > 0)
    low, high = np.log(1e-5), np.log(1e5)

    def natural(theta: Any) -> dict[str, Any]:
        values = jnp.exp(low + (high - low) / (1.0 + jnp.exp(-theta)))
        return dict(zip(names, values, strict=True))

    def by_hand(reltol: float, abstol: float, adjoint: Any) -> Density:
        import diffrax
        import optimistix

        solver = diffrax.Kvaerno5(
            root_finder=diffrax.with_stepsize_controller_tols(optimistix.Chord)()
        )

        def density(theta: Any) -> Any:
            p = natural(theta)
            u0 = jnp.array([207.6 * 0.693, 207.6 * (1 - 0.693), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
            u = solved(stat5, solver, jnp.asarray(distinct), u0, p, reltol, abstol, adjoint)[at]
            scatter = jnp.stack([p[f"sd_{name}_rel"] for name in ("pSTAT5A", "pSTAT5B", "rSTAT5A")])
            each = -0.5 * ((stat5_seen(u) - y) / scatter) ** 2 - jnp.log(
                scatter * np.sqrt(2 * np.pi)
            )
            return jnp.sum(jnp.where(counted, each, 0.0))

        return density

    tight = problem.objective(reltol=1e-10, abstol=1e-10)
    start = ours.layout.pack({k: problem.nominal[k] for k in names})
    return Problem(ours, tight, by_hand, start, 3e-3, stiff=True)


def stat5(t: Any, u: Any, p: Any) -> Any:
    """The field, in units of the model's file."""
    import jax.numpy as jnp

    A, B, AB, AA, BB, nAA, nAB, nBB = u
    act = 1.25e-7 * jnp.exp(-p["Epo_degradation_BaF3"] * t) * p["k_phos"]
    cyt, nuc = 1.4, 0.45
    out, back = p["k_exp_hetero"] * nAB * nuc / cyt, p["k_exp_homo"] * nuc / cyt
    enter_hetero, enter_homo = p["k_imp_hetero"], p["k_imp_homo"]
    return jnp.stack(
        [
            -2 * act * A**2 - act * A * B + out + 2 * back * nAA,
            -act * A * B - 2 * act * B**2 + out + 2 * back * nBB,
            act * A * B - enter_hetero * AB,
            act * A**2 - enter_homo * AA,
            act * B**2 - enter_homo * BB,
            cyt / nuc * enter_homo * AA - p["k_exp_homo"] * nAA,
            cyt / nuc * enter_hetero * AB - p["k_exp_hetero"] * nAB,
            cyt / nuc * enter_homo * BB - p["k_exp_homo"] * nBB,
        ]
    )


def stat5_seen(u: Any) -> Any:
    """Percentages of phosphorylation and of one of the two proteins."""
    import jax.numpy as jnp

    A, B, AB, AA, BB = (u[:, k] for k in range(5))
    s = 0.107
    first, second = A * s + 2 * AA * s + AB, B * (s - 1) - AB + 2 * BB * (s - 1)
    return jnp.stack(
        [
            (200 * AA * s + 100 * AB) / first,
            (-100 * AB + 200 * BB * (s - 1)) / second,
            (100 * A * s + 200 * AA * s + 100 * AB)
            / (A * s - B * (s - 1) + 2 * AA * s + 2 * AB - 2 * BB * (s - 1)),
        ],
        axis=1,
    )


PROBLEMS: dict[str, Callable[[], Problem | None]] = {
    "lotka-volterra with a network": predators,
    "boehm": boehm,
}

# -- the chain ----------------------------------------------------------------------------------------


def ways(problem: Problem) -> dict[str, Callable[[np.ndarray], tuple[float, np.ndarray]]]:
    """The density by hand with each way to differentiate it, compiled."""
    import diffrax
    import jax

    def reverse(adjoint: Any) -> Any:
        return jax.value_and_grad(problem.by_hand(RELTOL, ABSTOL, adjoint))

    forward = problem.by_hand(RELTOL, ABSTOL, diffrax.ForwardMode())

    def both(theta: Any) -> Any:
        def twice(z: Any) -> Any:
            value = forward(z)
            return value, value

        slopes, value = jax.jacfwd(twice, has_aux=True)(theta)
        return value, slopes

    made = {"checkpoints": reverse(diffrax.RecursiveCheckpointAdjoint()), "forward": both}
    if not problem.stiff:  # backwards in time a stiff problem is unstable
        made["backsolve"] = reverse(diffrax.BacksolveAdjoint())
    return {name: compiled(function) for name, function in made.items()}


def compiled(function: Any) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """A call as a sampler makes it, with NumPy outside."""
    import jax

    fast = jax.jit(function)

    def call(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, slopes = fast(theta)
        return float(value), np.asarray(slopes)

    return call


def seconds(call: Any, positions: np.ndarray) -> float:
    """Of one gradient, over several positions."""
    begun = time.perf_counter()
    for theta in positions:
        call(theta)
    return (time.perf_counter() - begun) / len(positions)


def chained(problem: Problem, count: int) -> list[dict[str, Any]]:
    """Rows for ours and for the best by hand."""
    positions = walk(problem, count)

    def ours(theta: np.ndarray) -> tuple[float, np.ndarray]:
        return problem.ours.log_posterior(theta, gradient=True)

    trials: dict[str, float] = {}
    candidates = ways(problem)
    exact = [problem.tight.log_posterior(z, gradient=True) for z in positions[:: count // 5][:5]]
    for name, call in candidates.items():
        call(positions[0])
        found = call(positions[0])[1]
        ok = distance(found, exact[0][1]) < 0.05
        trials[name] = min(seconds(call, positions[:10]) for _ in range(3)) if ok else np.inf
        print(f"  {name}: {1e3 * trials[name]:.2f} ms", flush=True)
    best = min(trials, key=trials.__getitem__)
    calls = {"pysymude": ours, f"by hand, {best}": candidates[best]}
    ours(positions[0])
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for k in range(0, count, BLOCK):
        order = list(calls) if (k // BLOCK) % 2 == 0 else list(calls)[::-1]
        for name in order:
            samples[name].append(seconds(calls[name], positions[k : k + BLOCK]))
    rows: list[dict[str, Any]] = []
    for name, call in calls.items():
        here = np.array(samples[name])
        ratio = np.array(samples[f"by hand, {best}"]) / here
        errors = [
            distance(call(z)[1], g)
            for z, (_, g) in zip(positions[:: count // 5][:5], exact, strict=True)
        ]
        q = np.quantile(here, [0.25, 0.5, 0.75])
        rows.append(
            {
                "way": name, "gradients": count, "a second": 1.0 / q[1], "q1 ms": 1e3 * q[0],
                "median ms": 1e3 * q[1], "q3 ms": 1e3 * q[2],
                "times as fast": float(np.median(ratio)), "error": float(np.median(errors)),
                "largest error": float(np.max(errors)),
            }
        )  # fmt: skip
    rows[0]["verdict"] = "reached" if rows[0]["times as fast"] >= WANTED else "missed"
    rows[1]["differs at 1e-10"] = agreement(problem, positions[0], exact[0][1])
    return rows


def distance(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def agreement(problem: Problem, theta: np.ndarray, exact: np.ndarray) -> float:
    """How far both ways are apart at tolerances of 1e-10."""
    import diffrax
    import jax

    tight = problem.by_hand(1e-10, 1e-10, diffrax.RecursiveCheckpointAdjoint())
    return distance(np.asarray(jax.jit(jax.grad(tight))(theta)), exact)


def main() -> None:
    """All problems as one table."""
    import jax

    jax.config.update("jax_enable_x64", True)
    options = arguments(__doc__ or "", gradients=10_000, problem="")
    rows: list[dict[str, Any]] = []
    for name, make in PROBLEMS.items():
        if options.problem not in ("", name):
            continue
        problem = make()
        if problem is None:
            print(f"{name}: skipped, there is no folder {FOLDER}")
            continue
        for row in chained(problem, options.gradients):
            rows.append({"problem": name} | row)
            print(rows[-1], flush=True)
    finish("gradients along a chain", rows, options.json)


if __name__ == "__main__":
    main()
