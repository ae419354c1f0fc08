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


# SymPy would look through all layers below for what its arguments have in common
def _above(z: Any, least: Any = sp.S.Zero) -> Any:
    return sp.Max(z, least, evaluate=False)


def _below(z: Any, most: Any = sp.S.Zero) -> Any:
    return sp.Min(z, most, evaluate=False)


def _clipped(z: Any, least: Any, most: Any) -> Any:
    return _below(_above(z, sp.Integer(least)), sp.Integer(most))


def _elu(z: Any) -> Any:
    """z above 0, exp(z) - 1 below: no `Piecewise`, since SymPy takes those within conditions apart."""
    return _above(z) + (sp.exp(_below(z)) - 1)


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
    "relu": lambda z: _above(z),
    "elu": _elu,
    "celu": _elu,
    "selu": lambda z: _SELU_SCALE * _above(z) + _SELU_SCALE * _SELU_ALPHA * (sp.exp(_below(z)) - 1),
    "leaky_relu": lambda z: _above(z) + sp.Float(0.01) * _below(z),
    "relu6": lambda z: _clipped(z, 0, 6),
    "mish": lambda z: z * sp.tanh(_softplus(z)),
    "softsign": lambda z: z / (1 + sp.Abs(z)),
    "tanhshrink": lambda z: z - sp.tanh(z),
    "hardtanh": lambda z: _clipped(z, -1, 1),
    "hardsigmoid": lambda z: _clipped(z / 6 + _HALF, 0, 1),
    "hardswish": lambda z: z * _clipped(z / 6 + _HALF, 0, 1),
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
