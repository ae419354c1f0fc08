# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Laws among candidates that are written down one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import sympy as sp

from pysymude.symbolic import effort
from pysymude.symbolic.exact.coefficients import primitive_numbers
from pysymude.symbolic.exact.fraction import common_denominator
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField, Flow, Polynomial
from pysymude.symbolic.laws.ansatz import Primitive, directions, primitive_rates, slopes_of
from pysymude.symbolic.laws.families.family import Proposal
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.null_space.modular import (
    PRIMES,
    Residues,
    as_fractions,
    independent_rows,
    null_space,
    sample,
)

__all__ = ["combined"]

_SPARE = 15
_FEW = 8  # points at which a law is tried again


def combined(found: Found, candidates: Sequence[Primitive]) -> Iterator[Proposal | None]:
    """Laws that are sums of candidates times numbers or functions of the parameters.

    Each is independent of the laws that are known when it is asked for; None for one that could not be
    made exact.
    """
    if not candidates:
        return
    form, fields, independent, p = found.form, found.fields, found.independent, found.form.prime
    effort.afford(len(candidates) ** 3 / 60, len(candidates) ** 2 * len(form.states))
    rng = np.random.default_rng(8)
    points = sample(form, len(candidates) + _SPARE, p, rng, found.parameters)
    kept = _without_relations(form, candidates, points)
    rates = [_rates(f, kept, points, p) for f in fields]
    _, vectors = null_space(np.concatenate(rates, axis=1), p)
    if not len(vectors):
        return
    slopes = primitive_rates(tuple(kept), independent.point, independent.slopes, p)
    shape = next(iter(independent.slopes.values())).shape[0], 1
    gradients = np.array([np.broadcast_to(slopes[c], shape)[:, 0] for c in kept])
    for vector in sorted(vectors, key=lambda v: int(np.flatnonzero(v)[-1])):
        support = np.flatnonzero(vector)
        row = (vector[support, None] * gradients[support] % p).sum(axis=0) % p
        if not independent.raised_by(row):
            continue
        effort.check()
        law = _exact(found, [kept[k] for k in support], vector[support])
        yield None if law is None else Proposal(law, row)


def _without_relations(
    form: NormalForm, candidates: Sequence[Primitive], points: dict[Any, Residues]
) -> list[Primitive]:
    """Those whose gradients are not combinations of the gradients of earlier ones."""
    moves = directions(form, points, form.prime, time=True)
    slopes = primitive_rates(tuple(candidates), points, moves, form.prime)
    count = next(points[x] for x in form.states).shape[-1]
    shape = (len(form.states) + 1, count)
    rows = [np.broadcast_to(slopes[c], shape).ravel() for c in candidates]
    return [candidates[k] for k in independent_rows(np.array(rows), form.prime)]


def _rates(
    f: NormalForm, candidates: Sequence[Primitive], points: dict[Any, Residues], p: int
) -> Residues:
    slopes = primitive_rates(tuple(candidates), points, slopes_of(f, points, p), p)
    count = next(points[x] for x in f.states).shape[-1]
    return np.array([np.broadcast_to(slopes[c], (count,)) for c in candidates])


def _exact(found: Found, candidates: list[Primitive], vector: Residues) -> sp.Expr | None:
    """The law with exact coefficients.

    Without parameters residues are numbers, and other points with another prime confirm them; the
    certificate of the law proves it.  Written out, the rates of many candidates can be very long.
    """
    form, exact = found.form, found.field
    numbers = None if exact.n_parameters else as_fractions(vector, form.prime)
    if numbers and all(_confirmed(f, candidates, numbers) for f in found.fields):
        coefficients: Sequence[sp.Expr] | None = primitive_numbers(numbers)
    else:
        flows = [exact.flow if f is form else exact.flow_of(f) for f in found.fields]
        coefficients = exact.null_vector([_rate_polynomials(exact, f, candidates) for f in flows])
    if coefficients is None:
        return None
    law = sp.Add(*(c * p.expr for c, p in zip(coefficients, candidates, strict=True)))
    return form.to_user(cast("sp.Expr", law))


def _rate_polynomials(
    exact: ExactField, flow: Flow, candidates: Sequence[Primitive]
) -> list[Polynomial]:
    """d/dt of each candidate over one common denominator, in normal form."""
    rates = [
        exact.rate(exact.fraction(c.inner), flow) * exact.fraction(c.weight) for c in candidates
    ]
    return [exact.normal(top) for top in common_denominator(rates, exact.one)[1]]


def _confirmed(
    f: NormalForm, candidates: list[Primitive], numbers: Sequence[tuple[int, int]]
) -> bool:
    rng = np.random.default_rng(7)
    p = next(q for q in PRIMES if q != f.prime)
    points = sample(f, _FEW, p, rng, {})
    rates = _rates(f, candidates, points, p)
    factors = np.array([n * pow(d, -1, p) % p for n, d in numbers], dtype=np.int64)
    return not ((factors[:, None] * rates % p).sum(axis=0) % p).any()
