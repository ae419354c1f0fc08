"""All stages by name, which of them are the default, and the check on what a user gives."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from pysymude.errors import InvalidInputError
from pysymude.fit.stages.adam import Adam
from pysymude.fit.stages.gauss_newton import GaussNewton
from pysymude.fit.stages.gradient_matching import GradientMatching
from pysymude.fit.stages.law_matching import LawMatching
from pysymude.fit.stages.lbfgs import LBFGS
from pysymude.fit.stages.multiple_shooting import MultipleShooting
from pysymude.fit.stages.stage import Stage

__all__ = ["STAGES", "check_stages", "default_stages"]

STAGES = MappingProxyType(
    {
        kind.__name__: kind
        for kind in (LawMatching, GradientMatching, GaussNewton, Adam, LBFGS, MultipleShooting)
    }
)


def default_stages(*, networks: bool) -> tuple[Stage, ...]:
    """A warm start from laws and slopes, then L-BFGS; with networks on a growing horizon first."""
    horizon = (LBFGS(200, horizon=(0.4, 0.7)),) if networks else ()
    return (LawMatching(), GradientMatching(), *horizon, LBFGS(1000))


def check_stages(stages: Any, *, networks: bool) -> tuple[Stage, ...]:
    """`stages` as a tuple, the default where it is None.

    Raises
    ------
    InvalidInputError
        Something that has no legs, or nothing at all.
    """
    if stages is None:
        return default_stages(networks=networks)
    given = tuple(stages) if isinstance(stages, list | tuple) else (stages,)
    for stage in given:
        if isinstance(stage, type) or not isinstance(stage, Stage):
            raise InvalidInputError(
                f"stages= takes {', '.join(STAGES)} objects, such as "
                "[psu.Adam(300), psu.LBFGS(500)], or objects of your own with a method legs(prepared); found "
                f"{stage!r}"
            )
    if not given:
        raise InvalidInputError("stages= is empty; leave it out for the default stages")
    return given
