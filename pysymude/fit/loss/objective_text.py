"""What an objective was told, as JSON: laws and symmetries stand in it as observables of its system."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pysymude.errors import InvalidInputError
from pysymude.fit.problem.settings import Settings
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.model.toml import system_from_text
from pysymude.model.writing import system_to_text
from pysymude.plan.law import Law
from pysymude.symbolic.symmetries.generator import Generator

if TYPE_CHECKING:
    from pysymude.fit.loss.objective import Objective

__all__ = ["read_told", "text_of_objective", "told", "told_by_text"]

# what stands in the file by its own name; laws and symmetries are formulas
_METHOD = (
    "solver", "reltol", "abstol", "max_steps", "tstops", "dtmax", "sensealg", "engine", "weigh",
    "frozen",
)  # fmt: skip


def text_of_objective(obj: Objective) -> str:
    """Beside the data all that `objective` was told; `told_by_text` is the inverse."""
    return json.dumps(told(obj))


def told_by_text(text: str) -> tuple[ODESystem, Settings]:
    """The system and the settings of a text."""
    return read_told(json.loads(text))


def told(obj: Objective) -> dict[str, Any]:
    """The same as what JSON can hold; `read_told` is the inverse.

    Raises
    ------
    InvalidInputError
        The loss is a function of the user's own.
    """
    if obj.own is not None:
        raise InvalidInputError(
            "loss= is a function of your own, which no file holds; keep fit.theta, and give the function again"
        )
    written, formulas = _with_formulas(obj)
    method = {name: getattr(obj.settings, name) for name in _METHOD}
    return {
        "system": system_to_text(written),
        "formulas": formulas,
        "method": method | {"frozen": list(obj.frozen)},
    }


def read_told(meta: dict[str, Any]) -> tuple[ODESystem, Settings]:
    """The system, and the settings of its objective.

    Raises
    ------
    InvalidInputError
        A method with a word that there is not.
    """
    if unknown := set(meta["method"]) - set(_METHOD):
        raise InvalidInputError(f"a method with {sorted(unknown)[0]!r}")
    system, laws = system_from_text(meta["system"]), dict[str, Any]()
    if "formulas" in meta:
        system, laws = _without_formulas(system, meta["formulas"])
    return system, Settings(**meta["method"], **laws)


def _with_formulas(obj: Objective) -> tuple[ODESystem, dict[str, Any]]:
    """The system with what its loss contains beside the data, and what finds it again."""
    system, settings = obj.system, obj.settings
    prefix = "kept_"
    while any(name.startswith(prefix) for name in system.observables):
        prefix = f"kept_{prefix}"
    formulas: dict[str, Any] = {}
    for k, law in enumerate(obj.laws):
        formulas |= {f"{prefix}law_{k}": law.expr, f"{prefix}rate_{k}": law.rate}
    for k, generator in enumerate(settings.equivariance):
        formulas |= {f"{prefix}{k}_{z.name}": generator.moves(z) for z in (t, *system.states)}
    meta = {
        "prefix": prefix,
        "laws": [law.name for law in obj.laws],
        "symmetries": len(settings.equivariance),
        "conserve": settings.conserve,
        "law": settings.law_weight,
        "equivariance": settings.equivariance_weight,
    }
    return system.replace(observables={**system.observables, **formulas}), meta


def _without_formulas(system: ODESystem, meta: dict[str, Any]) -> tuple[ODESystem, dict[str, Any]]:
    """The system without its further observables, and the settings made of them."""
    prefix, given = meta["prefix"], system.observables
    laws = [
        Law(name, given[f"{prefix}law_{k}"], given[f"{prefix}rate_{k}"])
        for k, name in enumerate(meta["laws"])
    ]
    symmetries = [
        Generator(
            given[f"{prefix}{k}_t"],
            {x: given[f"{prefix}{k}_{x.name}"] for x in system.states},
        )
        for k in range(meta["symmetries"])
    ]
    own = {name: g for name, g in given.items() if not name.startswith(prefix)}
    return system.replace(observables=own), {
        "laws": laws, "conserve": meta["conserve"], "law_weight": meta["law"],
        "equivariance": symmetries, "equivariance_weight": meta["equivariance"],
    }  # fmt: skip
