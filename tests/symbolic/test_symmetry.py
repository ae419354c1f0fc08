"""Lie symmetries: known algebras, structural symmetries of networks, brackets and prolongations."""

import mpmath
import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp

import pysymude as psu
from pysymude.errors import DerivationError, InvalidInputError
from pysymude.model.network import NetworkOutput
from tests.symbolic.searched import Searched

x, y, z, v = psu.states("x y z v")
a, b, c, k, m, mu, omega, n = psu.parameters("a b c k m mu omega n")
q = psu.states("q1:4")
p = psu.states("p1:4")
t = psu.t
R = sp.Rational
nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=3)
force = psu.MLP("nn", inputs=[q[0] ** 2 + q[1] ** 2], outputs=1, hidden=3)
radial = psu.MLP("nn", inputs=[sp.sqrt(q[0] ** 2 + q[1] ** 2)], outputs=1, hidden=3)
clocked = psu.MLP("nn", inputs=[x, t], outputs=1, hidden=3)
w = sp.Function("w")(t)


def mechanics(*forces):
    count = len(forces)
    return {q[i]: p[i] for i in range(count)} | {p[i]: forces[i] for i in range(count)}


def central(count, exponent, strength=mu):
    r = sum(s**2 for s in q[:count])
    return mechanics(*(-strength * s * r**exponent for s in q[:count]))


# name, system, number of generators, some of them on time and positions
CATALOGUE = [
    ("oscillator", {x: v, v: -x}, 8,
     ["d/dt", "x*d/dx", "cos(t)*d/dx", "cos(2*t)*d/dt - x*sin(2*t)*d/dx"]),
    ("oscillator-omega", {x: v, v: -omega**2 * x}, 8, ["sin(omega*t)*d/dx"]),
    ("oscillator-momentum", {x: y / m, y: -k * x}, 8, ["cos(t*sqrt(k/m))*d/dx"]),
    ("oscillator-plane", mechanics(-q[0], -q[1]), 15, ["q1*d/dq2", "sin(t)*d/dq1"]),
    ("damped-oscillator", {x: v, v: -5 * x - 2 * v}, 8, ["exp(-t)*sin(2*t)*d/dx"]),
    ("critical-oscillator", {x: v, v: -x - 2 * v}, 8, ["t*exp(-t)*d/dx", "t*d/dt - t*x*d/dx"]),
    ("forced-oscillator", {x: v, v: -x + sp.cos(2 * t)}, 8, ["sin(t)*d/dx"]),
    ("forced-oscillator-omega", {x: v, v: -(omega**2) * x + sp.cos(t)}, 8, ["cos(omega*t)*d/dx"]),
    ("damped-oscillator-symbols", {x: v, v: -k * x - 2 * a * v}, 8,
     ["exp(-a*t)*sin(t*sqrt(-a**2 + k))*d/dx"]),
    ("two-frequencies", mechanics(-k * q[0], -m * q[1]), 7, ["sin(sqrt(m)*t)*d/dq2"]),
    ("geodesics", {x: v, v: -(v**2) / x}, 8, ["t/x*d/dx", "t**2*d/dt + 1/2*t*x*d/dx"]),
    ("unknown-forcing", {x: v, v: -x + w}, 2, ["cos(t)*d/dx", "sin(t)*d/dx"]),
    ("free-particle", {x: v, v: 0}, 8, ["t*x*d/dt + x**2*d/dx", "t**2*d/dt + t*x*d/dx"]),
    ("free-particle-plane", mechanics(0, 0), 15, []),
    ("falling-body", {x: v, v: -a}, 8, []),
    ("kepler-2d", central(2, R(-3, 2)), 3,
     ["d/dt", "-q2*d/dq1 + q1*d/dq2", "t*d/dt + 2/3*q1*d/dq1 + 2/3*q2*d/dq2"]),
    ("kepler-3d", central(3, R(-3, 2)), 5, ["d/dt", "-q3*d/dq2 + q2*d/dq3"]),
    ("inverse-cube-force", central(2, -2), 4, ["t**2*d/dt + q1*t*d/dq1 + q2*t*d/dq2"]),
    ("henon-heiles", mechanics(-q[0] - 2 * q[0] * q[1], -q[1] - q[0] ** 2 + q[1] ** 2), 1, ["d/dt"]),
    ("pendulum", {x: v, v: -sp.sin(x)}, 1, ["d/dt"]),
    ("liouville", {x: v, v: sp.exp(x)}, 2, ["t*d/dt - 2*d/dx"]),
    ("lane-emden-5", {x: v, v: -2 * v / t - x**5}, 1, ["t*d/dt - 1/2*x*d/dx"]),
    ("emden-fowler", {x: v, v: a * t**k * x**n}, 1, ["t*d/dt - x*(k + 2)/(n - 1)*d/dx"]),
    ("damped-duffing", {x: v, v: -2 * x - 3 * v + x**3}, 2, ["exp(t)*d/dt - x*exp(t)*d/dx"]),
    ("central-network", mechanics(q[0] * force[0], q[1] * force[0]), 2,
     ["d/dt", "-q2*d/dq1 + q1*d/dq2"]),
    ("central-network-of-the-distance", mechanics(q[0] * radial[0], q[1] * radial[0]), 2, ["d/dt"]),
    ("network-force", {x: v, v: clocked[0]}, 0, []),
    ("lotka-volterra", {x: a * x - b * x * y, y: -c * y + k * x * y}, 1, ["d/dt"]),
    ("lotka-volterra-network", {x: a * x + nn[0], y: -b * y + nn[1]}, 1, ["d/dt"]),
    ("lorenz", {x: 10 * (y - x), y: 28 * x - y - x * z, z: x * y - R(8, 3) * z}, 1, ["d/dt"]),
    ("robertson", {x: -0.04 * x + 1e4 * y * z, y: 0.04 * x - 1e4 * y * z - 3e7 * y**2,
                   z: 3e7 * y**2}, 1, ["d/dt"]),
    ("cos-forcing", {x: x * sp.cos(t)}, 1, ["x*d/dx"]),
    ("decay", {x: -a * x}, 1, ["d/dt"]),
    ("shear", {x: -x + y, y: -2 * y}, 2, []),
    ("sir", {x: -a * x * y, y: a * x * y - b * y, z: b * y}, 2, ["d/dt", "d/dz"]),
    ("homogeneous", {x: x**2, y: x * y + y**2}, 2, ["d/dt"]),
    ("seasonal", {x: a * x * (1 + sp.cos(t)) - x * y, y: -y + x * y}, 0, []),
]  # fmt: skip


