"""All the experiments that one fit sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from os import PathLike
from typing import Any, TypedDict, Unpack, cast, overload

import numpy as np
from numpy.typing import ArrayLike

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import Name, is_list_of_several, number_of, one_each
from pysymude.model.fingerprint import fingerprint
from pysymude.model.symbols import escaped
from pysymude.model.tables import Table, experiments, parse_csv, read_csv, read_frame
from pysymude.model.trajectory import Trajectory

__all__ = ["Dataset"]


class Options(TypedDict, total=False):
    """What every experiment of a table may be told besides; see `Dataset.from_arrays`."""

    u0: Any
    t0: float | None
    trainable_u0: bool | Name | Collection[Name] | None
    parameters: Any
    noise: float | Mapping[Any, float] | None


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class Dataset(Sequence[Trajectory]):
    """One or more experiments, in order; a slice is a dataset.

    Parameters
    ----------
    trajectories : Trajectory or iterable of Trajectory
        At least one, with at least one measured value in all. A trajectory without a name gets its
        number.

    Raises
    ------
    InvalidInputError
        No trajectory, something else, two of one name, nothing measured.

    Examples
    --------
    >>> data = Dataset.from_arrays([0, 1, 2], [[1, 5], [2, 4], [3, 3]], states=["x", "y"])
    >>> len(data), data.columns
    (1, ('x', 'y'))
    """

    trajectories: tuple[Trajectory, ...]

    def __init__(self, trajectories: Trajectory | Iterable[Trajectory]) -> None:
        given: Any = (trajectories,) if isinstance(trajectories, Trajectory) else trajectories
        if not isinstance(given, Iterable):
            raise InvalidInputError(f"Dataset takes trajectories; found {type(given).__name__}")
        object.__setattr__(self, "trajectories", _named(tuple(cast("Iterable[Any]", given))))

    @classmethod
    def from_arrays(
        cls,
        t: ArrayLike | Sequence[ArrayLike],
        u: ArrayLike | Sequence[ArrayLike],
        *,
        states: Name | Sequence[Name],
        u0: Any = None,
        t0: float | None = None,
        trainable_u0: bool | Name | Collection[Name] | None = None,
        parameters: Any = None,
        noise: float | Mapping[Any, float] | None = None,
        name: str | Sequence[str] = "",
    ) -> Dataset:
        """One experiment, or one for each pair of arrays in two lists of the same length.

        Parameters
        ----------
        t : array, shape (times,), or list of such arrays
        u : array, shape (times, columns), or list of such arrays
            NaN is not measured.
        states : symbols or strings
            The state or observable in each column.
        u0, parameters, name
            As for `Trajectory.from_arrays`, for all experiments; or a list with one per experiment.
        t0, trainable_u0, noise
            As for `Trajectory.from_arrays`, for all experiments.

        Raises
        ------
        InvalidInputError
            Lists of different lengths, or arrays that make no trajectory.
        """
        times, values = (t, u) if is_list_of_several(t) else ([t], [u])
        n = len(cast("Any", times))
        # one array u for several t would be cut along its first axis, whatever that is
        if not isinstance(values, list | tuple):
            raise InvalidInputError(
                f"u must be a list of {n} arrays like t; found shape {np.shape(cast('Any', values))}"
            )
        each = (one_each(u0, n, what="u0"), one_each(parameters, n, what="parameters"))
        rows = zip(
            cast("Any", times),
            one_each(cast("object", values), n, what="u"),
            *each,
            one_each(name, n, what="name"),
            strict=True,
        )
        common: Any = {"states": states, "t0": t0, "trainable_u0": trainable_u0, "noise": noise}
        return cls([_trajectory(i, n, row, common) for i, row in enumerate(rows)])

    @classmethod
    def from_csv(
        cls,
        path: str | PathLike[str],
        *,
        time: str | None = None,
        states: Name | Sequence[Name] | Mapping[str, Name] | None = None,
        experiment: str | None = None,
        **options: Unpack[Options],
    ) -> Dataset:
        """The experiments in a CSV file.

        The first line names the columns; lines that start with # are skipped; an empty cell, NaN or
        NA was not measured.

        Parameters
        ----------
        path : str or path
        time : str, optional
            The column of times; by default one called t or time, else the first.
        states : names, or mapping from column to state, optional
            The measured columns; by default all others.
        experiment : str, optional
            The column that says to which experiment a row belongs; it names the trajectories.
        **options
            `u0`, `t0`, `trainable_u0`, `parameters`, `noise`: as for `from_arrays`; lists are in
            the order in which the experiments appear.

        Raises
        ------
        InvalidInputError
            With file and line: no such file, no rows, a missing column, a cell that is no number,
            times that do not ascend.
        """
        return cls._from_table(read_csv(path), time, states, experiment, options)

    @classmethod
    def from_dataframe(
        cls,
        df: Any,
        *,
        time: str | None = None,
        states: Name | Sequence[Name] | Mapping[str, Name] | None = None,
        experiment: str | None = None,
        **options: Unpack[Options],
    ) -> Dataset:
        """The experiments in a pandas data frame, or in one that works alike; see `from_csv`."""
        return cls._from_table(read_frame(df), time, states, experiment, options)

    @classmethod
    def hudson_bay(cls, **options: Unpack[Options]) -> Dataset:
        """Hare and lynx, the classical series: thousands of pelts in each year from 1900 to 1920.

        The states are `hare` and `lynx`; time is in years, 0 in 1900.

        References
        ----------
        .. [1] Elton and Nicholson, The ten-year cycle in numbers of the lynx in Canada, Journal of
           Animal Ecology 11 (1942). The figures as used by Howard (2009) and by Carpenter,
           Predator-Prey Population Dynamics, Stan case study (2018).
        """
        # here, since it would add 9 ms to every import of the package
        from importlib.resources import files

        text = files("pysymude").joinpath("data", "hudson_bay.csv").read_text(encoding="utf-8")
        found = experiments(parse_csv(text, "hudson_bay.csv"), time="year")
        name = "Hudson Bay"
        return cls.from_arrays(
            found.t[0] - 1900.0, found.u[0], states=found.states, name=name, **options
        )

    @classmethod
    def _from_table(
        cls, table: Table, time: Any, states: Any, experiment: Any, options: Options
    ) -> Dataset:
        found = experiments(table, time=time, states=states, experiment=experiment)
        try:
            return cls.from_arrays(
                found.t, found.u, states=found.states, name=found.names or "", **options
            )
        except InvalidInputError as error:
            raise table.error(str(error)) from error

    @property
    def columns(self) -> tuple[str, ...]:
        """All measured states and observables, in order of first appearance."""
        return tuple(dict.fromkeys(c for trajectory in self for c in trajectory.columns))

    @property
    def n_measured(self) -> int:
        """How many values are measured in all."""
        return sum(trajectory.n_measured for trajectory in self)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all content, as 64 hexadecimal digits; the same in every process."""
        return fingerprint(self)

    def split_tail(self, fraction: float) -> tuple[Dataset, tuple[float, ...]]:
        """Training data without the last rows of each experiment, and the last times that it keeps.

        What is held out is ``t > t_cut`` of this dataset.

        Parameters
        ----------
        fraction : float
            The part of the rows to hold out, between 0 and 1: of each experiment one or more, but
            two remain.

        Returns
        -------
        train : Dataset
        t_cut : tuple of float, one per experiment, in the unit of time

        Raises
        ------
        InvalidInputError
            `fraction` is not between 0 and 1, or every experiment is too short.
        """
        if not 0.0 < (part := number_of(fraction, what="split_tail(fraction)")) < 1.0:
            raise InvalidInputError(f"split_tail(fraction) lies between 0 and 1; found {part}")
        keep = [max(len(tr) - max(1, round(part * len(tr))), min(2, len(tr))) for tr in self]
        t_cut = tuple(float(tr.t[n - 1]) for tr, n in zip(self, keep, strict=True))
        if all(n == len(tr) for tr, n in zip(self, keep, strict=True)):
            raise InvalidInputError(
                "split_tail has nothing to hold out: no experiment has more than two rows"
            )
        return Dataset(tr.truncated(end) for tr, end in zip(self, t_cut, strict=True)), t_cut

    def __len__(self) -> int:
        return len(self.trajectories)

    def __iter__(self) -> Iterator[Trajectory]:
        return iter(self.trajectories)

    @overload
    def __getitem__(self, index: int) -> Trajectory: ...
    @overload
    def __getitem__(self, index: slice) -> Dataset: ...
    def __getitem__(self, index: int | slice) -> Trajectory | Dataset:
        found = self.trajectories[index]
        return found if isinstance(found, Trajectory) else Dataset(found)

    def __repr__(self) -> str:
        rows = "".join(f"\n  {trajectory!r}" for trajectory in self.trajectories[:10])
        return f"Dataset of {len(self)}:{rows}{'' if len(self) <= 10 else chr(10) + '  ...'}"


