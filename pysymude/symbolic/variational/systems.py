# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Systems from a Lagrangian or a Hamiltonian."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

import sympy as sp

from pysymude.errors import DerivationError, InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.coerce import label_of, real_expression
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.symbolic.exact.canonical import canonical
from pysymude.symbolic.exact.normal_form import exact
from pysymude.symbolic.variational.euler import Jets, slope

__all__ = ["equations_of_motion", "hamiltonian_system", "lagrangian_system", "phase_space"]

_NOTHING: Mapping[Any, Any] = MappingProxyType({})


@explained
def lagrangian_system(
    L: Any,
    coordinates: Any,
    *,
    forces: Mapping[Any, Any] = _NOTHING,
    parameters: Mapping[Any, Any] = _NOTHING,
    **keywords: Any,
) -> ODESystem:
    """The Euler-Lagrange equations, solved for the accelerations and written to first order.

    D_t dL/dv_i - dL/dq_i = F_i for the coordinates q_i with velocities v_i; the states are
    q_1, ..., q_n, v_1, ..., v_n.

    Parameters
    ----------
    L : SymPy expression
        The Lagrangian, in coordinates, velocities, parameters, networks and time (``psu.t``).
        Networks of coordinates and time give a system that can be solved. One that reads velocities gives
        second derivatives of itself: its laws are derived, and `solve` refuses it.
    coordinates : mapping or sequence
        ``{q: v}``: the velocity symbol of each coordinate. Or functions ``[q(t)]``, where `L` is
        written with ``q(t)`` and ``q(t).diff(t)``: the velocity of ``q`` is then named ``q_t``.
    forces : mapping from coordinate to SymPy expression
        Generalised forces without a potential, such as damping ``{q: -c*v}``; 0 where none is given.
    parameters : mapping from symbol or name to float
        Values, as for `ODESystem`. A parameter of `L` that cancels in the equations is left out.
    **keywords
        `trainable`, `bounds`, `observables`, as for `ODESystem`.

    Returns
    -------
    ODESystem

    Raises
    ------
    DerivationError
        The Lagrangian is singular: d^2L/dv_i dv_j has determinant 0, so that the accelerations are
        not determined.
    InvalidInputError
        Something else than coordinates and velocities, or wrong symbols.

    References
    ----------
    .. [1] Goldstein, Poole, Safko, Classical Mechanics, 3rd ed., sec. 1.4.

    Examples
    --------
    >>> import pysymude as psu
    >>> q, v = psu.states("q v")
    >>> m, g, l = psu.parameters("m g l", positive=True)
    >>> psu.lagrangian_system(m*l**2*v**2/2 + m*g*l*sp.cos(q), {q: v})
    ODESystem(q' = v, v' = -g*sin(q)/l; symbolic g, l)
    >>> x, tau = sp.Function("x"), sp.Symbol("tau")
    >>> psu.lagrangian_system(x(tau).diff(tau)**2/2 - x(tau)**4, [x(tau)], forces={x(tau): -x(tau).diff(tau)})
    ODESystem(x' = x_t, x_t' = -4*x**3 - x_t)
    """
    jets, value = phase_space(L, coordinates, "lagrangian_system")
    pushed: dict[sp.Symbol, sp.Expr] = {}
    for q, force in _mapping("forces", forces).items():
        key = jets.symbols(q, "a key of forces=")
        if key not in jets.coordinates:
            raise InvalidInputError(
                f"forces= maps coordinates to forces; {q} is none of "
                f"{', '.join(map(str, jets.coordinates))}"
            )
        value_of = jets.symbols(force, f"forces[{q}]")
        if jets.order_of(value_of) > 1:
            raise InvalidInputError(
                f"a force may not depend on accelerations; found {force} for {q}"
            )
        pushed[cast("sp.Symbol", key)] = value_of
    rhs = equations_of_motion(value, jets, pushed)
    rates = sorted({d for f in rhs.values() for d in f.atoms(sp.Derivative)}, key=str)
    if rates:
        raise InvalidInputError(
            f"the equations of motion contain {rates[0]}: give this function of time as an expression "
            "of psu.t, or as a coordinate"
        )
    here = {s for f in rhs.values() for s in f.free_symbols}
    gone = {s.name for e in (value, *pushed.values()) for s in e.free_symbols - here}
    kept = {k: v for k, v in _mapping("parameters", parameters).items() if label_of(k) not in gone}
    return ODESystem(rhs, parameters=kept, **keywords)


