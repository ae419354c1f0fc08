"""Many solves of one simulator: arrays with further axes in front, one solve for each entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.outcomes import ReturnCode
from pysymude.errors import InvalidInputError
from pysymude.model.coerce import label_of
from pysymude.solving.differentiated import Run

if TYPE_CHECKING:
    from pysymude.solving.simulator import Simulator

__all__ = ["gathered", "pull_many", "run_many"]

Float = NDArray[np.float64]


def run_many(sim: Simulator, theta: Any, u0: Any, p: Any) -> tuple[Float, Float]:
    """Values (..., times, columns), and the absolute tolerances (..., states) that they took."""
    lead, rows = _rows(theta, u0, p)
    values = np.full((len(rows[0]), *sim.shape), np.nan)
    abstol = np.ones((len(rows[0]), len(sim.states)))
    for k, (theta_k, u0_k, p_k) in enumerate(zip(*rows, strict=True)):
        z = np.concatenate([theta_k, p_k, u0_k])
        # an optimiser may have gone astray: then there are no numbers, as for a solve that fails
        if np.isfinite(z).all():
            found = sim.run(z)
            values[k], abstol[k] = found.values, found.abstol
    return values.reshape(*lead, *sim.shape), abstol.reshape(*lead, -1)


def pull_many(
    sim: Simulator, theta: Any, u0: Any, p: Any, abstol: Any, w: Any
) -> tuple[Float, ...]:
    """Cotangents of theta, u0 and p for those of the values, each with all axes in front."""
    weights = np.asarray(w, dtype=np.float64)
    flat = weights.reshape(*weights.shape[:-2], -1)
    lead, rows = _rows(theta, u0, p, abstol, flat)
    a, b, c = (np.full((len(rows[0]), row.shape[-1]), np.nan) for row in rows[:3])
    for k, (theta_k, u0_k, p_k, tolerance, weight) in enumerate(zip(*rows, strict=True)):
        z = np.concatenate([theta_k, p_k, u0_k])
        if not (np.isfinite(z).all() and np.isfinite(weight).all()):
            continue
        bound = sim.inner.bound(np.array(tolerance))
        found = Run(np.zeros(sim.shape), ReturnCode.Success, tolerance, bound)
        a[k], b[k], c[k] = sim.pulled(z, weight.reshape(sim.shape), found)
    return tuple(part.reshape(*lead, part.shape[-1]) for part in (a, b, c))


def _rows(*given: Any) -> tuple[tuple[int, ...], list[Float]]:
    """The axes in front, and each array with all of them as one."""
    arrays = [np.asarray(a, dtype=np.float64) for a in given]
    lead = np.broadcast_shapes(*(a.shape[:-1] for a in arrays))
    count = int(np.prod(lead))
    return lead, [
        np.broadcast_to(a, (*lead, a.shape[-1])).reshape(count, a.shape[-1]) for a in arrays
    ]


def gathered(
    given: Any,
    names: Sequence[str],
    defaults: Float,
    what: str,
    *,
    as_array: Callable[[Any], Any],
    stack: Callable[[list[Any]], Any],
) -> Any:
    """What a user gives a function of JAX or torch, as an array of theirs; mappings in the order of names.

    Where a default is not NaN, a name may be left out.
    """
    if not isinstance(given, Mapping):
        return as_array(given)
    found = {label_of(k): v for k, v in cast("Mapping[Any, Any]", given).items()}
    unknown = sorted(set(found) - set(names))
    missing = [
        n for n, value in zip(names, defaults, strict=True) if n not in found and np.isnan(value)
    ]
    if unknown or missing or not names:
        raise InvalidInputError(
            f"{what} is made of {', '.join(names) or 'a vector alone'} here; missing "
            f"{', '.join(missing) or 'none'}, unknown {', '.join(unknown) or 'none'}"
        )
    return stack([as_array(found.get(n, v)) for n, v in zip(names, defaults, strict=True)])
