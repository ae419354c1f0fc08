"""Priors of PEtab: densities of natural values, cut off at the bounds, and their slopes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import ModelFileError
from pysymude.interchange.petab.described import Parameter, Prior

__all__ = ["BASE", "Density", "density_of"]

Float = NDArray[np.float64]
_LOG_2PI = math.log(2.0 * math.pi)

# logarithm of the density and its derivative, by value and parameters
_Form = Callable[..., tuple[Any, Any]]


def _normal(x: Any, loc: float, scale: float) -> tuple[Any, Any]:
    r = (x - loc) / scale
    return -0.5 * r**2 - math.log(scale) - 0.5 * _LOG_2PI, -r / scale


def _laplace(x: Any, loc: float, scale: float) -> tuple[Any, Any]:
    r = (x - loc) / scale
    return -np.abs(r) - math.log(2.0 * scale), -np.sign(r) / scale


def _cauchy(x: Any, loc: float, scale: float) -> tuple[Any, Any]:
    r = (x - loc) / scale
    return -np.log1p(r**2) - math.log(math.pi * scale), -2.0 * r / (1.0 + r**2) / scale


def _gamma(x: Any, shape: float, scale: float) -> tuple[Any, Any]:
    value = (shape - 1.0) * np.log(x) - x / scale - math.lgamma(shape) - shape * math.log(scale)
    return value, (shape - 1.0) / x - 1.0 / scale


def _chisquare(x: Any, degrees: float) -> tuple[Any, Any]:
    return _gamma(x, degrees / 2.0, 2.0)


def _exponential(x: Any, scale: float) -> tuple[Any, Any]:
    return -x / scale - math.log(scale), -np.ones_like(x) / scale


def _rayleigh(x: Any, scale: float) -> tuple[Any, Any]:
    return np.log(x) - 2.0 * math.log(scale) - 0.5 * (x / scale) ** 2, 1.0 / x - x / scale**2


def _uniform(x: Any, low: float, high: float) -> tuple[Any, Any]:
    inside = (x >= low) & (x <= high)
    return np.where(inside, -math.log(high - low), -np.inf), np.zeros_like(x)


# the form, the family of SciPy, what SciPy is told, whether it is one of the logarithm, the smallest value
_FAMILIES: dict[str, tuple[_Form, str, Callable[..., dict[str, Any]], bool, float]] = {
    "uniform": (_uniform, "uniform", lambda a, b: {"loc": a, "scale": b - a}, False, -math.inf),
    "normal": (_normal, "norm", lambda a, b: {"loc": a, "scale": b}, False, -math.inf),
    "laplace": (_laplace, "laplace", lambda a, b: {"loc": a, "scale": b}, False, -math.inf),
    "cauchy": (_cauchy, "cauchy", lambda a, b: {"loc": a, "scale": b}, False, -math.inf),
    "gamma": (_gamma, "gamma", lambda a, b: {"a": a, "scale": b}, False, 0.0),
    "chisquare": (_chisquare, "chi2", lambda a: {"df": a}, False, 0.0),
    "exponential": (_exponential, "expon", lambda a: {"scale": a}, False, 0.0),
    "rayleigh": (_rayleigh, "rayleigh", lambda a: {"scale": a}, False, 0.0),
    "log-uniform": (_uniform, "uniform", lambda a, b: {"loc": a, "scale": b - a}, True, 0.0),
    "log-normal": (_normal, "norm", lambda a, b: {"loc": a, "scale": b}, True, 0.0),
    "log-laplace": (_laplace, "laplace", lambda a, b: {"loc": a, "scale": b}, True, 0.0),
}  # fmt: skip
BASE = {"lin": 1.0, "log": 1.0, "log10": math.log(10.0)}


@dataclass(frozen=True)
class Density:
    """A density within [low, high], whose integral there is 1.

    Attributes
    ----------
    family : str
    parameters : tuple of float
        Of the value, or of its logarithm with base exp(`base`).
    logarithmic : bool
    """

    family: str
    parameters: tuple[float, ...]
    low: float
    high: float
    logarithmic: bool
    base: float = 1.0

    def log_density(self, value: Any) -> tuple[Float, Float]:
        """The logarithm of the density at natural values, and its slope, elementwise."""
        x = np.asarray(value, dtype=np.float64)
        form = _FAMILIES[self.family][0]
        with np.errstate(all="ignore"):
            if self.logarithmic:
                found, slope = form(np.log(x) / self.base, *self.parameters)
                found, slope = found - np.log(x * self.base), (slope / self.base - 1.0) / x
            else:
                found, slope = form(x, *self.parameters)
            inside = (x >= self.low) & (x <= self.high) & ((x >= 0) | ~np.isnan(found))
            found = np.where(inside, found - self._log_inside, -np.inf)
        return found, np.where(inside, slope, 0.0)

    @cached_property
    def _log_inside(self) -> float:
        """The logarithm of the probability within the bounds."""
        if self.low == -math.inf and self.high == math.inf:
            return 0.0
        from scipy import stats

        _, name, keywords, *_ = _FAMILIES[self.family]
        law = getattr(stats, name)(**keywords(*self.parameters))
        low, high = self._scaled(self.low), self._scaled(self.high)
        return float(np.log(law.cdf(high) - law.cdf(low)))

    def _scaled(self, bound: float) -> float:
        if not self.logarithmic:
            return bound
        return math.log(bound) / self.base if bound > 0 else -math.inf


def density_of(parameter: Parameter, flat: bool) -> Density | None:
    """The prior of a parameter; uniform within its bounds where it has none and `flat` says so.

    Raises
    ------
    ModelFileError
        A family that is not known, or parameters that it cannot have.
    """
    low, high, row = parameter.low, parameter.high, parameter.row
    given = parameter.prior
    if given is None:
        if not flat or not math.isfinite(high - low) or not high > low:
            return None
        given = Prior("uniform", (low, high))
    if given.family not in _FAMILIES:
        row.refuse(f"the prior {given.family!r} is not known; known are {', '.join(_FAMILIES)}")
    form, _, keywords, logarithmic, _ = _FAMILIES[given.family]
    wanted = keywords.__code__.co_argcount
    if len(given.parameters) != wanted:
        row.refuse(
            f"the prior {given.family!r} takes {wanted} parameters; found {len(given.parameters)}"
        )
    numbers = given.parameters
    positive = numbers if form in (_gamma, _chisquare, _exponential, _rayleigh) else numbers[1:]
    if form is _uniform:
        return _box(parameter, given, logarithmic)
    if not all(n > 0 for n in positive):
        raise ModelFileError(
            f"the scale of prior {given.family!r} must be positive", where=row.where
        )
    scaled = logarithmic or given.scale != "lin"
    return Density(given.family, numbers, low, high, scaled, BASE[given.scale])


def _box(parameter: Parameter, given: Prior, logarithmic: bool) -> Density:
    """A uniform prior: its interval, as far as it lies within the bounds."""
    base = BASE[given.scale]
    scaled = given.scale != "lin"

    def on_scale(bound: float) -> float:
        if not scaled:
            return bound
        return math.log(bound) / base if bound > 0 else -math.inf

    low, high = given.parameters
    if logarithmic and not scaled:
        # its parameters are the ends of the interval themselves
        low, high = max(low, parameter.low), min(high, parameter.high)
        if not 0 < low < high:
            parameter.row.refuse(
                "the interval of the prior log-uniform must be positive, and within the bounds"
            )
        return Density("log-uniform", (math.log(low), math.log(high)), low, high, True)
    low, high = max(low, on_scale(parameter.low)), min(high, on_scale(parameter.high))
    if not low < high:
        parameter.row.refuse("the interval of the uniform prior is empty within the bounds")
    ends = (math.exp(low * base), math.exp(high * base)) if scaled else (low, high)
    return Density("uniform", (low, high), *ends, scaled, base)
