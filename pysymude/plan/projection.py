# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false, reportAssignmentType=false, reportCallIssue=false, reportUnnecessaryCast=false
"""Networks whose outputs are projected such that laws hold for every weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.network import NetworkDerivative, NetworkOutput
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.plan.law import Law, read_laws
from pysymude.symbolic.exact.canonical import is_zero

__all__ = ["corrected_outputs", "project", "projected"]

# Where a gradient vanishes the correction is 0/0. This added to its square makes it 0 there and changes
# nothing in float64 elsewhere, unless gradients are smaller than 1e-22.
_SMALLEST = 1e-60
# Of a second law only what is not along the first counts; less than 1e-12 of it is rounding.
_DEPENDENT = 1e-24


@explained
def project(system: ODESystem, laws: Any) -> ODESystem:
    """The system with its network outputs corrected such that the laws hold exactly, for every network.

    The outputs nn are replaced by nn - G^+ (G nn + grad I . f0 + dI/dt): the nearest ones for which no
    law moves. f0 is the right-hand side without networks, and G = grad I . df/dnn has a row for each
    law. ``first_integrals`` and ``is_first_integral`` confirm it on the result.

    Parameters
    ----------
    system : ODESystem
        The networks must enter its right-hand side linearly.
    laws : one or several of FirstIntegral, SymPy expression, name of an observable
        Asserted ones may contain parameters, trainable ones included.

    Returns
    -------
    ODESystem
        With the same states, networks and parameters. Where all of a law's derivatives by the outputs
        vanish, at a centre for instance, its formula is 0/0; `objective` and `fit` add what is
        needed there.

    Raises
    ------
    InvalidInputError
        There is nothing left to learn (as many laws as outputs), a law cannot be kept by the outputs,
        or a network stands inside a nonlinear term.

    Notes
    -----
    For one law and no known term this is the projection onto the tangent space of its level sets; see
    Hairer, Lubich and Wanner, Geometric Numerical Integration, 2nd ed., sec. IV.5, for differential
    equations on manifolds.

    Examples
    --------
    >>> import pysymude as psu
    >>> x, y = psu.states("x y")
    >>> nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=(4,))
    >>> circle = psu.project(psu.ODESystem({x: y + nn[0], y: nn[1]}), x**2 + y**2)
    >>> psu.is_first_integral(x**2 + y**2, circle).reason
    'd/dt = 0 exactly, for every network nn'
    """
    return projected(system, read_laws(system, laws), guarded=False)


def projected(system: ODESystem, laws: Sequence[Law], *, guarded: bool = True) -> ODESystem:
    """As `project`; guarded, its formula is also defined where a law's gradient vanishes."""
    corrected = corrected_outputs(system, laws, guarded=guarded)
    return system.replace(
        rhs={x: f.xreplace(corrected) for x, f in system.rhs.items()},
        observables={k: g.xreplace(corrected) for k, g in system.observables.items()},
    )  # events keep their networks: what they set is no slope


def corrected_outputs(
    system: ODESystem, laws: Sequence[Law], *, guarded: bool = True
) -> dict[NetworkOutput, sp.Expr]:
    """What `projected` puts in the place of each network output; empty where all laws hold anyway."""
    outputs = _outputs(system)
    slopes = _slopes(system, outputs)
    rows = _rows(system, laws, outputs, slopes)
    if not rows:
        return {}
    if len(rows) >= len(outputs):
        raise InvalidInputError(
            f"conserve='project' with {len(rows)} law(s) and {len(outputs)} network output(s) leaves "
            "nothing to learn: the laws alone fix the outputs. Use fewer laws, more outputs, or "
            "conserve='penalty'"
        )
    change = _corrections(rows, guarded)
    return {o: o + d for o, d in zip(outputs, change, strict=True)}


