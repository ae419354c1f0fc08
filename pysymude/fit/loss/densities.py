"""Logarithms of densities of an objective, exact and with their slopes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pysymude.fit.loss.objective import Objective

__all__ = ["Density", "log_density", "log_likelihood", "log_posterior"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Density:
    """The logarithm of a density at a theta, and its slopes by theta where they were asked for.

    -inf, with slopes that are not numbers, where a solve fails.
    """

    value: float
    slopes: Float | None = None


def log_likelihood(obj: Objective, theta: Float, *, gradient: bool) -> Density:
    """See `Objective.log_likelihood`."""
    obj.refuse_own("a likelihood")
    inner = obj.composition.inner(theta)
    nothing = Density(-math.inf, np.full(theta.size, np.nan) if gradient else None)
    if not np.isfinite(inner).all():
        return nothing
    if obj.constant is not None:
        return _squares(obj, theta, inner, obj.constant, gradient=gradient) or nothing
    seen = obj.bound.simulate(inner)
    if not all(code.successful for code in seen.retcodes):
        return nothing
    models = obj.models
    with np.errstate(all="ignore"):
        deviance, given = models.judged(seen.seen, obj.loss, obj.data)
    value = -0.5 * deviance
    if not gradient:
        return Density(value)
    if not math.isfinite(value):
        return Density(value, nothing.slopes)
    slopes = _pulled(obj, inner, given)
    if slopes is None:
        return Density(value, nothing.slopes)
    slopes = -0.5 * obj.composition.outer(theta, slopes)
    return Density(value, _without_frozen(obj, slopes))


def _squares(
    obj: Objective, theta: Float, inner: Float, constant: float, *, gradient: bool
) -> Density | None:
    """The density where all noise is known, of which squares are all that moves: one solve, not two."""
    here = obj.bound.evaluate(inner, gradient=gradient)
    if not here.success:
        return None
    value = -0.5 * (here.terms["data"] + constant)
    if here.gradient is None:
        return Density(value)
    slopes = -0.5 * obj.composition.outer(theta, here.gradient)
    return Density(value, _without_frozen(obj, slopes))


def _pulled(obj: Objective, inner: Float, given: Float) -> Float | None:
    """The gradient of what has these slopes by what is seen, without links and laws."""
    pulled = obj.bound.pull(inner, given)
    if not pulled.success or pulled.gradient is None:
        return None
    if not obj.spec.laws:
        return pulled.gradient
    rest = obj.bound.pull(inner, np.zeros_like(given)).gradient
    return None if rest is None else pulled.gradient - rest


def log_posterior(obj: Objective, theta: Float, *, gradient: bool) -> Density:
    """See `Objective.log_posterior`."""
    likelihood = log_likelihood(obj, theta, gradient=gradient)
    if not obj.system.priors:
        return likelihood
    priors, by_priors = obj.priors.evaluate(theta)
    value = likelihood.value - 0.5 * priors
    if likelihood.slopes is None:
        return Density(value)
    slopes = likelihood.slopes - 0.5 * by_priors
    return Density(value, _without_frozen(obj, slopes))


def log_density(obj: Objective, theta: Float, *, gradient: bool) -> Density:
    """Likelihood and priors as a density of theta itself: with the slopes of the scales that are learned.

    A number without a prior is flat in natural units, between its bounds.
    """
    posterior = log_posterior(obj, theta, gradient=gradient)
    if not obj.layout.bounded:
        return posterior
    value, slopes = posterior.value, posterior.slopes
    for slot in obj.layout.bounded:
        z = float(theta[slot.offset])
        value += math.log(max(abs(float(slot.slope(z))), 1e-300))
        if slopes is not None:
            slopes[slot.offset] += slot.log_slope(z)
    if slopes is not None:
        slopes = _without_frozen(obj, slopes)
    return Density(value, slopes)


def _without_frozen(obj: Objective, slopes: Float) -> Float:
    """The same slopes, those of what is frozen set to 0."""
    if obj.composition.frozen.size:
        slopes[obj.composition.frozen] = 0.0
    return slopes
