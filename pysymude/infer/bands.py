"""Predictions with error bars: values, and what lies above and below them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import label_of, meant
from pysymude.solving.tabular import package

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pysymude.model.trajectory import Trajectory

__all__ = ["Band"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Band:
    """Predictions with a pointwise band; made by `FitResult.predict`, `unknown_term` and `network`.

    Attributes
    ----------
    columns : tuple of str
    axis : mapping from str to float64 array
        What the predictions are over: ``{"t": times}``, or the inputs of a network.
    value, lower, upper, standard_error : float64 arrays, shape (points, columns)
        Or (points,) of one column, ``band["x"]``. Ends of the delta method are symmetric around the value;
        those of a curve that is declared positive around its logarithm. They are infinite, or those of what a
        column may be, where the data say nothing.
    level : float
        How often such a band holds the truth at one point.
    interval : str
        ``"confidence"``: of the curve. ``"prediction"``: of a further measurement.
    method : str
        ``"delta"`` or ``"bootstrap"``.
    is_open : bool array, shape (points, columns)
        Where a value hangs on what the data leave open.
    warnings : tuple of str
    """

    columns: tuple[str, ...]
    axis: Mapping[str, Float]
    value: Float
    lower: Float
    upper: Float
    standard_error: Float
    level: float
    interval: str
    method: str
    is_open: NDArray[np.bool_]
    warnings: tuple[str, ...] = ()
    measured: Trajectory | None = None

    @property
    def t(self) -> Float:
        """The times, float64 (points,)."""
        if "t" not in self.axis:
            raise InvalidInputError(f"this band is over {', '.join(self.axis)}, not over time")
        return self.axis["t"]

    def __getitem__(self, name: Any) -> Band:
        """The band of one column, with arrays of shape (points,)."""
        text = label_of(name)
        if text not in self.columns:
            raise InvalidInputError(
                f"the band has no column {text!r}; it has {', '.join(self.columns)}"
                f"{meant(text, self.columns)}"
            )
        k = self.columns.index(text)
        found = {n: v.reshape(-1, len(self.columns))[:, k] for n, v in self._arrays.items()}
        return replace(self, columns=(text,), **found)

    def to_dataframe(self) -> Any:
        """A pandas data frame: of each column ``x``, ``x_lower``, ``x_upper`` and ``x_se``.

        Raises
        ------
        MissingPackageError
            pandas is not installed.
        """
        pd = package("pandas", "Band.to_dataframe")
        shape = -1, len(self.columns)
        ends = {"": "value", "_lower": "lower", "_upper": "upper", "_se": "standard_error"}
        found = {
            name + suffix: getattr(self, which).reshape(shape)[:, k]
            for k, name in enumerate(self.columns)
            for suffix, which in ends.items()
        }
        axis = {name: np.ravel(values) for name, values in self.axis.items()}
        if len(axis) == 1:
            ((name, values),) = axis.items()
            return pd.DataFrame(found, index=pd.Index(values, name=name))
        index = pd.MultiIndex.from_arrays(list(axis.values()), names=list(axis))
        return pd.DataFrame(found, index=index)

    def plot(self, *, ax: Axes | None = None) -> Figure:
        """A matplotlib figure of values and bands, with their level, over the first axis."""
        from pysymude.plot.band_figures import plot_band

        return plot_band(self, ax=ax)

    @property
    def label(self) -> str:
        """What the band is, for legends: ``"95 % confidence band"``."""
        return f"{100 * self.level:g} % {self.interval} band"

    @property
    def _arrays(self) -> dict[str, Any]:
        names = ("value", "lower", "upper", "standard_error", "is_open")
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        over = ", ".join(self.axis)
        count = next(iter(self.axis.values())).size
        left = f"; {int(self.is_open.sum())} values open" if self.is_open.any() else ""
        return f"Band({', '.join(self.columns)} at {count} points over {over}; {self.label}, {self.method}{left})"
