"""What a network gives for numbers: its layers in NumPy, with first and second derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.model.activations import ACTIVATIONS, CURVATURES, SLOPES

if TYPE_CHECKING:
    from pysymude.model.network import MLP

__all__ = ["Layer", "Scaling", "forward_of", "hessian_of", "jacobian_of", "pull_of"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Layer:
    """One affine layer: its matrix is ``weights[W].reshape(rows, columns)``, its bias ``weights[b]``.

    Without a `bias` there are zeros in its place, which stay.
    """

    rows: int
    columns: int
    W: slice
    b: slice
    bias: bool = True


@dataclass(frozen=True, eq=False)
class Scaling:
    """Affine scaling round a network: out = shift_out + scale_out * net((z - shift_in) / scale_in).

    All four arrays are float64, of shape (inputs,) or (outputs,), in the unit of what they scale.
    """

    input_shift: Float
    input_scale: Float
    output_shift: Float
    output_scale: Float

    def flat(self) -> Float:
        """The four arrays one after the other, shape (2 inputs + 2 outputs,)."""
        return np.concatenate(
            [self.input_shift, self.input_scale, self.output_shift, self.output_scale]
        )


def forward_of(nn: MLP, weights: ArrayLike, z: ArrayLike) -> Float:
    """Outputs at inputs `z` of shape (..., inputs), float64 of shape (..., outputs)."""
    weights, scaling = np.asarray(weights, dtype=np.float64), nn.fixed_scaling()
    a = (np.asarray(z, dtype=np.float64) - scaling.input_shift) / scaling.input_scale
    for k, layer in enumerate(nn.layers):
        W = weights[layer.W].reshape(layer.rows, layer.columns)
        a = a @ W.T + weights[layer.b]
        if k < len(nn.hidden):
            a = ACTIVATIONS[nn.activation](a)
    return scaling.output_shift + scaling.output_scale * a


def pull_of(nn: MLP, weights: ArrayLike, z: ArrayLike, given: ArrayLike) -> Float:
    """The derivative by all weights, float64 (n_weights,), of ``given @ outputs`` at one input z."""
    weights, scaling = np.asarray(weights, dtype=np.float64), nn.fixed_scaling()
    a = (np.asarray(z, dtype=np.float64) - scaling.input_shift) / scaling.input_scale
    before: list[Float] = []
    inner: list[Float] = []
    for k, layer in enumerate(nn.layers):
        before.append(a)
        a = weights[layer.W].reshape(layer.rows, layer.columns) @ a + weights[layer.b]
        inner.append(a)
        if k < len(nn.hidden):
            a = ACTIVATIONS[nn.activation](a)
    found, bar = (
        np.empty(nn.n_weights),
        scaling.output_scale * np.asarray(given, dtype=np.float64),
    )
    for k in reversed(range(len(nn.layers))):
        layer = nn.layers[k]
        if k < len(nn.hidden):
            bar = bar * SLOPES[nn.activation](inner[k])
        found[layer.W] = np.outer(bar, before[k]).ravel()
        found[layer.b] = bar if layer.bias else 0.0
        bar = weights[layer.W].reshape(layer.rows, layer.columns).T @ bar
    return found


def jacobian_of(nn: MLP, weights: ArrayLike, z: ArrayLike) -> Float:
    """D output / d input at `z` of shape (..., inputs), float64 of shape (..., outputs, inputs)."""
    weights, scaling = np.asarray(weights, dtype=np.float64), nn.fixed_scaling()
    a = (np.asarray(z, dtype=np.float64) - scaling.input_shift) / scaling.input_scale
    slope = np.diag(1.0 / scaling.input_scale)
    for k, layer in enumerate(nn.layers):
        W = weights[layer.W].reshape(layer.rows, layer.columns)
        a, slope = a @ W.T + weights[layer.b], W @ slope
        if k < len(nn.hidden):
            slope = SLOPES[nn.activation](a)[..., None] * slope
            a = ACTIVATIONS[nn.activation](a)
    return scaling.output_scale[:, None] * np.broadcast_to(slope, (*a.shape, len(nn.inputs)))


def hessian_of(nn: MLP, weights: ArrayLike, z: ArrayLike) -> Float:
    """Second derivatives at `z` of shape (..., inputs): (..., outputs, inputs, inputs)."""
    weights, scaling = np.asarray(weights, dtype=np.float64), nn.fixed_scaling()
    a = (np.asarray(z, dtype=np.float64) - scaling.input_shift) / scaling.input_scale
    slope = np.diag(1.0 / scaling.input_scale)
    bend = np.zeros((*slope.shape, len(nn.inputs)))
    for k, layer in enumerate(nn.layers):
        W = weights[layer.W].reshape(layer.rows, layer.columns)
        a, slope = a @ W.T + weights[layer.b], W @ slope
        bend = np.einsum("ij,...jkl->...ikl", W, bend)
        if k < len(nn.hidden):
            first = SLOPES[nn.activation](a)[..., None]
            second = CURVATURES[nn.activation](a)[..., None, None]
            both = slope[..., None] * slope[..., None, :]
            bend = first[..., None] * bend + second * both
            slope = first * slope
            a = ACTIVATIONS[nn.activation](a)
    size = len(nn.inputs)
    bend = np.broadcast_to(bend, (*a.shape, size, size))
    return scaling.output_scale[:, None, None] * bend