def rhs_of(name):
    return next(rhs for other, rhs, _, _ in CATALOGUE if other == name)


@pytest.fixture(scope="module")
def found():
    """Symmetries by name; each system is searched once."""
    given = {name: rhs for name, rhs, _, _ in CATALOGUE}
    return Searched(lambda name: psu.symmetries(psu.ODESystem(given[name])))


def concrete(expr):
    """Networks and unknown functions replaced by functions that can be differentiated twice."""
    table = {
        o: sp.sin((2 + o.index) * sum((i + 1) * s for i, s in enumerate(o.inputs)) + R(1, 3))
        for o in expr.atoms(NetworkOutput)
    }
    return sp.nsimplify(expr.xreplace({**table, w: t**3 - t / 2 + 1}))


def residuals(rhs, X):
    """How far X is from mapping solutions of u' = rhs to solutions, at a random point.

    With D = d/dt + f d/du, the field of the solutions, it is a symmetry if [X, D] = -D(xi) D.
    """
    f = {s: concrete(sp.sympify(e)) for s, e in rhs.items()}
    free = {t, *f}.union(*(e.free_symbols for e in [*f.values(), X.xi, *X.eta.values()]))
    point = {s: sp.Float("0.3", 40) + sp.sqrt(sp.prime(i + 2)) / 7
             for i, s in enumerate(sorted(free, key=str))}  # fmt: skip

    def along(e):
        return e.diff(t) + sum(e.diff(s) * f[s] for s in f)

    def moved(e):
        return X.xi * e.diff(t) + sum(X.eta.get(s, 0) * e.diff(s) for s in f)

    with mpmath.workdps(40):
        return [
            abs(complex((moved(f[s]) - along(sp.sympify(X.eta.get(s, 0))) + along(X.xi) * f[s])
                        .evalf(30, subs=point)))
            for s in f
        ]  # fmt: skip


def holds(rhs, X):
    return max(residuals(rhs, X)) < 1e-15


