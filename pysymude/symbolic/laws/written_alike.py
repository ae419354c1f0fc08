# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false
"""Equal rates in other clothes, written alike: expanded bases, and fractions without whole parts."""

from __future__ import annotations

from typing import Any, cast

import sympy as sp

from pysymude.symbolic import effort

__all__ = ["are_independent", "written_alike"]


def written_alike(expr: sp.Expr) -> sp.Expr:
    """The same function: z^2/(1 + z^2) as 1 - 1/(1 + z^2), and (x - y)^-2 and (y - x)^-2 as one."""
    if not any(_is_bottom(p) for p in expr.atoms(sp.Pow)):
        return expr
    expr = cast("sp.Expr", expr.replace(_is_bottom, lambda p: sp.expand(p.base) ** p.exp))
    return sp.Add(*map(_without_whole_part, _terms(expr)))


def are_independent(terms: list[Any]) -> bool:
    """Whether different products are independent functions for sure: products of powers are."""
    return all(
        factor.is_Symbol or (factor.is_Pow and factor.base.is_Symbol and factor.exp.is_Integer)
        for term in terms
        for factor in sp.Mul.make_args(term)
        if not factor.is_number
    )


def _is_bottom(node: Any) -> bool:
    return bool(
        node.is_Pow and node.base.is_Add and not (node.exp.is_Integer and node.exp.is_positive)
    )


def _terms(expr: sp.Expr) -> tuple[Any, ...]:
    return sp.Add.make_args(sp.expand_mul(expr, deep=False))


def _without_whole_part(term: Any) -> sp.Expr:
    bottoms = [f for f in sp.Mul.make_args(term) if _is_bottom(f)]
    if len(bottoms) != 1 or bottoms[0].exp != -1:
        return term
    effort.check()
    bottom = bottoms[0].base
    symbols = sorted(bottom.free_symbols, key=sp.default_sort_key)
    top = sp.expand(term * bottom)
    if not (bottom.is_polynomial(*symbols) and top.is_polynomial(*symbols)):
        return term
    (whole,), rest = sp.reduced(top, [bottom], *symbols)
    return sp.Add(sp.expand(whole), *(part / bottom for part in sp.Add.make_args(rest)))
