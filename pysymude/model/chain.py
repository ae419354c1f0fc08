"""Networks of affine layers with functions between them: other activations, or one for each layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.activation_forms import FORMS, applied
from pysymude.model.coerce import label_of
from pysymude.model.network import MLP

__all__ = ["NetworkChain", "chain_activations", "parts_named"]


class NetworkChain(Sequence[sp.Expr]):
    """What ``psu.MLP`` makes of activations that it does not have itself; ``nn[i]`` is its i-th output.

    Each layer is a network of its own, an affine map called ``nn_1``, ``nn_2``, ..., so that weights stand in
    slots such as ``nn_1.W1``. Derivatives of the activations are taken symbolically.

    Attributes
    ----------
    name : str
    layers : tuple of MLP
    activations : tuple of str or SymPy expression
        One behind each layer, ``"identity"`` behind the last unless it was given; expressions are of one symbol.
    """

    def __init__(
        self,
        name: str,
        inputs: Any,
        outputs: int,
        hidden: Sequence[int],
        activations: Sequence[Any],
        input_scaling: Any,
        output_scaling: Any,
        bias: Sequence[bool],
    ) -> None:
        self.name, self.activations = name, tuple(activations)
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
                    bias=bias[k - 1],
                )
            )
            given = self._activated(k, layers[-1])
        self.layers = tuple(layers)
        self._outputs = tuple(given)

    def __call__(self, *inputs: Any) -> tuple[sp.Expr, ...]:
        """All outputs of the same network at other inputs."""
        given: Sequence[Any] = inputs
        for k, layer in enumerate(self.layers, start=1):
            given = self._activated(k, layer(*given))
        return tuple(given)

    def _activated(self, k: int, values: Any) -> list[Any]:
        return [applied(self.activations[k - 1], z) for z in values]

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
            f"NetworkChain({self.name!r}, {len(self.layers)} layers, activations "
            f"{', '.join(map(str, self.activations))})"
        )


def chain_activations(
    name: str, given: Any, hidden: Sequence[int], scaled: bool
) -> tuple[Any, ...]:
    """An activation behind each layer, from one for all hidden ones or one each, perhaps the last included.

    Raises
    ------
    InvalidInputError
        An unknown name, no expression of one symbol, or another number of them.
    """
    several = list(given) if isinstance(given, (list, tuple)) else [given] * len(hidden)
    if len(several) not in (len(hidden), len(hidden) + 1):
        raise InvalidInputError(
            f"MLP {name!r}: activation= takes one for all, or one for each of the {len(hidden)} hidden layers, or "
            f"for these and the last one; found {len(several)}"
        )
    if scaled and len(several) > len(hidden) and several[-1] != "identity":
        raise InvalidInputError(
            f"MLP {name!r}: output_scaling= would act before the activation of the last layer; scale the "
            "outputs where they stand, as in 2*nn[0] + 1"
        )
    found = [one if isinstance(one, str) else _of_one_symbol(name, one) for one in several]
    for one in found:
        if isinstance(one, str) and one not in FORMS:
            raise InvalidInputError(
                f"MLP {name!r}: activation {one!r} is unknown; choose one of {', '.join(FORMS)}, or write an "
                "expression of one symbol"
            )
    return (*found, *["identity"] * (len(hidden) + 1 - len(found)))


def _of_one_symbol(name: str, activation: Any) -> sp.Expr:
    found: Any = activation
    if isinstance(found, sp.Lambda):
        if len(found.variables) != 1:
            raise InvalidInputError(
                f"MLP {name!r}: an activation is a function of one number; found {found}"
            )
        found = found.expr
    if (
        not isinstance(found, sp.Expr)
        or len(found.free_symbols) != 1
        or found.has(sp.nan, sp.oo, sp.zoo, sp.I, sp.Derivative)
    ):
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
