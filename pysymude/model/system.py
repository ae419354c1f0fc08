"""`ODESystem`: du/dt = f(u, p, t), with or without networks in f."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from os import PathLike
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from pysymude.errors import InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.coerce import label_of, number_of, real_expression
from pysymude.model.distributions.distribution import Distribution
from pysymude.model.event import Event, effect_events, event_list
from pysymude.model.network import MLP, NetworkDerivative, NetworkOutput
from pysymude.model.noise import checked_priors, noise_models
from pysymude.model.signal import Signal
from pysymude.model.signal_values import SignalValues, signal_values
from pysymude.model.signals_within import check_signals, signals_within
from pysymude.model.symbols import check_name, t
from pysymude.model.theta import Slot, ThetaLayout
from pysymude.model.transforms import is_logarithmic
from pysymude.model.units import TIME, checked_units

__all__ = ["ODESystem", "neural_ode"]

Names = Mapping[Any, Any]


class ODESystem:
    """A system of ordinary differential equations; frozen.

    Parameters
    ----------
    rhs : mapping from state symbol to SymPy expression
        The right-hand sides, in the order of the states. Numbers are allowed. Time is ``psu.t``.
    parameters : mapping from symbol or name to float
        Fixed values. A symbol that is neither a state nor given a value here or in `trainable` is a
        symbolic parameter: fine for exact laws, to be given a value before solving.
    trainable : mapping from symbol or name to float
        Parameters to be learned, with their starting values. A symbol that stands in no equation may
        be the coefficient of a law (`objective`, ``laws=``).
    bounds : mapping from symbol or name to (low, high)
        Intervals for trainable parameters; None is no bound. A symbol declared positive has the bounds
        (0, inf) by itself. A start may lie on a bound.
    scales : mapping from symbol or name to ``"log"`` or ``"linear"``
        On which scale a trainable parameter is learned between two bounds. By default positive bounds
        more than two decades apart are logarithmic. With one bound at 0 it is the logarithm in any case.
    observables : mapping from name to SymPy expression
        What is measured, where that is not a state: expressions of states, parameters, time and
        networks.
    initial : mapping from state to SymPy expression
        Where a state starts, unless an experiment's `u0` says so: an expression of parameters, networks and
        time, which may be learned.
    noise : mapping from name of a state or observable to Distribution or SymPy expression
        How measurements scatter about the model: ``psu.LogNormal(sigma)``, ``psu.Poisson()``; an expression
        or a number is the standard deviation of a `Normal`. It may contain states, parameters that are
        learned, and time.
    priors : mapping from trainable symbol, network or name to Distribution
        Of parameters in their natural values; of all weights of a network, or of ``"nn.W1"``. Arguments
        may be expressions of other trainable parameters, such as the mean of a population.
    signals : mapping from Signal or name to (times, values)
        Numbers of measured inputs, for all experiments that bring none of their own. Values may be
        expressions of trainable parameters, so that an unknown input is learned at a few points:
        ``signals={beta: ([0, 10, 20], [b0, b1, b2])}``.
    events : sequence of Event
        At whose zeros states are set: ``psu.Event(x, set={v: -v/2}, direction=-1)``.
    units : mapping from symbol or name to str
        Of states, parameters, observables and, under ``"t"``, of time. They stand in tables and figures; nothing
        is converted.

    Raises
    ------
    InvalidInputError
        A state without equation, a name used twice, a value for something that is not there, ...

    Examples
    --------
    >>> import pysymude as psu
    >>> x, y = psu.states("x y", positive=True)
    >>> a, b = psu.parameters("a b")
    >>> psu.ODESystem({x: a*x - b*x*y, y: -y + b*x*y}, parameters={a: 1.3})
    ODESystem(x' = a*x - b*x*y, y' = b*x*y - y; parameters a=1.3; symbolic b)
    """

    @explained
    def __init__(
        self,
        rhs: Mapping[Any, Any],
        *,
        parameters: Names = MappingProxyType({}),
        trainable: Names = MappingProxyType({}),
        bounds: Names = MappingProxyType({}),
        scales: Names = MappingProxyType({}),
        observables: Names = MappingProxyType({}),
        initial: Names = MappingProxyType({}),
        noise: Names = MappingProxyType({}),
        priors: Names = MappingProxyType({}),
        signals: Names = MappingProxyType({}),
        events: Sequence[Event] | Event = (),
        units: Names = MappingProxyType({}),
    ) -> None:
        self._rhs = MappingProxyType(_equations(rhs))
        self._observables = MappingProxyType(_observables(observables, self.states))
        self._initial = MappingProxyType(_starts(initial, self.states))
        known = [*(s.name for s in self.states), *self._observables]
        self._noise = MappingProxyType(noise_models(_mapping("noise", noise), known))
        points = signal_values(_mapping("signals", signals), what="signals", expressions=True)
        self._signal_values = MappingProxyType(points)
        self._events = effect_events(events, self.states, self._observables)
        # a law may have coefficients to be learned that stand in no equation
        further = [k for k in _mapping("trainable", trainable) if isinstance(k, sp.Symbol)]
        free = self._free_symbols(further)
        self._symbols = {s.name: s for s in free}
        self._parameters = MappingProxyType(self._values("parameters", parameters))
        self._trainable = MappingProxyType(self._values("trainable", trainable))
        both = [s.name for s in self._parameters if s in self._trainable]
        if both:
            raise InvalidInputError(
                f"{both[0]!r} stands in parameters= and in trainable=; leave it in one of them"
            )
        check_signals(self.expressions, self._signal_values, self.states)
        self._bounds = MappingProxyType(self._all_bounds(bounds))
        self._scales = MappingProxyType(self._all_scales(scales))
        self._priors = MappingProxyType(checked_priors(_mapping("priors", priors), self.layout))
        self._units = MappingProxyType(checked_units(_mapping("units", units), self._named))

    # -- what it is made of ------------------------------------------------------------------

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

    # -- other ways to make one ---------------------------------------------------------------

    @classmethod
    @explained
    def from_equations(cls, equations: Any, **keywords: Any) -> ODESystem:
        """A system from SymPy equations in ``Eq(x(t).diff(t), ...)`` form.

        Parameters
        ----------
        equations : SymPy equation or sequence of them
            Linear in the highest derivatives. Second and higher derivatives become states of their
            own, named ``x_t``, ``x_tt``.
        **keywords
            `parameters`, `trainable`, `bounds`, `observables`, `events`, as for `ODESystem`; expressions
            may be written with ``x(t)`` as well.

        Examples
        --------
        >>> import sympy as sp, pysymude as psu
        >>> tau, x = sp.Symbol("tau"), sp.Function("x")
        >>> psu.ODESystem.from_equations(sp.Eq(x(tau).diff(tau, 2), -x(tau)))
        ODESystem(x' = x_t, x_t' = -x)
        """
        from pysymude.model.equations import first_order

        rhs, replace = first_order(equations)
        observables = {
            name: replace(expr) for name, expr in keywords.pop("observables", {}).items()
        }
        events = [event.mapped(replace) for event in event_list(keywords.pop("events", ()))]
        return cls(rhs, observables=observables, events=events, **keywords)

    @classmethod
    @explained
    def from_toml(cls, path: str | PathLike[str]) -> ODESystem:
        """A system from a TOML file, which is parsed and never executed.

        A small file; `pysymude.model.toml` shows one with every table that there may be, and
        `to_toml` writes one::

            positive = ["x"]

            [equations]
            x = "-k*x"

            [trainable]
            k = { start = 1.0, bounds = [0.0, 10.0] }

            [initial]
            x = 2.0

            [noise]
            x = "LogNormal(0.1)"

        Raises
        ------
        ModelFileError
            The file is missing, is no TOML, or holds something that is not part of a model.
        """
        from pysymude.model.toml import system_from_toml

        return system_from_toml(path)

    @classmethod
    @explained
    def from_sbml(
        cls, source: str | PathLike[str], *, trainable: Any = (), observables: Any = None
    ) -> ODESystem:
        """The system of an SBML model, level 1 to 3; needs ``pip install "pysymude[petab]"``.

        States are concentrations, or amounts where the file says so. Rules and functions are put in.
        `psu.read_sbml` gives the units and the map of names, too.

        Parameters
        ----------
        source : str or path
            A file, or the text of one. Nothing in it is executed, and nothing is fetched.
        trainable : ids, or mapping from id to float, optional
            Parameters to be learned, which start at the value in the file where none is given.
        observables : ids, or mapping from name to id, text or SymPy expression, optional
            What is measured; by default all that assignment rules define.

        Raises
        ------
        ModelFileError
            The file is missing or no SBML, or has elements that are not read; the message names one.
        MissingPackageError
            python-libsbml is not installed.
        """
        from pysymude.interchange.sbml.reading import read_sbml

        return read_sbml(source, trainable=trainable, observables=observables).system

    @explained
    def to_toml(self, path: str | PathLike[str]) -> None:
        """Writes a TOML file that `from_toml` reads back, every number to its last bit.

        Raises
        ------
        EmissionError
            The system contains something that a model file cannot hold.
        SaveFileError
            The folder does not exist or cannot be written.
        """
        from pysymude.model.writing import write_toml

        write_toml(self, path)

    def replace(self, **changes: Any) -> ODESystem:
        """A copy with one or several of the keywords of `ODESystem` changed."""
        given: dict[str, Any] = {
            "rhs": self._rhs,
            "parameters": self._parameters,
            "trainable": self._trainable,
            "bounds": dict(self._bounds),
            "scales": self.given_scales,
            "observables": self._observables,
            "initial": self._initial,
            "noise": self._noise,
            "priors": self._priors,
            "signals": self._signal_values,
            "events": self._events,
        }
        unknown = set(changes) - set(given) - {"units"}
        if unknown:
            raise InvalidInputError(
                f"replace() changes {', '.join(given)}, units; found {sorted(unknown)[0]!r}"
            )
        if changes.keys() == {"units"}:
            return self._with_units(changes["units"])
        given |= changes
        if "trainable" in changes and "bounds" not in changes:
            kept = {label_of(k) for k in given["trainable"]}
            given["bounds"] = {k: v for k, v in self._bounds.items() if k.name in kept}
            if "priors" not in changes:
                gone = {s.name for s in self._trainable} - kept
                given["priors"] = {k: v for k, v in self._priors.items() if k not in gone}
            if "scales" not in changes:
                given["scales"] = {k: v for k, v in self.given_scales.items() if k.name in kept}
        made = ODESystem(given.pop("rhs"), **given)
        if "units" not in changes:
            named = {*made._named, TIME}
            made._units = MappingProxyType({k: v for k, v in self._units.items() if k in named})
        return made

    def _with_units(self, units: Names) -> ODESystem:
        """A copy without the checks of its expressions, which do not change."""
        made = object.__new__(ODESystem)
        made.__dict__.update({k: v for k, v in self.__dict__.items() if k != "_hash"})
        made._units = MappingProxyType(checked_units(_mapping("units", units), self._named))
        return made

    def symbol(self, name: Any, *, what: str = "name") -> sp.Symbol:
        """The system's symbol for a symbol or a name; the error lists what is near."""
        text = label_of(name)
        if text not in self._symbols:
            raise InvalidInputError(
                f"{what}: the system has no state or parameter {text!r}; it has "
                f"{', '.join(self._symbols)}{_near(text, self._symbols)}"
            )
        return self._symbols[text]

    # -- details ------------------------------------------------------------------------------

    def _free_symbols(self, further: Iterable[sp.Symbol]) -> list[sp.Symbol]:
        """States, then all other symbols by name, after a check that names are unique and plain."""
        found = {s for e in self.expressions for s in e.free_symbols}
        found = found.union(further) - {t} - set(self.states)
        ordered = [*self.states, *sorted(cast("set[sp.Symbol]", found), key=lambda s: s.name)]
        names = [*(s.name for s in ordered), *(nn.name for nn in self.networks)]
        names += [*self._observables, *(signal.name for signal in self.signals)]
        for symbol in ordered:
            check_name(symbol.name, what="the name of a state or parameter")
            if symbol.name == "t":
                raise InvalidInputError(
                    "the right-hand side contains a symbol t that is not psu.t; "
                    "write time as psu.t, or rename the parameter"
                )
        for call in self.functions:
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

    def _values(self, what: str, given: Names) -> dict[sp.Symbol, float]:
        found: dict[sp.Symbol, float] = {}
        for key, value in _mapping(what, given).items():
            symbol = self.symbol(key, what=f"{what}=")
            if symbol in self._rhs:
                raise InvalidInputError(
                    f"{what}= names {symbol.name!r}, which is a state; its start belongs to u0="
                )
            found[symbol] = finite(value, f"{what}[{symbol.name}]")
        return found

    def _all_bounds(self, given: Names) -> dict[sp.Symbol, tuple[float, float]]:
        bounds = {s: (0.0 if s.is_positive else -np.inf, np.inf) for s in self._trainable}
        for key, pair in _mapping("bounds", given).items():
            symbol = self.symbol(key, what="bounds=")
            if symbol not in self._trainable:
                raise InvalidInputError(
                    f"bounds= names {symbol.name!r}, which is not trainable; "
                    f"put it in trainable={{{symbol.name}: start}}"
                )
            bounds[symbol] = _interval(symbol.name, pair)
        for symbol, (low, high) in bounds.items():
            start = self._trainable[symbol]
            if not low <= start <= high or (np.inf in (-low, high) and start in (low, high)):
                raise InvalidInputError(
                    f"the bounds of {symbol.name!r} are [{low:g}, {high:g}], which excludes its "
                    f"start {start:g}"
                )
        return bounds

    @cached_property
    def given_scales(self) -> dict[sp.Symbol, str]:
        """Those scales that are not what the bounds say by themselves."""
        return {
            s: scale
            for s, bounds in self._bounds.items()
            if (scale := self._scales.get(s, "linear"))
            and (scale == "log") != is_logarithmic(*bounds)
        }

    def _all_scales(self, given: Names) -> dict[sp.Symbol, str]:
        scales = {s: "log" if is_logarithmic(*b) else "linear" for s, b in self._bounds.items()}
        for key, scale in _mapping("scales", given).items():
            symbol = self.symbol(key, what="scales=")
            if symbol not in self._trainable:
                raise InvalidInputError(
                    f"scales= names {symbol.name!r}, which is not trainable; "
                    f"put it in trainable={{{symbol.name}: start}}"
                )
            if scale not in ("log", "linear"):
                raise InvalidInputError(
                    f"scales[{symbol.name}] must be 'log' or 'linear'; found {scale!r}"
                )
            low, high = self._bounds[symbol]
            if (
                scale == "log"
                and not (low == 0.0 and high == np.inf)
                and not 0.0 < low < high < np.inf
            ):
                raise InvalidInputError(
                    f"scales[{symbol.name}]='log' needs the bounds (0, inf), or two positive ones; found "
                    f"({low:g}, {high:g})"
                )
            scales[symbol] = scale
        return scales

    def _key(self) -> tuple[Any, ...]:
        parts = (
            self._rhs, self._parameters, self._trainable, self._bounds, self._scales, self._observables,
            self._initial, self._noise, self._priors, self._signal_values, self._units,
        )  # fmt: skip
        return (*(tuple(part.items()) for part in parts), self._events)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ODESystem) and self._key() == other._key()

    @cached_property
    def _hash(self) -> int:
        # every solve looks its system up, and a large one has thousands of expressions
        return hash(self._key())

    def __hash__(self) -> int:
        return self._hash

    def __copy__(self) -> ODESystem:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> ODESystem:
        # frozen, and all that it holds is
        return self

    def __reduce__(self) -> Any:
        # the text of a model file, so that no pickle of ours needs SymPy's
        from pysymude.model.copies import reduced_system

        return reduced_system(self)

    def __repr__(self) -> str:
        parts = [", ".join(f"{x}' = {f}" for x, f in self._rhs.items())]
        for what, values in (("parameters", self._parameters), ("trainable", self._trainable)):
            if values:
                parts.append(f"{what} " + ", ".join(f"{k}={v:g}" for k, v in values.items()))
        if self.symbolic_parameters:
            parts.append("symbolic " + ", ".join(map(str, self.symbolic_parameters)))
        if self._observables:
            parts.append(
                "observables " + ", ".join(f"{k}={v}" for k, v in self._observables.items())
            )
        if self._events:
            parts.append("events " + ", ".join(event.key for event in self._events))
        return f"ODESystem({'; '.join(parts)})"

    def _repr_latex_(self) -> str:
        rows = (rf"\dot{{{sp.latex(x)}}} &= {sp.latex(f)}" for x, f in self._rhs.items())
        return r"$\begin{aligned}" + r" \\ ".join(rows) + r"\end{aligned}$"


