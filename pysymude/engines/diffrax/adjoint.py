"""The discrete adjoint of an explicit Runge-Kutta solve, with the work of all steps done at once.

A solve is a chain of steps u[i+1] = step(u[i], theta).  Going back through it one step after the
other is slow where a step is small: the machine spends its time on the loop.  Only the product of the
steps' Jacobians is a chain, though, and those are small matrices.  So, for blocks of steps:

1. du[i+1]/du[i] of all steps at once, n tangents each;
2. lambda[i] = J[i]^T lambda[i+1] + what the output times add, the only recursion, on n numbers;
3. one backward pass through all steps at once gives the gradient of theta.

It is the gradient that diffrax' `RecursiveCheckpointAdjoint` gives (step sizes held fixed), to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from pysymude.engines.diffrax.solvers import make_solver

__all__ = ["BLOCK", "solve_with_blocks"]

BLOCK = 32  # steps treated together

Run = Callable[..., Any]


def solve_with_blocks(name: str, field: Run, run: Run) -> Run:
    """A differentiable (u0, learned, fixed, t0, ts, rtol, atol) -> (ys, code, stats).

    `learned` and `fixed` are the two parts of the field's arguments; only the first is differentiated.

    Parameters
    ----------
    name : str
        An explicit solver.
    field : callable
        (t, u, args) -> du/dt.
    run : callable
        (u0, args, t0, ts, rtol, atol, steps) -> (ys, code, stats), or with `steps` also the times and
        states of all steps, filled up with infinities.
    """
    step, between = _step_functions(name, field)

    @jax.custom_vjp
    def solve(u0: Any, learned: Any, fixed: Any, t0: Any, ts: Any, rtol: Any, atol: Any) -> Any:
        return run(u0, learned | fixed, t0, ts, rtol, atol, steps=False)

    def forward(u0: Any, learned: Any, fixed: Any, t0: Any, ts: Any, rtol: Any, atol: Any) -> Any:
        *found, tk, uk = run(u0, learned | fixed, t0, ts, rtol, atol, steps=True)
        return tuple(found), (learned, fixed, ts, tk, uk, found[2][1])

    def backward(kept: Any, cotangents: Any) -> Any:
        learned, fixed, ts, tk, uk, accepted = kept
        at_ts = cotangents[0]
        tk, uk = _finite(tk, uk, accepted)
        index = jnp.clip(jnp.searchsorted(tk, ts, side="left") - 1, 0, accepted - 1)

        def outputs(u: Any, learned: Any) -> Any:
            args = learned | fixed
            return jax.vmap(between, (0, 0, 0, 0, None))(u, tk[index], tk[index + 1], ts, args)

        _, pull = jax.vjp(outputs, uk[index], learned)
        at_steps, gradient = pull(at_ts)
        added = jnp.zeros_like(uk).at[index].add(at_steps)

        def steps(u: Any, a: Any, b: Any, learned: Any) -> Any:
            return step(u, a, b, learned | fixed)

        slope, gradient = _blocks(steps, learned, tk, uk, added, accepted, gradient)
        return slope, gradient, None, None, None, None, None

    solve.defvjp(forward, backward)
    return solve


def _blocks(
    step: Run, learned: Any, tk: Any, uk: Any, added: Any, accepted: Any, gradient: Any
) -> tuple[Any, Any]:
    """Steps (1) to (3) of the module's text, from the last block to the first."""
    n = uk.shape[1]
    jacobian = jax.vmap(jax.jacfwd(step), (0, 0, 0, None))

    def block(carry: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        j, slope, gradient = carry
        u, a, b, own = (
            jax.lax.dynamic_slice_in_dim(array, j * BLOCK + shift, BLOCK)
            for array, shift in ((uk, 0), (tk, 0), (tk, 1), (added, 0))
        )
        real = (j * BLOCK + jnp.arange(BLOCK)) < accepted
        J = jnp.where(real[:, None, None], jacobian(u, a, b, learned), jnp.eye(n))

        def recursion(slope: Any, row: tuple[Any, Any]) -> tuple[Any, Any]:
            # a sum instead of a matrix product: for a few numbers the call costs more than the work
            return (row[0] * slope[:, None]).sum(axis=0) + row[1], slope

        slope, slopes = jax.lax.scan(recursion, slope, (J, own), reverse=True, unroll=BLOCK)
        slopes = jnp.where(real[:, None], slopes, 0.0)
        every = jax.vmap(step, (0, 0, 0, None))
        _, pull = jax.vjp(lambda learned: every(u, a, b, learned), learned)
        gradient = jax.tree.map(jnp.add, gradient, pull(slopes)[0])
        return j - 1, slope, gradient

    last = (accepted - 1) // BLOCK
    start = (last, jnp.zeros_like(uk[0]), gradient)
    _, slope, gradient = jax.lax.while_loop(lambda carry: carry[0] >= 0, block, start)
    return slope, gradient


def _finite(tk: Any, uk: Any, accepted: Any) -> tuple[Any, Any]:
    """Times and states of the steps, with the first state (and steps of length one) as filling.

    Filling is multiplied by zero later, so it must be finite; a block may also reach past the end.
    """
    size = -(-tk.shape[0] // BLOCK) * BLOCK + 1
    real = jnp.arange(size) <= accepted
    tk = jnp.pad(tk, (0, size - tk.shape[0]))
    uk = jnp.pad(uk, ((0, size - uk.shape[0]), (0, 0)))
    last = tk[accepted]
    # ascending, so that the search for output times works on the whole array
    tk = jnp.where(real, tk, last)
    return tk, jnp.where(real[:, None], uk, uk[0])


def _step_functions(name: str, field: Run) -> tuple[Run, Run]:
    """One step (u, t0, t1, args) -> u1, and the state in between (u, t0, t1, t, args) -> u(t).

    Written out over the stages of diffrax' tableau; its own step is a loop.
    """
    solver, _ = make_solver(name, field)
    tableau = solver.tableau

    def stages(u: Any, t0: Any, t1: Any, args: Any) -> tuple[Any, Any]:
        h = t1 - t0
        k = [h * field(t0, u, args)]
        for row, c in zip(tableau.a_lower, tableau.c, strict=True):
            k.append(h * field(t0 + c * h, u + _combine(row, k), args))
        return u + _combine(tableau.b_sol, k), jnp.stack(k)

    def step(u: Any, t0: Any, t1: Any, args: Any) -> Any:
        return stages(u, t0, t1, args)[0]

    def between(u: Any, t0: Any, t1: Any, t: Any, args: Any) -> Any:
        u1, k = stages(u, t0, t1, args)
        curve = solver.interpolation_cls(t0=t0, t1=t1, y0=u, y1=u1, k=k)
        return curve.evaluate(t)

    return step, between


def _combine(weights: Any, k: list[Any]) -> Any:
    return sum(float(w) * v for w, v in zip(weights, k, strict=False) if w != 0)
