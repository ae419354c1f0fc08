"""What the networks of a fit give: by themselves, and in the equations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.result.experiments_of import experiment_number
from pysymude.model.coerce import float_array, label_of
from pysymude.plan.compiled import compile_system
from pysymude.plan.numeric import NumericModel, network_weights

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["network_of", "unknown_term_of"]

Float = NDArray[np.float64]


def unknown_term_of(
    fit: FitResult, u: ArrayLike | None, t: ArrayLike = 0.0, *, experiment: int | str = 0
) -> Float:
    """What the networks add to du/dt at states `u` of shape (..., states); same shape.

    It is f(u, nn) - f(u, 0): the right-hand side less the same with the networks' outputs zero.
    """
    states, obj = float_array(cast("ArrayLike", u), what="u"), fit.objective
    n = len(fit.states)
    if states.shape[-1:] != (n,):
        raise InvalidInputError(
            f"u must have {n} columns ({', '.join(fit.states)}); found shape {states.shape}"
        )
    first = np.atleast_1d(np.asarray(t, dtype=np.float64)).ravel()[:1]
    here = fit.spans(first, experiment_number(fit.data, experiment))[0]
    learned, given = (
        NumericModel(compile_system(s), here.p, here.theta)
        for s in (obj.enforced.model, fit.system)
    )
    return learned.unknown_term(t, states, given)


def network_of(fit: FitResult, name: Any, z: ArrayLike) -> Float:
    """What a network gives for inputs `z` of shape (..., inputs): float64 (..., outputs).

    `unknown_term` is what the networks add to du/dt, which is not the same where one stands inside of a
    function: exp(nn) adds exp(nn) - 1.

    Parameters
    ----------
    name : MLP or str
    z : array
        In the order of the network's inputs.
    """
    text = label_of(name)
    networks = {nn.name: nn for nn in fit.objective.plan.networks}
    if text not in networks:
        raise InvalidInputError(
            f"there is no network {text!r}; there are {', '.join(networks) or 'none'}"
        )
    nn, inputs = networks[text], float_array(z, what="z")
    if inputs.shape[-1:] != (len(nn.inputs),):
        raise InvalidInputError(
            f"network {text!r} has {len(nn.inputs)} inputs ({', '.join(map(str, nn.inputs))}); found "
            f"shape {inputs.shape}"
        )
    return nn.forward(network_weights(fit.objective.plan.networks, fit.theta)[text], inputs)
