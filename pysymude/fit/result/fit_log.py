"""`FitLog`: what happened in training, stage by stage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import Any, overload

from pysymude.model.html_table import html_table

__all__ = ["FitLog", "LogRow"]


@dataclass(frozen=True)
class LogRow:
    """One thing that happened: a stage that ran, was left out, was undone; a training that went on.

    `iterations` of the stage, `loss` of what the stage minimises where it ended, NaN where nothing was
    computed; `seconds` since the training began, `what` happened in words.
    """

    stage: str
    iterations: int
    loss: float
    seconds: float
    what: str


@dataclass(frozen=True)
class FitLog(Sequence[LogRow]):
    """What happened in training, in order.

    Attributes
    ----------
    rows : tuple of LogRow
    """

    rows: tuple[LogRow, ...]

    @classmethod
    def from_list(cls, rows: Iterable[Any]) -> FitLog:
        """The inverse of `to_list`."""
        made = [
            LogRow(str(stage), int(n), float("nan" if loss is None else loss), float(s), str(what))
            for stage, n, loss, s, what in rows
        ]
        return cls(tuple(made))

    def to_list(self) -> list[list[Any]]:
        """Lists that JSON can hold."""
        lists = [list(astuple(row)) for row in self.rows]
        return [[a, b, c if c == c else None, d, e] for a, b, c, d, e in lists]

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> LogRow: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[LogRow, ...]: ...
    def __getitem__(self, index: int | slice) -> LogRow | tuple[LogRow, ...]:
        return self.rows[index]

    def __str__(self) -> str:
        wide = max((len(row.stage) for row in self.rows), default=5)
        lines = [f"{'stage':<{wide}}  {'iterations':>10}  {'loss':>10}  {'seconds':>8}  what"]
        for row in self.rows:
            loss = f"{row.loss:.4g}" if row.loss == row.loss else "-"
            lines.append(
                f"{row.stage:<{wide}}  {row.iterations:>10}  {loss:>10}  {row.seconds:>8.2f}  {row.what}"
            )
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [[r.stage, float(r.iterations), r.loss, r.seconds, r.what] for r in self.rows]
        return html_table(("stage", "iterations", "loss", "seconds", "what happened"), rows)
