"""All families by name."""

from __future__ import annotations

from pysymude.model.distributions.binomial import Binomial
from pysymude.model.distributions.cauchy import Cauchy
from pysymude.model.distributions.chi_square import ChiSquare
from pysymude.model.distributions.distribution import Distribution
from pysymude.model.distributions.exponential import Exponential
from pysymude.model.distributions.gamma import Gamma
from pysymude.model.distributions.laplace import Laplace
from pysymude.model.distributions.log_uniform import LogUniform
from pysymude.model.distributions.loglaplace import LogLaplace
from pysymude.model.distributions.lognormal import LogNormal
from pysymude.model.distributions.negative_binomial import NegativeBinomial
from pysymude.model.distributions.normal import Normal
from pysymude.model.distributions.poisson import Poisson
from pysymude.model.distributions.rayleigh import Rayleigh
from pysymude.model.distributions.student import StudentT

__all__ = ["DISTRIBUTIONS"]

DISTRIBUTIONS: dict[str, type[Distribution]] = {
    family.__name__: family
    for family in (
        Normal,
        LogNormal,
        Laplace,
        LogLaplace,
        StudentT,
        Poisson,
        NegativeBinomial,
        Binomial,
        Cauchy,
        ChiSquare,
        Exponential,
        Gamma,
        LogUniform,
        Rayleigh,
    )
}
