"""Which parameters a network can make up for: a change of one that a change of the networks' outputs undoes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from pysymude.model.network import NetworkDerivative, NetworkOutput
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.symbolic.effort import EffortEndedError, check

__all__ = ["Absorbed", "absorbed"]

_MOST = 400  # operations in an equation: beyond that nothing is said


@dataclass(frozen=True)
class Absorbed:
    """A parameter, and how the outputs of networks change with it so that no state does.

    Attributes
    ----------
    name : str
    networks : tuple of str
    change : mapping from SymPy expression to SymPy expression
        The rate at which each output changes as the parameter grows.
    """

    name: str
    networks: tuple[str, ...]
    change: dict[Any, sp.Expr]


def absorbed(
    system: ODESystem,
    seen: Sequence[sp.Expr] = (),
    starts: Sequence[Any] = (),
    *,
    alone: bool = True,
) -> dict[str, Absorbed]:
    """The trainable and symbolic parameters that networks can make up for, by name.

    A network is any function of its inputs. A parameter is found where the equations, events, what is seen and the
    starts stay what they are, with the states themselves, if each network's outputs change by something that
    depends on its own inputs and outputs and on parameters alone. What is not found may still be open. Where an
    experiment is `alone`, a network of time is any function along it. Where an effort ends, what was found so far.
    """
    every = (*system.rhs.values(), *seen, *starts, *_of_events(system))
    expressions = [e for e in every if isinstance(e, sp.Expr)]
    outputs = _outputs(expressions)
    if not alone and any(o.inputs == (t,) for o in outputs):
        return {}
    if not outputs or any(sp.count_ops(e) > _MOST for e in expressions):
        return {}
    plain = {o: sp.Dummy(f"w{k}") for k, o in enumerate(outputs)}
    hidden: list[Any] = [e.xreplace(plain) for e in expressions]
    found: dict[str, Absorbed] = {}
    try:
        for one in _each(system, outputs, plain, hidden):
            found[one.name] = one
    except EffortEndedError:
        pass
    return found


def _each(
    system: ODESystem, outputs: list[Any], plain: dict[Any, Any], hidden: list[Any]
) -> Iterator[Absorbed]:
    slopes = sp.Matrix([[e.diff(w) for w in plain.values()] for e in hidden])
    for symbol in (*system.trainable, *system.symbolic_parameters):
        check()
        if any(symbol in z.free_symbols for o in outputs for z in o.inputs):
            continue  # its inputs move with it
        change = _change(slopes, [e.diff(symbol) for e in hidden], plain, {*system.states, t})
        if change is not None:
            back = {w: o for o, w in plain.items()}
            named: dict[Any, Any] = {o: c.xreplace(back) for o, c in change.items() if c != 0}
            used = tuple(sorted({o.network.name for o in named}))
            yield Absorbed(symbol.name, used, named)


def _of_events(system: ODESystem) -> list[sp.Expr]:
    """What events read and set, without names of observables."""
    named = dict(system.observables)
    found = [e for event in system.events for e in event.expressions]
    return [
        e.xreplace({s: named[s.name] for s in e.free_symbols if s.name in named}) for e in found
    ]


def _outputs(expressions: Sequence[sp.Expr]) -> list[Any]:
    """Outputs of networks that stand at one place each; nothing where one does not."""
    if any(e.has(NetworkDerivative) for e in expressions):
        return []
    outputs: list[Any] = sorted(
        {o for e in expressions for o in e.atoms(NetworkOutput)}, key=sp.default_sort_key
    )
    places: dict[Any, Any] = {}
    for output in outputs:
        nested = any(z.atoms(NetworkOutput) for z in output.inputs)
        if nested or places.setdefault(output.network, output.inputs) != output.inputs:
            return []
    return outputs


def _change(
    slopes: sp.Matrix, by_it: list[sp.Expr], plain: dict[Any, Any], moving: set[Any]
) -> dict[Any, sp.Expr] | None:
    """Changes of the outputs that undo what a parameter does; None where there are none of that kind."""
    if all(b == 0 for b in by_it):
        return None
    unknown: list[Any] = [sp.Dummy(f"c{k}") for k in range(len(plain))]
    rows = [
        sp.Add(*(slopes[i, j] * c for j, c in enumerate(unknown))) + b for i, b in enumerate(by_it)
    ]
    solved = sp.solve([r for r in rows if r != 0], unknown, dict=True)
    if not solved or any(sp.simplify(r.xreplace(solved[0])) != 0 for r in rows):
        return None
    none = dict.fromkeys(unknown, sp.S.Zero)
    answer = {
        o: sp.simplify(solved[0].get(c, sp.S.Zero).xreplace(none))
        for o, c in zip(plain, unknown, strict=True)
    }
    return answer if all(_is_its_own(c, o, plain, moving) for o, c in answer.items()) else None


def _is_its_own(change: sp.Expr, output: Any, plain: dict[Any, Any], moving: set[Any]) -> bool:
    """Whether a change depends on the inputs and outputs of its network, and on nothing else that moves."""
    if output.inputs == (t,):  # along one trajectory all is a function of time
        return True
    inputs = {z: sp.Dummy() for z in output.inputs}
    rest = change.subs(inputs, simultaneous=True).free_symbols - set(inputs.values())
    foreign = {w for o, w in plain.items() if o.network != output.network}
    return not rest & (moving | foreign)
