"""Draws as ArviZ's InferenceData: by name, with likelihoods and measurements drawn again."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.loss.pointwise import Pointwise
from pysymude.infer.chains import Chains
from pysymude.infer.target import Target
from pysymude.solving.tabular import package

__all__ = ["inference_data"]

log = logging.getLogger("pysymude")

Float = NDArray[np.float64]

_MIXED, _FEW = 1.01, 400  # R-hat and effective draws at which quantiles may be relied on
_POINTS = "measurement"


def inference_data(target: Target, found: Chains, seed: int, predictive: bool) -> Any:
    """Natural values by name, with a look at whether the chains agree; and what they say of the measurements."""
    theta = target.drawn(found.y, seed)
    obj = target.fit.objective
    held = set(obj.composition.frozen.tolist()) | target.kept
    posterior: dict[str, Float] = {}
    for slot in obj.layout.values():
        if slot.offset not in held:
            shape = (*theta.shape[:-1], *slot.shape)
            posterior[slot.name] = np.asarray(slot.natural(theta[..., slot.slice].reshape(shape)))
    groups = _measured(target, theta, seed) if predictive else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arviz = package("arviz", "psu.sample")
        made = arviz.from_dict(posterior=posterior, sample_stats=found.statistics, **groups)
        said = _said(arviz, made, found)
    made.posterior.attrs["warnings"] = said
    for sentence in said:
        log.warning("%s", sentence)
    return made


def _measured(target: Target, theta: Float, seed: int) -> dict[str, Any]:
    """Groups about the measurements, each of which is a point of one axis."""
    obj, points = target.fit.objective, Pointwise(target.fit.objective)
    rng = np.random.default_rng([seed, *b"predictive"])
    shape = (*theta.shape[:-1], len(points.places))
    likely, again = np.empty(shape), np.empty(shape)
    for place in np.ndindex(*theta.shape[:-1]):
        seen = points.seen(theta[place])
        scales = points.drawn_scales(seen, rng)
        likely[place] = points.log_likelihood(seen, scales)
        again[place] = points.again(seen, scales, rng)
    e, i, j = points.places.T
    experiments = np.array([tr.name for tr in obj.data])
    columns = np.array(obj.data.columns)
    coords: dict[str, Any] = {_POINTS: np.arange(len(points.places))}
    where = {
        "time": obj.loss.batch.ts[e, i], "column": columns[j], "experiment": experiments[e],
    }  # fmt: skip
    return {
        "log_likelihood": {"measured": likely},
        "posterior_predictive": {"measured": again},
        "observed_data": {"measured": points.observed},
        "constant_data": where,
        "coords": coords,
        "dims": {"measured": [_POINTS], **{name: [_POINTS] for name in where}},
    }


def _said(arviz: Any, made: Any, found: Chains) -> list[str]:
    said: list[str] = []
    diverging = int(np.sum(found.statistics.get("diverging", 0)))
    if diverging:
        said.append(
            f"{diverging} of {found.y[..., 0].size} draws diverged: the posterior has a corner that steps do "
            "not resolve; a prior, or another scale of a parameter, may take it away"
        )
    if found.y.shape[0] < 2 or found.y.shape[1] < 4:
        return said
    rhat, draws = arviz.rhat(made.posterior), arviz.ess(made.posterior)
    for name in made.posterior.data_vars:
        worst, least = float(np.max(rhat[name].values)), float(np.min(draws[name].values))
        if worst > _MIXED:
            said.append(f"the chains do not agree on {name}: R-hat is {worst:.3f}; draw more")
        elif least < _FEW:
            said.append(f"{name} has {least:.0f} effective draws, few for quantiles; draw more")
    return said