@pytest.mark.parametrize(("name", "rhs", "count", "some"), CATALOGUE, ids=[r[0] for r in CATALOGUE])
def test_catalogue(found, name, rhs, count, some):
    symmetries = found[name]
    assert len(symmetries) == count
    assert symmetries.complete
    shown = {repr(X.restricted(symmetries.positions)) for X in symmetries}
    assert {*some} <= shown
    for X in [*symmetries, *symmetries.dependent]:
        assert holds(rhs, X)
        for s, f in rhs.items():
            assert sp.expand(X.characteristic[s] - X.eta[s] + X.xi * sp.nsimplify(f)) == 0
    assert symmetries.check()


@pytest.mark.parametrize(
    "name",
    ["oscillator", "kepler-2d", "damped-duffing", "emden-fowler", "central-network", "shear"],
)
def test_a_changed_coefficient_is_rejected(found, name):
    rhs = rhs_of(name)
    system = psu.ODESystem(rhs)
    rejected = 0
    for X in found[name]:
        parts = {t: X.xi, **X.eta}
        for s, e in parts.items():
            for term in sp.Add.make_args(e):
                changed = {**parts, s: e + term / 7}
                Y = psu.Generator(changed.pop(t), changed)
                # a term that is a symmetry of its own may be scaled: the numbers decide
                assert psu.is_symmetry(system, Y) == holds(rhs, Y)
                rejected += not holds(rhs, Y)
    assert rejected >= 2


def test_no_scaling_for_a_central_network():
    system = psu.ODESystem(rhs_of("central-network"))
    scaling = psu.Generator(3 * t, {q[i]: 2 * q[i] for i in (0, 1)} | {p[i]: -p[i] for i in (0, 1)})
    assert not psu.is_symmetry(system, scaling)
    assert psu.is_symmetry(psu.ODESystem(central(2, R(-3, 2))), scaling)


def curve(system, start, times):
    """A solution at `times`, to 1e-12."""
    states = list(system.rhs)
    f = sp.lambdify([t, states], list(system.rhs.values()))
    return solve_ivp(f, (times[0], times[-1]), start, t_eval=times, method="DOP853",
                     rtol=1e-12, atol=1e-13).y.T  # fmt: skip


@pytest.mark.parametrize(("name", "start"), [
    ("kepler-2d", [1.0, 0.1, 0.0, 0.9]),
    ("oscillator", [0.4, 0.3]),
    ("damped-duffing", [0.5, 0.2]),
    ("inverse-cube-force", [1.0, 0.0, 0.1, 1.1]),
])  # fmt: skip
def test_the_flow_of_a_symmetry_maps_solutions_to_solutions(found, name, start):
    rhs = rhs_of(name)
    system = psu.ODESystem({s: sp.sympify(f).subs(mu, 1) for s, f in rhs.items()})
    times = np.linspace(0.3, 1.3, 6)
    points = np.column_stack([times, curve(system, start, times)])
    for X in found[name]:
        parts = [X.xi.subs(mu, 1), *(X.eta[s].subs(mu, 1) for s in rhs)]
        move = sp.lambdify([t, list(rhs)], parts)
        ends = [
            solve_ivp(lambda _, u, move=move: move(u[0], u[1:]), (0, 0.2), point,
                      method="DOP853", rtol=1e-12, atol=1e-13).y[:, -1]
            for point in points
        ]  # fmt: skip
        moved = np.array(ends)
        assert np.abs(moved - points).max() > 1e-3
        again = curve(system, moved[0, 1:], moved[:, 0])
        assert np.abs(again - moved[:, 1:]).max() < 1e-9


def test_first_order_oscillator_keeps_characteristics_that_are_independent():
    system = psu.ODESystem({x: y, y: -x})
    two = psu.symmetries(system, kind="first-order")
    assert [repr(X) for X in two] == ["d/dt", "x*d/dx + y*d/dy"]
    assert len(psu.symmetries(system)) == 8
    assert two.dependent


@pytest.mark.parametrize(
    ("rhs", "count"),
    [({x: y, y: -x}, 2), ({x: y, y: 0}, 2), ({x: -a * x * y, y: a * x * y - b * y, z: b * y}, 1)],
)
def test_dependent_symmetries_give_laws(rhs, count):
    laws = psu.symmetries(psu.ODESystem(rhs)).laws()
    assert len(laws) == count
    for law in laws:
        rate = law.diff(t) + sum(law.diff(s) * f for s, f in rhs.items())
        assert sp.simplify(rate) == 0
        assert law.free_symbols & {*rhs}