@explained
def neural_ode(
    states: Any,
    *,
    hidden: int | Sequence[int],
    activation: str = "tanh",
    name: str = "nn",
    inputs: Sequence[Any] | None = None,
    **keywords: Any,
) -> ODESystem:
    """The system u' = nn(u): a right-hand side with no known term.

    One explicit Euler step of size 1 of it is a residual block, u + nn(u) (Chen et al., Neural
    Ordinary Differential Equations, arXiv:1806.07366, eqs. 1 and 2).

    Parameters
    ----------
    states : symbol or sequence of symbols
        The states; also the network's inputs unless `inputs` is given (add ``psu.t`` there for a
        non-autonomous field).
    hidden, activation, name
        As for `MLP`. Further keywords (`input_scaling`, ...) go to `MLP` too.

    Returns
    -------
    ODESystem

    Examples
    --------
    >>> import pysymude as psu
    >>> psu.neural_ode(psu.states("x y"), hidden=8)
    ODESystem(x' = nn[0], y' = nn[1])
    """
    given = list(states) if isinstance(states, (tuple, list)) else [states]
    nn = MLP(
        name,
        inputs=given if inputs is None else inputs,
        outputs=len(given),
        hidden=hidden,
        activation=activation,
        **keywords,
    )
    return ODESystem(dict(zip(given, nn, strict=True)))


