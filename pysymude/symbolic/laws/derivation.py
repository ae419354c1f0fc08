# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""`first_integrals`: what a system conserves."""

from __future__ import annotations

import time as clock
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import check_effort
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.symbolic.exact.normal_form import NormalForm, exact, normal_form, refuse
from pysymude.symbolic.laws.ansatz import Ansatz, Factor, Primitive
from pysymude.symbolic.laws.darboux import darboux_polynomials
from pysymude.symbolic.laws.exponential_laws import timed_laws
from pysymude.symbolic.laws.independence import independent
from pysymude.symbolic.laws.invariant_spaces import ModularFlow, MonomialFlow
from pysymude.symbolic.laws.known_part import balance_fields, considered, is_unknown, known_rate
from pysymude.symbolic.laws.law_set import FirstIntegral, LawSet
from pysymude.symbolic.laws.primitives import antiderivatives
from pysymude.symbolic.laws.search import Searched, search
from pysymude.symbolic.null_space.linear import linear_laws
from pysymude.symbolic.proof.certificate import Certificate

__all__ = ["first_integrals"]

_KINDS = ("structural", "compatible", "balance")
_MANY = 20  # states
_FEW = 6  # states and Darboux polynomials, of which products with reciprocals are tried


def first_integrals(
    system: ODESystem,
    *,
    kind: str = "structural",
    degree: int | None = None,
    time_dependent: bool = True,
    budget: float = 10.0,
) -> LawSet:
    """Independent first integrals of a system, exactly, in ascending complexity.

    Parameters
    ----------
    system : ODESystem
        With or without networks. Parameters are kept as symbols, also where they have values.
    kind : str
        ``"structural"``: holds for every network and every unknown function of time;
        ``"compatible"``: the known part conserves it, the networks may not; ``"balance"``: its rate of
        change contains no network (see ``law.rate``).
    degree : int, optional
        Of the candidate functions: products of powers of that degree, logarithms, and with
        `time_dependent` exponentials of time. By default degrees rise until the laws are complete, the
        budget ends, or several degrees in a row bring nothing; where laws are still missing, Darboux
        polynomials, their reciprocals and antiderivatives join.
    time_dependent : bool
        Whether laws may contain time.
    budget : float
        Seconds after which no further degree is begun.

    Returns
    -------
    LawSet
        Deterministic. Empty is an answer: none in the span that was searched.

    Raises
    ------
    DerivationError
        The system contains something that has no exact treatment; the message names it.

    References
    ----------
    .. [1] Olver, Applications of Lie Groups to Differential Equations, 2nd ed., sec. 2.1 and 4.3.

    Examples
    --------
    >>> import pysymude as psu
    >>> x, y = psu.states("x y", positive=True)
    >>> a, b, c, d = psu.parameters("a b c d")
    >>> psu.first_integrals(psu.ODESystem({x: a*x - b*x*y, y: -c*y + d*x*y}))[0].expr
    -a*log(y) + b*y - c*log(x) + d*x
    """
    if not isinstance(system, ODESystem):
        raise InvalidInputError(
            f"first_integrals takes an ODESystem; found {type(system).__name__}"
        )
    if kind not in _KINDS:
        raise InvalidInputError(
            f"kind must be one of {', '.join(map(repr, _KINDS))}; found {kind!r}"
        )
    check_effort(degree, budget, least=1)
    system = considered(system, kind)
    start = clock.perf_counter()
    derivation = _Derivation(system, kind, degree, time_dependent, start + budget)
    laws = derivation.laws()
    values = _values(system)
    if values and kind == "structural" and len(laws) < len(system.states) - 1:
        special, complete = _at_values(system, values, laws, degree, start + budget)
        laws += special
        derivation.complete &= complete
    searched = {
        "families": list(dict.fromkeys(derivation.families)),
        "degree": derivation.degree,
        "candidates": derivation.candidates,
        "seconds": clock.perf_counter() - start,
    }
    return LawSet(tuple(laws), searched, derivation.complete)