def test_laws_from_symmetries_refuse_what_is_none():
    with pytest.raises(InvalidInputError, match="is no symmetry of"):
        psu.symmetry_laws(psu.ODESystem({x: x**2}), [psu.Generator(t, {x: x})])


# -- algebra -----------------------------------------------------------------------------------


def test_the_brackets_of_the_oscillator_are_sl3(found):
    table = psu.commutator_table(found["oscillator"])
    assert table.closes
    size = range(8)
    C = np.array(
        [[[float(table.structure_constant(i, j, k)) for k in size] for j in size] for i in size]
    )
    killing = np.einsum("ikl,jlk->ij", C, C)
    eigenvalues = np.linalg.eigvalsh(killing)
    # the Killing form of sl(3, R): 5 positive, 3 negative
    assert (eigenvalues > 0.1).sum() == 5
    assert (eigenvalues < -0.1).sum() == 3
    jacobi = np.einsum("ijl,lkm->ijkm", C, C)
    cyclic = jacobi + jacobi.transpose(1, 2, 0, 3) + jacobi.transpose(2, 0, 1, 3)
    assert np.abs(cyclic).max() < 1e-12


def test_rotations_and_scaling_of_kepler(found):
    table = psu.commutator_table(found["kepler-3d"])
    assert table.closes
    assert table.constants[0, 4] == (1, 0, 0, 0, 0)
    assert [table.structure_constant(1, 2, k) for k in range(5)] == [0, 0, 0, -1, 0]
    assert [table.structure_constant(2, 1, k) for k in range(5)] == [0, 0, 0, 1, 0]


def test_structure_constants_may_contain_parameters(found):
    table = psu.commutator_table(found["oscillator-omega"])
    assert table.closes
    text = repr(table)
    assert "omega" in text.splitlines()[1]
    assert r"\begin{array}" in table._repr_latex_()
    for (i, j), row in table.constants.items():
        left = psu.lie_bracket(table.generators[i], table.generators[j])
        for s in (t, x, v):
            right = sum(e * X.moves(s) for e, X in zip(row, table.generators, strict=True))
            at = {t: 0.3, x: 0.7, v: -0.4, omega: 1.3}
            assert abs((left.moves(s) - right).evalf(subs=at)) < 1e-12


def test_what_does_not_close_is_said():
    table = psu.commutator_table([psu.Generator(0, {x: x**2}), psu.Generator(0, {x: x**3})])
    assert not table.closes
    assert "[X0, X1] = x**4*d/dx is no combination of them" in repr(table)
    with pytest.raises(InvalidInputError, match="is no combination"):
        table.structure_constant(1, 0, 0)


def test_dependent_generators_are_refused():
    with pytest.raises(InvalidInputError, match="generator 1 is a combination of earlier ones"):
        psu.commutator_table([psu.Generator(t), psu.Generator(2 * t)])
    with pytest.raises(InvalidInputError, match="takes generators; found one of type int"):
        psu.commutator_table([psu.Generator(t), 3])


def test_lie_bracket():
    X, Y = psu.Generator(t**2, {x: t * x}), psu.Generator(1, {y: x})
    assert psu.lie_bracket(X, Y).components() == {t: -2 * t, x: -x, y: t * x}
    assert repr(psu.lie_bracket(X, X)) == "0"
    with pytest.raises(InvalidInputError, match="lie_bracket takes a Generator"):
        psu.lie_bracket(X, x)


def test_prolongation_gives_the_velocities_of_point_symmetries(found):
    for X in found["kepler-2d"]:
        pair = {q[0]: p[0], q[1]: p[1]}
        again = psu.prolongation(X.restricted(q), derivatives=pair)
        assert all(sp.expand(again.eta[s] - X.eta[s]) == 0 for s in [*pair, *pair.values()])


def test_the_second_prolongation_leaves_the_equation_invariant(found):
    acceleration = psu.states("acc")
    for X in found["damped-duffing"]:
        pr = psu.prolongation(X.restricted([x]), 2, derivatives={x: [v, acceleration]})
        F = -2 * x - 3 * v + x**3
        assert sp.expand(pr(acceleration - F).subs(acceleration, F)) == 0
        assert sp.expand(pr(acceleration + F).subs(acceleration, F)) != 0 or X.eta[x] == 0


