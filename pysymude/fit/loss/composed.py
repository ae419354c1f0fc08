"""From a prepared problem to the parts of an objective: scores, ties, terms, starts, method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import Method
from pysymude.fit.loss.composition import Composition
from pysymude.fit.loss.computed_starts import starts_within
from pysymude.fit.problem.frozen import frozen_names, is_frozen
from pysymude.fit.problem.law_scales import spreads
from pysymude.fit.problem.prepared import Prepared
from pysymude.fit.problem.settings import Settings
from pysymude.fit.terms.balance import balance_terms
from pysymude.fit.terms.equivariance import equivariance_terms, generators
from pysymude.fit.terms.law_drift import LawDrift
from pysymude.fit.terms.likelihood import likelihood_of
from pysymude.fit.terms.own_loss import own_loss
from pysymude.fit.terms.priors import Priors
from pysymude.fit.terms.term import AbstractScore, AbstractTerm
from pysymude.model.theta import ThetaLayout
from pysymude.plan.problem import LossData, LossSpec
from pysymude.solving.choice import choose_method

__all__ = ["composed"]


def composed(
    prepared: Prepared, settings: Settings
) -> tuple[Prepared, Settings, LossSpec, LossData, Method, Composition]:
    """The fields of an `Objective`, in their order."""
    enforced, layout = prepared.enforced, prepared.layout
    scales = spreads(enforced, enforced.penalised, prepared.smoothing)
    drift = LawDrift(settings.law_weight, scales)
    score, spec, loss = _scored(prepared, settings, *drift.asked(prepared.spec, prepared.loss))
    symmetries = generators(settings.equivariance)
    terms = _terms(prepared, replace(settings, equivariance=symmetries))
    frozen = frozen_names(settings.frozen, layout)
    starts, loss = starts_within(prepared.plan, prepared.system, prepared.data, loss, layout.size)
    if starts is not None:
        loss = starts.filled(loss, prepared.start(0))
    composition = Composition(
        prepared.data, layout.size, starts, score, terms, _places(layout, frozen)
    )
    method = choose_method(
        prepared.runner, prepared.plan, loss.solved, prepared.start(0), solver=settings.solver,
        control=settings.control, measured=prepared.measured_states, sensealg=settings.sensealg,
    )  # fmt: skip
    settled = replace(
        settings, **method.keywords, sensealg=method.sensealg, engine=prepared.runner.name,
        laws=enforced.laws, conserve=enforced.conserve if enforced.laws else None,
        equivariance=symmetries, frozen=frozen, per_experiment=(),
    )  # fmt: skip
    return prepared, settled, spec, loss, method, composition


def _scored(
    prepared: Prepared, settings: Settings, spec: LossSpec, loss: LossData
) -> tuple[AbstractScore | None, LossSpec, LossData]:
    """What judges measurements where a sum of squares does not, and what an engine has to give for it."""
    if settings.loss is not None:
        return own_loss(settings.loss, prepared, spec, loss)
    if prepared.system.noise or loss.side is not None:
        return likelihood_of(prepared.system.noise, spec, prepared.data), spec, loss
    return None, spec, loss


def _terms(prepared: Prepared, settings: Settings) -> tuple[AbstractTerm, ...]:
    """What is added and needs no solve."""
    terms: list[AbstractTerm] = []
    if prepared.system.priors:
        terms.append(Priors(prepared.system.priors, prepared.layout, prepared.plan))
    terms += equivariance_terms(prepared, settings.equivariance, settings.equivariance_weight)
    if prepared.enforced.conserve == "penalty":
        terms += balance_terms(prepared, settings.law_weight)
    return tuple(terms)


def _places(layout: ThetaLayout, frozen: tuple[str, ...]) -> NDArray[np.int64]:
    """Entries of theta that are frozen."""
    spans = [s.places for s in layout.values() if is_frozen(s.name, frozen)]
    return np.concatenate(spans) if spans else np.zeros(0, dtype=np.int64)
