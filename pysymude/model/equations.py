"""Equations in SymPy's ``Eq(x(t).diff(t), ...)`` form, turned into first-order right-hand sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.solvers.solveset import NonlinearError

from pysymude.errors import InvalidInputError
from pysymude.model.symbols import t

__all__ = ["first_order"]


def first_order(equations: Any) -> tuple[dict[sp.Symbol, sp.Expr], Callable[[Any], sp.Expr]]:
    """Right-hand sides, and a function that writes other expressions in the same symbols.

    Parameters
    ----------
    equations : SymPy `Eq` or sequence of them
        Linear in the highest derivative of each unknown function.

    Raises
    ------
    InvalidInputError
        No derivative, several time symbols, or equations that do not determine the derivatives.
    """
    given = list(equations) if isinstance(equations, (list, tuple)) else [equations]
    for eq in given:
        if not isinstance(eq, sp.Equality):
            raise InvalidInputError(
                "from_equations takes SymPy equations such as Eq(x(t).diff(t), -x(t)); "
                f"found {eq!r} of type {type(eq).__name__}"
            )
    derivatives = [d for eq in given for d in sorted(eq.atoms(sp.Derivative), key=str)]
    time = _time(derivatives)
    order: dict[AppliedUndef, int] = {}
    for d in derivatives:
        function = d.expr
        order[function] = max(order.get(function, 0), d.derivative_count)
    _check_calls(given, order, time)
    symbols = {f: [_state(f, k) for k in range(n)] for f, n in order.items()}
    tops = {f: sp.Dummy(f"top_{f.func.__name__}") for f in order}

    def replace(expr: Any) -> sp.Expr:
        table: dict[Any, Any] = {}
        for f, n in order.items():
            table[f.diff(time, n)] = tops[f]
            table |= {f.diff(time, k): symbols[f][k] for k in range(1, n)}
        lower: dict[Any, Any] = {f: symbols[f][0] for f in order}
        return sp.sympify(expr, strict=True).xreplace(table).xreplace(lower).xreplace({time: t})

    words = [str(eq) for eq in given]
    solved = _solve([replace(eq.lhs - eq.rhs) for eq in given], list(tops.values()), words)
    rhs: dict[sp.Symbol, sp.Expr] = {}
    for f, n in order.items():
        rhs |= {symbols[f][k]: symbols[f][k + 1] for k in range(n - 1)}
        rhs[symbols[f][n - 1]] = solved[tops[f]]
    return rhs, replace


def _time(derivatives: list[sp.Derivative]) -> sp.Symbol:
    """The one symbol that all derivatives are taken with respect to."""
    times = {s for d in derivatives for s in d.variables}
    unknown = [d for d in derivatives if not isinstance(d.expr, AppliedUndef)]
    if len(times) != 1 or unknown:
        raise InvalidInputError(
            "from_equations needs derivatives of unknown functions with respect to one time, such as "
            f"x(t).diff(t); found {derivatives or 'no derivative'}"
        )
    return times.pop()


def _check_calls(equations: list[Any], order: dict[AppliedUndef, int], time: sp.Symbol) -> None:
    """Every unknown function is taken at the time itself: no delays, no values at fixed times."""
    for eq in equations:
        for call in sorted(eq.atoms(AppliedUndef), key=str):
            known = any(f.func == call.func for f in order)
            if call not in order and (known or call.args != (time,)):
                raise InvalidInputError(
                    f"the equations contain {call}; an ordinary differential equation has its functions at "
                    f"the time {time} alone, without delays or values at other times"
                )


def _state(function: AppliedUndef, k: int) -> sp.Symbol:
    name = function.func.__name__ + ("_" + "t" * k if k else "")
    # a derivative of a positive function need not be positive
    positive = k == 0 and bool(function.is_positive)
    return sp.Symbol(name, positive=True) if positive else sp.Symbol(name, real=True)


def _solve(
    residuals: list[sp.Expr], tops: list[sp.Dummy], words: list[str]
) -> dict[sp.Symbol, sp.Expr]:
    """The highest derivatives, from equations linear in them."""
    try:
        A, b = sp.linear_eq_to_matrix(residuals, tops)
    except NonlinearError:
        raise InvalidInputError(
            f"from_equations needs equations linear in the highest derivatives; found {words}"
        ) from None
    if A.shape[0] != A.shape[1] or A.rank() < A.shape[1]:
        raise InvalidInputError(
            f"{len(residuals)} equations do not determine {len(tops)} highest derivatives; give "
            "each unknown function one equation"
        )
    return dict(zip(tops, A.LUsolve(b), strict=True))
