"""From what a document says to equations: rules put in, volumes divided by, starts worked out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from pysymude.interchange.sbml.contents import Contents
from pysymude.interchange.sbml.quantities import Quantity
from pysymude.model.symbols import t

__all__ = ["Lowered", "lowered"]

NODES = 2_000_000  # of all equations, rules put in


@dataclass(frozen=True)
class Lowered:
    """Equations.

    Attributes
    ----------
    rhs, initial : mapping from symbol to SymPy expression
        Of the states.
    parameters : mapping from symbol to float
        Constants that have a number.
    meaning : mapping from id to SymPy expression
        What an id of the file stands for at any time: a symbol, or the expression of its rule.
    """

    rhs: Mapping[sp.Symbol, sp.Expr]
    initial: Mapping[sp.Symbol, sp.Expr]
    parameters: Mapping[sp.Symbol, float]
    meaning: Mapping[str, sp.Expr]


def lowered(
    contents: Contents, *, kept: Collection[str] = (), states: Collection[str] = ()
) -> Lowered:
    """The equations of a model.

    Parameters
    ----------
    contents : Contents
    kept : collection of ids
        Constants that stay symbols although the file says where they start: their values come from elsewhere.
    states : collection of ids
        Quantities that are states although nothing in the file changes them.

    Raises
    ------
    ModelFileError
        Rules or starts that need each other; the message names one of them.
    """
    return _Lowering(contents, frozenset(kept), frozenset(states)).run()


@dataclass
class _Lowering:
    contents: Contents
    kept: frozenset[str]
    more: frozenset[str]
    sizes: dict[sp.Symbol, int] = field(default_factory=dict)
    total: int = 0

    def run(self) -> Lowered:
        contents, quantities = self.contents, self.contents.quantities
        self.by_symbol = {q.symbol: key for key, q in quantities.items()}
        self.states = self._states()
        rules: dict[Any, Any] = {quantities[k].symbol: e for k, e in contents.assigned.items()}
        rules |= self._rates_of()
        defined = self._resolved(rules, lambda symbol: rules.get(symbol))
        starts: dict[Any, Any] = {}
        for key, q in quantities.items():
            known = q.symbol in rules or (key in self.kept and key not in self.states)
            if not known and (start := self._start(key, q)) is not None:
                starts[q.symbol] = start
        begun = {**starts, **{s: e for s, e in defined.items() if s not in starts}}
        found = self._resolved(starts, lambda symbol: begun.get(symbol))
        parameters: dict[Any, float] = {}
        replaced: dict[Any, Any] = {}
        for key, q in quantities.items():
            if key in self.states or q.symbol in rules:
                continue
            start = found.get(q.symbol)
            if start is None:
                # one that is kept, and begins with a formula, has its value from elsewhere
                if q.value is not None and key not in contents.starts:
                    parameters[q.symbol] = q.value
            elif (number := self._number(start.xreplace({t: sp.S.Zero}))) is not None:
                parameters[q.symbol] = number
            else:
                replaced[q.symbol] = start.xreplace({t: sp.S.Zero})
        given = {s: self._put(s, e, replaced) for s, e in defined.items()}
        everything = {**replaced, **given}
        rhs = {
            quantities[k].symbol: self._put(quantities[k].symbol, f, everything)
            for k, f in self._rates(given).items()
        }
        meaning = {k: everything.get(q.symbol, q.symbol) for k, q in quantities.items()}
        meaning |= {k: self._put(k, e, everything) for k, e in contents.reactions.items()}
        initial = {s: found[s] for k in self.states if (s := quantities[k].symbol) in found}
        return Lowered(rhs, initial, parameters, meaning)

    # -- what changes -------------------------------------------------------------------------

    def _states(self) -> list[str]:
        """What the equations are about, in the order of the file: species first."""
        contents = self.contents
        set_ = {variable for event in contents.events for variable, _ in event.sets}
        found: list[str] = []
        for key, q in contents.quantities.items():
            if key in contents.assigned:
                continue
            changes = key in contents.rates or key in set_ or key in self.more
            if q.kind == "species" and not changes:
                moves = not q.constant and not q.boundary
                changes = moves or (not q.amount and self._varies(q.compartment, set_))
            if changes:
                found.append(key)
        order = {"species": 0, "compartment": 1}
        return sorted(found, key=lambda k: order.get(contents.quantities[k].kind, 2))

    def _varies(self, compartment: str, set_: Collection[str]) -> bool:
        """Whether a size changes with time, but for what a condition of a problem sets."""
        return (
            compartment in self.contents.rates
            or compartment in self.contents.assigned
            or compartment in set_
        )

    def _rates(self, defined: Mapping[Any, Any]) -> dict[str, Any]:
        contents = self.contents
        found: dict[str, Any] = {}
        grows: dict[str, Any] = {}
        for key in self.states:
            q = contents.quantities[key]
            if key in contents.rates:
                found[key] = contents.rates[key]
            elif q.kind == "species" and not q.amount:
                volume = contents.quantities[q.compartment]
                flows = [part / volume.symbol for part in contents.changes.get(key, [])]
                growth = self._growth(q, volume, defined, grows)
                found[key] = sp.Add(*flows, -q.symbol * growth / volume.symbol)
            else:
                found[key] = sp.Add(*contents.changes.get(key, []))
        return found

    def _growth(
        self, species: Quantity, volume: Quantity, defined: Mapping[Any, Any], known: dict[str, Any]
    ) -> Any:
        """How fast a volume grows, which thins what is in it."""
        contents = self.contents
        if volume.id in contents.rates:
            return contents.rates[volume.id]
        if volume.id not in contents.assigned or volume.symbol not in defined:
            return sp.S.Zero
        if volume.id not in known:
            size = defined[volume.symbol]
            found: Any = size.diff(t)
            for symbol in sorted(size.free_symbols, key=str):
                key = self.by_symbol.get(symbol)
                if key is None or key not in self.states:
                    continue
                rate = contents.rates.get(key)
                if rate is None:
                    contents.document.refuse(
                        species.element,
                        f"its compartment {volume.id!r} has a size that depends on {key!r}, whose own rate is no "
                        "rate rule",
                    )
                found += size.diff(symbol) * rate
            known[volume.id] = found
        return known[volume.id]

    def _rates_of(self) -> dict[Any, Any]:
        """What stands for rateOf, by its symbol."""
        contents = self.contents
        if not contents.rate_symbols:
            return {}
        for key in contents.rate_symbols:
            q = contents.quantities.get(key)
            sized = q is not None and not q.amount and q.compartment in contents.assigned
            if q is None or key in contents.assigned or (q.kind == "species" and sized):
                contents.document.refuse(
                    contents.document.model if q is None else q.element,
                    f"rateOf {key!r} is not read, since no rate rule or reaction gives it",
                )
        rates = self._rates({})
        self.by_symbol |= {symbol: key for key, symbol in contents.rate_symbols.items()}
        return {symbol: rates.get(key, sp.S.Zero) for key, symbol in contents.rate_symbols.items()}

    # -- what it starts from -------------------------------------------------------------------

    def _start(self, key: str, q: Quantity) -> Any:
        if key in self.contents.starts:
            return self.contents.starts[key]
        if q.start is not None:
            return q.start
        if key in self.states and q.value is not None:
            value = q.value
            return (
                sp.Integer(int(value))
                if value.is_integer() and abs(value) < 2**53
                else sp.Float(value)
            )
        return None

    @staticmethod
    def _number(expr: Any) -> float | None:
        return None if expr.free_symbols else float(expr)

    # -- putting in ---------------------------------------------------------------------------

    def _resolved(self, given: Mapping[Any, Any], meaning: Callable[[Any], Any]) -> dict[Any, Any]:
        """Each expression with what its symbols mean put in, to the last."""
        done: dict[Any, Any] = {}
        for first in given:
            stack: list[Any] = [first]
            open_: dict[Any, None] = {}
            while stack:
                symbol = stack[-1]
                if symbol in done:
                    stack.pop()
                    continue
                expr = meaning(symbol)
                needs = [s for s in _ordered(expr.free_symbols) if meaning(s) is not None]
                missing = [s for s in needs if s not in done]
                if not missing:
                    done[symbol] = self._put(symbol, expr, {s: done[s] for s in needs})
                    open_.pop(symbol, None)
                    stack.pop()
                    continue
                open_[symbol] = None
                if circle := next((s for s in missing if s in open_), None):
                    key = self.by_symbol[circle]
                    self.contents.document.refuse(
                        self.contents.quantities[key].element,
                        "its value is needed to find its value",
                    )
                stack += missing
        return done

    def _put(self, name: Any, expr: Any, values: Mapping[Any, Any]) -> Any:
        """`expr` with symbols replaced, as long as the result stays of a size that can be worked with."""
        used = {s: values[s] for s in expr.free_symbols if s in values}
        nodes: Any = sp.preorder_traversal(expr)
        size = sum(self.sizes.get(node, 1) if node in used else 1 for node in nodes)
        self.total += size
        if self.total > NODES:
            key = self.by_symbol.get(name, str(name))
            self.contents.document.refuse(
                self.contents.document.model,
                f"with the rules put in, {key!r} and what stands before it have more than {NODES} operations",
            )
        if isinstance(name, sp.Symbol):
            self.sizes[name] = max(size, self.sizes.get(name, 1))
        return expr.xreplace(used) if used else expr


def _ordered(symbols: Iterable[Any]) -> list[Any]:
    return sorted(symbols, key=lambda s: s.name)
