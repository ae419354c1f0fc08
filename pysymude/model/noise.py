"""Noise models and priors as a user may write them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.chain import parts_named
from pysymude.model.coerce import meant, name_of
from pysymude.model.distributions.distribution import Distribution
from pysymude.model.theta import ThetaLayout

__all__ = ["checked_priors", "noise_models"]


def noise_models(given: Mapping[Any, Any], known: Collection[str]) -> dict[str, Distribution]:
    """A distribution with an open location for each column named."""
    found: dict[str, Distribution] = {}
    for key, value in given.items():
        name = name_of(key, what="noise=")
        if name not in known:
            raise InvalidInputError(
                f"noise= names {name!r}, which is neither a state nor an observable; there are "
                f"{', '.join(known)}{meant(name, known)}"
            )
        found[name] = _noise_model(name, value)
    return found


def _noise_model(name: str, value: Any) -> Distribution:
    if isinstance(value, type) and issubclass(value, Distribution):
        value = value()
    if isinstance(value, Distribution):
        if not value.is_noise:
            raise InvalidInputError(
                f"the noise of {name!r} is {value!r}, a whole distribution; around the prediction write "
                f"{type(value).__name__}({', '.join(value.scales)})"
            )
        return value
    if isinstance(value, bool | str) or not isinstance(value, sp.Expr | int | float | np.number):
        raise InvalidInputError(
            f"the noise of {name!r} must be a distribution such as psu.LogNormal(sigma), or the standard "
            f"deviation of a normal one, as a number or an expression; found {value!r}"
        )
    if not isinstance(value, sp.Expr) and not value > 0:
        raise InvalidInputError(f"the noise of {name!r} must be positive; found {value!r}")
    # SciPy's special functions take a while to load
    from pysymude.model.distributions.normal import Normal

    return Normal(value)


def checked_priors(given: Mapping[Any, Any], layout: ThetaLayout) -> dict[str, Distribution]:
    """A distribution for each slot or network named, of numbers or of what is learned."""
    networks = {slot.name.rpartition(".")[0] for slot in layout.of_kind("weight")}
    known = [*networks, *layout]
    found: dict[str, Distribution] = {}
    each = [(name, value) for key, value in given.items() for name in parts_named(key)]
    for name, value in each:
        if name not in known:
            raise InvalidInputError(
                f"priors= names {name!r}, which is not learned; there are {', '.join(known)}"
                f"{meant(name, known)}"
            )
        if not isinstance(value, Distribution) or not value.is_prior:
            raise InvalidInputError(
                f"the prior of {name!r} must be a whole distribution, such as psu.Normal(0, 1); "
                f"found {value!r}"
            )
        for symbol in sorted(value.free_symbols, key=str):
            if symbol.name not in layout or layout[symbol.name].kind != "parameter":
                raise InvalidInputError(
                    f"the prior of {name!r}, {value!r}, contains {symbol}, which is not learned; its arguments "
                    "are numbers or expressions of trainable parameters"
                )
        found[name] = value
    return found
