"""Short SBML models as text; formulas are written in infix form."""

import libsbml

NAMESPACES = {
    (2, 4): "http://www.sbml.org/sbml/level2/version4",
    (3, 1): "http://www.sbml.org/sbml/level3/version1/core",
    (3, 2): "http://www.sbml.org/sbml/level3/version2/core",
}


def math(formula: str) -> str:
    """MathML of an infix formula; ``time`` and ``avogadro`` are those of SBML."""
    node = libsbml.parseL3Formula(formula)
    assert node is not None, libsbml.getLastParseL3Error()
    return libsbml.writeMathMLToString(node).partition("?>")[2]


def inside(tag: str, parts: list[str]) -> str:
    return f"<{tag}>{''.join(parts)}</{tag}>" if parts else ""


def compartment(key: str, size: float | None = 1.0, **attributes) -> str:
    given = {"constant": "true", "spatialDimensions": 3} | attributes
    if size is not None:
        given["size"] = size
    return element("compartment", key, given)


def species(key: str, where: str = "c", **attributes) -> str:
    given = {"hasOnlySubstanceUnits": "false", "boundaryCondition": "false", "constant": "false"}
    return element("species", key, {"compartment": where} | given | attributes)


def parameter(key: str, value: float | None = None, **attributes) -> str:
    given = {"constant": "true"} | ({} if value is None else {"value": value}) | attributes
    return element("parameter", key, given)


def element(tag: str, key: str, attributes: dict) -> str:
    given = " ".join(f'{key}="{value}"' for key, value in attributes.items())
    return f'<{tag} id="{key}" {given}/>'


def reaction(
    key: str, ingoing: dict, outgoing: dict, rate: str, *, local=(), extra: str = ""
) -> str:
    """A reaction of level 3; the values of the mappings are stoichiometries, or (id, stoichiometry)."""

    def references(given):
        found = []
        for name, n in given.items():
            own, n = n if isinstance(n, tuple) else ("", n)
            own = f'id="{own}" ' if own else ""
            found.append(
                f'<speciesReference {own}species="{name}" stoichiometry="{n}" constant="true"/>'
            )
        return found

    law = inside(
        "listOfLocalParameters", [f'<localParameter id="{k}" value="{v}"/>' for k, v in local]
    )
    return (
        f'<reaction id="{key}" reversible="false" {extra}>'
        f"{inside('listOfReactants', references(ingoing))}{inside('listOfProducts', references(outgoing))}"
        f"<kineticLaw>{math(rate)}{law}</kineticLaw></reaction>"
    )


def assignment(variable: str, formula: str) -> str:
    return f'<assignmentRule variable="{variable}">{math(formula)}</assignmentRule>'


def rate(variable: str, formula: str) -> str:
    return f'<rateRule variable="{variable}">{math(formula)}</rateRule>'


def initial(symbol: str, formula: str) -> str:
    return f'<initialAssignment symbol="{symbol}">{math(formula)}</initialAssignment>'


def function(key: str, formula: str) -> str:
    return f'<functionDefinition id="{key}">{math(formula)}</functionDefinition>'


def event(key: str, trigger: str, sets: dict, *, extra: str = "", early: str = "true") -> str:
    assigned = [
        f'<eventAssignment variable="{k}">{math(v)}</eventAssignment>' for k, v in sets.items()
    ]
    return (
        f'<event id="{key}" useValuesFromTriggerTime="{early}">'
        f'<trigger initialValue="true" persistent="true">{math(trigger)}</trigger>{extra}'
        f"{inside('listOfEventAssignments', assigned)}</event>"
    )


def sbml(
    *, functions=(), units=(), compartments=(), species=(), parameters=(), starts=(), rules=(), reactions=(),
    events=(), version=(3, 2), model: str = "", root: str = "",
) -> str:  # fmt: skip
    """A whole document."""
    level, of_level = version
    parts = [
        inside("listOfFunctionDefinitions", list(functions)), inside("listOfUnitDefinitions", list(units)),
        inside("listOfCompartments", list(compartments)), inside("listOfSpecies", list(species)),
        inside("listOfParameters", list(parameters)), inside("listOfInitialAssignments", list(starts)),
        inside("listOfRules", list(rules)), inside("listOfReactions", list(reactions)),
        inside("listOfEvents", list(events)),
    ]  # fmt: skip
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<sbml xmlns="{NAMESPACES[version]}" level="{level}" '
        f'version="{of_level}" {root}><model id="m" {model}>{"".join(parts)}</model></sbml>'
    )


def large(n: int) -> str:
    """A ring of n species in one volume; each turns into the next with saturation by another."""
    reactions = [
        reaction(
            f"r{i}", {f"S{i}": 1, f"S{(7 * i + 3) % n}": 1}, {f"S{(i + 1) % n}": 1},
            f"c*k{i}*S{i}*S{(7 * i + 3) % n}/(q{i} + S{i})",
        )
        for i in range(n)
    ]  # fmt: skip
    return sbml(
        compartments=[compartment("c", 2.0)],
        species=[species(f"S{i}", initialConcentration=1 + i % 7) for i in range(n)],
        parameters=[parameter(f"{p}{i}", 0.1 + i % 13) for i in range(n) for p in "kq"],
        reactions=reactions,
    )
