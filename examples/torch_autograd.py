"""A PySymUDE loss inside PyTorch: values and gradients as one differentiable function.

Run it with ``python torch_autograd.py``; it needs ``pip install torch``. With ``engine="julia"``, Julia
has to start before torch is imported: write ``import juliacall`` above ``import torch``.
"""

from typing import Any

import numpy as np
import torch

import pysymude as psu


class Loss(torch.autograd.Function):
    """`obj.value_and_grad` as torch sees it; apply it to a float64 theta."""

    @staticmethod
    def forward(ctx: Any, theta: torch.Tensor, obj: psu.Objective) -> torch.Tensor:
        value, gradient = obj.value_and_grad(theta.detach().cpu().numpy())
        # both come from one pass, so the gradient is kept for `backward`
        ctx.save_for_backward(torch.as_tensor(gradient, device=theta.device))
        return theta.new_tensor(value)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, cotangent: torch.Tensor) -> tuple[torch.Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return cotangent * gradient, None


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
    """Trains with torch's Adam; returns the losses."""
    obj = problem(engine)
    theta = torch.tensor(obj.theta0(seed=0), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([theta], lr=0.03)
    losses: list[float] = []
    for step in range(steps):
        optimizer.zero_grad()
        loss = Loss.apply(theta, obj)
        # any torch code may stand before and after; here a little weight decay
        (loss + 1e-4 * (theta**2).sum()).backward()
        optimizer.step()
        losses.append(loss.item())
        if step % 10 == 0 or step == steps - 1:
            print(f"step {step:3d}  loss {losses[-1]:.5f}")
    return losses


if __name__ == "__main__":
    main()
