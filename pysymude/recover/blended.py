# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false
"""The fitted system with every network blended into a combination of candidates, as arrays.

A network output nn becomes w*nn + sum c_j phi_j. With w = 1 and c = 0 it is the fitted system, with
w = 0 a network-free one. So one program gives the residuals of every candidate model, and
their sensitivities by central differences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.engines.base import Method
from pysymude.fit.result.fit_result import FitResult
from pysymude.model.network import NetworkDerivative, NetworkOutput
from pysymude.model.signals_within import values_within
from pysymude.model.system import ODESystem
from pysymude.model.transforms import from_unconstrained
from pysymude.plan.compiled import compile_system
from pysymude.plan.numeric import NumericModel
from pysymude.recover.learned import learned_outputs
from pysymude.recover.library import Candidates

__all__ = ["Blended", "Nuisance", "replaced", "tight"]

Float = NDArray[np.float64]

_FEWEST = 1024  # steps that every candidate may take


def replaced(
    expr: sp.Expr,
    forms: dict[tuple[str, int], Any],
) -> sp.Expr:
    """`expr` with every network output, and derivative of one, replaced.

    `forms` gives for (network, output) a function of the inputs there and of the output itself.
    """
    atoms = expr.atoms(NetworkOutput, NetworkDerivative)
    changes: dict[sp.Basic, sp.Basic] = {}
    for atom in atoms:
        nn, index = cast("Any", atom.args[0]), int(cast("Any", atom.args[1]))
        form = forms[nn.name, index]
        if isinstance(atom, NetworkOutput):
            changes[atom] = form(atom.inputs, atom)
            continue
        # a derivative with respect to inputs, taken at symbols and moved to the inputs
        inputs = atom.inputs
        at = sp.symbols(f"z:{len(inputs)}", cls=sp.Dummy)
        slope = form(at, NetworkOutput(nn, sp.Integer(index), *at)).diff(*(at[j] for j in atom.by))
        changes[atom] = slope.xreplace(dict(zip(at, inputs, strict=True)))
    return cast("sp.Expr", expr.xreplace(changes))


def tight(fit: FitResult) -> Method:
    """The fit's method with tolerances at which differences of solutions mean something.

    A candidate that takes ten times the steps of the fitted system is not worth waiting for.
    """
    obj = fit.objective
    factor = min(1.0, 1e-8 / obj.method.reltol)
    abstol = tuple((factor * np.atleast_1d(obj.method.abstol)).tolist())
    method = replace(obj.method, reltol=obj.method.reltol * factor, abstol=abstol)
    batch = obj.loss.batch
    u0 = np.stack([fit.u0(e) for e in range(len(fit.data))])
    solved = obj.runner.solve(
        obj.runner.compile(obj.plan), replace(batch, u0=u0 @ obj.enforced.mix.T), fit.theta, method
    )
    return replace(method, max_steps=max(_FEWEST, 10 * int(solved.counts[:, 0].max())))


@dataclass(frozen=True)
class Nuisance:
    """A number that is learned beside the coefficients: a trainable parameter or initial state.

    `slot` is its place in theta of the fit; `experiment` and `state` are -1 for a parameter.
    """

    name: str
    slot: int
    low: float
    high: float
    experiment: int = -1
    state: int = -1
    log: bool = False


class Blended:
    """Residuals of candidate models, weighted as in the fit's loss.

    The unknowns are the coefficients of all candidates, one output after the other, then the
    nuisances on their unconstrained scale. `weights` has one number an output: 1 keeps its network,
    0 removes it.
    """

    def __init__(self, fit: FitResult, outputs: Sequence[Candidates], method: Method) -> None:
        self.fit, self.outputs, self.method = fit, tuple(outputs), method
        self.sizes = [len(o.terms) for o in self.outputs]
        self.n_coefficients = sum(self.sizes)
        obj = fit.objective
        self.nuisances = tuple(_nuisances(fit))
        self.system, self._weights, self._coefficients = _blend(fit, self.outputs)
        self.plan = compile_system(self.system)
        weights = obj.layout.of_kind("weight")
        self.theta = fit.theta[: sum(s.size for s in weights)]
        self._compiled = obj.runner.compile(self.plan)
        self._known = self._parameters()
        loss = obj.loss
        self.seen = loss.weight > 0
        self.y = (loss.weight * loss.y)[self.seen]

    @property
    def size(self) -> int:
        """Number of unknowns."""
        return self.n_coefficients + len(self.nuisances)

    @cached_property
    def start(self) -> Float:
        """The unknowns of the fitted system: no candidate, and the nuisances as learned."""
        return np.concatenate(
            [np.zeros(self.n_coefficients), self.fit.theta[[n.slot for n in self.nuisances]]]
        )

    def values(self, rows: Float, weights: Float) -> Float:
        """Weighted model values where something was measured; NaN where a solve failed.

        Parameters
        ----------
        rows : float64 array, shape (rows, unknowns)
        weights : float64 array, shape (rows, outputs)

        Returns
        -------
        float64 array, shape (rows, measurements)
        """
        loss, plan = self.fit.objective.loss, self.plan
        E, R = len(self._known), len(rows)
        p = np.repeat(self._known[None], R, axis=0)
        names = list(plan.parameters)
        # the constant of a potential stands in no equation
        there = [k for k, n in enumerate(self._coefficients) if n in names]
        p[:, :, [names.index(self._coefficients[k]) for k in there]] = rows[:, None, there]
        p[:, :, [names.index(n) for n in self._weights]] = weights[:, None, :]
        u0 = np.repeat(loss.batch.u0[None], R, axis=0)
        for k, nuisance in enumerate(self.nuisances, start=self.n_coefficients):
            value = from_unconstrained(rows[:, k], nuisance.low, nuisance.high, nuisance.log)
            if nuisance.experiment >= 0:
                u0[:, nuisance.experiment, nuisance.state] = value
            elif nuisance.name in names:  # others stand in starts alone
                p[:, :, names.index(nuisance.name)] = np.asarray(value)[:, None]
        self._fill_starts(u0, rows)
        flat = [a.reshape(R * E, -1) for a in (u0, p)]
        each = np.tile(np.arange(E), R)
        batch = replace(loss.batch.part(each), u0=flat[0], p=flat[1])
        found = self.fit.objective.runner.solve(self._compiled, batch, self.theta, self.method)
        u = found.u.reshape(R, E, *found.u.shape[1:])
        columns = np.moveaxis(self._columns(u, p), 0, -1)
        seen = np.broadcast_to(self.seen, columns.shape)
        return (columns * loss.weight)[seen].reshape(R, -1)

    def _fill_starts(self, u0: Float, rows: Float) -> None:
        """Starts that ``initial=`` gives, at the nuisances of each row, in place."""
        starts, index = self.fit.objective.starts, self.fit.objective.loss.u0_index
        if starts is None:
            return
        e, k = np.nonzero((index >= starts.size) & (index < starts.size + starts.count))
        theta, slots = self.fit.theta.copy(), [n.slot for n in self.nuisances]
        for r, row in enumerate(rows):
            theta[slots] = row[self.n_coefficients :]
            u0[r, e, k] = starts.values(theta)[index[e, k] - starts.size]

    def _columns(self, u: Float, p: Float) -> Float:
        """Measured columns, shape (columns, rows, experiments, times)."""
        plan, spec = self.plan, self.fit.objective.spec
        model = NumericModel(plan, np.moveaxis(p, -1, 0)[..., None], self.theta)
        found: list[Float] = []
        for name in spec.columns:
            if name in plan.states:
                found.append(u[..., plan.states.index(name)])
            else:
                times = self.fit.objective.loss.batch.ts
                tape = plan.tape([plan.column(name)])
                found.append(model.evaluate(tape, times, u)[..., 0])
        return np.stack(found)

    def _parameters(self) -> Float:
        """P of the blended plan for each experiment, with zeros for what is set in each row."""
        plan, obj = self.plan, self.fit.objective
        known = np.zeros((len(self.fit.data), len(plan.parameters) + len(plan.signals)))
        names, first = [signal.name for signal in obj.plan.signals], len(obj.plan.parameters)
        for j, signal in enumerate(plan.signals, start=len(plan.parameters)):
            known[:, j] = obj.loss.batch.p[:, first + names.index(signal.name)]
        for j, name in enumerate(plan.parameters):
            if name in obj.plan.parameters:
                known[:, j] = obj.loss.batch.p[:, obj.plan.parameters.index(name)]
        return known


def _nuisances(fit: FitResult) -> list[Nuisance]:
    layout, loss = fit.layout, fit.objective.loss
    # what laws alone read means nothing to a model without networks
    unread = {s.name for s in fit.system.unread}
    slots = [s for s in layout.of_kind("parameter") if s.name not in unread]
    found = [Nuisance(s.name, s.offset, s.low, s.high, log=s.log) for s in slots]
    states = fit.system.states
    # behind theta stand the starts that are expressions
    own = (loss.u0_index >= 0) & (loss.u0_index < layout.size)
    for e, k in np.argwhere(own):
        low = 0.0 if states[k].is_positive else -np.inf
        slot = int(loss.u0_index[e, k])
        name = next(s.name for s in layout.of_kind("u0") if s.offset == slot)
        found.append(Nuisance(name, slot, low, np.inf, int(e), int(k)))
    return found


def _blend(fit: FitResult, outputs: Sequence[Candidates]) -> tuple[ODESystem, list[str], list[str]]:
    """The blended system, the names of its weights and those of its coefficients."""
    system, learned = fit.system, learned_outputs(fit)
    taken = {
        s.name for f in (*system.rhs.values(), *system.observables.values()) for s in f.free_symbols
    }
    prefix = "c"
    while any(name.startswith(prefix) for name in taken):
        prefix += "c"
    weights: list[str] = []
    coefficients: list[str] = []
    forms: dict[tuple[str, int], Any] = {}
    for k, output in enumerate(outputs):
        w = sp.Symbol(f"{prefix}w{k}", real=True)
        c = [sp.Symbol(f"{prefix}{k}_{j}", real=True) for j in range(len(output.terms))]
        weights.append(w.name)
        coefficients += [s.name for s in c]

        def form(z: Any, nn: Any, output: Any = output, w: Any = w, c: Any = c) -> sp.Expr:
            return w * learned.get(nn, nn) + sp.Add(
                *(a * b for a, b in zip(c, output.at(z), strict=True))
            )

        forms[output.network.name, output.index] = form
    changed = {x: replaced(f, forms) for x, f in system.rhs.items()}
    observed = {name: replaced(f, forms) for name, f in system.observables.items()}
    events = [event.mapped(lambda expr: replaced(expr, forms)) for event in system.events]
    kept = [*changed.values(), *observed.values(), *(f for e in events for f in e.expressions)]
    found = ODESystem(
        changed, parameters={**system.parameters}, observables=observed, events=events,
        signals=values_within(system, kept),
    )  # fmt: skip
    return found, weights, coefficients
