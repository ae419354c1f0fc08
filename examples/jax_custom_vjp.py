"""A PySymUDE loss inside JAX: differentiable, and usable under ``jax.jit``.

Run it with ``python jax_custom_vjp.py``. JAX computes in float32 until it is told otherwise; this script
tells it so, since it owns its process. PySymUDE itself never changes JAX's settings.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

import pysymude as psu


def differentiable(obj: psu.Objective) -> Callable[[jax.Array], jax.Array]:
    """`obj.value_and_grad` as a JAX function of theta, with its own reverse rule."""
    shapes = (
        jax.ShapeDtypeStruct((), np.float64),
        jax.ShapeDtypeStruct((obj.layout.size,), np.float64),
    )

    def call(theta: jax.Array) -> tuple[np.ndarray, np.ndarray]:
        value, gradient = obj.value_and_grad(np.asarray(theta, dtype=np.float64))
        return np.asarray(value), gradient

    def both(theta: jax.Array) -> tuple[jax.Array, jax.Array]:
        if theta.dtype != jnp.float64:
            raise TypeError(
                f"theta is {theta.dtype}; a loss of tight tolerance needs float64: write "
                'jax.config.update("jax_enable_x64", True) first'
            )
        return jax.pure_callback(call, shapes, theta, vmap_method="sequential")

    @jax.custom_vjp
    def loss(theta: jax.Array) -> jax.Array:
        return both(theta)[0]

    # value and gradient come from one pass, so the gradient is what `backward` needs
    loss.defvjp(both, lambda gradient, cotangent: (cotangent * gradient,))
    return loss


def problem(engine: str = "native") -> psu.Objective:
    """A damped oscillator whose friction is not known: a network stands for it."""
    x, v = psu.states("x v")
    t = np.linspace(0.0, 4.0, 21)
    truth = psu.ODESystem({x: v, v: -4 * x - 0.5 * v})
    measured = psu.solve(truth, u0=[1.0, 0.0], t=t, engine=engine)
    friction = psu.MLP("friction", inputs=[v], outputs=1, hidden=(4,))
    model = psu.ODESystem({x: v, v: -4 * x + friction[0]})
    data = psu.Dataset.from_arrays(t, measured.u, states=[x, v])
    return psu.objective(model, data, engine=engine)


def main(steps: int = 60, engine: str = "native") -> list[float]:
    """Trains by gradient descent with momentum, compiled as one step; returns the losses."""
    jax.config.update("jax_enable_x64", True)
    obj = problem(engine)
    loss = differentiable(obj)

    @jax.jit
    def step(theta: jax.Array, velocity: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        # any JAX code may stand before and after; here a little weight decay
        def total(theta: jax.Array) -> tuple[jax.Array, jax.Array]:
            value = loss(theta)
            return value + 1e-4 * jnp.sum(theta**2), value

        gradient, value = jax.grad(total, has_aux=True)(theta)
        velocity = 0.9 * velocity - 0.002 * gradient
        return theta + velocity, velocity, value

    theta = jnp.asarray(obj.theta0(seed=0))
    velocity, losses = jnp.zeros_like(theta), list[float]()
    for k in range(steps):
        theta, velocity, value = step(theta, velocity)
        losses.append(float(value))
        if k % 10 == 0 or k == steps - 1:
            print(f"step {k:3d}  loss {losses[-1]:.5f}")
    return losses


if __name__ == "__main__":
    main()
