"""The activations of networks, with their first and second derivatives, in NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["ACTIVATIONS", "CURVATURES", "SLOPES"]

Float = NDArray[np.float64]

_C, _D = np.sqrt(2.0 / np.pi), 0.044715


def _sigmoid(z: Float) -> Float:
    return 0.5 * (1.0 + np.tanh(0.5 * z))


ACTIVATIONS: dict[str, Callable[[Float], Float]] = {
    "tanh": np.tanh,
    "softplus": lambda z: np.logaddexp(z, 0.0),
    "gelu": lambda z: 0.5 * z * (1.0 + _gelu_tanh(z)),
    "swish": lambda z: z * _sigmoid(z),
    "relu": lambda z: np.maximum(z, 0.0),
    "sigmoid": _sigmoid,
    "rbf": lambda z: np.exp(-(z**2)),
    "identity": lambda z: z,
}
"""The activations by name, in NumPy: the definition that every engine reproduces.

`gelu` is the tanh form, 0.5 z (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3))) (Hendrycks and Gimpel,
arXiv:1606.08415, sec. 2), which is the default of JAX and of Lux; `rbf` is exp(-z^2).
"""

SLOPES: dict[str, Callable[[Float], Float]] = {
    "tanh": lambda z: 1.0 - np.tanh(z) ** 2,
    "softplus": _sigmoid,
    "gelu": lambda z: _gelu_slope(z),
    "swish": lambda z: _sigmoid(z) * (1.0 + z * (1.0 - _sigmoid(z))),
    "relu": lambda z: (z > 0).astype(np.float64),
    "sigmoid": lambda z: _sigmoid(z) * (1.0 - _sigmoid(z)),
    "rbf": lambda z: -2.0 * z * np.exp(-(z**2)),
    "identity": np.ones_like,
}
"""Their derivatives; that of `relu` at 0 is 0."""

CURVATURES: dict[str, Callable[[Float], Float]] = {
    "tanh": lambda z: -2.0 * np.tanh(z) * (1.0 - np.tanh(z) ** 2),
    "softplus": SLOPES["sigmoid"],
    "gelu": lambda z: _gelu_curvature(z),
    "swish": lambda z: SLOPES["sigmoid"](z) * (2.0 + z * (1.0 - 2.0 * _sigmoid(z))),
    "relu": np.zeros_like,
    "sigmoid": lambda z: SLOPES["sigmoid"](z) * (1.0 - 2.0 * _sigmoid(z)),
    "rbf": lambda z: (4.0 * z**2 - 2.0) * np.exp(-(z**2)),
    "identity": np.zeros_like,
}
"""Their second derivatives."""


def _gelu_tanh(z: Float) -> Float:
    return np.tanh(_C * (z + _D * z**3))


def _gelu_slope(z: Float) -> Float:
    inner = _gelu_tanh(z)
    slope = _C * (1.0 + 3 * _D * z**2)
    return 0.5 * (1.0 + inner) + 0.5 * z * (1.0 - inner**2) * slope


def _gelu_curvature(z: Float) -> Float:
    inner = _gelu_tanh(z)
    first, second = _C * (1.0 + 3 * _D * z**2), _C * 6 * _D * z
    return (1.0 - inner**2) * (first + 0.5 * z * (second - 2.0 * inner * first**2))
