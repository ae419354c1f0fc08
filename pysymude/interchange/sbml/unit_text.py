"""Units of SBML as text, such as ``10^-9 mole / litre``; they are kept, and never converted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pysymude.interchange.packages import needed
from pysymude.interchange.sbml.document import Document
from pysymude.interchange.sbml.quantities import Quantity
from pysymude.model.units import LONGEST

__all__ = ["time_unit", "unit_of", "units_by_name"]

_TIMES = {("second", 60.0): "minute", ("second", 3600.0): "hour", ("second", 86400.0): "day"}


def units_by_name(document: Document, found: Mapping[str, Quantity]) -> dict[str, str]:
    """Units by the names of symbols, and that of time; of what has one that says anything."""
    units = {q.symbol.name: unit_of(document, q) for q in found.values()} | {
        "t": time_unit(document)
    }
    return {
        name: unit if len(unit) <= LONGEST else unit[: LONGEST - 3] + "..."
        for name, unit in units.items()
        if unit not in ("", "dimensionless")
    }


def time_unit(document: Document) -> str:
    """The unit of time; empty where the file says none."""
    if document.level > 2:
        return _text(document, str(document.model.getTimeUnits()))
    defined = document.model.getUnitDefinition("time") is not None
    return _text(document, "time") if defined else "second"


def unit_of(document: Document, quantity: Quantity) -> str:
    """The unit of a quantity; empty where the file says none."""
    one, model = quantity.element, document.model
    if quantity.kind == "species":
        substance = one.getSubstanceUnits() or (one.getUnits() if document.level == 1 else "")
        above = _text(document, substance or _default(document, "substance"))
        if quantity.amount or not above:
            return above
        below = unit_of(document, _compartment(quantity, model))
        return f"{above} / {_bracketed(below)}" if below else above
    if quantity.kind == "stoichiometry":
        return ""
    return _text(document, one.getUnits() or _size_unit(document, quantity))


def _compartment(quantity: Quantity, model: Any) -> Quantity:
    element = model.getCompartment(quantity.compartment)
    return Quantity(quantity.compartment, quantity.symbol, "compartment", True, None, element)


def _size_unit(document: Document, quantity: Quantity) -> str:
    if quantity.kind != "compartment":
        return ""
    sizes = {1: "length", 2: "area", 3: "volume"}
    return _default(document, sizes.get(quantity.element.getSpatialDimensions(), ""))


def _default(document: Document, what: str) -> str:
    """The unit that the model, or SBML before level 3, gives to all that say none."""
    if not what:
        return ""
    if document.level < 3:
        builtin = {"substance": "mole", "volume": "litre", "area": "metre^2", "length": "metre"}
        defined = document.model.getUnitDefinition(what) is not None
        return what if defined else builtin.get(what, "")
    return str(getattr(document.model, f"get{what.capitalize()}Units")())


def _text(document: Document, unit: str) -> str:
    """A unit definition multiplied out, or the name of a base unit."""
    definition = document.model.getUnitDefinition(unit) if unit else None
    if definition is None:
        return unit
    above: list[str] = []
    below: list[str] = []
    for one in definition.getListOfUnits():
        kind = str(needed("libsbml").UnitKind_toString(one.getKind()))
        exponent = one.getExponentAsDouble() if one.getLevel() > 2 else float(one.getExponent())
        factor = (
            one.getMultiplier() * 10.0 ** one.getScale()
            if one.isSetMultiplier() or one.isSetScale()
            else 1.0
        )
        kind, factor = _TIMES.get((kind, factor), kind), 1.0 if (kind, factor) in _TIMES else factor
        text = kind if factor == 1.0 else f"{factor:g} {kind}"
        power = "" if abs(exponent) == 1 else f"^{abs(exponent):g}"
        part = f"({text}){power}" if power and factor != 1.0 else f"{text}{power}"
        (above if exponent > 0 else below).append(part)
    top = " ".join(above) or "1"
    return f"{top} / {_bracketed(' '.join(below))}" if below else top


def _bracketed(text: str) -> str:
    return f"({text})" if " " in text else text
