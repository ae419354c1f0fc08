# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
"""Formulas as MathML, which browsers draw by themselves."""

from __future__ import annotations

from html import escape
from typing import Any

import sympy as sp

from pysymude.model.html_table import Html
from pysymude.model.network import NetworkDerivative, NetworkOutput

__all__ = ["as_mathml", "equation"]

_LONGEST = 400  # nodes; a longer formula is text


def as_mathml(expr: Any) -> Html:
    """An expression as MathML, or as text where that cannot be drawn."""
    shown = _named(sp.sympify(expr, strict=True))
    if sum(1 for _ in sp.preorder_traversal(shown)) > _LONGEST:
        return Html(f"<code>{escape(str(expr))}</code>")
    try:
        inner = sp.mathml(shown, printer="presentation")
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        return Html(f"<code>{escape(str(expr))}</code>")
    return Html(f'<math xmlns="http://www.w3.org/1998/Math/MathML">{inner}</math>')


def equation(left: str, right: Any, *, rate: bool = False) -> Html:
    """``left = right``, or the equation of a state's rate."""
    name = sp.Symbol(escape(left))
    side = f"<mfrac><mrow><mi>d</mi>{_inner(name)}</mrow><mrow><mi>d</mi><mi>t</mi></mrow></mfrac>"
    side = side if rate else _inner(name)
    return Html(
        '<div class="equation"><math xmlns="http://www.w3.org/1998/Math/MathML"><mrow>'
        f"{side}<mo>=</mo></mrow></math> {as_mathml(right)}</div>"
    )


def _inner(symbol: Any) -> str:
    return str(sp.mathml(symbol, printer="presentation"))


def _named(expr: Any) -> Any:
    """Outputs of networks as functions of what they read, which a printer knows."""
    calls = expr.atoms(NetworkOutput, NetworkDerivative) if hasattr(expr, "atoms") else ()
    swap: dict[Any, Any] = {}
    for call in calls:
        nn = call.args[0]
        index = "_".join(str(a) for a in call.args[1:] if getattr(a, "is_Integer", False))
        many = nn.outputs > 1 or isinstance(call, NetworkDerivative)
        swap[call] = sp.Function(f"{nn.name}_{index}" if many else nn.name)(*nn.inputs)
    # SymPy writes names as they are
    for symbol in getattr(expr, "free_symbols", ()):
        if (safe := escape(symbol.name)) != symbol.name:
            swap[symbol] = sp.Symbol(safe)
    return expr.xreplace(swap) if swap else expr
