"""What becomes of an engine's loss: starts that are expressions, a score of one's own, further terms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import BoundLoss, Evaluation
from pysymude.engines.outcomes import ReturnCode
from pysymude.fit.loss.computed_starts import ComputedStarts
from pysymude.fit.terms.sampled_terms import SampledTerm
from pysymude.fit.terms.term import AbstractScore, AbstractTerm
from pysymude.model.dataset import Dataset
from pysymude.plan.problem import LossData

__all__ = ["Composition"]

Float = NDArray[np.float64]

_NO_START = (
    "A start that initial= gives is negative or not a number, and its state is declared positive."
)


@dataclass(frozen=True, eq=False)
class Composition:
    """How a loss is put together around what an engine computes.

    Attributes
    ----------
    data : Dataset
    size : int
        Of theta; a stage may have more unknowns behind it.
    starts : ComputedStarts, optional
        Initial states that are expressions of what is learned.
    score : AbstractScore, optional
        In place of the engine's sum of squares.
    terms : tuple of AbstractTerm
        Added to it.
    frozen : int64 array
        Places in theta that keep their values.
    """

    data: Dataset
    size: int
    starts: ComputedStarts | None
    score: AbstractScore | None
    terms: tuple[AbstractTerm, ...]
    frozen: NDArray[np.int64]

    def evaluate(
        self, bound: BoundLoss, loss: LossData, theta: Float, *, gradient: bool
    ) -> Evaluation:
        """The whole loss at theta, of which `bound` computes the part that needs a solve."""
        solved = self.solved(bound, loss, theta, gradient=gradient)
        return self.with_terms(solved, theta, gradient=gradient)

    @property
    def sampled(self) -> bool:
        """Whether laws or symmetries at points are a part of it."""
        return any(isinstance(term, SampledTerm) for term in self.terms)

    def with_only(self, terms: Sequence[AbstractTerm]) -> Composition:
        """The same with these terms in place of its own."""
        return replace(self, terms=tuple(terms))

    def inner(self, theta: Float) -> Float:
        """Theta as an engine takes it."""
        return theta if self.starts is None else self.starts.embed(theta)

    def outer(self, theta: Float, gradient: Float) -> Float:
        """The gradient by theta of what has this one by ``inner(theta)``."""
        return gradient if self.starts is None else self.starts.pull(theta, gradient)

    def solved(
        self, bound: BoundLoss, loss: LossData, theta: Float, *, gradient: bool
    ) -> Evaluation:
        """The part of the loss that needs a solve."""
        inner = self._of_numbers(bound, loss, self.inner(theta), gradient=gradient)
        if self.starts is None or inner.gradient is None:
            return inner
        return replace(inner, gradient=self.outer(theta, inner.gradient))

    def with_terms(self, solved: Evaluation, theta: Float, *, gradient: bool) -> Evaluation:
        """The same with the terms added that need no solve; what is frozen has no slope."""
        if not self.terms and not self.frozen.size:
            return solved
        value, slopes, own = solved.value, solved.gradient, theta[: self.size]
        if slopes is not None:
            slopes = slopes.copy()
        named = dict(solved.terms)
        for term in self.terms:
            more, by_theta = term.evaluate(own, gradient=gradient)
            value, named[term.name] = value + more, more
            if slopes is not None and by_theta is not None:
                slopes[: by_theta.size] += by_theta
        if slopes is not None:
            slopes[self.frozen] = 0.0
        return replace(solved, value=value, gradient=slopes, terms=named)

    def _of_numbers(
        self, bound: BoundLoss, loss: LossData, theta: Float, *, gradient: bool
    ) -> Evaluation:
        """The same at a theta behind which all starts are numbers."""
        lost = np.full(theta.size, np.nan) if gradient else None
        if not np.isfinite(theta).all():  # a start of a positive state that is not
            failed = (ReturnCode.InitialFailure,)
            return Evaluation(math.nan, lost, {}, failed, 0, reason=lambda: _NO_START)
        if self.score is None:
            return bound.evaluate(theta, gradient=gradient)
        seen = bound.simulate(theta)
        named = dict(seen.terms)
        if not all(code.successful for code in seen.retcodes):
            return Evaluation(math.nan, lost, named, seen.retcodes, seen.steps)
        named["data"], given = self.score.evaluate(seen.seen, loss, gradient=gradient)
        total = float(sum(named.values()))
        if not gradient or not math.isfinite(total):
            why = partial(self.score.complaint, seen.seen, loss, self.data)
            return Evaluation(total, lost, named, seen.retcodes, seen.steps, reason=why)
        pulled = bound.pull(theta, given)
        return Evaluation(total, pulled.gradient, named, pulled.retcodes, seen.steps)
