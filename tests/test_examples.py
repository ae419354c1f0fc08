"""The examples: those on laws show what they say, those for other packages train on our gradients."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(code: str, *, needs: str) -> None:
    """In a process of its own: each package has settings and threads that are for one process."""
    if find_spec(needs) is None:
        pytest.skip(f"{needs} is not installed")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=EXAMPLES, capture_output=True, text=True,
        timeout=300, env=os.environ | {"PYTHONPATH": str(EXAMPLES.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("as it should be\n")


TORCH = """
import numpy as np, torch
from torch_autograd import Loss, main, problem

losses = main(steps=30)
assert len(losses) == 30 and losses[-1] < losses[0] / 5

obj = problem()
theta = obj.theta0(1)
value, gradient = obj.value_and_grad(theta)
z = torch.tensor(theta, requires_grad=True)
loss = Loss.apply(z, obj)
(3 * loss).backward()
assert loss.dtype == torch.float64 and loss.item() == value
np.testing.assert_array_equal(z.grad.numpy(), 3 * gradient)

few = torch.autograd.gradcheck(lambda z: Loss.apply(z, obj), (z,), eps=1e-4, atol=1e-4, rtol=1e-4)
class Wrong(torch.autograd.Function):
    forward = Loss.forward
    @staticmethod
    def backward(ctx, cotangent):
        return cotangent * ctx.saved_tensors[0] * 1.001, None
assert few
assert not torch.autograd.gradcheck(
    lambda z: Wrong.apply(z, obj), (z,), eps=1e-4, atol=1e-4, rtol=1e-4, raise_exception=False
)
print("as it should be")
"""

JAX = """
import jax, jax.numpy as jnp, numpy as np
from jax.test_util import check_grads
from jax_custom_vjp import differentiable, main, problem

obj = problem()
loss = differentiable(obj)
theta = obj.theta0(1)
value, gradient = obj.value_and_grad(theta)
assert not jax.config.jax_enable_x64
try:
    loss(jnp.asarray(theta))
except TypeError as error:
    assert "jax_enable_x64" in str(error)
else:
    raise AssertionError("float32 was taken without a word")

losses = main(steps=30)
assert len(losses) == 30 and losses[-1] < losses[0] / 5

for f in (jax.value_and_grad(loss), jax.jit(jax.value_and_grad(loss))):
    found, slope = f(jnp.asarray(theta))
    assert found.dtype == slope.dtype == jnp.float64
    assert float(found) == value
    np.testing.assert_array_equal(slope, gradient)
np.testing.assert_array_equal(jax.jit(jax.grad(lambda z: 3 * loss(z)))(theta), 3 * gradient)
both = jax.vmap(loss)(jnp.stack([theta, 0.5 * theta]))
np.testing.assert_array_equal(both, [value, obj.value_and_grad(0.5 * theta)[0]])

check_grads(loss, (theta,), order=1, modes=["rev"], eps=1e-4, atol=1e-4, rtol=1e-4)
wrong = jax.custom_vjp(lambda z: loss(z))
wrong.defvjp(lambda z: jax.value_and_grad(loss)(z), lambda g, c: (1.001 * c * g,))
try:
    check_grads(wrong, (theta,), order=1, modes=["rev"], eps=1e-4, atol=1e-4, rtol=1e-4)
except AssertionError:
    print("as it should be")
