"""How many unknowns a simulated experiment determines at one point: the rank of its exact derivatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.errors import PySymUDEError
from pysymude.fit.loss.least_squares import sensitivities
from pysymude.fit.loss.make_objective import objective
from pysymude.fit.loss.objective import Objective
from pysymude.model.system import ODESystem
from pysymude.model.trajectory import Trajectory
from pysymude.plan.numeric import NumericModel

__all__ = ["SeenRank", "seen_rank"]

Float = NDArray[np.float64]

_COARSE, _FINE = (
    1e-8,
    1e-11,
)  # relative tolerances; their difference is what derivatives are wrong by, at most
_SLOW, _FAST = (
    20.0,
    1e3,
)  # the span: so many times of the slowest mode, at most so many of the fastest
_TRIES, _SHORTER = 6, 4.0  # where a solution ends before that
_PART = 1e-3  # of a direction: what belongs to it


@dataclass(frozen=True)
class SeenRank:
    """What a simulated experiment determines.

    Attributes
    ----------
    rank, size : int
        Singular values that are larger than what the derivatives can be wrong by, of all; unknowns are
        parameters and starts.
    open : frozenset of str
        Unknowns that belong to the other directions.
    """

    rank: int
    size: int
    open: frozenset[str]


def seen_rank(
    system: ODESystem,
    seen: Sequence[str],
    unknown: Sequence[str],
    known: Mapping[str, Any],
    doses: Mapping[str, Any],
) -> SeenRank | None:
    """The rank at the system's values; None where the experiment cannot be simulated.

    Parameters
    ----------
    system : ODESystem
        Unknown parameters without values, and starts, take numbers between 0.6 and 1.7.
    seen : sequence of str
        States and observables.
    unknown : sequence of str
        Parameters.
    known, doses
        As for `pysymude.infer.translation.translated`.
    """
    try:
        experiment = _Experiment(system, tuple(seen), tuple(unknown), known, doses)
        pair = experiment.derivatives()
    except (PySymUDEError, TypeError, np.linalg.LinAlgError):
        # what stands beside an answer is no reason to give none
        return None
    if pair is None:
        return None
    coarse, fine = pair
    return _rank(coarse, fine, experiment.names)


def _rank(coarse: Float, fine: Float, names: Sequence[str]) -> SeenRank:
    """The rank of derivatives, known twice: their singular values are certain up to the difference.

    By Weyl no singular value is farther from the true one than the norm of the error.
    """
    error = coarse - fine
    size = np.linalg.norm(fine, axis=0)
    counts = size > np.linalg.norm(error, axis=0) + 1e-12 * size.max(initial=0.0)
    scaled, wrong = fine[:, counts] / size[counts], error[:, counts] / size[counts]
    _, values, vectors = np.linalg.svd(scaled, full_matrices=False)
    least = max(np.linalg.norm(wrong, 2) if wrong.size else 0.0, 1e-13 * len(fine))
    rank = int((values > least).sum())
    # which columns take part in directions that do nothing
    part = np.sqrt((vectors[rank:] ** 2).sum(axis=0))
    there = [name for name, c in zip(names, counts, strict=True) if c]
    open_ones = {name for name, c in zip(names, counts, strict=True) if not c}
    open_ones |= {name for name, p in zip(there, part, strict=True) if p > _PART}
    return SeenRank(rank, len(names), frozenset(open_ones))


class _Experiment:
    """One experiment in which everything that is seen is measured, at many times."""

    def __init__(
        self,
        system: ODESystem,
        seen: tuple[str, ...],
        unknown: tuple[str, ...],
        known: Mapping[str, Any],
        doses: Mapping[str, Any],
    ) -> None:
        self.seen, self.unknown, self.doses = tuple(dict.fromkeys(seen)), unknown, doses
        rng = np.random.default_rng(0)
        free = sorted([*system.trainable, *system.symbolic_parameters], key=lambda s: s.name)
        drawn = {s: float(rng.uniform(0.6, 1.7)) for s in free}
        values = {s: float(system.trainable.get(s, drawn[s])) for s in free}
        learned = {s: v for s, v in values.items() if s.name in unknown}
        starts = {x.name: float(rng.uniform(0.6, 1.7)) for x in system.states}
        named = {x.name: x for x in system.states}
        exact = {n: e for n, e in known.items() if isinstance(e, sp.Expr) and e.free_symbols}
        starts |= {n: float(e) for n, e in known.items() if e is not None and n not in exact}
        self.u0 = {n: v for n, v in starts.items() if n not in exact}
        self.learned_starts = tuple(x.name for x in system.states if x.name not in known)
        bare = system.replace(
            parameters={}, trainable=learned, scales={}, noise={}, priors={},
            bounds=dict.fromkeys(learned, (None, None)),
            initial={named[n]: e for n, e in exact.items()},
        )  # fmt: skip
        # what noise alone reads is gone
        fixed = {s: v for s, v in {**system.parameters, **values}.items() if s not in learned}
        read = set(bare.symbolic_parameters)
        self.system = bare.replace(parameters={s: v for s, v in fixed.items() if s in read})
        at: dict[Any, Any] = {**self.system.parameters, **learned}
        self.start = np.array(
            [
                float(exact[x.name].subs(at)) if x.name in exact else starts[x.name]
                for x in system.states
            ]
        )

    @property
    def names(self) -> list[str]:
        """Of the columns of derivatives: parameters, then starts."""
        return [*(s.name for s in self.system.trainable), *self.learned_starts]

    def derivatives(self) -> tuple[Float, Float] | None:
        """Of all that is seen, by all that is unknown, with two tolerances."""
        span = self._span()
        for _ in range(_TRIES):
            both = [self._derivatives(span, reltol) for reltol in (_COARSE, _FINE)]
            if all(np.isfinite(j).all() for j in both):
                return both[0], both[1]
            span /= _SHORTER
        return None

    def _derivatives(self, span: float, reltol: float) -> Float:
        obj = self._objective(span, reltol)
        theta = obj.theta0(0)
        found = sensitivities(obj, theta)
        slots = [obj.layout[s.name] for s in self.system.trainable]
        slots += [s for n in self.learned_starts for s in self._starts(obj, n)]
        columns = found.slopes[:, [s.offset for s in slots]]
        size = np.abs(found.seen).max(axis=(0, 1))
        return columns / np.where(size > 0, size, 1.0)[found.places[:, 2]][:, None]

    def _starts(self, obj: Objective, name: str) -> list[Any]:
        return [s for s in obj.layout.of_kind("u0") if s.name.rpartition(".")[2] == name]

    def _span(self) -> float:
        """How long an experiment shows the slow modes, and the solver still takes few steps."""
        obj = self._objective(1.0, _COARSE)
        model = NumericModel(obj.plan, obj.loss.batch.p[0], obj.theta0(0))
        rates = np.abs(np.linalg.eigvals(model.jacobian(0.0, self.start)))
        rates = rates[rates > 1e-9 * max(rates.max(initial=0.0), 1e-300)]
        if not rates.size or not np.isfinite(rates).all():
            return 10.0
        return float(min(_SLOW / rates.min(), _FAST / rates.max()))

    def _objective(self, span: float, reltol: float) -> Objective:
        doses = cast("Any", [when for several in self.doses.values() for when, _ in several])
        times = {0.0, *np.geomspace(span / 1e3, span, 40), *np.linspace(0.0, span, 30)}
        for when in doses:
            times |= {when, *(when + np.geomspace(span / 1e3, span, 30))}
        t = np.array(sorted(times))
        data = Trajectory.from_arrays(
            t, np.zeros((len(t), len(self.seen))), states=list(self.seen), noise=1.0, t0=0.0,
            u0=self.u0, trainable_u0=list(self.learned_starts) or False, doses=dict(self.doses) or None,
            signals=self._signals(t),
        )  # fmt: skip
        return objective(
            self.system, data, engine="native", reltol=reltol, abstol=reltol * 1e-3, max_steps=20000
        )

    def _signals(self, t: Float) -> dict[str, Any]:
        """Rich courses for inputs that have no values of their own."""
        names = [s.name for s in self.system.signals if s.name not in self.system.signal_values]
        points = np.linspace(0.0, t[-1], 50)
        waves = 2 * np.pi * points / t[-1]
        return {
            n: (points, 1.0 + 0.4 * np.sin((3 + k) * waves) + 0.3 * np.sin((7.3 + k) * waves + 1.0))
            for k, n in enumerate(names)
        }
