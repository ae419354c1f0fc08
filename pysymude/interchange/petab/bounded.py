"""The system of a problem as fits see it: within bounds, on scales, with priors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pysymude.errors import CapabilityError
from pysymude.interchange.petab.assembly import Assembled
from pysymude.interchange.petab.described import Described, Parameter
from pysymude.model.distributions.base import Distribution
from pysymude.model.distributions.laplace import Laplace
from pysymude.model.distributions.loglaplace import LogLaplace
from pysymude.model.distributions.lognormal import LogNormal
from pysymude.model.distributions.normal import Normal
from pysymude.model.system import ODESystem

__all__ = ["bounded", "prior_of"]


def bounded(made: Assembled, described: Described) -> ODESystem:
    """The system with bounds and scales; starts that lie outside are taken inside.

    Priors of weights are not among them: `PetabProblem.log_posterior` has all priors.
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
    """The prior of a parameter in our own families; a uniform one is its bounds.

    Raises
    ------
    CapabilityError
        A family that fits do not have.
    """
    if row.prior is None or row.prior.family in ("uniform", "log-uniform"):
        return None
    numbers: list[Any] = list(row.prior.parameters)
    families: Mapping[tuple[str, bool], type[Distribution]] = {
        ("normal", False): Normal, ("laplace", False): Laplace, ("normal", True): LogNormal,
        ("laplace", True): LogLaplace, ("log-normal", False): LogNormal, ("log-laplace", False): LogLaplace,
    }  # fmt: skip
    family = families.get((row.prior.family, row.prior.scale != "lin"))
    if family is None:
        raise CapabilityError(
            f"{row.row.where}: a fit has no prior {row.prior.family!r}; log_posterior has it, for your own "
            "optimiser or sampler", capability="priors",
        )  # fmt: skip
    if row.prior.scale == "log10":
        numbers = [n * math.log(10.0) for n in numbers]
    return family(*numbers)
