"""`identifiability`: what could be learned of a system from perfect data."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import sympy as sp

from pysymude.errors import CapabilityError, InvalidInputError, MissingPackageError
from pysymude.infer.decider import decide
from pysymude.infer.identified import Identifiability, Move
from pysymude.infer.identified_combinations import Block, combinations
from pysymude.infer.seen_rank import seen_rank
from pysymude.infer.translation import Translation, known_starts, translated
from pysymude.model.calls import explained
from pysymude.model.coerce import number_of
from pysymude.model.network import MLP
from pysymude.model.period import checked_doses
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.solving.checks import check_is_system
from pysymude.solving.columns import read_columns
from pysymude.solving.tabular import package
from pysymude.symbolic.effort import EffortEndedError, effort, interrupting
from pysymude.symbolic.symmetries.absorbed import Absorbed, absorbed

__all__ = ["Identifiability", "Move", "identifiability"]


@explained
def identifiability(
    system: ODESystem,
    observables: Any = None,
    *,
    u0: Any = None,
    doses: Any = None,
    cores: int = 1,
    timeout: float = 120.0,
    rank: bool = True,
) -> Identifiability:
    """Which parameters perfect data determine, before any is measured.

    By symident: Lie symmetries over finite fields, proven over the rationals. It is local: a parameter may
    still have several isolated values. Networks are functions of no known form; a parameter that such a
    function of the network's own inputs can make up for is not identifiable, whatever the data.

    Parameters
    ----------
    system : ODESystem
        Parameters with fixed values count as known; trainable and symbolic ones are unknown, and so are the
        starts of states but for those of ``initial=``.
    observables : one or several of state, observable, SymPy expression, optional
        What is measured; by default the system's observables, or all states where there are none.
    u0 : list of states, or mapping from state to number or expression, optional
        Starts that are known.
    doses : mapping from state to list of (time, amount), optional
        What is added to states, the first experiment beginning at time 0; amounts and times are known numbers.
    cores : int
    timeout : float
        Seconds after which what is left is not decided.
    rank : bool
        Whether to simulate an experiment, too, on the native engine, and to tell the rank of its exact
        derivatives.

    Returns
    -------
    Identifiability

    Raises
    ------
    InvalidInputError
        A name that the system does not have.
    CapabilityError
        Something in the system that symident cannot treat; the message has its words.
    MissingPackageError
        symident is not installed: ``pip install 'pysymude[infer]'``. With networks what they can make up for
        is told without it, and the rest is not decided.

    Notes
    -----
    Where events set states, nothing is decided but what networks can make up for; the rank counts them.

    References
    ----------
    .. [1] Merkt, Timmer and Kaschek, Higher-order Lie symmetries in identifiability and predictability
       analysis of dynamic models, Phys. Rev. E 92 (2015), 012920.
    """
    check_is_system(system)
    if isinstance(cores, bool) or not isinstance(cores, int) or cores < 1:
        raise InvalidInputError(f"cores must be a whole number, 1 or more; found {cores!r}")
    if not number_of(timeout, what="timeout") > 0:
        raise InvalidInputError(f"timeout must be positive; found {timeout!r}")
    extended, seen = _seen(system, observables)
    begun = time.perf_counter()
    known, added = known_starts(extended, u0), checked_doses(doses)
    made = translated(extended, seen, known, added)
    told = _told(extended, [e for _, e in seen], list(known.values()), timeout)
    answer = _decided(extended, made, known, cores, timeout)
    sure = set(told) & set(made.parameters)
    if rank and not made.outputs:
        unknown = sorted(answer.identifiable | answer.unidentifiable | answer.undecided)
        here = seen_rank(extended, _named(extended, seen), unknown, known, added)
        if here is not None:
            answer = replace(answer, rank=here.rank, size=here.size, open_here=here.open)
    return replace(
        answer,
        identifiable=answer.identifiable - sure,
        unidentifiable=answer.unidentifiable | sure,
        undecided=answer.undecided - sure,
        reduced=_reduced(system, answer.reduction),
        absorbed={name: told[name].networks for name in sorted(sure)},
        seconds=time.perf_counter() - begun,
    )


def _reduced(system: ODESystem, reduction: Mapping[str, sp.Expr]) -> ODESystem | None:
    """The system with fixed values for what may be set."""
    unknown = {s.name: s for s in (*system.trainable, *system.symbolic_parameters)}
    if not reduction or any(n not in unknown or not v.is_number for n, v in reduction.items()):
        return None
    values = {unknown[name]: float(value) for name, value in reduction.items()}
    left = {s: v for s, v in system.trainable.items() if s not in values}
    return system.replace(trainable=left, parameters={**system.parameters, **values})


def _told(
    system: ODESystem, seen: Sequence[sp.Expr], starts: Sequence[Any], timeout: float
) -> Mapping[str, Absorbed]:
    """What networks can make up for, as far as the time suffices."""
    try:
        with effort(time.perf_counter() + timeout), interrupting():
            return absorbed(system, seen, starts)
    except EffortEndedError:
        return {}


def _decided(
    system: ODESystem, made: Translation, known: Mapping[str, Any], cores: int, timeout: float
) -> Identifiability:
    """What symident says; where it cannot, why nothing was decided."""
    acting = [event for event in system.events if event.set]
    if acting:
        read = {s.name for e in acting for f in e.expressions for s in f.free_symbols}
        further = read & {s.name for s in (*system.trainable, *system.symbolic_parameters)}
        return _undecided(
            made, f"events that set states are beyond symmetries: {acting[0].key}", further
        )
    try:
        package("symident", "psu.identifiability")
    except MissingPackageError:
        if not made.outputs:
            raise
        return _undecided(
            made, "symident is not installed, which decides the rest: pip install 'pysymude[infer]'"
        )
    found = decide(made.keywords, cores, timeout)
    if found is None:
        return _undecided(
            made, f"symident had not ended after {timeout:g} s; timeout= gives it longer"
        )
    if "error" in found:
        raise CapabilityError(f"symident cannot treat this system: {found['error']}")
    return _read(made, found, known)


def _undecided(made: Translation, why: str, further: Collection[str] = ()) -> Identifiability:
    """What is known where nothing was said."""
    every = {*made.parameters, *made.inside, *further}
    return Identifiability(set(), set(), every, set(), set(), (), {}, False, why=why)


def _seen(system: ODESystem, given: Any) -> tuple[ODESystem, list[tuple[str, sp.Expr]]]:
    """What is measured, and the system with it: an expression may bring parameters of its own."""
    if given is None and system.observables:
        given = list(system.observables)
    several = given if isinstance(given, list | tuple) else [] if given is None else [given]
    free: list[sp.Expr] = [e for e in several if isinstance(e, sp.Expr) and not e.is_Symbol]
    taken = {f"seen{k}": e for k, e in enumerate(free)}
    extended = system.replace(observables={**system.observables, **taken})
    named = {**{x.name: x for x in extended.states}, **extended.observables}
    columns = read_columns(extended, given)
    return extended, [(n, cast("sp.Expr", named[n]) if e is None else e) for n, e in columns]


def _named(system: ODESystem, seen: Sequence[tuple[str, sp.Expr]]) -> list[str]:
    """Names that the system has for what is seen."""
    own = [*(x.name for x in system.states), *system.observables]
    by = {e: n for n, e in system.observables.items()}
    return [n if n in own else by[e] for n, e in seen]


def _read(made: Translation, found: Any, known: Mapping[str, Any]) -> Identifiability:
    symmetries, status = found["symmetries"], found["status"]
    moves = tuple(_move(made, symmetry) for symmetry in symmetries)
    moved = [set(symmetry["support"]) for symmetry in symmetries]
    sure = set[str]().union(*(s for s, m in zip(moved, moves, strict=True) if m.is_certain))
    touched = set[str]().union(*moved)
    # where the rank is a lower bound alone, a direction may be none
    settled = status != "lower bound"
    unidentifiable = {n for n, p in made.parameters.items() if p in sure and settled}
    identifiable = {n for n, p in made.parameters.items() if p not in touched}
    starts = {n: x for n, x in made.states.items() if n not in known}
    return Identifiability(
        identifiable, unidentifiable,
        (set(made.parameters) - identifiable - unidentifiable) | made.inside,
        {n for n, x in starts.items() if x not in touched},
        {n for n, x in starts.items() if x in sure},
        moves, _reduction(made, found), status == "proven" and all(m.is_proven for m in moves),
        combinations=_combined(made, found, moves, starts),
    )  # fmt: skip


def _combined(
    made: Translation, found: Any, moves: Sequence[Move], starts: Mapping[str, str]
) -> tuple[sp.Expr, ...]:
    """What is identifiable together."""

    def named(plain: Any) -> frozenset[str]:
        return frozenset(str(made.symbols.get(n, n)) for n in plain)

    blocks = [Block(named(b["support"]), tuple(b["invariants"])) for b in found["blocks"]]
    supports = [
        frozenset(m.moves) or named(s["support"])
        for m, s in zip(moves, found["symmetries"], strict=True)
    ]
    symbols = {n: made.symbols[p] for n, p in sorted(made.parameters.items())}
    symbols |= {n: made.symbols[p] for n, p in starts.items()}
    rates = [m.moves for m in moves]
    return combinations(rates, supports, blocks, symbols, starts.keys(), made.back)


def _move(made: Translation, symmetry: Any) -> Move:
    def named(components: Any) -> dict[str, sp.Expr]:
        rates = {str(made.symbols[k]): made.back(str(v)) for k, v in (components or {}).items()}
        return {name: rate for name, rate in rates.items() if rate != 0}

    networks = named(symmetry["input_change"])
    return Move(
        named(symmetry["generator"]), networks, symmetry["type"] == "scaling", symmetry["level"] == "exact",
        _absorbed(made, symmetry),
    )  # fmt: skip


def _absorbed(made: Translation, symmetry: Any) -> bool:
    """Whether what a direction asks of networks is again a function of their inputs.

    The change of each output, and of each input, may depend on that network's inputs, on its outputs and on
    parameters, not on other states.
    """
    if not made.outputs:
        return True
    if symmetry["level"] != "exact" or symmetry["input_change"] is None:
        return False
    along = {
        made.symbols[k]: made.back(str(v)) for k, v in (symmetry["state_components"] or {}).items()
    }
    along |= {
        made.symbols[k]: made.back(str(v))
        for k, v in (symmetry["generator"] or {}).items()
        if k not in made.states.values()
    }
    networks: dict[MLP, set[Any]] = {}
    for plain, output in made.outputs.items():
        networks.setdefault(output.network, set()).add(plain)
    for nn, own in networks.items():
        inputs = next(o.inputs for p, o in made.outputs.items() if p in own)
        if inputs == (t,):  # along one trajectory all is a function of time
            continue
        if not all(isinstance(z, sp.Symbol) for z in inputs):
            return False
        rates = [made.back(str(symmetry["input_change"].get(p, "0"))) for p in own]
        rates += [along.get(z, sp.S.Zero) for z in inputs]
        allowed = {*inputs, *(made.symbols[p] for p in own)}
        if any(_foreign(made, rate, allowed, nn) for rate in rates):
            return False
    return True


def _foreign(made: Translation, rate: sp.Expr, allowed: set[Any], nn: MLP) -> bool:
    """Whether a rate depends on a state, a time or a network that is none of the allowed."""
    plain: Any = rate.xreplace({o: sp.Dummy() for o in made.outputs.values() if o.network == nn})
    others = {made.symbols[x] for x in made.states.values()} - allowed
    if t not in allowed:
        others.add(t)
    foreign = [o for o in made.outputs.values() if o.network != nn]
    return bool(plain.free_symbols & others) or any(plain.has(o) for o in foreign)


def _reduction(made: Translation, found: Any) -> dict[str, sp.Expr]:
    """What may be set without loss, where symident finds it."""
    plain = (
        {} if made.outputs else {k: v for k, v in found["reduction"].items() if k in made.symbols}
    )
    try:
        return {str(made.symbols[k]): made.back(v) for k, v in plain.items()}
    except InvalidInputError:  # invariants that are new parameters
        return {}
