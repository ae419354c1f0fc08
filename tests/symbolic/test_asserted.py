"""Laws that users assert: whether they hold, and what is said where they do not."""

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as some

import pysymude as psu
from pysymude.errors import InvalidInputError
from pysymude.symbolic.proof.certificate import Certificate, lie_derivative_of, vanishes

x, y, z = psu.states("x y z", positive=True)
q, r, u, v = psu.states("q r u v")
a, b, c, d = psu.parameters("a b c d")
t = psu.t
log, sin, cos, exp, sqrt = sp.log, sp.sin, sp.cos, sp.exp, sp.sqrt

volterra = psu.ODESystem({x: a * x - b * x * y, y: -c * y + d * x * y})
log_law = d * x - c * log(x) + b * y - a * log(y)
infection = psu.MLP("nn", inputs=[x, y], outputs=1, hidden=3)
epidemic = psu.ODESystem({x: -infection[0], y: infection[0] - b * y, z: b * y})
force = psu.MLP("force", inputs=[sqrt(q**2 + r**2)], outputs=1, hidden=3)
central = psu.ODESystem({q: u, r: v, u: q * force[0], v: r * force[0]})
distance = sqrt(q**2 + r**2)
kepler = psu.ODESystem({q: u, r: v, u: -a * q / distance**3, v: -a * r / distance**3})
pendulum = psu.ODESystem({q: u, u: -a * sin(q)})
potential = psu.MLP("V", inputs=[q], outputs=1, hidden=3)

HOLD = [
    ("lotka-volterra", volterra, log_law),
    ("lotka-volterra-as-a-product", volterra, x**-c * y**-a * exp(d * x + b * y)),
    ("kepler-energy", kepler, (u**2 + v**2) / 2 - a / distance),
    ("laplace-runge-lenz", kepler, v * (q * v - r * u) - a * q / distance),
    ("epidemic-network", epidemic, x + y + z),
    ("central-network", central, q * v - r * u),
    ("potential-network", psu.ODESystem({q: u, u: -potential[0].diff(q), r: potential[0]}),
     u**2 / 2 + potential[0]),
    ("pendulum", pendulum, u**2 / 2 - a * cos(q)),
    ("pendulum-with-half-angles", pendulum, u**2 / 2 + 2 * a * sin(q / 2) ** 2),
    ("roots-written-in-two-ways",
     psu.ODESystem({q: u, r: v, u: sqrt((q - r) ** 2 + 1), v: -sqrt((r - q) ** 2 + 1)}),
     u + v),
    ("oscillator-with-time", psu.ODESystem({q: u, u: -q}), q * cos(t) - u * sin(t)),
    ("angle", psu.ODESystem({q: -r, r: q}), sp.atan(r / q) - t),
    ("unknown-function", psu.ODESystem({q: sp.Function("w")(t), r: -sp.Function("w")(t)}), q + r),
    ("decimals", psu.ODESystem({x: 0.1 * x * y, y: -0.3 * x * y}), 0.3 * x + 0.1 * y),
]  # fmt: skip


@pytest.mark.parametrize(("system", "law"), [row[1:] for row in HOLD], ids=[row[0] for row in HOLD])
def test_laws_that_hold(system, law):
    found = psu.is_first_integral(law, system)
    assert found
    assert found.holds is True
    assert found.residual == 0
    assert found.reason.startswith("d/dt = 0 exactly")
    assert found.certificate.check()
    assert psu.lie_derivative(law, system) == 0
    # a changed law is rejected, unless the change is a law itself
    for term in sp.Add.make_args(sp.expand(found.certificate.law)):
        changed = found.certificate.law + term / 7
        conserved = vanishes(lie_derivative_of(term, found.certificate.fields[0]))
        assert Certificate(changed, found.certificate.fields).check() == conserved
        if not conserved:
            assert not psu.is_first_integral(changed, system)


