# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false
"""The laws found so far: what families are told, and where their proposals are proved."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as made
from functools import cached_property
from typing import Any, ClassVar, cast

import numpy as np
import sympy as sp

from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.symbolic.exact.normal_form import NormalForm, exact, normal_form
from pysymude.symbolic.exact.polynomials import ExactField
from pysymude.symbolic.laws.ansatz import Primitive
from pysymude.symbolic.laws.darboux import darboux_polynomials
from pysymude.symbolic.laws.eigenvalues import is_negative
from pysymude.symbolic.laws.families.family import Proposal
from pysymude.symbolic.laws.independence import Independent, independent
from pysymude.symbolic.laws.known_part import balance_fields, known_rate
from pysymude.symbolic.laws.law_set import FirstIntegral
from pysymude.symbolic.laws.primitives import antiderivatives
from pysymude.symbolic.null_space.modular import Residues, draw_parameters, sample
from pysymude.symbolic.proof.certificate import Certificate

__all__ = ["FalseLawWarning", "Found", "is_real", "reads_time"]


class FalseLawWarning(UserWarning):
    """An expression was proposed as a law and is none; it was dropped. A bug of the search."""


@dataclass
class Found:
    """What is asked for, and what was found.

    Attributes
    ----------
    system : ODESystem
        What is searched: of the whole system the known part, for compatible laws.
    kind : str
    degree : int or None
        The degree that was asked for.
    with_time : bool
        Whether laws may contain time.
    deadline : float
        The value of `time.perf_counter` at which the budget ends.
    laws : list of FirstIntegral
        Proved and independent.
    """

    MANY: ClassVar[int] = 20  # states, from which on the sums come first

    system: ODESystem
    kind: str
    degree: int | None
    with_time: bool
    deadline: float
    laws: list[FirstIntegral] = made(default_factory=list[FirstIntegral])

    def __post_init__(self) -> None:
        # to which degree of P laws t^k P(u) were searched for, all of them
        self.timed_degree = 0
        # seeded: the same system gives the same answer in every run
        self.rng = np.random.default_rng(0)
        # laws whose gradients are not rational in the coordinates
        self._others = 0
        self._proofs: dict[sp.Expr, bool] = {}

    @cached_property
    def form(self) -> NormalForm:
        """The system in normal form."""
        return normal_form(self.system, opaque=True)

    @cached_property
    def fields(self) -> list[NormalForm]:
        """The directions along which laws must not change: the system itself, but for balances."""
        return balance_fields(self.form) if self.kind == "balance" else [self.form]

    @cached_property
    def field(self) -> ExactField:
        """Exact arithmetic in the coordinates."""
        return ExactField(self.form)

    @cached_property
    def parameters(self) -> dict[Any, Residues]:
        """A residue for each parameter, the same for all families."""
        return draw_parameters(self.form, self.form.prime, self.rng)

    @cached_property
    def independent(self) -> Independent:
        """The gradients of the laws at a random point."""
        found = Independent(
            self.form, sample(self.form, 1, self.form.prime, self.rng, self.parameters)
        )
        for law in self.laws:
            found.add(found.gradient(law.expr))
        return found

    @cached_property
    def moving(self) -> bool:
        """Whether laws are functions of time as of a state, because rates contain it."""
        return self.with_time and reads_time(self.form)

    @cached_property
    def _most(self) -> int:
        n = len(self.system.states)
        if n > self.MANY:
            still, moving = all(f == 0 for f in self.system.rhs.values()), self.with_time
        else:
            still = all(self.form.coordinates[x].rate == 0 for x in self.form.states)
            moving = self.moving
        return n if moving or still else max(n - 1, 1)

    @property
    def missing(self) -> int:
        """How many further independent laws there can be."""
        return (len(self.system.states) if self.with_time else self._most) - len(self.laws)

    @property
    def missing_still(self) -> int:
        """How many of them without time, where the system does not contain it."""
        still = self.laws if self.moving else [law for law in self.laws if not law.expr.has(t)]
        return self._most - len(still)

    @cached_property
    def rates(self) -> tuple[Mapping[sp.Symbol, sp.Expr], ...]:
        """Rates of states and time in the user's symbols, one mapping a field."""
        if self.kind == "balance":
            return tuple(_rates(f) for f in self.fields)
        rates = {x: exact(f) for x, f in self.system.rhs.items()}
        return ({t: cast("sp.Expr", sp.S.One), **rates},)

    @cached_property
    def curves(self) -> list[sp.Expr]:
        """The Darboux polynomials."""
        return darboux_polynomials(self.form, self.field, self.deadline)

    @cached_property
    def integrals(self) -> tuple[Primitive, ...]:
        """Antiderivatives of what stands in the rates."""
        return antiderivatives(self.form, self.field)

    def offer(self, given: sp.Expr | Proposal) -> bool:
        """Takes a proposal in if it is new and its certificate passes; false where that one fails."""
        proposal = given if isinstance(given, Proposal) else Proposal(given)
        expr, row = real(proposal.expr), proposal.row
        known_new = proposal.new and not self._reads_numbers
        if self.missing <= 0 or not (known_new or self._is_new(expr, row)):
            return True
        certificate = Certificate(expr, self.rates)
        strange = self._is_strange(expr)
        if strange or not self.proves(expr):
            why = strange or "its certificate fails"
            warnings.warn(f"{expr} is dropped: {why}", FalseLawWarning, stacklevel=2)
            return False
        law = FirstIntegral(expr, self.kind, certificate, known_rate(self.system, expr, self.kind))
        self.laws.append(law)
        if row is not None:
            self.independent.add(row)
        elif not proposal.new:
            self._others += 1
        return True

    @property
    def symbols(self) -> dict[str, str]:
        """Numbers and terms for which symbols stand, as far as the normal form was needed."""
        form = self.__dict__.get("form")
        if form is None:
            return {}
        opaque = {c.symbol.name: str(c.meaning) for c in form.of_kind("hidden")}
        return {**form.numbers, **opaque}

    def proves(self, expr: sp.Expr) -> bool:
        """Whether the certificate of an expression passes; remembered, since proofs can be long."""
        if expr not in self._proofs:
            self._proofs[expr] = Certificate(expr, self.rates).holds()
        return self._proofs[expr]

    @cached_property
    def _known(self) -> set[Any]:
        """The symbols that a law may contain."""
        rates = [e for f in self.rates for e in f.values()]
        return {*self.system.states, t}.union(*(e.free_symbols for e in rates))

    @property
    def _reads_numbers(self) -> bool:
        """Whether symbols stand for numbers such as exp(1): of relations between these they know nothing."""
        form = self.__dict__.get("form")
        return form is not None and bool(form.numbers)

    def _is_new(self, expr: sp.Expr, row: Residues | None) -> bool:
        if row is not None and not self._others and not self._reads_numbers:
            return self.independent.raised_by(row)
        return independent([*(law.expr for law in self.laws), expr], self.form)

    def _is_strange(self, expr: sp.Expr) -> str:
        """What keeps an expression from being a law in the user's symbols; empty where nothing does."""
        if not expr.free_symbols <= self._known:
            return f"it contains {', '.join(sorted(map(str, expr.free_symbols - self._known)))}"
        if not is_real(expr):
            return "it is not real and finite"
        return ""


