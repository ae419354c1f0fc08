"""The adjoint system and its laws: against hand-made ones, numbers, and other networks."""

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp

import pysymude as psu
from pysymude.errors import DerivationError, InvalidInputError
from pysymude.symbolic.proof.certificate import Certificate

x, y, z, v = psu.states("x y z v")
a, b, w = psu.parameters("a b w")
q = psu.states("q1:3")
p = psu.states("p1:3")
t = psu.t
nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=4)


def numbers(adjoint, start, end=1.5):
    """The pair along a trajectory, to 1e-12: times and an array (times, states and adjoint states)."""
    symbols = [*adjoint.states, *adjoint.adjoint_states]
    f = sp.lambdify([t, symbols], [*adjoint.rhs.values(), *adjoint.adjoint_rhs.values()])
    times = np.linspace(0.2, end, 9)
    sol = solve_ivp(f, (times[0], end), start, t_eval=times, method="DOP853",
                    rtol=1e-12, atol=1e-13)  # fmt: skip
    return symbols, times, sol.y.T


def drift(expr, symbols, times, values):
    law = sp.lambdify([t, symbols], expr)
    along = np.array([law(s, u) for s, u in zip(times, values, strict=True)])
    return np.ptp(along)


def test_cosine_toy():
    adjoint = psu.adjoint_laws(psu.ODESystem({z: sp.cos(w * z + b)}))
    (a_z,) = adjoint.adjoint_states
    assert adjoint.adjoint_rhs[a_z] == w * a_z * sp.sin(w * z + b)
    assert [law.expr for law in adjoint.laws] == [a_z * sp.cos(w * z + b)]
    assert adjoint.check()
    assert "const" in adjoint._repr_latex_()


@pytest.mark.parametrize("states", [[x], [x, y], [x, y, z]])
def test_neural_ode(states):
    system = psu.neural_ode(states, hidden=4)
    adjoint = psu.adjoint_laws(system)
    (law,) = adjoint.laws
    product = sum(s * f for s, f in zip(adjoint.adjoint_states, system.rhs.values(), strict=True))
    assert sp.expand(law.expr - product) == 0
    assert law.certificate.check()
    assert law.kind == "structural"


def test_the_law_of_a_neural_ode_in_numbers():
    """The weights are random: a . nn(u) stays, a . u does not."""
    weights = nn.initial_weights(3)

    def backward(_, pair):
        u, adjoint = pair[:2], pair[2:]
        return [*nn.forward(weights, u), *(-nn.jacobian(weights, u).T @ adjoint)]

    sol = solve_ivp(backward, (0, 4), [0.3, -0.8, 1.0, 0.5], method="DOP853",
                    t_eval=np.linspace(0, 4, 15), rtol=1e-12, atol=1e-13).y.T  # fmt: skip
    law = [pair[2:] @ nn.forward(weights, pair[:2]) for pair in sol]
    other = [pair[2:] @ pair[:2] for pair in sol]
    assert np.ptp(law) < 1e-10
    assert np.ptp(other) > 1e-3


def test_universal_system():
    system = psu.ODESystem({x: a * x + nn[0], y: -b * y + nn[1]})
    adjoint = psu.adjoint_laws(system)
    a_x, a_y = adjoint.adjoint_states
    (law,) = adjoint.laws
    assert sp.expand(law.expr - a_x * (a * x + nn[0]) - a_y * (-b * y + nn[1])) == 0
    assert adjoint.adjoint_rhs[a_x].has(nn[0].diff(x))


def test_every_symmetry_gives_a_law():
    system = psu.ODESystem({x: v, v: -4 * x})
    adjoint = psu.adjoint_laws(system)
    assert len(adjoint.laws) == len(adjoint.symmetries) == 8
    assert adjoint.check()
    along = numbers(adjoint, [0.4, 0.7, -0.3, 1.1])
    for law in adjoint.laws:
        assert drift(law.expr, *along) < 1e-9
    # the test sees what moves
    assert drift(adjoint.adjoint_states[0] * x, *along) > 1e-2


def test_kepler_laws_along_a_trajectory():
    r = sp.sqrt(q[0] ** 2 + q[1] ** 2)
    rhs = {q[i]: p[i] for i in (0, 1)} | {p[i]: -q[i] / r**3 for i in (0, 1)}
    adjoint = psu.adjoint_laws(psu.ODESystem(rhs))
    assert len(adjoint.laws) == 3
    along = numbers(adjoint, [1, 0, 0.1, 0.9, 0.5, -0.2, 0.3, 0.8])
    assert max(drift(law.expr, *along) for law in adjoint.laws) < 1e-9


def test_a_changed_law_is_rejected():
    adjoint = psu.adjoint_laws(psu.ODESystem({x: v, v: -sp.sin(x)}))
    (law,) = adjoint.laws
    for term in sp.Add.make_args(sp.expand(law.expr)):
        assert not Certificate(law.expr + term / 7, law.certificate.fields).check()


def test_given_generators():
    system = psu.ODESystem({x: x**2})
    adjoint = psu.adjoint_laws(system, generators=[psu.Generator(t, {x: -x})])
    (a_x,) = adjoint.adjoint_states
    assert sp.expand(adjoint.laws[0].expr - a_x * (-x - t * x**2)) == 0
    with pytest.raises(InvalidInputError, match="is no symmetry of"):
        psu.adjoint_laws(system, generators=[psu.Generator(t, {x: x})])


def test_nothing_is_claimed_for_a_field_that_reads_time():
    adjoint = psu.adjoint_laws(psu.neural_ode(x, hidden=3, inputs=[x, t]))
    assert adjoint.laws == ()
    assert "no law: no symmetry was found" in repr(adjoint)


def test_names_that_are_taken():
    a_x = psu.parameters("a_x")
    adjoint = psu.adjoint_laws(psu.ODESystem({x: -a_x * x}))
    assert adjoint.adjoint_states == (sp.Symbol("aa_x", real=True),)
    assert adjoint.laws[0].expr == -a_x * x * adjoint.adjoint_states[0]


def test_wrong_calls():
    with pytest.raises(InvalidInputError, match="takes an ODESystem; found dict"):
        psu.adjoint_laws({x: -x})
    with pytest.raises(DerivationError, match="is not smooth"):
        psu.adjoint_laws(psu.ODESystem({x: sp.Abs(x)}))
