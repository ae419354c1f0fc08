"""Error against time on stiff problems from the literature: psu.solve, SciPy and diffrax.

    python -m benchmarks.work_precision [--problem ROBER,HIRES|all|BRUSS] [--size 32] [--rounds 15]
                                        [--engine native] [--json FILE] [--plot FILE]

The error is that at the end, relative to ``unit + |reference|`` (root mean square). Equal errors are
compared along the curves, log-log. References are computed by two methods, which must agree to 1e-8 with
each other and with the published values.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.integrate import odeint, solve_ivp

import pysymude as psu
from benchmarks.harness import Timing, arguments, finish, interleaved
from problems.stiff_problems import PROBLEMS, StiffProblem, brusselator, mixed_error, problem
from pysymude.engines.base import Method
from pysymude.engines.registry import select_engine
from pysymude.plan.compiled import compile_system
from pysymude.plan.problem import Batch

Float = NDArray[np.float64]
Solve = Callable[[float], Float]  # a relative tolerance to the state at the end

RELTOLS = (10.0**-0.5, *(10.0**-k for k in range(1, 10)))
PATIENCE = 2.0  # seconds; a method that took longer gets no tighter tolerance
WANTED = {"SciPy BDF": 50.0, "SciPy Radau": 50.0, "SciPy LSODA": 10.0}
LEVELS = (1e-4, 1e-6, 1e-8)
PREFERRED = (
    "Rodas5P", "Rosenbrock23", "FBDF", "QNDF", "KenCarp4", "TRBDF2", "RadauIIA5", "CVODE_BDF"
)  # fmt: skip


@dataclass
class Curve:
    """One method: errors and milliseconds over the tolerances at which it got to the end."""

    label: str
    errors: list[float] = field(default_factory=list[float])
    milliseconds: list[float] = field(default_factory=list[float])

    def at(self, level: float) -> float:
        """Milliseconds for an error of `level`, log-log; NaN outside what was measured."""
        front = sorted(zip(self.errors, self.milliseconds, strict=True))
        # of two runs the one that is both less accurate and slower is nobody's choice
        kept: list[tuple[float, float]] = []
        for error, duration in front:
            if not kept or duration < kept[-1][1]:
                kept.append((error, duration))
        errors, times = (np.log([point[j] for point in kept]) for j in (0, 1))
        if not errors.size or not errors[0] <= np.log(level):
            return float("nan")
        # looser than any run: the fastest one is accurate enough
        return float(np.exp(np.interp(np.log(level), errors, times)))


# -- the methods -----------------------------------------------------------------------------------


def ours(case: StiffProblem, engine: str, solver: str) -> Solve:
    """The public call."""

    def run(reltol: float) -> Float:
        abstol = case.unit * reltol
        sol = psu.solve(
            case.system, u0=case.u0, t=case.t, solver=solver, reltol=reltol, abstol=abstol,
            engine=engine,
        )  # fmt: skip
        return sol.u[-1]

    return run


def bare(case: StiffProblem, engine: str, solver: str) -> Solve:
    """The engine alone, without the checks of the public call."""
    chosen, plan = select_engine(engine), compile_system(case.system)
    compiled = chosen.compile(plan)
    u0 = np.array(case.u0)
    batch = Batch(case.t[:1], u0[None], plan.default_parameters[None], case.t[None])

    def run(reltol: float) -> Float:
        abstol = case.unit * reltol
        method = Method(solver, reltol, abstol, asked_abstol=abstol)
        return chosen.solve(compiled, batch, np.zeros(0), method).u[0, -1]

    return run


def scipy(case: StiffProblem, method: str, *, jacobian: bool) -> Solve:
    """SciPy, as a careful user calls it: generated NumPy code, scalars for small systems.

    ``odeint`` is LSODA without a loop over its steps in Python.
    """
    system = case.system
    states, numbers = list(system.states), dict(system.parameters)
    rhs = sp.Matrix([f.subs(numbers) for f in system.rhs.values()])
    f = sp.lambdify([psu.t, states], list(rhs), "math", cse=True)
    more: dict[str, Any] = {}
    if jacobian:
        more["jac"] = sp.lambdify([psu.t, states], rhs.jacobian(states).tolist(), "math", cse=True)

    def run_odeint(reltol: float) -> Float:
        u, report = odeint(
            f, case.u0, case.t, Dfun=more.get("jac"), rtol=reltol, atol=case.unit * reltol,
            tfirst=True, mxstep=1_000_000, full_output=True,
        )  # fmt: skip
        return u[-1] if "successful" in report["message"] else np.full(len(states), np.nan)

    def run(reltol: float) -> Float:
        found = solve_ivp(
            f, (0.0, case.end), case.u0, method=method, rtol=reltol, atol=case.unit * reltol, **more
        )
        return found.y[:, -1] if found.success else np.full(len(states), np.nan)

    return run_odeint if method == "odeint" else run


def diffrax(case: StiffProblem) -> Solve:
    """Kvaerno5 by hand, with diffrax's defaults but for the number of steps and its root finder."""
    import diffrax as dfx
    import jax
    import jax.numpy as jnp
    import optimistix

    jax.config.update("jax_enable_x64", True)
    system = case.system
    states, numbers = list(system.states), dict(system.parameters)
    f = sp.lambdify(
        [psu.t, states], [g.subs(numbers) for g in system.rhs.values()], "jax", cse=True
    )
    chord = dfx.with_stepsize_controller_tols(optimistix.Chord)()

    @jax.jit
    def end(reltol: Any) -> Any:
        sol = dfx.diffeqsolve(
            dfx.ODETerm(lambda t, u, args: jnp.stack(f(t, u))), dfx.Kvaerno5(root_finder=chord),
            0.0, case.end, None, jnp.array(case.u0), saveat=dfx.SaveAt(t1=True), throw=False,
            stepsize_controller=dfx.PIDController(rtol=reltol, atol=case.unit * reltol),
            max_steps=20_000,
        )  # fmt: skip
        return jnp.where(sol.result == dfx.RESULTS.successful, sol.ys[0], jnp.nan)

    return lambda reltol: np.asarray(end(reltol))


