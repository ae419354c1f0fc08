# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false
"""`first_integrals`: what a system conserves."""

from __future__ import annotations

import time as clock
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as made
from typing import Any

import sympy as sp

from pysymude.errors import DerivationError, InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.coerce import check_effort
from pysymude.model.system import ODESystem
from pysymude.symbolic.effort import EffortEndedError, effort, interrupting
from pysymude.symbolic.exact.normal_form import exact, normal_form, refuse
from pysymude.symbolic.laws.families.family import Candidates, Family
from pysymude.symbolic.laws.families.family_order import FAMILIES
from pysymude.symbolic.laws.found import Found, is_real
from pysymude.symbolic.laws.independence import independent
from pysymude.symbolic.laws.known_part import considered
from pysymude.symbolic.laws.law_set import FirstIntegral, LawSet
from pysymude.symbolic.laws.moiety_laws import with_totals
from pysymude.symbolic.laws.spans import Span

__all__ = ["first_integrals"]

_KINDS = ("structural", "compatible", "balance")
_DENSE = 60  # states, beyond which only sparse families are asked
_SHARE = 0.6  # of the budget, for symbolic parameters where values are to be tried, too
_GRACE = 1.3  # of the budget: a law that was found in time is proved


@explained
def first_integrals(
    system: ODESystem,
    *,
    kind: str = "structural",
    degree: int | None = None,
    time_dependent: bool = True,
    budget: float = 3.0,
    max_memory: float = 2e9,
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
        Of the candidate functions, in every family that has degrees. By default degrees rise until the
        laws are complete or the budget ends.
    time_dependent : bool
        Whether laws may contain time.
    budget : float
        Seconds. The search ends at once where no further independent law can exist.
    max_memory : float
        Bytes that the process may hold.

    Returns
    -------
    LawSet
        Deterministic, but for spans that the budget ended. Empty is an answer: none in the spans that
        were searched.

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
    check_effort(degree, budget, least=1, max_memory=max_memory)
    system = considered(system, kind)
    values = _values(system) if kind == "structural" else {}
    start = clock.perf_counter()
    end = start + budget
    with effort(start + _GRACE * budget, max_memory):
        share = _SHARE if values else 1.0
        found = Found(system, kind, degree, time_dependent, start + share * budget)
        spans = _Search(found, FAMILIES).spans()
        found.laws = laws = with_totals(found)
        if values and (found.missing > 0 or not _all_hold_at(laws, values)):
            special = ODESystem({x: f.xreplace(dict(values)) for x, f in system.rhs.items()})
            more = Found(special, kind, degree, time_dependent, end)
            spans += _Search(more, FAMILIES, values).spans()
            laws = _with_special(found, more, values)
    if not laws:
        _refuse_what_is_strange(found, spans)
    return LawSet(tuple(laws), tuple(spans))


@dataclass
class _Search:
    """One round after the other, in which each family has its turn, until the laws are enough."""

    found: Found
    families: Iterable[Family]
    values: Mapping[sp.Symbol, sp.Expr] = made(default_factory=dict[sp.Symbol, sp.Expr])
    done: list[Span] = made(default_factory=list[Span])

    def spans(self) -> list[Span]:
        """Searches, and says what was searched."""
        active = [(family, self._asked(family)) for family in self.families]
        while active:
            left: list[tuple[Family, Iterator[Candidates | None]]] = []
            for family, asked in active:
                if self.found.missing <= 0:
                    return self.done
                if self._turn(family, asked):
                    left.append((family, asked))
            active = left
        return self.done

    def _asked(self, family: Family) -> Iterator[Candidates | None]:
        n = len(self.found.system.states)
        if n > _DENSE and not family.sparse:
            yield Candidates(n, degree=1, limit=True)
            return
        form = None if family.sparse else self.found.form
        yield from family.candidates(form, self.found, self.found.deadline)

    def _turn(self, family: Family, asked: Iterator[Candidates | None]) -> bool:
        """Searches span by span until the family gives way, and then says whether more follows."""
        while self.found.missing > 0:
            start = clock.perf_counter()
            if start > self.found.deadline:
                # even to name what comes next may take long
                self._note(Candidates(0), family, start, "budget")
                return False
            try:
                with effort(self.found.deadline), interrupting():
                    span = next(asked, _NOTHING)
            except EffortEndedError as error:
                self._note(Candidates(0), family, start, error.ended)
                return False
            if span is None:
                return True
            if span is _NOTHING:
                return False
            if not self._searched(span, family, start):
                return False
        return False

    def _searched(self, span: Candidates, family: Family, start: float) -> bool:
        """Searches one span; whether it was searched to its end."""
        if span.limit or start > self.found.deadline:
            self._note(span, family, start, "limit" if span.limit else "budget")
            return False
        ended, complete, before = "exhausted", span.proved, len(self.found.laws)
        laws = iter(span.laws)
        try:
            while self.found.missing > 0:
                with effort(self.found.deadline), interrupting():
                    law = next(laws, _NOTHING)
                if law is _NOTHING:
                    break
                # what was found in time is proved, also a little after
                with interrupting():
                    good = law is not None and self.found.offer(law)
                complete = complete and good
        except EffortEndedError as error:
            ended, complete = error.ended, False
        count = len(self.found.laws) - before
        self._note(span, family, start, ended, count, complete=complete)
        return ended == "exhausted"

    def _note(
        self,
        span: Candidates,
        family: Family,
        start: float,
        ended: str,
        laws: int = 0,
        *,
        complete: bool = False,
    ) -> None:
        self.done.append(
            Span(
                family.name,
                span.count,
                ended,
                span.degree,
                {z.name: w for z, w in span.weights.items()},
                laws,
                complete,
                {p.name: str(v) for p, v in self.values.items()},
                self.found.symbols,
                clock.perf_counter() - start,
                "; ".join(dict.fromkeys(span.left_out)),
            )
        )


_NOTHING: Any = object()


def _values(system: ODESystem) -> dict[sp.Symbol, sp.Expr]:
    """The numbers that the user gave to parameters, exactly."""
    used = {z for f in system.rhs.values() for z in f.free_symbols}
    found = {
        p: exact(sp.sympify(v, strict=True)) for p, v in system.parameters.items() if p in used
    }
    return {p: v for p, v in found.items() if v.is_number}


def _refuse_what_is_strange(found: Found, spans: Iterable[Span]) -> None:
    """An error where no law was found, and something counted as unknown that could be known."""
    try:
        if "form" not in found.__dict__:
            for f in found.system.rhs.values():
                refuse(f)
        elif found.form.strange:
            normal_form(found.system)
    except DerivationError as error:
        if not any(span.ended == "budget" for span in spans):
            raise
        raise DerivationError(
            f"{error}. With it as an unknown function no law was found before the budget ended; a larger "
            "budget= may find some"
        ) from error


def _all_hold_at(laws: list[FirstIntegral], values: Mapping[sp.Symbol, sp.Expr]) -> bool:
    return all(_holds_at(law, values) for law in laws)


def _holds_at(law: FirstIntegral, values: Mapping[sp.Symbol, sp.Expr]) -> bool:
    """Whether a law is real and finite somewhere, at the values of the parameters."""
    at_values = law.expr.xreplace(dict(values))
    if not is_real(at_values):
        return False
    return not any(e.xreplace(dict(values)).is_nonpositive for e in law.domain)


def _with_special(
    found: Found, special: Found, values: Mapping[sp.Symbol, sp.Expr]
) -> list[FirstIntegral]:
    """The general laws that stay laws at the values, and those that hold at the values alone."""
    laws, known = [], []
    for law in found.laws:
        at_values = law.expr.xreplace(dict(values))
        if _holds_at(law, values) and independent([*known, at_values], special.form):
            laws.append(law)
            known.append(at_values)
    for law in special.laws:
        if len(special.laws) > len(known) and independent([*known, law.expr], special.form):
            laws.append(replace(law, values=values))
            known.append(law.expr)
    return laws
