"""Parameters that are learned for each experiment by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import label_of, names_of
from pysymude.model.dataset import Dataset
from pysymude.model.distributions.distribution import Distribution
from pysymude.model.system import ODESystem

__all__ = ["separated"]


def separated(system: ODESystem, data: Dataset, given: Any) -> tuple[ODESystem, Dataset]:
    """The system with a trainable parameter for each experiment in place of each one named, and its data.

    Raises
    ------
    InvalidInputError
        A parameter that is not trainable, has a value of its own in an experiment, or a prior that is none.
    """
    if given is None or (hasattr(given, "__len__") and len(given) == 0):
        return system, data
    priors: Mapping[Any, Any] = given if isinstance(given, Mapping) else {}
    names = (
        [label_of(k) for k in given]
        if isinstance(given, Mapping)
        else names_of(given, what="per_experiment")
    )
    ties = {label_of(k): v for k, v in priors.items()}
    for name in names:
        system, data = _one_separated(system, data, name, ties.get(name))
    return system, data


def _one_separated(
    system: ODESystem, data: Dataset, name: str, prior: Any
) -> tuple[ODESystem, Dataset]:
    symbol = system.symbol(name, what="per_experiment=")
    if symbol not in system.trainable:
        raise InvalidInputError(
            f"per_experiment= names {name!r}, which is not trainable; put it in trainable={{{name}: start}}"
        )
    if prior is not None and not isinstance(prior, Distribution):
        raise InvalidInputError(
            f"per_experiment[{name}] takes a prior such as psu.LogNormal(0, 1), or None; found {prior!r}"
        )
    taken = {s.name for s in (*system.states, *system.parameters, *system.trainable)}
    own: list[sp.Symbol] = []
    for e, trajectory in enumerate(data):
        if name in trajectory.parameters:
            raise InvalidInputError(
                f"per_experiment= names {name!r}, which has a value of its own in experiment "
                f"{trajectory.name!r}; take it out of one of them"
            )
        label = f"{name}_{trajectory.name}"
        label = label if label.isidentifier() and label not in taken else f"{name}_{e}"
        while label in taken:
            label += "_"
        taken.add(label)
        own.append(sp.Symbol(label, **symbol.assumptions0))
    prior = prior if prior is not None else system.priors.get(name)
    start, bounds = system.trainable[symbol], system.bounds[symbol]
    scales = dict(system.given_scales)
    scale = scales.pop(symbol, None)
    rest = {s: v for s, v in system.trainable.items() if s != symbol}
    changed = system.replace(
        trainable={**rest, **dict.fromkeys(own, start)},
        bounds={
            **{s: b for s, b in system.bounds.items() if s != symbol},
            **dict.fromkeys(own, bounds),
        },
        scales={**scales, **({} if scale is None else dict.fromkeys(own, scale))},
        priors={
            **{k: v for k, v in system.priors.items() if k != name},
            **({} if prior is None else {s.name: prior for s in own}),
        },
    )
    return changed, Dataset(
        replace(trajectory, parameters={**trajectory.parameters, name: mine})
        for trajectory, mine in zip(data, own, strict=True)
    )
