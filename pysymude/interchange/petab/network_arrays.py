"""The arrays of networks: their names, values, priors, and which of them keep their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import ModelFileError
from pysymude.interchange.petab.described import Parameter
from pysymude.interchange.petab.entities import Entities
from pysymude.interchange.petab.prior_densities import Density, density_of

__all__ = ["Weights", "weights_of"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """One array: its id, its slot in theta, its value, and the row of the parameter table that says most of it.

    An array without a row of its own in a network (a bias that the network has not) is zero, and is kept so.
    """

    id: str
    slot: str
    value: Float
    row: Parameter | None
    prior: Parameter | None

    @property
    def estimated(self) -> bool:
        """Whether it is learned."""
        return self.row is not None and self.row.estimated


@dataclass(frozen=True)
class Weights:
    """All arrays of all networks."""

    parts: tuple[Part, ...]

    @cached_property
    def estimated(self) -> dict[str, Float]:
        """Nominal values by id, of those that are learned."""
        return {p.id: p.value for p in self.parts if p.estimated}

    @cached_property
    def slot_names(self) -> dict[str, str]:
        """Names in theta by id."""
        return {p.id: p.slot for p in self.parts}

    @cached_property
    def frozen(self) -> tuple[str, ...]:
        """Slots that keep their value."""
        return tuple(p.slot for p in self.parts if not p.estimated)

    def slots(self, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Values by the names of theta, those given over the nominal ones."""
        return {p.slot: (given or {}).get(p.id, p.value) for p in self.parts}

    def densities(self, flat: bool) -> dict[str, Density]:
        """Priors by id."""
        found: dict[str, Density] = {}
        for part in self.parts:
            if part.estimated and part.prior is not None:
                density = density_of(part.prior, flat)
                if density is not None:
                    found[part.id] = density
        return found


def weights_of(entities: Entities) -> Weights:
    """The arrays of the networks of a problem.

    Raises
    ------
    ModelFileError
        An array that no file has, or that has another shape.
    """
    return Weights(tuple(_parts(entities)))


def _parts(entities: Entities) -> Iterator[Part]:
    for key, built in entities.networks.items():
        for k, layer in enumerate(built.chain.layers, start=1):
            shapes = {
                "W": ("weight", (layer.outputs, layer.inputs)),
                "b": ("bias", (layer.outputs,)),
            }
            for letter, (name, shape) in shapes.items():
                slot, own = built.slots[layer.id].format(letter), f"{key}.{letter}{k}"
                if letter == "b" and not layer.bias:
                    yield Part(own, slot, np.zeros(shape), None, None)
                    continue
                rows = list(_rows(entities, key, layer.id, name))
                value = _value(entities, key, layer.id, name, shape, rows)
                with_prior = next(
                    (r for r in rows if r.prior is not None), rows[0] if rows else None
                )
                yield Part(own, slot, value, rows[0] if rows else None, with_prior)


def _rows(entities: Entities, key: str, layer: str, name: str) -> Iterator[Parameter]:
    """Rows of the parameter table that speak of an array, the most special one first."""
    parameters = entities.described.parameters
    for wanted in ((key, layer, name), (key, layer, ""), (key, "", "")):
        for row, meant in entities.slices.items():
            if meant == wanted and row in parameters:
                yield parameters[row]


def _value(
    entities: Entities,
    key: str,
    layer: str,
    name: str,
    shape: tuple[int, ...],
    rows: list[Parameter],
) -> Float:
    found = entities.arrays.parameters.get((key, layer, name))
    where = str(entities.described.file)
    if found is None:
        number = next((r.nominal for r in rows if r.nominal is not None), None)
        if number is None:
            raise ModelFileError(
                f"network {key!r}: no array file has {name} of {layer!r}, and the parameter table has no number "
                "for it", where=where,
            )  # fmt: skip
        return np.full(shape, number)
    if found.shape != shape:
        raise ModelFileError(
            f"network {key!r}: {name} of {layer!r} must have shape {shape}; its array has {found.shape}",
            where=where,
        )
    return found
