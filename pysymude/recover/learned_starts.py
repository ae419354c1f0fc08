"""The fit with those initial states learned that were only read off the first measurement."""

from __future__ import annotations

from dataclasses import replace

from pysymude.fit.result.fit_result import FitResult
from pysymude.fit.treatment.measured_starts import freed
from pysymude.model.dataset import Dataset
from pysymude.plan.binding import start_u0

__all__ = ["with_learned_starts"]


def with_learned_starts(fit: FitResult) -> FitResult:
    """The same fit, in which initial states from a measured first row are trainable.

    A reading has its error, and a model that has to start from it needs further terms to make up for
    it; a network takes such an error into its weights without a word.
    """
    # where `initial` says how a state starts, that is known
    states = [x for x in fit.system.states if x not in fit.system.initial]
    trajectories = [freed(states, trajectory) for trajectory in fit.data]
    if all(a is b for a, b in zip(trajectories, fit.data, strict=True)):
        return fit
    obj = fit.objective.rebuilt(fit.system, Dataset(trajectories))
    old = fit.layout.unpack(fit.theta)
    theta = obj.layout.pack(start_u0(obj.system, obj.data) | old)
    # network weights keep their last bit
    weights = sum(s.size for s in fit.layout.of_kind("weight"))
    theta[:weights] = fit.theta[:weights]
    return replace(fit, objective=obj, theta=theta)
