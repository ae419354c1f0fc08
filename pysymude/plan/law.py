# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false
"""Laws as a user gives them to a loss, checked and named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import meant
from pysymude.model.network import NetworkDerivative, NetworkOutput
from pysymude.model.symbols import check_label
from pysymude.model.system import ODESystem
from pysymude.symbolic.laws.asserted import AssertedLaw, checked_law, why_trivial
from pysymude.symbolic.laws.law_set import FirstIntegral

__all__ = ["Law", "read_laws"]


@dataclass(frozen=True)
class Law:
    """A function of states and time whose value along a solution is known to stay, or its rate to be `rate`.

    Attributes
    ----------
    name : str
        Of its term in a loss: ``law_1``, ``law_2``, ..., or the observable that it was named by.
    expr, rate : SymPy expressions
        The rate is 0 but for a balance law.
    """

    name: str
    expr: sp.Expr
    rate: sp.Expr = field(default=cast("sp.Expr", sp.S.Zero))

    def __post_init__(self) -> None:
        check_label(self.name, what="the name of a law")

    @property
    def is_balance(self) -> bool:
        """Whether it changes at a known rate instead of staying constant."""
        return self.rate != 0

    def __repr__(self) -> str:
        return f"Law({self.name}: {self.expr} = const)" if self.rate == 0 else (
            f"Law({self.name}: d/dt {self.expr} = {self.rate})"
        )  # fmt: skip


def read_laws(system: ODESystem, given: Any, *, networks: bool = False) -> tuple[Law, ...]:
    """The laws of ``laws=``: derived ones, expressions that are asserted, names of observables.

    Parameters
    ----------
    system : ODESystem
    given : one or several of FirstIntegral, AssertedLaw, SymPy expression, str
        A text is the name of one of the system's observables.
    networks : bool
        Whether a law may read networks of the system, as a learned Hamiltonian does.

    Raises
    ------
    InvalidInputError
        It depends on no state, contains a symbol or a network that the system does not know, or stands
        there twice.
    """
    laws: list[Law] = []
    for one in _each(given):
        law = _read(system, one, f"law_{len(laws) + 1}", networks)
        if any(law.name == other.name or law.expr == other.expr for other in laws):
            raise InvalidInputError(f"laws= contains {law.expr} twice; give each law once")
        laws.append(law)
    return tuple(laws)


def _each(given: Any) -> Iterable[Any]:
    if isinstance(given, (FirstIntegral, AssertedLaw, Law, sp.Basic, str)):
        return (given,)
    if not isinstance(given, Iterable):
        raise InvalidInputError(
            "laws= takes what first_integrals returns, or a list of SymPy expressions; found "
            f"{type(given).__name__}"
        )
    return cast("Iterable[Any]", given)


def _read(system: ODESystem, given: Any, name: str, networks: bool) -> Law:
    if isinstance(given, Law):
        return given
    rate: Any = sp.S.Zero
    if isinstance(given, str):
        if given not in system.observables:
            known = list(system.observables)
            raise InvalidInputError(
                f"laws= names {given!r}, which is no observable of the system; it has "
                f"{', '.join(known) or 'none'}. Write the law as a SymPy expression, or add it to "
                f"observables={meant(given, known)}"
            )
        name, given = given, system.observables[given]
    if isinstance(given, AssertedLaw):
        given = given.expr
    if isinstance(given, FirstIntegral):
        rate = given.rate
    expr = checked_law(given, system, "laws=")
    if expr.has(NetworkOutput, NetworkDerivative):
        # with a learned function nothing can be done but to watch it
        if not networks:
            raise InvalidInputError(
                f"laws= contains {expr}, which reads a network; such a law can only be reported: leave out "
                "conserve="
            )
        return Law(name, expr, rate)
    trivial = why_trivial(expr, system)
    if trivial:
        raise InvalidInputError(f"laws= contains {expr}: {trivial}")
    return Law(name, expr, rate)
