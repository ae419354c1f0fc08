"""The examples that wrap a loss for other packages: they train, and their gradients are ours."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

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
