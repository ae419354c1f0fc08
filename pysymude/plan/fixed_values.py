"""The values of a plan's fixed parameters."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import meant
from pysymude.model.signal_values import SignalValues
from pysymude.model.trajectory import Trajectory
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.signals import with_signals

__all__ = ["parameter_values", "typical_values"]

Float = NDArray[np.float64]


def parameter_values(
    plan: CompiledSystem,
    given: Mapping[str, float],
    signals: Mapping[str, SignalValues] = MappingProxyType({}),
    who: str = "",
) -> Float:
    """P for one experiment: the fixed values, with `given` over them, and the tables of its signals.

    Raises
    ------
    InvalidInputError
        `given` names something that is no parameter, or a parameter or a signal has no value.
    """
    p = plan.default_parameters.copy()
    for name, value in given.items():
        if name in plan.states:
            raise InvalidInputError(
                f"parameters= names {name!r}, which is a state; its start belongs to u0="
            )
        if name not in plan.parameters:
            known = [*plan.parameters, *plan.trainable]
            raise InvalidInputError(
                f"the system has no parameter {name!r}; it has {', '.join(known) or 'none'}{meant(name, known)}"
            )
        p[plan.parameters.index(name)] = value
    missing = np.isnan(p) if given or plan.lacks_values else None
    if missing is not None and missing.any():
        name = plan.parameters[int(missing.argmax())]
        raise InvalidInputError(
            f"parameter {name!r}{_reader(plan, name)} has no value; {_advice(name)}"
        )
    return with_signals(plan, p, signals, who)


def typical_values(plan: CompiledSystem, trajectory: Trajectory) -> Float:
    """As `parameter_values`, for what need not be exact: an expression has the value that it starts with."""
    system = plan.system
    known: dict[Any, Any] = {**system.parameters, **system.trainable}
    found: dict[str, float] = {}
    for name, value in trajectory.parameters.items():
        if name in plan.trainable:
            continue
        if isinstance(value, sp.Expr):
            number: Any = value.xreplace({system.symbol(s.name): v for s, v in known.items()})
            found[name] = float(number) if number.is_number else 0.0
        else:
            found[name] = value
    return parameter_values(plan, found, trajectory.signals)


def _advice(name: str) -> str:
    return f"give ODESystem(..., parameters={{{name}: ...}}) or trainable={{{name}: ...}}"


def _reader(plan: CompiledSystem, name: str) -> str:
    """Names the network when only a network's inputs contain the symbol: probably a slip."""
    symbol = plan.system.symbol(name)
    for nn in plan.networks:
        if any(z.has(symbol) for z in nn.inputs):
            return f", an input of network {nn.name!r} and no state of the system,"
    return ""
