"""An SBML file, looked through before libSBML parses it: no entities, no depth, no required packages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any, NoReturn
from xml.parsers import expat

from pysymude.errors import InvalidInputError, ModelFileError
from pysymude.interchange.packages import needed
from pysymude.whole import read_whole

__all__ = ["Document", "read_document"]

LARGEST = 100_000_000  # bytes
DEPTH = 150  # elements inside each other
FORMULA = 100_000  # characters of a formula of level 1

_SBML = "http://www.sbml.org/sbml"
_NAMESPACES = {
    ("1", "1"): f"{_SBML}/level1", ("1", "2"): f"{_SBML}/level1", ("2", "1"): f"{_SBML}/level2",
    **{("2", v): f"{_SBML}/level2/version{v}" for v in "2345"},
    **{("3", v): f"{_SBML}/level3/version{v}/core" for v in "12"},
}  # fmt: skip
"""Where the elements of each level and version are."""


@dataclass(frozen=True)
class Document:
    """A parsed document; `name` is the file, or ``SBML text``."""

    name: str
    model: Any
    owner: Any  # whose end would be that of `model`

    @property
    def level(self) -> int:
        """The level of SBML."""
        return int(self.model.getLevel())

    def refuse(self, element: Any, problem: str, *, label: str = "") -> NoReturn:
        """Raise the error about an element, with its line, its kind and its id.

        Raises
        ------
        ModelFileError
            Always.
        """
        kind = element.getElementName()
        called = label or element.getId() or _nearest_id(element)
        line = int(element.getLine())
        where = f"{self.name} line {line}" if line else self.name
        raise ModelFileError(
            f"{kind} {called!r}: {problem}" if called else f"{kind}: {problem}", where=where
        )


def _nearest_id(element: Any) -> str:
    """The id of what an element without one belongs to."""
    parent = element.getParentSBMLObject()
    while parent is not None and parent.getElementName() != "model":
        if parent.getId():
            return str(parent.getId())
        parent = parent.getParentSBMLObject()
    return ""


def read_document(source: str | PathLike[str]) -> Document:
    """The document in a file, or in a text that starts with ``<``.

    Raises
    ------
    ModelFileError
        No such file, no XML, no SBML, or something in it that is refused unread: entities, elements nested
        too deeply, packages without which the model cannot be understood.
    """
    if isinstance(source, str) and source.lstrip("\ufeff \t\r\n").startswith("<"):
        name, content = "SBML text", source.encode()
    elif isinstance(source, str | PathLike):
        name = fspath(source)
        content = read_whole(
            source, LARGEST, lambda reason: ModelFileError(reason, where=name), "larger than 100 MB"
        )
    else:
        raise InvalidInputError(
            f"an SBML model is the path of a file, or its text; found {type(source).__name__}"
        )
    text = _scanned(name, content)
    libsbml = needed("libsbml")
    document = libsbml.readSBMLFromString(text)
    for k in range(document.getNumErrors()):
        error = document.getError(k)
        if error.getSeverity() >= libsbml.LIBSBML_SEV_ERROR:
            message = " ".join(error.getMessage().split())
            raise ModelFileError(
                message[:300], where=f"{name} line {error.getLine()}" if error.getLine() else name
            )
    if document.getModel() is None:
        raise ModelFileError("it contains no model", where=name)
    return Document(name, document.getModel(), document)


def _scanned(name: str, content: bytes) -> str:
    """The text, after a look at its elements that builds nothing."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelFileError(
            f"not UTF-8 text: {error.reason} at byte {error.start}", where=name
        ) from None
    parser = expat.ParserCreate()
    scan = _Scan(name, parser)
    parser.StartElementHandler = scan.start
    parser.EndElementHandler = scan.end
    parser.StartDoctypeDeclHandler = scan.doctype
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise ModelFileError(
            f"this is no XML: {expat.ErrorString(error.code)}", where=f"{name} line {error.lineno}"
        ) from None
    return text


class _Scan:
    """What is refused before anything is built from it."""

    def __init__(self, name: str, parser: Any) -> None:
        self.name, self.parser = name, parser
        self.depth = 0

    def refuse(self, problem: str) -> NoReturn:
        raise ModelFileError(problem, where=f"{self.name} line {self.parser.CurrentLineNumber}")

    def doctype(self, *_: Any) -> None:
        self.refuse("a document type with entities has no place in SBML; remove <!DOCTYPE ...>")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self.depth == 0:
            self._root(tag, attributes)
        self.depth += 1
        if self.depth > DEPTH:
            self.refuse(f"more than {DEPTH} elements inside each other")
        if (
            len(formula := attributes.get("formula", "")) > FORMULA
            or formula.count("(") > FORMULA // 50
        ):
            self.refuse("the formula is too long")

    def _root(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag.rpartition(":")[2] != "sbml":
            self.refuse(f"the first element of an SBML file is <sbml>; found <{tag}>")
        prefix = tag.rpartition(":")[0]
        place = attributes.get(f"xmlns:{prefix}" if prefix else "xmlns", "")
        which = attributes.get("level", "").strip(), attributes.get("version", "").strip()
        # libSBML ends the process where these do not fit
        if which not in _NAMESPACES or _NAMESPACES[which] != place:
            self.refuse(
                f"there is no SBML of level {which[0]!r}, version {which[1]!r}, in namespace {place!r}"
            )
        for key, value in attributes.items():
            package, _, what = key.rpartition(":")
            if what == "required" and value.strip() in ("true", "1"):
                self.refuse(
                    f"the model needs the SBML package {package!r}, which is not read; models of SBML's core are"
                )

    def end(self, _: str) -> None:
        self.depth -= 1
