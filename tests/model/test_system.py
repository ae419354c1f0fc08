import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.errors import InvalidInputError

x, y = psu.states("x y", positive=True)
a, b = psu.parameters("a b")
nn = psu.MLP("nn", inputs=[x, y], outputs=1, hidden=2)


def test_a_system_knows_its_parts():
    system = psu.ODESystem(
        {x: a * x + nn[0], y: b * psu.t},
        parameters={a: 1},
        trainable={"b": 2.0},
        bounds={b: (0, None)},
        observables={"total": x + y},
    )
    assert system.states == (x, y)
    assert dict(system.parameters) == {a: 1.0}
    assert dict(system.trainable) == {b: 2.0}
    assert dict(system.bounds) == {b: (0.0, np.inf)}
    assert system.observables["total"] == x + y
    assert system.networks == (nn,)
    assert system.is_universal
    assert not system.is_autonomous
    assert system.symbolic_parameters == ()


def test_it_is_frozen_and_compared_by_content():
    one, two = psu.ODESystem({x: -x}), psu.ODESystem({x: -x})
    assert one == two
    assert hash(one) == hash(two)
    assert one != psu.ODESystem({x: -2 * x})
    with pytest.raises(TypeError):
        one.rhs[x] = x
    with pytest.raises(AttributeError):
        one.states = ()


def test_symbols_behave_like_sympy_symbols():
    assert isinstance(psu.states("x"), sp.Symbol)
    assert isinstance(psu.parameters("k1:4"), tuple)
    assert psu.states("x", positive=True).is_positive


def test_positive_trainables_get_a_bound_by_themselves():
    k = psu.parameters("k", positive=True)
    assert psu.ODESystem({x: k}, trainable={k: 1}).bounds[k] == (0.0, np.inf)


def test_numbers_are_expressions():
    assert psu.ODESystem({x: 1, y: 0.5}).rhs[y] == sp.Float(0.5)


def test_replace_changes_one_thing():
    system = psu.ODESystem({x: a * x}, trainable={a: 1.0}, bounds={a: (0, 2)})
    assert system.replace(trainable={}, parameters={a: 3.0}).parameters[a] == 3.0
    assert system.replace() == system
    with pytest.raises(InvalidInputError, match="replace\\(\\) changes rhs"):
        system.replace(states=[x])


def test_a_step_of_euler_is_a_residual_block():
    """Chen et al., arXiv:1806.07366, eq. 1: h + f(h, theta)."""
    from pysymude.plan.compiled import compile_system
    from pysymude.plan.numeric import NumericModel

    system = psu.neural_ode([x, y], hidden=(4,), name="block")
    plan = compile_system(system)
    theta = system.networks[0].initial_weights(0)
    h = np.array([0.4, 1.2])
    euler = h + 1.0 * NumericModel(plan, np.zeros(0), theta).rhs(0.0, h)
    W1, b1, W2, b2 = (system.layout.unpack(theta)[f"block.{k}"] for k in ("W1", "b1", "W2", "b2"))
    residual_block = h + (W2 @ np.tanh(W1 @ h + b1) + b2)
    np.testing.assert_array_equal(euler, residual_block)


