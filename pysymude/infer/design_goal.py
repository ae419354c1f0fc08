"""What a design is about, and what is known before it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.infer.criteria import Criterion
from pysymude.infer.evidence import Evidence
from pysymude.model.coerce import label_of, meant

__all__ = ["check_enough", "known_before", "wanted"]

Float = NDArray[np.float64]

_STEP = 1e-5
_OPEN = 0.1


def known_before(evidence: Evidence, after: bool) -> Float:
    """Information by the free numbers in natural units: of the priors alone, or of the data, too.

    Where a prior, or the loss, is no valley in some direction nothing is known there.
    """
    found = evidence.scaled / evidence.scale if after else _of_priors(evidence)
    values, vectors = np.linalg.eigh(found)
    return (vectors * np.maximum(values, 0.0)) @ vectors.T


def _of_priors(evidence: Evidence) -> Float:
    """Minus the second derivatives of the logarithm of their density, by differences of its slopes."""
    obj, theta, size = evidence.objective, evidence.fit.theta, evidence.free.size
    found = np.zeros((size, size))
    if not obj.system.priors:
        return found
    for k, (place, unit) in enumerate(zip(evidence.free, evidence.units, strict=True)):
        sides: list[Float] = []
        for sign in (1.0, -1.0):
            moved = theta.copy()
            moved[place] += sign * _STEP * unit
            sides.append(obj.priors.evaluate(moved)[1][evidence.free])
        found[k] = 0.5 * (sides[0] - sides[1]) / (2 * _STEP) * evidence.units
    return 0.5 * (found + found.T)


def wanted(
    evidence: Evidence, given: Any, told: NDArray[np.bool_]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Names, and their places among the free numbers; `told` are those of which candidates say anything."""
    known = list(evidence.slots)
    if given is None:
        if not known:
            return ("all weights",), np.arange(evidence.free.size)
        # of the scales of some noise models nothing is known here; the rest does not depend on them
        scatter = {x.name for x in evidence.fit.system.replace(noise={}, priors={}).unread}
        at = np.searchsorted(evidence.free, [evidence.slots[name].offset for name in known])
        names = tuple(
            name for name, k in zip(known, at, strict=True) if told[k] or name not in scatter
        )
    else:
        several = given if isinstance(given, list | tuple) else [given]
        names = tuple(label_of(name) for name in several)
    for name in names:
        if name not in known:
            raise InvalidInputError(
                f"parameters= names {name!r}, which is not learned; there are {', '.join(known) or 'none'}"
                f"{meant(name, known)}"
            )
    places = [evidence.slots[name].offset for name in names]
    return names, np.searchsorted(evidence.free, places)


def check_enough(judge: Criterion, information: Float, names: tuple[str, ...], n: int) -> None:
    """An error where so many measurements leave open what is wanted."""
    # what is known does not hang on how little is added
    less = replace(judge, least=_OPEN * judge.least)
    known, firm = (np.diag(j.covariance(information))[j.asked] for j in (judge, less))
    open_ones = firm > 2.0 * known
    if open_ones.any():
        left = [name for name, is_open in zip(names, open_ones, strict=False) if is_open] or names
        raise InvalidInputError(
            f"{n} of these measurements cannot determine {', '.join(left)} beside all that is learned with "
            "it: take a larger n=, other candidates, priors (such as priors={nn: psu.Normal(0, 1)}), or "
            "after=True, which counts the data that were fitted"
        )