def _equations(rhs: Any) -> dict[sp.Symbol, sp.Expr]:
    if not isinstance(rhs, Mapping) or not rhs:
        raise InvalidInputError(
            "ODESystem(rhs) takes a mapping from state symbols to expressions, such as {x: -x}; "
            f"found {type(rhs).__name__} {rhs!r}. For Eq(x(t).diff(t), ...) use from_equations"
        )
    found: dict[sp.Symbol, sp.Expr] = {}
    for state, value in rhs.items():
        if not isinstance(state, sp.Symbol):
            raise InvalidInputError(
                f"the states of an ODESystem are SymPy symbols; found the key {state!r} of type "
                f"{type(state).__name__}. Make them with psu.states(...)"
            )
        if state == t:
            raise InvalidInputError("psu.t is time and cannot be a state")
        found[state] = real_expression(value, f"the right-hand side of {state}")
    return found


def _observables(given: Names, states: tuple[sp.Symbol, ...]) -> dict[str, sp.Expr]:
    found: dict[str, sp.Expr] = {}
    for key, value in _mapping("observables", given).items():
        name = check_name(label_of(key), what="the name of an observable")
        if name in {s.name for s in states}:
            raise InvalidInputError(f"observable {name!r} has the name of a state; rename it")
        found[name] = real_expression(value, f"observable {name!r}")
    return found


