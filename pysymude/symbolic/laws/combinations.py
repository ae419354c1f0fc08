"""Laws among candidates that are written down one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import sympy as sp

from pysymude.symbolic.exact.coefficients import primitive_numbers
from pysymude.symbolic.exact.fraction import common_denominator
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField
from pysymude.symbolic.laws.ansatz import Primitive, directions, primitive_rates, slopes_of
from pysymude.symbolic.laws.independence import Independent
from pysymude.symbolic.null_space.modular import (
    PRIMES,
    Residues,
    as_fractions,
    draw_parameters,
    null_space,
    sample,
)

__all__ = ["combined"]

_SPARE = 15
_FEW = 8  # points at which a law is tried again
_P, _OTHER = PRIMES[:2]


def combined(
    form: NormalForm,
    fields: Sequence[NormalForm],
    exact: ExactField,
    candidates: Sequence[Primitive],
    independent: Independent,
    parameters: Mapping[Any, Residues],
) -> Iterator[tuple[sp.Expr, Residues]]:
    """Laws that are sums of candidates times numbers or functions of the parameters.

    Each with its gradient modulo a prime at the point of `independent`, of whose rows it is independent
    when it is asked for; `parameters` are the residues that belong to that point.
    """
    if not candidates:
        return
    rng = np.random.default_rng(8)
    points = sample(form, len(candidates) + _SPARE, _P, rng, parameters)
    kept = _without_relations(form, candidates, points)
    rates = [_rates(f, kept, points, _P) for f in fields]
    _, vectors = null_space(np.concatenate(rates, axis=1), _P)
    if not len(vectors):
        return
    slopes = primitive_rates(tuple(kept), independent.point, independent.slopes, _P)
    shape = next(iter(independent.slopes.values())).shape[0], 1
    gradients = np.array([np.broadcast_to(slopes[p], shape)[:, 0] for p in kept])
    for vector in sorted(vectors, key=lambda v: int(np.flatnonzero(v)[-1])):
        support = np.flatnonzero(vector)
        row = (vector[support, None] * gradients[support] % _P).sum(axis=0) % _P
        if not independent.raised_by(row):
            continue
        chosen = [kept[k] for k in support]
        law = _exact(form, fields, exact, chosen, vector[support])
        if law is not None:
            yield law, row


def _without_relations(
    form: NormalForm, candidates: Sequence[Primitive], points: dict[Any, Residues]
) -> list[Primitive]:
    """Those whose gradients are not combinations of the gradients of earlier ones."""
    moves = directions(form, points, _P, time=True)
    slopes = primitive_rates(tuple(candidates), points, moves, _P)
    count = next(points[x] for x in form.states).shape[-1]
    shape = (len(form.states) + 1, count)
    rows = [np.broadcast_to(slopes[p], shape).ravel() for p in candidates]
    dependent = set(null_space(np.array(rows), _P)[0])
    return [p for k, p in enumerate(candidates) if k not in dependent]


def _rates(
    f: NormalForm, candidates: Sequence[Primitive], points: dict[Any, Residues], p: int
) -> Residues:
    slopes = primitive_rates(tuple(candidates), points, slopes_of(f, points, p), p)
    count = next(points[x] for x in f.states).shape[-1]
    return np.array([np.broadcast_to(slopes[c], (count,)) for c in candidates])


def _exact(
    form: NormalForm,
    fields: Sequence[NormalForm],
    exact: ExactField,
    candidates: list[Primitive],
    vector: Residues,
) -> sp.Expr | None:
    """The law with exact coefficients.

    Without parameters residues are numbers, and other points with another prime confirm them; the
    certificate of the law proves it.  Written out, the rates of many candidates can be very long.
    """
    numbers = None if exact.n_parameters else as_fractions(vector, _P)
    if numbers and all(_confirmed(f, candidates, numbers) for f in fields):
        coefficients: Sequence[sp.Expr] | None = primitive_numbers(numbers)
    else:
        flows = [exact.flow if f is form else exact.flow_of(f) for f in fields]
        systems = [
            [
                exact.rate(exact.fraction(c.inner), flow) * exact.fraction(c.weight)
                for c in candidates
            ]
            for flow in flows
        ]
        tops = [common_denominator(rates, exact.one)[1] for rates in systems]
        coefficients = exact.null_vector([[exact.normal(e) for e in row] for row in tops])
    if coefficients is None:
        return None
    law = sp.Add(*(c * p.expr for c, p in zip(coefficients, candidates, strict=True)))
    return form.to_user(cast("sp.Expr", law))


def _confirmed(
    f: NormalForm, candidates: list[Primitive], numbers: Sequence[tuple[int, int]]
) -> bool:
    rng = np.random.default_rng(7)
    points = sample(f, _FEW, _OTHER, rng, draw_parameters(f, _OTHER, rng))
    rates = _rates(f, candidates, points, _OTHER)
    factors = np.array([n * pow(d, -1, _OTHER) % _OTHER for n, d in numbers], dtype=np.int64)
    return not ((factors[:, None] * rates % _OTHER).sum(axis=0) % _OTHER).any()
