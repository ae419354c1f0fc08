# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""`symmetries`: the infinitesimal symmetries of a system, verified exactly."""

from __future__ import annotations

import time as clock
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import sympy as sp

from pysymude.errors import DerivationError, InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.coerce import check_effort
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.symbolic.exact.normal_form import exact
from pysymude.symbolic.null_space.modular import PRIMES, Residues, null_space
from pysymude.symbolic.proof.certificate import lie_derivative_of, vanishes
from pysymude.symbolic.symmetries.determining import Hunt
from pysymude.symbolic.symmetries.generator import Generator
from pysymude.symbolic.symmetries.joint_form import joint_form
from pysymude.symbolic.symmetries.second_order import (
    SecondOrder,
    first_order_equations,
    second_order,
)
from pysymude.symbolic.symmetries.time_functions import rationalised, time_functions

__all__ = ["Symmetries", "is_symmetry", "symmetries"]

_KINDS = ("auto", "point", "first-order")
_MOST = 1300  # unknowns, unless a degree is asked for
_LEAST = 3  # degrees that are always tried: the projective symmetries of oscillators stand there
_PATIENCE = 2  # degrees without a new symmetry
_POINTS = 4  # at which constant coefficients are told from others
_P = PRIMES[0]


class Symmetries(list[Generator]):
    """Symmetries in ascending complexity, and what was searched to find them.

    Attributes
    ----------
    system : ODESystem
    kind : str
        ``"point"`` or ``"first-order"``.
    searched : dict
        ``degree``, ``unknowns`` (of the determining equations), ``seconds``.
    complete : bool
        Whether these are provably all symmetries in the span of the candidates.
    positions : tuple of symbols
        The states by which a generator is known; its other parts are prolongations.
    dependent : list of Generator
        For kind ``"first-order"``: symmetries left out because they are combinations of the others
        with first integrals as coefficients.
    """

    def __init__(
        self,
        found: Iterable[Generator],
        *,
        system: ODESystem,
        kind: str,
        searched: dict[str, Any],
        complete: bool,
        positions: tuple[sp.Symbol, ...],
        dependent: Sequence[Generator] = (),
    ) -> None:
        super().__init__(found)
        self.system, self.kind, self.searched = system, kind, searched
        self.complete, self.positions, self.dependent = complete, positions, list(dependent)

    def check(self) -> bool:
        """Whether each is a symmetry, proved again from the printed expressions alone."""
        return all(is_symmetry(self.system, X) for X in self)

    def laws(self) -> list[sp.Expr]:
        """First integrals that follow from these symmetries alone; see `symmetry_laws`."""
        from pysymude.symbolic.symmetries.symmetry_laws import symmetry_laws

        return symmetry_laws(self.system, [*self, *self.dependent])

    def __repr__(self) -> str:
        s = self.searched
        where = f"to degree {s['degree']} ({s['unknowns']} unknowns) in {s['seconds']:.2f} s"
        what = "point symmetries" if self.kind == "point" else "symmetries"
        if not self:
            proof = "certified: none in their span" if self.complete else "not all could be decided"
            return f"no {what} {where}; {proof}"
        rows = [f"{k}  {X.restricted(self.positions)}" for k, X in enumerate(self)]
        return "\n".join([*rows, f"{len(self)} {what} {where}"])

    def _repr_latex_(self) -> str:
        rows = (
            rf"X_{{{k}}} &= {sp.latex(X.restricted(self.positions))}" for k, X in enumerate(self)
        )
        return r"$\begin{aligned}" + r" \\ ".join(rows) + r"\end{aligned}$"


