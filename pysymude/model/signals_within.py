"""The signals that stand in expressions, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import meant
from pysymude.model.network import NetworkOutput
from pysymude.model.signal import Signal, SignalValue
from pysymude.model.signal_values import SignalValues, check_points

if TYPE_CHECKING:
    from pysymude.model.system import ODESystem

__all__ = ["check_signals", "signals_within", "uses_of", "values_within"]


def uses_of(expressions: Iterable[sp.Expr]) -> set[SignalValue]:
    """Every signal at every argument."""
    return {v for e in expressions for v in e.atoms(SignalValue)}


def signals_within(expressions: Iterable[sp.Expr]) -> tuple[Signal, ...]:
    """The signals in expressions, by name.

    Raises
    ------
    InvalidInputError
        Two different ones of one name.
    """
    found: dict[str, Signal] = {}
    for use in uses_of(expressions):
        if found.setdefault(use.signal.name, use.signal) != use.signal:
            raise InvalidInputError(
                f"the name {use.signal.name!r} stands for two different signals; make it once"
            )
    return tuple(found[name] for name in sorted(found))


def values_within(system: ODESystem, expressions: Iterable[sp.Expr]) -> dict[str, SignalValues]:
    """The points that a system has of the signals in expressions."""
    names = {signal.name for signal in signals_within(expressions)}
    return {name: v for name, v in system.signal_values.items() if name in names}


def check_signals(
    expressions: Iterable[sp.Expr],
    given: Mapping[str, SignalValues],
    states: Collection[sp.Symbol],
) -> None:
    """An error where a signal reads a state, or where values are given for what is no signal."""
    expressions = list(expressions)
    for use in sorted(uses_of(expressions), key=str):
        read = use.argument.free_symbols & set(states)
        if read:
            raise InvalidInputError(
                f"{use} reads the state {min(map(str, read))}; the argument of a signal is an expression "
                "of psu.t and parameters"
            )
        if use.argument.has(NetworkOutput, SignalValue):
            raise InvalidInputError(
                f"{use}: the argument of a signal is an expression of psu.t and parameters, without "
                "networks and other signals"
            )
    known = {signal.name: signal for signal in signals_within(expressions)}
    for name, values in given.items():
        if name not in known:
            raise InvalidInputError(
                f"signals= names {name!r}, which stands in no equation; "
                f"{'the signals are ' + ', '.join(known) if known else 'the system has no signal'}"
                f"{meant(name, known)}"
            )
        check_points(known[name], values, f"signals[{name!r}]")
        if any(e.has(SignalValue, NetworkOutput, *states) for e in values.knots):
            raise InvalidInputError(
                f"signals[{name!r}]: values are numbers or expressions of parameters, without states, "
                "networks and other signals"
            )
