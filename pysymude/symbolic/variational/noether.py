# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Noether's theorem: from a symmetry of a Lagrangian or a Hamiltonian to its first integral."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

import sympy as sp

from pysymude.errors import DerivationError, InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.symbols import t
from pysymude.symbolic.exact.canonical import canonical, is_zero
from pysymude.symbolic.exact.normal_form import exact
from pysymude.symbolic.laws.law_set import FirstIntegral
from pysymude.symbolic.proof.certificate import Certificate, lie_derivative_of
from pysymude.symbolic.symmetries.generator import Generator
from pysymude.symbolic.variational.euler import Jets, euler
from pysymude.symbolic.variational.potential import potential
from pysymude.symbolic.variational.systems import (
    equations_of_motion,
    hamiltonian_system,
    phase_space,
)

__all__ = ["noether", "noether_hamiltonian"]

_ONE = cast("sp.Expr", sp.S.One)


@explained
def noether(L: Any, generator: Generator, coordinates: Any) -> FirstIntegral:
    """The first integral that belongs to a variational symmetry of a Lagrangian.

    The generator xi d/dt + sum eta_i d/dq_i is one, up to a divergence, if
    pr X(L) + L D_t xi = D_t B for some B. Then

        I = sum (eta_i - xi v_i) dL/dv_i + xi L - B

    is constant along the solutions; B is found exactly.

    Parameters
    ----------
    L : SymPy expression
        The Lagrangian, as for `lagrangian_system`.
    generator : Generator
        xi and eta in time and coordinates; they may depend on velocities too (a generalised
        symmetry, such as that of the Laplace-Runge-Lenz vector).
    coordinates : mapping or sequence
        ``{q: v}`` or functions ``[q(t)]``, as for `lagrangian_system`.

    Returns
    -------
    FirstIntegral
        In the states of ``lagrangian_system(L, coordinates)``, with a certificate for it. The size is
        Noether's. The sign is the one in which the leading term is positive: the highest power of
        velocities first, then of coordinates, in the order given. So a time shift gives +energy and
        a rotation of (x, y) gives a multiple of x v_y - y v_x. Where I is no polynomial in the
        velocities, the sign is that of -I for xi not 0, else that of I.

    Raises
    ------
    DerivationError
        The generator is not a variational symmetry (the message gives what the Euler operator leaves
        of pr X(L) + L D_t xi), the integral is a constant, or B cannot be integrated.

    References
    ----------
    .. [1] Olver, Applications of Lie Groups to Differential Equations, 2nd ed., sec. 4.4.

    Examples
    --------
    >>> import pysymude as psu
    >>> x, y, u, v = psu.states("x y u v")
    >>> m = psu.parameters("m", positive=True)
    >>> L = m*(u**2 + v**2)/2 - sp.exp(x**2 + y**2)
    >>> psu.noether(L, psu.Generator(eta={x: -y, y: x}), {x: u, y: v}).expr
    -m*u*y + m*v*x
    """
    jets, value = phase_space(L, coordinates, "noether")
    jets = jets.of_order(4)
    xi, etas = _moves(generator, jets)
    order = 1 + max(map(jets.order_of, (xi, *etas)))
    change = _variation(value, xi, etas, jets)
    rest = [canonical(euler(change, jets, row, order)) for row in jets.rows]
    if any(e != 0 for e in rest):
        raise DerivationError(
            "the generator is not a variational symmetry: pr X(L) + L D_t xi is no total derivative; "
            "the Euler operator leaves "
            + ", ".join(f"{e} for {row[0]}" for row, e in zip(jets.rows, rest, strict=True))
        )
    gauge = _divergence(change, jets, order)
    rates = equations_of_motion(value, jets)
    vs = [row[1] for row in jets.rows]
    momenta = [(eta - xi * v) * value.diff(v) for eta, v in zip(etas, vs, strict=True)]
    found = cast("sp.Expr", sp.Add(*momenta) + xi * value - gauge)
    return _law(found, rates, vs, flip=xi != 0)


@explained
def noether_hamiltonian(H: Any, generator: Generator, q: Any, p: Any) -> FirstIntegral:
    """The first integral of Hamilton's equations that generates a given symmetry.

    The characteristic W = eta - xi f of the generator is a Hamiltonian field of some I:
    W_q = dI/dp and W_p = -dI/dq (i_W omega = dI), and I is constant up to a function of time, which
    is subtracted.

    Parameters
    ----------
    H : SymPy expression
        The Hamiltonian, as for `hamiltonian_system`.
    generator : Generator
        xi and eta in time and states.
    q, p : symbol or sequence of symbols
        As for `hamiltonian_system`.

    Returns
    -------
    FirstIntegral
        With a certificate for ``hamiltonian_system(H, q, p)``; the leading term is positive: the
        highest power of momenta first, then of coordinates.

    Raises
    ------
    DerivationError
        W is not a Hamiltonian field, or its I is not conserved: the generator is no symmetry, or one
        without a first integral of its own.

    References
    ----------
    .. [1] Olver, Applications of Lie Groups to Differential Equations, 2nd ed., sec. 6.3.

    Examples
    --------
    >>> import pysymude as psu
    >>> q, p = psu.states("q p")
    >>> psu.noether_hamiltonian(p**2/2 + q**4, psu.Generator(xi=1), q, p).expr
    p**2/2 + q**4
    """
    system = hamiltonian_system(H, q, p)
    n = len(system.states) // 2
    qs, ps = system.states[:n], system.states[n:]
    rates = {x: exact(f) for x, f in system.rhs.items()}
    strange = [x for x in _generator(generator).eta if x not in rates]
    if strange:
        raise InvalidInputError(
            f"the generator moves {strange[0]}, which is none of {', '.join(map(str, rates))}"
        )
    xi = exact(generator.xi)
    W = {x: exact(generator.eta.get(x, sp.S.Zero)) - xi * f for x, f in rates.items()}
    gradient = {x: -W[y] for x, y in zip(qs, ps, strict=True)}
    gradient |= {y: W[x] for x, y in zip(qs, ps, strict=True)}
    found = potential(gradient)
    if found is None:
        raise DerivationError(
            "the generator is not canonical: its characteristic W = eta - xi f is no Hamiltonian "
            f"field, or cannot be integrated; W = {dict(W)}"
        )
    left = canonical(lie_derivative_of(found, {**rates, t: _ONE}))
    clock = None if left.free_symbols & {*rates} else potential({t: left})
    if clock is None:
        raise DerivationError(
            f"the generator is not a symmetry of the Hamiltonian: it leaves d/dt ({found}) = {left}"
        )
    return _law(cast("sp.Expr", found - clock), rates, list(ps), flip=xi != 0)


