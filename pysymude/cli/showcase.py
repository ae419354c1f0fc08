"""What a demonstration hands over to `pysymude demo`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pysymude.fit.result.fit_result import FitResult
    from pysymude.recover.recovered import Recovered

__all__ = ["Showcase"]


@dataclass(frozen=True, eq=False)
class Showcase:
    """A fit with what is special about it.

    Attributes
    ----------
    fit : FitResult
    rows : sequence of (name, value)
        For the top of the table of results.
    remarks : sequence of str
        Sentences below the table.
    summary : mapping
        Further keys of summary.json.
    figures : mapping from file name to Figure
    interrupted : bool
        Whether Ctrl-C has ended any of the work.
    recovered : Recovered, optional
        What the networks of the fit turned out to be.
    """

    fit: FitResult
    rows: Sequence[tuple[str, str]]
    remarks: Sequence[str]
    summary: Mapping[str, Any]
    figures: Mapping[str, Figure]
    interrupted: bool
    recovered: Recovered | None = None
