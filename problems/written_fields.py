# SymPy annotates its classes in parts only
# pyright: reportMissingParameterType=false, reportArgumentType=false
"""Right-hand sides as mechanics writes them: products of vectors, Hamilton's equations."""

from __future__ import annotations

import sympy as sp

__all__ = ["cross", "dot", "equations", "hamiltonian"]


def cross(a, b):
    return [a[i - 2] * b[i - 1] - a[i - 1] * b[i - 2] for i in range(3)]


def dot(a, b):
    return sum(i * j for i, j in zip(a, b, strict=True))


def hamiltonian(H, q, p):
    pairs = list(zip(q, p, strict=True))
    return {a: sp.diff(H, b) for a, b in pairs} | {b: -sp.diff(H, a) for a, b in pairs}


def equations(states, rates):
    return dict(zip(states, rates, strict=True))
