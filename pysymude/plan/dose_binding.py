# SymPy annotates its classes in parts only
# pyright: reportArgumentType=false
"""Doses at known times as arrays that an engine adds on its way, where nothing else changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import sympy as sp

from pysymude.model.dataset import Dataset
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.course import Courses
from pysymude.plan.course_binding import resolved
from pysymude.plan.problem import Doses

__all__ = ["bind_doses"]

Amounts = Sequence[Mapping[int, sp.Expr]]
"""Of each experiment, the amounts that are expressions, by their place."""


def bind_doses(
    plan: CompiledSystem, states: Sequence[str], courses: Courses | None, data: Dataset
) -> tuple[Doses | None, Amounts]:
    """The doses of a dataset; None where more changes, or times are learned: then legs do it all."""
    nothing: Amounts = [{} for _ in data]
    if courses is None or courses.moved or any(tr.periods for tr in data):
        return None, nothing
    rows = [
        [
            (time, states.index(name), amount)
            for name, pairs in tr.doses.items()
            for time, amount in pairs
        ]
        for tr in data
    ]
    if not all(isinstance(time, float) for own in rows for time, _, _ in own):
        return None, nothing
    E, D = len(rows), max(map(len, rows))
    t, amount = np.zeros((E, D)), np.zeros((E, D))
    state = np.full((E, D), -1, dtype=np.int32)
    learned: list[dict[int, sp.Expr]] = []
    for e, own in enumerate(rows):
        exprs: dict[int, sp.Expr] = {}
        own.sort(key=lambda dose: float(dose[0]))
        for j, (time, k, much) in enumerate(own):
            t[e, j], state[e, j] = time, k
            if isinstance(much, sp.Expr):
                exprs[j] = resolved(plan, much, _what(states[k], data[e].name))
            else:
                amount[e, j] = much
        # what a shorter experiment lacks stands behind its last
        t[e, len(own) :] = own[-1][0] if own else 0.0
        learned.append(exprs)
    return Doses(t, state, amount, np.full((E, D), -1, dtype=np.int32)), learned


def _what(state: str, experiment: str) -> str:
    return f"an amount in doses[{state}] of experiment {experiment!r}"
