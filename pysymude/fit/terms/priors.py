"""Priors as a term of the loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.terms.term import AbstractTerm
from pysymude.model.distributions.distribution import Distribution
from pysymude.model.theta import Slot, ThetaLayout
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.formulas import Formulas, formulas

__all__ = ["Priors"]

Float = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class _Run:
    """Entries of theta that share a prior and a scale; `numbers` are its arguments where they are known."""

    places: NDArray[np.int64]
    slot: Slot
    prior: Distribution
    numbers: tuple[float, ...]


@final
@dataclass(frozen=True, eq=False)
class Priors(AbstractTerm):
    """Densities of natural values; the most specific name counts: ``nn.W1`` before ``nn``."""

    given: Mapping[str, Distribution]
    layout: ThetaLayout
    plan: CompiledSystem
    name: str = "priors"

    def evaluate(self, theta: Float, *, gradient: bool = True) -> tuple[float, Float]:
        """Minus twice the logarithm of the prior density at theta, and its slopes, which come with it."""
        total, slopes = 0.0, np.zeros(self.layout.size)
        for run in self._runs:
            prior, z = run.prior, theta[run.places]
            numbers = list(run.numbers) or self._arguments(prior, theta).tolist()
            loc = numbers.pop(prior.location)
            with np.errstate(all="ignore"):
                value, slope, by_loc, by_scales = prior.terms(run.slot.natural(z), loc, *numbers)
            total += 2.0 * float(np.sum(value))
            slopes[run.places] += 2.0 * slope * run.slot.slope(z)
            if not run.numbers:
                weights = [2.0 * float(np.sum(d)) for d in by_scales]
                weights.insert(prior.location, 2.0 * float(np.sum(by_loc)))
                slopes[: self.plan.layout.size] += self._pulled(prior, np.array(weights), theta)
        return total, slopes

    @cached_property
    def _runs(self) -> tuple[_Run, ...]:
        """Entries of theta that share a prior and a scale: one evaluation each."""
        runs: dict[Any, _Run] = {}
        for slot in self.layout.values():
            prior = self._of(slot)
            if prior is None:
                continue
            here = slot.places
            key = prior, slot.low, slot.high, slot.log
            if key in runs:
                here = np.concatenate([runs[key].places, here])
            numbers = () if prior.free_symbols else tuple(float(a) for a in prior.args)
            runs[key] = _Run(here, slot, prior, numbers)
        return tuple(runs.values())

    def _arguments(self, prior: Distribution, theta: Float) -> Float:
        """The arguments of a prior that are learned themselves."""
        return self._formulas(prior).values(self.plan.default_parameters, theta)

    def _pulled(self, prior: Distribution, weights: Float, theta: Float) -> Float:
        return self._formulas(prior).pull(weights, self.plan.default_parameters, theta).theta

    def _formulas(self, prior: Distribution) -> Formulas:
        if prior not in self._made:
            self._made[prior] = formulas(self.plan, prior.args)
        return self._made[prior]

    @cached_property
    def _made(self) -> dict[Distribution, Formulas]:
        return {}

    def _of(self, slot: Slot) -> Distribution | None:
        if slot.held:
            return None
        whole = slot.name.rpartition(".")[0] if slot.kind == "weight" else slot.name
        return self.given.get(slot.name, self.given.get(whole))
