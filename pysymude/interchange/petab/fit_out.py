"""A fit as the tables of PEtab version 2."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.errors import EmissionError
from pysymude.interchange.packages import needed
from pysymude.interchange.petab.bounded import FAMILIES
from pysymude.interchange.petab.formula_out import Formulas
from pysymude.interchange.petab.model_out import model_text
from pysymude.interchange.petab.network_out import (
    arrays_of,
    mapping_rows,
    network_yaml,
    scaled_output,
    weights_content,
    wiring_rows,
)
from pysymude.model.distributions.distribution import Distribution
from pysymude.model.distributions.laplace import Laplace
from pysymude.model.distributions.loglaplace import LogLaplace
from pysymude.model.distributions.lognormal import LogNormal
from pysymude.model.distributions.normal import Normal
from pysymude.model.network import NetworkOutput
from pysymude.model.trajectory import Trajectory

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["FitTables"]

_RESERVED = frozenset({
    "time", "pi", "e", "inf", "nan", "true", "false", "exponentiale", "avogadro", "and", "or",
    "not", "xor", "abs", "ceil", "exp", "floor", "ln", "log", "log2", "log10", "sqrt", "pow", "min",
    "max", "piecewise", "sin", "cos", "tan", "sec", "csc", "cot", "sinh", "cosh", "tanh", "arcsin",
    "arccos", "arctan", "root", "sign", "asin", "acos", "atan", "heaviside",
})  # fmt: skip
_NOISE: dict[type[Distribution], str] = {
    Normal: "normal", LogNormal: "log-normal", Laplace: "laplace", LogLaplace: "log-laplace",
}  # fmt: skip
_PRIORS: dict[type[Distribution], str] = {
    family: name for (name, scaled), family in FAMILIES.items() if not scaled
}

Cells = Sequence[Any]


class FitTables:
    """The files of a fit, by name."""

    def __init__(self, fit: FitResult) -> None:
        self.fit, self.system, self.data = fit, fit.system, fit.data
        if fit.laws and fit.objective.enforced.conserve in ("project", "eliminate"):
            _refuse("laws that are built into the equations")
        if fit.objective.settings.equivariance or (
            fit.laws and fit.objective.enforced.conserve == "penalty"
        ):
            _refuse("penalties of laws and symmetries")
        values: Any = fit.values
        self.values: dict[str, Any] = values
        names = [
            s.name
            for s in (
                *self.system.states, *self.system.parameters, *self.system.trainable,
                *self.system.symbolic_parameters,
            )
        ]  # fmt: skip
        self.taken: set[str] = set(names) | {nn.name for nn in self.system.networks}
        self.names = {n: n if n not in _RESERVED else self._fresh(n + "_") for n in names}
        self.starts = {
            s.name: self._fresh(f"{s.name.rpartition('.')[2]}_start{k}")
            for k, s in enumerate(fit.layout.of_kind("u0"))
        }
        self.columns = {c: self._fresh(f"obs_{c}") for c in self.data.columns}

    def _fresh(self, name: str) -> str:
        while name in self.taken or name in _RESERVED:
            name += "_"
        self.taken.add(name)
        return name

    # -- formulas -----------------------------------------------------------------------------

    @cached_property
    def outputs(self) -> dict[Any, str]:
        """Parameters of the model that stand for outputs of networks that its equations read."""
        found: dict[Any, str] = {}
        parts = (*self.system.rhs.values(), *self.system.initial.values())
        for output in sorted({o for e in parts for o in e.atoms(NetworkOutput)}, key=str):
            found[output] = self._fresh(f"{output.network.name}_set{output.index}")
        return found

    @cached_property
    def calls(self) -> dict[str, tuple[Any, ...]]:
        """What each network reads, which is the same wherever it stands."""
        system = self.system
        measured = (e for k, e in system.observables.items() if k in self.data.columns)
        noise = (a for model in system.noise.values() for a in model.args)
        values = (
            v
            for tr in self.data
            for given in (
                tr.u0,
                tr.parameters,
                *(m for p in tr.periods for m in (p.set, p.parameters)),
            )
            for v in given.values()
        )
        found: dict[str, tuple[Any, ...]] = {}
        for e in (*system.rhs.values(), *system.initial.values(), *measured, *noise, *values):
            for output in e.atoms(NetworkOutput) if isinstance(e, sp.Expr) else ():
                before = found.setdefault(output.network.name, output.inputs)
                if before != output.inputs:
                    _refuse(f"network {output.network.name!r} at two sets of inputs")
        return found

    @cached_property
    def model(self) -> Formulas:
        """Names within the model."""
        return Formulas(self.names, self.outputs)

    @cached_property
    def tables(self) -> Formulas:
        """Names within tables, which read outputs of networks directly."""
        outputs: dict[Any, str] = {}
        for nn in self.system.networks:
            for i, output in enumerate(nn(*self.calls.get(nn.name, nn.inputs))):
                outputs[output] = scaled_output(nn, i)
        return Formulas(self.names, outputs)

    # -- files --------------------------------------------------------------------------------

    def files(self) -> dict[str, bytes]:
        """The content of each file.

        Raises
        ------
        EmissionError
            Something that PEtab has no word for.
        """
        conditions, experiments = self._conditions()
        texts = {
            "model.xml": model_text(
                self.system, self.model, dict.fromkeys(self.outputs.values(), "")
            ),
            "parameters.tsv": _table(
                "parameterId lowerBound upperBound nominalValue estimate priorDistribution priorParameters",
                self._parameters(),
            ),
            "observables.tsv": _table(
                "observableId observableFormula noiseFormula noiseDistribution noisePlaceholders",
                self._observables(),
            ),
            "experiments.tsv": _table("experimentId time conditionId", experiments),
            "measurements.tsv": _table(
                "observableId experimentId time measurement noiseParameters", self._measurements()
            ),
        }
        if conditions:
            texts["conditions.tsv"] = _table("conditionId targetId targetValue", conditions)
        whole: dict[str, Any] = {
            "format_version": "2.0.0",
            "model_files": {"model": {"language": "sbml", "location": "model.xml"}},
            **{
                f"{kind}_files": [f"{kind}s.tsv"]
                for kind in ("parameter", "observable", "experiment", "measurement", "condition")
                if f"{kind}s.tsv" in texts
            },
        }
        found = {k: v.encode() for k, v in texts.items()}
        if self.system.networks:
            whole |= self._network_section()
            found |= self._network_files()
        found["problem.yaml"] = needed("yaml").safe_dump(whole, sort_keys=False).encode()
        return found

    # -- tables -------------------------------------------------------------------------------

    def _parameters(self) -> Iterator[Cells]:
        frozen = self.fit.objective.frozen
        for symbol in self.system.trainable:
            low, high = self.system.bounds[symbol]
            value = float(self.values[symbol.name])
            yield (
                self.names[symbol.name], low, high, value, _truth(symbol.name not in frozen),
                *_prior(symbol.name, self.system.priors.get(symbol.name)),
            )  # fmt: skip
        for slot, key in self.starts.items():
            bounds = self.fit.layout[slot]
            yield key, bounds.low, bounds.high, float(self.values[slot]), "true", "", ""
        for nn in self.system.networks:
            whole = self.system.priors.get(nn.name)
            for letter, k, _ in arrays_of(nn):
                name = f"{nn.name}.{letter}{k}"
                kept = name in frozen or nn.name in frozen
                prior = _prior(name, self.system.priors.get(name, whole))
                key = f"{nn.name}_{letter}{k}"
                yield key, -math.inf, math.inf, "array", _truth(not kept), *prior

    def _observables(self) -> Iterator[Cells]:
        states = {x.name: x for x in self.system.states}
        for column, key in self.columns.items():
            expr = self.system.observables.get(column, states.get(column))
            model = self.system.noise.get(column)
            formula = self.tables.infix(expr)
            if model is None:
                yield key, formula, f"sd_{key}", "normal", f"sd_{key}"
            elif type(model) in _NOISE:
                yield key, formula, self.tables.infix(model.args[0]), _NOISE[type(model)], ""
            else:
                _refuse(f"the noise {model!r} of {column!r}")

    @cached_property
    def _scales(self) -> NDArray[np.float64]:
        """Standard deviations of measurements without a noise model, (experiments, times, columns)."""
        loss, obj = self.fit.objective.loss, self.fit.objective
        with np.errstate(divide="ignore"):
            found = 1.0 / loss.weight
        seen = obj.simulated(self.fit.theta)
        for j, column in enumerate(self.data.columns):
            if column in self.system.noise or any(column in tr.noise for tr in self.data):
                continue
            counted = loss.weight[:, :, j] > 0
            r = (seen[:, :, j] - loss.y[:, :, j])[counted]
            found[:, :, j] = math.sqrt(max(float((r**2).mean()), 1e-300)) if r.size else 1.0
        return found

    def _measurements(self) -> Iterator[Cells]:
        for e, trajectory in enumerate(self.data):
            if trajectory.censored.any():
                _refuse("measurements that are only limits")
            for j, column in enumerate(trajectory.columns):
                place = self.data.columns.index(column)
                own = column not in self.system.noise
                for i in np.flatnonzero(~np.isnan(trajectory.u[:, j])):
                    scale = float(self._scales[e, i, place]) if own else ""
                    value = float(trajectory.u[i, j])
                    yield self.columns[column], f"e{e}", float(trajectory.t[i]), value, scale

    # -- experiments --------------------------------------------------------------------------

    def _conditions(self) -> tuple[list[Cells], list[Cells]]:
        conditions: list[Cells] = []
        experiments: list[Cells] = []
        for e, trajectory in enumerate(self.data):
            for k, (start, changes) in enumerate(self._periods(e, trajectory)):
                key = f"e{e}_{k}" if changes else ""
                experiments.append((f"e{e}", start, key))
                conditions += [(key, self.names[name], text) for name, text in changes.items()]
        return conditions, experiments

    def _periods(self, e: int, trajectory: Trajectory) -> list[tuple[float, dict[str, str]]]:
        """Starts, and what changes there, by name."""
        if trajectory.doses and trajectory.periods:
            _refuse(f"doses and periods in one experiment, {trajectory.name!r}")
        if any(p.rest for p in trajectory.periods):
            _refuse(f"rest between periods, in experiment {trajectory.name!r}")
        for name in (
            *trajectory.parameters,
            *(n for p in trajectory.periods for n in p.parameters),
        ):
            if self.system.symbol(name) in self.system.trainable:
                _refuse(
                    f"a value for {name!r}, which is learned, in experiment {trajectory.name!r}"
                )
        base: dict[str, Any] = {s.name: v for s, v in self.system.parameters.items()}
        base |= trajectory.parameters
        stages = [
            (float(_fixed(p.start)), dict(p.set), base | dict(p.parameters))
            for p in trajectory.periods
        ]
        if not stages or stages[0][0] > trajectory.t0:
            stages = [(trajectory.t0, dict[str, Any](), base), *stages]
        by_time: dict[float, dict[str, Any]] = {}
        for name, pairs in trajectory.doses.items():
            x = self.system.symbol(name)
            for time, amount in pairs:
                by_time.setdefault(float(_fixed(time)), {})[name] = x + sp.sympify(
                    amount, strict=True
                )
        stages += [(time, sets, base) for time, sets in sorted(by_time.items())]
        return self._changes(e, trajectory, stages)

    def _changes(
        self,
        e: int,
        trajectory: Trajectory,
        stages: list[tuple[float, dict[str, Any], dict[str, Any]]],
    ) -> list[tuple[float, dict[str, str]]]:
        found: list[tuple[float, dict[str, str]]] = []
        before: dict[str, Any] = {s.name: v for s, v in self.system.parameters.items()}
        for start, sets, values in stages:
            changes = {} if found else self._starts(e, trajectory)
            if not found:
                sets = {k: v for k, v in sets.items() if k not in changes}
            changes |= {k: self.tables.infix(v) for k, v in sets.items()}
            changes |= {k: self.tables.infix(v) for k, v in values.items() if before.get(k) != v}
            if found and found[-1][0] == start:
                found[-1][1].update(changes)
            else:
                found.append((start, changes))
            before = values
        return found

    def _starts(self, e: int, trajectory: Trajectory) -> dict[str, str]:
        """Starts of states where the system does not say them."""
        found: dict[str, str] = {}
        for x in self.system.states:
            slot = f"u0[{trajectory.name}].{x.name}"
            if slot in self.starts:
                found[x.name] = self.starts[slot]
            elif x.name in trajectory.u0:
                found[x.name] = self.tables.infix(trajectory.u0[x.name])
            elif x not in self.system.initial:
                found[x.name] = self.tables.infix(float(trajectory.initial_state([x])[0]))
        return found

    # -- networks -----------------------------------------------------------------------------

    def _network_section(self) -> dict[str, Any]:
        networks = {
            nn.name: {"location": f"{nn.name}.yaml", "format": "YAML", "pre_initialization": False}
            for nn in self.system.networks
        }
        section = {
            "version": "0.1.0", "required": True, "neural_networks": networks,
            "hybridization_files": ["hybridization.tsv"], "array_files": ["weights.hdf5"],
        }  # fmt: skip
        return {"mapping_files": ["mapping.tsv"], "extensions": {"sciml": section}}

    def _network_files(self) -> dict[str, bytes]:
        networks = self.system.networks
        mapping = [row for nn in networks for row in mapping_rows(nn)]
        wiring: list[Cells] = []
        for nn in networks:
            targets = {o.index: key for o, key in self.outputs.items() if o.network == nn}
            wiring += wiring_rows(nn, self.calls.get(nn.name, nn.inputs), self.tables, targets)
        arrays = {
            (nn.name, f"layer{k}", array): np.asarray(self.values[f"{nn.name}.{letter}{k}"])
            for nn in networks
            for letter, k, array in arrays_of(nn)
        }
        return {
            "mapping.tsv": _table("petabEntityId modelEntityId", mapping).encode(),
            "hybridization.tsv": _table("targetId targetValue", wiring).encode(),
            "weights.hdf5": weights_content(arrays),
            **{f"{nn.name}.yaml": network_yaml(nn).encode() for nn in networks},
        }


def _fixed(time: Any) -> float:
    return _refuse(f"the time {time}, which is learned") if isinstance(time, sp.Expr) else time


def _prior(name: str, given: Distribution | None) -> tuple[str, str]:
    if given is None:
        return "", ""
    if type(given) not in _PRIORS or given.free_symbols:
        _refuse(f"the prior {given!r} of {name!r}")
    return _PRIORS[type(given)], ";".join(repr(float(a)) for a in given.args)


def _truth(yes: bool) -> str:
    return "true" if yes else "false"


def _table(header: str, rows: Iterable[Cells]) -> str:
    lines = ["\t".join(header.split())]
    lines += ["\t".join(repr(c) if isinstance(c, float) else str(c) for c in row) for row in rows]
    return "\n".join(lines) + "\n"


def _refuse(what: str) -> Any:
    raise EmissionError(f"PEtab has no word for {what}", target="PEtab")
