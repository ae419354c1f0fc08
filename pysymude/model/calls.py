"""Calls with keywords that a function does not have, or without those that it needs: said in words that help."""

from __future__ import annotations

import inspect
import operator
import os
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from pysymude.errors import InvalidInputError, WrongCallError
from pysymude.model.coerce import close_matches

__all__ = ["caller_level", "explained", "explained_class", "instead", "whole_number"]

P = ParamSpec("P")
R = TypeVar("R")
Kind = TypeVar("Kind")

_ELSEWHERE = {
    "rtol": "reltol",
    "atol": "abstol",
    "tolerance": "reltol",
    "tol": "reltol",
    "method": "stages solver",
    "alg": "solver",
    "algorithm": "solver",
    "t_eval": "t",
    "t_span": "t",
    "tspan": "t",
    "saveat": "t",
    "ts": "t",
    "time": "t",
    "times": "t",
    "y": "u",
    "values": "u",
    "y0": "u0",
    "x0": "u0 theta0",
    "initial": "u0",
    "initial_state": "u0",
    "p": "parameters",
    "p0": "theta0 parameters",
    "params": "parameters theta0",
    "args": "parameters",
    "max_step": "dtmax",
    "hmax": "dtmax",
    "mxstep": "max_steps",
    "max_num_steps": "max_steps",
    "tcrit": "tstops",
    "d_discontinuities": "tstops",
    "lr": "learning_rate",
    "step_size": "learning_rate",
    "maxiters": "iterations max_steps",
    "maxiter": "iterations",
    "max_iter": "iterations",
    "max_nfev": "iterations",
    "n_iter": "iterations",
    "epochs": "iterations",
    "optimizer": "stages",
    "callbacks": "callback",
    "l2": "weight_decay",
    "random_state": "seed",
    "random_seed": "seed",
    "rng": "seed",
    "key": "seed",
    "verbose": "progress",
    "disp": "progress",
    "progressbar": "progress",
    "progress_bar": "progress",
    "n_jobs": "jobs",
    "workers": "jobs",
    "n_starts": "n",
    "num_samples": "draws",
    "n_samples": "draws",
    "nsamples": "draws",
    "tune": "warmup",
    "burn_in": "warmup",
    "num_warmup": "warmup",
    "num_chains": "chains",
    "n_chains": "chains",
    "confidence": "level",
    "confidence_level": "level",
    "sigma": "noise",
    "yerr": "noise",
    "columns": "states",
    "observed": "states",
    "layers": "hidden",
    "width": "hidden",
    "equations": "rhs",
    "axes": "ax",
}
"""What other libraries call it, and its name here, or its names."""

_TRAINING = "stages=[psu.Adam(300), psu.LBFGS(500)] says how training goes"
_DERIVATIVES = "derivatives are exact and made by themselves; leave it out"
_HINTS = {
    "epochs": _TRAINING,
    "iterations": _TRAINING,
    "maxiters": _TRAINING,
    "maxiter": _TRAINING,
    "max_iter": _TRAINING,
    "max_nfev": _TRAINING,
    "n_iter": _TRAINING,
    "jac": _DERIVATIVES,
    "gradient": _DERIVATIVES,
    "dense_output": "a solution can be called at any time between its outputs, sol(0.5); leave it out",
    "vectorized": "right-hand sides are SymPy expressions; leave it out",
    "lr": "write stages=psu.Adam(300, learning_rate=0.01)",
    "learning_rate": "write stages=psu.Adam(300, learning_rate=0.01)",
    "u0": "initial values stand with the data: psu.Dataset.from_arrays(..., u0={x: 1.0})",
    "trainable_u0": "it stands with the data: psu.Dataset.from_arrays(..., trainable_u0=True)",
    "events": "events that set states stand with the system: psu.ODESystem(..., events=[psu.Event(...)])",
    "noise": "it stands with the data: psu.Dataset.from_arrays(..., noise=0.1)",
    "bounds": "bounds stand with the system: psu.ODESystem(..., bounds={k: (0.1, 10)})",
    "priors": "priors stand with the system: psu.ODESystem(..., priors={k: psu.Normal(1, 0.5)})",
    "parameters": "values stand with the system: psu.ODESystem(..., parameters={k: 1.0}, trainable={r: 1.0})",
    "values": "numbers of a signal come with the data or a solve: signals={T: (times, values)}",
}
"""What to write where the function has nothing of the kind."""

