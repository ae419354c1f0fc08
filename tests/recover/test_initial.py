"""Recovery of systems whose states start where an expression says."""

import numpy as np
import pytest

import pysymude as psu
from pysymude.errors import CapabilityError

x = psu.states("x", positive=True)
a = psu.parameters("a", positive=True)
T = np.linspace(0.0, 4.0, 41)
NN = psu.MLP("nn", inputs=[x], outputs=1, hidden=(5,))
QUICK = {"engine": "native", "progress": False}


def falling(start: float) -> psu.Trajectory:
    system = psu.ODESystem({x: -0.5 * x**2})
    u = psu.solve(system, u0=[start], t=T, engine="native", reltol=1e-9).u
    return psu.Trajectory.from_arrays(T[1:], u[1:], states=[x], t0=0.0)


def test_a_start_that_is_learned_is_learned_again():
    system = psu.ODESystem({x: -NN[0]}, initial={x: 2 * a}, trainable={a: 0.8})
    fit = psu.fit(system, psu.Dataset(falling(2.0)), **QUICK)
    found = psu.recover(fit, library="poly3", progress=False)
    assert found.rounded().expr == x**2 / 2
    assert found.system.initial == {x: 2 * a}
    assert abs(found.refit.parameters["a"] - 1.0) < 1e-3
    # without u0 the recovered system starts where it learned to
    again = psu.solve(found.system, t=T, engine="native").u
    np.testing.assert_allclose(again[1:], falling(2.0).u, rtol=1e-3)


def test_a_network_in_a_start_is_refused_by_name():
    system = psu.ODESystem({x: -NN[0]}, initial={x: 1 + NN(a)[0] ** 2}, trainable={a: 1.0})
    fit = psu.fit(system, psu.Dataset(falling(2.0)), stages=psu.LBFGS(5), **QUICK)
    with pytest.raises(CapabilityError, match="initial= reads one for the start of x"):
        psu.recover(fit, library="poly3", progress=False)
