"""Laws beyond products and logarithms: Darboux polynomials, antiderivatives, special values, many states."""

import pytest
import sympy as sp

import pysymude as psu
from pysymude.errors import InvalidInputError
from pysymude.symbolic.exact.normal_form import normal_form
from pysymude.symbolic.exact.polynomials import ExactField
from pysymude.symbolic.laws.darboux import darboux_polynomials
from pysymude.symbolic.proof.certificate import lie_derivative_of, vanishes

x, y, z = psu.states("x y z")
a, b, sigma, rho, beta = psu.parameters("a b sigma rho beta")
t = psu.t
r2 = x**2 + y**2

WIDER = [
    ("bounded force", {x: y, y: -1 / (1 + x**2)}, y**2 + 2 * sp.atan(x)),
    ("soft spring", {x: y, y: -1 / sp.sqrt(1 + x**2)}, y**2 + 2 * sp.asinh(x)),
    ("atan spring", {x: y, y: -sp.atan(x)}, y**2 + 2 * x * sp.atan(x) - sp.log(1 + x**2)),
    ("tangent", {x: 1 + x**2}, t - sp.atan(x)),
    ("gompertz", {x: a * x * sp.log(b / x)}, a * t + sp.log(sp.log(b / x))),
    ("bernoulli", {x: a * x - b * x**3}, 2 * a * t - 2 * sp.log(x) + sp.log(b * x**2 - a)),
    ("limit cycle", {x: -y + x * (1 - r2), y: x + y * (1 - r2)}, 2 * t + sp.log((r2 - 1) / r2)),
    ("rational", {x: x**2, y: x * y + y**2}, x / y + sp.log(x)),
    ("invariant line", {x: x * (1 + x + 2 * y), y: y * (2 + x + 2 * y)},
     2 * sp.log(x) - sp.log(y) - sp.log(1 + x + y)),
]  # fmt: skip


@pytest.mark.parametrize(("rhs", "law"), [case[1:] for case in WIDER], ids=[c[0] for c in WIDER])
def test_wider_families(rhs, law):
    laws = psu.first_integrals(psu.ODESystem(rhs))
    assert laws
    assert all(one.certificate.check() for one in laws)
    # the same level sets: the ratio of the gradients is one function
    symbols = [*rhs, t]
    known = sp.Matrix([law.diff(s) for s in symbols])
    gradients = [sp.Matrix([one.expr.diff(s) for s in symbols]) for one in laws]
    assert any(
        all(vanishes(mine[i] * known[j] - mine[j] * known[i]) for j in range(len(symbols)))
        for mine in gradients
        for i in range(len(symbols))
        if mine[i] != 0
    )
    assert not vanishes(lie_derivative_of(law + x, {t: 1, **rhs}))


def test_darboux_polynomials_of_the_plane_are_complete_to_degree_two():
    form = normal_form(psu.ODESystem({x: -y + x * (1 - r2), y: x + y * (1 - r2)}))
    found = darboux_polynomials(form, ExactField(form), float("inf"))
    assert {sp.expand(p) for p in found} == {r2, r2 - 1}
    generic = normal_form(psu.ODESystem({x: 1 + x * y, y: x - y**2 + 2}))
    assert darboux_polynomials(generic, ExactField(generic), float("inf")) == []


def test_a_law_at_special_values_says_so():
    rhs = {x: sigma * (y - x), y: rho * x - y - x * z, z: x * y - beta * z}
    special = {sigma: sp.Rational(1, 2), rho: 28, beta: 1}
    laws = psu.first_integrals(psu.ODESystem(rhs, parameters=special))
    (law,) = laws
    assert law.values == special
    assert "at sigma = 1/2, rho = 28, beta = 1" in repr(laws)
    assert law.certificate.check()
    assert not vanishes(lie_derivative_of(law.expr, {t: 1, **rhs}))
    assert not psu.first_integrals(psu.ODESystem(rhs, parameters={sigma: 10, rho: 28, beta: 3}))
    assert not psu.first_integrals(psu.ODESystem(rhs))


def test_general_laws_do_not_repeat_at_special_values():
    rhs = {x: -a * x * y, y: a * x * y - b * y, z: b * y}
    assert [
        law.values for law in psu.first_integrals(psu.ODESystem(rhs, parameters={a: 1, b: 2}))
    ] == [
        {},
        {},
    ]


def test_many_states_have_their_sums_derived():
    chain = psu.states("c1:31")
    rate = psu.MLP("nn", inputs=[chain[0]], outputs=1, hidden=2)
    flows = [a * chain[i] * chain[i + 1] for i in range(28)]
    rhs = dict.fromkeys(chain, sp.S.Zero)
    for i, flow in enumerate(flows):
        rhs[chain[i]] -= flow
        rhs[chain[i + 1]] += flow
    rhs[chain[28]] -= rate[0]
    rhs[chain[29]] += rate[0] * 2
    (law,) = psu.first_integrals(psu.ODESystem(rhs))
    assert law.expr == 2 * sp.Add(*chain[:29]) + chain[29]
    assert law.certificate.check()


def test_relations_between_roots_are_no_laws():
    # sqrt((x - y)^2 + 1) and sqrt((y - x)^2 + 1) are one function
    one, other = sp.sqrt((x - y) ** 2 + 1), sp.sqrt((y - x) ** 2 + 1)
    system = psu.ODESystem({x: one, y: other, z: x})
    laws = psu.first_integrals(system, degree=1, time_dependent=False)
    assert [law.expr for law in laws] == [x - y]


def test_a_budget_must_be_a_time():
    for budget in (0, -1.0, float("nan")):
        with pytest.raises(InvalidInputError, match="budget must be a positive number of seconds"):
            psu.first_integrals(psu.ODESystem({x: y, y: -x}), budget=budget)


def test_a_learned_hamiltonian_is_conserved():
    energy = psu.MLP("H", inputs=[x, y], outputs=1, hidden=4)
    system = psu.hamiltonian_system(energy[0], x, y)
    assert system.is_universal
    assert psu.is_first_integral(energy[0], system).holds
    assert not psu.is_first_integral(energy[0] + x, system).holds


def test_planes_of_affine_fields_with_states_that_rest():
    """Left eigenvectors: of x' = 10 x + 1 + z and y' = 18 y + 2 w with w' = x', for 10 and 18.

    A = 10 x + z + 1 has the cofactor 10. With w' = A, B = y + w/9 + A/72 has B' = 18 y + 2 w + A/9 + A 10/72
    = 18 B. So A^9 / B^5 is constant, beside z and w - x.
    """
    w = sp.Symbol("w", real=True)
    system = psu.ODESystem({x: 10 * x + 1 + z, y: 18 * y + 2 * w, z: sp.S.Zero, w: 10 * x + 1 + z})
    laws = psu.first_integrals(system, time_dependent=False)
    assert len(laws) == 3
    A = 10 * x + z + 1
    known = 9 * sp.log(A) - 5 * sp.log(72 * y + 8 * w + A)
    assert any(sp.simplify(law.expr - known) == 0 for law in laws)
