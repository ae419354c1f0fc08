"""Losses of the user's own: any function of what the model predicts, in NumPy, JAX or torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.problem.prepared import Prepared
from pysymude.fit.terms.own_gradients import Differentiable, differentiable
from pysymude.fit.terms.term import AbstractScore
from pysymude.model.calls import explained
from pysymude.model.coerce import label_of, meant
from pysymude.model.dataset import Dataset
from pysymude.plan.problem import LossData, LossSpec

__all__ = ["OwnLoss", "Predicted", "Predictions", "jax_loss", "own_loss", "torch_loss"]

Float = NDArray[np.float64]


class Predicted:
    """What the model predicts for one experiment.

    Attributes
    ----------
    name : str
        Of the experiment.
    t : float64 array, shape (times,)
    columns : tuple of str
        The measured columns, then all other states and observables.
    u : array, shape (times, columns)
        Of NumPy, JAX or torch. ``predicted["x"]`` is one of its columns, by name or symbol.
    """

    def __init__(
        self, name: str, t: Float, columns: tuple[str, ...], u: Any, read: set[str]
    ) -> None:
        self.name, self.t, self.columns, self._u, self._read = name, t, columns, u, read

    @property
    def u(self) -> Any:
        """All columns."""
        self._read.update(self.columns)
        return self._u

    def __getitem__(self, column: Any) -> Any:
        name = label_of(column)
        if name not in self.columns:
            raise InvalidInputError(
                f"there is no prediction of {name!r}; there are {', '.join(self.columns)}"
                f"{meant(name, self.columns)}"
            )
        self._read.add(name)
        return self._u[:, self.columns.index(name)]

    def __repr__(self) -> str:
        return f"Predicted({self.name!r}: {', '.join(self.columns)} at {len(self.t)} times)"


class Predictions(Sequence[Predicted]):
    """One `Predicted` for each experiment, by number or by name, in the order of the data."""

    def __init__(self, entries: Sequence[Predicted]) -> None:
        self._entries = tuple(entries)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            for entry in self._entries:
                if entry.name == key:
                    return entry
            raise InvalidInputError(self._unknown(key))
        if not isinstance(key, int | np.integer | slice):
            raise InvalidInputError(self._unknown(label_of(key)))
        if not isinstance(key, slice) and not -len(self) <= key < len(self):
            raise IndexError(f"there is no experiment {key}; there are {len(self)}")
        return self._entries[key]

    def _unknown(self, key: str) -> str:
        names = [entry.name for entry in self._entries]
        if key in self._entries[0].columns:
            return (
                f"predictions[{key!r}]: {key} is a column, and predictions hold one entry for each experiment: "
                f"write predictions[0][{key!r}], or predictions[{names[0]!r}][{key!r}]"
            )
        known = [name for name in names if name]
        there = f", named {', '.join(known)}" if known else ""
        return f"there is no experiment {key!r}; there are {len(names)}{there}{meant(key, names)}"

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Predicted]:
        return iter(self._entries)


@final
@dataclass(frozen=True, eq=False)
class OwnLoss(AbstractScore):
    """A function of predictions and data, as a loss of what an engine gives for measurements.

    Attributes
    ----------
    function : callable
        As the user gave it.
    columns : tuple of str
        What is predicted.
    """

    function: Callable[..., Any]
    columns: tuple[str, ...]
    data: Dataset
    read: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        object.__setattr__(self, "differentiable", differentiable(self.function, self.call))

    differentiable: Differentiable = field(init=False)

    def call(self, arrays: Sequence[Any]) -> Any:
        """What the user's function gives for these predictions, one array an experiment."""
        entries = [
            Predicted(tr.name, tr.t, self.columns, u, self.read)
            for tr, u in zip(self.data, arrays, strict=True)
        ]
        function = getattr(self.function, "function", self.function)
        return function(Predictions(entries), self.data)

    def evaluate(self, seen: Float, loss: LossData, *, gradient: bool) -> tuple[float, Float]:
        """The loss, and its derivatives by `seen` (E, T, columns), 0 where not asked for."""
        arrays = [
            np.array(seen[e, : len(tr), : len(self.columns)]) for e, tr in enumerate(self.data)
        ]
        value, slopes = self.differentiable(arrays, gradient=gradient, read=self._places)
        given = np.zeros_like(seen)
        for e, slope in enumerate(slopes):
            given[e, : len(slope), : len(self.columns)] = slope
        return value, given

    def complaint(self, seen: Float, loss: LossData, data: Dataset) -> str:
        """What the function gave."""
        value, _ = self.evaluate(seen, loss, gradient=False)
        where = (
            ""
            if np.isfinite(seen[loss.weight != 0]).all()
            else ", and some predictions are not finite"
        )
        return f"The function of loss= gave {value}{where}."

    def _places(self) -> list[int]:
        return [j for j, name in enumerate(self.columns) if name in self.read]


@dataclass(frozen=True)
class _Marked:
    """A function that is to be called with arrays of one library."""

    function: Callable[..., Any]
    kind: str

    def __call__(self, *given: Any) -> Any:
        return self.function(*given)


@explained
def jax_loss(function: Callable[..., Any]) -> Callable[..., Any]:
    """A loss for ``fit(..., loss=)`` that JAX differentiates.

    Without it the kind is found out by what the function returns.

    Parameters
    ----------
    function : callable
        ``function(predictions, data)``, as for `objective`; it sees arrays of JAX.

    Returns
    -------
    callable
        For ``loss=``.

    Examples
    --------
    >>> import pysymude as psu
    >>> @psu.jax_loss
    ... def peak(predictions, data):
    ...     return (predictions[0]["x"].max() - 2.0) ** 2
    """
    return _Marked(function, "jax")


@explained
def torch_loss(function: Callable[..., Any]) -> Callable[..., Any]:
    """A loss for ``fit(..., loss=)`` that torch differentiates.

    Without it the kind is found out by what the function returns.

    Parameters
    ----------
    function : callable
        ``function(predictions, data)``, as for `objective`; it sees tensors.

    Returns
    -------
    callable
        For ``loss=``.
    """
    return _Marked(function, "torch")


def own_loss(
    function: Any, prepared: Prepared, spec: LossSpec, loss: LossData
) -> tuple[OwnLoss, LossSpec, LossData]:
    """A user's loss, and what an engine has to be asked for it: all columns at all times.

    Raises
    ------
    InvalidInputError
        It is no function, or the system has noise models or priors, which are losses themselves.
    """
    if not callable(function):
        raise InvalidInputError(
            f"loss= takes a function of (predictions, data); found {type(function).__name__}"
        )
    system, plan, data = prepared.system, prepared.plan, prepared.data
    for what, given in (("noise", system.noise), ("priors", system.priors)):
        if given:
            raise InvalidInputError(
                f"loss= takes the place of the likelihood, and the system has {what}= for "
                f"{', '.join(given)}; leave out one of them"
            )
    known = [*(x.name for x in system.states), *system.observables]
    there = {*plan.states, *plan.system.observables}
    more = [name for name in known if name in there and name not in spec.columns]
    columns = (*spec.columns, *more)
    shape = (*loss.y.shape[:2], len(columns))
    own = np.arange(shape[1])[None] < np.array([len(tr) for tr in data])[:, None]
    weight = np.repeat(own[:, :, None], len(columns), axis=2).astype(np.float64)
    asked = LossSpec(columns, spec.links, spec.laws, spec.mixes)
    return (
        OwnLoss(function, columns, data),
        asked,
        replace(loss, y=np.zeros(shape), weight=weight, side=None),
    )
