"""What noise models and priors have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, cast

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError

__all__ = ["Distribution", "Information", "LogDistribution", "PriorDistribution", "Terms"]

Float = NDArray[np.float64]
Terms = tuple[Any, Any, Any, tuple[Any, ...]]
"""A negative log-density; its derivatives by the value, by the location, and by each further argument."""

Information = tuple[tuple[Any, ...], ...]
"""A symmetric matrix of numbers or arrays: the location first, then the scales."""


class Distribution(ABC):
    """A family of densities; its arguments are numbers or SymPy expressions.

    As a noise model it gets its scales alone: the prediction is its location. As a prior it gets all of
    its arguments, the location where the family puts it.

    Attributes
    ----------
    args : tuple of SymPy expression
    """

    scales: ClassVar[tuple[str, ...]] = ("scale",)
    """What a noise model of this family is given, in order."""
    arguments: ClassVar[tuple[str, ...]] = ("loc", "scale")
    """What a prior of this family is given, in order."""
    location: ClassVar[int] = 0
    """Where the location stands among `arguments`."""
    counts: ClassVar[bool] = False
    """Whether values are counts: 0, 1, 2, ..."""
    positive: ClassVar[bool] = False
    """Whether values and locations are positive."""

    def __init__(self, *args: Any, **named: Any) -> None:
        self.args = tuple(_argument(self, a) for a in args)
        if named or not (self.is_noise or self.is_prior):
            found = f"{next(iter(named))}=" if named else f"{len(args)} arguments"
            raise InvalidInputError(
                f"{type(self).__name__} takes {self._taken()}, without names; found {found}"
            )
        self._check_scales()

    def _taken(self) -> str:
        whole = f"({', '.join(self.arguments)})"
        return f"({', '.join(self.scales)}) as a noise model and {whole} as a prior"

    def _check_scales(self) -> None:
        names = self.scales if self.is_noise else self.arguments
        for name, value in zip(names, self.args, strict=False):
            place = names.index(name)
            is_location = not self.is_noise and place == self.location and not self.counts
            if value.is_number and not is_location and not value > 0:
                raise InvalidInputError(
                    f"the {name} of {type(self).__name__} must be positive; found {value}"
                )

    @property
    def is_noise(self) -> bool:
        """Whether it can be a noise model: its location is left open."""
        return len(self.args) == len(self.scales)

    @property
    def is_prior(self) -> bool:
        """Whether it can be a prior: nothing is left open."""
        return len(self.args) == len(self.arguments)

    @property
    def free_symbols(self) -> set[Any]:
        """Symbols in the arguments."""
        return {s for a in self.args for s in a.free_symbols}

    def with_args(self, args: Any) -> Distribution:
        """The same family with other arguments."""
        return type(self)(*args)

    @abstractmethod
    def terms(self, y: Any, loc: Any, *scales: Any) -> Terms:
        """The negative log-density of values y, elementwise, and its derivatives."""

    def tail(self, y: Any, loc: Any, *scales: Any, above: bool) -> Terms:
        """The same for values that are only known to lie below y, or above it.

        Raises
        ------
        InvalidInputError
            The family has no such form here.
        """
        raise InvalidInputError(f"{type(self).__name__} takes no measurements that are only limits")

    def information(self, loc: Any, *scales: Any) -> Information | None:
        """Fisher's information of a measurement by the location and each scale; None where it has no form here."""
        return None

    @abstractmethod
    def spread(self, loc: Any, *scales: Any) -> Any:
        """The standard deviation of a measurement around a prediction; for small scales of the log families."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, loc: Any, *scales: Any) -> Any:
        """A measurement for each prediction, at random; NaN where the family has no density."""

    def mean(self, loc: Any, *scales: Any) -> Any:
        """What a measurement is compared with: the prediction, or the count that it makes expected."""
        return loc

    def check_values(self, y: Float, what: str) -> None:
        """Measurements that the family can have made.

        Raises
        ------
        InvalidInputError
            Others; the message names one.
        """
        seen = y[np.isfinite(y)]
        if self.counts and (bad := seen[(seen < 0) | (seen != np.round(seen))]).size:
            raise InvalidInputError(
                f"{what}: {type(self).__name__} is for counts 0, 1, 2, ...; found {bad[0]:g}"
            )
        if self.positive and (bad := seen[seen <= 0]).size:
            raise InvalidInputError(
                f"{what}: {type(self).__name__} is for positive values; found {bad[0]:g}. "
                "NaN is not measured"
            )

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.args == self.args

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.args))

    def __repr__(self) -> str:
        shown = (repr(float(a)) if a.is_Float else str(a) for a in self.args)
        return f"{type(self).__name__}({', '.join(shown)})"


class PriorDistribution(Distribution):
    """A family of what is learned: no noise model, since nothing in it is a prediction."""

    lowest: ClassVar[float] = 0.0
    """Smaller values have no density."""

    @property
    def is_noise(self) -> bool:
        """Never."""
        return False

    def _taken(self) -> str:
        return f"({', '.join(self.arguments)}) as a prior"

    def _check_scales(self) -> None:
        for name, value in zip(self.arguments, self.args, strict=True):
            if name != "loc" and value.is_number and not value > 0:
                raise InvalidInputError(
                    f"the {name} of {type(self).__name__} must be positive; found {value}"
                )

    def terms(self, y: Any, loc: Any, *scales: Any) -> Terms:
        """See `Distribution.terms`; infinite below `lowest`."""
        with np.errstate(all="ignore"):
            value, d_y, d_loc, d_scales = self.own_terms(y, loc, *scales)
        return np.where(y < self.lowest, np.inf, value), d_y, d_loc, d_scales

    @abstractmethod
    def own_terms(self, y: Any, loc: Any, *scales: Any) -> Terms:
        """As `terms`, where there is a density; `loc` is the first argument, whatever it is called."""

    def spread(self, loc: Any, *scales: Any) -> Any:
        """Not a number: there is no prediction."""
        return np.full(np.shape(loc), np.nan)


class LogDistribution(Distribution):
    """A family of log y: around log h for a prediction h as noise, around `loc` as a prior."""

    positive = True

    log_terms: ClassVar[Callable[..., Terms]]
    """As `terms`, of log y and its location."""
    log_tail: ClassVar[Callable[..., Terms]]
    """As `tail`, of log y and its location."""
    log_draw: ClassVar[Callable[..., Any]]
    """As `draw`, of log y around 0."""
    log_information: ClassVar[Callable[..., Information]]
    """As `information`, of log y by its location."""

    def terms(self, y: Any, loc: Any, *scales: Any) -> Terms:
        """See `Distribution.terms`; `loc` is the prediction as noise, the location of log y as a prior."""
        middle = np.log(loc) if self.is_noise else loc
        value, d_y, d_loc, d_scales = self.log_terms(np.log(y), middle, scales[0])
        d_loc = d_loc / loc if self.is_noise else d_loc
        return value + np.log(y), (d_y + 1.0) / y, d_loc, d_scales

    def tail(self, y: Any, loc: Any, *scales: Any, above: bool) -> Terms:
        """See `Distribution.tail`."""
        value, d_y, d_loc, d_scales = self.log_tail(np.log(y), np.log(loc), scales[0], above)
        return value, d_y / y, d_loc / loc, d_scales

    def information(self, loc: Any, *scales: Any) -> Information:
        """See `Distribution.information`."""
        (by_loc, cross), (_, by_scale) = self.log_information(scales[0])
        return (by_loc / loc**2, cross / loc), (cross / loc, by_scale)

    def draw(self, rng: np.random.Generator, loc: Any, *scales: Any) -> Any:
        """See `Distribution.draw`."""
        return loc * np.exp(self.log_draw(rng, np.zeros(np.shape(loc)), scales[0]))


def _argument(family: Distribution, value: Any) -> sp.Expr:
    if isinstance(value, str | bool) or not isinstance(value, sp.Expr | int | float | np.number):
        raise InvalidInputError(
            f"{type(family).__name__} takes numbers and SymPy expressions; found {value!r}"
        )
    if not isinstance(value, sp.Expr) and not np.isfinite(value):
        raise InvalidInputError(f"{type(family).__name__} takes finite numbers; found {value!r}")
    found = cast("sp.Expr", sp.sympify(value, strict=True))
    if found.has(sp.nan, sp.oo, -sp.oo, sp.zoo, sp.I):
        raise InvalidInputError(
            f"{type(family).__name__} takes finite real numbers; found {value!r}"
        )
    return found