def _generator(given: Any) -> Generator:
    if not isinstance(given, Generator):
        raise InvalidInputError(
            f"noether takes a psu.Generator(xi=..., eta={{q: ...}}); found {type(given).__name__}"
        )
    return given


def _moves(given: Any, jets: Jets) -> tuple[sp.Expr, list[sp.Expr]]:
    """xi and the eta of each coordinate, in symbols."""
    generator = _generator(given)
    etas = {jets.symbols(q, "a key of eta"): e for q, e in generator.eta.items()}
    strange = [str(q) for q in etas if q not in jets.coordinates]
    if strange:
        raise InvalidInputError(
            f"the generator moves {strange[0]}, which is none of the coordinates "
            f"{', '.join(map(str, jets.coordinates))}; how velocities move follows from them"
        )
    moves = [jets.symbols(etas.get(q, sp.S.Zero), f"eta[{q}]") for q in jets.coordinates]
    xi = jets.symbols(generator.xi, "xi")
    for name, move in zip(("xi", *map(str, jets.coordinates)), (xi, *moves), strict=True):
        if jets.order_of(move) > 1:
            raise InvalidInputError(
                f"the generator may contain time, coordinates and velocities; the part of {name} "
                f"contains accelerations: {move}"
            )
    return xi, moves


def _variation(L: sp.Expr, xi: sp.Expr, etas: list[sp.Expr], jets: Jets) -> sp.Expr:
    """pr X(L) + L D_t xi, with the prolongation eta_t = D_t eta - v D_t xi."""
    D = jets.total_derivative
    terms = [xi * L.diff(t), L * D(xi)]
    for row, eta in zip(jets.rows, etas, strict=True):
        terms += [eta * L.diff(row[0]), (D(eta) - row[1] * D(xi)) * L.diff(row[1])]
    return cast("sp.Expr", sp.Add(*terms))


def _divergence(change: sp.Expr, jets: Jets, order: int) -> sp.Expr:
    """B with D_t B = change: what multiplies the highest derivatives is its gradient there."""
    found: sp.Expr = sp.S.Zero
    left = canonical(change)
    for k in range(order - 1, -1, -1):
        part = potential({row[k]: canonical(left.diff(row[k + 1])) for row in jets.rows})
        if part is None:
            break
        found += part
        left = canonical(left - jets.total_derivative(part))
    last = (
        None if left.free_symbols & {z for row in jets.rows for z in row} else potential({t: left})
    )
    if last is None:
        raise DerivationError(
            "the generator is a variational symmetry, but B with D_t B = pr X(L) + L D_t xi was not "
            f"found: {left} could not be integrated"
        )
    return cast("sp.Expr", found + last)


def _law(
    found: sp.Expr, rates: Mapping[sp.Symbol, sp.Expr], momenta: list[sp.Symbol], *, flip: bool
) -> FirstIntegral:
    """The integral with its canonical sign and a certificate that has been checked."""
    if all(is_zero(found.diff(x)) for x in rates):
        raise DerivationError(
            f"the symmetry is trivial: Noether's integral is {found}, which depends on no state"
        )
    found = _written(found)
    others = [x for x in rates if x not in momenta]
    sign = _sign(found, momenta, others, -1 if flip else 1)
    law = _expanded(-found) if sign < 0 else found
    certificate = Certificate(law, (MappingProxyType({**rates, t: _ONE}),))
    if not certificate.check():
        raise DerivationError(f"Noether's integral {law} could not be certified")
    return FirstIntegral(law, "structural", certificate)


def _written(law: sp.Expr) -> sp.Expr:
    """As a sum of terms, like other laws; as a factored fraction where that is far shorter."""
    terms, factored = _expanded(law), canonical(law)
    return terms if sp.count_ops(terms) <= 2 * sp.count_ops(factored) else factored


def _expanded(law: sp.Expr) -> sp.Expr:
    return cast("sp.Expr", sp.expand(law, power_exp=False, power_base=False, log=False))


def _sign(law: sp.Expr, first: list[sp.Symbol], then: list[sp.Symbol], otherwise: int) -> int:
    """The sign that makes the leading term positive; `otherwise` where it is no polynomial in `first`."""
    if not law.is_polynomial(*first):
        return otherwise
    powers = sp.Poly(sp.expand(law), *first).terms()
    degree = max(sum(m) for m, _ in powers)
    leading = sp.Add(
        *(
            c * sp.prod(z**e for z, e in zip(first, m, strict=True))
            for m, c in powers
            if sum(m) == degree
        )
    )
    if not leading.is_polynomial(*then):
        return otherwise
    coefficient = sp.Poly(leading, *then, *first).LC(order="lex")
    return -1 if coefficient.could_extract_minus_sign() else 1
