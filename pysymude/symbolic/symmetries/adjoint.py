# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""`adjoint_laws`: what the backward pass of a system conserves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, cast

import sympy as sp

from pysymude.errors import DerivationError, InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.symbolic.exact.normal_form import exact
from pysymude.symbolic.laws.law_set import FirstIntegral
from pysymude.symbolic.proof.certificate import Certificate
from pysymude.symbolic.symmetries.generator import Generator
from pysymude.symbolic.symmetries.symmetry import is_symmetry, symmetries

__all__ = ["AdjointSystem", "adjoint_laws"]


@dataclass(frozen=True, eq=False)
class AdjointSystem:
    """A system u' = f together with its adjoint a' = -(df/du)^T a, and laws of the pair.

    Attributes
    ----------
    states, adjoint_states : tuples of symbols
        u, and a in the same order.
    rhs, adjoint_rhs : mappings from symbol to SymPy expression
        f, and -(df/du)^T a.
    laws : tuple of FirstIntegral
        One for each symmetry: a . W with its characteristic W. They are linear in a, and each has a
        certificate for the pair.
    symmetries : tuple of Generator
        Where each law comes from.
    given : ODESystem
        The system itself, with its values.
    """

    states: tuple[sp.Symbol, ...]
    adjoint_states: tuple[sp.Symbol, ...]
    rhs: Mapping[sp.Symbol, sp.Expr]
    adjoint_rhs: Mapping[sp.Symbol, sp.Expr]
    laws: tuple[FirstIntegral, ...]
    symmetries: tuple[Generator, ...]
    given: ODESystem

    @cached_property
    def system(self) -> ODESystem:
        """The pair (u, a) as one system, with the values and observables of the one that was given.

        Examples
        --------
        >>> import pysymude as psu
        >>> x, k = psu.states("x"), psu.parameters("k")
        >>> psu.adjoint_laws(psu.ODESystem({x: -k*x}, parameters={k: 2.0})).system
        ODESystem(x' = -k*x, a_x' = a_x*k; parameters k=2)
        """
        # its pair is that of the flow between events
        return self.given.replace(rhs={**self.rhs, **self.adjoint_rhs}, events=())

    def backward(self, end: float) -> ODESystem:
        """The pair in reversed time s = end - t, in which a backward solve is a forward one."""
        reverse = {t: cast("sp.Expr", sp.Float(end) - t)}
        pair = self.system
        rhs = {z: -cast("sp.Expr", f.xreplace(reverse)) for z, f in pair.rhs.items()}
        seen = {name: g.xreplace(reverse) for name, g in pair.observables.items()}
        return pair.replace(rhs=rhs, observables=seen)

    def check(self) -> bool:
        """Whether every law holds, proved again from the printed expressions alone."""
        return all(law.certificate.check() for law in self.laws)

    def __repr__(self) -> str:
        rows = [f"{x}' = {f}" for x, f in [*self.rhs.items(), *self.adjoint_rhs.items()]]
        if not self.laws:
            return "\n".join([*rows, "no law: no symmetry was found"])
        names = [repr(X.restricted(self.states)) for X in self.symmetries]
        rows += [
            f"{k}  {law.expr} = const, from {name}"
            for k, (law, name) in enumerate(zip(self.laws, names, strict=True))
        ]
        return "\n".join(rows)

    def _repr_latex_(self) -> str:
        equations = [*self.rhs.items(), *self.adjoint_rhs.items()]
        rows = [rf"\dot{{{sp.latex(x)}}} &= {sp.latex(f)}" for x, f in equations]
        rows += [rf"\mathrm{{const}} &= {sp.latex(law.expr)}" for law in self.laws]
        return r"$\begin{aligned}" + r" \\ ".join(rows) + r"\end{aligned}$"


