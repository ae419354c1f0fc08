"""Simulators as functions of PyTorch's autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pysymude.errors import InvalidInputError
from pysymude.solving.batches import gathered, pull_many, run_many
from pysymude.solving.tabular import package

if TYPE_CHECKING:
    from pysymude.solving.simulator import Simulator

__all__ = ["torch_function"]


def torch_function(sim: Simulator) -> Callable[..., Any]:
    """``f(theta, u0, p=None)``; see `Simulator.to_torch`."""
    torch = package("torch", "to_torch")

    def tensor_of(a: Any) -> Any:
        # numbers of Python are no float32
        return a if isinstance(a, torch.Tensor) else torch.as_tensor(a, dtype=torch.float64)

    class Solved(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, theta: Any, u0: Any, p: Any) -> Any:
            given = (a.detach().cpu().numpy() for a in (theta, u0, p))
            found, abstol = run_many(sim, *given)
            ctx.save_for_backward(theta, u0, p)
            ctx.abstol = abstol
            return torch.from_numpy(found).to(theta.device)

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, w: Any) -> Any:
            given = ctx.saved_tensors
            theta, u0, p, weights = (a.detach().cpu().numpy() for a in (*given, w))
            pulled = pull_many(sim, theta, u0, p, ctx.abstol, weights)
            return tuple(
                torch.from_numpy(_summed(part, tuple(a.shape))).to(a.device)
                for part, a in zip(pulled, given, strict=True)
            )

    sizes = (sim.layout.size, len(sim.states), len(sim.parameters))

    def function(theta: Any, u0: Any, p: Any = None) -> Any:
        open_start = np.full(len(sim.states), np.nan)
        stack = lambda a: torch.stack(torch.broadcast_tensors(*a), dim=-1)  # noqa: E731
        tools: dict[str, Any] = {"as_array": tensor_of, "stack": stack}
        parts = (
            gathered(theta, (), np.zeros(0), "theta", **tools),
            gathered(u0, sim.states, open_start, "u0", **tools),
            gathered(sim.defaults if p is None else p, sim.parameters, sim.defaults, "p", **tools),
        )
        for part, size, what in zip(parts, sizes, ("theta", "u0", "p"), strict=True):
            if part.dtype != torch.float64:
                raise InvalidInputError(
                    f"{what} is {part.dtype}, and a solve needs float64: write {what}.double()"
                )
            if part.ndim == 0 or part.shape[-1] != size:
                raise InvalidInputError(
                    f"{what} must have {size} numbers in its last axis; found shape {tuple(part.shape)}"
                )
        return Solved.apply(*parts)

    return function


def _summed(part: Any, shape: tuple[int, ...]) -> Any:
    """Cotangents of an array that was repeated along axes in front."""
    found = part.sum(axis=tuple(range(part.ndim - len(shape))))
    narrow = tuple(i for i, n in enumerate(shape[:-1]) if n == 1 and found.shape[i] != 1)
    return found.sum(axis=narrow, keepdims=True) if narrow else found
