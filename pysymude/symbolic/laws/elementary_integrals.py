# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Integrals of functions of one state: rational ones, those of an angle or an exponential, of roots.

A rational function of sin u and cos u is one of tan(u / 2), one of exp(u) is one of that. Where nothing
else is known, SymPy proposes an integral by rules.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

import sympy as sp

from pysymude.symbolic import effort
from pysymude.symbolic.exact.coordinates import Coordinate, NormalForm
from pysymude.symbolic.exact.polynomials import ExactField
from pysymude.symbolic.laws.ansatz import Primitive
from pysymude.symbolic.laws.integrals import integral_candidates
from pysymude.symbolic.laws.one_forms import Slope
from pysymude.symbolic.laws.rational_integrals import angle, rational_primitives
from pysymude.symbolic.proof.certificate import vanishes

__all__ = ["integrals", "root_angles"]

_LONGEST = 40  # operations in an integrand


def integrals(
    form: NormalForm, exact: ExactField, u: sp.Symbol, h: sp.Expr, *, wide: bool = True
) -> list[Primitive]:
    """What the integral of h du can be a sum of, for a function h of u alone.

    With `wide`, also products of powers that the terms of h can come of.
    """
    atoms = {c.symbol: c for c in form.coordinates.values() if c.of == u}
    used = h.free_symbols - {c.symbol for c in form.of_kind("parameter")}
    if used <= {u}:
        return _rational(exact, u, h)
    kinds = {atoms[z].kind for z in used if z in atoms}
    if used <= set(atoms) and kinds <= {"sin", "cos"}:
        s, k = (next(z for z, c in atoms.items() if c.kind == kind) for kind in ("sin", "cos"))
        half = sp.Symbol("half#", real=True)
        below = 1 + half**2
        table = {s: 2 * half / below, k: (1 - half**2) / below}
        changed = cast("sp.Expr", h.xreplace(table)) * 2 / below
        return _substituted(form, half, changed, s / (1 + k))
    exponentials = [c for c in form.of_kind("exp") if u in cast("sp.Expr", c.of).free_symbols]
    if len(exponentials) == 1 and used == {exponentials[0].symbol}:
        (c,) = exponentials
        slope = cast("sp.Expr", c.of).diff(u)
        # x^x is exp(x log x): such a slope is no number
        if slope.free_symbols <= {d.symbol for d in form.of_kind("parameter")}:
            return _substituted(form, c.symbol, h / (slope * c.symbol), c.symbol)
    found = list(integral_candidates(form, exact, [Slope(u, h)])) if wide else []
    inner = [u, *(c.symbol for c in exponentials)]
    roots = form.of_kind("root")
    found += [p for c in roots for z in inner for p in root_angles(form, exact, z, c)]
    shown = form.to_user(h)
    # roots of more than quadratic polynomials have no elementary integrals as a rule
    if not roots and sp.count_ops(shown) <= _LONGEST:
        integral = _antiderivative(shown, u)
        if integral is not None:
            found.append(Primitive(integral, h, cast("sp.Expr", u)))
    return found


def _rational(exact: ExactField, u: sp.Symbol, h: sp.Expr) -> list[Primitive]:
    fraction = exact.fraction(h)
    degree = max(tuple(m)[exact.symbols.index(u)] for m in fraction.top.monoms())
    return rational_primitives(exact, fraction.bottom, (u,), degree)


def _substituted(form: NormalForm, w: sp.Symbol, h: sp.Expr, meaning: sp.Expr) -> list[Primitive]:
    """Candidates for the integral of h dw, with w replaced by what it means."""
    parameters = {c.symbol: c for c in form.of_kind("parameter")}
    own = NormalForm(form.system, (w,), {**parameters, w: Coordinate(w, "state", w, rate=h)})
    table = {w: meaning}
    return [
        Primitive(*(cast("sp.Expr", e.xreplace(table)) for e in (p.expr, p.weight, p.inner)))
        for p in _rational(ExactField(own), w, h)
    ]


def root_angles(
    form: NormalForm, exact: ExactField, u: sp.Symbol, root: Coordinate
) -> list[Primitive]:
    """For a root r of a quadratic polynomial in u: the integrals of du / r and du / (u r), and r, r / u, u r.

    With r^2 = a u^2 + b u + c and U = dr/du = (2 a u + b) / (2 r), dU / (U^2 - a) is -du / r.
    """
    base = exact.fraction(root.of)
    allowed = {u, *(c.symbol for c in form.of_kind("parameter"))}
    if root.order != 2 or not exact.expression(base.top * base.bottom).free_symbols <= allowed:
        return []
    # r = root * bottom / s with r^2 s^2 = top * bottom
    number, factors = (base.top * base.bottom).factor()
    s, square = exact.one, exact.one * number
    for factor, k in factors:
        s, square = s * factor ** (int(k) // 2), square * factor ** (int(k) % 2)
    poly = sp.Poly(exact.expression(square), u)
    if poly.degree() not in (1, 2):
        return []
    c, b, a = (poly.coeff_monomial(u**k) for k in range(3))
    r = root.symbol * exact.expression(base.bottom) / exact.expression(s)
    found = [Primitive.of(cast("sp.Expr", e)) for e in (r, r / u, u * r)]
    for d, inner in ((-a, (2 * a * u + b) / (2 * r)), (-c, (2 * c + b * u) / (2 * r))):
        if d != 0:
            found.append(angle(cast("sp.Expr", inner), cast("sp.Expr", d)))
    return found


def _antiderivative(h: sp.Expr, z: sp.Symbol) -> sp.Expr | None:
    """SymPy's integral by rules, if its derivative is proved to be the integrand."""
    if _is_mixed(h, z):
        return None
    # slow to load, and seldom needed
    manual = import_module("sympy.integrals.manualintegrate")

    try:
        with effort.interrupting():
            found = manual.manualintegrate(h, z)
    except effort.EffortEndedError:
        # it remembers which integrals it was about to find
        for cache in ("_integral_cache", "_parts_u_cache"):
            getattr(manual, cache, {}).clear()
        raise
    except (NotImplementedError, ValueError, TypeError, RecursionError):
        return None
    if found.has(sp.Integral, sp.Piecewise, sp.RootSum):
        return None
    return cast("sp.Expr", found) if vanishes(found.diff(z) - h) else None


def _is_mixed(h: sp.Expr, z: sp.Symbol) -> bool:
    """Whether a denominator is a sum of z and of functions of z: the rules search long, and in vain."""
    for factor in sp.Mul.make_args(sp.fraction(h)[1]):
        base = factor.as_base_exp()[0]
        functions = {
            f for f in base.atoms(sp.Function, sp.Pow) if f.has(z) and not f.is_polynomial(z)
        }
        if base.is_Add and functions and base.xreplace({f: sp.Dummy() for f in functions}).has(z):
            return True
    return False
