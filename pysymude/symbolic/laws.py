# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""`first_integrals`: what a system conserves, with certificates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, cast, overload

import sympy as sp
from sympy.core.function import AppliedUndef

from pysymude.errors import InvalidInputError
from pysymude.model.network import NetworkOutput
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.symbolic.certificate import Certificate, lie_derivative_of, vanishes
from pysymude.symbolic.normal import NormalForm, exact, normal_form
from pysymude.symbolic.search import search
from pysymude.symbolic.timed import independent, timed_laws

__all__ = ["FirstIntegral", "LawSet", "first_integrals"]

_KINDS = ("structural", "compatible", "balance")


@dataclass(frozen=True, eq=False)
class FirstIntegral:
    """A function of the states (and time) that a system conserves.

    Attributes
    ----------
    expr : SymPy expression
        In the user's symbols; primitive coefficients, leading sign plus.
    kind : str
        ``"structural"``: for every network and every unknown function of time; ``"compatible"``: the
        known part conserves it; ``"balance"``: its rate `rate` contains no network.
    rate : SymPy expression
        d(expr)/dt without networks: 0 except for a balance.
    certificate : Certificate
        ``certificate.check()`` proves it again from the expression alone.
    """

    expr: sp.Expr
    kind: str
    certificate: Certificate
    rate: sp.Expr = field(default=cast("sp.Expr", sp.S.Zero))

    @property
    def domain(self) -> tuple[sp.Expr, ...]:
        """What must be positive (arguments of logarithms and square roots) for the law to be real."""
        found = {log.args[0] for log in self.expr.atoms(sp.log)}
        found |= {p.base for p in self.expr.atoms(sp.Pow) if p.exp.is_Rational and p.exp.q % 2 == 0}
        found = {cast("sp.Expr", a) for a in found if not a.is_positive}
        return tuple(sorted(found, key=sp.default_sort_key))

    def _repr_latex_(self) -> str:
        return f"${sp.latex(self.expr)} = \\mathrm{{const}}$"

    def __repr__(self) -> str:
        return f"FirstIntegral({self.expr})"


