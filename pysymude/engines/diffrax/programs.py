"""The programs of the embedded engine as JAX functions of flat lists of arrays.

This file and the ones it imports load diffrax; a process that finds its program in the cache on
disk never comes here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import diffrax
import jax
import jax.numpy as jnp
import sympy as sp

from pysymude.engines.diffrax.field import evaluate_tape, shared_arguments, vector_field
from pysymude.engines.diffrax.solvers import SOLVERS, make_solver, result_code
from pysymude.engines.outcomes import CODES, ReturnCode
from pysymude.model.transforms import from_unconstrained
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.problem import LossSpec

__all__ = ["loss_program", "samples_program", "solve_program", "steps_program"]

_UNSTABLE = CODES.index(ReturnCode.Unstable)
_INITIAL = CODES.index(ReturnCode.InitialFailure)
# ten units in the last place of the times: a step that small is rounded back to the same one for
# ever, so this is where a blow-up ends. Long time spans may begin with very short transients.
_RESOLUTION, _LONG = 2e-15, 1e3


def _solve_one(
    plan: CompiledSystem,
    solver: str,
    adjoint: Any,
    max_steps: int,
    *,
    at_outputs: bool,
    steps: bool = False,
) -> Callable[..., tuple[Any, ...]]:
    """(u0, t0, ts, p, shared, rtol, atol) -> states at ts, code, (steps, accepted, rejected).

    With `steps` also the times and states at the ends of all steps; infinite behind the last.
    """
    field = vector_field(plan)

    def solve(u0: Any, t0: Any, ts: Any, p: Any, shared: Any, rtol: Any, atol: Any) -> Any:
        method, term = make_solver(solver, field, rtol, atol)
        dtmin = _RESOLUTION * jnp.minimum(jnp.maximum(jnp.abs(t0), jnp.abs(ts[-1])), _LONG)
        controller: Any = diffrax.PIDController(
            rtol=rtol, atol=atol, dtmin=dtmin, force_dtmin=False
        )
        if at_outputs and SOLVERS[solver].stiff:
            # their steps are long, and diffrax' interpolant is of lower order: where a loss is to be
            # differentiated, steps end at the outputs
            controller = diffrax.ClipStepSizeController(controller, step_ts=ts)
        saved = [diffrax.SubSaveAt(ts=ts)]
        if steps:
            saved.append(diffrax.SubSaveAt(t0=True, steps=True))
        sol = diffrax.diffeqsolve(
            term,
            method,
            t0,
            ts[-1],
            None,
            u0,
            shared | {"p": p},
            saveat=diffrax.SaveAt(subs=saved),
            stepsize_controller=controller,
            adjoint=adjoint,
            max_steps=max_steps,
            throw=False,
        )
        ys, *path = cast("list[jax.Array]", sol.ys)
        code = result_code(sol.result)
        code = jnp.where((code == 0) & ~jnp.isfinite(ys).all(), _UNSTABLE, code)
        code = jnp.where((code > 0) & (sol.stats["num_accepted_steps"] == 0), _INITIAL, code)
        stats = [sol.stats[f"num_{k}steps"] for k in ("", "accepted_", "rejected_")]
        if steps:
            return ys, code, jnp.stack(stats), cast("Any", sol.ts)[1], path[0]
        return ys, code, jnp.stack(stats)

    return solve


def _each(function: Callable[..., Any], count: int, own: int) -> Callable[..., Any]:
    """`function` over the leading axis of its first `own` arguments; the others are shared.

    A single experiment is spared the cost of batching.
    """

    def all_of_them(*args: Any) -> Any:
        if count > 1:
            axes = [0] * own + [None] * (len(args) - own)
            return jax.vmap(function, axes)(*args)
        found = function(*(a[0] for a in args[:own]), *args[own:])
        return jax.tree.map(lambda x: x[None], found)

    return all_of_them


def solve_program(
    plan: CompiledSystem, solver: str, max_steps: int, count: int
) -> Callable[..., Any]:
    """(theta, t0, u0, p, ts, scalings, rtol, atol) -> u (E, T, n), codes (E,), stats (E, 3)."""
    one = _solve_one(plan, solver, diffrax.ForwardMode(), max_steps, at_outputs=False)

    def program(
        theta: Any, t0: Any, u0: Any, p: Any, ts: Any, scalings: Any, rtol: Any, atol: Any
    ) -> Any:
        shared = shared_arguments(plan, theta, scalings)
        return _each(one, count, own=4)(u0, t0, ts, p, shared, rtol, atol)

    return program


def steps_program(plan: CompiledSystem, solver: str, max_steps: int) -> Callable[..., Any]:
    """As `solve_program` for one experiment, with times and states at the ends of its steps."""
    one = _solve_one(plan, solver, diffrax.ForwardMode(), max_steps, at_outputs=False, steps=True)

    def program(
        theta: Any, t0: Any, u0: Any, p: Any, ts: Any, scalings: Any, rtol: Any, atol: Any
    ) -> Any:
        shared = shared_arguments(plan, theta, scalings)
        return _each(one, 1, own=4)(u0, t0, ts, p, shared, rtol, atol)

    return program


def loss_program(
    plan: CompiledSystem,
    spec: LossSpec,
    solver: str,
    sensealg: str,
    count: int,
    *,
    gradient: bool,
    max_steps: int,
    checkpoints: int,
) -> Callable[..., Any]:
    """One flat vector, as `LossLayout` reads it."""
    adjoint: Any = diffrax.ForwardMode()
    if gradient and sensealg == "adjoint":
        adjoint = diffrax.RecursiveCheckpointAdjoint(checkpoints=checkpoints)
    one = _solve_one(plan, solver, adjoint, max_steps, at_outputs=True)
    observe = _observe(plan, spec)
    measured = len(spec.columns)

    def loss(
        theta: Any, t0: Any, u0: Any, p: Any, ts: Any, scalings: Any, rtol: Any, atol: Any,
        y: Any, weight: Any, u0_index: Any, link: Any, link_weight: Any, positive: Any, mix: Any,
        law_weight: Any, anchor: Any,
    ) -> Any:  # fmt: skip
        start = _initial_states(theta, u0, u0_index, positive)
        start = start @ mix.T if spec.mixes else start
        shared = shared_arguments(plan, theta, scalings)
        u, codes, stats = _each(one, count, own=4)(start, t0, ts, p, shared, rtol, atol)
        model = _each(observe, count, own=3)(ts, u, p, shared)
        # where nothing was measured a failed solve must not leak in through 0 * inf
        residual = jnp.where(weight > 0, weight * (model[:, :, :measured] - y), 0.0)
        data = jnp.sum(residual**2)
        links = _link_gap(u, start, link, link_weight) if spec.links else jnp.zeros(())
        laws = _drift(model[:, :, measured:], law_weight, anchor)
        value = data + links + jnp.sum(laws)
        head = jnp.stack([value, data, links, jnp.sum(stats[:, 0]).astype(data.dtype)])
        return value, jnp.concatenate([head, laws, codes.astype(data.dtype)])

    if not gradient:
        return lambda theta, *rest: loss(theta, *rest)[1]

    def backward(theta: Any, *rest: Any) -> Any:
        (_, packed), slope = jax.value_and_grad(loss, has_aux=True)(theta, *rest)
        return jnp.concatenate([packed, slope])

    def forward(theta: Any, *rest: Any) -> Any:
        slope, packed = jax.jacfwd(loss, has_aux=True)(theta, *rest)
        return jnp.concatenate([packed, slope])

    return forward if sensealg == "forward" else backward


def samples_program(plan: CompiledSystem, expressions: Sequence[sp.Expr]) -> Callable[..., Any]:
    """(theta, t, u, p, scalings, ...) -> what `LossLayout` reads: value, its copy, two zeros, code 0, gradient."""
    tape = plan.tape(expressions)

    def misfit(
        theta: Any, t: Any, u: Any, p: Any, scalings: Any,
        residual: Any, point: Any, expression: Any, factor: Any, target: Any,
    ) -> Any:  # fmt: skip
        shared = shared_arguments(plan, theta, scalings)
        found = jax.vmap(lambda t, u, p: evaluate_tape(plan, tape, t, u, shared | {"p": p}))(
            t, u, p
        )
        entries = factor * found[point, expression]
        return jnp.sum((jax.ops.segment_sum(entries, residual, target.size) - target) ** 2)

    def program(theta: Any, *rest: Any) -> Any:
        value, slope = jax.value_and_grad(misfit)(theta, *rest)
        zero = jnp.zeros_like(value)
        return jnp.concatenate([jnp.stack([value, value, zero, zero, zero]), slope])

    return program


def _drift(laws: Any, weight: Any, anchor: Any) -> Any:
    """For each law the sum of (weight * (its value - its weighted mean))^2, shape (laws,)."""
    # values that are not read may be infinite where a solve failed
    used = (weight > 0) | (anchor[:, :, None] > 0)
    laws = jnp.where(used, laws, 0.0)
    middle = jnp.sum(anchor[:, :, None] * laws, axis=1, keepdims=True)
    return jnp.sum((weight * (laws - middle)) ** 2, axis=(0, 1))


def _observe(plan: CompiledSystem, spec: LossSpec) -> Callable[..., Any]:
    """(ts, u, p, shared) -> what the columns measure, shape (T, columns)."""
    tape = plan.tape([plan.column(name) for name in (*spec.columns, *spec.laws)])

    def observe(ts: Any, u: Any, p: Any, shared: Any) -> Any:
        args = shared | {"p": p}
        return jax.vmap(lambda t, v: evaluate_tape(plan, tape, t, v, args))(ts, u)

    return observe


def _initial_states(theta: Any, u0: Any, index: Any, positive: Any) -> Any:
    """u0 with its trainable entries read from theta, shape (E, n)."""
    picked = theta[jnp.maximum(index, 0)] if theta.size else jnp.zeros_like(u0)
    # the unused branch must stay finite, or its gradient is not
    z = jnp.where(index >= 0, picked, 0.0)
    start = jnp.where(positive, from_unconstrained(z, 0.0, float("inf"), jnp), z)
    return jnp.where(index >= 0, start, u0)


def _link_gap(u: Any, start: Any, link: Any, weight: Any) -> Any:
    """Sum of (weight * (end of an experiment - start of the one that follows it))^2."""
    gap = u[:, -1, :] - start[jnp.maximum(link, 0)]
    return jnp.sum(jnp.where(link[:, None] >= 0, weight * gap, 0.0) ** 2)