def real(expr: sp.Expr) -> sp.Expr:
    """The same function on the declared signs: log(-x) for a negative x."""
    table = {
        log: sp.log(-log.args[0]) for log in expr.atoms(sp.log) if log.args[0].is_negative is True
    }
    return cast("sp.Expr", expr.xreplace(table))


def is_real(expr: sp.Expr) -> bool:
    """Whether an expression is made of real and finite numbers, and of real roots of these."""
    if expr.atoms(sp.I, sp.nan, sp.zoo, sp.oo, -sp.oo):
        return False
    even = (p.base for p in expr.atoms(sp.Pow) if p.exp.is_Rational and p.exp.q % 2 == 0)
    return not any(is_negative(base) for base in even)


def reads_time(form: NormalForm) -> bool:
    """Whether time stands in a rate: by itself, or in a sine, an exponential, ..."""
    moving = [c for c in form.coordinates.values() if c.of is not None or c.kind == "state"]
    return any(t in c.meaning.free_symbols | (c.rate or sp.S.Zero).free_symbols for c in moving)


def _rates(form: NormalForm) -> Mapping[sp.Symbol, sp.Expr]:
    plain = form.of_kind("state", "time")
    return {c.symbol: form.to_user(cast("sp.Expr", c.rate or sp.S.Zero)) for c in plain}
