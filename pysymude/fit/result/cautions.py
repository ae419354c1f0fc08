"""What a fit should say of itself: bounds that were reached, directions that the data leave open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.outcomes import ReturnCode
from pysymude.errors import InvalidInputError
from pysymude.fit.loss.constant_loss import is_constant
from pysymude.fit.loss.second_derivatives import second_derivatives, slopes_around
from pysymude.fit.problem.absorbable import absorbable, made_up_for
from pysymude.fit.result.at_ends import at_ends, numbers_of
from pysymude.fit.result.stopped import FINISHED
from pysymude.fit.treatment.noise_estimates import roughness_of_series
from pysymude.fit.treatment.weighing import noise_part, spread_part
from pysymude.plan.numeric import NumericModel

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["is_material", "warnings_of"]

Float = NDArray[np.float64]

_MOST = 60  # learned numbers beside weights, for which second derivatives are taken by differences
_OPEN = 3.0  # a direction along which a standard deviation is so many natural units (e-foldings) is open
_PART = 0.3  # of a direction: what belongs to its name
# what is left to gain matters from here on: of the noise, of the spread of the data, of a loss of one's own
_SHARE, _SPREAD, _OWN_SHARE = 0.02, 1e-4, 1e-2
# parts of the spread: a fit that says nothing, noise by roughness at most
_NOTHING, _ROUGH = 0.5, 2e-3
_POOR, _MISFIT = 0.5, 4.0
_SMALL, _LARGE = 1e-2, 1e3  # the largest input of a network that needs no scaling lies between


def warnings_of(fit: FitResult) -> tuple[str, ...]:
    """Sentences, the gravest first; empty where there is nothing to say."""
    if not fit.retcode.successful:
        return (_failure(fit),)
    found = [
        *_training(fit),
        *_misfit(fit),
        *_scaling(fit),
        *at_ends(fit).values(),
        *_undetermined(fit),
        *_absorbed(fit),
    ]
    return tuple(dict.fromkeys(found))


def _failure(fit: FitResult) -> str:
    """What cannot be computed: the solve, or a loss of what was solved."""
    here = fit.objective.evaluate(fit.theta, gradient=False)
    if here.retcode is ReturnCode.LossNotFinite:
        return f"the loss cannot be computed: {here.message}"
    return f"the fitted system cannot be solved: {fit.retcode.value}"


def _training(fit: FitResult) -> list[str]:
    if not np.isfinite(fit.loss):
        return []
    values = fit.history["value"]
    if not fit.converged and (not len(values) or np.ptp(values) == 0):
        if is_constant(fit.objective, fit.theta):
            return [
                "nothing was learned: the loss does not depend on theta near the start. The function of loss= "
                "gives the same number for predictions that differ a little, as argmax, a count or int(...) do; "
                "write it with values that move, such as the weighted time of a peak"
            ]
        if not len(values) and fit.promised is None and fit.validation_loss is None:
            return ["no stage could run; theta is the start"]
    if fit.stopped != FINISHED:
        return [f"training ended early: {fit.stopped}"]
    if fit.converged or not is_material(fit):
        return []
    if fit.promised is None:
        how = "the loss still slopes"
    else:
        how = f"the loss, {fit.loss:.4g}, could still fall by about {min(fit.promised, _all(fit)):.2g}"
    return [
        f"not converged: {how}, which is more than the noise of the data makes. Its iterations were used up "
        "(stages=[psu.LBFGS(5000)] with theta0=fit.theta goes on), or no step helped, as at a kink or where "
        "solves are too inaccurate"
    ]


def _all(fit: FitResult) -> float:
    """How far a loss can fall at all: a sum of squares to zero."""
    return np.inf if fit.objective.composition.score is not None else abs(fit.loss)


def is_material(fit: FitResult) -> bool:
    """Whether the loss could still fall by more than noise makes, by what the optimiser promises.

    With a likelihood the unit is one of minus twice its logarithm: so much separates a value from one a standard
    error away. A sum of squares that lies at what the noise makes by itself, as given or estimated from each
    series, could only follow the noise; and what would explain less than a ten-thousandth more of the data's
    spread changes no prediction.
    """
    obj, promised = fit.objective, fit.promised
    if fit.validation_loss is not None:  # what is held out says when to stop
        return False
    if promised is None:
        return True
    if obj.own is not None:
        return promised > _OWN_SHARE * abs(fit.loss)
    if obj.likelihood is not None:
        return promised > 1.0
    spread = spread_part(obj.loss)
    if fit.loss > _NOTHING * spread:  # on a plateau an optimiser promises little
        return True
    # a robust estimate is too low where noise varies; rough data are not all noise
    rough = noise_part(fit.data, obj.loss, roughness_of_series)
    noise = max(noise_part(fit.data, obj.loss), min(rough, _ROUGH * spread))
    useful = min(promised, fit.loss - noise)
    return useful > max(_SHARE * noise, _SPREAD * spread)


def _misfit(fit: FitResult) -> list[str]:
    found: list[str] = []
    if fit.objective.own is not None:  # what it makes of the data is the user's affair
        return found
    for c in fit.residuals.table:
        model = fit.system.noise.get(c.name)
        # scales that are learned make up for any misfit, so that only the variance explained can tell
        learned = c.estimated or (model is not None and bool(model.free_symbols))
        if not learned and np.isfinite(c.chi2) and c.chi2 > _MISFIT:
            found.append(
                f"{c.name}: residuals are {np.sqrt(c.chi2):.2g} times the noise that was given, so the model "
                "does not describe it, or the noise is larger"
            )
        elif np.isfinite(c.r2) and c.r2 < (_POOR if learned else 0.0) and c.count > 2:
            found.append(f"{c.name}: the model explains {max(c.r2, 0.0):.0%} of its variance")
    return [*found, *_impossible(fit)]


def _impossible(fit: FitResult) -> list[str]:
    """Measurements that the model gives the probability 0."""
    obj = fit.objective
    if obj.likelihood is None:
        return []
    found: list[str] = []
    for name, e, i in obj.likelihood.impossible(obj.simulated(fit.theta), obj.loss):
        trajectory = fit.data[e]
        found.append(
            f"{name}: at t = {obj.loss.batch.ts[e, i]:g} of experiment {trajectory.name!r} the model predicts 0 "
            "or less, for which what was measured has probability 0"
        )
    return found


def _scaling(fit: FitResult) -> list[str]:
    """Networks that see numbers far from 1 and have no scaling."""
    obj, found = fit.objective, list[str]()
    if obj.enforced.mixes:  # predictions are in other states than the plan
        return found
    along = fit.predictions[0]
    here = fit.spans(along.t, 0)[0]
    numeric = NumericModel(obj.plan, here.p, here.theta)
    t, u = along.t[here.rows], along.u[here.rows]
    for nn in obj.plan.networks:
        if nn.input_scaling is not None:
            continue
        z = np.abs(numeric.evaluate(obj.plan.tape(list(nn.inputs)), t, u))
        size = float(np.nanmax(z, initial=0.0))
        if size > 0 and not _SMALL < size < _LARGE:
            found.append(
                f"network {nn.name!r} sees numbers of the size {size:.2g}, of which it can make little: give "
                "input_scaling='data', output_scaling='data'"
            )
    return found


def _undetermined(fit: FitResult) -> list[str]:
    """Directions in which the loss is so flat that the data say nothing."""
    slots = numbers_of(fit)
    obj = fit.objective
    if not slots or len(slots) > _MOST or obj.plan.networks or obj.own is not None:
        return []
    offsets = np.array([s.offset for s in slots])
    curvature = _curvature(fit, offsets)
    if curvature is None:
        return []
    n = obj.loss.n_measured
    known = obj.likelihood is not None or all(not c.estimated for c in fit.residuals.table)
    # of a loss that is minus twice a log-likelihood, half the curvature is the information
    variance = 1.0 if known else fit.loss / max(n - fit.theta.size, 1)
    # on an unbounded scale a number's own size is its natural unit
    unit = np.array([s.unit(float(fit.theta[s.offset])) for s in slots])
    scaled = curvature * unit[:, None] * unit[None, :] / 2.0
    values, vectors = np.linalg.eigh(scaled)
    smallest = max(variance, 1e-300) / _OPEN**2
    rounding = 1e-9 * max(float(values.max(initial=0.0)), 0.0)
    found: list[str] = []
    for value, vector in zip(values, vectors.T, strict=True):
        if value > max(smallest, rounding):
            break
        parts = [s.name for s, v in zip(slots, vector, strict=True) if abs(v) > _PART]
        what = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]} apart"
        found.append(f"the data do not determine {what}: the loss hardly changes in that direction")
    return found


def _absorbed(fit: FitResult) -> list[str]:
    """Parameters that networks can make up for, whatever the data; known before any fit."""
    told = absorbable(fit.system, fit.data, fit.objective.frozen)
    return [made_up_for(name, networks) for name, networks in told.items()]


def _curvature(fit: FitResult, offsets: NDArray[np.int64]) -> Float | None:
    """Second derivatives of the loss, None where it cannot be evaluated around the fit."""
    steps = 1e-4 * np.maximum(np.abs(fit.theta[offsets]), 1e-2)
    try:
        return second_derivatives(slopes_around(fit.objective), fit.theta, offsets, steps)
    except InvalidInputError:
        return None
