"""Which way linear systems of one pattern are solved: dense, or by one of two plans that know the zeros."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.native import structures as st
from pysymude.engines.native.flat_plan import plan_flat
from pysymude.engines.native.sparse_plan import Elimination, eliminate, plan_elimination

__all__ = ["choose_layout"]

Ints = NDArray[np.int64]

# so few unknowns that exchanging rows costs nothing
_FEW = 16
# products, beyond which a plan that lists each of them is neither short nor quick
_MOST_LISTED = 100_000


def choose_layout(n: int, rows: Ints, columns: Ints) -> tuple[int, Elimination | None]:
    """The quickest way for a step with one factorization and eight solves each way, and its plan.

    J has entries at the given rows and columns; there is no plan for dense systems.
    """
    if n < _FEW or 3 * len(rows) > n * n:
        return st.DENSE, None
    # nanoseconds, as measured for 4 to 600 unknowns: random patterns, bands and grids
    pivots = eliminate(n, rows, columns)
    runs = plan_elimination(n, rows, columns, pivots)
    costs = {
        st.DENSE: 175 * n + 3.6 * n**2,
        st.RUNS: 66 * n + 11.3 * runs.size + 1.2 * runs.visits + 0.05 * runs.products,
    }
    plans: dict[int, Elimination] = {st.RUNS: runs}
    if runs.products < _MOST_LISTED:
        flat = plans[st.FLAT] = plan_flat(n, rows, columns, pivots)
        costs[st.FLAT] = 27 * n + 12.2 * flat.size + 0.6 * flat.products
    best = min(costs, key=lambda layout: costs[layout])
    return best, plans.get(best)
