"""Derivatives formed on tapes: against SymPy's, against differences, and at edges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, given, settings

import pysymude as psu
from pysymude.errors import EmissionError
from pysymude.plan.derivatives import derivatives
from pysymude.plan.switches import switch_form
from pysymude.plan.tape import FUNCTIONS, Operation, Tape, array_operations, build_tape
from tests.plan.random_expressions import EXPRESSIONS, NUMBERS, x, y

_OPERATIONS = array_operations(np.vectorize(math.erf, otypes=[float]))


def value(tape: Tape, *point: float) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.array(tape.run([np.float64(z) for z in point], _OPERATIONS), dtype=np.float64)


def jacobian(tape: Tape, *point: float, wrt: tuple[int, ...] = (0, 1)) -> np.ndarray:
    found, rows, columns = derivatives(tape, wrt)
    values = value(found, *point)
    n = len(tape.outputs)
    np.testing.assert_array_equal(values[:n], value(tape, *point))
    assert [*zip(rows, columns, strict=True)] == sorted({*zip(rows, columns, strict=True)})
    J = np.zeros((n, len(wrt)))
    J[rows, [wrt.index(c) for c in columns]] = values[n:]
    return J


def gradient(expr: Any, *point: float) -> list[float]:
    """Of the live form, and the same of the switch form."""
    tape = build_tape((x, y), [expr])
    live, frozen = jacobian(tape, *point), jacobian(switch_form(tape, 2).tape, *point)
    np.testing.assert_allclose(frozen, live, rtol=1e-14)
    return [float(d) for d in live[0]]


# -- against SymPy and against differences ---------------------------------------------------------

SMOOTH = [
    sp.sin(x * y), sp.cos(x) * y, sp.tan(x / 2), sp.asin(x / 3) * y, sp.acos(x / 3), sp.atan(x * y),
    sp.atan2(x, y), sp.atan2(y - 3, x * y), sp.sinh(x), sp.cosh(x - y), sp.tanh(x * y), sp.asinh(x),
    sp.acosh(2 + x**2), sp.atanh(x / 3), sp.exp(x * y), sp.log(1 + x**2 * y**2), sp.erf(x - y),
    sp.Abs(x * y), sp.Min(x, y, 0.3), sp.Max(x, y**2), sp.Max(x * y, x + y, 0.1), sp.sqrt(1 + x * x),
    sp.Piecewise((x**2, x > y), (y * x, True)), sp.Piecewise((x, (x > 0) & (y > 0)), (y**3, True)),
    x**3 * y**-2, 1 / x, x / (2 + y), (1 + x**2) ** 0.3, (2 + x) ** y, 2**x, x * y + x, -x, 3 * x - x,
    sp.sign(x) * y, sp.Heaviside(x) * x * y, (x + y) ** 5, sp.sqrt(3 + x) ** 3, 1 / sp.sqrt(3 + y),
]  # fmt: skip


@pytest.mark.parametrize("expr", SMOOTH, ids=str)
@pytest.mark.parametrize("point", [(0.7, 1.4), (-1.1, 0.6), (0.35, -1.3)])
def test_gradients_equal_central_differences(expr: sp.Expr, point: tuple[float, float]):
    tape = build_tape((x, y), [expr])
    h = 1e-6
    moves = [(h, 0.0), (0.0, h)]
    up = [value(tape, *(np.array(point) + d)) for d in moves]
    down = [value(tape, *(np.array(point) - d)) for d in moves]
    expected = [float((a - b)[0]) / (2 * h) for a, b in zip(up, down, strict=True)]
    assume_finite = np.isfinite(expected).all()
    assert assume_finite
    assert gradient(expr, *point) == pytest.approx(expected, rel=1e-7, abs=1e-8)


def test_these_are_all_functions():
    used = {op.name for op in build_tape((x, y), SMOOTH).operations}
    logic = {"lt", "le", "ge", "eq", "ne", "or", "not"}
    assert {*FUNCTIONS.values()} - logic <= used


@settings(max_examples=150, deadline=None)
@given(expr=EXPRESSIONS, u=NUMBERS, v=NUMBERS)
def test_random_gradients_equal_those_of_sympy(expr: sp.Expr, u: float, v: float):
    assume(not expr.has(sp.zoo, sp.nan, sp.oo) and expr.count_ops() < 80)
    symbolic = [expr.diff(x), expr.diff(y)]
    assume(not any(d.has(sp.DiracDelta, sp.Derivative, sp.zoo, sp.nan) for d in symbolic))
    expected = value(build_tape((x, y), symbolic), u, v)
    near = value(build_tape((x, y), symbolic), u + 1e-9, v - 1e-9)
    assume(np.allclose(expected, near, rtol=1e-6, atol=1e-6) and np.abs(expected).max() < 1e6)
    np.testing.assert_allclose(gradient(expr, u, v), expected, rtol=1e-9, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(a=EXPRESSIONS, b=EXPRESSIONS, c=EXPRESSIONS)
def test_outputs_that_share_their_parts(a: sp.Expr, b: sp.Expr, c: sp.Expr):
    exprs = [a * b, b * c + a, a, sp.exp(-(b**2)) * sp.tanh(a + c), a * b]
    assume(not any(e.has(sp.zoo, sp.nan, sp.oo) or e.count_ops() > 150 for e in exprs))
    tape = build_tape((x, y), exprs)
    point = (0.37, -1.21)
    together = jacobian(tape, *point)
    alone = np.vstack([jacobian(build_tape((x, y), [e]), *point) for e in exprs])
    np.testing.assert_allclose(together, alone, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("expr", SMOOTH, ids=str)
def test_a_tape_of_derivatives_has_derivatives(expr: sp.Expr):
    point, h = (0.7, 1.4), 1e-6
    first, _, columns = derivatives(switch_form(build_tape((x, y), [expr]), 2).tape, (0, 1))
    if len(columns) == 0:
        return
    found = jacobian(first, *point)
    for k, d in enumerate(h * np.eye(2)):
        slopes = (value(first, *(np.array(point) + d)) - value(first, *(np.array(point) - d))) / (
            2 * h
        )
        np.testing.assert_allclose(found[:, k], slopes, rtol=1e-6, atol=1e-7)


# -- edges -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "point", "expected"),
    [
        (sp.sqrt(x), (0, 0), (0, 0)),  # an infinite slope counts as 0
        (sp.sqrt(sp.Max(x, 0)) * y, (0, 2), (0, 0)),
        (sp.sqrt(sp.Max(x, 0)) * y, (-1, 2), (0, 0)),
        (sp.Max(x, 0) ** sp.Rational(3, 2), (0, 0), (0, 0)),
        (sp.Max(x, 0) ** 1.5 * y, (0, 2), (0, 0)),
        (x**0.5, (0, 0), (0, 0)),
        (x**1.5, (0, 0), (0, 0)),
        (x**y, (0, 2), (0, 0)),
        (x**y, (0, 1), (1, 0)),
        (sp.acos(x), (1, 0), (0, 0)),
        (sp.asin(x), (-1, 0), (0, 0)),
        (sp.acosh(x), (1, 0), (0, 0)),
        (sp.exp(-1 / x**2), (0, 0), (0, 0)),
        (sp.exp(-1 / x**2), (1e-160, 0), (0, 0)),
        (sp.tanh(1 / x) * y, (0, 3), (0, 1)),
        (sp.sqrt(x**2 + y**2), (0, 0), (0, 0)),
        (x * sp.sqrt(x**2 + y**2), (0, 0), (0, 0)),
        (sp.atan2(y, x), (0, 0), (0, 0)),
        (sp.Max(x, 0), (0, 0), (0, 0)),  # the constant side
        (sp.Min(0, x), (0, 0), (0, 0)),
        (sp.Min(2, x) * y, (2, 1), (0, 2)),
        (sp.Max(x, 0) * 3, (1e-300, 0), (3, 0)),
        (sp.Abs(x), (0, 0), (0, 0)),
        # what stands in a branch that is not taken
        (sp.Piecewise((y * sp.sqrt(x - 1), x > 1), (y, True)), (0, 3), (0, 1)),
        (sp.Piecewise((sp.log(x) * y, x > 0), (0, True)), (-1, 3), (0, 0)),
        (sp.Piecewise((sp.log(1 + sp.exp(x)), x < 30), (x, True)), (800, 0), (1, 0)),
        (sp.Piecewise((1 / x + (x - y) ** 0.5, x > 0), (x * y, True)), (0, 3), (3, 0)),
        (sp.Piecewise((sp.sin(x) / x, sp.Ne(x, 0)), (1, True)), (0, 0), (0, 0)),
    ],
    ids=str,
)
def test_slopes_are_finite_at_edges(expr: sp.Expr, point: Any, expected: Any):
    if expr.has(sp.Abs):  # 0 in both forms
        assert np.isfinite(gradient(expr, *point)).all()
    assert gradient(expr, *point) == [*expected]


# -- structure -------------------------------------------------------------------------------------


def test_only_what_may_differ_from_zero_is_formed():
    tape = build_tape((x, y), [x + 2, sp.Integer(3), y * x, y, sp.Piecewise((1, x > 0), (2, True))])
    _, rows, columns = derivatives(tape, (0, 1))
    assert [*zip(rows, columns, strict=True)] == [(0, 0), (2, 0), (2, 1), (3, 1)]
    _, rows, columns = derivatives(tape, (1,))
    assert [*zip(rows, columns, strict=True)] == [(2, 1), (3, 1)]
    found, rows, columns = derivatives(build_tape((x, y), [sp.sign(x)]), (0, 1))
    assert rows.dtype == columns.dtype == np.int64
    assert (len(rows), len(found.outputs)) == (0, 1)


def test_what_cancels_is_left_out():
    inputs = Operation("input", data=0), Operation("const", data=-1.0)
    less = Operation("mul", (1, 0)), Operation("add", (0, 2))
    assert len(derivatives(Tape(("x",), (*inputs, *less), (3,)), (0,))[1]) == 0


def test_all_operations_are_different_and_needed():
    u = psu.states("u0:12")
    rates = [u[i] * u[(i + 1) % 12] / (2 + u[(i + 2) % 12]) for i in range(12)]
    tape = build_tape(u, [rates[i] - 2 * rates[i - 1] for i in range(12)])
    found, rows, _ = derivatives(tape, range(12))
    assert len(set(found.operations)) == len(found.operations)
    assert all(found.needed)
    assert len(rows) == 12 * 4
    assert len(found.operations) < 3 * len(tape.operations)


def test_work_that_outputs_share_is_done_once():
    # one long chain that every output reads: forward; many inputs and one output: backward
    u = psu.states("u0:40")
    deep = u[0]
    for _ in range(100):
        deep = sp.sin(deep + 1)
    tape = build_tape(u, [v * deep for v in u])
    found, rows, _ = derivatives(tape, range(40))
    assert len(rows) == 79
    assert len(found.operations) < len(tape.operations) + 400
    wide = build_tape(u, [sp.exp(sp.Add(*(v**3 for v in u)))])
    assert len(derivatives(wide, range(40))[0].operations) < 4 * len(wide.operations)


# -- networks --------------------------------------------------------------------------------------

nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=(3,))


def hooks(tape: Tape, *point: float) -> np.ndarray:
    w = nn.initial_weights(3) + 0.1
    made = [
        lambda _, z, f=f: np.moveaxis(f(w, np.array(z)), 0, 0)
        for f in (nn.forward, nn.jacobian, nn.hessian)
    ]
    return np.array(tape.run([np.float64(z) for z in point], _OPERATIONS, *made))


def test_networks_are_differentiated_twice():
    exprs = [nn[0] * x, nn[1] + sp.sin(nn(x * y, y + nn[0])[0]), nn[0] * nn[1]]
    tape = build_tape((x, y), exprs)
    first, rows, columns = derivatives(tape, (0, 1))
    symbolic = build_tape(
        (x, y), [exprs[r].diff((x, y)[c]) for r, c in zip(rows, columns, strict=True)]
    )
    np.testing.assert_allclose(hooks(first, 0.4, 0.8)[3:], hooks(symbolic, 0.4, 0.8), rtol=1e-12)
    second, rows2, columns2 = derivatives(first, (0, 1))
    values = hooks(second, 0.4, 0.8)[len(first.outputs) :]
    h = 1e-6
    for row, column, found in zip(rows2, columns2, values, strict=True):
        d = h * np.eye(2)[column]
        point = np.array([0.4, 0.8])
        slope = (hooks(first, *(point + d)) - hooks(first, *(point - d)))[row] / (2 * h)
        assert found == pytest.approx(slope, rel=1e-6, abs=1e-8)
    assert {op.data[1:] for op in second.operations if op.name == "item" and np.size(op.data) == 3} == {
        (0, 0), (0, 1), (1, 1)
    }  # fmt: skip
    with pytest.raises(EmissionError, match="third derivative of network nn"):
        derivatives(second, (0, 1))
