"""Observables with what measurements put into them: each combination is a measured column of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from pysymude.interchange.petab.described import Measured, Observable
from pysymude.interchange.petab.entities import Entities
from pysymude.interchange.sbml.to_equations import Lowered
from pysymude.model.distributions.distribution import Distribution
from pysymude.model.distributions.laplace import Laplace
from pysymude.model.distributions.loglaplace import LogLaplace
from pysymude.model.distributions.lognormal import LogNormal
from pysymude.model.distributions.normal import Normal

__all__ = ["Column", "Columns"]

_FAMILIES: dict[tuple[str, str], type[Distribution]] = {
    ("normal", "lin"): Normal, ("normal", "log"): LogNormal, ("normal", "log10"): LogNormal,
    ("laplace", "lin"): Laplace, ("laplace", "log"): LogLaplace, ("laplace", "log10"): LogLaplace,
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """A measured column: its name and formula, and its noise unless each measurement has its own number."""

    name: str
    expr: Any
    noise: Distribution | None


@dataclass
class Columns:
    """The columns of a problem, made as measurements ask for them."""

    entities: Entities
    lowered: Lowered
    made: dict[tuple[Any, ...], Column] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    seen: dict[Any, tuple[Column, float | None]] = field(default_factory=dict)
    _known: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """What formulas may name: what rules define is put in."""
        meaning = self.lowered.meaning
        self._known = {k: v for k, v in self.entities.names.items() if k not in meaning} | dict(
            meaning
        )
        aliases = self.entities.described.mapping
        self._known |= {k: meaning[o] for k, (o, _) in aliases.items() if o in meaning}

    def of(self, measured: Measured) -> tuple[Column, float | None]:
        """The column of a measurement, and its standard deviation where that is a number of its own."""
        asked = (measured.observable, measured.given, measured.noise_given)
        if asked not in self.seen:
            self.seen[asked] = self._made(measured)
        return self.seen[asked]

    def _made(self, measured: Measured) -> tuple[Column, float | None]:
        observables = self.entities.described.observables
        if measured.observable not in observables:
            measured.row.refuse(
                f"the observable {measured.observable!r} is not in the observable table"
            )
        observable = observables[measured.observable]
        scale = self._scale(observable, measured)
        if observable.distribution == "normal" and observable.scale == "lin" and scale.is_number:
            if not scale > 0:
                measured.row.refuse(f"its noise must be positive; found {scale}")
            key = (observable.id, measured.given, None)
            return self._column(key, observable, measured, None), float(scale)
        key = (observable.id, measured.given, scale)
        factor = sp.log(10) if observable.scale == "log10" else sp.S.One
        if scale.is_number and not scale > 0:
            measured.row.refuse(f"its noise must be positive; found {scale}")
        noise = _FAMILIES[observable.distribution, observable.scale](factor * scale)
        return self._column(key, observable, measured, noise), None

    def _column(
        self,
        key: tuple[Any, ...],
        observable: Observable,
        measured: Measured,
        noise: Distribution | None,
    ) -> Column:
        if key not in self.made:
            n = self.names[observable.id] = self.names.get(observable.id, 0) + 1
            name = observable.id if n == 1 else f"{observable.id}_{n}"
            name = self.entities.contents.identifiers.fresh(name)
            self.made[key] = Column(name, self._formula(observable, measured), noise)
        return self.made[key]

    def _formula(self, observable: Observable, measured: Measured) -> Any:
        given = self._given(
            measured, observable.placeholders, measured.given, "observableParameters"
        )
        known = {**self._known, **given}
        return self.entities.formula(observable.formula, observable.row, "observableFormula", known)

    def _scale(self, observable: Observable, measured: Measured) -> Any:
        """The noise formula of a measurement."""
        known = {**self._known}
        known |= self._given(
            measured, observable.placeholders, measured.given, "observableParameters"
        )
        places = observable.noise_placeholders
        if not places and len(measured.noise_given) == 1 and observable.noise == "":
            places = (observable.id,)
        known |= self._given(measured, places, measured.noise_given, "noiseParameters")
        if observable.id not in known and observable.id in observable.noise:
            known[observable.id] = self._formula(observable, measured)
        return self.entities.formula(observable.noise, observable.row, "noiseFormula", known)

    def _given(
        self, measured: Measured, places: tuple[str, ...], given: tuple[str, ...], what: str
    ) -> Mapping[str, Any]:
        if len(places) != len(given):
            measured.row.refuse(
                f"{what} of {measured.observable!r} has {len(given)} entries; its formula has {len(places)} places"
            )
        return {
            place: self.entities.formula(text, measured.row, what, self._known)
            for place, text in zip(places, given, strict=True)
        }