def _named(trajectories: tuple[Any, ...]) -> tuple[Trajectory, ...]:
    """The trajectories, checked, each with a name of its own."""
    for i, found in enumerate(trajectories):
        if not isinstance(found, Trajectory):
            raise InvalidInputError(
                f"Dataset takes trajectories; entry {i} is a {type(found).__name__}: "
                "use Trajectory.from_arrays(t, u, states=...)"
            )
    if not trajectories:
        raise InvalidInputError("Dataset is empty: give it at least one trajectory")
    if not any(trajectory.n_measured for trajectory in trajectories):
        raise InvalidInputError("a dataset needs a trajectory with a measured value; found none")
    given = Counter(trajectory.name for trajectory in trajectories if trajectory.name)
    if given and (twice := given.most_common(1)[0])[1] > 1:
        raise InvalidInputError(
            f"two trajectories are called {twice[0]!r}; rename one: trajectory.renamed('...')"
        )
    taken, named = set(given), list[Trajectory]()
    for i, trajectory in enumerate(trajectories):
        name = trajectory.name or next(str(n) for n in count(i) if str(n) not in taken)
        taken.add(name)
        named.append(trajectory if trajectory.name else trajectory.renamed(name))
    return tuple(named)


def _trajectory(index: int, n: int, row: tuple[Any, ...], common: Any) -> Trajectory:
    t, u, u0, parameters, name = row
    try:
        return Trajectory.from_arrays(t, u, u0=u0, parameters=parameters, name=name, **common)
    except InvalidInputError as error:
        if n == 1:
            raise
        label = escaped(str(name)) or index
        raise InvalidInputError(f"experiment {label}: {error}") from error
