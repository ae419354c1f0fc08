"""Formulas in tables: infix text that libSBML parses into a tree, and no part of which is executed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import sympy as sp

from pysymude.interchange.packages import needed
from pysymude.interchange.petab.tsv import Row, number_in
from pysymude.interchange.sbml.mathematics import Formula, Lambda
from pysymude.model.coerce import close_matches
from pysymude.model.source import DEPTH, LENGTH

__all__ = ["names_in", "read_formula"]

_MORE = {
    "log2": "lambda(x, ln(x)/ln(2))",
    "sign": "lambda(x, piecewise(1, x > 0, -1, x < 0, 0))",
    "heaviside": "lambda(x, piecewise(1, x > 0, 0, x < 0, 0.5))",
}
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def read_formula(text: str, names: Mapping[str, Any], row: Row, what: str) -> sp.Expr:
    """The SymPy expression of a formula in a row.

    Parameters
    ----------
    text : str
    names : mapping from id to SymPy expression
    row : Row
    what : str
        The column, for messages.

    Raises
    ------
    ModelFileError
        The text is no formula, or names something unknown.
    """

    def refuse(problem: str) -> Any:
        row.refuse(f"{what} {text if len(text) < 60 else text[:57] + '...'!r}: {problem}")

    if (number := number_in(text)) is not None and text.lstrip("+-")[:1] not in "iInN":
        return Formula(refuse, {}).number(number)
    if text in names:
        return names[text]
    if len(text) > LENGTH or _depth(text) > DEPTH:
        refuse("the formula is too long, or nested too deeply")
    node = needed("libsbml").parseL3FormulaWithSettings(text, _settings())
    if node is None:
        message = needed("libsbml").getLastParseL3Error()
        refuse(" ".join(message.split())[-160:])
    for name in names_in(text):
        if name not in names and name in _unknown(node):
            refuse(f"{name!r} is nothing of the model or the tables; {close_matches(name, names)}")
    return Formula(refuse, names, _functions()).read(node)


def names_in(text: str) -> set[str]:
    """What could be ids in a formula."""
    return set(_NAME.findall(text))


def _unknown(node: Any) -> set[str]:
    """All names in a tree that are no functions."""
    libsbml = needed("libsbml")
    found: set[str] = set()
    rest = [node]
    while rest:
        one = rest.pop()
        if one.getType() == libsbml.AST_NAME:
            found.add(one.getName())
        rest += [one.getChild(k) for k in range(one.getNumChildren())]
    return found


def _depth(text: str) -> int:
    depth = most = 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        most = max(most, depth)
    signs = max((len(run) for run in re.findall(r"[-+!^ ]+", text)), default=0)
    return max(most, signs)


@cache
def _settings() -> Any:
    libsbml = needed("libsbml")
    settings = libsbml.L3ParserSettings()
    settings.setParseLog(libsbml.L3P_PARSE_LOG_AS_LN)
    settings.setParseUnits(False)
    settings.setComparisonCaseSensitivity(libsbml.L3P_COMPARE_BUILTINS_CASE_SENSITIVE)
    return settings


@cache
def _functions() -> dict[str, Lambda]:
    libsbml = needed("libsbml")
    found: dict[str, Lambda] = {}
    for name, text in _MORE.items():
        # the tree is kept: its parts end with it
        node = libsbml.parseL3Formula(text)
        found[name] = Lambda(name, ("x",), node.getRightChild().deepCopy())
    return found