def _starts(given: Names, states: tuple[sp.Symbol, ...]) -> dict[sp.Symbol, sp.Expr]:
    names = {s.name: s for s in states}
    found: dict[sp.Symbol, sp.Expr] = {}
    for key, value in _mapping("initial", given).items():
        name = label_of(key)
        if name not in names:
            raise InvalidInputError(
                f"initial= names {name!r}, which is no state; the states are {', '.join(names)}"
                f"{_near(name, names)}"
            )
        start = real_expression(value, f"initial[{name}]")
        if read := start.free_symbols & set(states):
            raise InvalidInputError(
                f"initial[{name}] = {start} contains the state {min(map(str, read))}; a start is made of "
                "parameters, networks and time"
            )
        found[names[name]] = start
    return found


def finite(value: Any, what: str) -> float:
    """`value` as a finite float."""
    return number_of(value, what=what)


def _interval(name: str, pair: Any) -> tuple[float, float]:
    try:
        low, high = pair
        low = -np.inf if low is None else float(low)
        high = np.inf if high is None else float(high)
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"bounds[{name}] must be (low, high), with None for no bound; found {pair!r}"
        ) from None
    if not low < high:
        raise InvalidInputError(f"bounds[{name}] must have low < high; found ({low:g}, {high:g})")
    return low, high


def _mapping(what: str, given: Any) -> Mapping[Any, Any]:
    if not isinstance(given, Mapping):
        raise InvalidInputError(
            f"{what}= takes a mapping such as {{k: 1.0}}; found {type(given).__name__} {given!r}"
        )
    return given


def _near(text: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(text, list(names), n=1)
    return f". Did you mean {close[0]!r}?" if close else ""
