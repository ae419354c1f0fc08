# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false
"""The chosen combination in place of the network, as a system of its own, fitted on the same data."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.fit.result.fit_result import FitResult
from pysymude.fit.stages.lbfgs import LBFGS
from pysymude.fit.training.fitting import fit as train
from pysymude.model.dataset import Dataset
from pysymude.model.network import MLP
from pysymude.model.signals_within import values_within
from pysymude.model.system import ODESystem
from pysymude.plan.law import Law
from pysymude.recover.blended import Blended, replaced
from pysymude.recover.library import Candidates
from pysymude.recover.model_search import Model

__all__ = ["refitted", "sparse_system", "split"]

Float = NDArray[np.float64]


def split(
    outputs: Sequence[Candidates], support: Sequence[int]
) -> list[tuple[Candidates, sp.Expr]]:
    """For each number in a support the output and the candidate that it stands for."""
    table = [(out, term) for out in outputs for term in out.terms]
    return [table[j] for j in support]


def sparse_system(
    system: ODESystem,
    outputs: Sequence[Candidates],
    support: Sequence[int],
    factors: Sequence[Any],
    laws: Sequence[Law] = (),
) -> ODESystem:
    """`system` with sums of candidates, each times its factor, in place of the networks.

    Coefficients of `laws` stay, though they may stand in no equation.
    """
    numbered = dict(zip(support, factors, strict=True))
    forms: dict[tuple[str, int], Any] = {}
    offset = 0
    for out in outputs:
        own = {j: numbered[offset + j] for j in range(len(out.terms)) if offset + j in numbered}

        def form(z: Any, nn: Any, out: Candidates = out, own: dict[int, Any] = own) -> sp.Expr:
            terms = out.at(z)
            return sp.Add(*(c * terms[j] for j, c in own.items()))

        forms[out.network.name, out.index] = form
        offset += len(out.terms)
    values = dict(zip(factors, [1.0] * len(factors), strict=True))
    symbols = {c: v for c, v in values.items() if isinstance(c, sp.Symbol)}
    changed: dict[str, Any] = {
        "rhs": {x: replaced(f, forms) for x, f in system.rhs.items()},
        "observables": {name: replaced(g, forms) for name, g in system.observables.items()},
    }
    events = [event.mapped(lambda expr: replaced(expr, forms)) for event in system.events]
    kept = [f for part in changed.values() for f in part.values()]
    kept += [*system.initial.values(), *(f for model in system.noise.values() for f in model.args)]
    kept += [f for event in events for f in event.expressions]
    signals = values_within(system, kept)
    left = {s for part in changed.values() for f in part.values() for s in f.free_symbols}
    left |= {s for event in events for f in event.expressions for s in f.free_symbols}
    left |= {s for law in laws for f in (law.expr, law.rate) for s in f.free_symbols}
    left |= {s for model in system.noise.values() for f in model.args for s in f.free_symbols}
    left |= {s for start in system.initial.values() for s in start.free_symbols}
    left |= {s for points in signals.values() for f in points.knots for s in f.free_symbols}
    trainable = {s: v for s, v in system.trainable.items() if s in left}
    names = {s.name for s in trainable}
    return system.replace(
        **changed,
        events=events,
        parameters={s: v for s, v in system.parameters.items() if s in left},
        trainable=trainable | symbols,
        bounds={s: b for s, b in system.bounds.items() if s in trainable},
        scales={s: v for s, v in system.given_scales.items() if s in trainable},
        # those of weights have nothing left to speak of
        priors={name: prior for name, prior in system.priors.items() if name in names},
        signals=signals,
    )


def coefficient_symbols(system: ODESystem, count: int) -> list[sp.Symbol]:
    """``c1``, ``c2``, ...: names that the system does not use."""
    expressions = system.expressions
    taken = {s.name for f in expressions for s in f.free_symbols} | {
        nn.name for nn in system.networks
    }
    taken |= {s.name for s in (*system.states, *system.parameters, *system.trainable)}
    taken |= set(system.observables)
    free = (name for i in itertools.count(1) if (name := f"c{i}") not in taken)
    return [sp.Symbol(name, real=True) for name in itertools.islice(free, count)]


def _keywords(fit: FitResult) -> dict[str, Any]:
    """How the fit was made, but for what needs a network: of it there is none any more."""
    found = fit.objective.settings.of_fit
    laws = [law for law in fit.laws if not law.expr.has(MLP) and not law.rate.has(MLP)]
    if found["conserve"] in ("project", "eliminate") or not laws:
        found["conserve"] = "report" if laws else None
    return found | {"laws": laws}


def with_signals_of(data: Dataset, system: ODESystem) -> Dataset:
    """The data with those signals alone that a system reads."""
    names = {signal.name for signal in system.signals}
    return Dataset(
        replace(tr, signals={k: v for k, v in tr.signals.items() if k in names}) for tr in data
    )


def refitted(blended: Blended, model: Model) -> FitResult:
    """The sparse system fitted on the data of the fit: same objective, solver, tolerances and engine.

    It starts at the model's numbers, which are already those of least squares.
    """
    fit = blended.fit
    symbols = coefficient_symbols(fit.system, len(model.support))
    keywords = _keywords(fit)
    system = sparse_system(fit.system, blended.outputs, model.support, symbols, keywords["laws"])
    names = {s.name for s in system.trainable}
    keywords["frozen"] = [name for name in keywords["frozen"] if name in names]
    data = with_signals_of(fit.data, system)
    obj = fit.objective.rebuilt(system, data, **keywords)
    theta = np.empty(obj.layout.size)
    for symbol, j in zip(symbols, model.support, strict=True):
        theta[obj.layout[symbol.name].offset] = model.q[j]
    for k, nuisance in enumerate(blended.nuisances, start=blended.n_coefficients):
        if nuisance.name in obj.layout:
            theta[obj.layout[nuisance.name].offset] = model.q[k]
    return train(system, data, stages=LBFGS(50), theta0=theta, progress=False, **keywords)
