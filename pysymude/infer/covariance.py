"""Standard errors, correlations and intervals of what was learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.infer.evidence import Evidence
from pysymude.model.coerce import label_of, meant
from pysymude.model.html_table import html_table, sentence

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["Covariance", "Direction", "check_level", "covariance_of", "said_of", "wald_intervals"]

Float = NDArray[np.float64]

_PART = 0.3


@dataclass(frozen=True)
class Direction:
    """A direction in which the data say nothing.

    `parts` has the share of each named number, in its natural unit (an e-folding where it has a bound, else
    its own size); `weights` is the part of the direction that lies in the weights of networks.
    """

    parts: Mapping[str, float]
    weights: float = 0.0

    def __str__(self) -> str:
        names = [name for name, part in self.parts.items() if abs(part) > _PART]
        if not names:
            return "weights of networks"
        more = " and weights of networks" if self.weights > _PART else ""
        if len(names) == 1:
            return names[0] + more
        return f"{', '.join(names[:-1])} and {names[-1]} apart" + more


@dataclass(frozen=True, eq=False)
class Covariance:
    """The covariance of what was learned, from the information of the data at the fit.

    Attributes
    ----------
    names : tuple of str
        Parameters and learned starts; weights of networks are taken into account, but have no entry.
    values : float64 array, shape (names,)
        What was learned.
    matrix : float64 array, shape (names, names)
        In natural units, by the derivatives of their scales; infinite on the diagonal and NaN beside it where
        the data do not determine a number.
    stored : float64 array, shape (names, names)
        The same on the scale on which they are learned: of logarithms where they are positive.
    undetermined : tuple of Direction
        What the data leave open. Nothing is inverted there.
    dof : float
        Measurements less what was learned, where the noise was estimated from the residuals; else infinite.
    scale : float
        The variance that multiplies the inverse of the information: 1, or chi2 / dof, where each of several
        columns counts with its own.
    expected : bool
        Whether the information is Fisher's, from exact derivatives; else the loss's second derivatives.
    converged : bool
        Whether the fit had; else these are errors around a point that is not the best.
    """

    names: tuple[str, ...]
    values: Float
    matrix: Float
    stored: Float
    undetermined: tuple[Direction, ...]
    dof: float
    scale: float
    expected: bool
    converged: bool

    @cached_property
    def standard_errors(self) -> dict[str, float]:
        """Square roots of the diagonal, by name."""
        return dict(zip(self.names, np.sqrt(np.diag(self.matrix)).tolist(), strict=True))

    @cached_property
    def correlations(self) -> Float:
        """Correlations of natural values, float64 (names, names); NaN where one is not determined."""
        errors = np.sqrt(np.diag(self.matrix))
        with np.errstate(all="ignore"):
            found = self.matrix / np.outer(errors, errors)
        known = np.isfinite(errors) & (errors > 0)
        found[~known] = np.nan
        found[:, ~known] = np.nan
        np.fill_diagonal(found, 1.0)
        return found

    def __getitem__(self, pair: Any) -> float:
        """``covariance["a", "b"]``, by names or symbols; ``covariance["a"]`` is a variance."""
        one, other = pair if isinstance(pair, tuple) else (pair, pair)
        return float(self.matrix[self._place(one), self._place(other)])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.matrix, dtype=dtype)

    def _place(self, key: Any) -> int:
        name = label_of(key)
        if name not in self.names:
            raise InvalidInputError(
                f"there is no covariance of {name!r}; there are {', '.join(self.names) or 'none'}"
                f"{meant(name, self.names)}"
            )
        return self.names.index(name)

    def to_dataframe(self) -> Any:
        """The matrix as a pandas data frame."""
        from pysymude.solving.tabular import package

        pd = package("pandas", "to_dataframe")
        return pd.DataFrame(self.matrix, index=list(self.names), columns=list(self.names))

    def _repr_html_(self) -> str:
        rows = [
            [name, value, self.standard_errors[name]]
            for name, value in zip(self.names, self.values.tolist(), strict=True)
        ]
        rest = str(self).splitlines()[1 + len(rows) :]
        return html_table(("", "value", "standard error"), rows) + "".join(map(sentence, rest))

    def __str__(self) -> str:
        wide = max(9, *(len(name) for name in self.names)) if self.names else 9
        lines = [f"{'':<{wide}}  {'value':>12}  {'error':>10}"]
        lines += [
            f"{name:<{wide}}  {value:>12.6g}  {self.standard_errors[name]:>10.3g}"
            for name, value in zip(self.names, self.values.tolist(), strict=True)
        ]
        if np.isfinite(self.dof):
            lines.append(f"noise estimated from the residuals, {self.dof:.0f} degrees of freedom")
        lines += [
            f"not determined: {direction}"
            for direction in dict.fromkeys(map(str, self.undetermined))
        ]
        if not self.converged:
            lines.append(
                "the fit has not converged: these are errors around a point that is not the best"
            )
        return "\n".join(lines)

    __repr__ = __str__


def covariance_of(fit: FitResult) -> Covariance:
    """The covariance at a fit; see `FitResult.covariance`."""
    return _covariance(Evidence(fit))


def _covariance(evidence: Evidence) -> Covariance:
    fit = evidence.fit
    names = tuple(evidence.slots)
    inside = evidence.inside
    _, vectors, known = evidence.modes
    stored = evidence.covariance * np.outer(evidence.units, evidence.units)
    stored = stored[np.ix_(inside, inside)]
    left_open = np.array([evidence.is_open(int(at)) for at in inside], dtype=bool)
    theta = fit.theta[evidence.free[inside]]
    slots = list(evidence.slots.values())
    slopes = np.array([float(s.slope(z)) for s, z in zip(slots, theta, strict=True)])
    stored = _opened(stored, left_open)
    natural = np.array([float(s.natural(z)) for s, z in zip(slots, theta, strict=True)])
    with np.errstate(invalid="ignore"):
        matrix = stored * np.outer(slopes, slopes)
    return Covariance(
        names, natural, _opened(matrix, left_open), stored,
        tuple(_direction(v, names, inside) for v in vectors[:, ~known].T),
        evidence.dof, evidence.scale, evidence.is_expected, fit.converged,
    )  # fmt: skip


def _opened(matrix: Float, undetermined: NDArray[np.bool_]) -> Float:
    """The matrix with infinite variances where nothing is known."""
    found = matrix.copy()
    found[undetermined] = np.nan
    found[:, undetermined] = np.nan
    found[undetermined, undetermined] = np.inf
    return found


def _direction(vector: Float, names: tuple[str, ...], inside: NDArray[np.int64]) -> Direction:
    # which way it points has no meaning: the largest part is positive
    vector = vector * np.sign(vector[np.argmax(np.abs(vector))])
    parts = dict(zip(names, vector[inside].tolist(), strict=True))
    rest = max(1.0 - float((vector[inside] ** 2).sum()), 0.0)
    return Direction({n: p for n, p in parts.items() if abs(p) > 1e-3}, float(np.sqrt(rest)))


def said_of(fit: FitResult) -> list[str]:
    """The directions that the data leave open, in words, each once."""
    evidence = Evidence(fit)
    names, inside = tuple(evidence.slots), evidence.inside
    _, vectors, known = evidence.modes
    return list(dict.fromkeys(str(_direction(v, names, inside)) for v in vectors[:, ~known].T))


def wald_intervals(fit: FitResult, level: float) -> dict[str, tuple[float, float]]:
    """Symmetric intervals on the scale on which each number is learned, as natural values."""
    check_level(level)
    evidence = Evidence(fit)
    found = _covariance(evidence)
    width = np.sqrt(evidence.threshold(level))
    errors = np.sqrt(np.diag(found.stored))
    intervals: dict[str, tuple[float, float]] = {}
    for (name, slot), error in zip(evidence.slots.items(), errors, strict=True):
        z = float(fit.theta[slot.offset])
        if not np.isfinite(error):
            intervals[name] = (slot.low, slot.high)
            continue
        with np.errstate(over="ignore"):
            ends = [float(slot.natural(z + sign * width * error)) for sign in (-1.0, 1.0)]
        intervals[name] = (min(ends), max(ends))
    return intervals


def check_level(level: Any) -> float:
    """A probability between 0 and 1.

    Raises
    ------
    InvalidInputError
        It is none; percent, perhaps.
    """
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 1:
        raise InvalidInputError(f"level must lie between 0 and 1, such as 0.95; found {level!r}")
    return float(level)