@dataclass(frozen=True, eq=False)
class LawSet(Sequence[FirstIntegral]):
    """Independent laws in ascending complexity, and what was searched to find them.

    Attributes
    ----------
    searched : dict
        ``families``, ``degree``, ``candidates`` (number of candidate functions), ``seconds``.
    complete : bool
        Whether these are provably all independent laws in the span of the candidates. No law in that
        span does not mean that there is none outside of it.
    """

    laws: tuple[FirstIntegral, ...]
    searched: dict[str, Any]
    complete: bool

    @overload
    def __getitem__(self, index: int) -> FirstIntegral: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[FirstIntegral, ...]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self.laws[index]

    def __len__(self) -> int:
        return len(self.laws)

    def __iter__(self) -> Iterator[FirstIntegral]:
        return iter(self.laws)

    def __repr__(self) -> str:
        s = self.searched
        where = (
            f"among {s['candidates']} candidate functions to degree {s['degree']} "
            f"({', '.join(s['families'])}) in {s['seconds']:.2f} s"
        )
        if not self.laws:
            proof = "certified: none in their span" if self.complete else "not all could be decided"
            return f"no law {where}; {proof}"
        rows = [f"{i}  {law.expr}" for i, law in enumerate(self.laws)]
        return "\n".join([*rows, f"{len(self)} independent, {where}"])

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the laws with their certificates as JSON text; see `pysymude.symbolic.files`.

        Raises
        ------
        SaveFileError
            The folder does not exist or cannot be written.
        EmissionError
            Something in a law cannot be written such that it comes back equal.
        """
        from pysymude.symbolic.files import save_laws

        save_laws(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> LawSet:
        """The laws that `save` wrote; nothing in the file is executed.

        Nothing is believed either: ``law.certificate.check()`` proves each law from the text alone.

        Raises
        ------
        SaveFileError
            The file is missing, damaged, none of ours or from a newer version.
        """
        from pysymude.symbolic.files import load_laws

        return load_laws(path)


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
        Of the candidate functions. By default degrees rise until the laws are complete, the budget
        ends, or several degrees in a row bring nothing.
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
    if degree is not None and (
        isinstance(degree, bool) or not isinstance(degree, int) or degree < 1
    ):
        raise InvalidInputError(f"degree must be a positive whole number; found {degree!r}")
    system = _considered(system, kind)
    form = normal_form(system)
    fields = _balance_fields(form) if kind == "balance" else [form]
    moving = time_dependent and _reads_time(form) and kind != "balance"
    n = len(system.states)
    found = search(
        form,
        fields,
        degree=degree,
        time=moving,
        budget=budget,
        wanted=n if moving else max(n - 1, 1),
    )
    exprs = list(found.laws)
    families = ["products of powers", "logarithms"]
    if time_dependent and not moving and kind != "balance" and not exprs:
        # t - integral of du/f and the like
        clocked = search(
            form, fields, degree=2 if n <= 3 else 1, time=True, budget=budget, wanted=n
        )
        exprs += clocked.laws
    if time_dependent and not moving and kind != "balance" and len(exprs) < n:
        exprs += _with_time(form, exprs, n - len(exprs))
        families.append("exp(-s t) t^k times polynomials")
    rates = tuple(_rates(system, f) for f in fields)
    laws = tuple(
        FirstIntegral(e, kind, Certificate(e, rates), _known_rate(system, e, kind)) for e in exprs
    )
    searched = {
        "families": families,
        "degree": found.degree,
        "candidates": found.candidates,
        "seconds": found.seconds,
    }
    return LawSet(laws, searched, found.complete)


def _considered(system: ODESystem, kind: str) -> ODESystem:
    """The system itself, or its known part."""
    if kind != "compatible":
        return system
    rhs = {x: _without_unknowns(f) for x, f in system.rhs.items()}
    return ODESystem(rhs)


def _without_unknowns(expr: sp.Expr) -> sp.Expr:
    unknown = expr.atoms(NetworkOutput) | expr.atoms(AppliedUndef)
    return cast("sp.Expr", expr.xreplace(dict.fromkeys(unknown, sp.S.Zero)))


def _balance_fields(form: NormalForm) -> list[NormalForm]:
    """One field for each network output: the directions in which networks push."""
    hidden = [c.symbol for c in form.of_kind("hidden")]
    if not hidden:
        raise InvalidInputError("kind='balance' asks about networks, and the system contains none")
    rhs = {x: cast("sp.Expr", form.coordinates[x].rate) for x in form.states}
    return [form.along({x: cast("sp.Expr", f.diff(h)) for x, f in rhs.items()}) for h in hidden]


def _rates(system: ODESystem, form: NormalForm) -> Mapping[sp.Symbol, sp.Expr]:
    """Rates of states and time in the user's symbols."""
    del system
    plain = form.of_kind("state", "time")
    return {c.symbol: form.to_user(cast("sp.Expr", c.rate or sp.S.Zero)) for c in plain}


def _known_rate(system: ODESystem, law: sp.Expr, kind: str) -> sp.Expr:
    if kind != "balance":
        return cast("sp.Expr", sp.S.Zero)
    known = {x: _without_unknowns(exact(f)) for x, f in system.rhs.items()}
    return cast("sp.Expr", sp.factor(lie_derivative_of(law, known)))


def _reads_time(form: NormalForm) -> bool:
    return any(t in (c.rate or sp.S.Zero).free_symbols for c in form.coordinates.values())


def _with_time(form: NormalForm, laws: list[sp.Expr], wanted: int) -> list[sp.Expr]:
    """Time-dependent laws that are independent of the others, at most `wanted`."""
    rates = {c.symbol: form.to_user(cast("sp.Expr", c.rate)) for c in form.of_kind("state", "time")}
    kept: list[sp.Expr] = []
    # beyond n - 1 laws only the one that sets the clock is missing: simple or not worth the time
    for degree in (1, 2) if len(laws) < len(form.states) - 1 else (1,):
        for law in timed_laws(form, degree):
            if len(kept) == wanted:
                return kept
            if independent([*laws, *kept, law], form) and vanishes(lie_derivative_of(law, rates)):
                kept.append(law)
    return kept
