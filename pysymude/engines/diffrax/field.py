"""A plan's vector field as a JAX function; nothing is generated as text and nothing is executed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from pysymude.model.network import MLP
from pysymude.plan.compiled import CompiledSystem, Program
from pysymude.plan.looped import Looped
from pysymude.plan.numeric import network_weights, trainable_values
from pysymude.plan.tape import array_operations

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


def evaluate_tape(plan: CompiledSystem, tape: Program, t: Any, u: Any, args: Any) -> Any:
    """The outputs of one of the plan's tapes, stacked, at one point."""
    nets = {nn.name: nn for nn in plan.networks}

    def network(name: str, inputs: list[Any]) -> Any:
        return _forward(nets[name], args["weights"][name], args["scalings"][name], inputs)

    def derivatives(name: str, inputs: list[Any]) -> Any:
        z = jnp.stack([jnp.asarray(a, dtype=jnp.float64) for a in inputs])
        return jax.jacfwd(lambda a: network(name, list(a)))(z)

    if isinstance(tape, Looped):
        return _evaluate_loops(tape, t, u, args, _each(network), _each(derivatives))
    found = tape.run(cast("Any", _Inputs(u, t, args)), _OPERATIONS, network, derivatives)
    return jnp.stack([jnp.asarray(f, dtype=jnp.float64) for f in found])


class _Inputs:
    """States, time, parameters, trainable ones: each entry is taken out of its array when read."""

    def __init__(self, u: Any, t: Any, args: Any) -> None:
        self.parts = (u, (t,), args["p"], args["trainable"])

    def __getitem__(self, k: int) -> Any:
        for part in self.parts:
            if k < len(part):
                return part[k]
            k -= len(part)
        raise IndexError(k)


def _each(function: Callable[[str, list[Any]], Any]) -> Callable[[str, list[Any]], Any]:
    """A network's outputs or Jacobian for every member of a template: the members come last."""

    def of_all(name: str, inputs: list[Any]) -> Any:
        z = jnp.stack(jnp.broadcast_arrays(*inputs), axis=-1)
        return jax.vmap(lambda row: function(name, list(row)), out_axes=-1)(z)

    return of_all


def _evaluate_loops(
    program: Looped, t: Any, u: Any, args: Any, network: Any, derivatives: Any
) -> Any:
    trainable = jnp.stack(args["trainable"]) if args["trainable"] else jnp.zeros(0)
    sources: dict[str, Callable[[Any], Any]] = {
        "state": lambda table: _take(u, table),
        "time": lambda table: jnp.asarray(t)[None],
        "parameter": lambda table: _take(args["p"], table),
        "trainable": lambda table: _take(trainable, table),
        "constant": lambda table: jnp.asarray(np.atleast_1d(table)),
    }
    terms = program.terms(sources, _OPERATIONS, network, derivatives)
    parts = [jnp.broadcast_to(jnp.asarray(v, jnp.float64), (m,)) for v, m in terms]
    r = jnp.concatenate(parts) if parts else jnp.zeros(0)
    sums: list[Any] = []
    for rows in program.rows:
        total = jnp.asarray(rows.bias)
        for x, columns, factors in (
            (u, rows.states, rows.state_factors),
            (r, rows.terms, rows.term_factors),
        ):
            for column, factor in _columns(columns, factors):
                total = total + (factor * _take(x, column)).reshape(len(total), -1).sum(axis=1)
        sums.append(total)
    return _take(jnp.concatenate(sums), program.order)


def _columns(columns: Any, factors: Any) -> Any:
    """Indices and factors entry by entry; all at once where a row has many."""
    if columns.shape[1] > 16:
        return [(columns.ravel(), factors.ravel())]
    return list(zip(columns.T, factors.T, strict=True))


def _take(x: Any, table: Any) -> Any:
    """``x[table]``, as a slice where the table counts on: slices cost nothing, also in reverse."""
    table = np.atleast_1d(table)
    first, size = int(table[0]), len(table)
    if (table == first).all() and size > 1:
        return jnp.broadcast_to(x[first], (size,))
    if (table == first + np.arange(size)).all():
        return jax.lax.slice(x, (first,), (first + size,))
    return x[table]


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
