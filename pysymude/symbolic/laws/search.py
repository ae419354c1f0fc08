# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""The search for first integrals: null vectors of sampled rates, made exact on their support."""

from __future__ import annotations

import time as clock
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import flint
import numpy as np
import sympy as sp

from pysymude.symbolic.exact.coefficients import primitive
from pysymude.symbolic.exact.fraction import Fraction, common_denominator
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField, Flow
from pysymude.symbolic.laws.ansatz import (
    Ansatz,
    Term,
    factors_of,
    logarithms,
    primitive_rates,
    sampled,
    sampled_along,
    slopes_of,
)
from pysymude.symbolic.laws.independence import Independent
from pysymude.symbolic.laws.weights import Grading
from pysymude.symbolic.null_space.modular import (
    PRIMES,
    Residues,
    as_fractions,
    draw_parameters,
    last_reduced,
    null_space,
    product,
    sample,
)

__all__ = ["Searched", "search"]

_SPARE = 15  # equations beyond the number of candidates
_MOST = 900  # candidates, unless a degree is asked for
_PATIENCE = 3  # degrees without a new law, from degree 4 on
_P = PRIMES[0]


@dataclass
class Searched:
    """What was searched, and the independent laws that came of it, in ascending complexity."""

    exact: ExactField
    independent: Independent
    degree: int = 0
    candidates: int = 0
    complete: bool = True
    laws: list[sp.Expr] = field(default_factory=list[sp.Expr])


def search(
    form: NormalForm,
    fields: Sequence[NormalForm],
    *,
    degree: int | None,
    highest: int = 40,
    time: bool,
    budget: float,
    wanted: int,
    before: Searched | None = None,
    more: Ansatz | None = None,
) -> Searched:
    """Functions of the coordinates of `form` that do not change along any of the `fields`.

    Candidates are tried degree by degree until `wanted` independent laws are found, the budget (in
    seconds) ends, or several degrees in a row bring nothing. Laws must be independent of those of a
    search `before`, too. The factors and primitives of `more` join those that the form suggests.
    """
    start = clock.perf_counter()
    hunt = _Hunt(form, fields, time=time, wanted=wanted, before=before, more=more)
    last_new = 0
    for d in range(1, highest + 1) if degree is None else [degree]:
        ansatz = Ansatz(hunt.gens, hunt.primitives, d)
        terms = ansatz.terms()
        late = clock.perf_counter() - start > budget
        if (
            degree is None
            and d > 1
            and (len(terms) > _MOST or late or d - last_new > _PATIENCE >= 4 - d)
        ):
            break
        found = len(hunt.result.laws)
        hunt.degree(ansatz, terms)
        hunt.result.degree, hunt.result.candidates = d, len(terms)
        if len(hunt.result.laws) > found or d < 4:
            last_new = d
        if len(hunt.result.laws) >= wanted:
            break
    return hunt.result


