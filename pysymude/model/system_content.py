"""What a system is made of: its equations, its symbols, its networks, the layout of what is learned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import cast

import sympy as sp
from sympy.core.function import AppliedUndef

from pysymude.errors import InvalidInputError
from pysymude.model.distributions.distribution import Distribution
from pysymude.model.event import Event
from pysymude.model.network import MLP, NetworkDerivative, NetworkOutput
from pysymude.model.signal import Signal
from pysymude.model.signal_values import SignalValues
from pysymude.model.signals_within import signals_within
from pysymude.model.symbols import check_name, t
from pysymude.model.theta import Slot, ThetaLayout
from pysymude.model.transforms import is_logarithmic

__all__ = ["SystemContent", "named_symbols"]


class SystemContent:
    """The parts of an `ODESystem`, which makes and checks them."""

    _rhs: Mapping[sp.Symbol, sp.Expr]
    _parameters: Mapping[sp.Symbol, float]
    _trainable: Mapping[sp.Symbol, float]
    _bounds: Mapping[sp.Symbol, tuple[float, float]]
    _scales: Mapping[sp.Symbol, str]
    _observables: Mapping[str, sp.Expr]
    _initial: Mapping[sp.Symbol, sp.Expr]
    _noise: Mapping[str, Distribution]
    _priors: Mapping[str, Distribution]
    _events: tuple[Event, ...]
    _units: Mapping[str, str]
    _symbols: dict[str, sp.Symbol]
    _signal_values: Mapping[str, SignalValues]

    @property
    def rhs(self) -> Mapping[sp.Symbol, sp.Expr]:
        """Right-hand side of each state."""
        return self._rhs

    @property
    def states(self) -> tuple[sp.Symbol, ...]:
        """The states, in the order of the equations: the columns of every array."""
        return tuple(self._rhs)

    @property
    def parameters(self) -> Mapping[sp.Symbol, float]:
        """Fixed parameter values."""
        return self._parameters

    @property
    def trainable(self) -> Mapping[sp.Symbol, float]:
        """Trainable parameters and their starting values."""
        return self._trainable

    @property
    def bounds(self) -> Mapping[sp.Symbol, tuple[float, float]]:
        """(low, high) of every trainable parameter; infinities where there is no bound."""
        return self._bounds

    @property
    def scales(self) -> Mapping[sp.Symbol, str]:
        """``"log"`` or ``"linear"`` for every trainable parameter: how it is learned between two bounds."""
        return self._scales

    @property
    def observables(self) -> Mapping[str, sp.Expr]:
        """Measured expressions by name."""
        return self._observables

    @property
    def initial(self) -> Mapping[sp.Symbol, sp.Expr]:
        """Where states start that have an expression for it."""
        return self._initial

    @property
    def noise(self) -> Mapping[str, Distribution]:
        """The noise model of each measured column that has one."""
        return self._noise

    @property
    def priors(self) -> Mapping[str, Distribution]:
        """Priors by the names of parameters, networks, and weights."""
        return self._priors

    @property
    def events(self) -> tuple[Event, ...]:
        """The events that set states, in the order in which they act at one time."""
        return self._events

    @property
    def units(self) -> Mapping[str, str]:
        """Units by the names of states, parameters, observables and, as ``"t"``, of time."""
        return self._units

    @property
    def _named(self) -> set[str]:
        return {*self._symbols, *self._observables, *(signal.name for signal in self.signals)}

    @property
    def signal_values(self) -> Mapping[str, SignalValues]:
        """The points of signals that the system itself has, by name."""
        return self._signal_values

    @cached_property
    def signals(self) -> tuple[Signal, ...]:
        """The signals in it, by name."""
        return signals_within(self.expressions)

    @cached_property
    def symbolic_parameters(self) -> tuple[sp.Symbol, ...]:
        """Parameters that have no value yet, by name."""
        return tuple(
            s
            for s in self._symbols.values()
            if s not in self._rhs and s not in self._parameters and s not in self._trainable
        )

    @cached_property
    def networks(self) -> tuple[MLP, ...]:
        """The networks, by name."""
        # a learned Hamiltonian stands in its equations by its derivatives alone
        kinds = (NetworkOutput, NetworkDerivative)
        found = {cast("MLP", o.args[0]) for e in self.expressions for o in e.atoms(*kinds)}
        return tuple(sorted(found, key=lambda nn: nn.name))

    @cached_property
    def unread(self) -> frozenset[sp.Symbol]:
        """Trainable parameters that no equation, observable or network reads: only laws may."""
        inputs = (z for nn in self.networks for z in nn.inputs)
        read = {s for e in (*self.expressions, *inputs) for s in e.free_symbols}
        read = read.union(*(model.free_symbols for model in self._priors.values()))
        return frozenset(self._trainable.keys() - read)

    @cached_property
    def functions(self) -> tuple[AppliedUndef, ...]:
        """Unknown functions such as w(t), by name."""
        found = {f for e in self.expressions for f in e.atoms(AppliedUndef)}
        return tuple(sorted(found, key=str))

    @property
    def is_universal(self) -> bool:
        """Whether a network stands in it."""
        return bool(self.networks)

    @cached_property
    def is_autonomous(self) -> bool:
        """Whether time is absent from the right-hand side."""
        return not any(e.has(t) for e in self._rhs.values())

    @cached_property
    def layout(self) -> ThetaLayout:
        """Names and slices of the weights and the trainable parameters in theta."""
        slots: list[Slot] = []
        offset = 0
        for nn in self.networks:
            for k, layer in enumerate(nn.layers, start=1):
                for name, shape in (("W", (layer.rows, layer.columns)), ("b", (layer.rows,))):
                    held = name == "b" and not layer.bias
                    slot = Slot(f"{nn.name}.{name}{k}", shape, offset, "weight", held=held)
                    slots.append(slot)
                    offset = slots[-1].slice.stop
        for symbol in self._trainable:
            scale = self._scales[symbol] == "log"
            slots.append(Slot(symbol.name, (), offset, "parameter", *self._bounds[symbol], scale))
            offset += 1
        return ThetaLayout(slots)

    @property
    def expressions(self) -> tuple[sp.Expr, ...]:
        """All expressions in it: right-hand sides, observables, starts, noise models, signals, events."""
        noise = (argument for model in self._noise.values() for argument in model.args)
        knots = (value for points in self._signal_values.values() for value in points.knots)
        events = (expr for event in self._events for expr in event.expressions)
        return (
            *self._rhs.values(), *self._observables.values(), *self._initial.values(), *noise,
            *knots, *events,
        )  # fmt: skip

    @cached_property
    def given_scales(self) -> dict[sp.Symbol, str]:
        """Those scales that are not what the bounds say by themselves."""
        return {
            s: scale
            for s, bounds in self._bounds.items()
            if (scale := self._scales.get(s, "linear"))
            and (scale == "log") != is_logarithmic(*bounds)
        }


def named_symbols(system: SystemContent, further: Iterable[sp.Symbol]) -> list[sp.Symbol]:
    """States, then all other symbols by name, after a check that names are unique and plain."""
    found = {s for e in system.expressions for s in e.free_symbols}
    found = found.union(further) - {t} - set(system.states)
    ordered = [*system.states, *sorted(cast("set[sp.Symbol]", found), key=lambda s: s.name)]
    names = [*(s.name for s in ordered), *(nn.name for nn in system.networks)]
    names += [*system.observables, *(signal.name for signal in system.signals)]
    for symbol in ordered:
        check_name(symbol.name, what="the name of a state or parameter")
        if symbol.name == "t":
            raise InvalidInputError(
                "the right-hand side contains a symbol t that is not psu.t; "
                "write time as psu.t, or rename the parameter"
            )
    for call in system.functions:
        # the symbolic engine marks its own with a #, which no user can write in a model file
        check_name(call.func.__name__.replace("#", "_"), what="the name of an unknown function")
        if any(a != t and (a.has(t) or not a.free_symbols) for a in call.args):
            raise InvalidInputError(
                f"{call} is no function of psu.t alone; delays, and values at other times, have no place in "
                "an ordinary differential equation"
            )
    for name, count in Counter(names).items():
        if count > 1:
            raise InvalidInputError(
                f"the name {name!r} stands for two different things (symbols with other "
                "assumptions, networks, observables or signals); give each its own name, and make each "
                "symbol once"
            )
    return ordered
