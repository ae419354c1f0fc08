"""`identifiability`: what could be learned of a system from perfect data."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import sympy as sp

from pysymude.errors import CapabilityError, InvalidInputError
from pysymude.infer.translation import Translation, known_starts, translated
from pysymude.model.calls import explained
from pysymude.model.formulas_shown import as_mathml
from pysymude.model.html_table import html_table, sentence
from pysymude.model.network import MLP
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.solving.checks import check_is_system
from pysymude.solving.columns import read_columns
from pysymude.solving.tabular import package

__all__ = ["Identifiability", "Move", "identifiability"]


@dataclass(frozen=True)
class Move:
    """A way in which parameters and starts can change together so that nothing that is seen changes.

    Attributes
    ----------
    moves : mapping from name to SymPy expression
        The rate at which each changes: of parameters, and of the starts of states.
    networks : mapping from name to SymPy expression
        How outputs of networks change along, such as ``nn[0]``.
    is_scaling : bool
        Whether each is multiplied by a power of one number.
    is_proven : bool
        Whether it holds exactly, not only with overwhelming probability.
    is_certain : bool
        Whether it is known that networks can change like that; without networks always.
    """

    moves: Mapping[str, sp.Expr]
    networks: Mapping[str, sp.Expr]
    is_scaling: bool
    is_proven: bool
    is_certain: bool

    def __str__(self) -> str:
        if not self.moves:
            return "something that has no closed form"
        parts = [f"{name}' = {rate}" for name, rate in {**self.moves, **self.networks}.items()]
        return ", ".join(parts)


@dataclass(frozen=True)
class Identifiability:
    """What perfect data can tell of a system; made by `identifiability`.

    Attributes
    ----------
    identifiable, unidentifiable, undecided : set of str
        Parameters: those of which data leave isolated values alone, those that data leave open, and those
        of which that could not be settled.
    observable, unobservable : set of str
        States, by their starts; states with known starts are left out.
    directions : tuple of Move
        In which data leave parameters and starts open.
    reduction : mapping from name to SymPy expression
        What may be set without loss, so that the rest is identifiable; empty where none was found.
    is_proven : bool
        Whether the answer holds exactly, not only with overwhelming probability.
    """

    identifiable: set[str]
    unidentifiable: set[str]
    undecided: set[str]
    observable: set[str]
    unobservable: set[str]
    directions: tuple[Move, ...]
    reduction: Mapping[str, sp.Expr]
    is_proven: bool

    def __bool__(self) -> bool:
        return not self.unidentifiable and not self.undecided

    def _repr_html_(self) -> str:
        answers = [
            ("identifiable", self.identifiable), ("not identifiable", self.unidentifiable),
            ("not decided", self.undecided), ("starts left open", self.unobservable),
        ]  # fmt: skip
        found = [html_table(("", ""), [[what, ", ".join(sorted(n))] for what, n in answers if n])]
        for move in (move for move in self.directions if move.is_certain and move.moves):
            rows = [
                [name, as_mathml(rate)] for name, rate in {**move.moves, **move.networks}.items()
            ]
            found += [
                sentence("nothing that is seen changes along"),
                html_table(("", "rate"), rows),
            ]
        if self.reduction:
            fixed = [[name, as_mathml(value)] for name, value in self.reduction.items()]
            found += [html_table(("without loss", ""), fixed)]
        return "".join(found)

    def __str__(self) -> str:
        def row(what: str, names: set[str]) -> list[str]:
            return [f"{what}: {', '.join(sorted(names))}"] if names else []

        lines = [
            *row("identifiable", self.identifiable), *row("not identifiable", self.unidentifiable),
            *row("not decided", self.undecided), *row("starts left open", self.unobservable),
            *(f"nothing changes along {move}" for move in self.directions if move.is_certain),
        ]  # fmt: skip
        if self.reduction:
            fixed = ", ".join(f"{n} = {v}" for n, v in self.reduction.items())
            lines.append(f"without loss {fixed}")
        return "\n".join(lines) or "nothing is unknown"

    __repr__ = __str__


@explained
def identifiability(
    system: ODESystem, observables: Any = None, *, u0: Any = None, cores: int = 1
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
    cores : int

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
        symident is not installed: ``pip install 'pysymude[infer]'``.

    References
    ----------
    .. [1] Merkt, Timmer and Kaschek, Higher-order Lie symmetries in identifiability and predictability
       analysis of dynamic models, Phys. Rev. E 92 (2015), 012920.
    """
    check_is_system(system)
    if isinstance(cores, bool) or not isinstance(cores, int) or cores < 1:
        raise InvalidInputError(f"cores must be a whole number, 1 or more; found {cores!r}")
    extended, seen = _seen(system, observables)
    symident = package("symident", "psu.identifiability")
    known = known_starts(extended, u0)
    made = translated(extended, seen, known)
    try:
        found = symident.detect(symident.Model(**made.keywords), reconstruct=True, cores=cores)
    except (ValueError, NotImplementedError) as error:
        raise CapabilityError(f"symident cannot treat this system: {error}") from None
    return _read(made, found, known)


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


def _read(made: Translation, found: Any, known: Mapping[str, Any]) -> Identifiability:
    moves = tuple(_move(made, symmetry) for symmetry in found.symmetries)
    status = found.info["rank_status"]["status"]
    moved = [set(symmetry.support) for symmetry in found.symmetries]
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
    )  # fmt: skip


def _move(made: Translation, symmetry: Any) -> Move:
    def named(components: Any) -> dict[str, sp.Expr]:
        rates = {str(made.symbols[k]): made.back(str(v)) for k, v in (components or {}).items()}
        return {name: rate for name, rate in rates.items() if rate != 0}

    networks = named(symmetry.input_change)
    return Move(
        named(symmetry.generator), networks, symmetry.type == "scaling", symmetry.level == "exact",
        _absorbed(made, symmetry),
    )  # fmt: skip


def _absorbed(made: Translation, symmetry: Any) -> bool:
    """Whether what a direction asks of networks is again a function of their inputs.

    The change of each output, and of each input, may depend on that network's inputs, on its outputs and on
    parameters, not on other states.
    """
    if not made.outputs:
        return True
    if symmetry.level != "exact" or symmetry.input_change is None:
        return False
    along = {
        made.symbols[k]: made.back(str(v)) for k, v in (symmetry.state_components or {}).items()
    }
    along |= {
        made.symbols[k]: made.back(str(v))
        for k, v in (symmetry.generator or {}).items()
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
        rates = [made.back(str(symmetry.input_change.get(p, "0"))) for p in own]
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
    if not found.symmetries or made.outputs:
        return {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `is_proven` says it
            reduced = found.reduce()
    except (ValueError, RuntimeError, NotImplementedError):
        return {}
    plain = {
        k: str(v) for k, v in dict(reduced.trafo).items() if str(v) != str(k) and k in made.symbols
    }
    try:
        return {str(made.symbols[k]): made.back(v) for k, v in plain.items()}
    except InvalidInputError:  # invariants that are new parameters
        return {}