class _Hunt:
    """One search: its random numbers, what is known to be independent, what was found."""

    def __init__(
        self,
        form: NormalForm,
        fields: Sequence[NormalForm],
        *,
        time: bool,
        wanted: int,
        before: Searched | None,
        more: Ansatz | None,
    ) -> None:
        self.form, self.fields, self.wanted = form, fields, wanted
        # seeded: the same system gives the same answer in every run
        self.rng = np.random.default_rng(0)
        self.exact = ExactField(form) if before is None else before.exact
        self.gens = factors_of(form, self.exact, time=time)
        self.primitives = logarithms(form, self.exact, time=time)
        if more is not None:
            self.gens += more.gens
            self.primitives += tuple(p for p in more.primitives if p not in self.primitives)
        plain = all(g.expr.is_Symbol for g in self.gens)
        self.related = not plain or bool(form.of_kind("sin", "root"))
        self.parameters = draw_parameters(form, _P, self.rng)
        # with the same seed the parameters are those of the search before
        self.independent = (
            Independent(form, sample(form, 1, _P, self.rng, self.parameters))
            if before is None
            else before.independent
        )
        self.flows = [self.exact.flow if f is form else self.exact.flow_of(f) for f in fields]
        self.grading = Grading.of(self.exact, self.fields, Ansatz(self.gens, self.primitives, 0))
        self.result = Searched(self.exact, self.independent)

    def degree(self, ansatz: Ansatz, terms: list[Term]) -> None:
        """All null vectors among the candidates; those that are independent of what is there stay."""
        groups = self.grading.groups(terms)
        count = max(map(len, groups)) + _SPARE
        points = sample(self.form, count, _P, self.rng, self.parameters)
        rates = [self.rates(f, ansatz, terms, points) for f in self.fields]
        values = (
            ansatz.values(terms, sampled(self.form, ansatz.gens, points, _P), _P)
            if self.related
            else None
        )
        found: list[Residues] = []
        for group in groups:
            few = len(group) + _SPARE
            columns = np.concatenate([r[group, :few] for r in rates], axis=1)
            _, inside = null_space(columns, _P)
            if values is not None and len(inside):
                inside = self.without_relations([terms[k] for k in group], inside, values[group])
            for row in inside:
                vector = np.zeros(len(terms), dtype=np.int64)
                vector[group] = row
                found.append(vector)
        if not found:
            return
        # ascending complexity: by the last candidate in each
        vectors = sorted(found, key=lambda v: int(np.flatnonzero(v)[-1]))
        gradients = self.independent.gradients(ansatz, terms)
        for vector in vectors:
            support = np.flatnonzero(vector)
            chosen = [terms[k] for k in support]
            row = (vector[support, None] * gradients[support] % _P).sum(axis=0) % _P
            if not self.independent.raised_by(row):
                continue
            law = self.exact_law(ansatz, chosen, vector[support])
            if law is None:
                self.result.complete = False
                continue
            self.independent.add(row)
            self.result.laws.append(law)
            if len(self.result.laws) >= self.wanted:
                return

    def without_relations(self, terms: list[Term], vectors: Residues, values: Residues) -> Residues:
        """Null vectors modulo those that are relations between atoms: functions that are constant."""
        few = values[:, : len(vectors) + _SPARE]
        # a law with a primitive is no relation: relations between those show in the gradients
        marks = [k for k, term in enumerate(terms) if term.primitive is not None]
        seen = product(vectors, few, _P)
        seen = (seen - seen[:, :1]) % _P
        _, combinations = null_space(np.concatenate([seen, vectors[:, marks]], axis=1), _P)
        if not len(combinations):
            return vectors
        relations, places = last_reduced(product(combinations, vectors, _P), _P)
        # the candidates that the relations make superfluous vanish from all others
        vectors = (vectors - product(vectors[:, places], relations, _P)) % _P
        vectors = vectors[vectors.any(axis=1)]
        return last_reduced(vectors, _P)[0] if len(vectors) else vectors

    def rates(
        self, f: NormalForm, ansatz: Ansatz, terms: list[Term], points: dict[Any, Residues]
    ) -> Residues:
        """d/dt of all candidates along one field."""
        slopes = slopes_of(f, points, _P)
        primitives = primitive_rates(ansatz.primitives, points, slopes, _P)
        return ansatz.rates(terms, sampled_along(ansatz.gens, points, slopes, _P), primitives, _P)

    def exact_law(self, ansatz: Ansatz, terms: list[Term], vector: Residues) -> sp.Expr | None:
        """The law with exact coefficients; its rate of change is zero in exact arithmetic."""
        systems = [self.rate_polynomials(flow, ansatz, terms) for flow in self.flows]
        coefficients: Sequence[sp.Expr] | None = None
        fractions = None if self.exact.n_parameters else as_fractions(vector, _P)
        if fractions:
            guess = [flint.fmpq(n, d) for n, d in fractions]
            if all(_vanishes(columns, guess, self.exact) for columns in systems):
                coefficients = primitive(guess)
        if coefficients is None:
            coefficients = self.exact.null_vector(systems)
        if coefficients is None:
            return None
        functions = [ansatz.expression(term) for term in terms]
        law = sp.Add(*(c * f for c, f in zip(coefficients, functions, strict=True)))
        return self.form.to_user(cast("sp.Expr", law))

    def rate_polynomials(self, flow: Flow, ansatz: Ansatz, terms: list[Term]) -> list[Any]:
        """d/dt of each candidate over one common denominator, in normal form."""
        exact = self.exact
        values = {i: exact.fraction(g.expr) for i, g in enumerate(ansatz.gens)}
        used = {i for term in terms for i, _ in term.powers}
        slopes = {i: exact.rate(values[i], flow) * values[i] ** -1 for i in used}
        rates: list[Fraction] = []
        for term in terms:
            if term.primitive is not None:
                inner = exact.rate(exact.fraction(term.primitive.inner), flow)
                rates.append(inner * exact.fraction(term.primitive.weight))
                continue
            total, product = Fraction(exact.one * 0, exact.one), Fraction(exact.one, exact.one)
            for i, k in term.powers:
                total = total + Fraction(slopes[i].top * k, slopes[i].bottom)
                product = product * values[i] ** k
            rates.append(total * product)
        return [exact.normal(top) for top in common_denominator(rates, exact.one)[1]]


def _vanishes(columns: list[Any], coefficients: list[Any], exact: ExactField) -> bool:
    total = exact.one * 0
    for column, c in zip(columns, coefficients, strict=True):
        total = total + column * c
    return bool(total.is_zero())
