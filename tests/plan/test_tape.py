"""Tapes: the same numbers as SymPy's own evaluation, for every function that is allowed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import pysymude as psu
from pysymude.errors import EmissionError
from pysymude.plan.compiled import compile_system
from pysymude.plan.numeric import NumericModel
from pysymude.plan.tape import FUNCTIONS, Tape, array_operations, build_tape
from tests.plan.random_expressions import EXPRESSIONS, NUMBERS, x, y

SYMBOLS = x, y
_OPERATIONS = array_operations(np.vectorize(math.erf, otypes=[float]))


def value(tape: Tape, *point: float) -> list[float]:
    with np.errstate(all="ignore"):
        return [float(f) for f in tape.run([np.float64(z) for z in point], _OPERATIONS)]


def exact(expr: sp.Basic, *point: float) -> sp.Basic:
    """By SymPy alone, with 30 digits."""
    found = expr.subs({s: sp.Float(z, 30) for s, z in zip(SYMBOLS, point, strict=True)})
    return found.evalf(30) if isinstance(found, sp.Expr) else found


# -- every allowed function by itself ------------------------------------------------------------

# one expression per function, and where to look at it
EXAMPLES: dict[type[sp.Basic], tuple[sp.Basic, tuple[tuple[float, float], ...]]] = {
    sp.sin: (sp.sin(x), ((0.7, 0), (-11.0, 0))),
    sp.cos: (sp.cos(x), ((0.7, 0), (-11.0, 0))),
    sp.tan: (sp.tan(x), ((0.7, 0), (-1.2, 0))),
    sp.asin: (sp.asin(x), ((0.7, 0), (-0.9, 0))),
    sp.acos: (sp.acos(x), ((0.7, 0), (-0.9, 0))),
    sp.atan: (sp.atan(x), ((0.7, 0), (-30.0, 0))),
    # all four quadrants
    sp.atan2: (sp.atan2(x, y), ((0.5, 2.0), (0.5, -2.0), (-0.5, 2.0), (-0.5, -2.0))),
    sp.sinh: (sp.sinh(x), ((0.7, 0), (-3.0, 0))),
    sp.cosh: (sp.cosh(x), ((0.7, 0), (-3.0, 0))),
    sp.tanh: (sp.tanh(x), ((0.7, 0), (-3.0, 0))),
    sp.asinh: (sp.asinh(x), ((0.7, 0), (-3.0, 0))),
    sp.acosh: (sp.acosh(x), ((1.3, 0), (5.0, 0))),
    sp.atanh: (sp.atanh(x), ((0.7, 0), (-0.4, 0))),
    sp.exp: (sp.exp(x), ((0.7, 0), (-9.0, 0))),
    sp.log: (sp.log(x), ((0.7, 0), (9.0, 0))),
    sp.erf: (sp.erf(x), ((0.7, 0), (-2.0, 0))),
    sp.Abs: (sp.Abs(x), ((0.7, 0), (-2.0, 0))),
    sp.sign: (sp.sign(x), ((0.7, 0), (-2.0, 0), (0.0, 0))),
    sp.Min: (sp.Min(x, y, 0.3), ((0.7, 0.5), (-1.0, 0.5), (0.7, -3.0))),
    sp.Max: (sp.Max(x, y, 0.3), ((0.7, 0.5), (-1.0, 0.1), (0.7, 3.0))),
    sp.Heaviside: (sp.Heaviside(x), ((0.7, 0), (-2.0, 0), (0.0, 0))),
    sp.StrictLessThan: (x < y, ((1.0, 2.0), (2.0, 1.0), (1.0, 1.0))),
    sp.LessThan: (x <= y, ((1.0, 2.0), (2.0, 1.0), (1.0, 1.0))),
    sp.StrictGreaterThan: (x > y, ((1.0, 2.0), (2.0, 1.0), (1.0, 1.0))),
    sp.GreaterThan: (x >= y, ((1.0, 2.0), (2.0, 1.0), (1.0, 1.0))),
    sp.Equality: (sp.Eq(x, y), ((1.0, 2.0), (1.0, 1.0))),
    sp.Unequality: (sp.Ne(x, y), ((1.0, 2.0), (1.0, 1.0))),
    sp.And: ((x > 0) & (y > 0), ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0))),
    sp.Or: ((x > 0) | (y > 0), ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0))),
    sp.Not: (sp.Not(sp.Eq(x, y) & (x > 0)), ((1.0, 1.0), (1.0, 2.0), (-1.0, -1.0))),
}


def test_every_function_has_an_example():
    assert set(EXAMPLES) == set(FUNCTIONS)
    for function, (expr, _) in EXAMPLES.items():
        assert expr.atoms(function), f"{expr} does not contain {function.__name__}"
        used = {op.name for op in build_tape(SYMBOLS, [as_number(expr)]).operations}
        assert FUNCTIONS[function] in used


def as_number(expr: sp.Basic) -> sp.Expr:
    """Conditions as 1 and 0, so that they can be compared as numbers."""
    if isinstance(expr, sp.Expr):
        return expr
    return sp.Piecewise((1, expr), (0, True), evaluate=False)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_each_function_equals_sympy(function: type[sp.Basic]):
    expr, points = EXAMPLES[function]
    for point in points:
        expected = exact(expr, *point)
        if not isinstance(expr, sp.Expr):
            expected = 1.0 if expected else 0.0
        (found,) = value(build_tape(SYMBOLS, [as_number(expr)]), *point)
        assert found == pytest.approx(float(expected), rel=1e-14, abs=1e-15)


def test_heaviside_at_zero_is_a_half_as_in_sympy():
    assert value(build_tape(SYMBOLS, [sp.Heaviside(x)]), 0.0, 0.0) == [0.5]
    assert sp.Heaviside(0) == sp.Rational(1, 2)


@pytest.mark.parametrize(
    "expr",
    [
        x**2, x**-3, x**7, sp.sqrt(x), 1 / sp.sqrt(x), x ** sp.Rational(5, 2), x ** sp.Rational(1, 3),
        x**0.3, x**y, 2**x, x**65, x**sp.pi, sp.exp(-(x**2)), sp.E**y,
        sp.Piecewise((x, x > 1), (y, x > 0.5), (x * y, True)),
        sp.Piecewise((x, (x > 1) | (y > 1)), (sp.log(x), True)),
        x + y + x * y + 3, sp.pi * x, sp.sqrt(2) * y, sp.Rational(1, 3) * x, sp.S(7),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("point", [(0.4, 1.7), (0.8, 0.3), (1.6, 0.9)])
def test_powers_and_pieces_equal_sympy(expr: sp.Expr, point: tuple[float, float]):
    (found,) = value(build_tape(SYMBOLS, [expr]), *point)
    assert found == pytest.approx(float(exact(expr, *point)), rel=1e-13)


# -- random expressions ----------------------------------------------------------------------------


def well_conditioned(expr: sp.Expr, point: tuple[float, float]) -> float | None:
    """The exact value, where the float64 nearest to the point determines it; else None."""
    here = exact(expr, *point)
    near = [exact(expr, point[0] + d, point[1] - d) for d in (1e-9, -1e-9)]
    for v in (here, *near):
        if not (v.is_number and v.is_real) or not abs(v) < 1e6:
            return None
    moves = max(abs(float(v - here)) for v in near)
    return float(here) if moves < 1e-6 * (1 + abs(float(here))) else None


@settings(max_examples=150, deadline=None)
@given(expr=EXPRESSIONS, point=st.tuples(NUMBERS, NUMBERS))
def test_random_expressions_equal_sympy(expr: sp.Expr, point: tuple[float, float]):
    assume(not expr.has(sp.zoo, sp.nan, sp.oo) and expr.count_ops() < 80)
    expected = well_conditioned(expr, point)
    assume(expected is not None)
    (found,) = value(build_tape(SYMBOLS, [expr]), *point)
    assert found == pytest.approx(expected, rel=1e-10, abs=1e-10)


@settings(max_examples=40, deadline=None)
@given(a=EXPRESSIONS, b=EXPRESSIONS)
def test_two_outputs_on_one_tape_are_what_they_are_alone(a: sp.Expr, b: sp.Expr):
    assume(not (a + b).has(sp.zoo, sp.nan, sp.oo) and (a + b).count_ops() < 120)
    point = (0.37, -1.21)
    together = value(build_tape(SYMBOLS, [a, b, a]), *point)
    alone = [*value(build_tape(SYMBOLS, [a]), *point), *value(build_tape(SYMBOLS, [b]), *point)]
    np.testing.assert_array_equal(together, [*alone, alone[0]])


def test_nothing_is_computed_twice():
    inner = sp.sin(x * y) + sp.exp(x)
    tape = build_tape(SYMBOLS, [inner**2, sp.log(1 + inner**2), inner])
    names = [op.name for op in tape.operations]
    assert names.count("sin") == names.count("exp") == names.count("ipow") == 1
    assert len(set(tape.operations)) == len(tape.operations)


# -- Jacobians ---------------------------------------------------------------------------------------

SMOOTH = (
    (x * sp.exp(-y) + sp.sin(psu.t) * y**3, sp.tanh(x * y) / (1 + x**2)),
    (sp.sqrt(1 + x**2) * psu.t, sp.atan2(y, 2 + x) - sp.log(3 + sp.cos(y)) * x**-2),
    (sp.erf(x - y) + sp.asinh(x) ** 2, sp.Piecewise((x**2, x > y), (y * x, True))),
)


@pytest.mark.parametrize("rhs", SMOOTH, ids=["products", "roots", "pieces"])
def test_the_jacobian_equals_central_differences(rhs: tuple[sp.Expr, sp.Expr]):
    _check_jacobian(psu.ODESystem({x: rhs[0], y: rhs[1]}))


@pytest.mark.parametrize(
    "activation", ["tanh", "softplus", "gelu", "swish", "relu", "sigmoid", "rbf", "identity"]
)
def test_the_jacobian_through_a_network_equals_central_differences(activation: str):
    nn = psu.MLP(
        "nn", inputs=[x * y, sp.exp(-x), psu.t], outputs=2, hidden=(4, 3), activation=activation,
        input_scaling=((0.1, 0.2, 0.3), (1.5, 0.5, 2.0)), output_scaling=((0.5, 0.0), (2.0, 3.0)),
    )  # fmt: skip
    # the network twice, at different inputs, and inside another function
    system = psu.ODESystem({x: x * nn[0] ** 2 - y, y: sp.sin(nn(y, x, psu.t)[1]) + nn[1]})
    _check_jacobian(system)


def _check_jacobian(system: psu.ODESystem) -> None:
    plan = compile_system(system)
    rng = np.random.default_rng(5)
    model = NumericModel(plan, np.zeros(0), rng.normal(size=plan.layout.size))
    for u in rng.uniform(0.3, 1.7, size=(5, 2)):
        J = model.jacobian(0.6, u)
        h = 1e-5
        differences = np.stack(
            [(model.rhs(0.6, u + d) - model.rhs(0.6, u - d)) / (2 * h) for d in h * np.eye(2)],
            axis=1,
        )
        np.testing.assert_allclose(J, differences, rtol=1e-7, atol=1e-7)
        assert not np.allclose(J * 1.001, differences, rtol=1e-7, atol=1e-7)
        slope = model.evaluate(plan.time_gradient, 0.6, u)
        in_time = (model.rhs(0.6 + h, u) - model.rhs(0.6 - h, u)) / (2 * h)
        np.testing.assert_allclose(slope, in_time, rtol=1e-7, atol=1e-7)


# -- what a tape refuses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (sp.gamma(x), "gamma"),
        (sp.Function("w")(x), "unknown function"),
        (sp.Symbol("z"), "neither a state"),
        (sp.oo, "not a finite real number"),
        (sp.I * 2, "not a finite real number"),
        (sp.log(-1), "not a finite real number"),
        (sp.Piecewise((x, x > 0)), "not defined everywhere"),
        (sp.Integral(sp.sin(x**3), x), "Integral"),
    ],
    ids=str,
)
def test_what_has_no_value_is_refused_by_name(expr: sp.Expr, message: str):
    with pytest.raises(EmissionError, match=message) as caught:
        build_tape(SYMBOLS, [x + expr])
    assert caught.value.node is not None
