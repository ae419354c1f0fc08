"""Other kinds of systems: a stiff one, and one of second order."""

import numpy as np
import pytest
import sympy as sp

import pysymude as psu


def test_robertson_with_an_unknown_autocatalytic_rate():
    y1, y2, y3 = psu.states("y1 y2 y3")
    slow, back, fast = 0.04 * y1, 1e4 * y2 * y3, 3e7 * y2**2
    truth = psu.ODESystem({y1: -slow + back, y2: slow - back - fast, y3: fast})
    t = np.concatenate([[0.0], np.logspace(-4, 3, 29)])
    keywords = {"solver": "Rodas5P", "abstol": 1e-12, "engine": "native"}
    clean = psu.solve(truth, u0=[1.0, 0.0, 0.0], t=t, reltol=1e-10, **keywords).u
    size = np.array([1e-3, 2e-8, 1e-3])
    rng = np.random.default_rng(0)
    data = psu.Dataset.from_arrays(
        t, clean + size * rng.standard_normal(clean.shape), states=[y1, y2, y3],
        noise=dict(zip((y1, y2, y3), size, strict=True)), u0=[1.0, 0.0, 0.0],
    )  # fmt: skip
    nn = psu.MLP(
        "nn", inputs=[y2], outputs=1, hidden=(4,), input_scaling=(2e-5, 2e-5),
        output_scaling=(0.02, 0.02),
    )  # fmt: skip
    system = psu.ODESystem({y1: -slow + back, y2: slow - back - nn[0], y3: nn[0]})
    fit = psu.fit(system, data, stages=psu.LBFGS(60), progress=False, **keywords)
    assert fit.success
    found = psu.recover(fit, library="poly3", resamples=10)
    assert [c.term for c in found.coefficients] == [y2**2]
    assert found.coefficients[0].value == pytest.approx(3e7, rel=5e-3)
    assert abs(found.coefficients[0].value - 3e7) < 4 * found.coefficients[0].error
    assert found.trusted
    # what Robertson's problem conserves
    assert y1 + y2 + y3 in [law.expr for law in found.laws(degree=1)]


def test_a_pendulum_with_an_unknown_torque():
    angle, speed = psu.states("angle speed")
    truth = psu.ODESystem({angle: speed, speed: -sp.sin(angle) - 0.3 * speed * sp.cos(angle)})
    t = np.linspace(0.0, 8.0, 41)
    clean = psu.solve(truth, u0=[2.0, 0.0], t=t, reltol=1e-10, abstol=1e-10, engine="native").u
    noise = 5e-3 * np.random.default_rng(1).standard_normal(clean.shape)
    data = psu.Dataset.from_arrays(t, clean + noise, states=[angle, speed])
    nn = psu.MLP("torque", inputs=[angle, speed], outputs=1, hidden=(6, 6))
    system = psu.ODESystem({angle: speed, speed: -sp.sin(angle) + nn[0]})
    stages = [psu.GradientMatching(100), psu.LBFGS(150)]
    fit = psu.fit(system, data, stages=stages, engine="native", progress=False)
    own = [speed * sp.cos(angle), speed * sp.sin(angle)]
    found = psu.recover(fit, library=["poly3", "trig", *own], resamples=20)
    assert [c.term for c in found.coefficients] == [speed * sp.cos(angle)]
    assert found.coefficients[0].value == pytest.approx(-0.3, rel=0.03)
    assert found.trusted
