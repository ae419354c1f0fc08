"""The vector field against slopes of smoothed data."""

from __future__ import annotations

import numpy as np

from pysymude.fit.problem.prepared import Prepared
from pysymude.fit.terms.sampled_terms import SampledTerm
from pysymude.fit.treatment.smoothing import Smoothed
from pysymude.plan.problem import Samples

__all__ = ["slope_match"]


def slope_match(prepared: Prepared, smoothed: Smoothed) -> SampledTerm:
    """The misfit of the vector field to the smoothed slopes, each state on its own scale."""
    mix = prepared.enforced.mix
    du = smoothed.du @ mix.T
    scale = np.std(du, axis=0)
    weight = 1.0 / np.where(scale > 0, scale, 1.0) / np.sqrt(len(smoothed.t))
    weights = np.tile(weight, (len(smoothed.t), 1))
    samples = Samples.each(smoothed.t, smoothed.u @ mix.T, smoothed.p, weights, du)
    return SampledTerm("data", tuple(prepared.plan.system.rhs.values()), samples, prepared)
