"""The flat vector in which compiled code hands over a loss: one layout for all engines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import Evaluation
from pysymude.engines.outcomes import CODES, ReturnCode
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.problem import LossData, LossSpec

__all__ = ["LossLayout"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class LossLayout:
    """What stands where: value, data term, link term, steps; a term a law, a code an experiment, gradient.

    A code is a position in `CODES`. `Layout` of PySymUDE.jl is the same.

    Attributes
    ----------
    laws : tuple of str
        The terms of laws by name.
    experiments : int
    size : int
        How many numbers of theta the loss reads: the length of the gradient.
    """

    laws: tuple[str, ...]
    experiments: int
    size: int

    VALUE, DATA, LINKS, STEPS = range(4)
    HEAD = 4

    @classmethod
    def of(cls, plan: CompiledSystem, spec: LossSpec, data: LossData) -> LossLayout:
        """The layout of a loss; learned starts may stand behind the plan's own part of theta."""
        size = max(plan.layout.size, data.theta_size)
        return cls(spec.laws, len(data.batch.t0), size)

    @property
    def law_terms(self) -> slice:
        """The terms of laws."""
        return slice(self.HEAD, self.HEAD + len(self.laws))

    @property
    def codes(self) -> slice:
        """How each experiment ended."""
        start = self.law_terms.stop
        return slice(start, start + self.experiments)

    @property
    def gradient(self) -> slice:
        """The derivatives by what the loss reads of theta."""
        start = self.codes.stop
        return slice(start, start + self.size)

    def retcodes(self, out: Float) -> tuple[ReturnCode, ...]:
        """How each experiment ended."""
        return tuple(CODES[int(code)] for code in out[self.codes].tolist())

    def read(self, out: Float, theta: Float, *, gradient: bool) -> Evaluation:
        """The vector as an `Evaluation`; a theta with more behind what is read has slope zero there."""
        slope = None
        if gradient:
            slope = np.zeros(theta.size)
            slope[: self.size] = out[self.gradient]
        value, data, links, steps = out[: self.HEAD].tolist()
        terms = {"data": data, "links": links}
        terms |= zip(self.laws, out[self.law_terms].tolist(), strict=True)
        worked = int(steps) if np.isfinite(steps) else 0
        return Evaluation(value, slope, terms, self.retcodes(out), worked)