@explained
def hamiltonian_system(
    H: Any,
    q: Any,
    p: Any,
    *,
    parameters: Mapping[Any, Any] = _NOTHING,
    **keywords: Any,
) -> ODESystem:
    """Hamilton's equations q' = dH/dp, p' = -dH/dq; the states are q_1, ..., q_n, p_1, ..., p_n.

    Parameters
    ----------
    H : SymPy expression
        Of `q`, `p`, parameters, networks and time (``psu.t``). The derivative of a network output is
        an expression of its own, so a Hamiltonian may be learned.
    q, p : symbol or sequence of symbols
        Coordinates and their momenta, of equal length.
    parameters : mapping from symbol or name to float
        Values, as for `ODESystem`. A parameter of `H` that is absent from the equations is left out.
    **keywords
        `trainable`, `bounds`, `observables`, as for `ODESystem`.

    Returns
    -------
    ODESystem

    Raises
    ------
    InvalidInputError
        Not as many momenta as coordinates, a symbol twice, or something that is no symbol.

    References
    ----------
    .. [1] Goldstein, Poole, Safko, Classical Mechanics, 3rd ed., sec. 8.1.

    Examples
    --------
    >>> import pysymude as psu
    >>> q, p = psu.states("q p")
    >>> psu.hamiltonian_system(p**2/2 - sp.cos(q), q, p)
    ODESystem(q' = p, p' = -sin(q))
    """
    pairs = _pairs(q, p)
    value = exact(real_expression(H, "the Hamiltonian"))
    rhs = {x: value.diff(y) for x, y in pairs} | {y: -value.diff(x) for x, y in pairs}
    here = {s for f in rhs.values() for s in f.free_symbols}
    gone = {s.name for s in value.free_symbols - here - {*rhs}}
    kept = {k: v for k, v in _mapping("parameters", parameters).items() if label_of(k) not in gone}
    return ODESystem(rhs, parameters=kept, **keywords)


def phase_space(L: Any, coordinates: Any, what: str) -> tuple[Jets, sp.Expr]:
    """Jets of coordinates and velocities, and the Lagrangian in these symbols."""
    jets = Jets.read(coordinates, [L] if isinstance(L, sp.Expr) else []).of_order(1)
    value = real_expression(jets.symbols(L, "the Lagrangian"), "the Lagrangian")
    if jets.order_of(value) > 1:
        raise InvalidInputError(
            f"{what} takes a Lagrangian of coordinates and velocities; found accelerations in {L}"
        )
    return jets, value


def equations_of_motion(
    L: sp.Expr,
    jets: Jets,
    forces: Mapping[sp.Symbol, sp.Expr] = _NOTHING,
) -> dict[sp.Symbol, sp.Expr]:
    """Rates of coordinates and velocities: M a = dL/dq + F - dp/dt - v . dp/dq with M = d^2L/dv dv."""
    qs, vs = (tuple(row[k] for row in jets.rows) for k in (0, 1))
    momenta = [slope(L, v) for v in vs]
    M = sp.Matrix(len(vs), len(vs), lambda i, j: canonical(slope(momenta[i], vs[j])))
    moved = [
        sp.Add(slope(p, t), *(slope(p, q) * v for q, v in zip(qs, vs, strict=True)))
        for p in momenta
    ]
    b = [slope(L, q) + forces.get(q, sp.S.Zero) - d for q, d in zip(qs, moved, strict=True)]
    accelerations: dict[sp.Symbol, sp.Expr] = {}
    for block in M.connected_components():
        part = M.extract(block, block)
        det = canonical(part.det(method="berkowitz"))
        if det == 0:
            raise DerivationError(
                f"the Lagrangian is singular: its second derivatives in the velocities "
                f"{', '.join(str(vs[i]) for i in block)} have determinant 0, so the accelerations are "
                "not determined. Remove coordinates without kinetic energy, or solve the constraints first"
            )
        top = part.adjugate(method="berkowitz") * sp.Matrix([b[i] for i in block])
        accelerations |= {vs[i]: _quotient(top[k], det) for k, i in enumerate(block)}
    return dict(zip(qs, vs, strict=True)) | {v: accelerations[v] for v in vs}


def _quotient(top: sp.Expr, bottom: sp.Expr) -> sp.Expr:
    """A quotient as one fraction, or term by term where that is shorter, as for many bodies."""
    whole = canonical(top / bottom)
    terms = sp.Add(*(canonical(e / bottom) for e in sp.Add.make_args(top)))
    return cast("sp.Expr", terms if sp.count_ops(terms) < sp.count_ops(whole) else whole)


def _pairs(q: Any, p: Any) -> list[tuple[sp.Symbol, sp.Symbol]]:
    qs, ps = (list(z) if isinstance(z, (list, tuple, sp.Tuple)) else [z] for z in (q, p))
    if len(qs) != len(ps) or not qs:
        raise InvalidInputError(
            "Hamilton's equations need one momentum for each coordinate; found "
            f"{len(qs)} coordinates and {len(ps)} momenta"
        )
    strange = [z for z in (*qs, *ps) if not isinstance(z, sp.Symbol) or z == t]
    if strange or len({*qs, *ps}) < 2 * len(qs):
        raise InvalidInputError(
            "q and p are different symbols, one for each coordinate and momentum; found "
            f"q = {q}, p = {p}"
        )
    return list(zip(qs, ps, strict=True))


def _mapping(what: str, given: Any) -> Mapping[Any, Any]:
    if not isinstance(given, Mapping):
        raise InvalidInputError(f"{what}= takes a mapping; found {type(given).__name__} {given!r}")
    return given