def methods(case: StiffProblem, engine: str) -> Iterator[tuple[str, Solve]]:
    """All methods by label; those of the engine first."""
    available = select_engine(engine).solvers
    for solver in PREFERRED:
        if solver in available:
            yield f"{engine} {solver}", ours(case, engine, solver)
    yield f"{engine} {engine_default(engine)}, bare", bare(case, engine, engine_default(engine))
    for method in ("LSODA", "odeint", "BDF", "Radau"):
        yield f"SciPy {method}", scipy(case, method, jacobian=True)
        yield f"SciPy {method}, no Jacobian", scipy(case, method, jacobian=False)
    if find_spec("diffrax") is not None:  # pip install pysymude[benchmarks]
        yield "diffrax Kvaerno5", diffrax(case)


def engine_default(engine: str) -> str:
    """The solver that "auto" takes for stiff systems."""
    return select_engine(engine).stiff_solver


# -- references ------------------------------------------------------------------------------------


def reference(case: StiffProblem, engine: str) -> tuple[Float, float]:
    """The state at the end, and how far the second method, or what was published, differs from it.

    The engine goes as tight as it still arrives: near the end of ROBER, 1e-13 is below rounding.
    """
    tight = ours(case, engine, engine_default(engine))
    first = next(u for u in map(tight, (1e-13, 1e-12, 1e-11, 1e-10)) if np.isfinite(u).all())
    second = scipy(case, "Radau", jacobian=True)(1e-11)
    apart = mixed_error(second, first, case.unit)
    if not apart < 1e-8:
        raise SystemExit(f"{case.name}: two references differ by {apart:.2g}")
    if case.published:
        known = mixed_error(first, case.published, case.unit)
        if not known < 1e-8:
            raise SystemExit(f"{case.name}: published values differ by {known:.2g}")
        return np.array(case.published), known
    return first, apart


# -- measuring -------------------------------------------------------------------------------------