@explained
def symmetries(
    system: ODESystem,
    *,
    kind: str = "auto",
    degree: int | None = None,
    budget: float = 10.0,
) -> Symmetries:
    """Infinitesimal symmetries of a system: vector fields that map solutions to solutions.

    Parameters
    ----------
    system : ODESystem
        With or without networks. Parameters are kept as symbols, also where they have values. With
        networks or unknown functions of time the symmetries are structural: they hold for every one.
    kind : str
        ``"point"``: of q'' = F(t, q, q'), xi and eta functions of t and q, prolonged to the
        velocities; ``"first-order"``: of u' = f(t, u); ``"auto"``: the first where every state is a
        position, whose rate is another state up to a constant factor, or such another state.
    degree : int, optional
        Of the candidate functions. By default degrees rise until nothing new is found, the budget
        ends, or the linear systems become large.
    budget : float
        Seconds after which no further degree is begun.

    Returns
    -------
    Symmetries
        A list of `Generator`, each with ``xi``, ``eta`` and ``characteristic``; deterministic. Point
        symmetries are a basis of the algebra. First-order systems have infinitely many symmetries; of
        these a set is kept whose characteristics are independent at a generic point. There the flow
        itself stands once, as the time shift of an autonomous system.

    Raises
    ------
    DerivationError
        The system contains something that has no exact treatment; the message names it.

    Notes
    -----
    Candidates are products of powers of time, of the states and of the functions that stand in the
    equations, times exponentials and sines of time that belong to the linear part at the origin. A
    frequency may be a root of parameters (q'' = -k q gives cos(sqrt(k) t)) but no irrational number:
    write such a coefficient as a parameter.

    References
    ----------
    .. [1] Olver, Applications of Lie Groups to Differential Equations, 2nd ed., sec. 2.3 and 2.4.

    Examples
    --------
    >>> import pysymude as psu
    >>> x, v = psu.states("x v")
    >>> found = psu.symmetries(psu.ODESystem({x: v, v: x**2}))
    >>> [X.restricted([x]) for X in found]
    [d/dt, t*d/dt - 2*x*d/dx]
    """
    pair = _checked(system, kind, degree, budget)
    start = clock.perf_counter()
    rhs = {x: exact(f) for x, f in system.rhs.items()}
    changed, roots = rationalised(rhs)
    hunt, positions = _hunt(changed, second_order(changed) if pair else None)
    wanted = len(positions) ** 2 + 4 * len(positions) + 3 if pair else len(rhs)
    found: list[Generator] = []
    basis = _Basis(rhs, pair, roots)
    last_new = tried = 0
    for d in range(40) if degree is None else [degree]:
        if degree is None and d > 0:
            late = clock.perf_counter() - start > budget
            if late or d > max(last_new + _PATIENCE, _LEAST) or hunt.unknowns(d) > _MOST:
                break
        before = len(found)
        for solution in hunt.degree(d):
            found += basis.kept(hunt, solution)
        tried = d
        last_new = d if len(found) > before else last_new
        if len(found) >= wanted:
            break
    for X in [*found, *basis.dependent]:
        if not is_symmetry(system, X):
            raise DerivationError(f"{X} came out as a symmetry, and its certificate does not hold")
    return Symmetries(
        found,
        system=system,
        kind="point" if pair else "first-order",
        searched={
            "degree": tried,
            "unknowns": hunt.solved,
            "seconds": clock.perf_counter() - start,
        },
        complete=hunt.complete,
        positions=positions,
        dependent=basis.dependent,
    )


@explained
def is_symmetry(system: ODESystem, X: Generator) -> bool:
    """Whether a generator is a symmetry of u' = f, decided exactly from the expressions alone.

    It tests D eta_i - f_i D xi - X(f_i) = 0 for each state, with D = d/dt + f . d/du; states without
    an ``eta`` stay where they are.

    Parameters
    ----------
    system : ODESystem
    X : Generator

    Returns
    -------
    bool

    Raises
    ------
    InvalidInputError
        Something else, or a generator that moves what is no state of the system.

    Examples
    --------
    >>> import pysymude as psu
    >>> x = psu.states("x")
    >>> scaling = psu.Generator(psu.t, {x: -x})
    >>> psu.is_symmetry(psu.ODESystem({x: x**2}), scaling)
    True
    >>> psu.is_symmetry(psu.ODESystem({x: x**3}), scaling)
    False
    """
    if not isinstance(system, ODESystem) or not isinstance(X, Generator):
        raise InvalidInputError(
            "is_symmetry takes an ODESystem and a Generator; found "
            f"{type(system).__name__} and {type(X).__name__}"
        )
    rhs = {x: exact(f) for x, f in system.rhs.items()}
    strangers = [x for x in X.eta if x not in rhs]
    if strangers:
        raise InvalidInputError(
            f"the generator moves {strangers[0]}, which is no state of the system; its states are "
            f"{', '.join(map(str, rhs))}"
        )
    rates = {t: cast("sp.Expr", sp.S.One), **rhs}
    slowed = lie_derivative_of(X.xi, rates)
    return all(
        vanishes(lie_derivative_of(X.eta.get(x, sp.S.Zero), rates) - f * slowed - X(f))
        for x, f in rhs.items()
    )


