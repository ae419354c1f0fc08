"""The linear systems of Rosenbrock steps: W = a I - J, dense or with its zeros known."""

from __future__ import annotations

from pysymude.engines.native import structures as st
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.dense_lu import (
    factor_dense,
    is_solution,
    shift_dense,
    solve_dense,
    solve_dense_transposed,
)
from pysymude.engines.native.flat_lu import factor_flat, solve_flat, solve_flat_transposed
from pysymude.engines.native.sparse_lu import (
    factor_sparse,
    solve_sparse,
    solve_sparse_transposed,
)

__all__ = ["factor", "solve", "solve_transposed", "solves"]

RUNS, FLAT = st.RUNS, st.FLAT


@inner
def factor(m, w, o, op, a):
    """The factors of a I - J into w.lu[o:]; whether there are any."""
    if m.lu_layout == FLAT:
        return factor_flat(m.elimination, a, w.entries, 0, w.lu, o)
    if m.lu_layout == RUNS:
        return factor_sparse(m.elimination, a, w.entries, 0, w.lu, o, w.linear, 0)
    shift_dense(w.lu, o, m.n, a, w.entries, 0, m.rows, m.columns)
    return factor_dense(w.lu, o, w.pivots, op, m.n)


@inner
def solve(m, w, o, op, x, ox):
    """x becomes the solution of W z = x."""
    if m.lu_layout == FLAT:
        solve_flat(m.elimination, w.lu, o, x, ox)
    elif m.lu_layout == RUNS:
        solve_sparse(m.elimination, w.lu, o, x, ox, w.linear, 0)
    else:
        solve_dense(w.lu, o, w.pivots, op, m.n, x, ox)


@inner
def solve_transposed(m, w, o, op, x, ox):
    """x becomes the solution of transpose(W) z = x."""
    if m.lu_layout == FLAT:
        solve_flat_transposed(m.elimination, w.lu, o, x, ox)
    elif m.lu_layout == RUNS:
        solve_sparse_transposed(m.elimination, w.lu, o, x, ox, w.linear, 0)
    else:
        solve_dense_transposed(w.lu, o, w.pivots, op, m.n, x, ox)


@inner
def solves(m, w, a, x, ox, b):
    """Whether x solves W x = b: elimination without exchange of rows may have lost it."""
    if not m.lu_layout:
        return True
    return is_solution(m.n, a, w.entries, 0, m.rows, m.columns, x, ox, b, 0, w.linear, 0)
