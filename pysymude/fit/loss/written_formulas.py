"""Laws and symmetries of a fit in its file: as further observables of the system that is written."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.plan.law import Law
from pysymude.symbolic.symmetries.generator import Generator

if TYPE_CHECKING:
    from pysymude.fit.loss.objective import Objective

__all__ = ["KEYWORDS", "read_formulas", "write_formulas"]

KEYWORDS = ("laws", "conserve", "law_weight", "equivariance", "equivariance_weight")
"""What `objective` is told of laws and symmetries, and `read_formulas` finds again."""


def write_formulas(obj: Objective) -> tuple[ODESystem, dict[str, Any]]:
    """The system with what its loss contains beside the data, and what `read_formulas` needs."""
    system = obj.system
    prefix = "kept_"
    while any(name.startswith(prefix) for name in system.observables):
        prefix = f"kept_{prefix}"
    formulas: dict[str, Any] = {}
    for k, law in enumerate(obj.laws):
        formulas |= {f"{prefix}law_{k}": law.expr, f"{prefix}rate_{k}": law.rate}
    for k, generator in enumerate(obj.symmetries):
        moves = {f"{prefix}{k}_{z.name}": generator.moves(z) for z in (t, *system.states)}
        formulas |= moves
    meta = {
        "prefix": prefix,
        "laws": [law.name for law in obj.laws],
        "symmetries": len(obj.symmetries),
        "conserve": obj.enforced.conserve if obj.laws else None,
        **asdict(obj.weights),
    }
    return system.replace(observables={**system.observables, **formulas}), meta


def read_formulas(system: ODESystem, meta: dict[str, Any]) -> tuple[ODESystem, dict[str, Any]]:
    """The system without its further observables, and the keywords of `objective` made of them."""
    prefix, found = meta["prefix"], system.observables
    laws = [
        Law(name, found[f"{prefix}law_{k}"], found[f"{prefix}rate_{k}"])
        for k, name in enumerate(meta["laws"])
    ]
    symmetries = [
        Generator(
            found[f"{prefix}{k}_t"],
            {x: found[f"{prefix}{k}_{x.name}"] for x in system.states},
        )
        for k in range(meta["symmetries"])
    ]
    own = {name: g for name, g in found.items() if not name.startswith(prefix)}
    values = (laws, meta["conserve"], meta["law"], symmetries, meta["equivariance"])
    return system.replace(observables=own), dict(zip(KEYWORDS, values, strict=True))
