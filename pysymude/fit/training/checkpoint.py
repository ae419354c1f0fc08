"""Where a fit stands: everything that the training loop needs to go on, and its file."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.files.save_file import differing, read, understood, with_prefix, write
from pysymude.fit.optimizers.optimizer import Memory

__all__ = ["History", "Progress"]

Float = NDArray[np.float64]
_KIND = "checkpoint"


class History:
    """One row an iteration: stage, iteration, value, one column a term, validation, seconds."""

    def __init__(self, columns: dict[str, list[Any]] | None = None) -> None:
        self._columns: dict[str, list[Any]] = columns or {
            name: [] for name in ("stage", "iteration", "value", "seconds")
        }

    def add(self, stage: str, **numbers: float) -> None:
        """A row; a column that appears for the first time is NaN before."""
        rows = len(self)
        for name in numbers:
            self._columns.setdefault(name, [np.nan] * rows)
        self._columns["stage"].append(stage)
        for name in self._columns:
            if name != "stage":
                self._columns[name].append(float(numbers.get(name, np.nan)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Columns by name: `stage` as text, the others float64, shape (rows,)."""
        return {
            k: np.array(v, dtype=None if k == "stage" else float) for k, v in self._columns.items()
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> History:
        """The inverse of `arrays`."""
        return cls({name: column.tolist() for name, column in arrays.items()})

    def last(self, name: str, count: int) -> list[Any]:
        """The last entries of a column."""
        return self._columns[name][-count:] if count else []

    def __len__(self) -> int:
        return len(self._columns["stage"])


@dataclass
class Progress:
    """The state of the training loop.

    Attributes
    ----------
    leg, iteration : int
        The leg under way, and the iterations done in it.
    vector : float64 array
        The task's unknowns now; theta comes first.
    memory : dict of arrays
        The optimiser's memory.
    best, score : float64 array and float
        The best theta so far and its loss or validation loss; infinite before the first.
    stale : int
        Validations since the best one.
    before : float64 array
        Theta where the leg under way began.
    moved : bool
        Whether a leg on a part of the loss has left the start.
    attempt : int
        Which attempt is under way, see `Leg`.
    first : float
        The whole loss where it was first evaluated; infinite before.
    converged : bool
        Whether `best` is where an optimiser had nothing more to gain.
    promised : float
        How much the loss at `best` could still fall; infinite where nothing is known.
    record : list of lists
        What happened, rows of `FitLog`.
    """

    vector: Float
    leg: int = 0
    iteration: int = 0
    memory: Memory = field(default_factory=dict[str, Float])
    best: Float | None = None
    score: float = np.inf
    stale: int = 0
    before: Float = field(default_factory=lambda: np.zeros(0))
    moved: bool = False
    attempt: int = 0
    first: float = np.inf
    converged: bool = False
    promised: float = np.inf
    seconds: float = 0.0
    finished: bool = False
    history: History = field(default_factory=History)
    record: list[list[Any]] = field(default_factory=list[list[Any]])

    def save(self, path: str | PathLike[str], key: dict[str, str]) -> None:
        """Writes the checkpoint, atomically."""
        names = (
            "leg",
            "iteration",
            "score",
            "stale",
            "moved",
            "attempt",
            "first",
            "converged",
            "promised",
            "seconds",
            "finished",
            "record",
        )
        meta: dict[str, Any] = {name: getattr(self, name) for name in names}
        arrays: dict[str, NDArray[Any]] = {"vector": self.vector, "before": self.before}
        if self.best is not None:
            arrays["best"] = self.best
        arrays |= {f"memory.{k}": v for k, v in self.memory.items()}
        arrays |= {f"history.{k}": v for k, v in self.history.arrays().items()}
        write(path, _KIND, {"key": key, "state": meta}, arrays)

    @classmethod
    def load(cls, path: str | PathLike[str], key: dict[str, str]) -> Progress:
        """The state in a checkpoint of the same fit.

        Raises
        ------
        SaveFileError
            The file is damaged.
        InvalidInputError
            It belongs to another fit; the message names what differs.
        """
        meta, arrays = read(path, _KIND)
        if different := differing(path, _KIND, meta, key):
            raise InvalidInputError(
                f"the checkpoint {path} belongs to another fit: {different} differ. "
                "Choose another checkpoint= path, or resume=False to start again"
            )
        with understood(path, _KIND):
            return cls(
                vector=arrays["vector"],
                before=arrays["before"],
                best=arrays.get("best"),
                memory=with_prefix(arrays, "memory."),
                history=History.from_arrays(with_prefix(arrays, "history.")),
                **meta["state"],
            )
