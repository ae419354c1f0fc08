"""The text of an expression: what may stand in it, its tree, and errors that point into it."""

from __future__ import annotations

import ast
import re
import warnings
from typing import Any, NoReturn

from pysymude.errors import ModelFileError

__all__ = ["DEPTH", "DIGITS", "FLOAT64", "LENGTH", "Source"]

LENGTH = 10_000  # characters
DEPTH = 60  # brackets, signs or operators inside each other
DIGITS = 40  # of one number
FLOAT64 = 17  # of a number that is a float64, as Python writes it

# a = or ! may stand in a comparison only
_STRANGE = re.compile(r"[^A-Za-z0-9_ .,+\-*/^()\[\]<>=!]|(?<![<>=!])=(?!=)|!(?!=)")
_SIGNS = re.compile(rf"(?:[+\-] *){{{DEPTH},}}")
_DIGITS = re.compile(rf"\d{{{DIGITS + 1},}}")
_ADVICE = {
    "\N{MINUS SIGN}": "write -",
    "\N{EN DASH}": "write -",
    "\N{MIDDLE DOT}": "write *",
    "\N{MULTIPLICATION SIGN}": "write *",
    "\N{SUPERSCRIPT TWO}": "write ^2",
    "\N{SUPERSCRIPT THREE}": "write ^3",
    "=": "write the right-hand side only",
    "{": "write (",
}


class Source:
    """Text that has the letters and brackets of an expression; nothing more is known of it.

    Parameters
    ----------
    text : str
    where : str
        The place of the text, for messages.
    allowed : str
        What may stand in an expression, for messages.

    Raises
    ------
    ModelFileError
        It is no text, is empty or too long, has letters that no expression has, or brackets that do
        not match.
    """

    def __init__(self, text: Any, *, where: str, allowed: str) -> None:
        self.where = where
        self.allowed = allowed
        if not isinstance(text, str):
            raise ModelFileError(
                f'an expression is text in quotes, such as "2*x"; found {text!r}', where=where
            )
        self.text = re.sub(r"[\t\r\n]", " ", text)
        self._scan()
        # Python's own sign for a power has the right precedence; ^ has that of "exclusive or"
        self._code = self.text.strip().replace("^", "**")
        start = len(self.text) - len(self.text.lstrip())
        letters = enumerate(self.text.rstrip()[start:], start)
        self._origin = [i for i, letter in letters for _ in range(1 + (letter == "^"))]

    def tree(self) -> ast.expr:
        """The parsed text; whether its nodes belong to an expression is for the reader to say."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self._code, mode="eval").body
        except SyntaxError as error:
            i = min(max((error.offset or 1) - 1, 0), len(self._origin) - 1)
            self.refuse("this cannot be read; is an operator missing (2*x)?", self._origin[i])
        except (ValueError, MemoryError, RecursionError):
            self.refuse("it is nested too deeply")

    def piece(self, node: ast.expr) -> str:
        """What a node was read from, with ^ written as **."""
        return self._code[node.col_offset : node.end_col_offset]

    def refuse(self, problem: str, start: int = 0, stop: int | None = None) -> NoReturn:
        """Raise the error about the piece of text from `start` to `stop`."""
        piece = self.text[start:stop].strip()
        piece = piece if len(piece) <= 60 else piece[:57] + "..."
        raise ModelFileError(f"column {start + 1}, {piece!r}: {problem}", where=self.where)

    def refuse_node(self, node: ast.expr, problem: str = "") -> NoReturn:
        """Raise the error about the piece of text that a node was read from."""
        start, stop = node.col_offset, node.end_col_offset or node.col_offset + 1
        problem = problem or f"this is not allowed; {self.allowed}"
        self.refuse(problem, self._origin[start], self._origin[stop - 1] + 1)

    def _scan(self) -> None:
        """Refuse what no expression contains before a parser sees it."""
        if not self.text.strip():
            self.refuse('the expression is empty; write "0" for zero')
        if len(self.text) > LENGTH:
            self.refuse(f"it has {len(self.text)} characters; at most {LENGTH} are allowed")
        if found := _STRANGE.search(self.text):
            advice = _ADVICE.get(found[0], self.allowed)
            self.refuse(f"{found[0]!r} is not allowed; {advice}", *found.span())
        if found := _SIGNS.search(self.text):
            self.refuse("too many signs in a row", *found.span())
        if found := _DIGITS.search(self.text):
            self.refuse(f"a number may have {DIGITS} digits", *found.span())
        self._scan_brackets()

    def _scan_brackets(self) -> None:
        opened: list[int] = []
        for i, letter in enumerate(self.text):
            if letter in "([":
                opened.append(i)
            elif letter in ")]" and (not opened or self.text[opened.pop()] + letter not in "()[]"):
                self.refuse("this bracket closes none", i, i + 1)
            if len(opened) > DEPTH:
                self.refuse(f"more than {DEPTH} brackets inside each other", i)
        if opened:
            self.refuse("this bracket is never closed", opened[-1])