def test_prolongation_names_its_symbols():
    text = repr(psu.prolongation(psu.Generator(0, {x: x**2}), 2))
    assert text == "x**2*d/dx + 2*x*x_t*d/dx_t + (2*x*x_tt + 2*x_t**2)*d/dx_tt"


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"order": 0}, "order must be a positive whole number"),
        ({"order": 2, "derivatives": {x: v}}, "takes 2 symbols for the derivatives of x"),
        ({"derivatives": {x: x}}, "uses x for two things"),
        ({"derivatives": {x: y}}, r"its eta\[x\] contains y, a derivative"),
    ],
)
def test_wrong_prolongations(keywords, message):
    with pytest.raises(InvalidInputError, match=message):
        psu.prolongation(psu.Generator(0, {x: y}), **keywords)


# -- printing and refusals ---------------------------------------------------------------------


def test_printing(found):
    kepler = found["kepler-2d"]
    text = repr(kepler).splitlines()
    assert text[2] == "2  t*d/dt + 2/3*q1*d/dq1 + 2/3*q2*d/dq2"
    assert text[3].startswith("3 point symmetries to degree")
    assert r"\frac{\partial}{\partial q_{1}}" in kepler._repr_latex_()
    assert r"\frac{2 q_{1}}{3} \frac{\partial}{\partial q_{1}}" in kepler[2]._repr_latex_()
    assert "certified: none in their span" in repr(found["seasonal"])
    assert repr(psu.Generator(0, {x: -x - y})) == "(-x - y)*d/dx"
    assert repr(psu.Generator(-1, {x: -y})) == "-d/dt - y*d/dx"


def test_the_same_input_gives_the_same_output(found):
    again = psu.symmetries(psu.ODESystem(rhs_of("damped-oscillator")))
    assert [repr(X) for X in again] == [repr(X) for X in found["damped-oscillator"]]


@pytest.mark.parametrize(
    ("xi", "eta", "message"),
    [
        ("t", {}, "xi takes a SymPy expression or a number; found 't'"),
        (1, {x: "x"}, r"eta\[x\] takes a SymPy expression"),
        (1, [x], "eta takes a mapping such as"),
        (1, {t: 1}, "the keys of eta are states; found t"),
        (1, {"x": 1}, "the keys of eta are states; found 'x'"),
    ],
)
def test_generators_are_made_of_expressions(xi, eta, message):
    with pytest.raises(InvalidInputError, match=message):
        psu.Generator(xi, eta)


def test_degree_zero_is_translations_only():
    found = psu.symmetries(psu.ODESystem({x: v, v: 0}), degree=0)
    assert [repr(X.restricted([x])) for X in found] == ["d/dt", "d/dx"]


@pytest.mark.parametrize(
    ("rhs", "message"),
    [
        ({x: sp.Abs(x)}, r"Abs\(x\) is not smooth"),
        ({x: v, v: sp.Max(x, 1)}, r"Max\(1, x\) is not smooth"),
        ({x: sp.gamma(x)}, r"gamma\(x\) cannot be treated exactly"),
        ({x: sp.sin(nn[0]), y: x}, "contains a network or an unknown function"),
    ],
)
def test_what_cannot_be_treated_is_named(rhs, message):
    with pytest.raises(DerivationError, match=message):
        psu.symmetries(psu.ODESystem(rhs))


def test_wrong_calls():
    plain = psu.ODESystem({x: -x})
    for call, message in [
        (lambda: psu.symmetries({x: -x}), "takes an ODESystem; found dict"),
        (lambda: psu.symmetries(plain, kind="contact"), "kind must be one of 'auto', 'point'"),
        (lambda: psu.symmetries(plain, kind="point"), "Write kind='first-order'"),
        (lambda: psu.symmetries(plain, degree=-1), "degree must be a whole number, 0 or more"),
        (lambda: psu.symmetries(plain, budget=0), "budget must be a positive number of seconds"),
        (lambda: psu.is_symmetry(plain, 1), "found ODESystem and int"),
        (lambda: psu.is_symmetry(plain, psu.Generator(0, {y: y})), "moves y, which is no state"),
    ]:
        with pytest.raises(InvalidInputError, match=message):
            call()
