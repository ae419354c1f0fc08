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

_OPEN = 0.1


def known_before(evidence: Evidence, after: bool) -> Float:
    """Information by the free numbers in natural units: of the priors alone, or of the data, too.

    Where a prior, or the loss, is no valley in some direction nothing is known there.
    """
    units = evidence.units
    found = (
        evidence.scaled / evidence.scale if after else evidence.of_priors * np.outer(units, units)
    )
    values, vectors = np.linalg.eigh(found)
    return (vectors * np.maximum(values, 0.0)) @ vectors.T


def wanted(
    evidence: Evidence, given: Any, told: NDArray[np.bool_]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Names, and their places among the free numbers; `told` are those of which candidates say anything."""
    known = list(evidence.slots)
    places = dict(zip(known, evidence.inside.tolist(), strict=True))
    if given is None:
        if not known:
            return ("all weights",), np.arange(evidence.free.size)
        # of the scales of some noise models nothing is known here; the rest does not depend on them
        scatter = {x.name for x in evidence.fit.system.replace(noise={}, priors={}).unread}
        names = tuple(n for n, k in places.items() if told[k] or n not in scatter)
    else:
        several = given if isinstance(given, list | tuple) else [given]
        names = tuple(label_of(name) for name in several)
    for name in names:
        if name not in known:
            raise InvalidInputError(
                f"parameters= names {name!r}, which is not learned; there are {', '.join(known) or 'none'}"
                f"{meant(name, known)}"
            )
    return names, np.array([places[name] for name in names], dtype=np.int64)


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
