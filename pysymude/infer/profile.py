"""Profiles: the best loss as a function of one learned number, or of a prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.long_work.progress_bar import Reporter
from pysymude.fit.long_work.sharing import shared
from pysymude.fit.result.fit_result import FitResult
from pysymude.infer.asked_for import Where, held_of
from pysymude.infer.covariance import check_level
from pysymude.infer.evidence import Evidence
from pysymude.infer.held_number import Held
from pysymude.infer.profiling import Profiler, Side
from pysymude.model.calls import explained
from pysymude.model.html_table import html_table, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Profile", "profile"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Profile:
    """The best loss with one number, or a prediction, held at each of several values; made by `profile`.

    Attributes
    ----------
    name : str
    values : float64 array, shape (points,)
        Of the number, ascending, in its natural unit.
    loss : float64 array, shape (points,)
        The best loss with the number held there.
    theta : float64 array, shape (points, parameters)
        Where that is reached: how the others make up for it.
    best : float
        The value at the smallest loss.
    scale, dof : float
        What the loss is divided by, and the degrees of freedom of its estimate, as for `Covariance`.
    level : float
        Up to where the profile was followed.
    open_low, open_high : bool
        Whether the loss stays below the threshold to that side, as far as the number may go.
    warnings : tuple of str
    """

    name: str
    values: Float
    loss: Float
    theta: Float
    best: float
    scale: float
    dof: float
    level: float
    open_low: bool
    open_high: bool
    warnings: tuple[str, ...]
    bounds: tuple[float, float]
    stored: Float
    held: Held

    @property
    def rise(self) -> Float:
        """The loss above its smallest, divided by `scale`: compare it with `threshold`."""
        return (self.loss - self.loss.min()) / self.scale

    def threshold(self, level: float) -> float:
        """How far `rise` may go inside of an interval of this level."""
        return self.held.evidence.threshold(check_level(level))

    @explained
    def interval(self, level: float | None = None) -> tuple[float, float]:
        """Both ends, in the natural unit.

        An open end is that of what the number may be: a bound, or infinity.

        Raises
        ------
        InvalidInputError
            The profile was followed to a lower level than that.
        """
        wanted = self.threshold(self.level if level is None else level)
        middle = int(np.argmin(self.loss))
        ends: list[float] = []
        for side, is_open, bound in (
            (slice(middle, None, -1), self.open_low, self.bounds[0]),
            (slice(middle, None), self.open_high, self.bounds[1]),
        ):
            root = np.sqrt(np.maximum(self.rise[side], 0.0))
            # where refits found several valleys, the farthest point inside counts
            last = int(np.flatnonzero(root < np.sqrt(wanted))[-1])
            if last + 1 < root.size:
                ends.append(self._crossing(root, self.stored[side], np.sqrt(wanted), last + 1))
            elif is_open:
                ends.append(bound)
            else:
                raise InvalidInputError(
                    f"this profile was followed to the level {self.level:g}; make it again with level={level}"
                )
        return ends[0], ends[1]

    def _crossing(self, root: Float, z: Float, wanted: float, k: int) -> float:
        """The value at which the root of the rise has a height, on the way out to point k."""
        from scipy.interpolate import PchipInterpolator

        way, outward = root[: k + 1], z[: k + 1]
        if np.all(np.diff(way) > 0):
            # nearly a straight line, on the scale on which the number is learned
            return self.held.natural(float(PchipInterpolator(way, outward)(wanted)))
        part = (wanted - root[k - 1]) / (root[k] - root[k - 1])
        return self.held.natural(float(z[k - 1] + part * (z[k] - z[k - 1])))

    @explained
    def plot(self, *, ax: Axes | None = None) -> Figure:
        """A matplotlib figure of the rise of the loss, with the threshold and the interval."""
        from pysymude.plot import plot_profile

        return plot_profile(self, ax=ax)

    def _repr_html_(self) -> str:
        low, high = self.interval()
        head = ("of", "best", f"{self.level:.0%} from", "to", "points")
        rows = [[self.name, self.best, low, high, float(len(self.values))]]
        return html_table(head, rows) + "".join(sentence(text, "warning") for text in self.warnings)

    def __repr__(self) -> str:
        low, high = self.interval()
        ends = "(" if self.open_low else "["
        return (
            f"Profile({self.name} = {self.best:.6g}, {self.level:.0%} within {ends}{low:.6g}, {high:.6g}"
            f"{')' if self.open_high else ']'}; {len(self.values)} points)"
        )


@explained
def profile(
    fit: FitResult,
    name: Any,
    t: Any = None,
    *,
    level: float = 0.95,
    take: str | None = None,
    experiment: int | str = 0,
    u0: Any = None,
    parameters: Mapping[Any, Any] | None = None,
    signals: Mapping[Any, Any] | None = None,
    checkpoint: str | PathLike[str] | None = None,
    jobs: int = 1,
    progress: bool = True,
) -> Any:
    """The profile of a learned number or a prediction: refits with it held at values to both sides of the best.

    Steps adapt to how the loss rises; each refit starts from where the last one ended. A side on which the
    loss stays below the threshold for as far as the number may go is open, and the interval says so.

    Parameters
    ----------
    fit : FitResult
    name : symbol, str or expression, or several of them
        A parameter, a learned start such as ``"u0[0].x"``, or an expression of parameters; with `t` a state, an
        observable or any expression. Several give a mapping from name to profile.
    t : float, or array with `take`; optional
        When the prediction is looked at.
    level : float
        Both sides are followed to the threshold of this level, and a little beyond.
    take : str, optional
        ``"maximum"``, ``"minimum"`` or ``"mean"`` of a prediction over times `t`.
    experiment, u0, parameters, signals
        Of a prediction, as for `FitResult.predict`.
    checkpoint : path, optional
        A file in which points are kept as they come; the same call goes on from there. For several names
        it is a folder.
    jobs : int
        How many processes share several names.
    progress : bool
        Show what is being done, on a terminal or in a notebook.

    Returns
    -------
    Profile, or dict of str to Profile

    Raises
    ------
    InvalidInputError
        There is no such learned number, the fit cannot be solved, or a level that is none.

    References
    ----------
    .. [1] Raue et al., Structural and practical identifiability analysis of partially observed dynamical models
       by exploiting the profile likelihood, Bioinformatics 25 (2009), 1923.
    .. [2] Kreutz, Raue, Kaschek and Timmer, Profile likelihood in systems biology, FEBS Journal 280 (2013), 2564.

    Examples
    --------
    >>> import numpy as np, pysymude as psu
    >>> x, k = psu.states("x"), psu.parameters("k", positive=True)
    >>> t = np.linspace(0.0, 1.0, 5)
    >>> data = psu.Dataset.from_arrays(t, np.exp(-2 * t)[:, None], states=[x], u0={x: 1.0}, noise=0.1)
    >>> fit = psu.fit(psu.ODESystem({x: -k*x}, trainable={k: 1.0}), data, progress=False)
    >>> low, high = psu.profile(fit, x, 2.0, progress=False).interval()
    >>> bool(low < np.exp(-4) < high)
    True
    """
    if not isinstance(fit, FitResult):
        raise InvalidInputError(f"profile takes a FitResult first; found {type(fit).__name__}")
    check_level(level)
    where = Where(t, take, experiment, u0, parameters, signals)
    several = isinstance(name, list | tuple)
    asked = cast("Sequence[Any]", name) if several else [name]
    evidence = Evidence(fit)
    every = [held_of(evidence, one, where) for one in asked]
    if not several:
        return _one(every[0], level, checkpoint, progress)
    places = [_place(checkpoint, held.name) for held in every]
    pairs = zip(every, places, strict=True)
    if jobs == 1:
        return {held.name: _one(held, level, place, progress) for held, place in pairs}
    calls = [(fit, one, where, level, place) for one, place in zip(asked, places, strict=True)]
    found: dict[str, Profile] = {}
    with Reporter(progress, len(every), "profiles") as reporter:
        for made in shared(_apart, calls, jobs):
            found[made.name] = made
            reporter.advance(f"profile of {made.name}")
    return found


def _place(folder: str | PathLike[str] | None, name: str) -> Path | None:
    if folder is None:
        return None
    Path(folder).mkdir(parents=True, exist_ok=True)
    safe = "".join(c if c.isalnum() else "_" for c in name)
    return Path(folder) / f"{safe}.npz"


def _apart(
    fit: FitResult, name: Any, where: Where, level: float, checkpoint: Path | None
) -> Profile:
    """A profile in another process, which makes for itself what it holds."""
    return _one(held_of(Evidence(fit), name, where), level, checkpoint, False)


def _one(
    held: Held, level: float, checkpoint: str | PathLike[str] | None, progress: bool
) -> Profile:
    profiler = Profiler(held, held.evidence.threshold(level), level)
    what = f"refits for the profile of {held.name}"
    # nobody knows how many: steps adapt to what is found
    with Reporter(progress, None, what) as reporter:
        if checkpoint is not None and Path(checkpoint).exists():
            reporter.says(f"resumed: the points in {checkpoint} are not computed again")
        low, high = profiler.run(checkpoint, lambda loss: reporter.advance(what, loss))
    return _joined(profiler, low, high, level)


def _joined(profiler: Profiler, low: Side, high: Side, level: float) -> Profile:
    held = profiler.held
    # beyond the best point the lower side goes down on the scale that is learned
    theta = np.concatenate([low.theta[:0:-1], high.theta])
    loss = np.concatenate([low.loss[:0:-1], high.loss])
    z = np.concatenate([low.where[:0:-1], high.where])
    values = np.array([held.natural(float(v)) for v in z])
    below, above = low.is_open, high.is_open
    if values[0] > values[-1]:  # an upper bound alone turns the scale round
        theta, loss, values, z = theta[::-1], loss[::-1], values[::-1], z[::-1]
        below, above = above, below
    best = int(np.argmin(loss))
    warnings = list(held.doubts)
    better = (profiler.start_loss - float(loss.min())) / profiler.scale
    if better > 0.1:
        warnings.append(
            f"the profile found a loss of {loss.min():.6g}, less than the fit's {profiler.start_loss:.6g}: fit "
            f"again from theta0=profile.theta[{best}]"
        )
    for is_open, side in zip((below, above), ("below", "above"), strict=True):
        if is_open:
            warnings.append(f"the data do not bound {held.name} from {side}")
    return Profile(
        held.name, values, loss, theta, float(values[best]), profiler.scale, held.evidence.dof, level,
        below, above, tuple(warnings), held.bounds, z, held,
    )  # fmt: skip
