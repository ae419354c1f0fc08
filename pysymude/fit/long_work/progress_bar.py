"""The progress of long work in one line, on a terminal or in a notebook: what is done, how far, how long yet."""

from __future__ import annotations

import sys
import time
from html import escape
from types import TracebackType
from typing import Any

__all__ = ["Reporter"]

_PAUSE = 0.25  # seconds between two pictures in a notebook
_MEMORY = 0.9  # of earlier iterations in the time that one takes


class Reporter:
    """A context manager round long work that comes in pieces.

    Parameters
    ----------
    show : bool
        Whether to show anything. Where there is neither a terminal nor a notebook nothing is shown.
    total : int or None
        How many pieces there are at most; None where nobody knows.
    what : str
        What is being done, until a piece says more.
    """

    def __init__(self, show: bool, total: int | None, what: str = "fit") -> None:
        self._show, self._total, self._what = show, total, what
        self._done, self._each, self._value = 0, 0.0, ""
        self._line: Any = None
        self._began = self._last = time.perf_counter()

    def __enter__(self) -> Reporter:
        if self._show:
            self._line = _line()
            self._draw()
        return self

    def stands(self, done: int, total: int | None) -> None:
        """Where the work stands, and how much there is: pieces may have become needless, or more."""
        self._done, self._total, self._last = done, total, time.perf_counter()
        self._draw()

    def says(self, sentence: str) -> None:
        """A sentence that stays."""
        if self._line is not None:
            self._line.says(sentence)

    def begins(self, what: str) -> None:
        """What is being done from now on."""
        self._what, self._value = what, ""
        self._draw()

    def advance(self, what: str, value: float | None = None) -> None:
        """One piece done, and the loss there."""
        now = time.perf_counter()
        took, self._last = now - self._last, now
        self._each = _MEMORY * self._each + (1 - _MEMORY) * took if self._done else took
        self._done += 1
        self._what, self._value = what, "" if value is None else f"loss {value:.4g}"
        self._draw()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._line is not None:
            self._line.stop(self._text(over=True))

    def _draw(self) -> None:
        if self._line is not None:
            self._line.draw(self._text(), self._done, self._total)

    def _text(self, *, over: bool = False) -> str:
        """``LBFGS  120/800  0:12, at most 1:05 more  loss 0.01``."""
        count = f"{self._done}" if self._total is None else f"{self._done}/{self._total}"
        times = _clock(time.perf_counter() - self._began)
        left = 0 if self._total is None else self._total - self._done
        if left > 0 and self._done and not over:
            times += f", at most {_clock(left * self._each)} more"
        return "  ".join(part for part in (self._what, count, times, self._value) if part)


class _Terminal:
    """A bar of rich's with the text beside it."""

    def __init__(self, console: Any) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._bar = Progress(
            BarColumn(bar_width=24), TextColumn("{task.description}", markup=False), console=console
        )
        self._task = self._bar.add_task("", total=None)
        self._bar.start()

    def draw(self, text: str, done: int, total: int | None) -> None:
        self._bar.update(self._task, description=text, completed=done, total=total)

    def says(self, sentence: str) -> None:
        self._bar.console.print(sentence, markup=False, highlight=False)

    def stop(self, text: str) -> None:
        self._bar.update(self._task, description=text)
        self._bar.stop()


class _Notebook:
    """A line under the cell that is written over; widgets are not needed."""

    def __init__(self, display: Any, html: Any) -> None:
        self._html, self._drawn = html, 0.0
        self._sentences: list[str] = []
        self._handle = display(html(""), display_id=True)
        self._shown = "", 0, None

    def draw(self, text: str, done: int, total: int | None) -> None:
        self._shown = text, done, total
        if time.perf_counter() - self._drawn > _PAUSE:
            self._update()

    def says(self, sentence: str) -> None:
        self._sentences.append(sentence)
        self._update()

    def stop(self, text: str) -> None:
        _, done, total = self._shown
        self._shown = text, done, total
        self._update()

    def _update(self) -> None:
        text, done, total = self._shown
        bar = "" if total is None else f'<progress value="{done}" max="{total}"></progress> '
        said = "".join(f"{escape(sentence)}<br>" for sentence in self._sentences)
        self._handle.update(self._html(f"<div>{said}{bar}<code>{escape(text)}</code></div>"))
        self._drawn = time.perf_counter()


def _line() -> Any:
    """Where progress can be shown; None where it cannot."""
    # whoever runs a notebook has loaded it; a shell of IPython's is a terminal
    shell = sys.modules.get("IPython")
    if shell is not None and hasattr(shell.get_ipython(), "kernel"):
        from IPython.core.display import HTML
        from IPython.display import display

        return _Notebook(display, HTML)
    from rich.console import Console

    console = Console(stderr=True)
    return _Terminal(console) if console.is_terminal else None


def _clock(seconds: float) -> str:
    """``0:07``, ``12:05``, ``3:04:05``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
