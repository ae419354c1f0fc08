"""Calls that cannot mean what they say: each is told what was found and what to write instead."""

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.errors import EmissionError, InvalidInputError

x, y = psu.states("x y", positive=True)
k, m, z = psu.parameters("k m z")
w = sp.Function("w")
nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=2)
plain = psu.ODESystem({x: -k * x, y: x - y}, parameters={k: 1.0})
T = [0.0, 1.0, 2.0]
U = np.array([[1.0, 0.5], [0.5, 0.4], [0.2, 0.3]])


def solve(system=plain, **changes):
    usual = {"u0": [1.0, 1.0], "t": T, "solver": "Tsit5", "engine": "native"}
    return psu.solve(system, **(usual | changes))


def objective(system, u=U, states=(x, y), **keywords):
    data = psu.Dataset.from_arrays(T, u, states=list(states), **keywords)
    return psu.objective(system, data, solver="Tsit5")


learn = {"trainable": {k: 1.0}}

CALLS = [
    (lambda: solve({x: -x}), "expected an ODESystem; found dict"),
    (lambda: solve(u0=[1.0]), r"one value for each of x, y; found shape \(1,\)"),
    (lambda: solve(u0=[1.0, np.nan]), "u0 must be finite; found nan for state 'y'"),
    (lambda: solve(u0={x: 1.0}), "u0 has no value for state 'y'"),
    (lambda: solve(u0={x: 1.0, y: 1.0, "q": 2.0}), "u0 names 'q', which is no state"),
    (lambda: solve(t=[0.0]), "at least two times"),
    (lambda: solve(t=[0.0, 2.0, 1.0]), r"found t\[2\] = 1 after 2"),
    (lambda: solve(t=[0.0, np.inf]), "finite and strictly ascending"),
    (lambda: solve(parameters={"kk": 1.0}), "no parameter 'kk'; it has k"),
    (
        lambda: solve(psu.ODESystem({x: -k * x}), u0=[1.0]),
        "parameter 'k' has no value; give ODESystem",
    ),
    (
        lambda: solve(psu.ODESystem({x: nn[0]}), u0=[1.0]),
        "contains the network 'nn', so solve needs theta=",
    ),
    (
        lambda: solve(psu.ODESystem({x: nn[0]}), u0=[1.0], theta=[1.0]),
        r"theta must have shape \(7,\) for this problem; found \(1,\)",
    ),
    (lambda: solve(solver="tsit5"), "solver 'tsit5' is unknown to engine 'native'.*Tsit5"),
    (lambda: solve(reltol=-1e-6), "reltol must be a number between 1e-15 and 1"),
    (lambda: solve(abstol="small"), "abstol must be a positive number"),
    (lambda: solve(abstol=0.0), "abstol must be a positive number"),
    (
        lambda: solve(engine="numpy"),
        "engine 'numpy' is unknown; choose 'auto' or one of 'julia', 'native'",
    ),
    (
        lambda: solve(psu.ODESystem({x: w(psu.t)}), u0=[1.0]),
        r"the unknown function w\(t\) has no values",
    ),
    (
        lambda: solve(psu.ODESystem({x: sp.gamma(x)}), u0=[1.0]),
        "gamma in gamma\\(x\\) cannot be computed",
    ),
    (
        lambda: solve(psu.ODESystem({x: sp.Piecewise((x, x > 1))}), u0=[1.0]),
        "is not defined everywhere; end it with",
    ),
    (
        lambda: solve(
            psu.ODESystem({x: k}, trainable={k: 1.0}, bounds={k: (0, 2)}),
            u0=[1.0],
            parameters={k: 3},
        ),
        r"parameter 'k' must lie in \[0, 2\]; found 3",
    ),
    (
        lambda: solve(
            psu.ODESystem(
                {x: psu.MLP("n", inputs=[x], outputs=1, hidden=1, input_scaling="data")[0]}
            ),
            u0=[1.0],
            theta=np.zeros(4),
        ),
        "network 'n' takes its scaling from data",
    ),
    (lambda: objective(plain), "nothing to learn"),
    (lambda: psu.objective(plain, U), "data must be a Dataset; found ndarray"),
    (
        lambda: objective(psu.ODESystem({x: -k * x, y: -y}, **learn), states=(x, "yy")),
        "the data column 'yy' is neither a state nor an observable",
    ),
    (
        lambda: objective(psu.ODESystem({x: -k * x, y: -y}, **learn), u=U[:, :1], states=[x]),
        "'y'.*u0=",
    ),
    (
        lambda: objective(psu.ODESystem({x: -k * x, y: -y}, **learn), u0={"z": 1.0}),
        "u0 of experiment '0' names 'z'",
    ),
    (
        lambda: objective(psu.ODESystem({x: -k * x, y: -y}, **learn), parameters={"y": 1.0}),
        "parameters= names 'y', which is a state; its start belongs to u0=",
    ),
    (
        lambda: objective(psu.ODESystem({x: -k * x, y: -m * y}, **learn)),
        "parameter 'm' has no value",
    ),
    (
        lambda: objective(
            psu.ODESystem({x: psu.MLP("n", inputs=[x, z], outputs=1, hidden=1)[0], y: -y})
        ),
        "parameter 'z', an input of network 'n' and no state of the system, has no value",
    ),
    (
        lambda: objective(
            psu.ODESystem({x: -k * x, y: -y}, **learn), u0={x: -1.0}, trainable_u0=True
        ),
        "'x' of experiment '0' starts at -1, but x is declared positive",
    ),
    (lambda: psu.solve(plain, u0=[1, 1], t=T)["q"], "no column 'q'; it has x, y"),
    (lambda: psu.fit(plain, None), "data must be a Dataset; found NoneType"),
]


@pytest.mark.parametrize("call", range(len(CALLS)), ids=lambda i: CALLS[i][1][:40])
def test_the_message_says_what_to_do(call):
    make, message = CALLS[call]
    with pytest.raises((InvalidInputError, EmissionError), match=message):
        make()
