"""What a profile is asked for: a learned number by name, or a prediction where and when it is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.fit.result.experiments_of import experiment_number
from pysymude.fit.result.imagined import Setting, imagined
from pysymude.infer.evidence import Evidence
from pysymude.infer.held_number import Held, HeldNumber
from pysymude.infer.held_prediction import HeldPrediction
from pysymude.infer.held_quantities import TAKEN, Course, OfParameters
from pysymude.infer.observed_columns import observed
from pysymude.model.coerce import float_array, label_of, meant
from pysymude.plan.formulas import formulas
from pysymude.solving.checks import output_times

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["Where", "held_of"]


@dataclass(frozen=True)
class Where:
    """Where and when a prediction is looked at, as `profile` was told."""

    t: Any = None
    take: str | None = None
    experiment: int | str = 0
    u0: Any = None
    parameters: Mapping[Any, Any] | None = None
    signals: Mapping[Any, Any] | None = None


def held_of(evidence: Evidence, name: Any, where: Where) -> Held:
    """What a profile holds.

    Raises
    ------
    InvalidInputError
        A name that there is not, times that do not fit, or nothing that the data could change.
    """
    if where.t is not None:
        return _predicted(evidence, name, where)
    for what in ("take", "u0", "parameters", "signals"):
        if getattr(where, what) is not None:
            raise InvalidInputError(f"{what}= is about a prediction, which needs its time: t=")
    if isinstance(name, sp.Expr) and not isinstance(name, sp.Symbol):
        return _of_parameters(evidence, name)
    label = label_of(name)
    if label not in evidence.slots:
        known = ", ".join(evidence.slots) or "none"
        also = _also_predicted(evidence.fit, label)
        raise InvalidInputError(
            f"there is no profile of {label!r}; there are {known}{meant(label, evidence.slots)}{also}"
        )
    return HeldNumber(evidence, label)


def _also_predicted(fit: FitResult, label: str) -> str:
    system = fit.system
    if label in {s.name for s in system.states} | set(system.observables):
        return f"; {label} is a prediction, whose profile needs a time: t="
    return ""


def _of_parameters(evidence: Evidence, expr: sp.Expr) -> Held:
    fit = evidence.fit
    named = set(map(str, expr.free_symbols))
    learned = {s.name for s in fit.layout.of_kind("parameter")}
    fixed = {s.name for s in fit.system.parameters}
    for name in sorted(named - learned - fixed):
        raise InvalidInputError(
            f"the expression {expr} has {name!r}, which is no parameter; a prediction needs its time: t="
        )
    quantity = OfParameters(fit.objective, formulas(fit.objective.plan, [expr]))
    return _checked(evidence, str(expr), quantity, _least(expr), str(expr))


def _predicted(evidence: Evidence, name: Any, where: Where) -> Held:
    fit = evidence.fit
    if where.take is not None and where.take not in TAKEN:
        raise InvalidInputError(
            f"take must be one of {', '.join(map(repr, TAKEN))}; found {where.take!r}"
        )
    e = experiment_number(fit.data, where.experiment)
    start = float(fit.data[e].t0)
    times = np.atleast_1d(float_array(where.t, what="t"))
    if times.size > 1:
        times = output_times(times)
    if times.ndim != 1 or not np.isfinite(times).all() or (times < start).any():
        raise InvalidInputError(
            f"t must be finite, and not before the experiment's start {start:g}; found {where.t!r}"
        )
    if (times.size > 1) != (where.take is not None):
        raise InvalidInputError(
            "a profile is that of one number: a prediction at one time t=, or take='maximum' (or 'minimum', "
            f"'mean') of it over several; found {times.size} times and take={where.take!r}"
        )
    looked = observed(fit.objective.enforced.system, [name])
    (column,), expressions = looked.columns, looked.expressions
    setting = Setting(times, e, where.u0, where.parameters, where.signals, begin=start)
    model = imagined(fit, setting, looked.columns, expressions)
    shown = looked.shown(column)
    label = f"{shown}(t={times[0]:g})" if where.take is None else f"{where.take} of {shown}"
    expr = expressions.get(column)
    if expr is None:
        expr = fit.objective.enforced.system.observables.get(column)
    if expr is None:
        expr = next(s for s in fit.system.states if s.name == column)
    own = sorted((label_of(k), float(v)) for k, v in (where.parameters or {}).items())
    told = (shown, times.tolist(), where.take, e, repr(where.u0), own, repr(where.signals))
    return _checked(
        evidence, label, Course(model, times, where.take or ""), _least(expr), repr(told)
    )


def _least(expr: sp.Expr) -> float:
    return 0.0 if expr.is_nonnegative else -np.inf


def _checked(evidence: Evidence, label: str, quantity: Any, low: float, key: str) -> Held:
    found = HeldPrediction(evidence, label, quantity, low, np.inf, key)
    if not np.isfinite(found.best):
        raise InvalidInputError(f"{label} cannot be computed at the fit: it is {found.best:g}")
    if not np.isfinite(found.slopes).all() or not np.any(found.slopes):
        raise InvalidInputError(f"{label} hangs on nothing that is learned, so it has no profile")
    return found
