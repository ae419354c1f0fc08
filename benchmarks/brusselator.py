"""The Brusselator with diffusion on a periodic grid: a large stiff system, written as plain equations.

    python -m benchmarks.brusselator [--size 32] [--reltol 1e-6] [--rounds 3] [--engine native] [--solvers auto]

Beside it: SciPy's BDF with the sparsity pattern, and, where there is Julia, the loop that one writes by
hand there. Every time stands beside the error against SciPy's BDF at a hundredth of the tolerance.

References
----------
.. [1] Hairer and Wanner, Solving Ordinary Differential Equations II, 2nd ed., sec. IV.10, BRUSS-2D.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.sparse import csc_array

import pysymude as psu
from benchmarks.harness import arguments, finish, interleaved
from problems.brusselator_grid import DIFFUSION, SPAN, A, B, problem
from pysymude.engines.registry import select_engine

Float = NDArray[np.float64]


def by_hand(N: int, t: float, u: Float) -> Float:
    """The right-hand side in NumPy."""
    w = u.reshape(2, N, N)
    around = sum(np.roll(w, shift, axis) for axis in (1, 2) for shift in (1, -1))
    du = DIFFUSION * (N - 1) ** 2 * (around - 4 * w)
    x = np.linspace(0.0, 1.0, N)
    inside = (x[:, None] - 0.3) ** 2 + (x[None, :] - 0.6) ** 2 <= 0.1**2
    production = w[0] ** 2 * w[1]
    du[0] += B + production - (A + 1) * w[0] + 5.0 * inside * (t >= 1.1)
    du[1] += A * w[0] - production
    return du.ravel()


def pattern(N: int) -> Any:
    """Where the Jacobian of `by_hand` is not zero."""
    at = np.arange(2 * N * N).reshape(2, N, N)
    near = [at, at[::-1], *(np.roll(at, s, axis) for axis in (1, 2) for s in (1, -1))]
    rows = np.tile(at.ravel(), len(near))
    columns = np.concatenate([a.ravel() for a in near])
    return csc_array((np.ones(len(rows)), (rows, columns)), shape=(at.size, at.size))


def scipy_bdf(N: int, u0: Float, reltol: float) -> Float:
    """The state at the end."""
    found = solve_ivp(
        partial(by_hand, N), SPAN, u0, "BDF", jac_sparsity=pattern(N), rtol=reltol,
        atol=1e-2 * reltol,
    )  # fmt: skip
    return found.y[:, -1]


def native(N: int, u0: Float, solver: str, reltol: float) -> Float:
    """The same from the loop written by hand in Julia."""
    import juliacall

    main: Any = juliacall.Main  # pyright: ignore[reportAttributeAccessIssue]
    if not main.seval("isdefined(Main, :Brusselator)"):
        main.include(str(Path(__file__).with_suffix(".jl")))
    start = np.moveaxis(u0.reshape(2, N, N), 0, 2)
    found = main.Brusselator.run(solver, start, SPAN[1], reltol, 1e-2 * reltol)
    return np.moveaxis(np.asarray(found), 2, 0).ravel()


def ours(
    system: psu.ODESystem, u0: Float, engine: str, solver: str, reltol: float
) -> Callable[[], Float]:
    """The public path: one call of `solve`."""

    def call() -> Float:
        sol = psu.solve(
            system, u0=u0, t=SPAN, engine=engine, solver=solver, reltol=reltol, abstol=1e-2 * reltol
        )
        return sol.u[-1]

    return call


def main() -> None:
    given = arguments(
        __doc__ or "",
        size=32,
        reltol=1e-6,
        rounds=3,
        solvers="",
        engine="native",
    )
    N, reltol = given.size, given.reltol
    start = time.perf_counter()
    system, u0, _ = problem(N)
    print(f"{2 * N * N} equations in SymPy: {time.perf_counter() - start:.2f} s")
    calls: dict[str, Callable[[], Float]] = {"scipy BDF": partial(scipy_bdf, N, u0, reltol)}
    select_engine(given.engine)
    default = "FBDF,QNDF,TRBDF2,KenCarp4" if given.engine == "julia" else "auto,Rodas5P"
    for solver in (given.solvers or default).split(","):
        calls[f"pysymude {given.engine} {solver}"] = ours(system, u0, given.engine, solver, reltol)
        if given.engine == "julia":
            calls[f"julia by hand {solver}"] = partial(native, N, u0, solver, reltol)
    exact = scipy_bdf(N, u0, 1e-2 * reltol)
    rows: list[dict[str, Any]] = []
    for name, call in calls.items():
        start = time.perf_counter()
        found = call()
        cold = time.perf_counter() - start
        print(f"{name}: first call {cold:.2f} s", flush=True)
        error = float(np.abs(found - exact).max() / np.abs(exact).max())
        rows.append({"what": name, "error": error, "first call s": cold})
    timings = interleaved(calls, rounds=given.rounds)
    rows = [row | timings[row["what"]].columns() for row in rows]
    finish(f"Brusselator, {N} x {N}, reltol {reltol:g}", rows, given.json)


if __name__ == "__main__":
    main()
