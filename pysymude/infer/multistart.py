"""`multistart`: many fits of one system from starts that are spread over what is possible."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError, PySymUDEError, WrongCallError
from pysymude.fit.long_work.progress_bar import Reporter
from pysymude.fit.long_work.sharing import shared
from pysymude.fit.loss.objective import Objective, objective_of
from pysymude.fit.problem.prepared import checked_dataset
from pysymude.fit.problem.settings import Settings
from pysymude.fit.result.fit_result import FitResult
from pysymude.fit.result.stopped import INTERRUPTED
from pysymude.fit.stages.lbfgs import LBFGS
from pysymude.fit.training.fitting import fit
from pysymude.fit.treatment.measured_starts import free_measured_starts
from pysymude.model.calls import explained, instead, whole_number
from pysymude.model.dataset import Dataset
from pysymude.model.html_table import html_table, sentence
from pysymude.model.system import ODESystem
from pysymude.model.theta import Slot
from pysymude.model.trajectory import Trajectory
from pysymude.solving.checks import check_is_system

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["MultiStart", "multistart"]

log = logging.getLogger("pysymude")

Float = NDArray[np.float64]

_SAMPLERS = ("latin hypercube", "sobol", "uniform")
_KEYWORDS = list(inspect.signature(fit).parameters)
_OWN_KEYWORDS = ["n", "sampler", "spread", "jobs", "progress"]
_OWN = ("theta0", "seed", "checkpoint", "resume", "progress")
_EDGE = 0.01  # of an interval between two bounds that starts keep away from its ends


@dataclass(frozen=True, eq=False)
class MultiStart:
    """Fits from many starts, the best first; made by `multistart`.

    Attributes
    ----------
    fits : tuple of FitResult
        Those that succeeded, by loss.
    starts : float64 array, shape (fits, parameters)
        Where each of them began, on the scale that is learned.
    failures : tuple of str
        Why the others did not.
    """

    fits: tuple[FitResult, ...]
    starts: Float
    failures: tuple[str, ...]

    @property
    def best(self) -> FitResult:
        """The fit with the smallest loss."""
        return self.fits[0]

    @cached_property
    def losses(self) -> Float:
        """The losses, ascending, float64 (fits,)."""
        return np.array([found.loss for found in self.fits])

    @cached_property
    def reached(self) -> int:
        """How many of the fits have come to the best one's loss, within a hundredth of a natural unit."""
        scale = max(abs(self.losses[0]) / max(self.best.objective.loss.n_measured, 1), 1e-300)
        near = 1e-2 * scale if self.best.objective.likelihood is None else 1e-2
        return int((self.losses - self.losses[0] <= max(near, 1e-6 * abs(self.losses[0]))).sum())

    def parameters(self) -> dict[str, Float]:
        """Each learned parameter over the fits, float64 (fits,)."""
        names = [s.name for s in self.best.layout.of_kind("parameter")]
        return {n: np.array([f.parameters[n] for f in self.fits]) for n in names}

    @explained
    def plot(self, *, ax: Axes | None = None) -> Figure:
        """A matplotlib figure of the losses in ascending order: steps are optima."""
        from pysymude.plot import plot_waterfall

        return plot_waterfall(self, ax=ax)

    def __len__(self) -> int:
        return len(self.fits)

    def _repr_html_(self) -> str:
        learned = self.parameters()
        rows = [
            [str(k + 1), float(self.losses[k]), *(float(v[k]) for v in learned.values())]
            for k in range(min(len(self), 10))
        ]
        why = "".join(sentence(text, "warning") for text in dict.fromkeys(self.failures))
        return sentence(repr(self)) + html_table(("fit", "loss", *learned), rows) + why

    def __repr__(self) -> str:
        failed = f", {len(self.failures)} failed" if self.failures else ""
        best = f"best loss {self.losses[0]:.6g}, reached by {self.reached}"
        return f"MultiStart({len(self.fits)} fits{failed}; {best})"


