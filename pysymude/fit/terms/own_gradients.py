"""Values and slopes of functions of arrays: given by the function, by JAX, by torch, or by differences."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import short
from pysymude.solving.tabular import package

__all__ = ["Differentiable", "differentiable"]

Float = NDArray[np.float64]
Arrays = Sequence[Float]
Read = Callable[[], list[int]]

_STEP = 6e-6  # the cube root of the rounding error, for central differences


class Differentiable:
    """A function of arrays, one an experiment; which library differentiates it shows at its first call."""

    def __init__(self, call: Callable[[Sequence[Any]], Any], kind: str) -> None:
        self.call, self.kind = call, kind
        self._compiled: Callable[..., Any] | None = None

    def __call__(self, arrays: Arrays, *, gradient: bool, read: Read) -> tuple[float, list[Float]]:
        """Value, and slopes of the shape of each array; without `gradient` these are 0.

        `read` tells the columns that the function has looked at so far.
        """
        if not self.kind:
            self.kind = self._found_out(arrays)
        if self.kind == "jax":
            return self._by_jax(arrays)
        if self.kind == "torch":
            return self._by_torch(arrays)
        value, slopes = self._split(self.call(arrays), arrays)
        if slopes is not None:
            return value, slopes
        if not gradient or not np.isfinite(value):
            return value, [np.zeros_like(u) for u in arrays]
        return value, self._differences(arrays, read())

    def _found_out(self, arrays: Arrays) -> str:
        """The library of what the function returns for arrays of NumPy, or of what it asks for."""
        try:
            found = self.call(arrays)
        except (TypeError, AttributeError):
            # torch's functions take no arrays of NumPy
            if "torch" not in sys.modules:
                raise
            return "torch"
        first = cast("Any", found)[0] if isinstance(found, tuple) and found else found
        library = type(first).__module__.partition(".")[0]
        return {"jax": "jax", "jaxlib": "jax", "torch": "torch"}.get(library, "numpy")

    def _split(self, found: Any, arrays: Arrays) -> tuple[float, list[Float] | None]:
        """The value, and the slopes where the function gives them."""
        if isinstance(found, tuple):
            parts = cast("tuple[Any, ...]", found)
            if len(parts) != 2:
                raise InvalidInputError(
                    f"loss= gives a number, or a pair (number, slopes); found {len(parts)} entries"
                )
            return _number(parts[0]), _slopes(parts[1], arrays)
        return _number(found), None

    def _differences(self, arrays: Arrays, columns: list[int]) -> list[Float]:
        """Central differences by each number that the function has looked at."""
        moved = [u.copy() for u in arrays]
        slopes = [np.zeros_like(u) for u in arrays]
        for e, u in enumerate(arrays):
            for j in columns:
                h = _STEP * (float(np.abs(u[:, j]).max(initial=0.0)) or 1.0)
                for i in range(len(u)):
                    sides: list[float] = []
                    for sign in (1.0, -1.0):
                        moved[e][i, j] = u[i, j] + sign * h
                        sides.append(_number(self.call(moved)))
                    moved[e][i, j] = u[i, j]
                    slopes[e][i, j] = (sides[0] - sides[1]) / (2 * h)
        return slopes

    def _by_jax(self, arrays: Arrays) -> tuple[float, list[Float]]:
        jax = package("jax", "a loss in JAX")
        if not jax.config.jax_enable_x64:
            raise InvalidInputError(
                "loss= is a function of JAX, and a fit needs float64: write "
                "jax.config.update('jax_enable_x64', True) before it"
            )
        plain = jax.value_and_grad(lambda given: self.call(given))
        compiled = self._compiled or jax.jit(plain)
        try:
            value, slopes = compiled(list(arrays))
            self._compiled = compiled
        except jax.errors.JAXTypeError:
            # what looks at values on its way cannot be compiled
            self._compiled = plain
            value, slopes = plain(list(arrays))
        return _number(value), [np.array(s, dtype=np.float64) for s in slopes]

    def _by_torch(self, arrays: Arrays) -> tuple[float, list[Float]]:
        torch = package("torch", "a loss in torch")
        given = [torch.tensor(u, requires_grad=True) for u in arrays]
        value = self.call(given)
        if not isinstance(value, torch.Tensor) or not value.requires_grad:
            raise InvalidInputError(
                "loss= is a function of torch, but what it returns does not depend on the predictions in a way "
                "that autograd can follow; use predictions[0]['x'] as it is, without torch.tensor or .item"
            )
        slopes = torch.autograd.grad(value, given, allow_unused=True)
        return _number(value.detach()), [
            np.zeros_like(u) if s is None else s.numpy().astype(np.float64)
            for u, s in zip(arrays, slopes, strict=True)
        ]


def differentiable(
    function: Callable[..., Any], call: Callable[[Sequence[Any]], Any]
) -> Differentiable:
    """What `call` computes, with the library that `function` is marked for, or the one that shows."""
    return Differentiable(call, getattr(function, "kind", ""))


def _number(found: Any) -> float:
    array = np.asarray(found)
    if array.shape != () or array.dtype.kind not in "fiu":
        raise InvalidInputError(f"loss= must give one real number; found {short(found)}")
    return float(array)


def _slopes(given: Any, arrays: Arrays) -> list[Float] | None:
    """Slopes that a function gives: an array an experiment, or one alone where there is one experiment."""
    if given is None:
        return None
    several = given if isinstance(given, list | tuple) else [given]
    if len(several) != len(arrays):
        raise InvalidInputError(
            f"loss= gives slopes for {len(several)} experiments, and there are {len(arrays)}"
        )
    found: list[Float] = []
    for slope, u in zip(several, arrays, strict=True):
        array = np.asarray(slope, dtype=np.float64)
        if isinstance(slope, Mapping) or array.shape != u.shape:
            raise InvalidInputError(
                f"loss= gives slopes by predictions[e].u, of its shape {u.shape}; found {short(slope)}"
            )
        found.append(array)
    return found
