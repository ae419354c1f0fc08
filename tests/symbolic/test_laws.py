"""First integrals: a catalogue from mechanics, chemistry and biology, and systems without any."""

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.errors import DerivationError, InvalidInputError
from pysymude.symbolic.proof.certificate import Certificate, lie_derivative_of, vanishes
from tests.symbolic.searched import Searched

x, y, z, w = psu.states("x y z w")
a, b, c, d = psu.parameters("a b c d")
q = psu.states("q1:4")
p = psu.states("p1:4")
t = psu.t
R = sp.Rational


def hamiltonian(H, n):
    rhs = {q[i]: sp.diff(H, p[i]) for i in range(n)} | {p[i]: -sp.diff(H, q[i]) for i in range(n)}
    return psu.ODESystem(rhs)


def kinetic(n):
    return sum(v**2 for v in p[:n]) / 2


def distance(n):
    return sp.sqrt(sum(v**2 for v in q[:n]))


toda = sp.exp(q[0] - q[1]) + sp.exp(q[1] - q[2]) + sp.exp(q[2] - q[0])
nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=3)
infection = psu.MLP("nn", inputs=[x, y], outputs=1, hidden=3)
force = psu.MLP("nn", inputs=[q[0] ** 2 + q[1] ** 2], outputs=1, hidden=3)
pendulums = (
    (p[0] ** 2 + 2 * p[1] ** 2 - 2 * p[0] * p[1] * sp.cos(q[0] - q[1]))
    / (2 * (1 + sp.sin(q[0] - q[1]) ** 2))
    - 2 * sp.cos(q[0])
    - sp.cos(q[1])
)