def measure(case: StiffProblem, engine: str, rounds: int) -> tuple[list[Curve], float]:
    """All curves of one problem."""
    exact, apart = reference(case, engine)
    calls: dict[str, Callable[[], Float]] = {}
    points: dict[str, tuple[str, float]] = {}
    seconds: dict[str, float] = {}
    curves: dict[str, Curve] = {}
    for label, run in methods(case, engine):
        curves[label] = Curve(label)
        run(RELTOLS[0])  # may compile
        for reltol in RELTOLS:
            start = time.perf_counter()
            error = mixed_error(run(reltol), exact, case.unit)
            took = time.perf_counter() - start
            if np.isfinite(error) and error < 1:
                key = f"{label} {reltol:g}"
                calls[key], points[key], seconds[key] = partial(run, reltol), (label, error), took
            if took > PATIENCE:
                break
    for key, timing in _timed(calls, seconds, rounds).items():
        label, error = points[key]
        curves[label].errors.append(error)
        curves[label].milliseconds.append(1e3 * timing.median)
    return list(curves.values()), apart


def _timed(
    calls: dict[str, Callable[[], Float]], seconds: dict[str, float], rounds: int
) -> dict[str, Timing]:
    """Timings; what takes long is repeated less often."""
    found: dict[str, Timing] = {}
    for low, high, count in ((0.0, 0.02, rounds), (0.02, 0.2, 5), (0.2, np.inf, 2)):
        group = {key: call for key, call in calls.items() if low <= seconds[key] < high}
        if group:
            # long enough that a fast method is not charged for what the one before left in the caches
            found |= interleaved(group, rounds=min(count, rounds), least=5e-2)
    return found


def rows(case: StiffProblem, curves: list[Curve], engine: str) -> list[dict[str, Any]]:
    """Milliseconds at equal errors, and how many times slower than the engine's best."""
    own = [c for c in curves if c.label.startswith(engine) and "bare" not in c.label]
    found: list[dict[str, Any]] = []
    for curve in curves:
        row: dict[str, Any] = {"problem": case.name, "method": curve.label}
        for level in LEVELS:
            best = np.nanmin([c.at(level) for c in own])
            row[f"ms at {level:g}"] = curve.at(level)
            row[f"times best at {level:g}"] = curve.at(level) / best
        wanted = WANTED.get(curve.label)
        if wanted:
            factor = np.nanmin([row[f"times best at {level:g}"] for level in LEVELS])
            word = "pass" if factor >= wanted else "FAIL"
            row["verdict"] = f"{word} (at least {factor:.3g} times slower, wanted {wanted:g})"
        found.append(row)
    return found


def figure(curves: dict[str, list[Curve]]) -> Figure:
    """Error against time, one panel a problem."""
    columns = min(3, len(curves))
    lines = -(-len(curves) // columns)
    made = Figure(figsize=(4.6 * columns, 3.8 * lines), layout="constrained")
    markers = itertools.cycle("osD^v<>pPX*hd")
    styles: dict[str, dict[str, Any]] = {}
    for k, (name, group) in enumerate(curves.items()):
        ax = made.add_subplot(lines, columns, k + 1)
        for n, curve in enumerate(group):
            style = styles.setdefault(
                curve.label, {"marker": next(markers), "color": f"C{n % 10}", "ms": 3, "lw": 1}
            )
            dash = "--" if curve.label.startswith("SciPy") else "-"
            order = np.argsort(curve.errors)
            ax.loglog(
                np.array(curve.errors)[order], np.array(curve.milliseconds)[order], dash,
                label=curve.label, **style,
            )  # fmt: skip
        ax.set(title=name, xlabel="error at the end", ylabel="ms")
        ax.grid(alpha=0.3)
    handles, labels = made.axes[0].get_legend_handles_labels()
    made.legend(handles, labels, loc="outside lower center", ncols=4, fontsize="small")
    return made


def main() -> None:
    given = arguments(
        __doc__ or "", problem="all", engine="native", rounds=15, size=32, plot=Path()
    )
    names = list(PROBLEMS) if given.problem == "all" else given.problem.split(",")
    drawn: dict[str, list[Curve]] = {}
    for name in names:
        case = brusselator(given.size) if name == "BRUSS" else problem(name)
        drawn[name], apart = measure(case, given.engine, given.rounds)
        table = rows(case, drawn[name], given.engine)
        finish(
            f"work and precision, {name} (references agree to {apart:.1g})", table, given.json,
            curves=[vars(curve) for curve in drawn[name]],
        )  # fmt: skip
    if given.plot.name:
        figure(drawn).savefig(given.plot)


if __name__ == "__main__":
    main()
