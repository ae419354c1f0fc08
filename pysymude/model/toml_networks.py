"""The networks of a model file, and the expressions in which they stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, islice
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from pysymude.errors import InvalidInputError, ModelFileError
from pysymude.model.expressions import parse_expression
from pysymude.model.network import ACTIVATIONS, MLP
from pysymude.model.symbols import t
from pysymude.model.toml_table import TomlTable

__all__ = [
    "LEVELS", "NETWORK_KEYS", "OUTPUTS", "WEIGHTS", "networks_within", "read_expression",
    "read_expressions", "read_networks",
]  # fmt: skip

NETWORK_KEYS = (
    "inputs", "outputs", "hidden", "activation", "input_scaling", "output_scaling", "bias",
)  # fmt: skip

# what a file may ask the memory for
WEIGHTS = 10_000_000  # of all networks together
OUTPUTS = 10_000  # of one network
INPUTS = 10_000  # nodes of the inputs of one network, with those of the networks in them
LEVELS = 10  # of networks inside each other; comparing two such nests takes 2^10 steps


def networks_within(expressions: Iterable[sp.Expr]) -> list[MLP]:
    """The networks in expressions, in their own inputs and so on, each after those in its inputs.

    One network a name: that of the expressions, where the inputs of another one have an older copy.
    """
    given = list(expressions)
    known = {nn.name: nn for expr in given for nn in expr.atoms(MLP)}
    begun: set[str] = set()
    found: list[MLP] = []

    def visit(parts: Iterable[sp.Expr]) -> None:
        named = {nn.name: nn for part in parts for nn in part.atoms(MLP)}
        for name in sorted(named):
            if name not in begun:
                begun.add(name)
                network = known.get(name, named[name])
                visit(network.inputs)
                found.append(network)

    visit(given)
    return found


def read_expressions(table: TomlTable, names: Mapping[str, Any]) -> dict[str, Any]:
    """The expressions of a table by key."""
    return {key: read_expression(table.expression(key), names, table.where(key)) for key in table}


def read_expression(text: str, names: Mapping[str, Any], where: str) -> Any:
    """An expression in which unknown functions are of time alone."""
    expr: Any = parse_expression(text, names, where=where)
    for call in expr.atoms(AppliedUndef):
        if call.args != (t,):
            name = call.func.__name__
            raise ModelFileError(f"{call} must be {name}(t): a function of time", where=where)
    return expr


def read_networks(tables: TomlTable, names: Mapping[str, Any]) -> dict[str, Any]:
    """Networks by name; the inputs of each may contain outputs of those before it."""
    found: dict[str, MLP] = {}
    known, weights, levels = dict(names), 0, dict[str, int]()
    for name in tables:
        table = tables.table(name)
        network = found[name] = known[name] = _network(name, table, known)
        weights += network.n_weights
        if weights > WEIGHTS:
            raise table.error("hidden", f"more than {WEIGHTS} weights in the networks of the file")
        inner = (nn.name for z in network.inputs for nn in z.atoms(MLP))
        levels[name] = 1 + max((levels[other] for other in inner), default=0)
        if levels[name] > LEVELS:
            raise table.error("inputs", f"more than {LEVELS} networks inside each other")
    return found


def _network(name: str, table: TomlTable, names: Mapping[str, Any]) -> MLP:
    table.only(*NETWORK_KEYS, required=("inputs", "outputs", "hidden"))
    inputs = [read_expression(z, names, table.where("inputs")) for z in table.strings("inputs")]
    nodes = chain.from_iterable(map(sp.preorder_traversal, inputs))
    if len(list(islice(nodes, INPUTS + 1))) > INPUTS:
        raise table.error("inputs", f"more than {INPUTS} numbers, symbols and operations in all")
    outputs = table.integers("outputs")
    if len(outputs) != 1:
        raise table.error("outputs", f"must be one integer; found {outputs}")
    if outputs[0] > OUTPUTS:
        raise table.error("outputs", f"must be at most {OUTPUTS}")
    try:
        made: Any = MLP(
            name,
            inputs=inputs,
            outputs=outputs[0],
            hidden=tuple(table.integers("hidden")),
            activation=table.text("activation", "tanh"),
            input_scaling=_scaling(table, "input_scaling"),
            output_scaling=_scaling(table, "output_scaling"),
            bias=table.values.get("bias", True),
        )
        if not isinstance(made, MLP):
            raise table.error(
                "activation", f"{table.text('activation')!r} is no activation of one network; there are "
                f"{', '.join(ACTIVATIONS)}. Others are affine networks (hidden = []) with formulas between them"
            )  # fmt: skip
        return made
    except ModelFileError:
        raise
    except InvalidInputError as error:
        raise ModelFileError(str(error), where=f"[{table.place}]") from error


def _scaling(table: TomlTable, key: str) -> Any:
    found = table.values.get(key)
    if found is None or found == "data":
        return found
    if not isinstance(found, dict):
        raise table.error(
            key, f'must be "data" or {{ shift = [...], scale = [...] }}; found {found!r}'
        )
    pair = table.table(key)
    pair.only("shift", "scale", required=("shift", "scale"))
    return pair.numbers("shift"), pair.numbers("scale")
