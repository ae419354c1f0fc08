"""A system in the language of symident: plain names, exact numbers, networks as functions of no known form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import sympy as sp

from pysymude.errors import CapabilityError, InvalidInputError
from pysymude.model.coerce import label_of, meant, real_expression
from pysymude.model.expressions import parse_expression
from pysymude.model.network import NetworkDerivative, NetworkOutput
from pysymude.model.signal import SignalValue
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem

__all__ = ["Translation", "known_starts", "translated"]

_TIME = sp.Symbol("time")


@dataclass(frozen=True, eq=False)
class Translation:
    """Keywords of a symident model, and the way back from its names.

    Attributes
    ----------
    keywords : dict
    symbols : dict of str to SymPy expression
        What each plain name stands for: a state (its start), a parameter, an output of a network, a signal.
    states, parameters : dict of str to str
        Plain names of states and of unknown parameters, by ours.
    outputs : dict of str to NetworkOutput
        By plain name.
    inside : set of str
        Unknown parameters that inputs of networks alone contain.
    """

    keywords: dict[str, Any]
    symbols: dict[str, Any]
    states: dict[str, str]
    parameters: dict[str, str]
    outputs: dict[str, Any]
    inside: set[str]

    def back(self, text: str) -> sp.Expr:
        """An expression of symident's in our symbols."""
        return parse_expression(text, {**self.symbols, "time": t}, where="symident")


def translated(
    system: ODESystem,
    seen: Sequence[tuple[str, sp.Expr]],
    known: Mapping[str, Any],
    doses: Mapping[str, Any],
) -> Translation:
    """A system in symident's language; `known` are starts that are known, by state: an expression, or None.

    Raises
    ------
    CapabilityError
        Something in it has no place there; the message says what.
    """
    swap: dict[Any, Any] = {t: _TIME}
    states = {x.name: f"x{i}" for i, x in enumerate(system.states)}
    expressions = [*system.rhs.values(), *(e for _, e in seen)]
    outputs = _outputs(expressions)
    alone = [e.xreplace({o: sp.Dummy() for o in outputs}) for e in expressions]
    read = {s for e in (*alone, *known.values()) if e is not None for s in e.free_symbols}
    # what stands in noise alone is another question
    unknown = [*system.trainable, *system.symbolic_parameters]
    every = [s for s in (*system.parameters, *unknown) if s in read]
    inside = {s for o in outputs for z in o.inputs for s in z.free_symbols} - read
    fixed = [s.name for s in system.parameters if s in read]
    parameters = {s.name: f"p{j}" for j, s in enumerate(sorted(every, key=lambda s: s.name))}
    for symbol in (*system.states, *every):
        swap[symbol] = sp.Symbol(states.get(symbol.name) or parameters[symbol.name])
    swap |= {o: sp.Symbol(f"w{k}") for k, o in enumerate(outputs)}
    signals = _signals(expressions)
    swap |= {s: sp.Symbol(f"u{k}") for k, s in enumerate(signals)}

    def text(expr: sp.Expr) -> str:
        return _text(expr, swap)

    starts: dict[str, str] = {}
    given_starts: list[str] = []
    for name, value in known.items():
        if value is None:
            # known, whatever it is
            given_starts.append(f"i{len(given_starts)}")
            starts[states[name]] = given_starts[-1]
        else:
            starts[states[name]] = text(value)
    keywords: dict[str, Any] = {
        "odes": {states[x.name]: text(f) for x, f in system.rhs.items()},
        "observables": {f"y{j}": text(e) for j, (_, e) in enumerate(seen)},
        "fixed": [parameters[name] for name in fixed] + given_starts,
        "positive": [str(swap[s]) for s in (*system.states, *every) if s.is_positive],
    }
    if doses:
        keywords["events"] = _doses(doses, states)
    if starts:
        keywords["trafo"] = starts
    if outputs:
        keywords["unknown_inputs"] = [str(swap[o]) for o in outputs]
    if signals:
        keywords["known_inputs"] = [str(swap[s]) for s in signals]
    symbols = {str(v): k for k, v in swap.items() if k != t}
    symbols |= {name: sp.Symbol(name, real=True) for name in given_starts}
    return Translation(
        keywords, symbols, states, {n: p for n, p in parameters.items() if n not in fixed},
        {str(swap[o]): o for o in outputs}, {s.name for s in unknown if s in inside},
    )  # fmt: skip


