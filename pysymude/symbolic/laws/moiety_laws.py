# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false
"""Sums of states as chemists read them: totals without negative entries, where such span the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import sympy as sp

from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.law_set import FirstIntegral
from pysymude.symbolic.null_space.moieties import tidied
from pysymude.symbolic.proof.certificate import Certificate

__all__ = ["with_totals"]

_MOST = 60  # sums; of more states than `Found.MANY` they are totals already


def with_totals(found: Found) -> list[FirstIntegral]:
    """The laws, with totals in place of sums that have entries of both signs."""
    laws, states = found.laws, list(found.system.states)
    rows = {k: row for k, law in enumerate(laws) if (row := _entries(law, states)) is not None}
    mixed = _mixed(rows.values())
    if len(rows) < 2 or not mixed or len(rows) > _MOST or found.kind == "balance":
        return laws
    vectors = [
        [v.get(i, 0) for i in range(len(states))] for v in tidied(np.array([*rows.values()]).T)
    ]
    if _mixed(vectors) >= mixed:
        return laws
    vectors.sort(key=lambda v: (sum(map(bool, v)), [-abs(e) for e in v]))
    sums = [sp.Add(*(int(c) * x for c, x in zip(v, states, strict=True))) for v in vectors]
    if not all(map(found.proves, sums)):
        return laws
    table = dict(zip(rows, sums, strict=True))
    return [
        replace(law, expr=table[k], certificate=Certificate(table[k], found.rates))
        if k in table
        else law
        for k, law in enumerate(laws)
    ]


def _entries(law: FirstIntegral, states: Sequence[sp.Symbol]) -> list[int] | None:
    """The whole coefficients of a sum of states; None for another law."""
    table = law.expr.as_coefficients_dict()
    plain = all(x in states and c.is_Integer and abs(c) < 2**31 for x, c in table.items())
    return [int(table.get(x, 0)) for x in states] if plain else None


def _mixed(rows: Iterable[Sequence[int]]) -> int:
    """How many of some rows have entries of both signs."""
    return sum(min(row) < 0 < max(row) for row in rows)
