"""What the data say around a fit: the loss as a likelihood, its information, its scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import Evaluation
from pysymude.errors import InvalidInputError
from pysymude.fit.loss.information import fisher, has_fisher
from pysymude.fit.loss.least_squares import residuals_of_loss, sensitivities
from pysymude.fit.loss.objective import Objective
from pysymude.fit.loss.second_derivatives import second_derivatives, slopes_around
from pysymude.fit.problem.frozen import is_frozen
from pysymude.model.theta import Slot

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["Evidence"]

Float = NDArray[np.float64]

_TIGHT = 1e-9  # second derivatives are differences of gradients, which need digits to spare
_STEP = 2e-3
_TOUCHED = 1e-4  # of a number's own direction, squared, in what is open
_NOTHING = {
    True: 1e-10,
    False: 1e-7,
}  # of the largest information: rounding, for Fisher's or a curvature
_ROUNDING = 1e-14  # where a penalty or a prior holds what the data leave open


@dataclass(frozen=True, eq=False)
class Evidence:
    """The loss of a fit as minus twice the logarithm of a likelihood, but for a constant and its scale.

    Attributes
    ----------
    fit : FitResult
    weight_scale : float, optional
        The standard deviation of a normal prior around the weights of networks, which counts in errors alone.
    """

    fit: FitResult
    weight_scale: float | None = None

    def __post_init__(self) -> None:
        if not self.fit.retcode.successful:
            raise InvalidInputError(
                f"the fitted system cannot be solved, so nothing can be said around it: "
                f"{self.fit.retcode.value}"
            )
        self.objective.refuse_own("likelihood")

    @property
    def objective(self) -> Objective:
        """The loss."""
        return self.fit.objective

    @cached_property
    def free(self) -> NDArray[np.int64]:
        """Places in theta that are not frozen."""
        return np.setdiff1d(np.arange(self.fit.theta.size), self.objective.composition.frozen)

    @cached_property
    def slots(self) -> dict[str, Slot]:
        """Learned numbers that have a name: parameters and starts, but no weights."""
        layout = self.fit.layout
        slots = [*layout.of_kind("parameter"), *layout.of_kind("u0")]
        return {s.name: s for s in slots if not is_frozen(s.name, self.objective.frozen)}

    @cached_property
    def inside(self) -> NDArray[np.int64]:
        """Where among the free numbers those of `slots` are, in their order."""
        offsets = np.array([s.offset for s in self.slots.values()], dtype=np.int64)
        return np.searchsorted(self.free, offsets).astype(np.int64)

    @cached_property
    def noise_is_known(self) -> bool:
        """Whether the loss has a scale of its own: noise was given or modelled, or there are priors."""
        obj = self.objective
        if obj.likelihood is not None or obj.system.priors:
            return True
        return any(trajectory.noise for trajectory in obj.data)

    @cached_property
    def dof(self) -> float:
        """Measurements less what was learned; infinite where the noise is known."""
        if self.noise_is_known:
            return np.inf
        if self.penalty.any():
            # a number that is held back takes a part of a degree of freedom
            held = np.diag(self.penalty * self.units**2)
            inverse = np.linalg.pinv(self.scaled, rcond=_ROUNDING, hermitian=True)
            learned = np.trace(inverse @ (self.scaled - held))
        else:
            learned = np.linalg.matrix_rank(self.scaled, tol=1e-10 * self._largest, hermitian=True)
        return float(max(self.objective.loss.n_measured - float(learned), 1.0))

    @cached_property
    def scale(self) -> float:
        """The variance by which the loss is divided: 1, or what the residuals show (chi2 / (n - p))."""
        if self.noise_is_known:
            return 1.0
        data = self.objective.evaluate(self.fit.theta, gradient=False).terms["data"]
        return max(float(data) / self.dof, 1e-300)

    @cached_property
    def uncertain(self) -> Float:
        """The covariance of the loss's slopes, halved, by the free numbers, in natural units.

        It is the information times `scale` where all columns have the noise that their weights say. Weights
        that were estimated themselves may be wrong for a column: then each counts with what its own
        residuals show.
        """
        if not self.columns_differ:
            return self.regular * self.scale
        obj, theta = self.objective, self.fit.theta
        counted = obj.loss.weight > 0
        found, r = sensitivities(obj, theta), residuals_of_loss(obj, theta)
        columns = np.argwhere(counted)[:, 2]
        freedom = self.dof / r.size
        total = np.zeros_like(self.scaled)
        for j in np.unique(columns):
            here = np.zeros_like(counted)
            here[:, :, j] = counted[:, :, j]
            rows = found.slopes[found.row[here]] * obj.loss.weight[here][:, None]
            rows = rows[:, self.free] * self.units
            total += float(np.mean(r[columns == j] ** 2)) / freedom * (rows.T @ rows)
        held = self.regular - self.scaled + np.diag(self.penalty * self.units**2)
        return total + held * self.scale

    @cached_property
    def columns_differ(self) -> bool:
        """Whether each of several columns counts with the noise that its own residuals show."""
        several = (self.objective.loss.weight > 0).any(axis=(0, 1)).sum() > 1
        return bool(several) and self.is_expected and not self.noise_is_known

    @cached_property
    def penalty(self) -> Float:
        """What the loss has of the square of each free number beside the data: weight decay."""
        found = np.zeros(self.fit.theta.size)
        for slot in self.fit.layout.of_kind("weight"):
            found[slot.slice] = self.fit.weight_decay
        return found[self.free]

    @cached_property
    def regular(self) -> Float:
        """`scaled`, with the prior of `weight_scale`."""
        if self.weight_scale is None:
            return self.scaled
        weights = np.zeros(self.fit.theta.size)
        for slot in self.fit.layout.of_kind("weight"):
            weights[slot.slice] = self.scale / self.weight_scale**2
        return self.scaled + np.diag(weights[self.free])

    @cached_property
    def modes(self) -> tuple[Float, Float, NDArray[np.bool_]]:
        """Eigenvalues and vectors of the information in natural units, and which the data determine."""
        values, vectors = np.linalg.eigh(self.regular)
        held = self.weight_scale is not None or bool(self.penalty.any())
        least = (_ROUNDING if held else _NOTHING[self.is_expected]) * self._largest
        return values, vectors, values > least

    @cached_property
    def inverse(self) -> Float:
        """The inverse of the information in natural units, over what the data determine."""
        values, vectors, known = self.modes
        return (vectors[:, known] / values[known]) @ vectors[:, known].T

    @cached_property
    def covariance(self) -> Float:
        """Of the free numbers, in natural units, over what the data determine."""
        if not self.columns_differ:
            return self.inverse * self.scale
        return self.inverse @ self.uncertain @ self.inverse

    def evaluate(self, theta: Float, *, gradient: bool = True) -> Evaluation:
        """The loss that training had, weight decay included."""
        found = self.objective.evaluate(theta, gradient=gradient)
        if not self.penalty.any():
            return found
        part, slope = theta[self.free], found.gradient
        if slope is not None:
            slope = slope.copy()
            slope[self.free] += 2.0 * self.penalty * part
        return replace(found, value=found.value + float(self.penalty @ part**2), gradient=slope)

    def is_open(self, at: int) -> bool:
        """Whether the data leave open the free number at a place among them."""
        _, vectors, known = self.modes
        return float((vectors[at, ~known] ** 2).sum()) > _TOUCHED

    def scale_of(self, place: int) -> float:
        """What the rise of the loss is divided by in an interval for the number at a place of theta."""
        at = int(np.searchsorted(self.free, place))
        if self.is_open(at):
            return self.scale
        return float(self.covariance[at, at] / self.inverse[at, at])

    def threshold(self, level: float) -> float:
        """How much the loss, divided by `scale`, may rise inside of an interval for one number."""
        from scipy.special import ndtri, stdtrit

        tail = 0.5 * (1.0 + level)
        return float(ndtri(tail) if np.isinf(self.dof) else stdtrit(self.dof, tail)) ** 2

    @cached_property
    def units(self) -> Float:
        """The natural unit of each free number: an e-folding where there is a bound, else its size."""
        theta, found = self.fit.theta, np.ones(self.fit.theta.size)
        for slot in self.fit.layout.values():
            if slot.kind != "weight":
                found[slot.offset] = slot.unit(float(theta[slot.offset]))
        return found[self.free]

    @cached_property
    def scaled(self) -> Float:
        """`information` in natural units."""
        return self.information * np.outer(self.units, self.units)

    @cached_property
    def _largest(self) -> float:
        return max(float(np.abs(self.scaled).max(initial=0.0)), 1e-300)

    @cached_property
    def is_expected(self) -> bool:
        """Whether the information is Fisher's, from exact first derivatives; else half the loss's curvature."""
        return has_fisher(self.objective)

    @cached_property
    def information(self) -> Float:
        """Half the second derivatives of the loss by the free numbers, at the fit."""
        if not self.is_expected:
            return 0.5 * self._curvature() + np.diag(self.penalty)
        found = fisher(self.objective, self.fit.theta)[np.ix_(self.free, self.free)]
        return found + self.of_priors + np.diag(self.penalty)

    @cached_property
    def of_priors(self) -> Float:
        """The priors' part of `information`, by differences of their gradient."""
        obj = self.objective
        if not obj.system.priors:
            return np.zeros((self.free.size, self.free.size))
        return 0.5 * self._differences(lambda z: obj.priors.evaluate(z)[1], 1e-5)

    def _curvature(self) -> Float:
        """Second derivatives of the loss, by differences of its exact gradient at tight tolerances."""
        obj = self.objective
        method = replace(obj.method, reltol=min(obj.method.reltol, _TIGHT))
        tight = replace(obj, method=method)
        return self._differences(slopes_around(tight), _STEP)

    def _differences(self, gradient: Callable[[Float], Float], step: float) -> Float:
        """Central differences of a gradient by the free numbers, made symmetric."""
        return second_derivatives(gradient, self.fit.theta, self.free, step * self.units)
