"""The system of a problem as fits see it: within bounds, on scales, with priors."""

from __future__ import annotations

import math

from pysymude.interchange.petab.assembly import Assembled
from pysymude.interchange.petab.described import Described, Parameter
from pysymude.interchange.petab.network_arrays import Weights
from pysymude.interchange.petab.prior_densities import BASE
from pysymude.model.distributions.cauchy import Cauchy
from pysymude.model.distributions.chi_square import ChiSquare
from pysymude.model.distributions.distribution import Distribution
from pysymude.model.distributions.exponential import Exponential
from pysymude.model.distributions.gamma import Gamma
from pysymude.model.distributions.laplace import Laplace
from pysymude.model.distributions.log_uniform import LogUniform
from pysymude.model.distributions.loglaplace import LogLaplace
from pysymude.model.distributions.lognormal import LogNormal
from pysymude.model.distributions.normal import Normal
from pysymude.model.distributions.rayleigh import Rayleigh
from pysymude.model.system import ODESystem

__all__ = ["FAMILIES", "bounded", "prior_of"]

FAMILIES: dict[tuple[str, bool], type[Distribution]] = {
    ("normal", False): Normal, ("laplace", False): Laplace, ("normal", True): LogNormal,
    ("laplace", True): LogLaplace, ("log-normal", False): LogNormal, ("log-laplace", False): LogLaplace,
    ("cauchy", False): Cauchy, ("gamma", False): Gamma, ("chisquare", False): ChiSquare,
    ("exponential", False): Exponential, ("rayleigh", False): Rayleigh, ("log-uniform", False): LogUniform,
}  # fmt: skip
"""By the name, and whether parameters are on a logarithmic scale."""


def bounded(made: Assembled, described: Described, weights: Weights) -> ODESystem:
    """The system with bounds, scales and priors; starts that lie outside are taken inside.

    A uniform prior is its bounds. What bounds cut off of a prior is a constant, which no fit needs:
    `PetabProblem.log_posterior` has it.
    """
    trainable: dict[str, float] = {}
    bounds: dict[str, tuple[float | None, float | None]] = {}
    scales: dict[str, str] = {}
    priors: dict[str, Distribution] = {}
    for key, name in made.learned.items():
        row = described.parameters[key]
        low, high = _within(row)
        start = float(row.nominal if row.nominal is not None else 0.5 * (low + high))
        bounds[name] = (low if math.isfinite(low) else None, high if math.isfinite(high) else None)
        trainable[name] = min(max(start, low), high)
        if row.scale != "lin" and 0.0 < low < high < math.inf:
            scales[name] = "log"
        elif row.scale == "lin":
            scales[name] = "linear"
        if (prior := prior_of(row)) is not None:
            priors[name] = prior
    for part in weights.parts:
        prior = None if part.prior is None or not part.estimated else prior_of(part.prior)
        if prior is not None:
            priors[part.slot] = prior
    system = made.system
    return system.replace(
        trainable={system.symbol(k): v for k, v in trainable.items()}, bounds=bounds, scales=scales,
        priors=priors,
    )  # fmt: skip


def _within(row: Parameter) -> tuple[float, float]:
    """The bounds, and those of a uniform prior where they are closer."""
    low, high = row.low, row.high
    if row.prior is not None and row.prior.family == "uniform":
        ends = row.prior.parameters
        if row.prior.scale != "lin":
            base = BASE[row.prior.scale]
            ends = tuple(math.exp(base * end) if base * end < 700 else math.inf for end in ends)
        low, high = max(low, ends[0]), min(high, ends[1])
    return low, high


def prior_of(row: Parameter) -> Distribution | None:
    """The prior of a parameter in our own families, or None: a uniform one is its bounds."""
    if row.prior is None:
        return None
    family = FAMILIES.get((row.prior.family, row.prior.scale != "lin"))
    if family is None:
        return None
    return family(*(BASE[row.prior.scale] * n for n in row.prior.parameters))
