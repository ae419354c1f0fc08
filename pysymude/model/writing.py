"""Systems as TOML text: the inverse of `pysymude.model.toml`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, cast

import sympy as sp
from sympy.core.function import AppliedUndef

from pysymude.errors import EmissionError
from pysymude.model.expressions import FUNCTIONS
from pysymude.model.network import MLP, NetworkOutput
from pysymude.model.system import ODESystem

__all__ = ["expression_to_text", "system_to_text"]

_NAMES: dict[Any, str] = {
    build: name for name, (build, _, _) in FUNCTIONS.items() if isinstance(build, type)
}


def system_to_text(system: ODESystem) -> str:
    """TOML text that `system_from_text` reads back to an equal system (floats exactly).

    Raises
    ------
    EmissionError
        The system contains something that the text form cannot write; `.node` is it.
    """
    named = [*system.states, *system.parameters, *system.trainable, *system.symbolic_parameters]
    lines = [
        f"positive = {_list(s.name for s in named if s.is_positive)}",
        f"symbolic = {_list(s.name for s in system.symbolic_parameters)}",
        "[equations]",
        *_expressions({x.name: f for x, f in system.rhs.items()}),
        "[parameters]",
        *(f"{s.name} = {_number(v)}" for s, v in system.parameters.items()),
        "[trainable]",
    ]
    for s, start in system.trainable.items():
        low, high = (_number(b) for b in system.bounds[s])
        lines.append(f"{s.name} = {{ start = {_number(start)}, bounds = [{low}, {high}] }}")
    for nn in system.networks:
        lines += _network(nn)
    lines += ["[functions]", *(f'{w.func} = ["t"]' for w in system.functions)]
    lines += ["[observables]", *_expressions(system.observables)]
    return "\n".join(lines) + "\n"


def _network(nn: MLP) -> list[str]:
    lines = [
        f"[networks.{nn.name}]",
        f"inputs = {_list(expression_to_text(z) for z in nn.inputs)}",
        f"outputs = {nn.outputs}",
        f"hidden = [{', '.join(map(str, nn.hidden))}]",
        f'activation = "{nn.activation}"',
    ]
    for key in ("input_scaling", "output_scaling"):
        given = getattr(nn, key)
        if given == "data":
            lines.append(f'{key} = "data"')
        elif given is not None:
            shift, scale = (", ".join(map(_number, part)) for part in given)
            lines.append(f"{key} = {{ shift = [{shift}], scale = [{scale}] }}")
    return lines


def _expressions(given: Mapping[str, sp.Expr]) -> Iterable[str]:
    return (f"{name} = {json.dumps(expression_to_text(expr))}" for name, expr in given.items())


def _list(items: Iterable[str]) -> str:
    return "[" + ", ".join(json.dumps(item) for item in items) + "]"


def _number(value: float) -> str:
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    text = repr(float(value))
    return text if any(c in text for c in ".e") else text + ".0"


def expression_to_text(expr: Any) -> str:
    """`expr` in the language of `parse_expression`; every operation in brackets, floats exact."""
    if isinstance(expr, sp.Symbol):
        return expr.name
    if isinstance(expr, sp.Integer):
        return f"({expr})" if expr < 0 else str(expr)
    if isinstance(expr, sp.Rational):
        return f"({expr.p}/{expr.q})"
    if isinstance(expr, sp.Float):
        return f"({_number(float(expr))})"
    if expr == sp.pi:
        return "pi"
    if expr == sp.E:
        return "exp(1)"
    args = [expression_to_text(a) for a in expr.args if not isinstance(a, MLP)]
    if isinstance(expr, sp.Add):
        return "(" + " + ".join(args) + ")"
    if isinstance(expr, sp.Mul):
        return "(" + "*".join(args) + ")"
    if isinstance(expr, sp.Pow):
        base, exponent = args
        return f"exp({exponent})" if expr.args[0] == sp.E else f"({base})**({exponent})"
    if isinstance(expr, NetworkOutput):
        index, *inputs = args
        own = expr.inputs == expr.network.inputs
        at = "" if own else "(" + ", ".join(inputs) + ")"
        return f"{expr.network.name}{at}[{index}]"
    if isinstance(expr, AppliedUndef):
        return f"{expr.func.__name__}({', '.join(args)})"
    if expr.func in _NAMES:
        return f"{_NAMES[expr.func]}({', '.join(args)})"
    raise EmissionError(
        f"{type(expr).__name__} in {cast('sp.Basic', expr)} cannot be written to a file",
        node=expr,
        target="TOML",
    )
