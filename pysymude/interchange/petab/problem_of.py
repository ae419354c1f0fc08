"""`PetabProblem`: a system, its data, and the likelihood that the tables of PEtab describe."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.errors import InvalidInputError, ModelFileError
from pysymude.interchange.petab.assembly import Assembled, assembled
from pysymude.interchange.petab.bounded import bounded
from pysymude.interchange.petab.described import Described, Parameter
from pysymude.interchange.petab.network_arrays import Weights, weights_of
from pysymude.interchange.petab.prior_densities import Density, density_of
from pysymude.interchange.petab.version_one import read_version_one
from pysymude.interchange.petab.version_two import read_version_two
from pysymude.interchange.petab.yaml_file import read_yaml
from pysymude.model.calls import explained
from pysymude.model.coerce import float_array, label_of, meant, number_of
from pysymude.model.dataset import Dataset
from pysymude.model.system import ODESystem

if TYPE_CHECKING:
    from pysymude.fit.loss.objective import Objective
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["PetabProblem", "read_petab"]

Float = NDArray[np.float64]
Value = float | Float

RELTOL = 1e-8
"""Of likelihoods: tighter than that of fits, since others compare them."""


@dataclass(frozen=True, eq=False)
class PetabProblem:
    """A problem that `read_petab` has read.

    Attributes
    ----------
    path : Path
        Its YAML file.
    version : int
        Of PEtab.
    """

    described: Described
    made: Assembled
    weights: Weights
    _objectives: dict[Any, Objective] = field(default_factory=dict, repr=False)

    @property
    def path(self) -> Path:
        """The YAML file."""
        return self.described.file

    @property
    def version(self) -> int:
        """The version of PEtab."""
        return self.described.version

    @cached_property
    def system(self) -> ODESystem:
        """The system, with bounds, scales and priors of what is estimated."""
        return bounded(self.made, self.described, self.weights)

    @property
    def data(self) -> Dataset:
        """The measurements: one trajectory for each experiment."""
        return self.made.data

    @cached_property
    def nominal(self) -> Mapping[str, Value]:
        """Nominal values of what is estimated, by id of the parameter table; weights as ``net.W1``, ``net.b1``."""
        numbers = {
            k: p.nominal
            for k, p in self.described.parameters.items()
            if p.estimated and p.nominal is not None and k not in self.made.entities.slices
        }
        return MappingProxyType({**numbers, **self.weights.estimated})

    @cached_property
    def bounds(self) -> Mapping[str, tuple[float, float]]:
        """Bounds of what is estimated, by id."""
        return MappingProxyType({k: (p.low, p.high) for k, p in self._rows.items()})

    @cached_property
    def _rows(self) -> dict[str, Parameter]:
        slices = self.made.entities.slices
        return {
            k: p for k, p in self.described.parameters.items() if p.estimated and k not in slices
        }

    # -- likelihood ---------------------------------------------------------------------------

    @overload
    def log_likelihood(
        self,
        values: Mapping[Any, ArrayLike] | None = None,
        gradient: Literal[False] = False,
        **keywords: Any,
    ) -> float: ...
    @overload
    def log_likelihood(
        self,
        values: Mapping[Any, ArrayLike] | None = None,
        *,
        gradient: Literal[True],
        **keywords: Any,
    ) -> tuple[float, dict[str, Value]]: ...
    def log_likelihood(
        self, values: Mapping[Any, ArrayLike] | None = None, gradient: bool = False, **keywords: Any
    ) -> Any:
        """The logarithm of the likelihood, with all constants.

        Parameters
        ----------
        values : mapping from id to number or array, optional
            Natural values of what is estimated; what is left out has its nominal value.
        gradient : bool
            Whether the derivatives by natural values come, too.
        **keywords
            `engine`, `solver`, `reltol`, `abstol` and the like, as for `psu.objective`.

        Returns
        -------
        float, or (float, mapping from id to float or array)
            -inf, and slopes that are not numbers, where a solve fails.

        Raises
        ------
        InvalidInputError
            A name that is not estimated, or an array of another shape.
        """
        given = self._values(values)
        obj, theta = self._objective(keywords), self._theta(given)
        value = obj.log_likelihood(theta)
        if not gradient:
            return value
        found = obj.evaluate(theta) if math.isfinite(value) else None
        if found is None or found.gradient is None or not found.success:
            return value, {k: np.full(np.shape(v), np.nan)[()] for k, v in given.items()}
        slopes = {
            s.name: -0.5 * found.gradient[s.slice].reshape(s.shape) for s in obj.layout.values()
        }
        return value, self._by_id(given, slopes)

    @overload
    def log_posterior(
        self,
        values: Mapping[Any, ArrayLike] | None = None,
        gradient: Literal[False] = False,
        **keywords: Any,
    ) -> float: ...
    @overload
    def log_posterior(
        self,
        values: Mapping[Any, ArrayLike] | None = None,
        *,
        gradient: Literal[True],
        **keywords: Any,
    ) -> tuple[float, dict[str, Value]]: ...
    def log_posterior(
        self, values: Mapping[Any, ArrayLike] | None = None, gradient: bool = False, **keywords: Any
    ) -> Any:
        """`log_likelihood` plus the logarithm of the densities of the priors, cut off at the bounds.

        In version 2 a parameter without a prior is uniform within its bounds; in version 1 it has none.
        """
        given = self._values(values)
        priors = {k: d.log_density(given[k]) for k, d in self.priors.items()}
        total = float(sum(np.sum(value) for value, _ in priors.values()))
        if not gradient:
            return self.log_likelihood(values, **keywords) + total
        value, slopes = self.log_likelihood(values, gradient=True, **keywords)
        for k, (_, slope) in priors.items():
            slopes[k] = (slopes[k] + slope)[()]
        return value + total, slopes

    @cached_property
    def priors(self) -> Mapping[str, Density]:
        """Densities of what is estimated, by id."""
        flat = self.described.flat
        found = {k: d for k, p in self._rows.items() if (d := density_of(p, flat)) is not None}
        return MappingProxyType({**found, **self.weights.densities(flat)})

    def simulations(self, values: Mapping[Any, ArrayLike] | None = None, **keywords: Any) -> Float:
        """What the model gives for each row of the measurement table, float64 (rows,)."""
        obj = self._objective(keywords)
        seen = obj.simulated(self._theta(self._values(values)))
        names = self.data.columns
        columns = [[names.index(c) for c in trajectory.columns] for trajectory in self.data]
        return np.array([seen[e, i, columns[e][j]] for e, i, j in self.made.places])

    # -- fits ---------------------------------------------------------------------------------

    def objective(self, **keywords: Any) -> Objective:
        """`psu.objective` of the system within its bounds, with its priors; keywords go there."""
        from pysymude.fit.loss.make_objective import objective

        given: dict[str, Any] = {"frozen": self._frozen, "solver": self._solver, **keywords}
        return objective(self.system, self.data, **given)

    def fit(self, **keywords: Any) -> FitResult:
        """`psu.fit` from the nominal values; keywords go there."""
        from pysymude.fit.training.fitting import fit

        return fit(self.system, self.data, **(self.options | keywords))

    @property
    def options(self) -> dict[str, Any]:
        """The keywords with which `fit` calls `psu.fit`: what keeps its value, the solver, starts of weights."""
        start = self.weights.slots()
        # the stages are those of the default where there are networks
        from pysymude.fit.stages.gauss_newton import GaussNewton
        from pysymude.fit.stages.lbfgs import LBFGS

        stages = {} if self.described.networks else {"stages": (GaussNewton(), LBFGS(1000))}
        given: dict[str, Any] = {"frozen": self._frozen, "solver": self._solver, **stages}
        return given | ({"theta0": start} if start else {})

    @property
    def _solver(self) -> str:
        # a state that stays at 0 hides from an explicit solver how stiff its equation is, and derivatives
        # grow without bound; mechanistic models have such states
        return "auto" if self.described.networks else "Rodas5P"

    @cached_property
    def _frozen(self) -> tuple[str, ...]:
        return self.weights.frozen

    # -- values and theta ---------------------------------------------------------------------

    def _values(self, values: Mapping[Any, ArrayLike] | None) -> dict[str, Value]:
        """All natural values by id, those given over the nominal ones."""
        found: dict[str, Value] = dict(self.nominal)
        if values is not None and not isinstance(values, Mapping):
            raise InvalidInputError(
                f"values is a mapping from id to number such as problem.nominal; found {type(values).__name__}"
            )
        for key, value in (values or {}).items():
            name = label_of(key)
            if name not in found:
                fixed = name in self.described.parameters
                raise InvalidInputError(
                    f"values names {name!r}, which is " + ("not estimated" if fixed else "no parameter")
                    + f"; there are {', '.join(found)}{meant(name, found)}"
                )  # fmt: skip
            shape = np.shape(found[name])
            if shape == ():
                found[name] = number_of(value, what=f"values[{name!r}]")
                continue
            array = float_array(value, what=f"values[{name!r}]")
            if array.shape != shape:
                raise InvalidInputError(f"values[{name!r}] has shape {shape}; found {array.shape}")
            found[name] = array
        return found

    def _objective(self, keywords: Mapping[str, Any]) -> Objective:
        """The objective without bounds, whose theta is natural; kept by its keywords."""
        from pysymude.fit.loss.make_objective import objective

        given: dict[str, Any] = {"solver": self._solver, "reltol": RELTOL, **keywords}
        key = tuple(sorted((k, repr(v)) for k, v in given.items()))
        if key not in self._objectives:
            system = self.made.system
            if not system.trainable and not system.networks:
                raise ModelFileError(
                    "nothing is estimated that stands in a formula", where=str(self.path)
                )
            self._objectives[key] = objective(system, self.data, **given)
        return self._objectives[key]

    def _theta(self, given: Mapping[str, Value]) -> Float:
        numbers = {name: given[k] for k, name in self.made.learned.items()}
        layout = self.made.system.layout
        return layout.pack({**numbers, **self.weights.slots(given)})

    def _by_id(self, given: Mapping[str, Value], slopes: Mapping[str, Any]) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for key in given:
            name = self.made.learned.get(key, self.weights.slot_names.get(key, ""))
            value = slopes[name] if name in slopes else np.zeros(np.shape(given[key]))
            found[key] = value if np.ndim(value) else float(value)
        return found

    def __repr__(self) -> str:
        rows = len(self.described.measurements)
        return (
            f"PetabProblem({self.path.name!r}, version {self.version}: {len(self.made.system.states)} states, "
            f"{len(self.nominal)} estimated, {rows} measurements in {len(self.data)} experiments)"
        )


@explained
def read_petab(path: str | Path) -> PetabProblem:
    """The problem in a YAML file of PEtab, version 1 or 2, networks of the SciML extension included.

    Parameters
    ----------
    path : str or path
        The YAML file, or a folder where it is the only one; the files that it names stand beside it. Nothing is
        fetched, and nothing executed.

    Returns
    -------
    PetabProblem

    Raises
    ------
    ModelFileError
        A file, a column, or an entry that is missing or wrong: the message names file and line. Or something
        that is not read, such as a second model.
    MissingPackageError
        The packages of ``pip install "pysymude[petab]"`` are not installed.
    """
    yaml = read_yaml(path)
    version = str(yaml.content.get("format_version", ""))
    if version.partition(".")[0] == "1":
        described = read_version_one(yaml)
    elif version.partition(".")[0] == "2":
        described = read_version_two(yaml)
    else:
        yaml.refuse(
            f"format_version 1 and 2 are read; found {yaml.content.get('format_version')!r}"
        )
    made = assembled(described)
    return PetabProblem(described, made, weights_of(made.entities))
