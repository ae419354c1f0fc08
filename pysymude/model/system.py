"""`ODESystem`: du/dt = f(u, p, t), with or without networks in f."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from os import PathLike
from types import MappingProxyType
from typing import Any

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.coerce import label_of, number_of
from pysymude.model.event import Event, effect_events, event_list
from pysymude.model.learned_ranges import bounds_of, scales_of
from pysymude.model.noise import checked_priors, noise_models
from pysymude.model.signal_values import signal_values
from pysymude.model.signals_within import check_signals
from pysymude.model.system_content import SystemContent, named_symbols
from pysymude.model.system_input import equations_of, mapping_of, near, observables_of, starts_of
from pysymude.model.units import TIME, checked_units

__all__ = ["ODESystem"]

Names = Mapping[Any, Any]


class ODESystem(SystemContent):
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
        self._rhs = MappingProxyType(equations_of(rhs))
        self._observables = MappingProxyType(observables_of(observables, self.states))
        self._initial = MappingProxyType(starts_of(initial, self.states))
        known = [*(s.name for s in self.states), *self._observables]
        self._noise = MappingProxyType(noise_models(mapping_of("noise", noise), known))
        points = signal_values(mapping_of("signals", signals), what="signals", expressions=True)
        self._signal_values = MappingProxyType(points)
        self._events = effect_events(events, self.states, self._observables)
        # a law may have coefficients to be learned that stand in no equation
        further = [k for k in mapping_of("trainable", trainable) if isinstance(k, sp.Symbol)]
        free = named_symbols(self, further)
        self._symbols = {s.name: s for s in free}
        self._parameters = MappingProxyType(self._values("parameters", parameters))
        self._trainable = MappingProxyType(self._values("trainable", trainable))
        both = [s.name for s in self._parameters if s in self._trainable]
        if both:
            raise InvalidInputError(
                f"{both[0]!r} stands in parameters= and in trainable=; leave it in one of them"
            )
        check_signals(self.expressions, self._signal_values, self.states)
        self._bounds = MappingProxyType(bounds_of(self._trainable, self.symbol, bounds))
        self._scales = MappingProxyType(scales_of(self._bounds, self.symbol, scales))
        self._priors = MappingProxyType(checked_priors(mapping_of("priors", priors), self.layout))
        self._units = MappingProxyType(checked_units(mapping_of("units", units), self._named))

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
        made._units = MappingProxyType(checked_units(mapping_of("units", units), self._named))
        return made

    def symbol(self, name: Any, *, what: str = "name") -> sp.Symbol:
        """The system's symbol for a symbol or a name; the error lists what is near."""
        text = label_of(name)
        if text not in self._symbols:
            raise InvalidInputError(
                f"{what}: the system has no state or parameter {text!r}; it has "
                f"{', '.join(self._symbols)}{near(text, self._symbols)}"
            )
        return self._symbols[text]

    # -- details ------------------------------------------------------------------------------

    def _values(self, what: str, given: Names) -> dict[sp.Symbol, float]:
        found: dict[sp.Symbol, float] = {}
        for key, value in mapping_of(what, given).items():
            symbol = self.symbol(key, what=f"{what}=")
            if symbol in self._rhs:
                raise InvalidInputError(
                    f"{what}= names {symbol.name!r}, which is a state; its start belongs to u0="
                )
            found[symbol] = number_of(value, what=f"{what}[{symbol.name}]")
        return found

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
