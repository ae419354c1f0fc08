"""What a model has by name: compartments, species, parameters, stoichiometries, local parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from pysymude.interchange.sbml.document import Document
from pysymude.interchange.sbml.identifiers import Identifiers

__all__ = ["Quantity", "quantities", "symbol_of"]


@dataclass(frozen=True)
class Quantity:
    """One thing of the model that has a value.

    Attributes
    ----------
    id : str
        As in the file; of a local parameter ``reaction.id``.
    symbol : SymPy symbol
        What stands for it in formulas: for a species its concentration, or its amount where `amount`.
    kind : str
        ``"compartment"``, ``"species"``, ``"parameter"``, ``"stoichiometry"`` or ``"local"``.
    constant : bool
        Whether the file says that it never changes.
    value : float or None
        The number in the file.
    start : SymPy expression or None
        Where it begins, where that is more than a number.
    element : libSBML's element
    compartment : str
        Of a species.
    amount : bool
        Whether the symbol of a species is its amount.
    boundary : bool
        Whether reactions leave a species as it is.
    factor : str
        The id of the conversion factor of a species.
    """

    id: str
    symbol: sp.Symbol
    kind: str
    constant: bool
    value: float | None
    element: Any
    start: Any = None
    compartment: str = ""
    amount: bool = False
    boundary: bool = False
    factor: str = ""


def symbol_of(name: str) -> sp.Symbol:
    """The symbol that `psu.states` and `psu.parameters` make of a name."""
    return sp.Symbol(name, real=True)


def quantities(document: Document, names: Identifiers) -> dict[str, Quantity]:
    """All quantities by id, in the order of the file.

    Raises
    ------
    ModelFileError
        An id stands twice, or a species is in no compartment.
    """
    found: dict[str, Quantity] = {}
    for quantity in _all(document, names):
        if quantity.id in found:
            document.refuse(quantity.element, "its id stands for two things")
        found[quantity.id] = quantity
    return {
        key: _started(document, q, found) if q.kind == "species" else q for key, q in found.items()
    }


def _all(document: Document, names: Identifiers) -> Iterator[Quantity]:
    model = document.model
    for one in model.getListOfCompartments():
        yield _compartment(document, names, one)
    for one in model.getListOfSpecies():
        yield _species(document, names, one)
    for one in model.getListOfParameters():
        yield _plain(document, names, one, "parameter")
    for reaction in model.getListOfReactions():
        for one in (*reaction.getListOfReactants(), *reaction.getListOfProducts()):
            if document.level > 2 and one.getId():
                yield Quantity(
                    one.getId(), symbol_of(names.names[one.getId()]), "stoichiometry", one.getConstant(),
                    one.getStoichiometry() if one.isSetStoichiometry() else None, one,
                )  # fmt: skip
        law = reaction.getKineticLaw()
        for one in _local(document, law):
            name = names.fresh(f"{reaction.getId()}_{one.getId()}")
            yield _plain(document, names, one, "local", f"{reaction.getId()}.{one.getId()}", name)


def _local(document: Document, law: Any) -> Iterator[Any]:
    if law is not None:
        yield from (
            law.getListOfLocalParameters() if document.level > 2 else law.getListOfParameters()
        )


def _compartment(document: Document, names: Identifiers, one: Any) -> Quantity:
    value = one.getSize() if one.isSetSize() or one.isSetVolume() else None
    if value is None and (document.level < 2 or one.getSpatialDimensions() == 0):
        value = 1.0  # the default of level 1; what is in a point is counted
    return Quantity(
        one.getId(), symbol_of(names.names[one.getId()]), "compartment", one.getConstant(),
        _finite(document, one, value, "size"), one,
    )  # fmt: skip


def _species(document: Document, names: Identifiers, one: Any) -> Quantity:
    model = document.model
    if model.getCompartment(one.getCompartment()) is None:
        document.refuse(one, f"its compartment {one.getCompartment()!r} is not there")
    point = model.getCompartment(one.getCompartment()).getSpatialDimensions() == 0
    return Quantity(
        one.getId(), symbol_of(names.names[one.getId()]), "species", one.getConstant(), None, one,
        compartment=one.getCompartment(), amount=one.getHasOnlySubstanceUnits() or point,
        boundary=one.getBoundaryCondition(),
        factor=one.getConversionFactor() or model.getConversionFactor(),
    )  # fmt: skip


def _plain(
    document: Document, names: Identifiers, one: Any, kind: str, key: str = "", name: str = ""
) -> Quantity:
    value = one.getValue() if one.isSetValue() else None
    constant = True if kind == "local" else one.getConstant()
    symbol = symbol_of(name or names.names[one.getId()])
    return Quantity(
        key or one.getId(), symbol, kind, constant, _finite(document, one, value, "value"), one
    )


def _started(document: Document, species: Quantity, found: dict[str, Quantity]) -> Quantity:
    """A species with the number or expression that its file gives it at the start."""
    one, volume = species.element, found[species.compartment]
    size: Any = volume.symbol
    if one.isSetInitialConcentration():
        given = _finite(document, one, one.getInitialConcentration(), "initialConcentration")
        as_written = not species.amount
    elif one.isSetInitialAmount():
        given = _finite(document, one, one.getInitialAmount(), "initialAmount")
        as_written = species.amount
    else:
        return species
    if as_written or given == 0:
        return replace(species, value=given)
    number = _exact(given)
    return replace(species, start=number * size if species.amount else number / size)


def _exact(value: float | None) -> Any:
    number = float(value or 0.0)
    return (
        sp.Integer(int(number)) if number.is_integer() and abs(number) < 2**53 else sp.Float(number)
    )


def _finite(document: Document, element: Any, value: float | None, what: str) -> float | None:
    """The number; NaN is none."""
    if value is None or math.isnan(value):
        return None
    if math.isinf(value):
        document.refuse(element, f"its {what} is not finite")
    return float(value)