@explained
def adjoint_laws(
    system: ODESystem,
    *,
    generators: Iterable[Generator] | None = None,
    degree: int | None = None,
    budget: float = 10.0,
) -> AdjointSystem:
    """The adjoint (backward) system, and the laws that symmetries give it.

    Along a solution of u' = f and of its adjoint a' = -(df/du)^T a, which is what the adjoint method
    integrates backwards for the gradient of a loss, a . W is constant for each symmetry with the
    characteristic W = eta - xi f. The time shift of an autonomous system gives a . f, for every
    network in f.

    Parameters
    ----------
    system : ODESystem
        With or without networks.
    generators : iterable of Generator, optional
        Symmetries to use; by default those that `symmetries` finds.
    degree, budget
        As for `symmetries`.

    Returns
    -------
    AdjointSystem
        Without laws where no symmetry was found.

    Raises
    ------
    InvalidInputError
        One of the generators is no symmetry.
    DerivationError
        The system contains something that has no exact treatment; the message names it.

    References
    ----------
    .. [1] Ibragimov, A new conservation theorem, J. Math. Anal. Appl. 333 (2007) 311-328.
    .. [2] Chen et al., Neural Ordinary Differential Equations, arXiv:1806.07366, sec. 2.

    Examples
    --------
    >>> import sympy as sp, pysymude as psu
    >>> z = psu.states("z")
    >>> w, b = psu.parameters("w b")
    >>> psu.adjoint_laws(psu.ODESystem({z: sp.cos(w*z + b)}))
    z' = cos(b + w*z)
    a_z' = a_z*w*sin(b + w*z)
    0  a_z*cos(b + w*z) = const, from d/dt
    """
    if not isinstance(system, ODESystem):
        raise InvalidInputError(f"adjoint_laws takes an ODESystem; found {type(system).__name__}")
    if generators is None:
        found = list(symmetries(system, degree=degree, budget=budget))
    else:
        found = [_given(system, X) for X in generators]
    rhs = {x: exact(f) for x, f in system.rhs.items()}
    a = _adjoint_states(system)
    adjoint = {
        a[x]: cast("sp.Expr", -sp.Add(*(f.diff(x) * a[y] for y, f in rhs.items()))) for x in rhs
    }
    rates = {t: cast("sp.Expr", sp.S.One), **rhs, **adjoint}
    laws = tuple(_law(X, rhs, a, rates) for X in found)
    return AdjointSystem(
        tuple(rhs),
        tuple(a.values()),
        MappingProxyType(rhs),
        MappingProxyType(adjoint),
        laws,
        tuple(found),
        system,
    )


def _law(
    X: Generator,
    rhs: Mapping[sp.Symbol, sp.Expr],
    a: Mapping[sp.Symbol, sp.Symbol],
    rates: Mapping[sp.Symbol, sp.Expr],
) -> FirstIntegral:
    """The sum of a_i W_i, with a plus where only time moves."""
    clock = all(e == 0 for e in X.eta.values())
    W = {x: X.xi * f if clock else X.moves(x) - X.xi * f for x, f in rhs.items()}
    expr = cast("sp.Expr", sp.Add(*(a[x] * w for x, w in W.items())))
    certificate = Certificate(expr, (MappingProxyType(dict(rates)),))
    if not certificate.check():
        raise DerivationError(f"{expr} came out as a law of the adjoint, and it is not constant")
    return FirstIntegral(expr, "structural", certificate)


def _given(system: ODESystem, X: Any) -> Generator:
    if not is_symmetry(system, X):
        raise InvalidInputError(
            f"{X} is no symmetry of {system}; see is_symmetry, or let adjoint_laws find them"
        )
    return X


def _adjoint_states(system: ODESystem) -> dict[sp.Symbol, sp.Symbol]:
    """A symbol a_x for each state x, with a longer name where that one is taken."""
    names = {s.name for f in system.rhs.values() for s in f.free_symbols}
    names |= {x.name for x in system.states} | {nn.name for nn in system.networks}
    prefix = "a_"
    while any(prefix + x.name in names for x in system.states):
        prefix = "a" + prefix
    return {x: sp.Symbol(prefix + x.name, real=True) for x in system.states}
