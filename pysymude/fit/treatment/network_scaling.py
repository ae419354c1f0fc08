"""Network scalings that are taken from the data."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.treatment.smoothing import Smoothed, Smoothing
from pysymude.model.network import MLP
from pysymude.model.network_values import Scaling
from pysymude.model.system import ODESystem
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.numeric import NumericModel

__all__ = ["scale_networks"]

log = logging.getLogger("pysymude")

Float = NDArray[np.float64]

_ROUNDING = 1e-12


def scale_networks(system: ODESystem, smoothing: Smoothing) -> ODESystem:
    """`system` with every ``"data"`` scaling replaced by numbers.

    Inputs get the mean and the standard deviation of the smoothed data; outputs the scale of the
    slopes that the known terms leave over. Where that cannot be had, nothing is scaled.
    """
    wanting = [nn for nn in system.networks if nn.needs_data]
    if not wanting:
        return system
    plan, smoothed = smoothing.plan, smoothing.at()
    if smoothed is None:
        log.warning(
            "not every state is measured, so networks keep their inputs and outputs unscaled"
        )
    fixed = {nn: nn.with_scaling(_scaling(plan, nn, smoothed)) for nn in wanting}
    return system.replace(
        rhs={x: f.xreplace(fixed) for x, f in system.rhs.items()},
        observables={name: g.xreplace(fixed) for name, g in system.observables.items()},
        initial={x: f.xreplace(fixed) for x, f in system.initial.items()},
        noise={
            name: m.with_args([a.xreplace(fixed) for a in m.args])
            for name, m in system.noise.items()
        },
        events=[event.mapped(lambda expr: expr.xreplace(fixed)) for event in system.events],
    )


def _scaling(plan: CompiledSystem, nn: MLP, smoothed: Smoothed | None) -> Scaling:
    now = nn.fixed_scaling()
    if smoothed is None:
        return now
    model = NumericModel(plan, smoothed.p.T, plan.start)
    shift, scale = now.input_shift, now.input_scale
    if nn.input_scaling == "data":
        z = model.evaluate(plan.tape(nn.inputs), smoothed.t, smoothed.u)
        shift, scale = z.mean(axis=0), _nonzero(z.std(axis=0), np.abs(z).max(axis=0))
    out = now.output_scale
    if nn.output_scaling == "data":
        rest = smoothed.du - model.evaluate(plan.known_rhs, smoothed.t, smoothed.u)
        touched = [nn in f.atoms(MLP) for f in plan.system.rhs.values()]
        out = np.full(nn.outputs, np.sqrt(np.mean(rest[:, touched] ** 2))) if any(touched) else out
        out = _nonzero(out, np.abs(smoothed.du).max())
    return Scaling(shift, scale, now.output_shift, out)


def _nonzero(scale: Float, size: Float) -> Float:
    """Where it is more than the rounding of numbers of that size, else 1."""
    return np.where(np.isfinite(scale) & (scale > _ROUNDING * size), scale, 1.0)
