"""Networks whose activations are expressions of the user's own: affine layers with symbols between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import label_of
from pysymude.model.network import MLP

__all__ = ["NetworkChain", "parts_named"]


class NetworkChain(Sequence[sp.Expr]):
    """What ``psu.MLP(..., activation=expression)`` makes; ``nn[i]`` is its i-th output.

    Each layer is a network of its own, an affine map called ``nn_1``, ``nn_2``, ..., so that weights stand in
    slots such as ``nn_1.W1``. Derivatives of the activation are taken symbolically.

    Attributes
    ----------
    name : str
    layers : tuple of MLP
    activation : SymPy expression
        Of one symbol.
    """

    def __init__(
        self,
        name: str,
        inputs: Any,
        outputs: int,
        hidden: Sequence[int],
        activation: sp.Expr,
        input_scaling: Any,
        output_scaling: Any,
    ) -> None:
        self.name, self.activation = name, _of_one_symbol(name, activation)
        widths = (*hidden, outputs)
        layers: list[MLP] = []
        given: Any = inputs
        for k, width in enumerate(widths, start=1):
            layers.append(
                MLP(
                    f"{name}_{k}",
                    inputs=given,
                    outputs=width,
                    hidden=(),
                    activation="identity",
                    input_scaling=input_scaling if k == 1 else None,
                    output_scaling=output_scaling if k == len(widths) else None,
                )
            )
            given = [self._activated(z) for z in layers[-1]]
        self.layers = tuple(layers)
        self._outputs = tuple(self.layers[-1])

    def __call__(self, *inputs: Any) -> tuple[sp.Expr, ...]:
        """All outputs of the same network at other inputs."""
        given: Sequence[Any] = inputs
        for layer in self.layers[:-1]:
            given = [self._activated(z) for z in layer(*given)]
        return tuple(self.layers[-1](*given))

    def _activated(self, z: Any) -> Any:
        (symbol,) = self.activation.free_symbols
        return self.activation.xreplace({symbol: z})

    @overload
    def __getitem__(self, index: int) -> sp.Expr: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[sp.Expr, ...]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, int) and not 0 <= index < len(self):
            raise InvalidInputError(
                f"network {self.name!r} has {len(self)} outputs; found index {index}"
            )
        return self._outputs[index]

    def __iter__(self) -> Iterator[sp.Expr]:
        return iter(self._outputs)

    def __len__(self) -> int:
        return len(self._outputs)

    @property
    def n_weights(self) -> int:
        """Number of weights and biases."""
        return sum(layer.n_weights for layer in self.layers)

    def __repr__(self) -> str:
        return (
            f"NetworkChain({self.name!r}, {len(self.layers)} layers, activation={self.activation})"
        )


def _of_one_symbol(name: str, activation: Any) -> sp.Expr:
    found: Any = activation
    if isinstance(found, sp.Lambda):
        if len(found.variables) != 1:
            raise InvalidInputError(
                f"MLP {name!r}: an activation is a function of one number; found {found}"
            )
        found = found.expr
    if len(found.free_symbols) != 1 or found.has(sp.nan, sp.oo, sp.zoo, sp.I, sp.Derivative):
        raise InvalidInputError(
            f"MLP {name!r}: an activation is the name of one, or a real SymPy expression of one symbol such "
            f"as z*tanh(z); found {activation}"
        )
    return found


def parts_named(key: Any) -> list[str]:
    """What a symbol, a network or a string is called; of a chain, the names of its layers."""
    if isinstance(key, NetworkChain):
        return [layer.name for layer in key.layers]
    return [label_of(key)]
