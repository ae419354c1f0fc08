"""`neural_ode`: a right-hand side that is one network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pysymude.model.calls import explained
from pysymude.model.network import MLP
from pysymude.model.system import ODESystem

__all__ = ["neural_ode"]


@explained
def neural_ode(
    states: Any,
    *,
    hidden: int | Sequence[int],
    activation: str = "tanh",
    name: str = "nn",
    inputs: Sequence[Any] | None = None,
    **keywords: Any,
) -> ODESystem:
    """The system u' = nn(u): a right-hand side with no known term.

    One explicit Euler step of size 1 of it is a residual block, u + nn(u) (Chen et al., Neural
    Ordinary Differential Equations, arXiv:1806.07366, eqs. 1 and 2).

    Parameters
    ----------
    states : symbol or sequence of symbols
        The states; also the network's inputs unless `inputs` is given (add ``psu.t`` there for a
        non-autonomous field).
    hidden, activation, name
        As for `MLP`. Further keywords (`input_scaling`, ...) go to `MLP` too.

    Returns
    -------
    ODESystem

    Examples
    --------
    >>> import pysymude as psu
    >>> psu.neural_ode(psu.states("x y"), hidden=8)
    ODESystem(x' = nn[0], y' = nn[1])
    """
    given = list(states) if isinstance(states, (tuple, list)) else [states]
    nn = MLP(
        name,
        inputs=given if inputs is None else inputs,
        outputs=len(given),
        hidden=hidden,
        activation=activation,
        **keywords,
    )
    return ODESystem(dict(zip(given, nn, strict=True)))
