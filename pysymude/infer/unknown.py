"""Bands around what networks give: at inputs or states of one's own, and along a trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.result.imagined import Setting
from pysymude.infer.bands import Band
from pysymude.infer.predicting import Asked, Spread, asked_of, band_along
from pysymude.model.coerce import float_array, label_of
from pysymude.model.network import MLP, NetworkOutput
from pysymude.plan.compiled import compile_system, known_term
from pysymude.plan.formulas import formulas
from pysymude.plan.numeric import network_weights
from pysymude.solving.checks import output_times

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["network_band", "unknown_band"]

Float = NDArray[np.float64]

_STEP = 6e-6


def network_band(fit: FitResult, name: Any, z: Any, band: Any, how: Mapping[str, Any]) -> Band:
    """See `FitResult.network`."""
    asked = _of_curve(asked_of("network", band, how))
    fit.network(name, z)  # its checks
    nn = next(nn for nn in fit.objective.plan.networks if nn.name == label_of(name))
    inputs = float_array(z, what="z")
    flat = inputs.reshape(-1, len(nn.inputs))
    slopes = np.zeros((len(flat), nn.outputs, fit.theta.size))
    first = fit.layout[f"{nn.name}.W1"].offset
    weights = network_weights(fit.objective.plan.networks, fit.theta)[nn.name]
    for i, point in enumerate(flat):
        for k, unit in enumerate(np.eye(nn.outputs)):
            slopes[i, k, first : first + nn.n_weights] = nn.pull(weights, point, unit)

    def values(theta: Float) -> Float:
        return nn.forward(network_weights(fit.objective.plan.networks, theta)[nn.name], inputs)

    columns = tuple(f"{nn.name}[{k}]" for k in range(nn.outputs))
    return _band(fit, asked, columns, _axis(nn, flat), values, slopes)


def _axis(nn: MLP, flat: Float) -> dict[str, Float]:
    return {str(z): flat[:, k].copy() for k, z in enumerate(nn.inputs)}


def unknown_band(
    fit: FitResult, u: Any, t: Any, experiment: int, band: Any, how: Mapping[str, Any]
) -> Band:
    """See `FitResult.unknown_term`."""
    asked = _of_curve(asked_of("unknown_term", band, how))
    terms = Terms(fit, experiment, float(np.atleast_1d(np.asarray(t, dtype=np.float64)).ravel()[0]))
    if not terms.touched:
        raise InvalidInputError("no network stands in an equation of this system")
    if u is None:
        known = {f"unknown_{name}": f for name, f in terms.touched.items()}
        found = band_along(fit, Setting(output_times(t), experiment), asked, known=known)
        return replace(found, columns=tuple(terms.touched), measured=None)
    states = float_array(u, what="u")
    fit.unknown_term(states, t, experiment=experiment)  # its checks
    names = [s.name for s in fit.system.states]
    flat = states.reshape(-1, len(names))
    times = np.broadcast_to(np.asarray(t, dtype=np.float64), states.shape[:-1]).ravel()
    at = [names.index(name) for name in terms.touched]

    def values(theta: Float) -> Float:
        there = replace(fit, theta=theta)
        return there.unknown_term(states, t, experiment=experiment)[..., at]

    axis = {name: flat[:, k].copy() for k, name in enumerate(names)}
    return _band(fit, asked, tuple(terms.touched), axis, values, terms.slopes(flat, times))


@dataclass(frozen=True, eq=False)
class Terms:
    """What networks add to du/dt, as expressions, in an experiment at a time."""

    fit: FitResult
    experiment: int
    time: float

    @cached_property
    def touched(self) -> dict[str, sp.Expr]:
        """Of each state in whose equation a network stands."""
        obj = self.fit.objective
        model, system = obj.enforced.model, obj.system
        return {
            x.name: model.rhs[x] - known_term(f)
            for x, f in system.rhs.items()
            if f.atoms(NetworkOutput)
        }

    def slopes(self, flat: Float, times: Float) -> Float:
        """The derivatives of the terms at states (points, states), float64 (points, terms, theta)."""
        fit, obj = self.fit, self.fit.objective
        if obj.loss.courses is not None and obj.loss.courses.moved:
            return self._differences(flat, times)
        plan = compile_system(obj.enforced.model)
        made = formulas(plan, list(self.touched.values()))
        here = fit.spans(np.array([self.time]), self.experiment)[0]
        found = np.zeros((len(flat), len(self.touched), fit.theta.size))
        for i, (point, time) in enumerate(zip(flat, times.tolist(), strict=True)):
            for k, unit in enumerate(np.eye(len(self.touched))):
                pulled = made.pull(unit, here.p, here.theta, time, point).theta
                found[i, k, : pulled.size] = pulled
        return found

    def _differences(self, flat: Float, times: Float) -> Float:
        """Where values of an experiment are expressions of what is learned: central differences."""
        fit = self.fit
        names = [s.name for s in fit.system.states]
        at = [names.index(name) for name in self.touched]
        found = np.zeros((len(flat), len(at), fit.theta.size))
        for j in range(fit.theta.size):
            h = _STEP * max(1.0, abs(fit.theta[j]))
            sides: list[Float] = []
            for sign in (1.0, -1.0):
                moved = fit.theta.copy()
                moved[j] += sign * h
                there = replace(fit, theta=moved)
                sides.append(there.unknown_term(flat, times, experiment=self.experiment)[:, at])
            found[:, :, j] = (sides[0] - sides[1]) / (2.0 * h)
        return found


def _of_curve(asked: Asked) -> Asked:
    if asked.interval != "confidence":
        raise InvalidInputError("nobody measures what a network gives: interval= is 'confidence'")
    return asked


def _band(
    fit: FitResult, asked: Asked, columns: tuple[str, ...], axis: Mapping[str, Float], values: Any, slopes: Float
) -> Band:  # fmt: skip
    """The band of values of theta, shape (..., columns), with derivatives (points, columns, theta)."""
    spread, middle = Spread(fit, asked), values(fit.theta)
    sizes = np.abs(middle).reshape(-1, len(columns)).max(axis=0)
    errors = spread.errors(slopes, sizes)
    errors, is_open = spread.opened(values, middle, errors.reshape(middle.shape))
    low, high = spread.ends(values, middle, errors)
    if asked.method == "bootstrap":
        is_open = np.zeros_like(is_open)
    return Band(
        columns, axis, middle, low, high, errors, asked.level, "confidence", asked.method, is_open,
        spread.warnings(columns, is_open),
    )  # fmt: skip
