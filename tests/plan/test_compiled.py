"""The plan of a system: what its fingerprint tells apart, and what it does not."""

import subprocess
import sys

import numpy as np
import pytest

import pysymude as psu
from pysymude.errors import EmissionError
from pysymude.plan.compiled import compile_system
from pysymude.plan.numeric import NumericModel

x, y = psu.states("x y")
k = psu.parameters("k")
nn = psu.MLP("nn", inputs=[x, y], outputs=1, hidden=3)


def fingerprint(rhs=None, **keywords):
    return compile_system(psu.ODESystem(rhs or {x: k * x, y: nn[0]}, **keywords)).fingerprint


def test_values_do_not_enter():
    base = fingerprint(parameters={k: 1.0})
    assert base == fingerprint(parameters={k: 2.0})
    scaled = psu.MLP("nn", inputs=[x, y], outputs=1, hidden=3, input_scaling=(1.0, 2.0))
    assert base == fingerprint({x: k * x, y: scaled[0]})
    started = fingerprint(trainable={k: 1.0})
    assert started == fingerprint(trainable={k: 2.0})


def test_everything_else_does():
    positive = psu.states("x", positive=True)
    other = psu.MLP("nn", inputs=[x, y], outputs=1, hidden=3, activation="rbf")
    wider = psu.MLP("nn", inputs=[x, y], outputs=1, hidden=4)
    different = [
        fingerprint(),
        fingerprint({x: k * x, y: other[0]}),
        fingerprint({x: k * x, y: wider[0]}),
        fingerprint({x: k * x + 1, y: nn[0]}),
        fingerprint({y: nn[0], x: k * x}),
        fingerprint({positive: k * positive, y: y}),
        fingerprint({x: k * x, y: y}),
        fingerprint(trainable={k: 1.0}),
        fingerprint(trainable={k: 1.0}, bounds={k: (0, None)}),
        fingerprint(observables={"s": x + y}),
        fingerprint(observables={"s": x - y}),
        fingerprint(observables={"r": x + y}),
    ]
    assert len(set(different)) == len(different)


def test_it_is_the_same_in_every_process():
    code = (
        "import pysymude as psu, sympy as sp\n"
        "from pysymude.plan.compiled import compile_system\n"
        "x, y, a, b = *psu.states('x y'), *psu.parameters('a b')\n"
        "s = psu.ODESystem({x: a*x*y/(b + x**2) + sp.sin(x*y), y: x + y + a + b + sp.exp(-x*a)})\n"
        "print(compile_system(s).fingerprint)"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(seen) == 1


def test_observables_of_one_name_are_not_mixed_up():
    t, u = [0.0, 1.0], np.array([[1.0], [1.0]])
    values = []
    for expr in (x, 2 * x):
        system = psu.ODESystem({x: -k * x}, trainable={k: 1.0}, observables={"s": expr})
        data = psu.Dataset.from_arrays(t, u, states=["s"], u0={x: 1.0})
        values.append(psu.objective(system, data, solver="Tsit5").value([0.0]))
    assert values == pytest.approx([0.0, 2.0], abs=1e-6)


def test_the_unknown_term_is_what_the_networks_add():
    plan = compile_system(psu.ODESystem({x: 2 * x + x * nn[0], y: -y}))
    theta = nn.initial_weights(0)
    u = np.array([[0.5, 1.0], [2.0, -1.0]])
    model = NumericModel(plan, np.zeros(0), theta)
    expected = np.stack([u[:, 0] * nn.forward(theta, u)[:, 0], [0.0, 0.0]], axis=1)
    np.testing.assert_allclose(model.unknown_term(0.0, u), expected, rtol=1e-14)


def test_the_time_gradient():
    plan = compile_system(psu.ODESystem({x: psu.t**2 * x}))
    model = NumericModel(plan, np.zeros(0), np.zeros(0))
    assert model.evaluate(plan.time_gradient, 3.0, [5.0]) == pytest.approx([30.0])


def test_a_stray_symbol_is_named():
    plan = compile_system(psu.ODESystem({x: -x}))
    with pytest.raises(EmissionError, match="the symbol k is neither a state"):
        plan.tape([k])


def test_a_step_with_a_value_of_its_own_at_zero():
    import sympy as sp

    plan = compile_system(psu.ODESystem({x: sp.Heaviside(x, 1), y: sp.Heaviside(y)}))
    model = NumericModel(plan, np.zeros(0), np.zeros(0))
    u = np.array([[-1.0, -1.0], [0.0, 0.0], [2.0, 2.0]])
    np.testing.assert_array_equal(model.rhs(0.0, u), [[0, 0], [1, 0.5], [1, 1]])
