"""Laws whose frequencies are square roots in square roots, and what is said where no square roots suffice."""

import numpy as np
import pytest
import scipy.linalg
import sympy as sp
from sympy import sqrt

import pysymude as psu

t = psu.t
x, y, u, v, z = psu.states("x y u v z")

# right-hand sides; all eigenvalues are square roots in square roots
LINEAR = {
    "s^4 + 5 s^2 + 5": {x: u, y: v, u: -3 * x + y, v: x - 2 * y},
    "golden frequencies": {x: u, y: v, u: -2 * x + y, v: x - y},
    "roots in the system": {x: u, y: v, u: -sqrt(2) * x + y, v: x - 3 * y},
    "s^4 + 4 s^2 + 2, gyroscopic": {x: u, y: v, u: v - x, v: -u - 2 * y},
    "one pair real, one not": {x: u, y: v, u: 2 * x + y, v: x - y},
    "damped": {x: u, y: v, u: -2 * x + y - u, v: x - y - v},
    "s^4 + 1": {x: y, y: u, u: v, v: -x},
    "s^4 + 2: a fourth root": {x: y, y: u, u: v, v: -2 * x},
    "s^4 + 2 s^2 - 4 s + 2": {x: y, y: u, u: v, v: -2 * x + 4 * y - 2 * u},
    # (s^2 + i s + 1 + i) times its conjugate: the resolvent's only rational root is negative
    "s^4 + 3 s^2 + 2 s + 2": {x: y, y: u, u: v, v: -2 * x - 2 * y - 3 * u},
    "a real root": {x: y, y: (-9 + 32 * sqrt(2)) * x},
    "a frequency": {x: y, y: (9 - 32 * sqrt(2)) * x},
    "a damped frequency": {x: y, y: -sqrt(2) * x - y},
}


def along(rhs, times):
    """The solution of a linear system at some times, by the exponential of its matrix."""
    states = list(rhs)
    A = np.array(sp.Matrix(list(rhs.values())).jacobian(states).evalf(), dtype=float)
    start = np.array([0.7, -0.4, 1.1, 0.6][: len(states)])
    return states, [scipy.linalg.expm(A * s) @ start for s in times]


@pytest.mark.parametrize("name", LINEAR)
def test_all_laws_of_a_linear_system_are_real_and_hold(name):
    rhs, times = LINEAR[name], [0.0, 0.4, 1.3]
    laws = psu.first_integrals(psu.ODESystem(rhs), budget=30)
    assert len(laws) == len(rhs)
    states, points = along(rhs, times)
    for law in laws:
        assert law.certificate.check()
        assert not law.certificate.law.has(sp.I)
        value = sp.lambdify((t, *states), law.expr)
        values = np.array([value(s, *p) for s, p in zip(times, points, strict=True)])
        # NumPy's square root of a negative number is no number
        assert np.all(np.isfinite(values))
        assert np.isrealobj(values)
        assert np.ptp(values) < 1e-9 * (1 + np.abs(values).max())
    gradients = sp.Matrix([law.expr for law in laws]).jacobian(states)
    numbers = gradients.subs({t: 0.3, **dict(zip(states, points[1], strict=True))}).evalf()
    assert np.linalg.matrix_rank(np.array(numbers, dtype=float), tol=1e-6) == len(rhs)


def test_a_law_with_another_frequency_is_refused():
    rhs = LINEAR["s^4 + 5 s^2 + 5"]
    laws = psu.first_integrals(psu.ODESystem(rhs), budget=30)
    law = next(law for law in laws if law.expr.has(t))
    wrong = law.expr.xreplace({sqrt(5): sqrt(6)})
    assert wrong != law.expr
    assert not psu.is_first_integral(wrong, psu.ODESystem(rhs))


def test_laws_of_an_irreducible_cubic_are_left_out_in_words():
    # s^3 - 3 s + 1 has three real roots, none of which real square and cube roots give; their sum is 0, so
    # that the product of the three linear functions is a law without any root
    system = psu.ODESystem({x: y, y: z, z: 3 * y - x})
    laws = psu.first_integrals(system, budget=30)
    (left,) = [span.left_out for span in laws.searched if span.left_out]
    assert "s**3 - 3*s + 1" in left
    assert left in repr(laws)
    assert not laws.complete
    roots = np.roots([1, 0, -3, 1])
    # w A = s w for the rows w = (-1/s, s, 1) of the companion matrix
    product = sp.expand(sp.Mul(*(z + s * y - x / s for s in roots)))
    (law,) = laws
    ratio = sp.Poly(law.expr, x, y, z).coeff_monomial(z**3)
    difference = sp.Poly(sp.expand(law.expr - ratio * product), x, y, z)
    assert max(abs(complex(c)) for c in difference.coeffs()) < 1e-9


def test_what_was_left_out_is_kept_in_files(tmp_path):
    laws = psu.first_integrals(psu.ODESystem({x: y, y: z, z: 3 * y - x}), budget=30)
    laws.save(tmp_path / "laws.json")
    assert psu.LawSet.load(tmp_path / "laws.json").searched == laws.searched
