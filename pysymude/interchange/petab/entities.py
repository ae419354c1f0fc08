"""What the ids of a problem stand for: quantities of the model, parameters of tables, outputs of networks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pysymude.errors import ModelFileError
from pysymude.interchange.petab.array_files import Arrays, read_arrays
from pysymude.interchange.petab.described import Described
from pysymude.interchange.petab.formula_text import names_in, read_formula
from pysymude.interchange.petab.layer_chains import Built, Chain, read_chain
from pysymude.interchange.petab.tsv import Row
from pysymude.interchange.sbml.contents import Contents, contents_of
from pysymude.interchange.sbml.document import read_document
from pysymude.interchange.sbml.quantities import symbol_of
from pysymude.model.coerce import close_matches

__all__ = ["Entities", "entities_of"]

_INPUT = re.compile(r"(\w+)\.inputs\[(\d+)\](?:\[(\d+)\])?$")
_OUTPUT = re.compile(r"(\w+)\.outputs\[(\d+)\]\[(\d+)\]$")
_ARRAY = re.compile(r"(\w+)\.parameters(?:\[(\w+)\](?:\.(\w+))?)?$")


@dataclass
class Entities:
    """The ids of a problem.

    Attributes
    ----------
    contents : Contents
        The model, with what networks set in it.
    names : dict from id to SymPy expression
        Symbols of the model and of tables, and outputs of networks. What rules define is a symbol here.
    networks : dict from id to Built
    before : tuple of ids
        Quantities that a network sets once before a simulation.
    rows : dict from symbol's name to {condition: number}
        Entries of arrays that are inputs of networks; ``"0"`` is every condition.
    arrays : Arrays
    slices : dict from id of the parameter table to (network, layer, array)
        What rows for arrays mean; empty text is all of them.
    """

    described: Described
    contents: Contents
    names: dict[str, Any]
    arrays: Arrays
    networks: dict[str, Built] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    rows: dict[str, Mapping[str, float]] = field(default_factory=dict)
    slices: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def symbol(self, key: str) -> Any:
        """The symbol of an id, made where there is none."""
        if key not in self.names:
            self.names[key] = symbol_of(self.contents.identifiers.fresh(key))
        return self.names[key]

    def formula(self, text: str, row: Row, what: str, more: Mapping[str, Any] | None = None) -> Any:
        """The expression of a formula."""
        return read_formula(text, {**self.names, **(more or {})}, row, what)


def entities_of(described: Described) -> Entities:
    """The ids of a problem, networks built and put into the model.

    Raises
    ------
    ModelFileError
        A name that is nothing, or a network that is none.
    """
    contents = contents_of(read_document(described.model))
    names: dict[str, Any] = {
        k: q.symbol for k, q in contents.quantities.items() if q.kind != "local"
    }
    found = Entities(described, contents, names, read_arrays(described.arrays))
    for key, (other, row) in described.mapping.items():
        if match := _ARRAY.match(other):
            found.slices[key] = (match[1], match[2] or "", match[3] or "")
            if match[1] not in described.networks:
                row.refuse(f"the network {match[1]!r} is not among those of the problem")
        elif other in names and key != other:
            names[key] = names[other]
    for key in described.parameters:
        if key not in found.slices:
            found.symbol(key)
    targets = {
        t: row
        for periods in described.experiments.values()
        for p in periods
        for t, (_, row) in p.changes.items()
    }
    _check_targets(found, targets)
    for key in sorted(targets):
        found.symbol(key)
    if described.networks:
        _Wiring(found).run()
    return found


def _check_targets(found: Entities, targets: Mapping[str, Row]) -> None:
    """An error where conditions change what is nowhere: neither in the model, nor in a table or formula."""
    described = found.described
    known = {*found.names, *described.parameters, *described.mapping, *described.hybridization}
    formulas = [f for o in described.observables.values() for f in (o.formula, o.noise)]
    formulas += [f for one in described.measurements for f in (*one.given, *one.noise_given)]
    formulas += [f for f, _ in described.hybridization.values()]
    formulas += [
        f
        for several in described.experiments.values()
        for p in several
        for f, _ in p.changes.values()
    ]
    unknown = targets.keys() - known
    if unknown:
        known |= {name for text in formulas for name in names_in(text)}
    for key in sorted(unknown - known):
        targets[key].refuse(
            f"a condition changes {key!r}, which is nothing of the model or the tables; "
            f"{close_matches(key, sorted(known))}"
        )


class _Wiring:
    """Networks, their inputs, and what their outputs set."""

    def __init__(self, found: Entities) -> None:
        self.found, self.described = found, found.described
        self.chains = {k: read_chain(k, path) for k, (path, _) in self.described.networks.items()}

    def run(self) -> None:
        inputs: dict[str, dict[int, dict[int, Any]]] = {k: {} for k in self.chains}
        outputs: list[tuple[str, str, int, Row]] = []
        for key, (other, row) in self.described.mapping.items():
            if match := _INPUT.match(other):
                chain, own = self._network(match[1], row), inputs[match[1]]
                argument = own.setdefault(int(match[2]), {})
                if match[3] is None:
                    argument |= dict(enumerate(self._array_input(key, chain, row)))
                else:
                    argument[int(match[3])] = (key, row)
            elif match := _OUTPUT.match(other):
                self._network(match[1], row)
                outputs.append((key, match[1], int(match[3]), row))
        for key in self._order(inputs):
            self.found.networks[key] = self._built(self.chains[key], inputs[key])
            for name, network, k, row in outputs:
                if network == key:
                    self._name_output(name, network, k, row)
        self._set_targets(inputs)

    def _network(self, key: str, row: Row) -> Chain:
        if key not in self.chains:
            row.refuse(f"the network {key!r} is not among those of the problem")
        return self.chains[key]

    def _name_output(self, name: str, network: str, k: int, row: Row) -> None:
        outputs = self.found.networks[network].outputs
        if k >= len(outputs):
            row.refuse(f"network {network!r} has {len(outputs)} outputs; found number {k}")
        self.found.names[name] = outputs[k]

    def _order(self, inputs: Mapping[str, Any]) -> list[str]:
        """Networks such that those come first whose outputs others read."""
        texts = {
            key: " ".join(
                self.described.hybridization[given[0]][0]
                for argument in own.values()
                for given in argument.values()
                if isinstance(given, tuple) and given[0] in self.described.hybridization
            )
            for key, own in inputs.items()
        }
        owner = {
            name: match[1]
            for name, (other, _) in self.described.mapping.items()
            if (match := _OUTPUT.match(other))
        }
        needs = {
            key: {owner[n] for n in re.findall(r"\w+", text) if n in owner}
            for key, text in texts.items()
        }
        done: list[str] = []
        while len(done) < len(needs):
            ready = [k for k, needed in needs.items() if k not in done and needed <= set(done)]
            if not ready:
                left = sorted(set(needs) - set(done))
                row = next(iter(self.described.hybridization.values()))[1]
                row.refuse(f"the networks {', '.join(left)} need each other's outputs")
            done += ready
        return done

    def _array_input(self, key: str, chain: Chain, row: Row) -> list[Any]:
        """Symbols for the entries of an array that is an input."""
        given = self.found.arrays.inputs
        own = {condition: a for (name, condition), a in given.items() if name == key}
        if not own:
            row.refuse(f"no array file has the input {key!r} of network {chain.id!r}")
        sizes = {a.size for a in own.values()}
        if len(sizes) != 1:
            row.refuse(f"the arrays of {key!r} have different sizes: {sorted(sizes)}")
        symbols: list[Any] = []
        for i in range(sizes.pop()):
            symbol = symbol_of(self.found.contents.identifiers.fresh(f"{key}_{i}"))
            self.found.rows[symbol.name] = {c: float(a.ravel()[i]) for c, a in own.items()}
            symbols.append(symbol)
        return symbols

    def _built(self, chain: Chain, own: Mapping[int, Mapping[int, Any]]) -> Built:
        expressions: list[Any] = []
        for argument in chain.arguments:
            entries = own.get(argument, {})
            for j in range(len(entries)):
                if j not in entries:
                    self._refuse(
                        chain, f"its input {j} of argument {argument} is not in the mapping table"
                    )
                given = entries[j]
                expressions.append(self._input(*given) if isinstance(given, tuple) else given)
        if len(expressions) != chain.layers[0].inputs:
            self._refuse(
                chain,
                f"it takes {chain.layers[0].inputs} inputs; the mapping table names {len(expressions)}",
            )
        return chain.built(expressions, self.found.contents.identifiers.fresh)

    def _refuse(self, chain: Chain, problem: str) -> Any:
        raise ModelFileError(f"network {chain.id!r}: {problem}", where=str(self.described.file))

    def _input(self, key: str, row: Row) -> Any:
        """What an input is: the formula that the hybridization table gives, or a parameter."""
        if key in self.described.hybridization:
            text, own = self.described.hybridization[key]
            return self.found.formula(text, own, "targetValue")
        if key not in self.found.names:
            row.refuse(f"the input {key!r} has no value: it stands in no other table")
        return self.found.names[key]

    def _set_targets(self, inputs: Mapping[str, Mapping[int, Mapping[int, Any]]]) -> None:
        """Quantities of the model that the outputs of networks stand for."""
        used = {
            given[0]
            for own in inputs.values()
            for argument in own.values()
            for given in argument.values()
            if isinstance(given, tuple)
        }
        contents, before = self.found.contents, list[str]()
        assigned, starts = dict(contents.assigned), dict(contents.starts)
        arrays = {
            name for name, (other, _) in self.described.mapping.items() if _INPUT.match(other)
        }
        for target, (text, row) in self.described.hybridization.items():
            if target in used or target in arrays:
                continue
            if target not in contents.quantities:
                row.refuse(
                    f"the target {target!r} is neither a quantity of the model nor an input of a network"
                )
            value = self.found.formula(text, row, "targetValue")
            quantity = contents.quantities[target]
            moves = quantity.kind == "species" and not (quantity.constant or quantity.boundary)
            if target in contents.assigned:
                row.refuse(f"the target {target!r} has a rule in the model")
            if moves or target in contents.rates:
                starts[target] = value
            elif all(self.described.networks[k][1] for k in self._networks_in(text)):
                starts[target] = value
                before.append(target)
            else:
                assigned[target] = value
        self.found.contents = replace(contents, assigned=assigned, starts=starts)
        self.found.before = tuple(before)

    def _networks_in(self, text: str) -> list[str]:
        found: list[str] = []
        for name in re.findall(r"\w+", text):
            other = self.described.mapping.get(name, ("", None))[0]
            if match := _OUTPUT.match(other):
                found.append(match[1])
        return found
