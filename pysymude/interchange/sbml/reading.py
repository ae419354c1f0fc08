"""`read_sbml`: a model as an `ODESystem`, with the names, units and events that no system holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from os import PathLike
from types import MappingProxyType
from typing import Any

import sympy as sp

from pysymude.errors import InvalidInputError, ModelFileError
from pysymude.interchange.sbml.contents import Contents, contents_of
from pysymude.interchange.sbml.document import read_document
from pysymude.interchange.sbml.happenings import Happening, as_event, happenings
from pysymude.interchange.sbml.to_equations import Lowered, lowered
from pysymude.interchange.sbml.unit_text import unit_of, units_by_name
from pysymude.model.calls import explained
from pysymude.model.coerce import close_matches, label_of
from pysymude.model.expressions import parse_expression
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem

__all__ = ["SbmlModel", "read_sbml"]


@dataclass(frozen=True)
class SbmlModel:
    """A model that was read.

    Attributes
    ----------
    system : ODESystem
        States are concentrations, or amounts where the file says so; rules are put in. What they define are
        observables. Events are those of the system.
    names : mapping from id to str
        The name of the symbol of each id: the id itself, unless that is a keyword of Python, ``t``, or begins
        with two underscores. Local parameters go by ``reaction.id``.
    units : mapping from id to str
        Units as text, of what has one. Nothing is converted.
    name : str
        The id of the model.
    """

    system: ODESystem
    names: Mapping[str, str]
    units: Mapping[str, str]
    name: str


@explained
def read_sbml(
    source: str | PathLike[str],
    *,
    trainable: Any = (),
    observables: Any = None,
) -> SbmlModel:
    """The model in an SBML file of level 1 to 3, or in its text.

    Parameters
    ----------
    source : str or path
        A file, or a text that begins with ``<``. Nothing in it is executed, and nothing is fetched.
    trainable : ids, or mapping from id to float, optional
        Parameters to be learned; they start at the value in the file where no other is given.
    observables : ids, or mapping from name to id, text or SymPy expression, optional
        What is measured. By default everything that an assignment rule defines.

    Returns
    -------
    SbmlModel

    Raises
    ------
    ModelFileError
        No such file, no SBML, or an element that is not read: algebraic rules, delays, fast reactions,
        stoichiometryMath, required packages. The message names its line, kind and id.
    MissingPackageError
        python-libsbml is not installed.

    Examples
    --------
    >>> model = read_sbml('''<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">
    ...   <model id="decay">
    ...     <listOfParameters>
    ...       <parameter id="x" value="1" constant="false"/> <parameter id="k" value="2" constant="true"/>
    ...     </listOfParameters>
    ...     <listOfRules> <rateRule variable="x">
    ...       <math xmlns="http://www.w3.org/1998/Math/MathML">
    ...         <apply> <minus/> <apply> <times/> <ci> k </ci> <ci> x </ci> </apply> </apply>
    ...       </math> </rateRule> </listOfRules>
    ...   </model>
    ... </sbml>''')
    >>> model.system
    ODESystem(x' = -k*x; parameters k=2)
    """
    contents = contents_of(read_document(source))
    starts = _trainable(contents, trainable)
    found = lowered(contents, kept=starts)
    learned = {contents.quantities[k].symbol: v for k, v in starts.items()}
    used = {s for e in (*found.rhs.values(), *found.initial.values()) for s in e.free_symbols}
    measured = _observables(contents, found, observables)
    used |= {s for e in measured.values() for s in e.free_symbols}
    if not found.rhs:
        raise ModelFileError("nothing in the model changes with time", where=contents.document.name)
    events = happenings(contents, found)
    _check_starts(contents, found, learned, events)
    used |= {s for h in events for e in (h.rising, *h.sets.values()) for s in e.free_symbols}
    system = ODESystem(
        found.rhs,
        events=[as_event(h) for h in events],
        parameters={s: v for s, v in found.parameters.items() if s in used and s not in learned},
        trainable=learned,
        observables=measured,
        initial=found.initial,
    )
    by_name = units_by_name(contents.document, contents.quantities)
    known = {s.name for s in (*system.states, *system.parameters, *system.trainable)}
    known |= {*system.observables, "t"}
    system = system.replace(units={k: unit for k, unit in by_name.items() if k in known})
    quantities = contents.quantities
    units = {k: unit for k, q in quantities.items() if (unit := unit_of(contents.document, q))}
    return SbmlModel(
        system,
        MappingProxyType({k: q.symbol.name for k, q in quantities.items()}),
        MappingProxyType(units),
        contents.document.model.getId(),
    )


def _check_starts(
    contents: Contents, found: Lowered, learned: Mapping[Any, float], events: list[Happening]
) -> None:
    """An error where an event would happen at the very start, which no solve looks for."""
    values: dict[Any, Any] = {**found.parameters, **learned, t: 0.0}
    for happening in events:
        if not happening.at_once:
            continue
        start: Any = happening.rising.xreplace(dict(found.initial)).xreplace(values)
        start = sp.sympify(start, strict=True)
        if start.is_number and (start > 0 or (start >= 0 and happening.closed)):
            contents.document.refuse(
                contents.events[0].element, "it would happen at the very start, which is not read",
                label=happening.id,
            )  # fmt: skip


def _trainable(contents: Contents, given: Any) -> dict[str, float]:
    """Where each trainable parameter starts, by id."""
    values = given if isinstance(given, Mapping) else {}
    keys = given if isinstance(given, Collection) and not isinstance(given, str) else [given]
    names = {q.symbol.name: key for key, q in contents.quantities.items()}
    found: dict[str, float] = {}
    for key in keys:
        name = label_of(key)
        identifier = name if name in contents.quantities else names.get(name)
        if identifier is None:
            raise InvalidInputError(
                f"trainable= names {name!r}, which the model does not have; "
                f"{close_matches(name, contents.quantities)}"
            )
        value = values.get(key, contents.quantities[identifier].value)
        if value is None:
            raise InvalidInputError(
                f"trainable= names {name!r}, which has no value in {contents.document.name}; write "
                f"trainable={{{name!r}: start}}"
            )
        found[identifier] = value
    return found


def _observables(contents: Contents, found: Lowered, given: Any) -> dict[str, sp.Expr]:
    """Expressions by name, of states and parameters alone."""
    quantities = contents.quantities
    if given is None:
        return {quantities[k].symbol.name: found.meaning[k] for k in contents.assigned}
    several = [given] if isinstance(given, str) else given
    entries: dict[Any, Any] = dict(given) if isinstance(given, Mapping) else {k: k for k in several}
    known: dict[str, Any] = {str(t): t, **found.meaning}
    known |= {q.symbol.name: found.meaning[k] for k, q in quantities.items()}
    states = {s.name for s in found.rhs}
    measured: dict[str, sp.Expr] = {}
    for key, value in entries.items():
        name = label_of(key)
        if isinstance(value, str):
            expr = known.get(value)
            if expr is None:
                expr = parse_expression(value, known, where=f"observables[{name!r}]")
        else:
            expr = _expression(value, known)
        if name not in states:
            measured[name] = expr
    return measured


def _expression(value: Any, known: Mapping[str, Any]) -> Any:
    """An expression of the user's own symbols, by their names."""
    if not isinstance(value, sp.Expr):
        return value
    own: Any = value.free_symbols
    return value.xreplace({s: known[s.name] for s in own if s.name in known})
