"""Time, and symbols for states and parameters."""

from __future__ import annotations

import keyword
import unicodedata
from typing import Any

import sympy as sp

from pysymude.errors import InvalidInputError

__all__ = ["check_label", "check_name", "escaped", "parameters", "states", "t"]

# control characters, line and paragraph separators, marks of direction, halves of characters
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"  # which Persian, Hindi and emoji are spelt with

t = sp.Symbol("t", real=True)
"""Time. Write explicit time dependence with this symbol: ``psu.t``."""


def states(names: str, positive: bool = False) -> Any:
    """SymPy symbols for states: one name gives one symbol, several give a tuple.

    Parameters
    ----------
    names : str
        As for `sympy.symbols`: ``"x y"``, ``"x, y"``, ``"x1:4"``.
    positive : bool
        The states stay positive (populations, concentrations). It allows logarithms in laws, and a
        trainable initial state is learned on a log scale.

    Returns
    -------
    SymPy symbol, or tuple of them

    Examples
    --------
    >>> import pysymude as psu
    >>> psu.states("x y", positive=True)
    (x, y)
    """
    return _symbols(names, positive, "states")


def parameters(names: str, positive: bool = False) -> Any:
    """SymPy symbols for parameters: one name gives one symbol, several give a tuple.

    Parameters
    ----------
    names : str
        As for `sympy.symbols`: ``"alpha beta"``.
    positive : bool
        The parameters are positive; a trainable one then gets the bounds (0, inf) unless `bounds=`
        says otherwise.

    Returns
    -------
    SymPy symbol, or tuple of them

    Examples
    --------
    >>> import pysymude as psu
    >>> psu.parameters("k")
    k
    """
    return _symbols(names, positive, "parameters")


def _symbols(names: str, positive: bool, what: str) -> Any:
    if not isinstance(names, str) or not names.strip():
        raise InvalidInputError(
            f"{what}(names) takes one string such as {what}('x y'); found {names!r}"
        )
    # sympy.symbols never evaluates the string: it splits it and expands ranges such as x1:4
    assumptions: dict[str, Any] = {"positive": True} if positive else {"real": True}
    found = sp.symbols(names, **assumptions)
    for symbol in found if isinstance(found, tuple) else (found,):
        check_name(symbol.name, what=f"a name in {what}({names!r})")
    return found


def check_name(name: str, *, what: str) -> str:
    """`name` itself if it is a plain identifier, which may go into generated code and files.

    Raises
    ------
    InvalidInputError
        It is not an ASCII identifier, is a Python keyword, or starts with two underscores.
    """
    if not isinstance(name, str) or not name.isidentifier() or not name.isascii():
        raise InvalidInputError(
            f"{what} must be a plain identifier (letters, digits, underscore); found {name!r}"
        )
    if keyword.iskeyword(name) or name.startswith("__"):
        raise InvalidInputError(
            f"{what} must not be a Python keyword or start with '__'; found {name!r}: write {name}_"
        )
    return name


def check_label(label: Any, *, what: str) -> str:
    """`label` itself if it is text that shows on one line as it is: a name for people, in any language.

    Raises
    ------
    InvalidInputError
        It is no string, or holds a line break, an escape sequence or another character that a file or a
        terminal obeys instead of showing it.
    """
    if not isinstance(label, str):
        raise InvalidInputError(f"{what} must be a string; found {label!r}")
    if escaped(label) != label:
        raise InvalidInputError(
            f"{what} must not contain line breaks or other control characters; found {label!a}"
        )
    return label


def escaped(text: str, *, keep: str = "") -> str:
    """`text` on one line, each character that would not show, but for those in `keep`, as its escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in keep or not _is_unseen(c) else _escape(c) for c in text)


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN and character not in _JOINERS


def _escape(character: str) -> str:
    # what Python, Julia and TOML read alike
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
