"""All the experiments that one fit sees."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, Unpack, cast, overload

import numpy as np
from numpy.typing import ArrayLike

from pysymude.errors import InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.coerce import FloatArray, Name, is_list_of_several, number_of, one_each
from pysymude.model.fingerprint import fingerprint
from pysymude.model.html_table import html_table
from pysymude.model.members import named, one_of
from pysymude.model.tables.delimited import parse_csv, read_csv
from pysymude.model.tables.dose_columns import take_doses
from pysymude.model.tables.experiments import experiments
from pysymude.model.tables.frames import read_frame
from pysymude.model.tables.options import Options, arguments_of, take_noise_columns
from pysymude.model.tables.roles import Asked
from pysymude.model.tables.signal_columns import take_signals
from pysymude.model.tables.table import Table
from pysymude.model.trajectory import Trajectory

__all__ = ["Dataset"]


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

    @explained
    def __init__(self, trajectories: Trajectory | Iterable[Trajectory]) -> None:
        given: Any = (trajectories,) if isinstance(trajectories, Trajectory) else trajectories
        if not isinstance(given, Iterable):
            raise InvalidInputError(f"Dataset takes trajectories; found {type(given).__name__}")
        object.__setattr__(self, "trajectories", named(tuple(cast("Iterable[Any]", given))))

    @classmethod
    @explained
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
        noise: Any = None,
        censored: Any = None,
        periods: Any = None,
        doses: Any = None,
        signals: Any = None,
        units: Mapping[Any, str] | None = None,
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
        u0, parameters, noise, censored, name
            As for `Trajectory.from_arrays`, for all experiments; or a list with one per experiment.
        doses, signals
            As for `Trajectory.from_arrays`, for all experiments; or a list with one mapping per experiment.
        periods
            As for `Trajectory.from_arrays`, for all experiments; or a list with one list per experiment.
        t0, trainable_u0, units
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
        several = times is t
        each = {
            "u0": u0,
            "parameters": parameters,
            "name": name,
            "doses": doses,
            "signals": signals,
            "periods": periods,
        }
        own = {key: one_each(value, n, what=key) for key, value in each.items()}
        for key, value in (("noise", noise), ("censored", censored)):
            own[key] = one_each(value, n, what=key) if several else [value]
        rows = zip(cast("Any", times), one_each(cast("object", values), n, what="u"), strict=True)
        common: Any = {"states": states, "t0": t0, "trainable_u0": trainable_u0, "units": units}
        return cls(
            one_of(i, n, row, common | {key: values[i] for key, values in own.items()})
            for i, row in enumerate(rows)
        )

    @classmethod
    @explained
    def from_csv(
        cls,
        path: str | PathLike[str],
        *,
        time: str | None = None,
        states: Any = None,
        experiment: str | Sequence[str] | None = None,
        variable: str | None = None,
        value: str | None = None,
        loq: float | str | Mapping[Any, float] | None = None,
        time_unit: str | None = None,
        delimiter: str | None = None,
        decimal: str | None = None,
        **options: Unpack[Options],
    ) -> Dataset:
        """The experiments in a text file of cells that commas, semicolons, tabs, bars or blanks separate.

        The first line names the columns; units in brackets behind a name, as in ``x [mg/l]``, are no
        part of it; figures show them. Lines that start with # or % are skipped. A cell that is empty,
        NaN, NA, ``.`` or ``-`` was not measured; ``<0.5`` and ``>100`` are limits (`Trajectory.censored`).
        Decimal commas and groups of thousands are found where the cells show which they are. A time that
        comes again is a repeated measurement.

        A long table has one measurement a row: columns named variable and value (or observable,
        species; measurement), perhaps noise and experiment. In a wide one each state has a column, and
        ``x_sd`` beside ``x`` is its noise.

        Parameters
        ----------
        path : str or path
        time : str, optional
            The column of times; by default one called t or time, date, day, hours, ..., else the index or
            the first. Dates count from the first one, in a unit that a `TableWarning` names.
        states : names, mapping from column to state, or ODESystem; optional
            The measured columns; by default all others that hold numbers. Of a system, those of its states
            and observables that are there. In a long table, what stands in `variable`.
        experiment : str or sequence of str, optional
            The columns that say to which experiment a row belongs, and name the trajectories; by default
            one called experiment, subject, id, run, series or condition.
        variable, value : str, optional
            The columns of a long table.
        loq : number, column, or mapping from state to number, optional
            The limit that cells such as ``<LOQ`` mean; by default in a column called LOQ or LLOQ.
        time_unit : str, optional
            seconds, minutes, hours, days, weeks or years, for dates.
        delimiter, decimal : str, optional
            By default what the file shows.
        **options
            `u0`, `t0`, `trainable_u0`, `parameters`, `noise`, `signals`, `doses`, `periods`, `units`: as
            for `from_arrays`; units are by default those in brackets; lists are in
            the order in which the experiments appear. `noise` may also name its column, or map each
            measured column to one. `signals` may map signals to columns, or list columns that are called
            as their signals are: their points are the rows with a value. Where `states` is a system, its
            signals are found by their names. `doses` may map states to columns of amounts, which go into them
            at the times of their rows: ``doses={"gut": "AMT"}``; an empty cell and 0 are none.

        Raises
        ------
        InvalidInputError
            With file and line: no such file, no rows, a missing column, a cell that is no number,
            times that go back.
        """
        asked = Asked(
            time, states, experiment, variable, value, take_noise_columns(options), loq, time_unit,
            take_signals(options), take_doses(options),
        )  # fmt: skip
        return cls._from_table(read_csv(path, delimiter=delimiter, decimal=decimal), asked, options)

    @classmethod
    @explained
    def from_dataframe(
        cls,
        df: Any,
        *,
        time: str | None = None,
        states: Any = None,
        experiment: str | Sequence[str] | None = None,
        variable: str | None = None,
        value: str | None = None,
        loq: float | str | Mapping[Any, float] | None = None,
        time_unit: str | None = None,
        decimal: str | None = None,
        **options: Unpack[Options],
    ) -> Dataset:
        """The experiments in a pandas data frame, or in one that works alike; see `from_csv`.

        Where no column is called as times are, an index that does more than count rows is the time;
        the other levels of an index of several tell experiments apart.
        """
        asked = Asked(
            time, states, experiment, variable, value, take_noise_columns(options), loq, time_unit,
            take_signals(options), take_doses(options),
        )  # fmt: skip
        return cls._from_table(read_frame(df, decimal=decimal), asked, options)

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
        found = experiments(parse_csv(text, "hudson_bay.csv"), Asked(time="year"))
        name = "Hudson Bay"
        options.setdefault("units", {"t": "years", "hare": "1000 pelts", "lynx": "1000 pelts"})
        return cls.from_arrays(
            found.t[0] - 1900.0, found.u[0], states=found.states, name=name, **options
        )

    @classmethod
    def _from_table(cls, table: Table, asked: Asked, options: Options) -> Dataset:
        found = experiments(table, asked)
        try:
            return cls.from_arrays(found.t, found.u, **arguments_of(found, options))
        except InvalidInputError as error:
            raise table.error(str(error)) from error

    def plot(self, **keywords: Any) -> Any:
        """A matplotlib figure of the measurements; keywords go to `pysymude.plot.plot_data`."""
        from pysymude.plot import plot_data

        return plot_data(self, **keywords)

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

    @explained
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
        t_cut = tuple(_cut(tr.t, n) for tr, n in zip(self, keep, strict=True))
        if all(end == tr.t[-1] for tr, end in zip(self, t_cut, strict=True)):
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

    def _repr_html_(self) -> str:
        rows = [
            [
                tr.name,
                ", ".join(tr.columns),
                float(len(tr)),
                float(tr.n_measured),
                f"{tr.t0:g} to {tr.t[-1]:g}",
            ]
            for tr in self
        ]
        return html_table(("experiment", "columns", "rows", "measured", "time"), rows)

    def __repr__(self) -> str:
        rows = "".join(f"\n  {trajectory!r}" for trajectory in self.trajectories[:10])
        return f"Dataset of {len(self)}:{rows}{'' if len(self) <= 10 else chr(10) + '  ...'}"


def _cut(t: FloatArray, rows: int) -> float:
    """The last time among the first rows; rows of one time stay together."""
    earlier = t[t < t[rows]] if rows < len(t) else t
    return float(earlier[-1] if earlier.size else t[-1])
