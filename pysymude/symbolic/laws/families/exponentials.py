"""Laws exp(-s t) t^k P(u) with polynomials P."""

from __future__ import annotations

from collections.abc import Iterator

from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.exponential_laws import Timed, Unwritten, highest_degree, timed_laws
from pysymude.symbolic.laws.families.family import Candidates, Family, Proposal
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.invariant_spaces import ModularFlow, MonomialFlow, monomials

__all__ = ["Exponentials", "proposals"]


class Exponentials(Family):
    """From the polynomials that the Lie derivative maps to each other."""

    name = "exp(-s t) t^k times polynomials"

    def candidates(
        self, form: NormalForm, found: Found, deadline: float
    ) -> Iterator[Candidates | None]:
        """One span: the degrees are nested in it."""
        if not found.with_time or found.moving:
            return
        action = MonomialFlow.of(form, found.field)
        if action is None:
            return
        n, asked = len(form.states), found.degree
        if asked is None and len(found.laws) == n - 1:
            # only the law that sets the clock is missing: simple, or not worth the time
            asked = 2 if n <= 3 else 1
        top = highest_degree(n, asked)
        left: list[str] = []
        laws = proposals(form, found, timed_laws(form, found.field, action, top), left)
        yield Candidates(len(monomials(n, top)) - 1, laws, top, left_out=left)
        found.timed_degree = top


def proposals(
    form: NormalForm, found: Found, laws: Iterator[Timed | Unwritten], left: list[str]
) -> Iterator[Proposal | None]:
    """Those of some laws that are new, with their gradients where these are rational; None for the others.

    What cannot be written is added to `left`, in words.
    """
    flow = ModularFlow(form)
    for timed in laws:
        if isinstance(timed, Unwritten):
            left.append(str(timed))
            yield None
            continue
        if not timed.spans:
            yield from map(Proposal, timed.exprs)
            continue
        if not timed.holds(flow):
            raise AssertionError(f"{timed.exprs} came of exact arithmetic and does not hold")
        rows = [found.independent.gradient(span) for span in timed.spans]
        # the gradients of a pair of laws and of their spans have one span: the first of each are matched
        new = []
        for row in rows:
            if found.independent.raised_by(row, *new):
                new.append(row)
        for expr, row in zip(timed.exprs, new, strict=False):
            yield Proposal(expr, row)
