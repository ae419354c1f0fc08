# SymPy annotates its classes in parts only
# pyright: reportArgumentType=false
"""Laws on the data alone: what varies least along each experiment tells their coefficients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.problem.law_scales import spreads, values_at
from pysymude.fit.problem.prepared import Prepared
from pysymude.fit.terms.balance import balance_terms
from pysymude.fit.terms.sampled_terms import SampledTerm, in_solved_states
from pysymude.fit.treatment.smoothing import Smoothed
from pysymude.plan.enforcement import Enforced
from pysymude.plan.law import Law
from pysymude.plan.problem import Samples

__all__ = ["law_matches"]

Float = NDArray[np.float64]

_MOST = 300  # points of an experiment: distances from a mean read all of them each


def law_matches(prepared: Prepared) -> list[SampledTerm]:
    """The distance of each law from its mean along each experiment's smoothed data; rates of balances.

    A point counts by how well the law is known there, that is inversely to |grad I . noise| with the
    coefficients where they start. Otherwise a logarithm of small, noisy values outweighs the rest, and
    coefficients that matter elsewhere get lost.
    """
    enforced, smoothed = prepared.enforced, prepared.smoothing.at(1)
    if smoothed is None:
        return []
    constant = [law for law in enforced.laws if not law.is_balance]
    terms: list[SampledTerm] = []
    for law, scale in zip(constant, spreads(enforced, constant, prepared.smoothing), strict=True):
        rows: list[tuple[NDArray[np.int32], ...]] = []
        factors: list[Float] = []
        known = 1 / _uncertainty(enforced, law, smoothed)
        for first, size in smoothed.experiments:
            # the distances from a mean read all points each: a few hundred are enough
            own = np.arange(first, first + size, -(-size // _MOST), dtype=np.int32)
            size = own.size
            weight = known[own] / np.linalg.norm(known[own])
            centre = weight[:, None] * (np.eye(size) - weight**2)
            i, k = np.divmod(np.arange(size * size), size)
            rows.append((own[i], own[k], np.zeros(size * size, dtype=np.int32)))
            factors.append((centre / scale / np.sqrt(len(smoothed.experiments))).ravel())
        residual, point, expression = (np.concatenate(c) for c in zip(*rows, strict=True))
        samples = Samples(
            smoothed.t, smoothed.u @ enforced.mix.T, smoothed.p,
            residual, point, expression, np.concatenate(factors), np.zeros(len(smoothed.t)),
        )  # fmt: skip
        terms.append(
            SampledTerm(law.name, (in_solved_states(enforced, law.expr),), samples, prepared)
        )
    return [*terms, *balance_terms(prepared, 1.0)]


def _uncertainty(enforced: Enforced, law: Law, smoothed: Smoothed) -> Float:
    """|grad I . noise| at each point; not much less than usual where the gradient vanishes."""
    slopes = [Law(f"slope_{x.name}", law.expr.diff(x)) for x in enforced.system.states]
    values = values_at(enforced, slopes, smoothed.t, smoothed.u, smoothed.p)
    size = np.linalg.norm(values * smoothed.noise, axis=1)
    least = 0.3 * float(np.median(size))
    return np.maximum(size, least if least > 0 else 1.0)
