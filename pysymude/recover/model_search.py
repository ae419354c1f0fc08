"""The search for the sparse models that the data support: linearised widely, then refitted exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pysymude.recover.blended import Blended
from pysymude.recover.front import criterion_value
from pysymude.recover.linearised import Linear, best_subsets
from pysymude.recover.sampling import Samples

__all__ = ["STRONG", "Model", "Search"]

Float = NDArray[np.float64]
Support = tuple[int, ...]

_STEP = 1e-4  # of central differences, in units of each coefficient's scale
_EACH = 5  # models of one size that are refitted, from each source
_PATIENCE = 3  # sizes without a better criterion before the search ends
_HOPELESS = 30.0  # times the linearised loss of the best of its size: not worth a refit
STRONG = 6.0  # difference of criteria
_ROUNDS = 3  # linearisations: at the network, then at the best sparse model


@dataclass(frozen=True, eq=False)
class Model:
    """A sparse model refitted through the ODE; `q` are all unknowns of the blended system."""

    support: Support
    q: Float
    loss: float
    criterion: float


class Search:
    """All that is known of the candidates; `models` grows with each refit."""

    def __init__(
        self,
        blended: Blended,
        samples: Sequence[Samples],
        criterion: str,
        max_terms: int,
        tell: Callable[[str, float], None] = lambda what, loss: None,
    ) -> None:
        self.tell = tell
        self.blended, self.samples, self.criterion = blended, samples, criterion
        self.scale = np.concatenate([*(s.scale for s in samples), _nuisance_scale(blended)])
        self.live = np.flatnonzero(self.scale[: blended.n_coefficients] > 0)
        self.off = np.zeros(len(samples))
        free = blended.y.size - len(blended.nuisances) - 2
        self.max_terms = max(1, min(max_terms, free, self.live.size))
        self.asked_terms = max_terms
        self.models: dict[Support, Model] = {}
        self.network = self.linearised(blended.start, np.ones(len(samples)))
        fitted = blended.values(blended.start[None], np.ones((1, len(samples))))[0]
        self.network_loss = float(np.sum((fitted - blended.y) ** 2))
        self.floor = self._floor(fitted)

    @property
    def best(self) -> Model:
        """The smallest model, of at least one term, whose criterion is within 6 of the least.

        Differences above 6 are strong evidence: a further term needs that.

        References
        ----------
        .. [1] Kass and Raftery, Bayes factors, J. Am. Stat. Assoc. 90 (1995), 773, sec. 3.2.
        """
        found = [m for m in self.models.values() if m.support]
        least = min(m.criterion for m in found)
        close = [m for m in found if m.criterion <= least + STRONG]
        return min(close, key=lambda m: (len(m.support), m.criterion))

    def run(self, proposed: set[Support]) -> Linear:
        """Fills `models`; the linearisation at the best one.

        Parameters
        ----------
        proposed : set of supports
            From the regression on the network's outputs.
        """
        linear, last = self.network, None
        self.refit((), linear)
        for _ in range(_ROUNDS):
            self._round(linear, proposed)
            if self.best.support == last:
                break
            last = self.best.support
            linear = self.linearised(self.best.q, self.off)
        return linear

    def _round(self, linear: Linear, proposed: set[Support]) -> None:
        searched = best_subsets(linear, self.max_terms)
        since, value = 0, np.inf
        for size in range(1, self.max_terms + 1):
            supports = [support for _, support in searched[size][:_EACH]]
            others = sorted(s for s in proposed if len(s) == size and set(s) <= set(linear.live))
            if others:
                rss = linear.solve(others)[0]
                limit = _HOPELESS * searched[size][0][0]
                order = np.argsort(rss, kind="stable")[:_EACH]
                supports += [others[i] for i in order if rss[i] <= limit]
            if not supports:
                break
            now = min(self.refit(support, linear).criterion for support in supports)
            since, value = (0, now) if now < value else (since + 1, value)
            if since >= _PATIENCE:
                break

    def refit(self, support: Support, linear: Linear) -> Model:
        """The model with these candidates, its coefficients fitted through the ODE; cached."""
        if support in self.models:
            return self.models[support]
        from scipy.optimize import least_squares

        b = self.blended
        active = np.array([*support, *range(b.n_coefficients, b.size)], dtype=int)
        q, start = self._start(support, linear)

        def whole(z: Float) -> Float:
            full = q.copy()
            full[active] = z * self.scale[active]
            return full

        def residual(z: Float) -> Float:
            found = b.values(whole(z)[None], self.off[None])[0] - b.y
            # a failed solve: far away, but finite
            return np.where(np.isfinite(found), found, 1e3 * (1.0 + np.abs(b.y).max()))

        def jacobian(z: Float) -> Float:
            return np.nan_to_num(self._jacobian(whole(z), self.off, active))

        loss = start
        if active.size and np.isfinite(start):
            found = least_squares(
                residual, q[active] / self.scale[active], cast("Any", jacobian),
                max_nfev=40, xtol=1e-10, ftol=1e-10, gtol=1e-14,
            )  # fmt: skip
            q, loss = whole(found.x), 2 * float(found.cost)
        model = Model(support, q, loss, self._criterion(support, loss))
        self.models[support] = model
        self.tell(f"refits of sparse models, {len(support)} terms", loss)
        return model

    def _start(self, support: Support, linear: Linear) -> tuple[Float, float]:
        """Where a refit starts, and the loss there: infinite where no solve succeeds.

        The better of two: the linearised fit to the data, and the regression on the networks.
        """
        b = self.blended
        rows = np.repeat(b.start[None], 2, axis=0)
        if support:
            rows[0, list(support)] = linear.solve([support])[1][0]
            rows[1, list(support)] = self._regression(support)
        found = b.values(rows, np.repeat(self.off[None], 2, axis=0))
        loss = np.sum((found - b.y) ** 2, axis=1)
        loss = np.where(np.isfinite(loss), loss, np.inf)
        k = int(np.argmin(loss))
        return rows[k], float(loss[k])

    def _regression(self, support: Support) -> Float:
        """Least squares on the networks' outputs, one output after the other."""
        found: list[Float] = []
        offset = 0
        for s in self.samples:
            size = s.features.shape[1]
            own = [j - offset for j in support if offset <= j < offset + size]
            scaled = s.features[:, own] * s.scale[own]
            found.append(np.linalg.lstsq(scaled, s.output, rcond=None)[0] * s.scale[own])
            offset += size
        return np.concatenate(found)

    def linearised(self, q: Float, weights: Float) -> Linear:
        """The residuals near the unknowns `q`, for models in which no network is left."""
        b = self.blended
        everything = np.concatenate([self.live, np.arange(b.n_coefficients, b.size)])
        columns = np.zeros((b.y.size, b.size))
        columns[:, everything] = self._jacobian(q, weights, everything) / self.scale[everything]
        target = b.y - b.values(q[None], weights[None])[0]
        target = target + columns[:, : b.n_coefficients] @ q[: b.n_coefficients]
        for k in np.flatnonzero(weights):
            # the network leaves: so much of the solution goes with it
            rows = np.repeat(weights[None], 2, axis=0)
            rows[0, k] += _STEP
            rows[1, k] -= _STEP
            up, down = b.values(np.repeat(q[None], 2, axis=0), rows)
            target = target + weights[k] * (up - down) / (2 * _STEP)
        # a candidate whose solve fails even next to q is left out
        columns = np.where(np.isfinite(columns).all(axis=0), columns, 0.0)
        n = b.n_coefficients
        return Linear(columns[:, :n], columns[:, n:], np.nan_to_num(target))

    def covariance(self, model: Model) -> Float:
        """Of the active unknowns: coefficients in the order of the support, then nuisances.

        s^2 (J^T J)^-1 with s^2 = loss over degrees of freedom; J are sensitivities of the solution.
        """
        b = self.blended
        active = np.array([*model.support, *range(b.n_coefficients, b.size)], dtype=int)
        J = self._jacobian(model.q, self.off, active)
        size = (model.loss + self.floor) / max(1, b.y.size - active.size)
        scaled = size * np.linalg.pinv(J.T @ J, hermitian=True)
        scale = self.scale[active]
        return scaled * scale[:, None] * scale[None, :]

    def _jacobian(self, q: Float, weights: Float, active: NDArray[np.int_]) -> Float:
        """With respect to unknowns in units of their scale, shape (measurements, active)."""
        b = self.blended
        rows = np.repeat(q[None], 2 * active.size, axis=0)
        k = np.arange(active.size)
        rows[2 * k, active] += _STEP * self.scale[active]
        rows[2 * k + 1, active] -= _STEP * self.scale[active]
        found = b.values(rows, np.repeat(weights[None], len(rows), axis=0))
        return ((found[0::2] - found[1::2]) / (2 * _STEP)).T

    def _criterion(self, support: Support, loss: float) -> float:
        return criterion_value(
            self.criterion, loss=loss + self.floor, measurements=self.blended.y.size,
            learned=len(support) + len(self.blended.nuisances), terms=len(support),
            candidates=self.live.size,
        )  # fmt: skip

    def _floor(self, fitted: Float) -> float:
        """What the tolerances of the fit leave of the loss: smaller differences mean nothing."""
        method, loss = self.blended.fit.objective.method, self.blended.fit.objective.loss
        weight = loss.weight[self.blended.seen]
        return float(np.sum((method.reltol * np.abs(fitted) + np.max(method.abstol) * weight) ** 2))


def _nuisance_scale(blended: Blended) -> Float:
    """One on a logarithmic or logistic scale; elsewhere the size of the number, or of its state."""
    values = blended.start[blended.n_coefficients :]
    found = np.ones(values.size)
    for k, nuisance in enumerate(blended.nuisances):
        if np.isfinite(nuisance.low) or np.isfinite(nuisance.high):
            continue
        size = abs(float(values[k]))
        if nuisance.experiment >= 0:
            along = blended.fit.predictions[nuisance.experiment].u[:, nuisance.state]
            size = float(np.sqrt(np.mean(along**2)))
        found[k] = size or 1.0
    return found
