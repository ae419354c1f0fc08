"""Solutions as tables of pandas and as data sets of xarray, for those who have them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from pysymude.errors import MissingPackageError

if TYPE_CHECKING:
    from pysymude.solving.solution import EnsembleSolution, Solution

__all__ = ["data_frame", "data_set", "package"]


def package(name: str, what: str) -> Any:
    """An optional package.

    Raises
    ------
    MissingPackageError
        It is not installed; the message says how to get it.
    """
    try:
        return import_module(name)
    except ImportError:
        raise MissingPackageError(
            f"{what} needs {name}, which is not installed: pip install {name}", name=name
        ) from None


def data_frame(solution: Solution | EnsembleSolution, what: str) -> Any:
    """A data frame: one row a time, with the trajectory's number before it where there are several."""
    pandas = package("pandas", what)
    columns = {name: column.ravel() for name, column in _columns(solution).items()}
    if solution.u.ndim == 2:
        index = pandas.Index(solution.t, name="t")
    else:
        levels = [range(len(solution.u)), solution.t]
        index = pandas.MultiIndex.from_product(levels, names=["trajectory", "t"])
    frame = pandas.DataFrame(columns, index=index)
    if solution.units:
        frame.attrs["units"] = dict(solution.units)
    return frame


def data_set(solution: Solution | EnsembleSolution, what: str) -> Any:
    """A data set with a variable for each state and observable, over time and trajectories."""
    xarray = package("xarray", what)
    dims = ("t",) if solution.u.ndim == 2 else ("trajectory", "t")
    units = {name: {"units": unit} for name, unit in solution.units.items()}
    coords: dict[str, Any] = {"t": ("t", solution.t.copy(), units.get("t", {}))}
    if len(dims) > 1:
        coords["trajectory"] = np.arange(len(solution.u))
    return xarray.Dataset(
        {
            name: (dims, column.copy(), units.get(name, {}))
            for name, column in _columns(solution).items()
        },
        coords=coords,
        attrs={"solver": solution.solver, "engine": solution.engine},
    )


def _columns(solution: Solution | EnsembleSolution) -> dict[str, Any]:
    return {name: solution[name] for name in (*solution.states, *solution.observables)}