@pytest.mark.parametrize(
    ("system", "law", "residual", "reason"),
    [
        (volterra, log_law - a * log(y), a * (c - d * x),
         "not zero; it would hold where a = 0, or c = 0 and d = 0"),
        (volterra, x + y, a * x - b * x * y - c * y + d * x * y, "not zero"),
        (epidemic, x + y, -b * y, r"d/dt = -b\*y, not zero; it would hold where b = 0"),
        (epidemic, x + 2 * y + 2 * z, infection[0],
         r"d/dt = nn\[0\], not zero; the known part conserves it, the networks or unknown functions do not"),
        (kepler, (u**2 + v**2) / 2 - 2 / distance, (2 - a) * (q * u + r * v) / distance**3,
         "it would hold where a - 2 = 0"),
        (pendulum, u**2 / 2 + a * cos(q / 2) ** 2, -3 * a * u * sin(q) / 2, "not zero"),
        (pendulum, sp.Integer(3) + a, 0, "constant: it depends on no state"),
        (volterra, sin(x) ** 2 + cos(x) ** 2, 0, "constant: it depends on no state"),
        (volterra, t**2 / 2 + a, t, "depends on time alone"),
    ],
)  # fmt: skip
def test_laws_that_fail(system, law, residual, reason):
    found = psu.is_first_integral(law, system)
    assert not found
    assert found.certificate is None
    assert vanishes(found.residual - residual)
    assert (found.residual == 0) == (residual == 0)
    with pytest.raises(AssertionError, match=reason):
        assert found, found.reason


def test_conditions_are_sufficient_and_leave_out_what_cannot_be():
    k, m = psu.parameters("k m", positive=True)
    oscillator = psu.ODESystem({q: u, u: -k * q / m - c * u})
    found = psu.is_first_integral(m * u**2 + k * (1 + c) * q**2, oscillator)
    # m = 0 is excluded; c = 0 is the only way
    assert found.conditions == (c,)
    undamped = psu.ODESystem({s: f.subs(c, 0) for s, f in oscillator.rhs.items()})
    assert psu.is_first_integral(m * u**2 + k * q**2, undamped)
    both = psu.is_first_integral(x + y, psu.ODESystem({x: a * z - b * y, y: c * y - b * z, z: a}))
    assert both.conditions == (a - b, b - c) or both.conditions == (a - c, b - c)
    # no values of the parameters make x + y a law
    assert psu.is_first_integral(x + y, psu.ODESystem({x: a, y: x})).conditions == ()


def test_given_values_are_tried_and_named():
    rhs = dict(volterra.rhs)
    law = d * x - c * log(x) + 0.9 * y - 1.3 * log(y)
    assert not psu.is_first_integral(law, volterra)
    assert not psu.is_first_integral(law, psu.ODESystem(rhs, parameters={a: 1.3, b: 0.8}))
    found = psu.is_first_integral(law, psu.ODESystem(rhs, parameters={a: 1.3, b: 0.9, c: 2.0}))
    assert found
    assert found.values == {a: sp.Rational(13, 10), b: sp.Rational(9, 10)}
    assert found.residual != 0
    assert "at the given values only: a = 13/10, b = 9/10" in found.reason
    assert found.certificate.check()
    # what is learned has no value to rely on
    learned = psu.ODESystem(rhs, parameters={b: 0.9}, trainable={a: 1.3})
    assert not psu.is_first_integral(law, learned)


def test_the_undecided_is_said_to_be_so():
    # zero for positive q and r, but a matter of branches elsewhere
    found = psu.is_first_integral(sqrt(q) * sqrt(r) - sqrt(q * r), psu.ODESystem({q: q, r: r}))
    assert not found
    assert "could not be decided" in found.reason


def test_a_first_integral_is_accepted_for_another_system():
    law = psu.first_integrals(volterra)[0]
    assert psu.is_first_integral(law, volterra)
    slowed = psu.ODESystem({s: f * (1 + x) for s, f in volterra.rhs.items()})
    assert psu.is_first_integral(law, slowed)
    assert not psu.is_first_integral(law, psu.ODESystem({**volterra.rhs, y: d * x * y + c}))


