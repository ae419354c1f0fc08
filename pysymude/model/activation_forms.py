"""Activations as functions of SymPy, by the names that PyTorch and Lux have for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

__all__ = ["FORMS", "applied"]

_HALF = sp.Rational(1, 2)
# Klambauer et al., Self-normalizing neural networks, arXiv:1706.02515, eq. 2
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def _sigmoid(z: Any) -> Any:
    return _HALF + _HALF * sp.tanh(z / 2)


def _softplus(z: Any) -> Any:
    return sp.log(1 + sp.exp(z))


def _below(value: Any, z: Any) -> Any:
    """z above 0, `value` below."""
    return sp.Piecewise((z, z > 0), (value, True))


def _gelu(z: Any) -> Any:
    inner = sp.sqrt(2 / sp.pi) * (z + sp.Float(0.044715) * z**3)
    return z * _HALF * (1 + sp.tanh(inner))


FORMS: dict[str, Callable[[Any], Any]] = {
    "tanh": sp.tanh,
    "identity": lambda z: z,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "swish": lambda z: z * _sigmoid(z),
    "gelu": _gelu,
    "rbf": lambda z: sp.exp(-(z**2)),
    "relu": lambda z: sp.Max(z, 0),
    "elu": lambda z: _below(sp.exp(z) - 1, z),
    "celu": lambda z: _below(sp.exp(z) - 1, z),
    "selu": lambda z: _SELU_SCALE * _below(_SELU_ALPHA * (sp.exp(z) - 1), z),
    "leaky_relu": lambda z: _below(sp.Float(0.01) * z, z),
    "relu6": lambda z: sp.Min(sp.Max(z, 0), 6),
    "mish": lambda z: z * sp.tanh(_softplus(z)),
    "softsign": lambda z: z / (1 + sp.Abs(z)),
    "tanhshrink": lambda z: z - sp.tanh(z),
    "hardtanh": lambda z: sp.Min(sp.Max(z, -1), 1),
    "hardsigmoid": lambda z: sp.Min(sp.Max(z / 6 + _HALF, 0), 1),
    "hardswish": lambda z: z * sp.Min(sp.Max(z / 6 + _HALF, 0), 1),
    "logsigmoid": lambda z: -_softplus(-z),
    "sin": sp.sin,
    "cos": sp.cos,
    "exp": sp.exp,
    "abs": sp.Abs,
}
"""All activations, with those that networks have themselves; steps end where one with a kink passes it."""


def applied(activation: Any, z: Any) -> Any:
    """A name of `FORMS`, or an expression of one symbol, at z."""
    if isinstance(activation, str):
        return FORMS[activation](z)
    (symbol,) = activation.free_symbols
    return activation.xreplace({symbol: z})
