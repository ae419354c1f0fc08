"""The system of a problem as fits see it: within bounds, on scales, with priors."""

from __future__ import annotations

import math

from pysymude.errors import CapabilityError
from pysymude.interchange.petab.assembly import Assembled
from pysymude.interchange.petab.described import Described, Parameter
from pysymude.model.distributions.distribution import Distribution
from pysymude.model.distributions.laplace import Laplace
from pysymude.model.distributions.loglaplace import LogLaplace
from pysymude.model.distributions.lognormal import LogNormal
from pysymude.model.distributions.normal import Normal
from pysymude.model.system import ODESystem

__all__ = ["bounded", "check_priors", "prior_of"]

_FAMILIES: dict[tuple[str, bool], type[Distribution]] = {
    ("normal", False): Normal, ("laplace", False): Laplace, ("normal", True): LogNormal,
    ("laplace", True): LogLaplace, ("log-normal", False): LogNormal, ("log-laplace", False): LogLaplace,
}  # fmt: skip
"""By the name, and whether parameters are on a logarithmic scale."""


def bounded(made: Assembled, described: Described) -> ODESystem:
    """The system with bounds, scales and priors; starts that lie outside are taken inside.

    Priors that are not of our families, and those of weights, are left out: `PetabProblem.log_posterior` has all.
    """
    trainable: dict[str, float] = {}
    bounds: dict[str, tuple[float | None, float | None]] = {}
    scales: dict[str, str] = {}
    priors: dict[str, Distribution] = {}
    for key, name in made.learned.items():
        row = described.parameters[key]
        low, high = row.low, row.high
        start = float(row.nominal if row.nominal is not None else 0.5 * (low + high))
        bounds[name] = (low if math.isfinite(low) else None, high if math.isfinite(high) else None)
        trainable[name] = min(max(start, low), high)
        if row.scale != "lin" and 0.0 < low < high < math.inf:
            scales[name] = "log"
        elif row.scale == "lin":
            scales[name] = "linear"
        if (prior := prior_of(row)) is not None:
            priors[name] = prior
    system = made.system
    return system.replace(
        trainable={system.symbol(k): v for k, v in trainable.items()}, bounds=bounds, scales=scales,
        priors=priors,
    )  # fmt: skip


def prior_of(row: Parameter) -> Distribution | None:
    """The prior of a parameter in our own families, or None: a uniform one is its bounds."""
    if row.prior is None:
        return None
    family = _FAMILIES.get((row.prior.family, row.prior.scale != "lin"))
    if family is None:
        return None
    factor = math.log(10.0) if row.prior.scale == "log10" else 1.0
    return family(*(factor * n for n in row.prior.parameters))


def check_priors(made: Assembled, described: Described) -> None:
    """An error where a prior of something learned is one that fits do not have.

    Raises
    ------
    CapabilityError
        The message names it.
    """
    for key in made.learned:
        row = described.parameters[key]
        has_none = row.prior is None or row.prior.family in ("uniform", "log-uniform")
        if row.prior is not None and not has_none and prior_of(row) is None:
            raise CapabilityError(
                f"{row.row.where}: fits have no prior {row.prior.family!r}; log_posterior has it, for an "
                "optimiser or sampler of your own", capability="priors",
            )  # fmt: skip
