"""What a document says, in SymPy: rates, rules, starts and events, nothing substituted yet."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy as sp

from pysymude.interchange.sbml.document import Document
from pysymude.interchange.sbml.identifiers import Identifiers
from pysymude.interchange.sbml.mathematics import Effort, Formula, Lambda
from pysymude.interchange.sbml.quantities import Quantity, quantities

__all__ = ["Contents", "EventText", "contents_of"]


@dataclass(frozen=True)
class EventText:
    """An event: the condition that triggers it, and what it sets, in order.

    `initially` says whether the condition counts as true before the start; `early` whether values are those
    at the trigger, and not those that events before it at the same time have left.
    """

    id: str
    trigger: Any
    sets: tuple[tuple[str, sp.Expr], ...]
    initially: bool
    early: bool
    element: Any


@dataclass(frozen=True)
class Contents:
    """A model.

    Attributes
    ----------
    document : Document
    quantities : mapping from id to Quantity
    assigned, rates, starts : mapping from id to SymPy expression
        Assignment rules, rate rules, initial assignments.
    changes : mapping from species to list of SymPy expression
        What each reaction adds to its amount per time, its stoichiometry and conversion factor included.
    events : tuple of EventText
    reactions : mapping from id to SymPy expression
    functions : mapping from id to Lambda
    identifiers : Identifiers
    rate_symbols : mapping from id to symbol
        What stands for rateOf in formulas.
    """

    document: Document
    quantities: Mapping[str, Quantity]
    assigned: Mapping[str, sp.Expr]
    rates: Mapping[str, sp.Expr]
    starts: Mapping[str, sp.Expr]
    changes: Mapping[str, list[sp.Expr]]
    events: tuple[EventText, ...]
    reactions: Mapping[str, sp.Expr]
    functions: Mapping[str, Lambda]
    identifiers: Identifiers
    rate_symbols: Mapping[str, sp.Symbol] = field(default_factory=dict[str, sp.Symbol])


def contents_of(document: Document) -> Contents:
    """The contents of a document.

    Raises
    ------
    ModelFileError
        Something that is refused: the message names the line, the kind and the id of the element.
    """
    identifiers = Identifiers(e.getId() for e in _named(document))
    found = quantities(document, identifiers)
    reader = _Reader(document, found, _functions(document))
    reactions = reader.reactions()
    reader.names |= reactions
    assigned, rates = reader.rules()
    starts = reader.starts()
    for key in (*assigned, *rates):
        if found[key].constant and document.level > 1:
            document.refuse(found[key].element, "it is constant, and a rule changes it")
    return Contents(
        document, found, assigned, rates, starts, reader.changes(reactions), tuple(reader.events()),
        reactions, reader.functions, identifiers, reader.rate_symbols,
    )  # fmt: skip


def _named(document: Document) -> Iterator[Any]:
    model = document.model
    yield from model.getListOfCompartments()
    yield from model.getListOfSpecies()
    yield from model.getListOfParameters()
    for reaction in model.getListOfReactions():
        for one in (*reaction.getListOfReactants(), *reaction.getListOfProducts()):
            if document.level > 2 and one.getId():
                yield one


def _functions(document: Document) -> dict[str, Lambda]:
    found: dict[str, Lambda] = {}
    for one in document.model.getListOfFunctionDefinitions():
        if one.getMath() is None or one.getBody() is None:
            document.refuse(one, "its formula is missing")
        names = tuple(one.getArgument(k).getName() for k in range(one.getNumArguments()))
        found[one.getId()] = Lambda(one.getId(), names, one.getBody())
    return found


class _Reader:
    """From the elements of a document to expressions."""

    def __init__(
        self, document: Document, found: Mapping[str, Quantity], functions: Mapping[str, Lambda]
    ) -> None:
        self.document, self.model = document, document.model
        self.quantities, self.functions = found, functions
        self.names: dict[str, Any] = {k: q.symbol for k, q in found.items() if q.kind != "local"}
        self.effort = Effort()
        self.rate_symbols: dict[str, sp.Symbol] = {}

    def rate_of(self, key: str, symbol: Any) -> sp.Expr:
        """What stands for the rate of a quantity; what only a reaction knows is constant."""
        if self.names.get(key) != symbol:
            return sp.S.Zero
        return self.rate_symbols.setdefault(key, sp.Dummy(f"rateOf_{key}", real=True))

    def formula(
        self, element: Any, names: Mapping[str, Any] | None = None, label: str = ""
    ) -> Formula:
        def refuse(problem: str) -> Any:
            self.document.refuse(element, problem, label=label)

        given = self.names if names is None else names
        return Formula(refuse, given, self.functions, effort=self.effort, rate_of=self.rate_of)

    # -- reactions ----------------------------------------------------------------------------

    def reactions(self) -> dict[str, sp.Expr]:
        """The rate of each reaction."""
        local: dict[str, dict[str, Any]] = {}
        for q in self.quantities.values():
            if q.kind == "local":
                owner, _, own = q.id.partition(".")
                local.setdefault(owner, {})[own] = q.symbol
        found: dict[str, sp.Expr] = {}
        for reaction in self.model.getListOfReactions():
            if reaction.getFast():
                self.document.refuse(
                    reaction, "a fast reaction is a constraint, which is not solved for"
                )
            if (law := reaction.getKineticLaw()) is None:
                self.document.refuse(reaction, "it has no kinetic law")
            if (key := reaction.getId()) in self.names:
                self.document.refuse(reaction, "its id stands for two things")
            # a rate may contain the rate of a reaction before it
            names = ChainMap(local.get(key, {}), found, self.names)
            found[key] = self.formula(law, names, key).read(law.getMath())
        return found

    def changes(self, rates: Mapping[str, sp.Expr]) -> dict[str, list[sp.Expr]]:
        """What the reactions add to the amount of each species that they change."""
        found: dict[str, list[sp.Expr]] = {}
        for reaction in self.model.getListOfReactions():
            rate = rates[reaction.getId()]
            sides = ((-1, reaction.getListOfReactants()), (1, reaction.getListOfProducts()))
            for sign, references in sides:
                for one in references:
                    species = self.quantities.get(one.getSpecies())
                    if species is None or species.kind != "species":
                        self.document.refuse(
                            reaction, f"its species {one.getSpecies()!r} is not there"
                        )
                    if species.constant or species.boundary:
                        continue
                    part = sign * self._stoichiometry(one) * rate
                    if species.factor:
                        part *= self._named_parameter(species)
                    found.setdefault(species.id, []).append(part)
        return found

    def _named_parameter(self, species: Quantity) -> Any:
        if species.factor not in self.names:
            self.document.refuse(
                species.element, f"its conversion factor {species.factor!r} is not there"
            )
        return self.names[species.factor]

    def _stoichiometry(self, one: Any) -> Any:
        if one.isSetStoichiometryMath():
            self.document.refuse(
                one,
                "stoichiometryMath is not read; level 3 has rules for stoichiometries",
                label=one.getSpecies(),
            )
        if self.document.level > 2 and one.getId():
            return self.names[one.getId()]
        if self.document.level > 2 and not one.isSetStoichiometry():
            self.document.refuse(one, "its stoichiometry is missing", label=one.getSpecies())
        value = float(one.getStoichiometry())
        number = sp.Integer(int(value)) if value.is_integer() else sp.Float(value)
        return number / int(one.getDenominator()) if self.document.level == 1 else number

    # -- rules, starts, events ----------------------------------------------------------------

    def rules(self) -> tuple[dict[str, sp.Expr], dict[str, sp.Expr]]:
        """Assignment rules and rate rules."""
        assigned: dict[str, sp.Expr] = {}
        rates: dict[str, sp.Expr] = {}
        for rule in self.model.getListOfRules():
            if rule.isAlgebraic():
                line = f"at line {rule.getLine()}"
                self.document.refuse(
                    rule, "algebraic rules are not solved for", label=rule.getId() or line
                )
            variable = rule.getVariable()
            if variable not in self.quantities:
                self.document.refuse(
                    rule, f"its variable {variable!r} is not there", label=variable
                )
            if variable in assigned or variable in rates:
                self.document.refuse(rule, "a second rule for the same variable", label=variable)
            target = rates if rule.isRate() else assigned
            target[variable] = self.formula(rule, label=variable).read(rule.getMath())
        return assigned, rates

    def starts(self) -> dict[str, sp.Expr]:
        """Initial assignments."""
        found: dict[str, sp.Expr] = {}
        for one in self.model.getListOfInitialAssignments():
            symbol = one.getSymbol()
            if symbol not in self.quantities:
                self.document.refuse(one, f"its symbol {symbol!r} is not there", label=symbol)
            if symbol in found:
                self.document.refuse(one, "a second one for the same symbol", label=symbol)
            found[symbol] = self.formula(one, label=symbol).read(one.getMath())
        return found

    def events(self) -> Iterator[EventText]:
        """The events, in order."""
        for k, event in enumerate(self.model.getListOfEvents()):
            label = event.getId() or f"number {k + 1}"
            if event.getDelay() is not None:
                self.document.refuse(event, "delays of events are not read", label=label)
            if event.getPriority() is not None:
                self.document.refuse(event, "priorities of events are not read", label=label)
            if event.getTrigger() is None:
                self.document.refuse(event, "it has no trigger", label=label)
            formula = replace(self.formula(event, label=label), rate_of=None)
            trigger = formula.condition(event.getTrigger().getMath())
            sets: list[tuple[str, sp.Expr]] = []
            for one in event.getListOfEventAssignments():
                variable = one.getVariable()
                if variable not in self.quantities:
                    self.document.refuse(
                        event, f"its variable {variable!r} is not there", label=label
                    )
                sets.append((variable, formula.read(one.getMath())))
            yield EventText(
                label, trigger, tuple(sets), bool(event.getTrigger().getInitialValue()),
                bool(event.getUseValuesFromTriggerTime()), event,
            )  # fmt: skip