def _outputs(system: ODESystem) -> list[NetworkOutput]:
    found = {o for f in system.rhs.values() for o in f.atoms(NetworkOutput)}
    if any(f.has(NetworkDerivative) for f in system.rhs.values()):
        raise InvalidInputError(
            "conserve='project' needs networks that enter by their outputs; here one enters by its "
            "derivatives, a learned Hamiltonian for instance, which keeps its own laws"
        )
    if not found:
        raise InvalidInputError(
            "conserve='project' corrects the outputs of networks, and the right-hand side contains "
            "none; use conserve='penalty' or 'report'"
        )
    for o in sorted(found, key=str):
        if any(z.has(NetworkOutput) for z in o.inputs):
            raise InvalidInputError(
                f"conserve='project' cannot correct {o}: it reads the output of another network"
            )
    return sorted(found, key=lambda o: (o.network.name, o.index, str(o.inputs)))


def _slopes(system: ODESystem, outputs: Sequence[NetworkOutput]) -> list[list[sp.Expr]]:
    """df/dnn, a row for each state."""
    marks = {o: sp.Dummy(f"o{i}", real=True) for i, o in enumerate(outputs)}
    table: list[list[sp.Expr]] = []
    for x, f in system.rhs.items():
        row = [cast("sp.Expr", f.xreplace(marks).diff(m)) for m in marks.values()]
        if any(
            b.has(*marks.values()) and not is_zero(b.diff(m)) for b in row for m in marks.values()
        ):
            raise InvalidInputError(
                f"conserve='project' needs a right-hand side that is linear in the network outputs; that "
                f"of {x} is not: {f}. Use conserve='penalty'"
            )
        back = dict.fromkeys(marks.values(), sp.S.Zero)
        table.append([cast("sp.Expr", b.xreplace(back)) for b in row])
    return table


def _rows(
    system: ODESystem,
    laws: Sequence[Law],
    outputs: Sequence[NetworkOutput],
    slopes: Sequence[Sequence[sp.Expr]],
) -> list[tuple[list[sp.Expr], sp.Expr]]:
    """G and what has to vanish, for each law that does not hold by itself."""
    rows: list[tuple[list[sp.Expr], sp.Expr]] = []
    for law in laws:
        gradient = [law.expr.diff(x) for x in system.states]
        along = [
            sp.Add(*(g * b[j] for g, b in zip(gradient, slopes, strict=True)))
            for j in range(len(outputs))
        ]
        along = [sp.S.Zero if is_zero(g) else g for g in along]
        moves = sp.Add(law.expr.diff(t), -law.rate)
        moves = sp.Add(moves, *(g * f for g, f in zip(gradient, system.rhs.values(), strict=True)))
        if any(g != 0 for g in along):
            rows.append((along, moves))
        elif not is_zero(moves):
            raise InvalidInputError(
                f"the law {law.expr} cannot be kept by the networks: none of their outputs changes it, "
                f"and the known terms do, by {sp.factor(moves)}; conserve='project' needs a network in "
                "an equation whose state stands in the law"
            )
    return rows


def _corrections(rows: Sequence[tuple[list[sp.Expr], sp.Expr]], guarded: bool) -> list[sp.Expr]:
    """-G^+ moves, by Gram-Schmidt: each law uses only what is perpendicular to those before it."""
    done: list[tuple[list[sp.Expr], sp.Expr, sp.Expr]] = []
    for k, (row, moves) in enumerate(rows):
        q, rest = list(row), moves
        for p, share, inverse in done:
            overlap = sp.Add(*(a * b for a, b in zip(row, p, strict=True)))
            if is_zero(overlap):
                continue
            q = [a - overlap * inverse * b for a, b in zip(q, p, strict=True)]
            rest = rest - overlap * share
        square = sp.Add(*(a**2 for a in q))
        if guarded and not square.is_number:
            square += _SMALLEST
            if k:
                square += _DEPENDENT * sp.Add(*(a**2 for a in row))
        inverse = cast("sp.Expr", 1 / square)
        done.append((q, cast("sp.Expr", rest * inverse), inverse))
    width = len(rows[0][0])
    return [cast("sp.Expr", sp.Add(*(-q[j] * share for q, share, _ in done))) for j in range(width)]
