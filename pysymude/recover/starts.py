"""The fit with those initial states learned that were only read off the first measurement."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pysymude.fit.objective import objective
from pysymude.fit.result import FitResult
from pysymude.model.dataset import Dataset
from pysymude.model.trajectory import Trajectory
from pysymude.plan.binding import start_u0

__all__ = ["with_learned_starts"]


def with_learned_starts(fit: FitResult) -> FitResult:
    """The same fit, in which initial states from a measured first row are trainable.

    A reading has its error, and a model that has to start from it needs further terms to make up for
    it; a network takes such an error into its weights without a word.
    """
    trajectories = [_freed(fit, trajectory) for trajectory in fit.data]
    if all(a is b for a, b in zip(trajectories, fit.data, strict=True)):
        return fit
    given, method = fit.objective, fit.objective.method
    keywords: dict[str, Any] = {
        "engine": fit.engine, **method.keywords, "sensealg": method.sensealg,
        "laws": given.laws, "law_weight": given.weights.law,
        "conserve": given.enforced.conserve if given.laws else None,
        "equivariance": given.symmetries, "equivariance_weight": given.weights.equivariance,
    }  # fmt: skip
    obj = objective(fit.system, Dataset(trajectories), **keywords)
    old = fit.layout.unpack(fit.theta)
    theta = obj.layout.pack(start_u0(obj.system.states, obj.data) | old)
    # network weights keep their last bit
    weights = sum(s.size for s in fit.layout.of_kind("weight"))
    theta[:weights] = fit.theta[:weights]
    return replace(fit, objective=obj, theta=theta)


def _freed(fit: FitResult, trajectory: Trajectory) -> Trajectory:
    if trajectory.trainable_u0 is True or trajectory.t0 < trajectory.t[0]:
        return trajectory
    already = trajectory.trainable_u0 or ()
    read = [
        s.name
        for s in fit.system.states
        if s.name in trajectory.columns and s.name not in trajectory.u0
        and np.isfinite(first := trajectory.u[0, trajectory.columns.index(s.name)])
        and (first > 0 or not s.is_positive)
    ]  # fmt: skip
    names = tuple(sorted({*already, *read}))
    return trajectory if names == already else replace(trajectory, trainable_u0=names)