def test_constants_that_only_the_law_contains():
    energy = b * (u**2 / 2 - a * cos(q))
    with pytest.raises(InvalidInputError, match=r"unknown symbols: b .* in constants="):
        psu.is_first_integral(energy, pendulum)
    assert psu.is_first_integral(energy, pendulum, constants=[b])
    assert not psu.is_first_integral(energy + q * b, pendulum, constants=[b])


@pytest.mark.parametrize(
    ("law", "message"),
    [
        (x + sp.Symbol("alpha"), "unknown symbols: alpha is neither state nor parameter"),
        (x + sp.Symbol("x"), "x is another symbol than the system's x: it was made with other"),
        (x + infection[0], "contains the network 'nn', which the system does not; it has no network"),
        (sp.Eq(x, y), "takes an expression; found the equation"),
        ("x + y", "is the text 'x \\+ y'"),
        (x * sp.I, "must be real and finite"),
    ],
)  # fmt: skip
def test_wrong_laws(law, message):
    for call in (psu.is_first_integral, psu.lie_derivative):
        with pytest.raises(InvalidInputError, match=message):
            call(law, volterra)


def test_a_near_name_is_offered():
    alpha, wrong = psu.parameters("alpha alhpa")
    with pytest.raises(InvalidInputError, match="Did you mean alpha"):
        psu.lie_derivative(wrong * x, psu.ODESystem({x: alpha * x}))
    with pytest.raises(InvalidInputError, match="takes an ODESystem; found dict"):
        psu.is_first_integral(x, {x: x})


ATOMS = [x, y, a, t, x * y, x**2, sin(x), cos(x + 2 * y), exp(-x / 3), log(y), sqrt(x + y**2)]
TERMS = some.tuples(some.sampled_from(ATOMS), some.sampled_from(ATOMS), some.integers(-3, 3))


@settings(max_examples=20, deadline=None)
@given(some.lists(TERMS, min_size=1, max_size=3))
def test_the_derivative_is_the_one_along_trajectories(terms):
    law = sp.Add(*(k * f * g for f, g, k in terms))
    system = psu.ODESystem({x: x * (1 - y) / 2 + sin(t) / 5, y: y * (x - a) / 3})
    derivative = sp.lambdify([t, x, y, a], psu.lie_derivative(law, system), "mpmath")
    value = sp.lambdify([t, x, y, a], law, "mpmath")
    field = sp.lambdify([t, x, y, a], list(system.rhs.values()), "mpmath")
    with mpmath.workdps(40):
        coefficient, start = mpmath.mpf("0.7"), [mpmath.mpf("1.1"), mpmath.mpf("0.8")]
        path = mpmath.odefun(
            lambda s, w: field(s, *w, coefficient), 0, start, tol=mpmath.mpf("1e-32")
        )
        s = mpmath.mpf("0.4")
        numeric = mpmath.diff(lambda s: value(s, *path(s), coefficient), s, h=mpmath.mpf("1e-10"))
        exact = derivative(s, *path(s), coefficient)
        assert abs(numeric - exact) < mpmath.mpf("1e-8") * (1 + abs(exact))


def test_the_residual_is_the_drift_along_a_solution():
    law = log_law - a * log(y)
    values = {a: 1.3, b: 0.9, c: 1.8, d: 0.8}
    times = np.linspace(0, 2, 2001)
    sol = psu.solve(volterra, u0=[0.9, 1.6], t=times, parameters=values, solver="Vern7",
                    reltol=1e-12, abstol=1e-12)  # fmt: skip
    at = sp.lambdify([x, y], [law.subs(values), psu.lie_derivative(law, volterra).subs(values)])
    level, rate = (np.asarray(part) for part in at(*sol.u.T))
    # Simpson's rule over the residual gives what the law has moved by
    h = times[1] - times[0]
    moved = h / 3 * (rate[0] + rate[-1] + 4 * rate[1:-1:2].sum() + 2 * rate[2:-1:2].sum())
    assert abs(moved) > 0.1
    assert abs(level[-1] - level[0] - moved) < 1e-9