class _Derivation:
    """One derivation: the families of candidates that were searched, and what was found in each."""

    def __init__(
        self,
        system: ODESystem,
        kind: str,
        degree: int | None,
        time_dependent: bool,
        deadline: float,
    ) -> None:
        self.system, self.kind, self.asked, self.deadline = system, kind, degree, deadline
        self.with_time = time_dependent and kind != "balance"
        self.families: list[str] = []
        self.degree = self.candidates = 0
        self.complete = True

    def laws(self) -> list[FirstIntegral]:
        """All laws, in ascending complexity."""
        if len(self.system.states) > _MANY and self.asked is None:
            rates = {**self.system.rhs, t: cast("sp.Expr", sp.S.One)}
            exprs, fields = self._sums(), (rates,)
        else:
            form = normal_form(self.system)
            forms = balance_fields(form) if self.kind == "balance" else [form]
            exprs = self._searched(form, forms)
            fields = tuple(_rates(f) for f in forms)
        return [
            FirstIntegral(
                e, self.kind, Certificate(e, fields), known_rate(self.system, e, self.kind)
            )
            for e in exprs
        ]

    def _sums(self) -> list[sp.Expr]:
        """Of many states the sums alone: products of so many are more than can be searched."""
        rhs = {x: exact(f) for x, f in self.system.rhs.items()}
        for f in rhs.values():
            refuse(f)
        keep = is_unknown if self.kind == "balance" else None
        self.families, self.degree, self.candidates = ["sums of states"], 1, len(rhs)
        return linear_laws(rhs, keep=keep)

    def _searched(self, form: NormalForm, forms: list[NormalForm]) -> list[sp.Expr]:
        n = len(self.system.states)
        moving = self.with_time and _reads_time(form)
        still = all(form.coordinates[x].rate == 0 for x in form.states)
        found = search(
            form,
            forms,
            degree=self.asked,
            time=moving,
            budget=self._left(),
            wanted=n if moving or still else max(n - 1, 1),
        )
        self.families = ["products of powers", "logarithms"]
        self.degree, self.candidates = found.degree, found.candidates
        self.complete = found.complete
        exprs = list(found.laws)
        if len(exprs) < n - 1 and self.asked is None:
            exprs += self._wider(form, forms, found, time=moving)
        if not self.with_time or moving:
            return exprs
        if len(exprs) < n:
            exprs += self._with_exponentials(form, found, n - len(exprs))
        if len(exprs) < n and self.asked is None:
            # t - integral of du/f and the like
            exprs += self._wider(form, forms, found, time=True)
        return exprs

    def _wider(
        self, form: NormalForm, forms: list[NormalForm], found: Searched, *, time: bool
    ) -> list[sp.Expr]:
        """Laws with Darboux polynomials, their reciprocals, antiderivatives, and time."""
        curves = darboux_polynomials(form, found.exact, self.deadline)
        few = len(form.states) + len(curves) <= _FEW
        gens = tuple(Factor(cast("sp.Expr", 1 / curve)) for curve in curves if few)
        logs = tuple(Primitive.log(curve) for curve in curves)
        laws: list[sp.Expr] = []
        if curves or time:
            self.families += ["Darboux polynomials"] * bool(curves) + ["products with time"] * time
            laws += self._again(form, forms, found, Ansatz(gens, logs, 0), time=time)
        if not laws and self.kind != "balance":
            # integration is slow, and seldom needed
            integrals = antiderivatives(form, found.exact)
            if integrals:
                self.families.append("antiderivatives")
                laws += self._again(
                    form, forms, found, Ansatz(gens, logs + integrals, 0), time=time
                )
        return laws

    def _again(
        self,
        form: NormalForm,
        forms: list[NormalForm],
        found: Searched,
        more: Ansatz,
        *,
        time: bool,
    ) -> list[sp.Expr]:
        wider = search(
            form,
            forms,
            degree=None,
            highest=3,
            time=time,
            budget=self._left(),
            wanted=len(form.states) - len(found.independent.rows),
            before=found,
            more=more,
        )
        self.complete &= wider.complete
        return wider.laws

    def _left(self) -> float:
        return max(0.0, self.deadline - clock.perf_counter())

    def _with_exponentials(self, form: NormalForm, found: Searched, wanted: int) -> list[sp.Expr]:
        """Laws exp(-s t) t^k P that are independent of the others, at most `wanted`."""
        kept: list[sp.Expr] = []
        action = MonomialFlow.of(form, found.exact)
        if action is None:
            return kept
        self.families.append("exp(-s t) t^k times polynomials")
        flow = ModularFlow(form)
        highest = self.asked
        if highest is None and len(found.laws) == len(form.states) - 1:
            # only the law that sets the clock is missing: simple, or not worth the time
            highest = 2 if len(form.states) <= 3 else 1
        try:
            for timed in timed_laws(form, found.exact, action, highest, self.deadline):
                if not timed.holds(flow):
                    raise AssertionError(
                        f"{timed.exprs} came of exact arithmetic and does not hold"
                    )
                new = 0
                for span in timed.spans:
                    row = found.independent.gradient(span)
                    if found.independent.raised_by(row):
                        found.independent.add(row)
                        new += 1
                kept += timed.exprs[:new]
                if len(kept) >= wanted:
                    return kept[:wanted]
        except TimeoutError:
            self.complete = False
        return kept


def _values(system: ODESystem) -> dict[sp.Symbol, sp.Expr]:
    """The numbers that the user gave to parameters, exactly."""
    used = {z for f in system.rhs.values() for z in f.free_symbols}
    found = {
        p: exact(sp.sympify(v, strict=True)) for p, v in system.parameters.items() if p in used
    }
    return {p: v for p, v in found.items() if v.is_number}


def _at_values(
    system: ODESystem,
    values: Mapping[sp.Symbol, sp.Expr],
    general: list[FirstIntegral],
    degree: int | None,
    deadline: float,
) -> tuple[list[FirstIntegral], bool]:
    """Laws that hold at the user's values alone, and whether each that was found was made exact."""
    special = ODESystem({x: f.xreplace(dict(values)) for x, f in system.rhs.items()})
    derivation = _Derivation(special, "structural", degree, True, deadline)
    found = derivation.laws()
    kept: list[FirstIntegral] = []
    known = [law.expr.xreplace(dict(values)) for law in general]
    form = normal_form(special)
    for law in found:
        if len(found) > len(general) and independent([*known, law.expr], form):
            known.append(law.expr)
            kept.append(replace(law, values=values))
    return kept, derivation.complete


def _rates(form: NormalForm) -> Mapping[sp.Symbol, sp.Expr]:
    """Rates of states and time in the user's symbols."""
    plain = form.of_kind("state", "time")
    return {c.symbol: form.to_user(cast("sp.Expr", c.rate or sp.S.Zero)) for c in plain}


def _reads_time(form: NormalForm) -> bool:
    """Whether time stands in a rate: by itself, or in a sine, an exponential, ..."""
    moving = [c for c in form.coordinates.values() if c.of is not None or c.kind == "state"]
    return any(t in c.meaning.free_symbols | (c.rate or sp.S.Zero).free_symbols for c in moving)
