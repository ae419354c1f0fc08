# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""What the expressions of a law file may name: symbols with assumptions, networks, functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from pysymude.errors import EmissionError, InvalidInputError, ModelFileError
from pysymude.model.expression_text import expression_to_text
from pysymude.model.expressions import parse_expression
from pysymude.model.network import MLP
from pysymude.model.signal import SignalValue
from pysymude.model.symbols import t
from pysymude.model.toml_networks import (
    LEVELS,
    NETWORK_KEYS,
    OUTPUTS,
    WEIGHTS,
    networks_within,
)
from pysymude.model.toml_table import TomlTable

__all__ = ["TABLES", "Vocabulary"]

TABLES = ("states", "parameters", "functions", "networks")
"""The tables of a file that declare names."""

# most symbols are one of these; the others are written with all that follows from what was assumed
_USUAL = ("real", "positive", "nonnegative", "negative", "nonpositive", "nonzero", "integer")
_ASSUMPTIONS = frozenset(
    f"algebraic antihermitian commutative complex composite even extended_negative "
    f"extended_nonnegative extended_nonpositive extended_nonzero extended_positive extended_real "
    f"finite hermitian imaginary infinite irrational noninteger odd prime rational transcendental "
    f"zero {' '.join(_USUAL)}".split()
)


@dataclass(frozen=True)
class Vocabulary:
    """The declared names by kind, in the order of the file."""

    states: tuple[sp.Symbol, ...]
    parameters: tuple[sp.Symbol, ...]
    functions: tuple[Any, ...]
    networks: tuple[MLP, ...]

    @classmethod
    def of(cls, expressions: Iterable[sp.Expr], states: Iterable[sp.Symbol]) -> Vocabulary:
        """All that stands in expressions; `states` are those among the symbols."""
        used, given = list(expressions), tuple(dict.fromkeys(states))
        for use in (u for e in used for u in e.atoms(SignalValue)):
            raise EmissionError(
                f"the signal {use} has no place in a file of laws; write an unknown function of time, "
                f"sympy.Function({use.signal.name!r})(psu.t), in the system whose laws are kept",
                node=use,
                target="TOML",
            )
        networks = tuple(networks_within(used))
        used += [z for nn in networks for z in nn.inputs]
        free = set(chain.from_iterable(e.free_symbols for e in used)) - {t, *given}
        parameters = tuple(sorted(free, key=str))
        calls = {f.func for e in used for f in e.atoms(AppliedUndef)}
        found = cls(given, parameters, tuple(sorted(calls, key=str)), networks)
        found._check_names()
        return found

    @classmethod
    def read(cls, table: TomlTable) -> Vocabulary:
        """The names that the tables of a file declare.

        Raises
        ------
        ModelFileError
            An entry is not such a declaration; `.where` names it.
        """
        states = _declared(table.table("states"), sp.Symbol)
        parameters = _declared(table.table("parameters"), sp.Symbol)
        functions = _declared(table.table("functions"), sp.Function)
        found = cls(states, parameters, functions, ())
        networks = _read_networks(table.table("networks"), found.names)
        found = cls(states, parameters, functions, networks)
        found._check_names()
        return found

    def plain(self) -> dict[str, Any]:
        """The tables that `read` takes, of dicts, lists, text and numbers."""
        return {
            "states": {x.name: _assumptions(x, sp.Symbol) for x in self.states},
            "parameters": {p.name: _assumptions(p, sp.Symbol) for p in self.parameters},
            "functions": {str(w): _assumptions(w, sp.Function) for w in self.functions},
            "networks": {nn.name: _plain_network(nn) for nn in self.networks},
        }

    @cached_property
    def names(self) -> dict[str, Any]:
        """What each name stands for."""
        symbols = {s.name: s for s in (t, *self.states, *self.parameters)}
        return symbols | {str(w): w for w in self.functions} | {nn.name: nn for nn in self.networks}

    def expression(self, text: str, where: str) -> sp.Expr:
        """The expression that a text writes."""
        return _expression(text, self.names, where)

    def _check_names(self) -> None:
        kinds = ([t], self.states, self.parameters, self.functions, self.networks)
        seen: set[str] = set()
        for name in (getattr(one, "name", str(one)) for one in chain.from_iterable(kinds)):
            if name in seen:
                raise ModelFileError(f"the name {name!r} stands for two different things")
            seen.add(name)


