# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Proofs that stand on their own: the printed law, the printed system, and SymPy's polynomials.

Nothing here is shared with the search: the law is differentiated afresh, and the result is shown to
be zero as a polynomial modulo the relations of the functions in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import sympy as sp

from pysymude.symbolic.proof.identity import vanishes

__all__ = ["Certificate", "lie_derivative_of", "vanishes"]


@dataclass(frozen=True)
class Certificate:
    """The claim that `law` does not change along each of the `fields`.

    A field is a mapping from states (and time) to their rates; one for a law, several for a balance.
    """

    law: sp.Expr
    fields: tuple[Mapping[sp.Symbol, sp.Expr], ...]

    def check(self) -> bool:
        """Whether the claim holds, proved again from the expressions alone.

        Examples
        --------
        >>> import pysymude as psu
        >>> x, y = psu.states("x y")
        >>> laws = psu.first_integrals(psu.ODESystem({x: y, y: -x}))
        >>> laws[0].certificate.check()
        True
        """
        return all(vanishes(lie_derivative_of(self.law, f)) for f in self.fields)

    def to_json(self) -> str:
        """The certificate as text: all that a proof needs, in JSON.

        Raises
        ------
        EmissionError
            Something in it cannot be written such that it comes back equal.
        """
        from pysymude.symbolic.storage.files import certificate_to_json

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
        from pysymude.symbolic.storage.files import certificate_from_json

        return certificate_from_json(text)


def lie_derivative_of(law: sp.Expr, rates: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
    """d(law)/dt for the given rates of the states and of time; not simplified."""
    return cast("sp.Expr", sp.Add(*(law.diff(z) * rate for z, rate in rates.items())))
