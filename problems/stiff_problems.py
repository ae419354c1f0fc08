"""Stiff initial value problems from the literature, with their published end states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

import pysymude as psu
from problems import brusselator_grid

__all__ = ["PROBLEMS", "StiffProblem", "brusselator", "mixed_error", "problem"]

Float = NDArray[np.float64]

TEST_SET = "Mazzia and Magherini, Test Set for IVP Solvers, release 2.4 (2008)"


@dataclass(frozen=True, eq=False)
class StiffProblem:
    """An initial value problem and its state at `end`.

    `unit` is the size from which on an absolute error counts as such: ``abstol = unit * reltol``, and
    errors are relative to ``unit + |reference|``. `digits` is how far `published` can be trusted.
    """

    name: str
    system: psu.ODESystem
    u0: tuple[float, ...]
    end: float
    unit: float
    source: str
    published: tuple[float, ...] = ()
    digits: float = 1e-12

    @property
    def t(self) -> Float:
        """Start and end."""
        return np.array([0.0, self.end])


def mixed_error(found: Float, reference: Any, unit: float) -> float:
    """Root mean square of the errors, each relative to ``unit + |reference|``."""
    reference = np.asarray(reference)
    return float(np.sqrt(np.mean(((found - reference) / (unit + np.abs(reference))) ** 2)))


def _rober() -> StiffProblem:
    y1, y2, y3 = psu.states("y1 y2 y3")
    k1, k2, k3 = psu.parameters("k1 k2 k3")
    slow, fast, back = k1 * y1, k2 * y2**2, k3 * y2 * y3
    return StiffProblem(
        "ROBER",
        psu.ODESystem(
            {y1: -slow + back, y2: slow - back - fast, y3: fast},
            parameters={k1: 0.04, k2: 3e7, k3: 1e4},
        ),
        (1.0, 0.0, 0.0),
        1e11,
        # a looser absolute tolerance lets y2 fall below zero, where the equations blow up
        1e-10,
        f"{TEST_SET}; Hairer and Wanner II, eq. (IV.1.4)",
        (0.2083340149701255e-7, 0.8333360770334713e-13, 0.9999999791665050),
    )


def _hires() -> StiffProblem:
    y = psu.states("y1:9")
    y1, y2, y3, y4, y5, y6, y7, y8 = y
    fast = 280 * y6 * y8
    return StiffProblem(
        "HIRES",
        psu.ODESystem(
            {
                y1: -1.71 * y1 + 0.43 * y2 + 8.32 * y3 + 0.0007,
                y2: 1.71 * y1 - 8.75 * y2,
                y3: -10.03 * y3 + 0.43 * y4 + 0.035 * y5,
                y4: 8.32 * y2 + 1.71 * y3 - 1.12 * y4,
                y5: -1.745 * y5 + 0.43 * y6 + 0.43 * y7,
                y6: -fast + 0.69 * y4 + 1.71 * y5 - 0.43 * y6 + 0.69 * y7,
                y7: fast - 1.81 * y7,
                y8: -fast + 1.81 * y7,
            }
        ),
        (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0057),
        321.8122,
        1e-4,
        f"{TEST_SET}; Hairer and Wanner II, sec. IV.10",
        (
            0.7371312573325668e-3, 0.1442485726316185e-3, 0.5888729740967575e-4,
            0.1175651343283149e-2, 0.2386356198831331e-2, 0.6238968252742796e-2,
            0.2849998395185769e-2, 0.2850001604814231e-2,
        ),
    )  # fmt: skip


def _orego() -> StiffProblem:
    y1, y2, y3 = psu.states("y1 y2 y3")
    s, q, w = psu.parameters("s q w")
    return StiffProblem(
        "OREGO",
        psu.ODESystem(
            {
                y1: s * (y2 + y1 * (1 - q * y1 - y2)),
                y2: (y3 - (1 + y1) * y2) / s,
                y3: w * (y1 - y3),
            },
            parameters={s: 77.27, q: 8.375e-6, w: 0.161},
        ),
        (1.0, 2.0, 3.0),
        360.0,
        1e-3,
        f"{TEST_SET}; Hairer and Wanner II, sec. IV.10",
        (0.1000814870318523e1, 0.1228178521549917e4, 0.1320554942846706e3),
        digits=1e-11,
    )


_RATES = (
    0.35, 26.6, 1.23e4, 8.6e-4, 8.2e-4, 1.5e4, 1.3e-4, 2.4e4, 1.65e4, 9e3, 0.022, 1.2e4, 1.88, 1.63e4,
    4.8e6, 3.5e-4, 0.0175, 1e8, 4.44e11, 1.24e3, 2.1, 5.78, 0.0474, 1.78e3, 3.12,
)  # fmt: skip

# species that react, then their change, for each reaction; numbers count from 1
_REACTIONS = (
    ((1,), {1: -1, 2: 1, 3: 1}), ((2, 4), {2: -1, 4: -1, 1: 1}), ((5, 2), {5: -1, 2: -1, 1: 1, 6: 1}),
    ((7,), {7: -1, 5: 2, 8: 1}), ((7,), {7: -1, 8: 1}), ((7, 6), {7: -1, 6: -1, 5: 1, 8: 1}),
    ((9,), {9: -1, 5: 1, 8: 1, 10: 1}), ((9, 6), {9: -1, 6: -1, 11: 1}),
    ((11, 2), {11: -1, 2: -1, 1: 1, 10: 1, 12: 1}), ((11, 1), {11: -1, 1: -1, 13: 1}),
    ((13,), {13: -1, 1: 1, 11: 1}), ((10, 2), {10: -1, 2: -1, 1: 1, 14: 1}),
    ((14,), {14: -1, 5: 1, 7: 1}), ((1, 6), {1: -1, 6: -1, 15: 1}), ((3,), {3: -1, 4: 1}),
    ((4,), {4: -1, 16: 1}), ((4,), {4: -1, 3: 1}), ((16,), {16: -1, 6: 2}), ((16,), {16: -1, 3: 1}),
    ((17, 6), {17: -1, 6: -1, 5: 1, 18: 1}), ((19,), {19: -1, 2: 1}), ((19,), {19: -1, 1: 1, 3: 1}),
    ((1, 4), {1: -1, 4: -1, 19: 1}), ((19, 1), {19: -1, 1: -1, 20: 1}), ((20,), {20: -1, 1: 1, 19: 1}),
)  # fmt: skip


def _pollu() -> StiffProblem:
    y = psu.states("y1:21")
    rhs: dict[sp.Symbol, sp.Expr] = dict.fromkeys(y, sp.S.Zero)
    for rate, (reactants, change) in zip(_RATES, _REACTIONS, strict=True):
        speed = rate * sp.prod(y[i - 1] for i in reactants)
        for i, n in change.items():
            rhs[y[i - 1]] += n * speed
    u0 = np.zeros(20)
    u0[[1, 3, 6, 7, 8, 16]] = 0.2, 0.04, 0.1, 0.3, 0.01, 0.007
    return StiffProblem(
        "POLLU",
        psu.ODESystem(rhs),
        tuple(u0),
        60.0,
        1e-6,
        f"{TEST_SET}; Verwer, SIAM J. Sci. Comput. 15 (1994) 1243",
        (
            0.5646255480022769e-1, 0.1342484130422339, 0.4139734331099427e-8, 0.5523140207484359e-2,
            0.2018977262302196e-6, 0.1464541863493966e-6, 0.7784249118997964e-1, 0.3245075353396018,
            0.7494013383880406e-2, 0.1622293157301561e-7, 0.1135863833257075e-7,
            0.2230505975721359e-2, 0.2087162882798630e-3, 0.1396921016840158e-4,
            0.8964884856898295e-2, 0.4352846369330103e-17, 0.6899219696263405e-2,
            0.1007803037365946e-3, 0.1772146513969984e-5, 0.5682943292316392e-4,
        ),
    )  # fmt: skip


def _vdpol() -> StiffProblem:
    y1, y2 = psu.states("y1 y2")
    mu = psu.parameters("mu")
    return StiffProblem(
        "VDPOL",
        psu.ODESystem({y1: y2, y2: mu * ((1 - y1**2) * y2 - y1)}, parameters={mu: 1e6}),
        (2.0, 0.0),
        2.0,
        1e-3,
        f"{TEST_SET}, where time runs 1000 times slower; Hairer and Wanner II, sec. IV.10",
        (0.1706167732170469e1, -0.8928097010248125),
        digits=1e-11,
    )


def brusselator(n: int = 32) -> StiffProblem:
    """The reaction with diffusion on an n x n periodic grid, disturbed from t = 1.1 on; 2 n^2 states."""
    system, u0, (_, end) = brusselator_grid.problem(n)
    return StiffProblem(
        "BRUSS", system, tuple(u0), end, 1e-2,
        "Hairer and Wanner II, sec. IV.10; grid and disturbance of SciMLBenchmarks",
    )  # fmt: skip


PROBLEMS: dict[str, Callable[[], StiffProblem]] = {
    "ROBER": _rober,
    "HIRES": _hires,
    "OREGO": _orego,
    "POLLU": _pollu,
    "VDPOL": _vdpol,
}
"""The small ones."""


@cache
def problem(name: str) -> StiffProblem:
    """The problem of that name, made once; ``"BRUSS"`` is the large one."""
    return (PROBLEMS | {"BRUSS": brusselator})[name]()
