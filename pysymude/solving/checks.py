"""What a solve is given, checked and in the order of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import by_name, float_array, meant, number_of, short
from pysymude.model.signal_values import SignalValues
from pysymude.model.system import ODESystem
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.fixed_values import parameter_values

__all__ = ["check_is_system", "check_scalings", "initial_state", "output_times", "values"]

Float = NDArray[np.float64]


def _one_number(value: Any, *, what: str) -> float:
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim):
        raise InvalidInputError(
            f"{what} must be one number; found {short(value)}. psu.solve_ensemble solves for several"
        )
    return number_of(value, what=what)


def check_is_system(system: Any) -> None:
    """An error unless `system` is an ODESystem."""
    if not isinstance(system, ODESystem):
        raise InvalidInputError(
            f"expected an ODESystem; found {type(system).__name__}. Write psu.ODESystem({{x: ...}})"
        )


def check_scalings(system: ODESystem) -> None:
    """An error unless all networks know their scaling."""
    for nn in system.networks:
        if nn.needs_data:
            raise InvalidInputError(
                f"network {nn.name!r} takes its scaling from data, and there is no data here; fit "
                "first and use fit.system, or give input_scaling=(shift, scale)"
            )


def output_times(t: ArrayLike) -> Float:
    """Strictly ascending finite times, at least two."""
    times = float_array(t, what="t")
    if times.ndim != 1 or times.size < 2:
        raise InvalidInputError(
            f"t must hold at least two times, the first being the start; found shape {times.shape}"
        )
    # between finite ends whatever ascends is finite
    if not ((times[1:] - times[:-1]).min() > 0 and isfinite(times[0]) and isfinite(times[-1])):
        bad = np.flatnonzero(~(times[1:] > times[:-1]))
        at = int(bad[0]) + 1 if bad.size else int(np.flatnonzero(~np.isfinite(times))[0])
        raise InvalidInputError(
            f"t must be finite and strictly ascending; found t[{at}] = {times[at]:g} after "
            f"{times[at - 1]:g}"
        )
    return times


def initial_state(states: tuple[str, ...], u0: Any) -> Float:
    """u0 in the order of `states`, float64 of shape (states,)."""
    if isinstance(u0, Mapping):
        given = by_name(u0, _one_number, what="u0")
        for name in given:
            if name not in states:
                raise InvalidInputError(
                    f"u0 names {name!r}, which is no state; the states are {', '.join(states)}"
                    f"{meant(name, states)}"
                )
        missing = [name for name in states if name not in given]
        if missing:
            raise InvalidInputError(
                f"u0 has no value for state {missing[0]!r}; give one for each of {', '.join(states)}"
            )
        return np.array([given[name] for name in states])
    if u0 is None:
        raise InvalidInputError(f"u0 is missing: give a value for each of {', '.join(states)}")
    values = float_array(u0, what="u0")
    if values.shape != (len(states),):
        raise InvalidInputError(
            f"u0 must have one value for each of {', '.join(states)}; found shape {values.shape}"
        )
    # where it is finite, so are they, and it is one call
    if not isfinite(values.dot(values)) and not np.isfinite(values).all():
        k = int(np.flatnonzero(~np.isfinite(values))[0])
        raise InvalidInputError(f"u0 must be finite; found {values[k]} for state {states[k]!r}")
    return values


def _own_part(plan: CompiledSystem, theta: Any) -> Any:
    """A theta without the initial states of one experiment that a fit may have learned behind it."""
    array = np.asarray(theta)
    extra = array.size - plan.layout.size
    return array[: plan.layout.size] if array.ndim == 1 and 0 < extra <= len(plan.states) else theta


def values(
    plan: CompiledSystem,
    parameters: Mapping[Any, float] | None,
    theta: ArrayLike | Mapping[str, ArrayLike] | None,
    signals: Mapping[str, SignalValues] = MappingProxyType({}),
) -> tuple[Float, Float]:
    """P and theta from what the user gave and what the system knows."""
    given = by_name(parameters, _one_number, what="parameters") if parameters else {}
    learned = {name: given.pop(name) for name in plan.trainable if name in given}
    if isinstance(theta, Mapping):
        vector = plan.layout.pack(theta)
    elif theta is not None:
        vector = plan.layout.check(_own_part(plan, theta)).copy()
    elif plan.networks:
        raise InvalidInputError(
            f"the system contains the network {plan.networks[0].name!r}, so solve needs theta=, a "
            f"vector of {plan.layout.size} numbers such as fit.theta"
        )
    else:
        vector = plan.start.copy()
    for name, value in learned.items():
        slot = plan.layout[name]
        if not slot.low <= value <= slot.high:
            raise InvalidInputError(
                f"parameter {name!r} must lie in [{slot.low:g}, {slot.high:g}]; found {value:g}"
            )
        vector[slot.offset] = float(slot.stored(value))
    return parameter_values(plan, given, signals), vector
