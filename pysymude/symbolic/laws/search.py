# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""The search in a span of products and primitives: null vectors of sampled rates, made exact on their support."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, cast

import flint
import numpy as np
import sympy as sp

from pysymude.symbolic import effort
from pysymude.symbolic.exact.coefficients import primitive
from pysymude.symbolic.exact.fraction import Fraction, common_denominator
from pysymude.symbolic.exact.polynomials import Flow
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
from pysymude.symbolic.laws.families.family import Candidates, Proposal
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.interpolation import interpolated
from pysymude.symbolic.laws.weights import Grading
from pysymude.symbolic.null_space.modular import (
    Residues,
    as_fractions,
    last_reduced,
    null_space,
    product,
    sample,
    shortened,
    sparse_basis,
)

__all__ = ["SpanSearch"]

_SPARE = 15  # equations beyond the number of candidates
_MOST = 900  # candidates, unless a degree is asked for


class SpanSearch:
    """Functions of the coordinates that do not change along any of the fields, degree by degree.

    Parameters
    ----------
    found : Found
        The system, and the laws of which others must be independent.
    time : bool
        Whether time is a factor of candidates.
    more : Ansatz, optional
        Whose factors and primitives join those that the system suggests.
    """

    def __init__(self, found: Found, *, time: bool, more: Ansatz | None = None) -> None:
        self.found, self.form, self.fields, self.exact = (
            found,
            found.form,
            found.fields,
            found.field,
        )
        self.prime = found.form.prime
        self.gens = factors_of(self.form, self.exact, time=time)
        self.primitives = logarithms(self.form, self.exact, time=time)
        if more is not None:
            self.gens += more.gens
            self.primitives += tuple(p for p in more.primitives if p not in self.primitives)
        plain = all(g.expr.is_Symbol for g in self.gens)
        self.related = not plain or bool(self.form.of_kind("sin", "root"))
        self.flows = [
            self.exact.flow if f is self.form else self.exact.flow_of(f) for f in self.fields
        ]
        self.grading = Grading.of(self.exact, self.fields, Ansatz(self.gens, self.primitives, 0))

    @property
    def is_polynomial(self) -> bool:
        """Whether the candidates are products of states and time alone."""
        plain = {c.symbol for c in self.form.of_kind("state", "time")}
        return not self.primitives and all(g.expr in plain for g in self.gens)

    def to_degree(self, degree: int, *, asked: bool = False) -> Candidates:
        """The span to a degree; beyond the limit where it is large and nobody asked for it."""
        ansatz = Ansatz(self.gens, self.primitives, degree)
        count = ansatz.count()
        if count > _MOST and not asked:
            return Candidates(count, degree=degree, limit=True)
        return Candidates(count, self.laws(ansatz), degree)

    def laws(self, ansatz: Ansatz) -> Iterator[Proposal | None]:
        """The independent laws among candidates; None for one that could not be made exact."""
        effort.afford(ansatz.count(), ansatz.count())
        terms = ansatz.terms()
        found = self._null_vectors(ansatz, terms)
        if not found:
            return
        # ascending complexity: by the last candidate in each
        vectors = sorted(found, key=lambda v: int(np.flatnonzero(v)[-1]))
        gradients = self.found.independent.gradients(ansatz, terms)
        short: list[Residues] = []
        for vector in vectors:
            effort.check()
            if not self._is_new(vector, gradients):
                continue
            law = self._quick_law(ansatz, terms, vector)
            if law is None and self.exact.n_parameters:
                # a law that differs by functions of others may be simpler
                short = short or sparse_basis(vectors, self.prime)
                is_new = partial(self._is_new, gradients=gradients)
                shorter = shortened(vector, short, self.prime, is_new)
                if np.any(shorter != vector):
                    vector = shorter
                    law = self._quick_law(ansatz, terms, vector)
            if law is None:
                law = self._written_out(ansatz, terms, vector)
            yield None if law is None else Proposal(law, self._gradient(vector, gradients))

    def _is_new(self, vector: Residues, gradients: Residues) -> bool:
        return self.found.independent.raised_by(self._gradient(vector, gradients))

    def _gradient(self, vector: Residues, gradients: Residues) -> Residues:
        support = np.flatnonzero(vector)
        return (vector[support, None] * gradients[support] % self.prime).sum(axis=0) % self.prime

    def _null_vectors(self, ansatz: Ansatz, terms: list[Term]) -> list[Residues]:
        """All null vectors among the candidates, modulo the prime."""
        p = self.prime
        groups = self.grading.groups(terms)
        largest = max(map(len, groups))
        # values, slopes and rates of all candidates; then a matrix of each group
        effort.afford(
            sum(len(g) ** 3 for g in groups) / 60,
            0.5 * len(terms) * (largest + _SPARE) + largest**2,
        )
        points = sample(self.form, largest + _SPARE, p, self.found.rng, self.found.parameters)
        rates = [self._rates(f, ansatz, terms, points) for f in self.fields]
        values = (
            ansatz.values(terms, sampled(self.form, ansatz.gens, points, p), p)
            if self.related
            else None
        )
        found: list[Residues] = []
        for group in groups:
            effort.check()
            few = len(group) + _SPARE
            columns = np.concatenate([r[group, :few] for r in rates], axis=1)
            _, inside = null_space(columns, p)
            if values is not None and len(inside):
                inside = self._without_relations([terms[k] for k in group], inside, values[group])
            for row in inside:
                vector = np.zeros(len(terms), dtype=np.int64)
                vector[group] = row
                found.append(vector)
        return found

    def _without_relations(
        self, terms: list[Term], vectors: Residues, values: Residues
    ) -> Residues:
        """Null vectors modulo those that are relations between atoms: functions that are constant."""
        p = self.prime
        few = values[:, : len(vectors) + _SPARE]
        # a law with a primitive is no relation: relations between those show in the gradients
        marks = [k for k, term in enumerate(terms) if term.primitive is not None]
        seen = product(vectors, few, p)
        seen = (seen - seen[:, :1]) % p
        _, combinations = null_space(np.concatenate([seen, vectors[:, marks]], axis=1), p)
        if not len(combinations):
            return vectors
        relations, places = last_reduced(product(combinations, vectors, p), p)
        # the candidates that the relations make superfluous vanish from all others
        vectors = (vectors - product(vectors[:, places], relations, p)) % p
        vectors = vectors[vectors.any(axis=1)]
        return last_reduced(vectors, p)[0] if len(vectors) else vectors

    def _rates(
        self, f: Any, ansatz: Ansatz, terms: list[Term], points: dict[Any, Residues]
    ) -> Residues:
        """d/dt of all candidates along one field."""
        p = self.prime
        slopes = slopes_of(f, points, p)
        primitives = primitive_rates(ansatz.primitives, points, slopes, p)
        return ansatz.rates(terms, sampled_along(ansatz.gens, points, slopes, p), primitives, p)

    def _written_out(self, ansatz: Ansatz, terms: list[Term], vector: Residues) -> sp.Expr | None:
        """From the polynomial equations for its coefficients."""
        used = [terms[k] for k in np.flatnonzero(vector)]
        systems = [self._rate_polynomials(flow, ansatz, used) for flow in self.flows]
        found = self.exact.null_vector(systems)
        # of exact arithmetic: where its certificate fails, too, that is for others to say
        return None if found is None else self._law(found, [*map(ansatz.expression, used)])

    def _quick_law(self, ansatz: Ansatz, terms: list[Term], vector: Residues) -> sp.Expr | None:
        """With coefficients that are guessed from residues and proved to be right."""
        support = np.flatnonzero(vector)
        used = [terms[k] for k in support]
        for coefficients in self._proposed(ansatz, used, vector[support]):
            law = self._law(coefficients, [*map(ansatz.expression, used)])
            if self.found.proves(law):
                return law
        return None

    def _law(self, coefficients: Sequence[sp.Expr], functions: Sequence[sp.Expr]) -> sp.Expr:
        law = sp.Add(*(c * f for c, f in zip(coefficients, functions, strict=True)))
        return self.form.to_user(cast("sp.Expr", law))

    def _proposed(
        self, ansatz: Ansatz, terms: list[Term], vector: Residues
    ) -> Iterator[Sequence[sp.Expr]]:
        """Coefficients that may be right, the cheapest way first."""
        fractions = None if self.exact.n_parameters else as_fractions(vector, self.prime)
        if fractions:
            yield primitive([flint.fmpq(n, d) for n, d in fractions])
        if self.exact.n_parameters:
            yield from interpolated(self.form, self.fields, [ansatz.rule(term) for term in terms])

    def _rate_polynomials(self, flow: Flow, ansatz: Ansatz, terms: list[Term]) -> list[Any]:
        """d/dt of each candidate over one common denominator, in normal form."""
        exact = self.exact
        values = {i: exact.fraction(g.expr) for i, g in enumerate(ansatz.gens)}
        used = {i for term in terms for i, _ in term.powers}
        slopes = {i: exact.rate(values[i], flow) * values[i] ** -1 for i in used}
        rates: list[Fraction] = []
        for term in terms:
            effort.check()
            if term.primitive is not None:
                rates.append(
                    exact.rate(exact.fraction(term.primitive.inner), flow)
                    * exact.fraction(term.primitive.weight)
                )
                continue
            total, product = Fraction(exact.one * 0, exact.one), Fraction(exact.one, exact.one)
            for i, k in term.powers:
                total = total + Fraction(slopes[i].top * k, slopes[i].bottom)
                product = product * values[i] ** k
            rates.append(total * product)
        return [exact.normal(top) for top in common_denominator(rates, exact.one)[1]]
