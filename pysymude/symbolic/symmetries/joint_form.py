# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""One normal form for a system and further expressions, such as the entries of its Jacobian."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import sympy as sp

from pysymude.errors import DerivationError
from pysymude.model.network import NetworkDerivative
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.symbolic.exact.fraction import Fraction, Polynomial, common_denominator
from pysymude.symbolic.exact.normal_form import NormalForm, normal_form
from pysymude.symbolic.exact.polynomials import ExactField
from pysymude.symbolic.null_space.modular import PRIMES, Residues, draw_parameters, sample

__all__ = ["admissible_parameters", "joint_form", "numerators"]


def joint_form(
    rhs: Mapping[sp.Symbol, sp.Expr], exprs: Sequence[sp.Expr]
) -> tuple[NormalForm, list[sp.Expr]]:
    """The normal form of u' = rhs, and `exprs` in its coordinates.

    Derivatives of networks and of unknown functions of time are hidden coordinates of their own: an
    identity in them holds for every network, because a network's value and slopes at a point can be
    anything.

    Raises
    ------
    DerivationError
        Something has no exact treatment; the message names it.
    """
    unknown: dict[Any, sp.Expr] = {}

    def without_derivatives(expr: sp.Expr) -> sp.Expr:
        nodes = expr.atoms(NetworkDerivative, sp.Derivative)
        for node in sorted(nodes, key=sp.default_sort_key):
            # a name that no user function can have
            unknown.setdefault(node, sp.Function(f"d#{len(unknown)}")(t))
        return cast("sp.Expr", expr.xreplace(unknown))

    names = {s.name for e in [*rhs.values(), *exprs] for s in e.free_symbols}
    names |= {x.name for x in rhs}
    prefix = "slot"
    while any(name.startswith(prefix) for name in names):
        prefix += "_"
    slots = {sp.Symbol(f"{prefix}{k}", real=True): e for k, e in enumerate(exprs)}
    everything = {x: without_derivatives(e) for x, e in {**rhs, **slots}.items()}
    form = normal_form(ODESystem(everything))
    found = [cast("sp.Expr", form.coordinates[s].rate) for s in slots]
    kept = {z: c for z, c in form.coordinates.items() if z not in slots}
    return replace(form, states=tuple(rhs), coordinates=kept), found


def numerators(exact: ExactField, fractions: Sequence[Fraction]) -> list[Polynomial]:
    """Fractions over one common denominator: their numerators in normal form."""
    return [exact.normal(top) for top in common_denominator(fractions, exact.one)[1]]


def admissible_parameters(form: NormalForm, rng: np.random.Generator) -> dict[Any, Residues]:
    """Random parameter values modulo the first prime at which the form has points.

    A square root of a parameter exists for every other value only.
    """
    for _ in range(40):
        values = draw_parameters(form, PRIMES[0], rng)
        try:
            sample(form, 1, PRIMES[0], rng, values)
        except DerivationError:
            continue
        return values
    raise DerivationError("no parameter values could be drawn at which all roots exist")
