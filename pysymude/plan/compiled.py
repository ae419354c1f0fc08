"""`CompiledSystem`: the frozen plan of one system."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, cast

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.model.network import MLP, NetworkDerivative, NetworkOutput
from pysymude.model.signal import Signal
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.model.theta import ThetaLayout
from pysymude.plan.knots import Basis, basis_of, expanded
from pysymude.plan.looped import Looped, build_looped
from pysymude.plan.march_form import Effect, MarchForm, march_form
from pysymude.plan.shape import Leaf
from pysymude.plan.sparse_derivatives import SparseJacobian, sparse_jacobian, time_gradient
from pysymude.plan.tables import table_of
from pysymude.plan.tape import Tape, build_tape

__all__ = ["LARGE", "CompiledSystem", "Program", "compile_system"]

LARGE = 100
"""From so many outputs on, expressions become loops; below, straight lines."""

Program = Tape | Looped


@dataclass(frozen=True, eq=False)
class CompiledSystem:
    """Everything an engine needs to know of a system: names, tapes, networks, the layout of theta.

    Every tape reads the same inputs, in this order: the states, time, the parameters `p`, the
    trainable parameters (natural values). From `LARGE` states on, loops take the place of tapes.

    Attributes
    ----------
    states, parameters, trainable : tuple of str
        Columns of u; entries of p (fixed and symbolic parameters, by name); learned parameters.
    networks : tuple of MLP
        By name. At run time each brings its weights (in theta) and its scaling.
    layout : ThetaLayout
        Slices of theta for weights and trainable parameters.
    rhs : Tape or Looped
        du/dt, one output a state.
    observables : dict of str to Tape
        One output each.
    default_parameters : float64 array, shape (parameters + signals,)
        The fixed values; NaN for a symbolic parameter. Then the number of each signal's table, -1 where the
        system has none.
    signals : tuple of Signal
        What tapes read of signals: those of the system, but functions in place of learned ones.
    bases : mapping from name to Basis
        The learned signals, as sums of functions.
    """

    system: ODESystem
    states: tuple[str, ...]
    parameters: tuple[str, ...]
    trainable: tuple[str, ...]
    networks: tuple[MLP, ...]
    layout: ThetaLayout
    inputs: tuple[sp.Symbol, ...]
    rhs: Program
    leaves: Mapping[sp.Symbol, Leaf]
    default_parameters: NDArray[np.float64]
    signals: tuple[Signal, ...]
    bases: dict[str, Basis]

    @cached_property
    def lacks_values(self) -> bool:
        """Whether a parameter has no value of its own."""
        return bool(np.isnan(self.default_parameters).any())

    @cached_property
    def equations(self) -> tuple[sp.Expr, ...]:
        """The right-hand sides, with learned signals as sums."""
        return tuple(expanded(f, self.bases) for f in self.system.rhs.values())

    @cached_property
    def jacobian(self) -> Tape | SparseJacobian:
        """df/du, exactly: n*n outputs, row by row; networks enter by their own Jacobians."""
        if isinstance(self.rhs, Looped):
            return sparse_jacobian(self.rhs)
        entries = [f.diff(x) for f in self.equations for x in self.system.states]
        return build_tape(self.inputs, entries)

    @cached_property
    def time_gradient(self) -> Program:
        """df/dt at fixed u: n outputs."""
        if isinstance(self.rhs, Looped):
            return time_gradient(self.rhs)
        return build_tape(self.inputs, [f.diff(t) for f in self.equations])

    @cached_property
    def march_form(self) -> MarchForm:
        """The right-hand side in straight lines, its switches, and its derivatives."""
        f = self.rhs
        if not isinstance(f, Tape):
            f = build_tape(self.inputs, self.equations)
        return march_form(f, len(self.states), len(self.parameters), self.effects)

    @cached_property
    def effects(self) -> tuple[Effect, ...]:
        """What the system's events do."""
        return tuple(
            Effect(
                self.straight([event.expr]),
                event.direction,
                tuple(self.system.states.index(x) for x in event.set),
                self.straight(list(event.set.values())),
            )
            for event in self.system.events
        )

    @cached_property
    def known_rhs(self) -> Program:
        """The right-hand side with every network output set to zero."""
        return self.tape([known_term(f) for f in self.system.rhs.values()])

    def tape(self, outputs: Sequence[sp.Expr]) -> Program:
        """A tape, or loops, for further expressions of states, time, parameters and networks."""
        outputs = [expanded(f, self.bases) for f in outputs]
        return _program(self.inputs, self.leaves, len(self.states), outputs)

    def straight(self, outputs: Sequence[sp.Expr]) -> Tape:
        """The same, a tape whatever the size."""
        return build_tape(self.inputs, [expanded(f, self.bases) for f in outputs])

    @cached_property
    def start(self) -> NDArray[np.float64]:
        """The theta at which learning starts, with networks that give nothing yet: their weights are 0."""
        weights = {s.name: np.zeros(s.shape) for s in self.layout.of_kind("weight")}
        found = self.layout.pack(weights | {s.name: v for s, v in self.system.trainable.items()})
        found.flags.writeable = False
        return found

    def column(self, name: str) -> sp.Expr:
        """The expression of a data column: a state or an observable."""
        if name in self.system.observables:
            return self.system.observables[name]
        return self.system.states[self.states.index(name)]

    @cached_property
    def scalings(self) -> NDArray[np.float64]:
        """The scalings of all networks one after the other: values, which decide no compilation."""
        parts = [nn.fixed_scaling().flat() for nn in self.networks]
        return np.concatenate(parts) if parts else np.zeros(0)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of what is computed, equal in every process and for every choice of values."""
        nets = [(nn.name, nn.widths, nn.activation) for nn in self.networks]
        bounds = [(s.name, s.low, s.high, s.log) for s in self.layout.of_kind("parameter")]
        states = [(s.name, s.is_positive) for s in self.system.states]
        observables = [*self.system.observables]
        measured = self.tape(list(self.system.observables.values()))
        content = (
            states, self.parameters, self.trainable, nets, bounds, self.rhs, observables, measured,
            *self.signals, [(e.condition, e.direction, e.states, e.values) for e in self.effects],
        )  # fmt: skip
        return hashlib.sha256(repr(content).encode()).hexdigest()


def known_term(expr: sp.Expr) -> sp.Expr:
    """`expr` with every network output, and every derivative of one, replaced by zero."""
    unknown = expr.atoms(NetworkOutput, NetworkDerivative)
    return cast("sp.Expr", expr.xreplace(dict.fromkeys(unknown, sp.S.Zero)))


# a repeated solve would spend ten times longer on its plan than in the solver
@lru_cache(maxsize=32)
def compile_system(system: ODESystem) -> CompiledSystem:
    """The plan of `system`; equal systems share one, and the last 32 are kept.

    Raises
    ------
    EmissionError
        The right-hand side contains something that has no numerical meaning, such as an unknown
        function w(t); the message names it.
    """
    fixed = sorted([*system.parameters, *system.symbolic_parameters], key=lambda s: s.name)
    inputs = (*system.states, t, *fixed, *system.trainable)
    leaves = _leaves(system, fixed)
    bases = {
        signal.name: basis_of(signal, system.signal_values[signal.name])
        for signal in system.signals
        if signal.name in system.signal_values and system.signal_values[signal.name].knots
    }
    signals, numbers = _signals(system, bases)
    rhs = [expanded(f, bases) for f in system.rhs.values()]
    return CompiledSystem(
        system=system,
        states=tuple(s.name for s in system.states),
        parameters=tuple(s.name for s in fixed),
        trainable=tuple(s.name for s in system.trainable),
        networks=system.networks,
        layout=system.layout,
        inputs=inputs,
        rhs=_program(inputs, leaves, len(system.states), rhs),
        leaves=leaves,
        default_parameters=np.array([*(system.parameters.get(s, np.nan) for s in fixed), *numbers]),
        signals=signals,
        bases=bases,
    )


def _signals(
    system: ODESystem, bases: Mapping[str, Basis]
) -> tuple[tuple[Signal, ...], list[float]]:
    """The signals that tapes read, and for each the number of the system's own table, or -1."""
    signals: list[Signal] = []
    numbers: list[float] = []
    for signal in system.signals:
        if signal.name in bases:
            signals += [part for part, _, _ in bases[signal.name]]
            numbers += [table.number for _, table, _ in bases[signal.name]]
            continue
        signals.append(signal)
        own = system.signal_values.get(signal.name)
        numbers.append(-1.0 if own is None else table_of(signal, own).number)
    return tuple(signals), numbers


