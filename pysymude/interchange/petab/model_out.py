"""A system as an SBML model: states with rate rules, starts as initial assignments."""

from __future__ import annotations

from collections.abc import Mapping

from pysymude.interchange.petab.formula_out import Formulas
from pysymude.model.system import ODESystem

__all__ = ["model_text"]


def model_text(system: ODESystem, formulas: Formulas, outputs: Mapping[str, str]) -> str:
    """The text of a model of level 3, version 2.

    Parameters
    ----------
    system : ODESystem
    formulas : Formulas
    outputs : mapping from id to str
        Parameters that stand for outputs of networks; the values are not read.

    Raises
    ------
    EmissionError
        An expression that SBML has no word for.
    """
    names = formulas.names
    # a start that is not the system's is in the conditions
    states = [
        f'<parameter id="{names[x.name]}" value="0" constant="false"/>' for x in system.states
    ]
    values = {
        **dict.fromkeys(system.symbolic_parameters, 0.0),
        **system.parameters,
        **system.trainable,
    }
    constants = [
        f'<parameter id="{names[k.name]}" value="{float(v)!r}" constant="true"/>'
        for k, v in values.items()
    ]
    constants += [f'<parameter id="{key}" value="0" constant="true"/>' for key in outputs]
    starts = [
        f'<initialAssignment symbol="{names[x.name]}">{formulas.mathml(e)}</initialAssignment>'
        for x, e in system.initial.items()
    ]
    rules = [
        f'<rateRule variable="{names[x.name]}">{formulas.mathml(f)}</rateRule>'
        for x, f in system.rhs.items()
    ]
    parts = (
        ("listOfParameters", [*states, *constants]), ("listOfInitialAssignments", starts),
        ("listOfRules", rules),
    )  # fmt: skip
    body = "\n".join(f"<{tag}>\n{chr(10).join(lines)}\n</{tag}>" for tag, lines in parts if lines)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2">\n'
        f'<model id="model">\n{body}\n</model>\n</sbml>\n'
    )
