"""Public names say what they take, what comes back, and what they are."""

import enum
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

import pysymude as psu

NAMES = [name for name in psu.__all__ if callable(getattr(psu, name))]


def sections(doc: str) -> set[str]:
    return set(re.findall(r"^(\w+)\n-+$", doc, re.MULTILINE))


def lacking(thing: Any, doc: str | None, *, made: bool = False) -> list[str]:
    """What a docstring does not say: itself, its parameters, what it returns."""
    if not doc:
        return ["a docstring"]
    wanted: list[str] = []
    if inspect.isclass(thing):
        taken = set(inspect.signature(thing).parameters) - {"args", "named"}
        made = made or "made by `" in doc
        if taken and not made and not sections(doc) & {"Parameters", "Attributes"}:
            wanted.append("Parameters or Attributes")
        return wanted
    signature = inspect.signature(thing)
    if set(signature.parameters) - {"self", "cls"} and "Parameters" not in sections(doc):
        wanted.append("Parameters")
    if signature.return_annotation not in ("None", None) and "Returns" not in sections(doc):
        wanted.append("Returns")
    return wanted


def methods(cls: type) -> Iterator[tuple[str, Any]]:
    for name, value in vars(cls).items():
        if not name.startswith("_") and (
            callable(value) or isinstance(value, property | classmethod | staticmethod)
        ):
            yield name, value.fget if isinstance(value, property) else value


@pytest.mark.parametrize("name", NAMES)
def test_public_names_say_what_they_take_and_give(name: str):
    thing = getattr(psu, name)
    if inspect.isclass(thing) and issubclass(thing, Exception | enum.Enum):
        assert thing.__doc__
        return
    assert not (found := lacking(thing, inspect.getdoc(thing))), f"psu.{name} lacks {found}"


@pytest.mark.parametrize("name", [n for n in NAMES if inspect.isclass(getattr(psu, n))])
def test_their_methods_are_described(name: str):
    cls = getattr(psu, name)
    bare = [method for method, value in methods(cls) if not inspect.getdoc(value)]
    assert not bare, f"psu.{name}: {bare}"


def test_what_is_missing_is_seen():
    def silent(a: int) -> int:
        return a

    def short(a: int) -> int:
        """One line."""
        return a

    def whole(a: int) -> int:
        """One line.

        Parameters
        ----------
        a : int

        Returns
        -------
        int
        """
        return a

    assert lacking(silent, inspect.getdoc(silent)) == ["a docstring"]
    assert lacking(short, inspect.getdoc(short)) == ["Parameters", "Returns"]
    assert not lacking(whole, inspect.getdoc(whole))
