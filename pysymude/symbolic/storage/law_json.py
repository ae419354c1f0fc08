# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Laws and certificates as JSON text that people can read, and that is read back without running it.

A file holds all that a proof needs::

    {
      "format": "pysymude-laws",
      "version": 1,
      "states": {"x": {"positive": true}, "y": {"positive": true}},    assumptions by name
      "parameters": {"a": {"real": true}},
      "functions": {"w": {}},                                          unknown functions of time
      "networks": {"nn": {"inputs": ["x"], "outputs": 1, "hidden": [3], "activation": "tanh"}},
      "fields": [{"t": "1", "x": "a*x - x*y", "y": "x*y - y"}],        rates, as they were proved
      "laws": [{"expr": "-a*log(y) + x + y - log(x)", "kind": "structural", "rate": "0", "values": {},
                "domain": [], "fields": [0]}],                         constant along fields 0, ...
      "searched": [{"family": "logarithms", "candidates": 7, "ended": "exhausted", "degree": 1, "laws": 1,
                    "complete": true, "seconds": 0.01}],
      "complete": true
    }

Expressions are in the language of `pysymude.model.expressions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any

import sympy as sp

from pysymude.errors import EmissionError, InvalidInputError, ModelFileError, SaveFileError
from pysymude.model.expression_text import expression_to_text
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.model.toml_table import TomlTable
from pysymude.symbolic.laws.law_set import FirstIntegral, LawSet
from pysymude.symbolic.proof.certificate import Certificate
from pysymude.symbolic.storage.documents import (
    entries,
    json_table,
    json_text,
    read_file,
    truth,
    write_file,
)
from pysymude.symbolic.storage.searched import read_span, span_to_table
from pysymude.symbolic.storage.vocabulary import TABLES, Vocabulary

__all__ = [
    "certificate_from_json",
    "certificate_to_json",
    "laws_from_json",
    "laws_to_json",
    "load_laws",
    "save_laws",
]

_LAWS, _CERTIFICATE = "pysymude-laws", "pysymude-certificate"
_TABLES = (*TABLES, "fields")
_KINDS = ("structural", "compatible", "balance")

Field = Mapping[sp.Symbol, sp.Expr]


def laws_to_json(laws: LawSet, *, system: ODESystem | None = None) -> str:
    """The JSON text of a set of laws, which `laws_from_json` reads back to an equal one.

    Parameters
    ----------
    laws : LawSet
    system : ODESystem, optional
        Whose rates are written even if there are no laws, whose certificates hold them otherwise.

    Raises
    ------
    EmissionError
        Something in it cannot be written such that it comes back equal; the message names it.
    """
    fields = _distinct(f for law in laws for f in law.certificate.fields)
    if not fields and system is not None:
        fields = [{t: sp.S.One, **system.rhs}]
    used = [e for law in laws for e in (law.expr, law.rate, *law.values)]
    document = {
        **_declarations(fields, used),
        "laws": [
            {
                "expr": expression_to_text(law.expr),
                "kind": law.kind,
                "rate": expression_to_text(law.rate),
                "domain": [expression_to_text(e) for e in law.domain],
                "fields": [fields.index(dict(f)) for f in law.certificate.fields],
                "values": {p.name: expression_to_text(v) for p, v in law.values.items()},
            }
            for law in laws
        ],
        "searched": [span_to_table(span) for span in laws.searched],
        "complete": laws.complete,
    }
    text = json_text(_LAWS, document)
    for old, new in zip(laws, _read_back(laws_from_json, text), strict=True):
        _check_same(old.rate, new.rate)
        _check_same(sp.Tuple(*old.values.items()), sp.Tuple(*new.values.items()))
        _check_same_claim(Certificate(old.expr, old.certificate.fields), new.certificate)
        _check_same(old.certificate.law, new.expr)
    return text


def laws_from_json(text: str) -> LawSet:
    """The laws in a text that `laws_to_json` wrote; nothing in it is executed.

    What the text claims is not believed: ``law.certificate.check()`` proves it from the text alone.

    Raises
    ------
    SaveFileError
        It is no such text, is damaged, or comes from a newer version; the message says where.
    """
    # symmetries are for people and other programs: `pysymude laws` writes them
    keys = (*_TABLES, "laws", "searched", "complete")
    table = json_table(text, _LAWS, keys, ("symmetries",))
    try:
        words = Vocabulary.read(table)
        fields = _read_fields(table, words)
        laws = tuple(_read_law(one, words, fields) for one in entries(table, "laws"))
        searched = tuple(map(read_span, entries(table, "searched")))
        return LawSet(laws, searched, truth(table, "complete"))
    except InvalidInputError as error:
        raise SaveFileError(str(error)) from error


def certificate_to_json(certificate: Certificate) -> str:
    """The JSON text of a certificate, which `certificate_from_json` reads back to an equal one.

    Raises
    ------
    EmissionError
        Something in it cannot be written such that it comes back equal; the message names it.
    """
    fields = [dict(f) for f in certificate.fields]
    document = {
        **_declarations(fields, [certificate.law]),
        "law": expression_to_text(certificate.law),
    }
    text = json_text(_CERTIFICATE, document)
    _check_same_claim(certificate, _read_back(certificate_from_json, text))
    return text


def certificate_from_json(text: str) -> Certificate:
    """The certificate in a text that `certificate_to_json` wrote; nothing in it is executed.

    Raises
    ------
    SaveFileError
        It is no such text, is damaged, or comes from a newer version; the message says where.
    """
    table = json_table(text, _CERTIFICATE, (*_TABLES, "law"))
    try:
        words = Vocabulary.read(table)
        law = words.expression(table.expression("law"), "law")
        return _claim(law, _read_fields(table, words), words, "law")
    except InvalidInputError as error:
        raise SaveFileError(str(error)) from error


def save_laws(laws: LawSet, path: str | PathLike[str]) -> None:
    """Writes `laws_to_json` to a file; a reader sees the old file or the new one, never a part.

    Raises
    ------
    SaveFileError
        The folder does not exist or cannot be written.
    EmissionError
        Something in the laws cannot be written.
    """
    write_file(path, laws_to_json(laws))


def load_laws(path: str | PathLike[str]) -> LawSet:
    """The laws in a file that `save_laws` wrote; nothing in it is executed.

    Raises
    ------
    SaveFileError
        The file is missing, damaged, none of ours or from a newer version.
    """
    text = read_file(path)
    try:
        return laws_from_json(text)
    except SaveFileError as error:
        raise SaveFileError(str(error), path=str(path)) from error


# -- writing ------------------------------------------------------------------------------------


def _distinct(fields: Iterable[Field]) -> list[dict[sp.Symbol, sp.Expr]]:
    found: list[dict[sp.Symbol, sp.Expr]] = []
    for f in fields:
        if dict(f) not in found:
            found.append(dict(f))
    return found


def _declarations(fields: list[Any], used: list[sp.Expr]) -> dict[str, Any]:
    """The names that stand in fields and expressions, and the fields."""
    states = [x for f in fields for x in f if x != t]
    try:
        words = Vocabulary.of([*used, *(e for f in fields for e in f.values())], states)
    except ModelFileError as error:
        raise EmissionError(f"the laws cannot be kept as text: {error}", target="JSON") from error
    texts = [{x.name: expression_to_text(e) for x, e in f.items()} for f in fields]
    return {**words.plain(), "fields": texts}


def _read_back(read: Any, text: str) -> Any:
    """Refuse now what could not be read later, such as an expression that is too long."""
    try:
        return read(text)
    except SaveFileError as error:
        raise EmissionError(f"the laws cannot be kept as text: {error}", target="JSON") from error


def _check_same_claim(old: Certificate, new: Certificate) -> None:
    _check_same(old.law, new.law)
    for before, after in zip(old.fields, new.fields, strict=True):
        for x, rate in before.items():
            _check_same(rate, after[x])


def _check_same(old: sp.Expr, new: sp.Expr) -> None:
    if old != new:
        raise EmissionError(
            f"{old} comes back from its text as {new}; evaluate it with .doit() first",
            node=old,
            target="JSON",
        )


# -- reading ------------------------------------------------------------------------------------


def _read_fields(table: TomlTable, words: Vocabulary) -> list[Field]:
    moving = {x.name: x for x in (t, *words.states)}
    found: list[Field] = []
    for one in entries(table, "fields"):
        one.only(*moving)
        found.append({moving[x]: words.expression(one.expression(x), one.where(x)) for x in one})
    return found


def _read_law(one: TomlTable, words: Vocabulary, fields: list[Field]) -> FirstIntegral:
    keys = ("expr", "kind", "rate", "domain", "fields", "values")
    one.only(*keys, required=keys)
    expr = words.expression(one.expression("expr"), one.where("expr"))
    kind = one.text("kind")
    if kind not in _KINDS:
        raise one.error("kind", f"must be one of {', '.join(_KINDS)}; found {kind!r}")
    chosen = one.integers("fields")
    if not all(0 <= i < len(fields) for i in chosen):
        raise one.error("fields", f"must be numbers of the {len(fields)} fields; found {chosen}")
    certificate = _claim(expr, [fields[i] for i in chosen], words, one.where("fields"))
    rate = words.expression(one.expression("rate"), one.where("rate"))
    given = one.table("values")
    values = {
        words.expression(name, one.where("values")): words.expression(given.expression(name), name)
        for name in given
    }
    law = FirstIntegral(expr, kind, certificate, rate, values)
    domain = tuple(words.expression(e, one.where("domain")) for e in one.strings("domain"))
    if domain != law.domain:
        raise one.error("domain", f"belongs to another law: that of {expr} is {list(law.domain)}")
    return law


def _claim(law: sp.Expr, fields: list[Field], words: Vocabulary, where: str) -> Certificate:
    """A certificate that says something: without fields, states or a rate it would always hold."""
    if not fields:
        raise ModelFileError("names no field along which the law is constant", where=where)
    if law.free_symbols.isdisjoint(words.states):
        raise ModelFileError(f"{law} contains no state, so it says nothing", where=where)
    for f in fields:
        for x in (t, *words.states):
            if x not in f and x in law.free_symbols:
                raise ModelFileError(f"the law contains {x}, which has no rate there", where=where)
    return Certificate(law, tuple(fields))