def _doses(given: Mapping[str, Any], states: Mapping[str, str]) -> list[dict[str, str]]:
    """Doses as events that add."""
    found: list[dict[str, str]] = []
    for name, several in given.items():
        if name not in states:
            raise InvalidInputError(
                f"doses names {name!r}, which is no state; the states are {', '.join(states)}"
                f"{meant(name, list(states))}"
            )
        for time, amount in several:
            if not (isinstance(time, float) and isinstance(amount, float)) or time < 0:
                raise InvalidInputError(
                    f"doses[{name!r}] takes known times from 0 on, and known amounts, here; found "
                    f"({time}, {amount})"
                )
            exact = (str(sp.Rational(str(v))) for v in (time, amount))
            when, value = exact
            found.append({"var": states[name], "time": when, "value": value, "method": "add"})
    return found


def _outputs(expressions: Sequence[sp.Expr]) -> list[Any]:
    """Outputs of networks, each network at one place alone."""
    if any(e.has(NetworkDerivative) for e in expressions):
        raise CapabilityError("identifiability does not know derivatives of networks")
    found = sorted(
        {o for e in expressions for o in e.atoms(NetworkOutput)}, key=sp.default_sort_key
    )
    places: dict[Any, Any] = {}
    for output in cast("list[Any]", found):
        if places.setdefault(output.network, output.inputs) != output.inputs:
            raise CapabilityError(
                f"network {output.network.name!r} stands at several inputs, which identifiability does not know"
            )
    return found


def _signals(expressions: Sequence[sp.Expr]) -> list[Any]:
    found = sorted({s for e in expressions for s in e.atoms(SignalValue)}, key=sp.default_sort_key)
    for signal in cast("list[Any]", found):
        if signal.order or signal.args[2] != t:
            raise CapabilityError(
                f"identifiability knows signals at the time itself alone; found {signal}"
            )
    return found


def _text(expr: sp.Expr, swap: Mapping[Any, Any]) -> str:
    """An expression with plain names and exact numbers."""
    plain: Any = expr.xreplace(dict(swap))
    plain = plain.rewrite([sp.Heaviside, sp.Min, sp.Max, sp.Abs, sp.sign], sp.Piecewise)
    plain = plain.xreplace({n: sp.Rational(str(n)) for n in plain.atoms(sp.Float)})
    pieces = {p: sp.Function("piecewise")(*_flat(p)) for p in plain.atoms(sp.Piecewise)}
    for _ in range(len(pieces)):
        plain = plain.xreplace(pieces)
    return str(plain).replace("**", "^")


def _flat(choice: Any) -> list[Any]:
    """Values and conditions by turns, then what holds otherwise."""
    found: list[Any] = []
    for value, condition in choice.args:
        found.append(value)
        if condition == sp.true:
            return found
        found.append(sp.Symbol(str(condition)))
    raise CapabilityError(f"identifiability needs a value everywhere; found {choice}")


def known_starts(system: ODESystem, given: Any) -> dict[str, Any]:
    """Starts that are known: those of ``initial=``, and what the user says, a list or a mapping."""
    found: dict[str, Any] = {x.name: e for x, e in system.initial.items()}
    names = [x.name for x in system.states]
    if given is None:
        return found
    entries = (
        cast("Mapping[Any, Any]", given)
        if isinstance(given, Mapping)
        else dict.fromkeys(given if isinstance(given, list | tuple) else [given])
    )
    for key, value in entries.items():
        name = label_of(key)
        if name not in names:
            raise InvalidInputError(
                f"u0 names {name!r}, which is no state; the states are {', '.join(names)}{meant(name, names)}"
            )
        found[name] = None if value is None else real_expression(value, f"u0[{name}]")
    return found
