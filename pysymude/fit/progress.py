"""The progress bar of a fit: on a terminal or in a notebook only."""

from __future__ import annotations

from types import TracebackType
from typing import Any

__all__ = ["Reporter"]


class Reporter:
    """A context manager round the training loop."""

    def __init__(self, show: bool, total: int) -> None:
        self._show, self._total = show, total
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Reporter:
        if self._show:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            console = Console(stderr=True)
            if console.is_terminal or console.is_jupyter:
                self._bar = Progress(
                    TextColumn("{task.description}"),
                    BarColumn(),
                    TextColumn("{task.completed:.0f}/{task.total:.0f}"),
                    TimeElapsedColumn(),
                    TextColumn("loss {task.fields[loss]}"),
                    console=console,
                )
                self._task = self._bar.add_task("fit", total=self._total, loss="")
                self._bar.start()
        return self

    def skip_to(self, completed: int) -> None:
        """The position when a leg starts: earlier legs may have ended before their last iteration."""
        if self._bar is not None:
            self._bar.update(self._task, completed=completed)

    def advance(self, stage: str, value: float) -> None:
        """One iteration done."""
        if self._bar is not None:
            self._bar.update(self._task, advance=1, description=stage, loss=f"{value:.4g}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
