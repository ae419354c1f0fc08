"""Panels: which columns share one, how they lie, and what stands at their axes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import label_of
from pysymude.model.trajectory import Trajectory
from pysymude.plot.style import new_figure, plain_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "Labels",
    "axes_of",
    "drawn_sizes",
    "inches_of",
    "logarithmic",
    "new_panels",
    "panels_of",
]

Float = NDArray[np.float64]

_APART = 10.0  # times larger: a curve that would be flat beside another one
_MOST = 6  # panels of groups; what is left shares the last


@dataclass(frozen=True)
class Labels:
    """Names with units behind them."""

    units: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, data: Iterable[Trajectory], *over: Mapping[Any, str] | None) -> Labels:
        """The units of the data, and over them those of the system, and those that are given."""
        found = {name: unit for tr in reversed(list(data)) for name, unit in tr.units.items()}
        for units in over:
            found |= {label_of(k): str(v) for k, v in (units or {}).items()}
        return cls(found)

    def __call__(self, name: str) -> str:
        """``x [mg/l]``."""
        unit = self.units.get(name, "")
        return plain_text(name) + (f" [{plain_text(unit)}]" if unit else "")

    @property
    def time(self) -> str:
        """``time t [h]``."""
        unit = self.units.get("t", "")
        return "time t" + (f" [{plain_text(unit)}]" if unit else "")

    def several(self, names: Sequence[str], otherwise: str) -> str:
        """``x, y [mg/l]``, or another word for many."""
        units = {self.units.get(name, "") for name in names}
        if len(units) > 1:
            return ", ".join(map(self, names)) if len(names) <= 3 else otherwise
        text, unit = otherwise, units.pop() if units else ""
        if len(names) <= 3:
            text = ", ".join(map(plain_text, names))
        return text + (f" [{plain_text(unit)}]" if unit else "")


def panels_of(sizes: Mapping[str, float], labels: Labels) -> list[list[str]]:
    """The columns of each panel: those of one unit whose sizes are not too far apart, in their order."""
    order = {name: k for k, name in enumerate(sizes)}
    groups: list[list[str]] = []
    # what has no unit stands with the first that has one
    first = next((labels.units[name] for name in sizes if labels.units.get(name)), "")
    units = {name: labels.units.get(name) or first for name in sizes}
    for unit in dict.fromkeys(units.values()):
        least = np.nan
        for name in sorted((n for n in sizes if units[n] == unit), key=lambda n: sizes[n]):
            if np.isnan(least) or sizes[name] > _APART * least > 0:
                groups.append([])
                least = sizes[name]
            least = least or sizes[name]  # what is 0 throughout fits anywhere
            groups[-1].append(name)
    ordered = sorted((sorted(g, key=order.__getitem__) for g in groups), key=lambda g: order[g[0]])
    rest = [name for group in ordered[_MOST - 1 :] for name in group]
    return [*ordered[: _MOST - 1], rest] if rest else ordered


def drawn_sizes(names: Iterable[str], arrays: Iterable[tuple[str, Float]]) -> dict[str, float]:
    """The largest absolute value of each column among what is drawn."""
    found = dict.fromkeys(names, 0.0)
    for name, values in arrays:
        finite = np.abs(values[np.isfinite(values)])
        if name in found and finite.size:
            found[name] = max(found[name], float(finite.max()))
    return found


def new_panels(groups: Sequence[list[str]]) -> tuple[Figure, list[tuple[Axes, list[str]]]]:
    """A figure, and in it axes for each group of columns."""
    fig = new_figure(*inches_of(len(groups)))
    return fig, list(zip(axes_of(fig, len(groups)), groups, strict=True))


def axes_of(fig: Any, count: int) -> list[Axes]:
    """Axes for so many panels, in a figure or in a figure within one."""
    panels = fig.subplots(*_rows_and_columns(count), squeeze=False).ravel()
    for extra in panels[count:]:
        extra.remove()
    return list(panels[:count])


def inches_of(count: int) -> tuple[float, float]:
    """Width and height of a figure with so many panels."""
    rows, columns = _rows_and_columns(count)
    return 7.0 if columns == 1 else 1.0 + 4.0 * columns, 3.8 if rows == 1 else 3.2 * rows


def _rows_and_columns(count: int) -> tuple[int, int]:
    """How so many panels lie, at most three beside each other."""
    columns = min(count, 3 if count != 4 else 2)
    return -(-count // columns), columns


def logarithmic(ax: Axes, log: str) -> None:
    """Log axes: ``"x"``, ``"y"``, ``"xy"``; none by default.

    Raises
    ------
    InvalidInputError
        Other letters.
    """
    if not isinstance(log, str) or set(log) - {"x", "y"}:
        raise InvalidInputError(f"log= is 'x', 'y', 'xy' or ''; found {log!r}")
    if "x" in log:
        ax.set_xscale("log")
    if "y" in log:
        ax.set_yscale("log")