class TestEquations:
    time = sp.Symbol("tau")
    X, Y = sp.Function("X", positive=True), sp.Function("Y")

    def test_first_order(self):
        X, Y, s = self.X, self.Y, self.time
        system = psu.ODESystem.from_equations(
            [sp.Eq(X(s).diff(s), a * X(s) + s), sp.Eq(-Y(s).diff(s), X(s) * Y(s))],
            parameters={a: 1.0},
            observables={"sum": X(s) + Y(s)},
        )
        u, v = system.states
        assert (u.name, v.name) == ("X", "Y")
        assert u.is_positive
        assert system.rhs[u] == a * u + psu.t
        assert system.rhs[v] == -u * v
        assert system.observables["sum"] == u + v

    def test_coupled_second_order(self):
        X, Y, s = self.X, self.Y, self.time
        system = psu.ODESystem.from_equations(
            [
                sp.Eq(X(s).diff(s, 2) + Y(s).diff(s), -X(s)),
                sp.Eq(Y(s).diff(s), X(s).diff(s)),
            ]
        )
        assert str(dict(system.rhs)) == "{X: X_t, X_t: -X - X_t, Y: X_t}"

    def test_what_is_not_such_an_equation(self):
        X, Y, s = self.X, self.Y, self.time
        from_equations = psu.ODESystem.from_equations
        with pytest.raises(InvalidInputError, match="takes SymPy equations"):
            from_equations([X(s).diff(s)])
        with pytest.raises(InvalidInputError, match="found no derivative"):
            from_equations(sp.Eq(X(s), 1))
        with pytest.raises(InvalidInputError, match="linear in the highest derivatives"):
            from_equations(sp.Eq(X(s).diff(s) ** 2, 1))
        with pytest.raises(InvalidInputError, match="do not determine"):
            from_equations([sp.Eq(X(s).diff(s) + Y(s).diff(s), 1)])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: psu.ODESystem({}), "takes a mapping from state symbols"),
        (lambda: psu.ODESystem([x]), "takes a mapping from state symbols"),
        (lambda: psu.ODESystem({"x": -x}), "found the key 'x' of type str"),
        (lambda: psu.ODESystem({psu.t: 1}), "cannot be a state"),
        (lambda: psu.ODESystem({x: "-x"}), "is the text '-x'; write it with SymPy symbols"),
        (lambda: psu.ODESystem({x: None}), "must be a SymPy expression; found None"),
        (lambda: psu.ODESystem({x: sp.I * x}), "real and finite"),
        (lambda: psu.ODESystem({x: sp.zoo}), "real and finite"),
        (lambda: psu.ODESystem({x: sp.Symbol("t")}), "a symbol t that is not psu.t"),
        (lambda: psu.ODESystem({x: sp.Symbol("x") + x}), "'x' stands for two different things"),
        (lambda: psu.ODESystem({x: sp.Symbol("my k")}), "plain identifier"),
        (lambda: psu.ODESystem({x: a}, parameters={"c": 1}), "no state or parameter 'c'"),
        (lambda: psu.ODESystem({x: a}, parameters={x: 1}), "which is a state; its start belongs"),
        (lambda: psu.ODESystem({x: a}, parameters={a: "1e"}), r"parameters\[a\] must be a number"),
        (lambda: psu.ODESystem({x: a}, parameters={a: np.nan}), r"parameters\[a\] must be finite"),
        (lambda: psu.ODESystem({x: a}, parameters=[1.0]), "parameters= takes a mapping"),
        (
            lambda: psu.ODESystem({x: a}, parameters={a: 1}, trainable={a: 1}),
            "stands in parameters= and in trainable=",
        ),
        (lambda: psu.ODESystem({x: a}, bounds={a: (0, 1)}), "which is not trainable"),
        (
            lambda: psu.ODESystem({x: a}, trainable={a: 2}, bounds={a: (0, 1)}),
            r"bounds of 'a' are \[0, 1\], which excludes its start 2",
        ),
        (
            lambda: psu.ODESystem({x: a}, trainable={a: 0.5}, bounds={a: (1, 0)}),
            "must have low < high",
        ),
        (
            lambda: psu.ODESystem({x: a}, trainable={a: 0.5}, bounds={a: 3}),
            r"must be \(low, high\)",
        ),
        (lambda: psu.ODESystem({x: a}, observables={"x": x}), "has the name of a state"),
        (lambda: psu.ODESystem({x: a}, observables={"s": "x"}), "observable 's' is the text"),
        (lambda: psu.states(""), "takes one string"),
        (lambda: psu.parameters("lambda"), "Python keyword"),
    ],
)
def test_wrong_systems_are_refused(make, message):
    with pytest.raises(InvalidInputError, match=message):
        make()


def test_a_network_must_have_a_name_of_its_own():
    other = psu.MLP("nn", inputs=[x], outputs=1, hidden=9)
    with pytest.raises(InvalidInputError, match="'nn' stands for two different things"):
        psu.ODESystem({x: nn[0] + other[0]})


@pytest.mark.parametrize("argument", ["tau - 1", "2*tau", "0"])
def test_delays_are_refused(argument):
    tau, f = sp.Symbol("tau"), sp.Function("x")
    at = {"tau - 1": tau - 1, "2*tau": 2 * tau, "0": sp.Integer(0)}[argument]
    with pytest.raises(InvalidInputError, match="without delays"):
        psu.ODESystem.from_equations(sp.Eq(f(tau).diff(tau), f(at)))
    with pytest.raises(InvalidInputError, match=r"no function of psu\.t alone"):
        psu.ODESystem({x: f(at.subs(tau, psu.t))})
    # an unknown function of time itself is fine, for laws
    w = sp.Function("w")
    assert psu.ODESystem({x: w(psu.t)}).functions == (w(psu.t),)


def test_equations_are_named_as_they_were_written():
    tau, f = sp.Symbol("tau"), sp.Function("x")
    with pytest.raises(InvalidInputError, match="Derivative") as caught:
        psu.ODESystem.from_equations(sp.Eq(f(tau).diff(tau) ** 2, 1))
    assert "top" not in str(caught.value)