# name, system, keywords, number of independent laws, one law that must follow from those found
CATALOGUE = [
    ("lotka-volterra", {x: a * x - b * x * y, y: -c * y + d * x * y}, {}, 1,
     d * x - c * sp.log(x) + b * y - a * sp.log(y)),
    ("lotka-volterra-numbers", {x: 1.3 * x - 0.9 * x * y, y: -1.8 * y + 0.8 * x * y}, {}, 1,
     0.8 * x - 1.8 * sp.log(x) + 0.9 * y - 1.3 * sp.log(y)),
    ("food-chain", {x: x * (a - b * y), y: y * (-c + d * x - w * 0 - z), z: z * (y - a)}, {}, 1, None),
    ("robertson", {x: -0.04 * x + 1e4 * y * z, y: 0.04 * x - 1e4 * y * z - 3e7 * y**2, z: 3e7 * y**2},
     {"degree": 2}, 1, x + y + z),
    ("rigid-body", {x: (b - c) / (b * c) * y * z, y: (c - a) / (a * c) * x * z, z: (a - b) / (a * b) * x * y},
     {}, 2, x**2 + y**2 + z**2),
    ("sir", {x: -a * x * y, y: a * x * y - b * y, z: b * y}, {}, 2, x + y - b / a * sp.log(x)),
    ("michaelis-menten", {x: -a * x * y + b * z, y: -a * x * y + (b + c) * z, z: a * x * y - (b + c) * z,
                          w: c * z}, {"degree": 2}, 2, x + z + w),
    ("kepler-2d", hamiltonian(kinetic(2) - a / distance(2), 2), {}, 3,
     kinetic(2) - a / distance(2)),
    ("kepler-3d", hamiltonian(kinetic(3) - 1 / distance(3), 3), {}, 5, q[0] * p[1] - q[1] * p[0]),
    ("henon-heiles", hamiltonian(kinetic(2) + (q[0] ** 2 + q[1] ** 2) / 2 + q[0] ** 2 * q[1] - q[1] ** 3 / 3, 2),
     {"degree": 4}, 1, None),
    ("toda-3", hamiltonian(kinetic(3) + toda, 3), {"degree": 3, "time_dependent": False}, 3, None),
    ("pendulum", {x: y, y: -sp.sin(x)}, {}, 1, y**2 / 2 - sp.cos(x)),
    ("double-pendulum", hamiltonian(pendulums, 2), {"degree": 5, "time_dependent": False}, 1, None),
    ("damped-oscillator", {x: y, y: -5 * x - 2 * y}, {}, 2, None),
    ("damped-oscillator-symbols", {x: y, y: -d * x - c * y}, {}, 2, None),
    ("falling-body", {x: y, y: -a - c * y}, {}, 2, c * x + a * t + y),
    ("free-particle", {x: y, y: 0}, {}, 2, x - y * t),
    ("cos-forcing", {x: x * sp.cos(t)}, {}, 1, sp.log(x) - sp.sin(t)),
    ("cosine-toy", {x: sp.cos(a * x + b)}, {}, 1,
     t - sp.log((1 + sp.sin(a * x + b)) / sp.cos(a * x + b)) / a),
    ("logistic", {x: a * x * (1 - x / b)}, {}, 1, a * t - sp.log(x / (x - b))),
    ("lorenz-special", {x: 10 * (y - x), y: 28 * x - y - x * z, z: x * y - 20 * z}, {}, 1,
     (x**2 - 20 * z) * sp.exp(20 * t)),
    ("symbolic-exponent", hamiltonian(p[0] ** 2 / 2 + q[0] ** sp.Symbol("k", positive=True), 1), {}, 1, None),
    ("van-der-pol", {x: y, y: (1 - x**2) * y - x}, {"degree": 8}, 0, None),
    ("lorenz", {x: 10 * (y - x), y: 28 * x - y - x * z, z: x * y - R(8, 3) * z}, {"degree": 4}, 0, None),
    ("brusselator", {x: 1 + x**2 * y - 4 * x, y: 3 * x - x**2 * y}, {"degree": 6}, 0, None),
    ("lotka-volterra-network", {x: a * x + nn[0], y: -b * y + nn[1]}, {}, 0, None),
    ("lotka-volterra-known-part", {x: a * x + nn[0], y: -b * y + nn[1]},
     {"kind": "compatible"}, 2, b * sp.log(x) + a * sp.log(y)),
    ("sir-network", {x: -infection[0], y: infection[0] - b * y, z: b * y}, {}, 1, x + y + z),
    ("central-network", {q[0]: p[0], q[1]: p[1], p[0]: q[0] * force[0], p[1]: q[1] * force[0]}, {}, 1,
     q[0] * p[1] - q[1] * p[0]),
    ("unknown-forcing", {x: y + sp.Function("f")(t), y: -sp.Function("f")(t) - y}, {"degree": 2}, 1, x + y),
    ("unknown-forcing-without-law", {x: y + sp.Function("f")(t), y: -x}, {"degree": 3}, 0, None),
]  # fmt: skip


def as_system(given):
    return given if isinstance(given, psu.ODESystem) else psu.ODESystem(given)


@pytest.fixture(scope="module")
def found():
    """Laws by name; each system is searched once."""
    asked = {name: (given, keywords) for name, given, keywords, _, _ in CATALOGUE}

    def search(name):
        given, keywords = asked[name]
        return psu.first_integrals(as_system(given), **{"budget": 60, **keywords})

    return Searched(search)


@pytest.mark.parametrize(("name", "given", "count", "law"), [(n, g, k, e) for n, g, _, k, e in CATALOGUE],
                         ids=[row[0] for row in CATALOGUE])  # fmt: skip
def test_catalogue(found, name, given, count, law):
    laws = found[name]
    assert len(laws) == count
    assert laws.complete
    for one in laws:
        assert one.certificate.check()
    if law is not None:
        # it depends on those that were found: the rank does not rise
        symbols = [*list(as_system(given).states), t]
        assert rank([one.expr for one in laws], symbols) == count
        assert rank([*(one.expr for one in laws), law], symbols) == count


def rank(exprs, symbols):
    free = sorted({s for e in exprs for s in e.free_symbols}, key=str)
    point = {s: sp.Float(0.3, 50) + sp.sqrt(sp.prime(k + 2)) / 7 for k, s in enumerate(free)}
    rows = [[complex(e.diff(s).evalf(40, subs=point)) for s in symbols] for e in exprs]
    scaled = [np.array(row) / np.abs(row).max() for row in rows]
    return int(np.linalg.matrix_rank(np.array(scaled), tol=1e-9))


