"""The trainable vector: which slice of it means what, and both ways between names and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import float_array
from pysymude.model.transforms import from_unconstrained, log_slope_of, slope_of, to_unconstrained

__all__ = ["Slot", "ThetaLayout"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Slot:
    """One named piece of theta.

    `kind` is ``"weight"``, ``"parameter"`` or ``"u0"``; `low` and `high` bound its natural value, which is
    stored on a logarithmic scale between two bounds where `log`. What is `held` is 0 and stays it: the bias of a
    layer that has none.
    """

    name: str
    shape: tuple[int, ...]
    offset: int
    kind: str
    low: float = -np.inf
    high: float = np.inf
    log: bool = False
    held: bool = False

    def natural(self, z: Any) -> Any:
        """The value that numbers of theta stand for."""
        return from_unconstrained(z, self.low, self.high, self.log)

    def slope(self, z: Any) -> Any:
        """The derivative of the natural value by z."""
        return slope_of(z, self.low, self.high, self.log)

    def log_slope(self, z: float) -> float:
        """The derivative of the logarithm of `slope` by z."""
        return log_slope_of(z, self.low, self.high, self.log)

    def unit(self, z: float) -> float:
        """The natural unit of a number there: where it has a bound that of a logarithm, else its size."""
        if np.isfinite(self.low) or np.isfinite(self.high):
            return 1.0
        return abs(z) if z != 0 else 1.0

    def stored(self, value: Any) -> Any:
        """The numbers of theta that stand for a value."""
        return to_unconstrained(value, self.low, self.high, self.log)

    @property
    def size(self) -> int:
        """Number of entries."""
        return int(np.prod(self.shape))

    @property
    def slice(self) -> slice:
        """Where it lies in theta."""
        return slice(self.offset, self.offset + self.size)

    @property
    def places(self) -> NDArray[np.int64]:
        """The entries of theta that it is, int64 (size,)."""
        return np.arange(self.offset, self.offset + self.size)


class ThetaLayout(Mapping[str, Slot]):
    """Names, shapes, positions and bounds of everything that is learned.

    Order: the networks by name (for each layer ``nn.W1`` of shape (rows, columns), row-major, then
    ``nn.b1``), the trainable parameters in the order given (``gamma``), the trainable initial states
    by experiment (``u0[0].x``).  A bounded value is stored as the real number of
    `pysymude.model.transforms`, so theta itself is unconstrained.

    Examples
    --------
    >>> import pysymude as psu
    >>> x, k = psu.states("x"), psu.parameters("k", positive=True)
    >>> layout = psu.ODESystem({x: -k*x}, trainable={k: 2.0}).layout
    >>> layout.pack({"k": 1.0}), layout.unpack([0.0])
    (array([0.]), {'k': 1.0})
    """

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._slots = {slot.name: slot for slot in slots}
        self.size = sum(slot.size for slot in slots)

    def __getitem__(self, name: str) -> Slot:
        return self._slots[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._slots)

    def __len__(self) -> int:
        return len(self._slots)

    def pack(self, values: Mapping[str, ArrayLike]) -> Float:
        """theta, float64 of shape (size,), from natural values by name; held slots may be left out."""
        unknown = set(values) - set(self)
        missing = [name for name, slot in self.items() if name not in values and not slot.held]
        if unknown or missing:
            raise InvalidInputError(
                f"theta is made of {list(self)}; missing {missing}, unknown {sorted(unknown)}"
            )
        theta = np.empty(self.size)
        for slot in self.values():
            value = np.asarray(values.get(slot.name, np.zeros(slot.shape)), dtype=np.float64)
            if value.shape != slot.shape:
                raise InvalidInputError(
                    f"{slot.name} has shape {slot.shape}; found an array of shape {value.shape}"
                )
            if not (np.all(slot.low <= value) and np.all(value <= slot.high)):
                raise InvalidInputError(
                    f"{slot.name} must lie between {slot.low} and {slot.high}; found {value}"
                )
            theta[slot.slice] = np.ravel(slot.stored(value))
        return self._with_zeros(theta)

    def unpack(self, theta: ArrayLike) -> dict[str, float | Float]:
        """Natural values by name: floats for numbers, float64 arrays for matrices and vectors."""
        theta = self.check(theta)
        found: dict[str, float | Float] = {}
        for slot in self.values():
            value = slot.natural(theta[slot.slice].reshape(slot.shape))
            found[slot.name] = float(value) if slot.shape == () else value
        return found

    def check(self, theta: ArrayLike) -> Float:
        """`theta` as a float64 array, after a look at its shape and its entries."""
        if isinstance(theta, Mapping):
            raise InvalidInputError(
                "theta must be an array of numbers; found a mapping: `.layout.pack(values)` makes one"
            )
        array = float_array(theta, what="theta")
        if array.shape != (self.size,):
            raise InvalidInputError(
                f"theta must have shape ({self.size},) for this problem; found {array.shape}. "
                "`.theta0(seed)` makes one, `.layout` names what is in it"
            )
        if not np.isfinite(array).all():
            bad = int(np.flatnonzero(~np.isfinite(array))[0])
            raise InvalidInputError(f"theta must be finite; found {array[bad]} at index {bad}")
        return self._with_zeros(array)

    @cached_property
    def bounded(self) -> tuple[Slot, ...]:
        """The numbers that are stored on another scale than their own; weights are on their own."""
        return tuple(
            slot
            for slot in self.values()
            if slot.kind != "weight" and (np.isfinite(slot.low) or np.isfinite(slot.high))
        )

    @cached_property
    def held(self) -> tuple[Slot, ...]:
        """The slots that are 0 and stay it."""
        return tuple(slot for slot in self.values() if slot.held)

    def _with_zeros(self, theta: Float) -> Float:
        for slot in self.held:
            if np.any(theta[slot.slice] != 0.0):
                raise InvalidInputError(
                    f"{slot.name} belongs to a layer without bias, and is 0; found {theta[slot.slice]}"
                )
        return theta

    def of_kind(self, kind: str) -> tuple[Slot, ...]:
        """The slots of one kind: ``"weight"``, ``"parameter"`` or ``"u0"``."""
        return self._kinds.get(kind, ())

    @cached_property
    def _kinds(self) -> dict[str, tuple[Slot, ...]]:
        """The slots by their kind; they are asked for wherever something is evaluated."""
        found: dict[str, list[Slot]] = {}
        for slot in self.values():
            found.setdefault(slot.kind, []).append(slot)
        return {kind: tuple(slots) for kind, slots in found.items()}

    def extended(self, slots: Sequence[tuple[str, float, float]]) -> ThetaLayout:
        """The layout with trainable initial states (name, low, high) behind it."""
        more = [
            Slot(name, (), self.size + i, "u0", low, high)
            for i, (name, low, high) in enumerate(slots)
        ]
        return ThetaLayout([*self.values(), *more])

    def __repr__(self) -> str:
        rows = (f"{s.slice.start}:{s.slice.stop} {s.name} {s.shape}" for s in self.values())
        return f"ThetaLayout(size={self.size}: " + "; ".join(rows) + ")"
