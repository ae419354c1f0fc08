"""Coefficients of the methods, in one form for all explicit and one for all implicit ones.

Where they come from is said in `coefficients`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.native import method_coefficients as given

__all__ = ["RODAS5P", "ROSENBROCK23", "TSIT5", "VERN7", "ExplicitTableau", "RosenbrockTableau"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ExplicitTableau:
    """An explicit Runge-Kutta pair with dense output.

    With k_q = f(u + h sum_r A[q, r] k_r, t + c[q] h) a step of size h from u ends at u + h sum_q b[q] k_q,
    its error is estimated as h sum_q error[q] k_q, and at t + x h the solution is u + h sum_q b_q(x) k_q
    with b_q(x) = x (dense[q, 0] + dense[q, 1] x + ...). The arrays are not to be written to.

    Attributes
    ----------
    name : str
        As OrdinaryDiffEq has it.
    order : int
        Of the step: its error is O(h^(order + 1)).
    estimate_order : int
        The error estimate is O(h^(estimate_order + 1)).
    dense_order : int
        The error inside a step is O(h^(dense_order + 1)).
    stages : int
        How many stages a step and its error estimate use.
    total : int
        How many stages there are with those that only the dense output uses.
    last : int
        The stage that is f at the end of the step, which is the first stage of the next.
    fsal : bool
        Whether that is one of the `stages`: then the next step has its first stage for free.
    twins : tuple of int
        Two stages at the same time, whose slopes and states tell how stiff the system is.
    stability : float
        How far the region of stability reaches along the negative real axis.
    A : numpy.ndarray
        (total, total), strictly lower triangular.
    c, b, error : numpy.ndarray
        (total,), b and error 0 from `stages` on.
    dense : numpy.ndarray
        (total, degree).
    """

    name: str
    order: int
    estimate_order: int
    dense_order: int
    stages: int
    total: int
    last: int
    fsal: bool
    twins: tuple[int, int]
    stability: float
    A: Floats
    c: Floats
    b: Floats
    error: Floats
    dense: Floats


@dataclass(frozen=True, eq=False)
class RosenbrockTableau:
    """A Rosenbrock method with an error estimate and dense output.

    With W = I / (h gamma) - J, J the Jacobian and f_t the derivative with respect to time at the start of the
    step, W U_q = f(u + sum_r A[q, r] U_r, t + c[q] h) + sum_r C[q, r] U_r / h + h d[q] f_t. A step of size h
    from u ends at v = u + sum_q b[q] U_q, its error is estimated as sum_q error[q] U_q, and at t + x h the
    solution is u + x (v - u + (1 - x) sum_q (H[0, q] + H[1, q] x + ...) U_q). The arrays are not to be
    written to.

    Attributes
    ----------
    name : str
        As OrdinaryDiffEq has it.
    order : int
        Of the step: its error is O(h^(order + 1)).
    estimate_order : int
        The error estimate is O(h^(estimate_order + 1)).
    dense_order : int
        The error inside a step is O(h^(dense_order + 1)).
    stages : int
        How many stages there are.
    gamma : float
        Of W.
    A, C : numpy.ndarray
        (stages, stages), strictly lower triangular.
    c, d, b, error : numpy.ndarray
        (stages,).
    H : numpy.ndarray
        (degree, stages).
    """

    name: str
    order: int
    estimate_order: int
    dense_order: int
    stages: int
    gamma: float
    A: Floats
    C: Floats
    c: Floats
    d: Floats
    b: Floats
    error: Floats
    H: Floats


def _table(rows: Sequence[Sequence[float]], columns: int) -> Floats:
    table = np.zeros((len(rows), columns))
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table


def _vector(values: Sequence[float], length: int) -> Floats:
    return _table([values], length)[0]


TSIT5 = ExplicitTableau(
    name="Tsit5",
    order=5,
    estimate_order=4,
    dense_order=4,
    stages=7,
    total=7,
    last=6,
    fsal=True,
    twins=(5, 6),
    stability=3.5068,
    A=_table(given.TSIT5_A, 7),
    c=_vector(given.TSIT5_C, 7),
    b=_vector(given.TSIT5_A[6], 7),
    error=_vector(given.TSIT5_ERROR, 7),
    dense=_table(given.TSIT5_DENSE, 4),
)
"""Tsitouras 5(4)."""

VERN7 = ExplicitTableau(
    name="Vern7",
    order=7,
    estimate_order=6,
    dense_order=7,
    stages=10,
    total=16,
    last=10,
    fsal=False,
    twins=(8, 9),
    stability=4.64,
    A=_table(given.VERN7_A, 16),
    c=_vector(given.VERN7_C, 16),
    b=_vector(given.VERN7_B, 16),
    error=_vector(given.VERN7_ERROR, 16),
    dense=_table(given.VERN7_DENSE, 7),
)
"""Verner 7(6), for tight tolerances."""

RODAS5P = RosenbrockTableau(
    name="Rodas5P",
    order=5,
    estimate_order=4,
    dense_order=4,
    stages=8,
    gamma=0.21193756319429014,
    A=_table(given.RODAS5P_A, 8),
    C=_table(given.RODAS5P_C, 8),
    c=_vector(given.RODAS5P_TIMES, 8),
    d=_vector(given.RODAS5P_D, 8),
    b=_vector(given.RODAS5P_B, 8),
    error=_vector((0.0,) * 7 + (1.0,), 8),
    H=_table(given.RODAS5P_H, 8),
)
"""Steinebach 5(4), stiffly accurate."""


def _rosenbrock23() -> RosenbrockTableau:
    # ode23s of L. F. Shampine and M. W. Reichelt, The MATLAB ODE suite, SIAM Journal on Scientific Computing 18
    # (1997), 1-22. With W = (I - h d J) / (h d) their slopes k and the stages here are related by U_1 = h d k_1,
    # U_2 = h d (k_2 - k_1), U_3 = h d k_3 - e U_2 - 2 U_1: the values of f that k_3 subtracts are what W makes of
    # U_1 and U_2. In OrdinaryDiffEq the estimate is of order 1 where f depends on time: k_3 there has h f_t in the
    # place of h d f_t.
    d, e = 1 / (2 + math.sqrt(2)), 6 + math.sqrt(2)
    return RosenbrockTableau(
        name="Rosenbrock23",
        order=2,
        estimate_order=2,
        dense_order=2,
        stages=3,
        gamma=d,
        A=_table([(), (0.5 / d,), (1 / d, 1 / d)], 3),
        C=_table([(), (-1 / d,), (-2 / d, -e / d)], 3),
        c=np.array([0.0, 0.5, 1.0]),
        d=np.array([d, 0.0, -d]),
        b=np.array([1 / d, 1 / d, 0.0]),
        error=np.array([1.0, e - 2, 1.0]) / (6 * d),
        H=np.array([[0.0, -1 / (d * (1 - 2 * d)), 0.0]]),
    )


ROSENBROCK23 = _rosenbrock23()
"""Shampine and Reichelt 2(3), for loose tolerances."""