@pytest.mark.parametrize(
    "name", ["lotka-volterra-numbers", "kepler-3d", "damped-oscillator", "sir-network"]
)
def test_a_certificate_rejects_a_changed_law(found, name):
    for law in found[name]:
        terms = sp.Add.make_args(sp.expand(law.expr))
        for term in terms:
            if len(terms) == 1 or not term.free_symbols - {t}:
                continue
            wrong = law.expr + term / 7
            rank_of_change = lie_derivative_of(term, law.certificate.fields[0])
            if vanishes(rank_of_change):
                continue
            assert not Certificate(wrong, law.certificate.fields).check()


def test_laws_hold_along_a_trajectory(found):
    laws = found["lotka-volterra-numbers"]
    system = as_system(CATALOGUE[1][1])
    drifts = []
    for tolerance in (1e-6, 1e-10):
        sol = psu.solve(
            system, u0=[0.44, 4.6], t=np.linspace(0, 10, 50), solver="Vern7",
            reltol=tolerance, abstol=tolerance,
        )  # fmt: skip
        values = sp.lambdify([x, y], laws[0].expr)(*sol.u.T)
        drifts.append(np.ptp(values) / np.abs(values).max())
    assert drifts[0] < 1e-4
    assert drifts[1] < 1e-3 * drifts[0]


def test_balance_names_the_remaining_rate():
    system = psu.ODESystem({x: -infection[0], y: infection[0] - b * y, z: b * y})
    laws = psu.first_integrals(system, kind="balance")
    assert {(law.expr, law.rate) for law in laws} == {(x + y, -b * y), (z, b * y)}


def test_the_same_input_gives_the_same_output():
    system = hamiltonian(kinetic(2) - a / distance(2), 2)
    assert [law.expr for law in psu.first_integrals(system)] == [
        law.expr for law in psu.first_integrals(system)
    ]


def test_domains_and_printing(found):
    law = psu.first_integrals(psu.ODESystem({x: a * x - b * x * y, y: -c * y + d * x * y}))[0]
    assert law.domain == (x, y)
    assert "log" in law._repr_latex_()
    text = repr(found["kepler-2d"])
    assert "3 independent" in text
    assert "candidate functions" in text
    assert "certified: none in their span" in repr(found["van-der-pol"])
    assert found["kepler-2d"].candidates > 50


@pytest.mark.parametrize(
    ("rhs", "message"),
    [
        ({x: sp.Abs(x)}, r"Abs\(x\) is not smooth"),
        ({x: sp.Piecewise((x, x > 1), (1, True))}, "is not smooth"),
        ({x: sp.Max(x, y), y: x}, r"Max\(x, y\) is not smooth"),
        ({x: sp.Function("g")(x)}, r"the unknown function g\(x\) depends on a state"),
        ({x: sp.gamma(x)}, r"gamma\(x\) cannot be treated exactly"),
    ],
)
def test_what_cannot_be_treated_is_named(rhs, message):
    with pytest.raises(DerivationError, match=message):
        psu.first_integrals(psu.ODESystem(rhs))


def test_a_budget_that_ended_is_said_where_more_time_finds_laws():
    slow = psu.ODESystem({x: y * sp.Abs(x - y), y: -x * sp.Abs(x - y)})
    assert len(psu.first_integrals(slow)) == 1
    with pytest.raises(
        DerivationError, match=r"Abs\(x - y\) is not smooth.*before the budget ended"
    ):
        psu.first_integrals(slow, budget=1e-6)


def test_wrong_calls():
    plain = psu.ODESystem({x: -x})
    for call, message in [
        (lambda: psu.first_integrals({x: -x}), "takes an ODESystem; found dict"),
        (lambda: psu.first_integrals(plain, kind="exact"), "kind must be one of 'structural'"),
        (lambda: psu.first_integrals(plain, degree=0), "degree must be a whole number, 1 or more"),
        (lambda: psu.first_integrals(plain, kind="balance"), "the system contains none"),
    ]:
        with pytest.raises(InvalidInputError, match=message):
            call()