def _program(
    inputs: Sequence[sp.Symbol],
    leaves: Mapping[sp.Symbol, Leaf],
    states: int,
    outputs: Sequence[sp.Expr],
) -> Program:
    # the loops' own Jacobian would need second derivatives of a learned Hamiltonian
    if len(outputs) < LARGE or any(f.has(NetworkDerivative) for f in outputs):
        return build_tape(inputs, outputs)
    return build_looped(outputs, leaves, states)


def _leaves(system: ODESystem, fixed: Sequence[sp.Symbol]) -> dict[sp.Symbol, Leaf]:
    """What each symbol of the right-hand side is."""
    kinds: dict[str, Sequence[sp.Symbol]] = {
        "state": system.states, "time": (t,), "parameter": fixed, "trainable": tuple(system.trainable),
    }  # fmt: skip
    facts: dict[frozenset[Any], int] = {}
    found: dict[sp.Symbol, Leaf] = {}
    for kind, symbols in kinds.items():
        for i, symbol in enumerate(symbols):
            assumed = frozenset(symbol.assumptions0.items())
            family = f"{kind}{facts.setdefault(assumed, len(facts))}"
            if kind == "trainable":
                family += str(system.bounds[symbol])
            found[symbol] = Leaf(kind, i, family)
    return found
