"""Where training starts: a user's theta, or natural values by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.loss.objective import Objective
from pysymude.model.coerce import float_array, label_of

__all__ = ["given_start"]

Float = NDArray[np.float64]


def given_start(obj: Objective, theta0: Any, seed: int) -> Float:
    """A start of the user's, with or without the initial states that are learned by default."""
    if theta0 is None:
        return obj.theta0(seed)
    if isinstance(theta0, Mapping):
        return _start_by_names(obj, theta0, seed)
    given = float_array(theta0, what="theta0")
    freed = [s.name for s in obj.layout.of_kind("u0")]
    short = obj.layout.size - len(freed)
    if freed and given.shape == (short,):
        # they stand behind everything else
        given = np.concatenate([given, obj.theta0()[short:]])
    return obj.layout.check(given)


def _start_by_names(obj: Objective, given: Mapping[Any, Any], seed: int) -> Float:
    """The seeded start with natural values by name over it; a network takes all of its weights."""
    values = obj.layout.unpack(obj.theta0(seed))
    networks = {nn.name: nn for nn in obj.plan.networks}
    for key, value in given.items():
        name = label_of(key)
        if name in networks:
            flat = np.asarray(value, dtype=np.float64).ravel()
            slots = [s for s in obj.layout.of_kind("weight") if s.name.startswith(f"{name}.")]
            if flat.size != sum(s.size for s in slots):
                raise InvalidInputError(
                    f"network {name!r} has {sum(s.size for s in slots)} weights; found {flat.size} in theta0="
                )
            first = slots[0].offset
            for s in slots:
                values[s.name] = flat[s.offset - first : s.slice.stop - first].reshape(s.shape)
        elif name in obj.layout:
            values[name] = value
        else:
            raise InvalidInputError(
                f"theta0= names {name!r}, which is not learned; there are "
                f"{', '.join([*networks, *obj.layout])}"
            )
    return obj.layout.pack(values)