"""


def test_torch_trains_on_our_gradients():
    run(TORCH, needs="torch")


def test_jax_trains_on_our_gradients():
    run(JAX, needs="jax")


def example(name: str) -> Any:
    """An example as a module; its figures go to the current folder."""
    spec = spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_cosine_toy(capsys):
    toy = example("cosine_toy")
    found = toy.main(starts=1)
    # laws along the model's own trajectory: no gradient, and so the same fit
    assert found["gradient of the laws"] < 1e-9
    assert found["penalty on both laws of the pair"] == pytest.approx(found["data alone"], abs=1e-4)
    assert found["forward law on the data first"] < 0.1
    assert found["gradient"] < 1e-6
    assert "a_z*cos(b + w*z) = const" in capsys.readouterr().out


@pytest.mark.slow
def test_charged_particle():
    particle = example("charged_particle")
    energy = particle.psu.first_integrals(particle.particle(particle.TRUE))
    assert [str(law.expr) for law in energy] == ["-2*x_t**2 + cos(2*b + 2*w*x)"]
    truth = {"w": 0.9, "b": 0.4 + np.pi}
    assert particle.error(truth) == pytest.approx(0, abs=1e-12)
    assert particle.error(truth | {"b": 0.5}) == pytest.approx(0.1)
    found = particle.main(starts=1)
    alone, penalty = found["data alone"], found["energy as a penalty along the model"]
    assert penalty == pytest.approx(alone, rel=1e-3)
    assert all(drift < 1e-3 for _, drift in found.values())


@pytest.mark.slow
def test_relaxation(tmp_path):
    gas = example("relaxation")
    f = gas.starts(1, 5)[0]
    m = gas.maxwellian(f)
    np.testing.assert_allclose(gas.MOMENTS @ m, gas.MOMENTS @ f, rtol=1e-12)
    # the logarithm of a discrete Maxwellian is a quadratic in v
    np.testing.assert_allclose(np.diff(np.log(m), 3), 0, atol=1e-10)
    found = gas.main(iterations=15, experiments=4)
    assert found["projected"][0] < 1e-13
    assert not found["unconstrained"][0] < 1e-3
    assert (tmp_path / "relaxation.png").exists()


@pytest.mark.slow
def test_central_force(tmp_path):
    found = example("central_force").main(iterations=15, points=21)
    assert not found["unconstrained"]["momentum"] < 1e-2
    for name in ("projected", "projected, fed by invariants"):
        assert found[name]["momentum"] < 1e-5
    assert (tmp_path / "central_force.png").exists()


@pytest.mark.slow
def test_theophylline_population(capsys):
    found = example("theophylline_population").main()
    plain, network = found["one rate constant"], found["a network"]
    assert "RMS 0.6221" in capsys.readouterr().out  # of the closed forms
    assert plain.residuals.table[0].rms == pytest.approx(0.671, abs=0.005)
    # theophylline is lost at first order, which the network is free to deny
    assert network.residuals.table[0].rms <= plain.residuals.table[0].rms * 1.001
    rates = network.network("nn", np.array([[0.1], [0.9]]))[:, 0]
    assert abs(rates[1] - rates[0]) < 0.1
    assert 0.077 < plain.parameters["ke"] < 0.095


@pytest.mark.slow
def test_heated_plate():
    found = example("heated_plate").main()
    assert found["proportional"] == pytest.approx(found["SciPy, proportional"], rel=1e-3)
    assert found["a network"] < 0.65 * found["proportional"]


def test_bouncing_ball(capsys):
    ball = example("bouncing_ball")
    fit = ball.main()
    assert fit.converged
    assert fit.parameters["restitution"] == pytest.approx(0.82, abs=3e-3)
    lines = capsys.readouterr().out.splitlines()
    scipy, ours = (next(x for x in lines if x.startswith(w)) for w in ("SciPy", "pysymude"))
    assert scipy.split(":")[1].strip() == ours.split(":")[1].strip()


@pytest.mark.slow
def test_fishing_design(tmp_path):
    found = example("fishing_design").main()
    plan, areas = found["plan"], found["areas"]
    assert len(plan.times) == 10
    assert plan.names == ("a", "d")
    assert plan.excess < 1e-3
    assert plan.gain > 4.0
    fished = plan.settings[0]["signals"]["fishing"][1]
    assert fished.max() > 0
    plain, designed = areas["equal distances, no fishing"], areas["designed"]
    # one noisy data set each: half of what was promised is there
    assert plain / designed > 0.5 * plan.gain
    assert (tmp_path / "fishing_design.png").exists()
