"""Lagrangians, Hamiltonians, the Euler operator and Noether's theorem, against mechanics by hand."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy.integrate import solve_ivp

import pysymude as psu
from pysymude.errors import DerivationError, InvalidInputError
from pysymude.symbolic.proof.certificate import Certificate, lie_derivative_of, vanishes

x, y, z, u, v, w = psu.states("x y z u v w")
q, p, acc = psu.states("q p acc")
theta, phi, omega, nu = psu.states("theta phi omega nu")
m, m1, m2, l1, l2, length = psu.parameters("m m1 m2 l1 l2 length", positive=True)
g, k, mu, B, c = psu.parameters("g k mu B c")
t = psu.t
sin, cos, exp, sqrt = sp.sin, sp.cos, sp.exp, sp.sqrt
Rational = sp.Rational
plane = {x: u, y: v}
sphere = {theta: omega, phi: nu}
distance = sqrt(x**2 + y**2)
Q, X, tau = sp.Function("q"), sp.Function("x"), sp.Symbol("tau")
generator = psu.Generator

kepler = m * (u**2 + v**2) / 2 + mu / distance
magnetic = m * (u**2 + v**2) / 2 + B * (x * v - y * u) / 2
spherical = m * length**2 * (omega**2 + sin(theta) ** 2 * nu**2) / 2 + m * g * length * cos(theta)
double = (
    (m1 + m2) * l1**2 * omega**2 / 2
    + m2 * l2**2 * nu**2 / 2
    + m2 * l1 * l2 * omega * nu * cos(theta - phi)
    + (m1 + m2) * g * l1 * cos(theta)
    + m2 * g * l2 * cos(phi)
)
damped = exp(c * t) * (p**2 - q**2) / 2
chain = psu.states("q1:4"), psu.states("p1:4")
toda = sum(s**2 for s in chain[1]) / 2 + sum(
    exp(chain[0][i] - chain[0][(i + 1) % 3]) for i in range(3)
)
radial = psu.MLP("V", inputs=[x**2 + y**2], outputs=1, hidden=3)

EQUATIONS = [
    ("pendulum", m * length**2 * p**2 / 2 + m * g * length * cos(q), {q: p},
     {p: -g * sin(q) / length}),
    ("kepler", kepler, plane, {u: -mu * x / m / distance**3, v: -mu * y / m / distance**3}),
    ("magnetic-field", magnetic, plane, {u: B * v / m, v: -B * u / m}),
    ("spherical-pendulum", spherical, sphere,
     {omega: sin(theta) * cos(theta) * nu**2 - g / length * sin(theta),
      nu: -2 * omega * nu * cos(theta) / sin(theta)}),
    ("growing-mass", (1 + t**2) * p**2 / 2 - k * q**2 / 2, {q: p},
     {p: -(2 * t * p + k * q) / (1 + t**2)}),
    ("damped", damped, {q: p}, {p: -c * p - q}),
    ("relativistic", -m * sqrt(1 - p**2) - k * q, {q: p}, {p: -k / m * (1 - p**2) ** Rational(3, 2)}),
    ("toda", sum(s**2 for s in chain[1]) - toda, dict(zip(*chain, strict=True)),
     {chain[1][i]: exp(chain[0][i - 1] - chain[0][i]) - exp(chain[0][i] - chain[0][(i + 1) % 3])
      for i in range(3)}),
    ("decimals", 0.5 * p**2 - 0.3 * q**2, {q: p}, {p: -Rational(3, 5) * q}),
    ("network-potential", (u**2 + v**2) / 2 - radial[0], plane,
     {u: -radial[0].diff(x), v: -radial[0].diff(y)}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("L", "coordinates", "expected"), [e[1:] for e in EQUATIONS], ids=[e[0] for e in EQUATIONS]
)
def test_equations_of_motion(L, coordinates, expected):
    system = psu.lagrangian_system(L, coordinates)
    assert system.states == (*coordinates, *coordinates.values())
    assert {s: system.rhs[s] for s in coordinates} == coordinates
    for velocity, rate in expected.items():
        assert vanishes(system.rhs[velocity] - rate)
        assert not vanishes(system.rhs[velocity] - rate * Rational(8, 7))


def test_double_pendulum():
    system = psu.lagrangian_system(double, sphere)
    # Lagrange's equations as they stand in textbooks
    a, b = system.rhs[omega], system.rhs[nu]
    delta = theta - phi
    first = (m1 + m2) * l1 * a + m2 * l2 * (b * cos(delta) + nu**2 * sin(delta))
    second = l2 * b + l1 * (a * cos(delta) - omega**2 * sin(delta))
    assert vanishes(first + (m1 + m2) * g * sin(theta))
    assert vanishes(second + g * sin(phi))
    assert not vanishes(second + 2 * g * sin(phi))
    # written with the angle between the rods, as one would by hand
    assert system.rhs[omega].has(cos(theta - phi), sin(theta - phi))


def test_functions_of_time_give_the_same_system():
    L = X(tau).diff(tau) ** 2 / 2 * exp(tau) - X(tau) ** 4
    x_t = psu.states("x_t")
    system = psu.lagrangian_system(L, [X(tau)], forces={X(tau): -X(tau).diff(tau)})
    same = psu.lagrangian_system(x_t**2 / 2 * exp(t) - x**4, {x: x_t}, forces={x: -x_t})
    assert system == same
    positive = sp.Function("r", positive=True)
    system = psu.lagrangian_system(positive(t).diff(t) ** 2 - 1 / positive(t), positive(t))
    assert [s.name for s in system.states] == ["r", "r_t"]
    assert system.states[0].is_positive
    assert not system.states[1].is_positive


def test_forces_and_values():
    system = psu.lagrangian_system(
        m * p**2 / 2 - m * k * q**2 / 2,
        {q: p},
        forces={q: -m * c * p},
        parameters={m: 2.0, "k": 3.0},
    )
    assert system == psu.ODESystem({q: p, p: -k * q - c * p}, parameters={k: 3.0})


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        ((u**2 / 2 + v * x, plane), {}, DerivationError, "singular: .* velocities v have determinant 0"),
        (((u + v) ** 2, plane), {}, DerivationError, "singular: .* velocities u, v have determinant 0"),
        ((u**2 * (sin(x) ** 2 + cos(x) ** 2 - 1), {x: u}), {}, DerivationError, "singular"),
        ((acc * q, {q: (p, acc)}), {}, InvalidInputError, "coordinates and velocities; found accel"),
        ((p**2, [q]), {}, InvalidInputError, "takes {q: v}, .*functions .*; found q of type Symbol"),
        ((p**2, {q: q}), {}, InvalidInputError, "different symbols"),
        ((p**2, {q: t}), {}, InvalidInputError, "found t of type Symbol"),
        ((p**2, {}), {}, InvalidInputError, "found no coordinate"),
        (("p**2", {q: p}), {}, InvalidInputError, "must be a SymPy expression; found 'p"),
        ((p**2, {q: p}), {"forces": {p: 1}}, InvalidInputError, "p is none of q"),
        ((p**2, {q: (p, acc)}), {"forces": {q: acc}}, InvalidInputError, "depend on accelerations"),
        ((p**2, {q: p}), {"forces": [1]}, InvalidInputError, "forces= takes a mapping"),
        ((p**2, {q: p}), {"parameters": {k: 1}}, InvalidInputError, "no state or parameter 'k'"),
        ((p**2 + X(t).diff(t) * q, {q: p}), {}, InvalidInputError, "does not name that function"),
        ((X(t).diff(t) * Q(tau), [X(t), Q(tau)]), {}, InvalidInputError, "functions of one time"),
        ((X(t) * p**2, {q: p}), {}, InvalidInputError, r"contain Derivative\(x\(t\), t\)"),
    ],
)  # fmt: skip
def test_wrong_lagrangians(arguments, keywords, error, message):
    with pytest.raises(error, match=message):
        psu.lagrangian_system(*arguments, **keywords)


def test_hamiltonian_systems():
    system = psu.hamiltonian_system(p**2 / (2 * m) - k * cos(q - c * t), q, p, parameters={k: 2})
    assert system == psu.ODESystem({q: p / m, p: -k * sin(q - c * t)}, parameters={k: 2})
    system = psu.hamiltonian_system(toda, *chain)
    assert psu.is_first_integral(toda, system)
    assert psu.is_first_integral(sum(chain[1]), system)
    assert not psu.is_first_integral(toda + chain[1][0], system)


def test_a_learned_hamiltonian_is_conserved_by_its_system():
    H = psu.MLP("H", inputs=[x, u], outputs=1, hidden=4)
    system = psu.hamiltonian_system(H[0] + u**2, x, u)
    found = psu.is_first_integral(H[0] + u**2, system)
    assert found
    assert found.certificate.check()
    assert not psu.is_first_integral(H[0] + 2 * u**2, system)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((p**2, [q, x], p), "found 2 coordinates and 1 momenta"),
        ((p**2, q, q), "different symbols"),
        ((p**2, q, t), "different symbols"),
        ((p**2, "q", p), "different symbols"),
        ((p**2, [], []), "found 0 coordinates"),
        (("p**2", q, p), "is the text"),
    ],
)
def test_wrong_hamiltonians(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        psu.hamiltonian_system(*arguments)


ATOMS = [
    x,
    y,
    u,
    v,
    t,
    x * y,
    u**2,
    sin(x),
    exp(y / 2) * t,
    cos(x + v),
    sqrt(1 + x**2),
    1 / (1 + y**2),
]
TERMS = some.tuples(some.sampled_from(ATOMS), some.sampled_from(ATOMS), some.integers(-3, 3))


@settings(max_examples=25, deadline=None)
@given(some.lists(TERMS, min_size=1, max_size=3))
def test_the_euler_operator_annihilates_total_derivatives(terms):
    B = sp.Add(*(n * a * b for a, b, n in terms))
    ux, vx = psu.states("ux vx")
    moved = B.diff(t) + u * B.diff(x) + v * B.diff(y) + ux * B.diff(u) + vx * B.diff(v)
    jets = {x: (u, ux), y: (v, vx)}
    assert psu.euler_operator(moved, jets) == {x: 0, y: 0}
    # and only these: x^2 y is none
    assert psu.euler_operator(moved + x**2 * y, jets) == {x: 2 * x * y, y: x**2}


def test_the_euler_operator_on_higher_derivatives():
    found = psu.euler_operator(acc**2 / 2, {q: (p, acc)})[q]
    assert {s.name for s in found.free_symbols} == {"acc_tt"}
    # the beam: E(q''^2 / 2 + k q) = q'''' + k, in the notation it was asked in
    beam = psu.euler_operator(Q(tau).diff(tau, 2) ** 2 / 2 + k * Q(tau), [Q(tau)])
    assert beam == {Q(tau): Q(tau).diff(tau, 4) + k}
    # against SymPy's Euler-Lagrange equations
    L = Q(t).diff(t) ** 2 * cos(Q(t)) * t - Q(t) ** 3
    (expected,) = sp.calculus.euler.euler_equations(L, [Q(t)], [t])
    assert sp.expand(psu.euler_operator(L, [Q(t)])[Q(t)] - expected.lhs.doit()) == 0


NOETHER = [
    ("kepler-energy", kepler, generator(1), plane, m * (u**2 + v**2) / 2 - mu / distance),
    ("kepler-rotation", kepler, generator(eta={x: -y, y: x}), plane, m * (x * v - y * u)),
    ("kepler-rotation-backwards", kepler, generator(eta={x: y, y: -x}), plane, m * (x * v - y * u)),
    ("laplace-runge-lenz", kepler.subs(m, 1), generator(eta={x: -y * v, y: 2 * x * v - y * u}), plane,
     v * (x * v - y * u) - mu * x / distance),
    ("galilei", m * (u**2 + v**2) / 2, generator(eta={x: t}), plane, m * (t * u - x)),
    ("free-scaling", p**2 / 2, generator(t, {q: q / 2}), {q: p}, t * p**2 / 2 - q * p / 2),
    ("free-projective", p**2 / 2, generator(t**2, {q: t * q}), {q: p},
     t**2 * p**2 / 2 - t * q * p + q**2 / 2),
    ("falling-shift", p**2 / 2 - g * q, generator(eta={q: 1}), {q: p}, p + g * t),
    ("magnetic-shift", magnetic, generator(eta={x: 1}), plane, m * u - B * y),
    ("magnetic-rotation", magnetic, generator(eta={x: -y, y: x}), plane,
     m * (x * v - y * u) + B * (x**2 + y**2) / 2),
    ("magnetic-energy", magnetic, generator(1), plane, m * (u**2 + v**2) / 2),
    ("damped", damped, generator(1, {q: -c * q / 2}), {q: p},
     exp(c * t) * (p**2 + q**2 + c * q * p) / 2),
    ("double-pendulum", double, generator(1), sphere, sp.expand(
        omega * double.diff(omega) + nu * double.diff(nu) - double)),
    ("spherical-pendulum", spherical, generator(eta={phi: 1}), sphere,
     m * length**2 * sin(theta) ** 2 * nu),
    ("toda", sum(s**2 for s in chain[1]) - toda, generator(1), dict(zip(*chain, strict=True)), toda),
    ("relativistic", -m * sqrt(1 - p**2), generator(1), {q: p}, m / sqrt(1 - p**2)),
    ("inverse-square", p**2 / 2 - k / q**2, generator(2 * t, {q: q}), {q: p},
     t * p**2 + 2 * t * k / q**2 - q * p),
    ("network-rotation", (u**2 + v**2) / 2 - radial[0], generator(eta={x: -y, y: x}), plane,
     x * v - y * u),
    ("network-energy", (u**2 + v**2) / 2 - radial[0], generator(1), plane,
     (u**2 + v**2) / 2 + radial[0]),
    ("forcing", p**2 / 2 + q * cos(t), generator(eta={q: 1}), {q: p}, p - sin(t)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("L", "symmetry", "coordinates", "expected"),
    [n[1:] for n in NOETHER],
    ids=[n[0] for n in NOETHER],
)
def test_noether(L, symmetry, coordinates, expected):
    law = psu.noether(L, symmetry, coordinates)
    assert vanishes(law.expr - expected)
    assert law.kind == "structural"
    assert law.certificate.check()
    assert psu.is_first_integral(law, psu.lagrangian_system(L, coordinates))
    rates = law.certificate.fields
    for term in sp.Add.make_args(sp.expand(law.expr)):
        if not vanishes(lie_derivative_of(term, rates[0])):
            assert not Certificate(law.expr + term / 7, rates).check()


def test_noether_with_functions_of_time():
    L = X(tau).diff(tau) ** 2 / 2 - X(tau) ** 4
    law = psu.noether(L, generator(1), [X(tau)])
    assert law.expr == psu.states("x_t") ** 2 / 2 + x**4
    shifted = psu.noether(X(tau).diff(tau) ** 2 / 2, generator(eta={X(tau): tau}), [X(tau)])
    assert vanishes(shifted.expr - (t * psu.states("x_t") - x))


@pytest.mark.parametrize(
    ("L", "symmetry", "coordinates", "error", "message"),
    [
        # a symmetry of the equations, not of the action
        (kepler, generator(t, {x: Rational(2, 3) * x, y: Rational(2, 3) * y}), plane, DerivationError,
         r"not a variational symmetry: .* leaves .*u_t.* for x"),
        (kepler, generator(eta={x: 1}), plane, DerivationError, "mu.* for x"),
        (damped, generator(1), {q: p}, DerivationError, "not a variational symmetry"),
        (spherical, generator(eta={theta: 1}), sphere, DerivationError, "not a variational symmetry"),
        (kepler, generator(0), plane, DerivationError, "trivial"),
        (u**2 / 2 + v * x, generator(1), plane, DerivationError, "singular"),
        ((u**2 + v**2) / 2 - radial[0], generator(eta={x: 1}), plane, DerivationError,
         "not a variational symmetry"),
        (kepler, generator(eta={z: 1}), plane, InvalidInputError, "moves z, which is none of"),
        (kepler, generator(eta={u: 1}), plane, InvalidInputError, "how velocities move follows"),
        (kepler, {x: 1}, plane, InvalidInputError, "takes a psu.Generator"),
        (p**2, generator(eta={q: acc}), {q: (p, acc)}, InvalidInputError, "contains accelerations"),
        (p**2 * acc, generator(1), {q: (p, acc)}, InvalidInputError, "found accelerations"),
    ],
)  # fmt: skip
def test_no_noether(L, symmetry, coordinates, error, message):
    with pytest.raises(error, match=message):
        psu.noether(L, symmetry, coordinates)


@settings(max_examples=8, deadline=None)
@given(
    some.lists(some.integers(-3, 3), min_size=4, max_size=4),
    some.lists(some.integers(-2, 2), min_size=3, max_size=3),
)
def test_a_gauge_term_changes_nothing(potential, gauge):
    V = sum(n * (x**2 + y**2) ** (j + 1) for j, n in enumerate(potential))
    f = gauge[0] * x**2 * y + gauge[1] * t * sin(x) + gauge[2] * exp(y)
    L = (u**2 + v**2) / 2 - V
    moved = L + f.diff(t) + u * f.diff(x) + v * f.diff(y)
    turn = generator(eta={x: -y, y: x})
    law, same = (psu.noether(each, turn, plane) for each in (L, moved))
    assert vanishes(law.expr - same.expr)
    assert (
        psu.lagrangian_system(L, plane).rhs.keys() == psu.lagrangian_system(moved, plane).rhs.keys()
    )


HAMILTONIAN = [
    ("toda-time", toda, generator(1), chain, toda),
    ("toda-shift", toda, generator(eta=dict.fromkeys(chain[0], 1)), chain, sum(chain[1])),
    ("rotation", (u**2 + v**2) / 2 - mu / distance, generator(eta={x: -y, y: x, u: -v, v: u}),
     ((x, y), (u, v)), x * v - y * u),
    ("galilei", p**2 / 2, generator(eta={q: t, p: 1}), (q, p), t * p - q),
    ("falling-shift", p**2 / 2 + g * q, generator(eta={q: 1}), (q, p), p + g * t),
    ("oscillator-with-time", (p**2 + q**2) / 2, generator(eta={q: cos(t), p: -sin(t)}), (q, p),
     p * cos(t) + q * sin(t)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("H", "symmetry", "space", "expected"),
    [h[1:] for h in HAMILTONIAN],
    ids=[h[0] for h in HAMILTONIAN],
)
def test_noether_from_a_hamiltonian(H, symmetry, space, expected):
    law = psu.noether_hamiltonian(H, symmetry, *space)
    assert vanishes(law.expr - expected)
    assert law.certificate.check()
    assert psu.is_first_integral(law, psu.hamiltonian_system(H, *space))


def test_no_noether_from_a_hamiltonian():
    with pytest.raises(DerivationError, match="not canonical"):
        psu.noether_hamiltonian(p**2 / 2, generator(eta={q: q, p: p}), q, p)
    with pytest.raises(DerivationError, match="not a symmetry of the Hamiltonian"):
        psu.noether_hamiltonian(p**2 / 2 + q**4, generator(eta={q: 1}), q, p)
    with pytest.raises(InvalidInputError, match="moves x, which is none of q, p"):
        psu.noether_hamiltonian(p**2 / 2, generator(eta={x: 1}), q, p)


def test_both_formulations_move_alike():
    values = {mu: 1.0, m: 1.0}
    start, times = [1.0, 0.2, 0.1, 0.9], np.linspace(0, 3, 4)
    one = psu.lagrangian_system(kepler.subs(m, 1), plane)
    other = psu.hamiltonian_system((u**2 + v**2) / 2 - mu / distance, (x, y), (u, v))
    assert {s: vanishes(one.rhs[s] - other.rhs[s]) for s in one.states} == dict.fromkeys(
        one.states, True
    )
    field = sp.lambdify([t, [x, y, u, v]], [f.subs(values) for f in one.rhs.values()])
    path = solve_ivp(field, (0, 3), start, t_eval=times, method="DOP853", rtol=1e-12, atol=1e-12).y
    law = psu.noether(kepler.subs(m, 1), generator(eta={x: -y * v, y: 2 * x * v - y * u}), plane)
    level = sp.lambdify([x, y, u, v], law.expr.subs(values))(*path)
    assert np.ptp(level) < 1e-9
    assert np.ptp(path[0]) > 0.5


def test_networks_are_differentiated_twice():
    net = psu.MLP("n", inputs=[q, p], outputs=1, hidden=2)[0]
    assert psu.euler_operator(net, {q: p})[q].has(net.diff(p).diff(q))
    with pytest.raises(DerivationError, match="third derivative of a network"):
        psu.euler_operator(net.diff(p), {q: p})