_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")

_EXAMPLES = {
    "u0": "u0={x: 1.0, y: 0.5}, the initial state",
    "t": "t=np.linspace(0, 10, 101), the times",
    "states": "states=['x', 'y'], what the columns of u measure",
    "hidden": "hidden=(8, 8), the widths of the hidden layers",
    "inputs": "inputs=[x, y], what the network reads",
    "outputs": "outputs=2, how many numbers it gives",
    "data": "data, a psu.Dataset such as psu.Dataset.from_arrays(t, u, states=[x, y])",
    "system": "a system, psu.ODESystem({x: ...})",
}


def explained(function: Callable[P, R]) -> Callable[P, R]:
    """The same function; a call that does not fit its signature is a `WrongCallError` that says what would."""

    @wraps(function)
    def call(*args: P.args, **keywords: P.kwargs) -> R:
        try:
            return function(*args, **keywords)
        except TypeError as error:
            # one that was raised inside has a longer way behind it
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise
            raise WrongCallError(_why(function, args, keywords) or str(error)) from None

    return call


def explained_class(kind: type[Kind]) -> type[Kind]:
    """The same class, whose constructor is `explained`."""
    kind.__init__ = explained(kind.__init__)
    return kind


def whole_number(value: Any, *, what: str, least: int = 0) -> int:
    """`value` as an int that is `least` or more.

    Raises
    ------
    InvalidInputError
        It is a bool, a fraction, too small, or no number.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise InvalidInputError(f"{what} must be a whole number, {least} or more; found {value!r}")
    return number


def _name_of(function: Any, args: tuple[Any, ...]) -> str:
    """As the caller knows it: an inherited method by the class of its object."""
    name = function.__qualname__.removesuffix(".__init__").removesuffix(".__new__")
    owner, _, method = name.rpartition(".")
    own = type(args[0]) if args else None
    if own is not None and any(base.__qualname__ == owner for base in own.__mro__):
        return f"{own.__qualname__}.{method}"
    return name


def _why(function: Any, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> str:
    signature = inspect.signature(function)
    known = [name for name in signature.parameters if name not in ("self", "cls")]
    name = _name_of(function, args)
    for keyword in keywords:
        if keyword not in known:
            return f"{name} has no {keyword}=; {instead(keyword, known)}"
    places = [
        p.name
        for p in signature.parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if len(args) > len(places):
        shown = ", ".join(p for p in places if p not in ("self", "cls"))
        free = [p for p in known if p not in places and p not in keywords]
        named = ", ".join(f"{p}=..." for p in free[: len(args) - len(places)])
        return f"{name} takes {shown or 'nothing'} by place and the rest by name; write {named}"
    for place, parameter in enumerate(signature.parameters.values()):
        if (
            parameter.default is parameter.empty
            and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
            and parameter.name not in keywords
            and not (parameter.name in places and place < len(args))
        ):
            return f"{name} needs {_EXAMPLES.get(parameter.name, f'{parameter.name}=')}"
    return ""


def caller_level() -> int:
    """For ``warnings.warn(..., stacklevel=)``: the first line outside of the package, whatever lies between."""
    level, frame = 1, inspect.currentframe()
    frame = frame.f_back if frame is not None else None
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    return level


def instead(keyword: str, known: list[str]) -> str:
    """What to write in place of a keyword that is not among the known ones."""
    others = _ELSEWHERE.get(keyword.lower(), "").split()
    for other in others:
        if other in known:
            return f"write {other}="
    hints = (_HINTS[name] for name in (keyword, *others) if name in _HINTS)
    return next(hints, None) or close_matches(keyword, known)
