# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""`invariants`: what a one-parameter group leaves alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.symbolic.exact.normal_form import exact
from pysymude.symbolic.laws.derivation import first_integrals
from pysymude.symbolic.proof.certificate import Certificate
from pysymude.symbolic.symmetries.generator import Generator

__all__ = ["Invariants", "invariants"]


class Invariants(tuple[sp.Expr, ...]):
    """Functionally independent invariants of a group: a tuple of SymPy expressions.

    Attributes
    ----------
    generator : Generator
    certificates : tuple of Certificate
        One for each; ``check()`` proves from the expressions alone that the generator's flow does not
        change it.
    missing : int
        How many more there are: n variables that are moved have n - 1. With 0 every other invariant
        is a function of these.
    """

    generator: Generator
    certificates: tuple[Certificate, ...]
    missing: int

    def __new__(
        cls, found: Iterable[Certificate], generator: Generator, missing: int
    ) -> Invariants:
        kept = tuple(found)
        self = super().__new__(cls, (c.law for c in kept))
        self.generator, self.certificates, self.missing = generator, kept, missing
        return self

    def check(self) -> bool:
        """Whether all are invariant, proved again from the expressions alone."""
        return all(c.check() for c in self.certificates)


@explained
def invariants(
    generator: Generator,
    states: Sequence[sp.Symbol],
    *,
    degree: int | None = None,
    budget: float = 10.0,
) -> Invariants:
    """Functionally independent functions of some states that a one-parameter group leaves alone.

    They are the first integrals of the group's own flow du/ds = eta(u), without s. A network that reads
    nothing else is invariant too: multiplied by vectors that turn with the group, it makes a system
    that has the symmetry for every theta.

    Parameters
    ----------
    generator : Generator
        Its `xi` counts where `states` contains ``psu.t``.
    states : sequence of symbols
        What the invariants may depend on: states, and ``psu.t``.
    degree, budget
        As for `first_integrals`.

    Returns
    -------
    Invariants
        A tuple of expressions, with certificates. Sums of logarithms are written as products of
        powers: y/x, not log(y) - log(x). Empty where none is in the span that was searched.

    Raises
    ------
    InvalidInputError
        How one of the states moves depends on something that is not among them.
    DerivationError
        The generator contains something that has no exact treatment; the message names it.

    References
    ----------
    .. [1] Olver, Applications of Lie Groups to Differential Equations, 2nd ed., sec. 2.1.

    Examples
    --------
    >>> import pysymude as psu
    >>> x, y = psu.states("x y")
    >>> psu.invariants(psu.Generator(0, {x: x, y: 2*y}), [x, y])
    (y/x**2,)

    A field that turns with the plane, whatever the network:

    >>> turn = psu.Generator(0, {x: -y, y: x})
    >>> nn = psu.MLP("nn", inputs=psu.invariants(turn, [x, y]), outputs=2, hidden=(4,))
    >>> field = psu.ODESystem({x: x*nn[0] - y*nn[1], y: y*nn[0] + x*nn[1]})
    >>> psu.is_symmetry(field, turn)
    True
    """
    variables = _variables(generator, states)
    # the group's parameter takes the place of time, and time that of a state
    clock = sp.Symbol(_free_name("time", variables), real=True)
    rates = {z: exact(generator.moves(z)) for z in variables}
    _check_closed(generator, rates)
    rhs = {_as_state(z, clock): f.xreplace({t: clock}) for z, f in rates.items()}
    flow = ODESystem(rhs)
    found = first_integrals(flow, time_dependent=False, degree=degree, budget=budget)
    order = list(rhs)
    certificates = [_certified(_plain(law.expr, order), law.certificate, rhs) for law in found]
    back = {clock: t}
    certificates = [
        Certificate(cast("sp.Expr", c.law.xreplace(back)), (MappingProxyType(rates),))
        for c in certificates
    ]
    moved = any(f != 0 for f in rates.values())
    return Invariants(certificates, generator, len(variables) - moved - len(certificates))


def _plain(law: sp.Expr, order: Sequence[sp.Symbol]) -> sp.Expr:
    """A sum of logarithms as a product of powers, if they are whole numbers; else as it is."""
    powers: dict[sp.Expr, sp.Integer] = {}
    rest: sp.Expr = sp.S.Zero
    for term in sp.Add.make_args(sp.expand(law)):
        c, factor = term.as_coeff_Mul()
        if isinstance(factor, sp.log) and isinstance(c, sp.Integer):
            powers[factor.args[0]] = c
        elif term.has(sp.log):
            return law
        else:
            rest += term
    if not powers or (rest != 0 and all(base.is_positive for base in powers)):
        return law
    sign = _sign(powers, order)
    product = sp.Mul(*(base ** (sign * k) for base, k in powers.items()))
    return cast("sp.Expr", sp.exp(sign * rest) * product)


def _sign(powers: Mapping[sp.Expr, sp.Integer], order: Sequence[sp.Symbol]) -> int:
    """Which of I and 1/I: no denominator, or the first state in it, as in y/x and z/x."""
    signs = {bool(k > 0) for k in powers.values()}
    if len(signs) == 1:
        return 1 if True in signs else -1
    first = min(powers, key=lambda base: min(map(order.index, base.free_symbols & set(order))))
    return -1 if powers[first] > 0 else 1


def _certified(plain: sp.Expr, given: Certificate, rhs: Mapping[sp.Symbol, sp.Expr]) -> Certificate:
    """The plainer form where it can be proved, else the form that was found."""
    certificate = Certificate(plain, (rhs,))
    return certificate if plain == given.law or certificate.check() else given


def _variables(generator: Any, states: Any) -> list[sp.Symbol]:
    if not isinstance(generator, Generator):
        raise InvalidInputError(
            "invariants takes a Generator, such as psu.Generator(0, {x: -y, y: x}); found "
            f"{type(generator).__name__}"
        )
    given = [states] if isinstance(states, sp.Symbol) else states
    if not isinstance(given, Sequence) or not all(isinstance(z, sp.Symbol) for z in given):
        raise InvalidInputError(
            f"invariants takes a list of states, such as [x, y]; found {states!r}"
        )
    if not given or len(set(given)) < len(given):
        raise InvalidInputError(
            f"invariants takes each state once, and at least one; found {states!r}"
        )
    return list(given)


def _check_closed(generator: Generator, rates: Mapping[sp.Symbol, sp.Expr]) -> None:
    """What moves the motion of a variable must be a variable itself."""
    outside = {z for z in generator.components() if z not in rates} | ({t} - set(rates))
    for z, f in rates.items():
        needed = sorted(f.free_symbols & outside, key=str)
        if needed:
            name = "psu.t" if needed[0] == t else str(needed[0])
            raise InvalidInputError(
                f"the generator moves {z} by {f}; add {name} to the states of invariants"
            )


def _as_state(z: sp.Symbol, clock: sp.Symbol) -> sp.Symbol:
    return clock if z == t else z


def _free_name(name: str, symbols: Iterable[sp.Symbol]) -> str:
    taken = {z.name for z in symbols}
    while name in taken:
        name += "_"
    return name
