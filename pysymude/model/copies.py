"""Systems and networks as bytes: pickle carries the text of a model file, which is parsed and never run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any

import sympy as sp

from pysymude.model.network import MLP
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.model.toml import system_from_text
from pysymude.model.toml_networks import networks_within
from pysymude.model.writing import system_to_text

__all__ = ["expressions_from_text", "expressions_to_text", "reduced_network", "reduced_system"]

Facts = dict[str, dict[str, bool]]
Reduced = tuple[Callable[..., Any], tuple[Any, ...]]


def reduced_system(system: ODESystem) -> Reduced:
    """What ``__reduce__`` answers for a system.

    Raises
    ------
    EmissionError
        Something in it has no text, see `system_to_text`.
    """
    expressions = system.expressions
    inputs = [z for nn in networks_within(expressions) for z in nn.inputs]
    named = {*system.states, *system.parameters, *system.trainable}
    return system_from_text, (system_to_text(system), _facts([*expressions, *inputs, *named]))


def reduced_network(network: MLP) -> Reduced:
    """What ``__reduce__`` answers for a network: a system that contains nothing else, and its name."""
    names = {str(s) for z in network.inputs for s in z.free_symbols}
    names |= {nn.name for nn in networks_within(network.inputs)} | {network.name}
    state = sp.Symbol(next(name for i in count() if (name := f"state_{i}") not in names), real=True)
    return _network, (*reduced_system(ODESystem({state: network[0]}))[1], network.name)


def _network(text: str, facts: Facts, name: str) -> MLP:
    system = system_from_text(text, facts)
    return next(nn for nn in networks_within(system.rhs.values()) if nn.name == name)


def expressions_to_text(expressions: Sequence[sp.Expr]) -> tuple[str, Facts]:
    """Expressions with their networks as the text of a system that observes them, and their symbols' facts.

    Raises
    ------
    EmissionError
        One of them has no text, see `system_to_text`.
    """
    names = {str(s) for e in expressions for s in e.free_symbols}
    names |= {nn.name for nn in networks_within(expressions)}
    free = (name for i in count() if (name := f"e{i}") not in names)
    state = sp.Symbol(next(free), real=True)
    observed = {next(free): e for e in expressions}
    text, facts = reduced_system(ODESystem({state: 0}, observables=observed))[1]
    return text, facts


def expressions_from_text(text: str, facts: Facts) -> list[sp.Expr]:
    """The inverse of `expressions_to_text`."""
    return list(system_from_text(text, facts).observables.values())


def _facts(expressions: Iterable[Any]) -> Facts:
    """The assumptions of symbols that are neither real nor positive and no more, by name."""
    symbols = {s for expr in expressions for s in expr.free_symbols} - {t}
    usual = ({"real": True}, {"positive": True})
    return {
        s.name: dict(s.assumptions0)
        for s in sorted(symbols, key=lambda s: s.name)
        if all(s != sp.Symbol(s.name, **facts) for facts in usual)
    }
