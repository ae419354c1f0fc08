"""A plan's vector field as a JAX function; nothing is generated as text and nothing is executed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from pysymude.model.network import MLP
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.numeric import network_weights, trainable_values
from pysymude.plan.tape import Tape, array_operations

__all__ = ["ACTIVATIONS", "evaluate_tape", "shared_arguments", "vector_field"]

_OPERATIONS = array_operations(jnp, jax.scipy.special.erf)

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "tanh": jnp.tanh,
    "softplus": jax.nn.softplus,
    "gelu": jax.nn.gelu,
    "swish": jax.nn.swish,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "rbf": lambda z: jnp.exp(-(z**2)),
    "identity": lambda z: z,
}


def shared_arguments(plan: CompiledSystem, theta: Any, scalings: Any) -> dict[str, Any]:
    """What the vector field needs beside t, u and p, as one pytree; ``"p"`` is added to it."""
    return {
        "weights": network_weights(plan.networks, theta),
        "trainable": trainable_values(plan.layout, theta, jnp),
        "scalings": _split_scalings(plan.networks, scalings),
    }


def vector_field(plan: CompiledSystem) -> Callable[[Any, Any, Any], Any]:
    """f(t, u, args) with u of shape (states,) and args from `shared_arguments` and p."""

    def field(t: Any, u: Any, args: Any) -> Any:
        return evaluate_tape(plan, plan.rhs, t, u, args)

    return field


def evaluate_tape(plan: CompiledSystem, tape: Tape, t: Any, u: Any, args: Any) -> Any:
    """The outputs of one of the plan's tapes, stacked, at one point."""
    nets = {nn.name: nn for nn in plan.networks}

    def network(name: str, inputs: list[Any]) -> Any:
        return _forward(nets[name], args["weights"][name], args["scalings"][name], inputs)

    def derivatives(name: str, inputs: list[Any]) -> Any:
        z = jnp.stack([jnp.asarray(a, dtype=jnp.float64) for a in inputs])
        return jax.jacfwd(lambda a: network(name, list(a)))(z)

    p = [args["p"][i] for i in range(len(plan.parameters))]
    states = [u[i] for i in range(len(plan.states))]
    found = tape.run([*states, t, *p, *args["trainable"]], _OPERATIONS, network, derivatives)
    return jnp.stack([jnp.asarray(f, dtype=jnp.float64) for f in found])


def _forward(nn: MLP, weights: Any, scaling: tuple[Any, ...], inputs: list[Any]) -> Any:
    shift_in, scale_in, shift_out, scale_out = scaling
    a = (jnp.stack([jnp.asarray(z, dtype=jnp.float64) for z in inputs]) - shift_in) / scale_in
    layers = nn.layers
    for k, layer in enumerate(layers):
        a = weights[layer.W].reshape(layer.rows, layer.columns) @ a + weights[layer.b]
        if k < len(layers) - 1:
            a = ACTIVATIONS[nn.activation](a)
    return shift_out + scale_out * a


def _split_scalings(networks: tuple[MLP, ...], flat: Any) -> dict[str, tuple[Any, ...]]:
    found: dict[str, tuple[Any, ...]] = {}
    offset = 0
    for nn in networks:
        n, m = len(nn.inputs), nn.outputs
        parts: list[Any] = []
        for size in (n, n, m, m):
            parts.append(flat[offset : offset + size])
            offset += size
        found[nn.name] = tuple(parts)
    return found
