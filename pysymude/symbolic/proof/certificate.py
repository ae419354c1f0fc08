# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Proofs that stand on their own: the printed law, the printed system, and SymPy's polynomials.

Nothing here is shared with the search: the law is differentiated afresh, and the result is shown to
be zero as a polynomial modulo the relations of the functions in it.
"""

from __future__ import annotations

import time as clock
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import sympy as sp

from pysymude.errors import DerivationError
from pysymude.symbolic.effort import EffortEndedError, effort
from pysymude.symbolic.proof.derivative import derivative
from pysymude.symbolic.proof.identity import vanishes

__all__ = ["Certificate", "lie_derivative_of", "vanishes"]

_MANY = 50  # states
_SECONDS = 60.0


@dataclass(frozen=True)
class Certificate:
    """The claim that `law` does not change along each of the `fields`.

    A field is a mapping from states (and time) to their rates; one for a law, several for a balance.
    """

    law: sp.Expr
    fields: tuple[Mapping[sp.Symbol, sp.Expr], ...]

    def check(self, *, budget: float = _SECONDS, max_memory: float = 2e9) -> bool:
        """Whether the claim holds, proved again from the expressions alone.

        Parameters
        ----------
        budget : float
            Seconds. A false claim is nearly always refuted at once, by a value modulo a prime.
        max_memory : float
            Bytes that the process may hold.

        Raises
        ------
        DerivationError
            The proof needs more than that.

        Examples
        --------
        >>> import pysymude as psu
        >>> x, y = psu.states("x y")
        >>> laws = psu.first_integrals(psu.ODESystem({x: y, y: -x}))
        >>> laws[0].certificate.check()
        True
        """
        try:
            with effort(clock.perf_counter() + budget, max_memory):
                return self.holds()
        except EffortEndedError as error:
            raise DerivationError(f"the proof needs more than it may take: {error}") from error

    def holds(self) -> bool:
        """As `check`, within the effort of the caller."""
        return all(vanishes(lie_derivative_of(self.law, f)) for f in self.fields)

    def to_json(self) -> str:
        """The certificate as text: all that a proof needs, in JSON.

        Raises
        ------
        EmissionError
            Something in it cannot be written such that it comes back equal.
        """
        from pysymude.symbolic.storage.law_json import certificate_to_json

        return certificate_to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Certificate:
        """The certificate in a text of `to_json`; nothing in it is executed, and nothing believed.

        Raises
        ------
        SaveFileError
            It is no such text, is damaged, or comes from a newer version.

        Examples
        --------
        >>> import pysymude as psu
        >>> x, y = psu.states("x y")
        >>> laws = psu.first_integrals(psu.ODESystem({x: y, y: -x}))
        >>> Certificate.from_json(laws[0].certificate.to_json()).check()
        True
        """
        from pysymude.symbolic.storage.law_json import certificate_from_json

        return certificate_from_json(text)


def lie_derivative_of(law: sp.Expr, rates: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
    """d(law)/dt for the given rates of the states and of time; not simplified."""
    # term by term: a sum over thousands of states is not differentiated once for each of them
    found: list[Any] = []
    seen: dict[sp.Symbol, dict[Any, sp.Expr]] = {z: {} for z in rates}
    for term in sp.Add.make_args(law):
        free = term.free_symbols
        for z in [z for z in rates if z in free] if len(free) > 9 else _in_order(free, rates):
            slope, rate = derivative(term, z, seen[z]), rates[z]
            if len(rates) > _MANY and rate.is_Add and not slope.is_Add:
                # where much cancels term by term, nothing is left to be expanded
                found += [slope * part for part in rate.args]
            else:
                found.append(slope * rate)
    return cast("sp.Expr", sp.Add(*found))


def _in_order(free: Any, rates: Mapping[sp.Symbol, sp.Expr]) -> list[sp.Symbol]:
    return sorted((z for z in free if z in rates), key=lambda z: z.name)
