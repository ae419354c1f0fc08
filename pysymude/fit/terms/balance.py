"""Balance laws: their change between measurements against the integral of their rate."""

from __future__ import annotations

import numpy as np

from pysymude.errors import InvalidInputError
from pysymude.fit.problem.law_scales import spreads
from pysymude.fit.problem.prepared import Prepared
from pysymude.fit.terms.sampled_terms import SampledTerm, in_solved_states
from pysymude.plan.problem import Samples

__all__ = ["balance_terms"]


def balance_terms(prepared: Prepared, weight: float) -> list[SampledTerm]:
    """For each balance law, its change between measurements less the integral of its rate.

    This is the weak form of the law: no derivative of the data is taken. Integrals are Simpson's on the
    smoothed data.
    """
    enforced, smoothed = prepared.enforced, prepared.smoothing.at()
    balances = [law for law in enforced.laws if law.is_balance]
    if not balances:
        return []
    if smoothed is None:
        raise InvalidInputError(
            "a balance law is compared with smoothed data, which needs six measurements of every state; "
            "leave that law out"
        )
    terms: list[SampledTerm] = []
    for law, scale in zip(balances, spreads(enforced, balances, prepared.smoothing), strict=True):
        entries: list[tuple[int, int, int, float]] = []
        for first, size in smoothed.experiments:
            for start in range(first, first + size - 4, 4):
                h = smoothed.t[start + 1] - smoothed.t[start]
                row = len({e[0] for e in entries})
                entries += [(row, start + 4, 0, 1.0), (row, start, 0, -1.0)]
                simpson = (1, 4, 2, 4, 1)
                entries += [(row, start + k, 1, -h / 3 * c) for k, c in enumerate(simpson)]
        residual, point, expression, factor = (np.array(c) for c in zip(*entries, strict=True))
        count = int(residual.max()) + 1
        samples = Samples(
            smoothed.t, smoothed.u @ enforced.mix.T, smoothed.p,
            residual.astype(np.int32), point.astype(np.int32), expression.astype(np.int32),
            factor * np.sqrt(weight / count) / scale, np.zeros(count),
        )  # fmt: skip
        both = (in_solved_states(enforced, law.expr), in_solved_states(enforced, law.rate))
        terms.append(SampledTerm(law.name, both, samples, prepared))
    return terms