def _checked(system: Any, kind: str, degree: Any, budget: Any) -> SecondOrder | None:
    """The second-order system whose point symmetries are asked for, or None."""
    if not isinstance(system, ODESystem):
        raise InvalidInputError(f"symmetries takes an ODESystem; found {type(system).__name__}")
    if kind not in _KINDS:
        raise InvalidInputError(
            f"kind must be one of {', '.join(map(repr, _KINDS))}; found {kind!r}"
        )
    check_effort(degree, budget, least=0)
    pair = second_order({x: exact(f) for x, f in system.rhs.items()})
    if kind == "point" and pair is None:
        raise InvalidInputError(
            "kind='point' asks for a system q' = v, v' = F(t, q, v) in which every state is a "
            f"position or a velocity; found {system}. Write kind='first-order'"
        )
    return None if kind == "first-order" else pair


def _hunt(
    rhs: Mapping[sp.Symbol, sp.Expr], pair: SecondOrder | None
) -> tuple[Hunt, tuple[sp.Symbol, ...]]:
    """The search, and the states that a generator is made of."""
    equations = pair.equations() if pair else first_order_equations(rhs)
    positions = pair.positions if pair else tuple(rhs)
    times = time_functions(rhs, squares=pair is not None)
    flat = [a for row in equations for coefficients in row for a in coefficients]
    form, inside = joint_form(rhs, [*flat, *(f.expanded for f in times)])
    entries = iter(inside)
    rows = [[(next(entries), next(entries), next(entries)) for _ in row] for row in equations]
    return Hunt(form, rows, {t, *positions}, list(zip(times, entries, strict=True))), positions


class _Basis:
    """Which solutions are new; for first-order systems, which are independent at a point."""

    def __init__(
        self,
        rhs: Mapping[sp.Symbol, sp.Expr],
        pair: SecondOrder | None,
        roots: Mapping[sp.Symbol, sp.Expr],
    ) -> None:
        self.rhs, self.pair, self.roots = rhs, pair, roots
        self.solutions: list[Residues] = []
        self.dependent: list[Generator] = []

    def kept(self, hunt: Hunt, solution: Residues) -> list[Generator]:
        """The generator of a solution, or nothing."""
        if self.pair:
            # xi and eta depend on (t, q) alone, so that different ones move solutions differently
            return self.generators(hunt, solution)
        rows = [hunt.characteristic(s, _POINTS) for s in [*self.solutions, solution]]
        if not null_space(np.stack([row[:, 0] for row in rows]), _P)[0]:
            self.solutions.append(solution)
            return self.generators(hunt, solution)
        flat = np.stack([row.ravel() for row in rows])
        if len(self.dependent) < len(self.rhs) and not null_space(flat, _P)[0]:
            # coefficients that are no constants: they are first integrals
            self.dependent += self.generators(hunt, solution)
        return []

    def generators(self, hunt: Hunt, solution: Residues) -> list[Generator]:
        """The one generator with all states moved, and its characteristic; [] where it is not exact."""
        exactly = hunt.exactly(solution)
        if exactly is None:
            return []
        xi, *parts = (cast("sp.Expr", part.xreplace(dict(self.roots))) for part in exactly)
        if self.pair:
            eta = self.pair.prolonged(xi, dict(zip(self.pair.positions, parts, strict=True)))
        else:
            eta = dict(zip(self.rhs, parts, strict=True))
        return [Generator(xi, eta, {x: e - xi * self.rhs[x] for x, e in eta.items()})]