def _declared(table: TomlTable, make: Callable[..., Any]) -> tuple[Any, ...]:
    """Symbols or functions with the assumptions that are written beside their names."""
    found: list[Any] = []
    for name in table.names():
        given = table.table(name)
        given.only(*sorted(_ASSUMPTIONS))
        for key, value in given.values.items():
            if not isinstance(value, bool):
                raise given.error(key, f"must be true or false; found {value!r}")
        try:
            found.append(make(name, **given.values))
        except ValueError:
            raise table.error(name, f"{', '.join(given)} exclude each other") from None
    return tuple(found)


def _assumptions(one: Any, make: Callable[..., Any]) -> dict[str, bool]:
    """The shortest assumptions that make the same symbol or function."""
    name = str(one)
    full = dict(sorted(one.assumptions0.items())) if isinstance(one, sp.Symbol) else {}
    for given in ({}, *({key: True} for key in _USUAL), full):
        if make(name, **given) == one:
            return given
    raise EmissionError(
        f"{name} ({type(one).__name__}) cannot be written to a file; use a plain symbol or function",
        node=one,
        target="JSON",
    )


def _plain_network(nn: MLP) -> dict[str, Any]:
    found: dict[str, Any] = {
        "inputs": [expression_to_text(z) for z in nn.inputs],
        "outputs": nn.outputs,
        "hidden": list(nn.hidden),
        "activation": nn.activation,
    }
    if not all(nn.bias):
        found["bias"] = list(nn.bias)
    for key in ("input_scaling", "output_scaling"):
        given = getattr(nn, key)
        if given is not None:
            found[key] = (
                given if given == "data" else dict(zip(("shift", "scale"), given, strict=True))
            )
    return found


def _read_networks(tables: TomlTable, names: dict[str, Any]) -> tuple[MLP, ...]:
    """Networks in order; the inputs of each may contain outputs of those before it."""
    found: list[MLP] = []
    levels: dict[str, int] = {}
    for name in tables.names():
        table = tables.table(name)
        network = _read_network(name, table, names | {nn.name: nn for nn in found})
        found.append(network)
        if sum(nn.n_weights for nn in found) > WEIGHTS:
            raise table.error("hidden", f"more than {WEIGHTS} weights in the networks of the file")
        inner = (nn.name for z in network.inputs for nn in z.atoms(MLP))
        levels[name] = 1 + max((levels[other] for other in inner), default=0)
        if levels[name] > LEVELS:
            raise table.error("inputs", f"more than {LEVELS} networks inside each other")
    return tuple(found)


def _read_network(name: str, table: TomlTable, names: dict[str, Any]) -> MLP:
    table.only(*NETWORK_KEYS, required=("inputs", "outputs", "hidden", "activation"))
    outputs = table.integers("outputs")
    if len(outputs) != 1 or outputs[0] > OUTPUTS:
        raise table.error("outputs", f"must be one integer, at most {OUTPUTS}; found {outputs}")
    scalings: dict[str, Any] = {}
    for key in ("input_scaling", "output_scaling"):
        given = table.values.get(key)
        if isinstance(given, dict):
            pair = table.table(key)
            pair.only("shift", "scale", required=("shift", "scale"))
            given = pair.numbers("shift"), pair.numbers("scale")
        scalings[key] = given
    try:
        made: Any = MLP(
            name,
            inputs=[_expression(z, names, table.where("inputs")) for z in table.strings("inputs")],
            outputs=outputs[0],
            hidden=tuple(table.integers("hidden")),
            activation=table.text("activation"),
            bias=table.values.get("bias", True),
            **scalings,
        )
        if not isinstance(made, MLP):  # several, with formulas between them
            raise table.error(
                "activation", f"activation {table.text('activation')!r} is unknown to files of laws"
            )
        return made
    except ModelFileError:
        raise
    except InvalidInputError as error:
        raise ModelFileError(str(error), where=f"[{table.place}]") from error


def _expression(text: str, names: dict[str, Any], where: str) -> sp.Expr:
    expr = parse_expression(text, names, where=where, literal=True)
    for call in expr.atoms(AppliedUndef):
        if call.args != (t,):
            raise ModelFileError(f"{call} must be {call.func}(t): a function of time", where=where)
    return expr
