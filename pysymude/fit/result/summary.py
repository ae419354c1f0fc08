"""A fit in a few lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pysymude.fit.result.cautions import is_material
from pysymude.fit.result.stopped import FINISHED

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["ENOUGH", "ended", "summary_of"]

ENOUGH = "not converged, but what is left to gain is less than the noise"


def ended(fit: FitResult) -> str:
    """How training ended, in a few words."""
    if fit.stopped == FINISHED and fit.converged:
        return "converged"
    if fit.stopped == FINISHED and np.isfinite(fit.loss) and not is_material(fit):
        return ENOUGH
    return fit.stopped


def summary_of(fit: FitResult) -> str:
    """A few lines of text: data, loss, learned parameters, residuals, warnings, how it was computed."""
    obj = fit.objective
    lines = [
        f"{len(fit.data)} experiment(s), {obj.n_measured} measurements, "
        f"{fit.theta.size} trainable numbers",
        f"loss {fit.loss:.6g} ({fit.retcode.name})"
        + ("" if fit.validation_loss is None else f", held out {fit.validation_loss:.6g}"),
    ]
    units = fit.system.units
    lines += [
        f"{k} = {v:.6g}" + (f" [{units[k]}]" if k in units else "")
        for k, v in fit.parameters.items()
        if k in obj.plan.trainable
    ]
    drift = fit.drift() if fit.laws and fit.success else {}
    lines += [
        f"{law.name}: {law.expr}, {obj.enforced.conserve}"
        + (f", drift {drift[law.name]:.2g}" if law.name in drift else "")
        for law in fit.laws
    ]
    lines.append(
        f"{obj.solver} on {obj.engine}, reltol {obj.method.reltol:g}, abstol "
        f"{obj.method.abstol_text}, gradient: {obj.method.sensealg}"
    )
    lines.append(f"{len(fit.history['stage'])} iterations in {fit.seconds:.1f} s, {ended(fit)}")
    if fit.retcode.successful:
        lines += str(fit.residuals).splitlines()
    lines += [f"warning: {sentence}" for sentence in fit.warnings]
    return "\n".join(lines)