@explained
def multistart(
    system: ODESystem,
    data: Dataset | Trajectory,
    *,
    n: int = 20,
    sampler: str = "latin hypercube",
    spread: float = 1.0,
    seed: int = 0,
    jobs: int = 1,
    progress: bool = True,
    **options: Any,
) -> MultiStart:
    """Fits from `n` starts, the first of which is the system's own.

    A parameter with two bounds starts anywhere between them, on its logarithm where they are decades apart.
    A positive one without starts within `spread` decades of its start, any other within `spread` times its
    size (or 1). Weights of networks have a seed of their own for each start.

    Parameters
    ----------
    system, data
        As for `fit`.
    n : int
    sampler : str
        ``"latin hypercube"``, ``"sobol"`` or ``"uniform"``.
    spread : float
    seed : int
        Of the starts. The same seed gives the same fits.
    jobs : int
        How many processes share the fits.
    progress : bool
        Show what is being done, on a terminal or in a notebook.
    **options
        Keywords of `fit`; `stages` is ``psu.LBFGS(1000)`` by default, since stages that look at the data
        alone would lead all starts to one place.

    Returns
    -------
    MultiStart

    Raises
    ------
    InvalidInputError
        An option that makes no sense, or no fit succeeded.

    Examples
    --------
    >>> import numpy as np, pysymude as psu
    >>> x, k = psu.states("x"), psu.parameters("k", positive=True)
    >>> t = np.linspace(0.0, 1.0, 5)
    >>> data = psu.Dataset.from_arrays(t, np.exp(-2 * t)[:, None], states=[x], u0={x: 1.0})
    >>> system = psu.ODESystem({x: -k*x}, trainable={k: 1.0})
    >>> found = psu.multistart(system, data, n=4, progress=False)
    >>> len(found), found.reached, round(found.best.parameters["k"], 3)
    (4, 4, 2.0)
    """
    check_is_system(system)
    _check(n, sampler, spread, jobs, options)
    whole_number(seed, what="seed")
    data = free_measured_starts(system, checked_dataset(data))
    obj = objective_of(system, data, Settings.among(options))
    starts = start_points(obj, n, sampler, spread, seed)
    given = {"stages": LBFGS(1000)} | options
    results: list[FitResult | str] = []
    with Reporter(progress, n, "fits from starts") as reporter:
        for found in shared(_fitted, [(system, data, s, given) for s in starts], jobs):
            results.append(found)
            reporter.advance(
                "fits from starts", found.loss if isinstance(found, FitResult) else None
            )
            if isinstance(found, FitResult) and found.stopped == INTERRUPTED and jobs == 1:
                log.warning("interrupted; the fits so far are returned")
                break
    return _sorted(results, starts)


def _sorted(results: Sequence[FitResult | str], starts: Float) -> MultiStart:
    good = [(f, s) for f, s in zip(results, starts, strict=False) if isinstance(f, FitResult)]
    failures = tuple(f for f in results if isinstance(f, str))
    if not good:
        raise InvalidInputError(
            f"none of the {len(results)} starts led to a fit; the first one: {failures[0]}"
        )
    good.sort(key=lambda pair: pair[0].loss)
    return MultiStart(tuple(f for f, _ in good), np.stack([s for _, s in good]), failures)


def _fitted(
    system: ODESystem, data: Dataset, start: Float, options: dict[str, Any]
) -> FitResult | str:
    """A fit, or a sentence about why there is none."""
    try:
        found = fit(system, data, theta0=start, progress=False, **options)
    except PySymUDEError as error:
        return str(error)
    return (
        found if found.retcode.successful or found.stopped == INTERRUPTED else found.retcode.value
    )


def start_points(obj: Objective, n: int, sampler: str, spread: float, seed: int) -> Float:
    """Starts on the scale that is learned, float64 (n, parameters); the first is the system's own."""
    slots = [s for s in obj.layout.of_kind("parameter") if s.offset not in obj.composition.frozen]
    found = np.stack([obj.theta0(seed + k) for k in range(n)])
    if slots and n > 1:
        for slot, part in zip(slots, _unit_cube(n - 1, len(slots), sampler, seed).T, strict=True):
            found[1:, slot.offset] = _placed(slot, found[0, slot.offset], part, spread)
    return found


def _placed(slot: Slot, z: float, part: Float, spread: float) -> Float:
    """Numbers between 0 and 1 as starts of a slot."""
    low, high = np.isfinite(slot.low), np.isfinite(slot.high)
    if low and high:
        inside = _EDGE + (1 - 2 * _EDGE) * part
        if slot.log:
            return np.asarray(slot.stored(slot.low * (slot.high / slot.low) ** inside))
        return np.asarray(slot.stored(slot.low + (slot.high - slot.low) * inside))
    away = (2.0 * part - 1.0) * spread
    if low or high:
        return z + away * np.log(10.0)
    return z + away * max(abs(z), 1.0)


def _unit_cube(n: int, dimensions: int, sampler: str, seed: int) -> Float:
    import warnings

    from scipy.stats import qmc

    rng = np.random.default_rng([seed, *b"multistart"])
    if sampler == "uniform":
        return rng.random((n, dimensions))
    kind = qmc.LatinHypercube if sampler == "latin hypercube" else qmc.Sobol
    with warnings.catch_warnings():
        # a number of points that is no power of 2 is less even, and no error
        warnings.simplefilter("ignore")
        return kind(dimensions, rng=rng).random(n)


def _check(n: Any, sampler: Any, spread: Any, jobs: Any, options: dict[str, Any]) -> None:
    whole_number(n, what="n", least=1)
    if sampler not in _SAMPLERS:
        raise InvalidInputError(
            f"sampler must be one of {', '.join(map(repr, _SAMPLERS))}; found {sampler!r}"
        )
    if isinstance(spread, bool) or not isinstance(spread, int | float) or not spread > 0:
        raise InvalidInputError(f"spread must be a positive number; found {spread!r}")
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs == 0:
        raise InvalidInputError(f"jobs must be a number of processes, or -1; found {jobs!r}")
    for name in options:
        if name in _OWN:
            raise InvalidInputError(f"multistart sets {name}= for each start itself; leave it out")
        if name not in _KEYWORDS:
            raise WrongCallError(
                f"multistart has no {name}=; {instead(name, [*_OWN_KEYWORDS, *_KEYWORDS])}"
            )
