"""`Prepared`: a system and its data made ready once, for whatever works on them afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.engines.base import AbstractEngine, Capability
from pysymude.engines.registry import select_engine
from pysymude.errors import InvalidInputError
from pysymude.fit.problem.law_coefficients import check_trainable
from pysymude.fit.problem.law_scales import floors
from pysymude.fit.problem.settings import Settings
from pysymude.fit.treatment.network_scaling import scale_networks
from pysymude.fit.treatment.per_experiment import separated
from pysymude.fit.treatment.smoothing import Smoothing
from pysymude.fit.treatment.weighing import weighed
from pysymude.model.dataset import Dataset
from pysymude.model.system import ODESystem
from pysymude.model.theta import ThetaLayout
from pysymude.model.trajectory import Trajectory
from pysymude.plan.binding import bind, start_u0
from pysymude.plan.compiled import CompiledSystem, compile_system
from pysymude.plan.enforcement import Enforced, enforce
from pysymude.plan.law import read_laws
from pysymude.plan.problem import LossData, LossSpec
from pysymude.solving.checks import check_is_system

__all__ = ["Prepared", "checked_dataset", "measured_states", "prepared"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A problem whose networks have their scalings, with its laws enforced, bound to its data.

    Attributes
    ----------
    system : ODESystem
        As the user wrote it, with network scalings as numbers.
    data : Dataset
    enforced : Enforced
        The system with its laws; ``enforced.solved`` is what is integrated, `plan` its plan.
    spec, loss : LossSpec and LossData
        What is measured, and the numbers of it, columns weighed where that was asked for.
    layout : ThetaLayout
        Which slice of theta means what.
    smoothing : Smoothing
        The data smoothed, in the user's states.
    runner : AbstractEngine
        Which computes it.
    """

    system: ODESystem
    data: Dataset
    enforced: Enforced
    plan: CompiledSystem
    spec: LossSpec
    loss: LossData
    layout: ThetaLayout
    smoothing: Smoothing
    runner: AbstractEngine

    @cached_property
    def compiled(self) -> Any:
        """The plan, as the engine holds it."""
        return self.runner.compile(self.plan)

    def start(self, seed: int) -> Float:
        """A seeded start of theta: weights by their seed, numbers where the system lets them start."""
        values: dict[str, ArrayLike] = {}
        for nn in self.plan.networks:
            weights = nn.initial_weights(seed)
            for k, layer in enumerate(nn.layers, start=1):
                values[f"{nn.name}.W{k}"] = weights[layer.W].reshape(layer.rows, layer.columns)
                values[f"{nn.name}.b{k}"] = weights[layer.b]
        values |= {s.name: v for s, v in self.system.trainable.items()}
        return self.layout.pack(values | start_u0(self.system, self.data))

    @cached_property
    def measured_states(self) -> Float | None:
        """See the function of that name."""
        return measured_states(self.enforced, self.data)


def prepared(system: ODESystem, data: Dataset | Trajectory, settings: Settings) -> Prepared:
    """A problem of a user's, checked, in the order in which one step needs the one before.

    Raises
    ------
    InvalidInputError
        A column, a value or a name that does not fit; a law that cannot be used that way.
    """
    check_is_system(system)
    runner = select_engine(settings.engine, Capability.GRADIENT)
    system, data = separated(system, checked_dataset(data), settings.per_experiment)
    # names and values are checked before anything is computed from them
    plain = enforce(system, (), None)
    bind(compile_system(plain.solved), data, plain)
    laws = read_laws(system, settings.laws, networks=settings.conserve in (None, "report"))
    told = laws or settings.conserve is not None
    given = enforce(system, laws, settings.conserve) if told else plain
    check_trainable(given, data)
    smoothing = Smoothing(system, data)
    enforced = given.with_system(scale_networks(system, smoothing))
    if enforced.penalised:
        enforced = enforced.with_floors(floors(enforced, smoothing))
    plan = compile_system(enforced.solved)
    spec, loss, layout = bind(plan, data, enforced)
    if layout.size == 0:
        raise InvalidInputError(
            "there is nothing to learn: the system has no network, no trainable parameter, and no "
            "trainable initial state; use trainable={k: start}"
        )
    if settings.weigh and settings.loss is None:
        loss = weighed(loss, data, system.noise, absolute=bool(system.priors))
    return Prepared(enforced.system, data, enforced, plan, spec, loss, layout, smoothing, runner)


def measured_states(enforced: Enforced, data: Dataset) -> Float | None:
    """The data by states, NaN where a state is not measured; None where states are not the solved ones."""
    names = [x.name for x in enforced.system.states]
    if names != [x.name for x in enforced.solved.states]:
        return None
    rows: list[Float] = []
    for trajectory in data:
        places = {name: k for k, name in enumerate(trajectory.columns)}
        nothing = np.full(len(trajectory), np.nan)
        columns = [trajectory.u[:, places[n]] if n in places else nothing for n in names]
        rows.append(np.stack(columns, axis=1))
    return np.concatenate(rows)


def checked_dataset(data: Any) -> Dataset:
    """`data` as a Dataset; a single trajectory is one."""
    if isinstance(data, Trajectory):
        return Dataset(data)
    if not isinstance(data, Dataset):
        hint = "psu.Dataset.from_arrays(t, u, states=[...])"
        if isinstance(data, Mapping):
            hint += ", or from_dataframe"
        raise InvalidInputError(f"data must be a Dataset; found {type(data).__name__}. Use {hint}")
    return data
