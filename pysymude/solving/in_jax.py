"""Simulators as functions of JAX: a callback with a reverse rule of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pysymude.errors import InvalidInputError
from pysymude.solving.batches import gathered, pull_many, run_many
from pysymude.solving.tabular import package

if TYPE_CHECKING:
    from pysymude.solving.simulator import Simulator

__all__ = ["jax_function"]


def jax_function(sim: Simulator) -> Callable[..., Any]:
    """``f(theta, u0, p=None)``; see `Simulator.to_jax`."""
    jax = package("jax", "to_jax")
    jnp = jax.numpy

    def shaped(*shape: int) -> Any:
        return jax.ShapeDtypeStruct(shape, np.float64)

    sizes = (sim.layout.size, len(sim.states), len(sim.parameters))

    def solved(*given: Any) -> Any:
        # vmap puts axes in front of what it maps over, and axes of length 1 in front of the rest
        shapes = shaped(*sim.shape), shaped(len(sim.states))
        run = lambda *a: run_many(sim, *a)  # noqa: E731
        return jax.pure_callback(run, shapes, *given, vmap_method="expand_dims")

    def backward(kept: Any, w: Any) -> Any:
        pull = lambda *a: pull_many(sim, *a)  # noqa: E731
        return jax.pure_callback(
            pull, tuple(map(shaped, sizes)), *kept, w, vmap_method="expand_dims"
        )

    @jax.custom_vjp
    def values(theta: Any, u0: Any, p: Any) -> Any:
        return solved(theta, u0, p)[0]

    def forward(theta: Any, u0: Any, p: Any) -> Any:
        found, abstol = solved(theta, u0, p)
        return found, (theta, u0, p, abstol)

    values.defvjp(forward, backward)

    def function(theta: Any, u0: Any, p: Any = None) -> Any:
        open_start = np.full(len(sim.states), np.nan)
        tools: dict[str, Any] = {"as_array": jnp.asarray, "stack": jnp.stack}
        parts = (
            gathered(theta, (), np.zeros(0), "theta", **tools),
            gathered(u0, sim.states, open_start, "u0", **tools),
            gathered(sim.defaults if p is None else p, sim.parameters, sim.defaults, "p", **tools),
        )
        for part, size, what in zip(parts, sizes, ("theta", "u0", "p"), strict=True):
            _check(part, size, what)
        return values(*parts)

    return function


def _check(part: Any, size: int, what: str) -> None:
    if part.dtype != np.float64:
        raise InvalidInputError(
            f"{what} is {part.dtype}, and a solve needs float64: write "
            "jax.config.update('jax_enable_x64', True) before any array is made"
        )
    if part.shape != (size,):
        raise InvalidInputError(
            f"{what} must have shape ({size},); found {part.shape}. jax.vmap maps over more"
        )
