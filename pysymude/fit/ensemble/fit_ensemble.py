"""`fit_ensemble`: many fits of one system, from other seeds and on resampled measurements."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.errors import InvalidInputError, WrongCallError
from pysymude.fit.ensemble.ensemble_members import claim_folder, run_members
from pysymude.fit.files.fit_key import fit_key
from pysymude.fit.loss.objective import objective_of
from pysymude.fit.loss.objective_text import told
from pysymude.fit.problem.prepared import checked_dataset
from pysymude.fit.problem.settings import Settings
from pysymude.fit.result.fit_result import FitResult
from pysymude.fit.result.saved import SavedFit
from pysymude.fit.stages.all_stages import check_stages
from pysymude.fit.stages.stage import Stage
from pysymude.fit.training.fitting import fit
from pysymude.model.calls import explained, instead, whole_number
from pysymude.model.dataset import Dataset
from pysymude.model.html_table import html_table, sentence
from pysymude.model.system import ODESystem
from pysymude.model.trajectory import Trajectory

__all__ = ["FitEnsemble", "fit_ensemble"]

log = logging.getLogger("pysymude")

Float = NDArray[np.float64]
_KEYWORDS = list(inspect.signature(fit).parameters)
_OWN_KEYWORDS = ["n", "bootstrap", "folder", "jobs", "progress"]


@dataclass(frozen=True, eq=False)
class FitEnsemble:
    """Fits of one system that differ by seed and resample; made by `fit_ensemble`.

    Attributes
    ----------
    fits : tuple of FitResult
        The members that succeeded, by number.
    members : tuple of int
        Their numbers.
    failures : dict of int to str
        Why the others did not.
    """

    fits: tuple[FitResult, ...]
    members: tuple[int, ...]
    failures: dict[int, str]

    @cached_property
    def best(self) -> FitResult:
        """The member that fits the whole data best."""
        return min(self.fits, key=lambda f: f.objective.value(f.theta))

    @explained
    def predict(self, t: ArrayLike, **keywords: Any) -> Float:
        """States of every member, shape (members, times, states); keywords as for `FitResult.predict`.

        NaN where a member cannot be solved so far.
        """
        return np.stack([f.predict(t, **keywords).u for f in self.fits])

    @explained
    def unknown_term(self, u: ArrayLike, t: ArrayLike = 0.0, **keywords: Any) -> Float:
        """What the networks of every member add to du/dt, shape (members, ..., states)."""
        return np.stack([f.unknown_term(u, t, **keywords) for f in self.fits])

    def parameters(self) -> dict[str, Float]:
        """Each learned parameter over the members, shape (members,)."""
        names = [s.name for s in self.fits[0].layout.of_kind("parameter")]
        return {n: np.array([f.parameters[n] for f in self.fits]) for n in names}

    @explained
    def band(self, t: ArrayLike, level: float = 0.9, **keywords: Any) -> tuple[Float, Float]:
        """Lower and upper quantiles of `predict` that hold `level` of the members, each (times, states)."""
        return quantiles(self.predict(t, **keywords), level)

    @explained
    def plot(self, **keywords: Any) -> Any:
        """A matplotlib figure of bands; keywords go to `pysymude.plot.plot_ensemble`."""
        from pysymude.plot import plot_ensemble

        return plot_ensemble(self, **keywords)

    @explained
    def plot_network(self, network: Any = None, **keywords: Any) -> Any:
        """A matplotlib figure of a network against what it reads, in a band; see `pysymude.plot.plot_network`."""
        from pysymude.plot import plot_network

        return plot_network(self, network, **keywords)

    def _repr_html_(self) -> str:
        rows = [
            [name, *np.quantile(values, [0.05, 0.5, 0.95]).tolist()]
            for name, values in {
                "loss": np.array([f.loss for f in self.fits]),
                **self.parameters(),
            }.items()
        ]
        why = [sentence(f"member {k}: {text}", "warning") for k, text in self.failures.items()]
        return sentence(repr(self)) + html_table(("", "5 %", "median", "95 %"), rows) + "".join(why)

    def __repr__(self) -> str:
        losses = [f.loss for f in self.fits]
        failed = f", {len(self.failures)} failed" if self.failures else ""
        return (
            f"FitEnsemble of {len(self.fits)} fits{failed}: loss {min(losses):.4g} to {max(losses):.4g}, "
            f"median {np.median(losses):.4g}"
        )


def quantiles(values: Float, level: float) -> tuple[Float, Float]:
    """The quantiles over the first axis that hold `level` in their middle; NaN is left out."""
    if not 0 < level < 1:
        raise InvalidInputError(f"level= lies between 0 and 1, such as 0.9; found {level!r}")
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


@explained
def fit_ensemble(
    system: ODESystem,
    data: Dataset | Trajectory,
    n: int,
    *,
    seed: int = 0,
    bootstrap: bool = True,
    folder: str | PathLike[str] | None = None,
    resume: bool = False,
    jobs: int | None = None,
    stages: Sequence[Stage] | Stage | None = None,
    progress: bool = True,
    **options: Any,
) -> FitEnsemble:
    """Many fits: each member has its own initial weights, and from the second on its own resample.

    Parameters
    ----------
    system, data, stages
        As for `fit`.
    n : int
        How many members.
    seed : int
        Member k has the seed ``seed + k``, for its weights and its resample.
    bootstrap : bool
        Whether members after the first train on bootstrap resamples of the measurements.
    folder : path, optional
        Where each member keeps a folder of its own with its checkpoint and its result.
    resume : bool
        Go on in `folder`: finished members are read, others go on from their checkpoints.
    jobs : int, optional
        Processes. By default what ``joblib.parallel_config`` says, else one. With
        ``joblib.parallel_config(backend="dask")`` the members run on the workers of a Dask cluster,
        with ``"ray"`` on Ray's; `folder` must then be one that all of them see.
    progress : bool
        Show what is being done, on a terminal or in a notebook.
    **options
        Further keywords of `fit`: `engine`, `solver`, `reltol`, `weight_decay`, `validation`, ...

    Returns
    -------
    FitEnsemble
        Members that fail are counted, not fatal.

    Raises
    ------
    InvalidInputError
        Wrong arguments, a folder that belongs to another ensemble, or no member succeeds.

    Examples
    --------
    >>> import numpy as np, pysymude as psu
    >>> x, k = psu.states("x"), psu.parameters("k")
    >>> t, rng = np.linspace(0.0, 1.0, 20), np.random.default_rng(0)
    >>> u = np.exp(-2 * t) + 0.01 * rng.standard_normal(20)
    >>> data = psu.Dataset.from_arrays(t, u[:, None], states=[x])
    >>> decay = psu.ODESystem({x: -k*x}, trainable={k: 1.0})
    >>> found = psu.fit_ensemble(decay, data, 5, stages=psu.LBFGS(20), engine="native")
    >>> found.parameters()["k"].shape, bool(abs(found.parameters()["k"].mean() - 2) < 0.1)
    ((5,), True)
    """
    _check(n, folder, resume, options)
    whole_number(seed, what="seed")
    if jobs == 0 or isinstance(jobs, bool) or not isinstance(jobs, int | None):
        raise InvalidInputError(
            f"jobs is how many processes, -1 for one a core, or None; found {jobs!r}"
        )
    data, stages = checked_dataset(data), check_stages(stages, networks=bool(system.networks))
    # what is wrong for all members is said here, and not once a member
    settings = replace(Settings.among(options), frozen=(), per_experiment=())
    obj = objective_of(system, data, settings)
    # laws travel with the system, as in the file of a fit
    model = told(obj)
    options = {k: v for k, v in options.items() if k not in Settings.LAWS} | {"engine": obj.engine}
    key = fit_key(
        {
            "system": model["system"], "formulas": model["formulas"], "data": data.fingerprint,
            "stages": stages,
            "bootstrap": bootstrap, "seed": seed, "options": sorted(options.items()),
        }
    )  # fmt: skip
    with TemporaryDirectory() as scratch:
        place = Path(scratch) if folder is None else Path(folder)
        claim_folder(place, key, resume)
        given = {"stages": stages, **options}
        calls = [
            (
                model, data, str(place / f"member-{k:04d}"), seed + k,
                seed + k if bootstrap and k else None, given,
            )
            for k in range(n)
        ]  # fmt: skip
        answers = run_members(calls, jobs, progress)
    results = {k: FitResult.from_saved(r) for k, r in answers.items() if isinstance(r, SavedFit)}
    failures = {k: r for k, r in answers.items() if isinstance(r, str)}
    failures |= {k: f.retcode.value for k, f in results.items() if not f.success}
    good = {k: f for k, f in results.items() if f.success}
    for k, why in failures.items():
        log.warning("member %d of the ensemble failed: %s", k, why)
    if not good:
        raise InvalidInputError(f"none of the {n} members succeeded; the first: {failures[0]}")
    return FitEnsemble(tuple(good.values()), tuple(good), failures)


_OWN = ("checkpoint", "callback", "theta0", "resample")


def _check(n: Any, folder: Any, resume: bool, options: dict[str, Any]) -> None:
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise InvalidInputError(f"fit_ensemble takes a number of members, 1 or more; found {n!r}")
    if resume and folder is None:
        raise InvalidInputError("resume=True needs folder=, where the members are")
    for name in _OWN:
        if name in options:
            raise InvalidInputError(
                f"fit_ensemble sets {name}= for each member itself; leave it out"
            )
    if options.get("loss") is not None:
        raise InvalidInputError(
            "fit_ensemble keeps its members in files, which hold no functions; loss= is for psu.fit"
        )
    for name in options:
        if name not in _KEYWORDS:
            raise WrongCallError(
                f"fit_ensemble has no {name}=; {instead(name, [*_OWN_KEYWORDS, *_KEYWORDS])}"
            )
