"""What a system becomes when laws are enforced: the one that is solved, and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.model.system import ODESystem
from pysymude.plan.elimination import eliminated
from pysymude.plan.guards import guarded
from pysymude.plan.law import Law
from pysymude.plan.projection import projected

__all__ = ["CONSERVE", "Enforced", "enforce"]

Float = NDArray[np.float64]

CONSERVE = {
    "report": "nothing is enforced, drift is measured",
    "penalty": "drift along the model's trajectories is a term of the loss",
    "project": "network outputs are projected such that every law holds for every theta",
    "eliminate": "linear laws that hold for every network eliminate states",
}
"""The ways to use a law, and a sentence for each."""


@dataclass(frozen=True, eq=False)
class Enforced:
    """A system with its laws, and the system that is solved in its place.

    Attributes
    ----------
    system, solved : ODESystem
        As the user wrote it; as the engine integrates it.
    laws : tuple of Law
    conserve : str
        One of `CONSERVE`.
    mix, unmix : float64 arrays, shape (states, states)
        The solved system's coordinates are ``mix @ u``; the identity but for ``"eliminate"``.
    """

    system: ODESystem
    solved: ODESystem
    laws: tuple[Law, ...]
    conserve: str
    mix: Float
    unmix: Float

    @cached_property
    def mixes(self) -> bool:
        """Whether the solved system has other coordinates."""
        return not np.array_equal(self.mix, np.eye(len(self.mix)))

    @property
    def model(self) -> ODESystem:
        """The system with its laws, in the user's states: an eliminating law holds by itself there."""
        return self.solved if self.conserve == "project" else self.system

    @property
    def penalised(self) -> tuple[Law, ...]:
        """The laws whose drift is part of the loss."""
        return tuple(law for law in self.laws if self.conserve == "penalty" and not law.is_balance)

    def with_system(self, system: ODESystem) -> Enforced:
        """The same for a system that differs in values, such as the scalings of networks."""
        if system == self.system:
            return self
        return enforce(system, self.laws, self.conserve if self.laws else None)

    def with_floors(self, floors: Mapping[sp.Expr, float]) -> Enforced:
        """The same, the penalised laws continued below floors of what stands under their logarithms."""
        return replace(self, solved=_observing(with_scales(self.system), self.penalised, floors))


def enforce(system: ODESystem, laws: Sequence[Law], conserve: str | None) -> Enforced:
    """The system that has to be solved for `laws` to be used as `conserve` says.

    Raises
    ------
    InvalidInputError
        An unknown word, a way without laws, or laws that cannot be used that way; see
        `pysymude.plan.projection` and `pysymude.plan.elimination`.
    """
    if conserve is not None and conserve not in CONSERVE:
        ways = "; ".join(f"{k!r}: {v}" for k, v in CONSERVE.items())
        raise InvalidInputError(f"conserve={conserve!r} is unknown. There are {ways}")
    if conserve is not None and not laws:
        raise InvalidInputError(
            f"conserve={conserve!r} needs laws=, what first_integrals returned or expressions"
        )
    n = len(system.states)
    seen = with_scales(system)
    plain = Enforced(system, seen, tuple(laws), conserve or "report", np.eye(n), np.eye(n))
    if conserve == "project":
        return replace(plain, solved=projected(seen, laws))
    if conserve == "eliminate":
        solved, mix, unmix = eliminated(seen, laws)
        return replace(plain, solved=solved, mix=mix, unmix=unmix)
    if conserve == "penalty":
        _check_kept(system, laws)
        return plain.with_floors({})
    return plain


def _check_kept(system: ODESystem, laws: Sequence[Law]) -> None:
    """Refuse laws that jumps break: what is penalised is their drift along the whole solution."""
    for law in laws:
        for event in system.events:
            behind = law.expr.xreplace(dict(event.set))
            if not law.is_balance and sp.expand(behind - law.expr) != 0:
                raise InvalidInputError(
                    f"conserve='penalty' takes laws that every event keeps; event {event.key!r} makes "
                    f"{behind} of {law.expr}. Use conserve='project', which holds between events"
                )


def with_scales(system: ODESystem) -> ODESystem:
    """The system with what noise models and starts read as observables, ``x_noise0`` and so on.

    So the plan knows each symbol and each network that an engine does not meet elsewhere.
    """
    if not (system.noise or system.initial or system.priors):
        return system
    read = {
        f"{name}_noise{k}": argument
        for name, model in system.noise.items()
        for k, argument in enumerate(model.args)
    }
    read |= {f"{x.name}_start": start for x, start in system.initial.items()}
    known = {*system.observables, *(x.name for x in system.states)}
    taken = [name for name in read if name in known]
    if taken:
        raise InvalidInputError(
            f"the name {taken[0]!r} is needed for what a noise model or a start reads; rename the observable"
        )
    observables = {**system.observables, **read}
    return system.replace(observables=observables, noise={}, priors={}, initial={})


def _observing(
    system: ODESystem, laws: Sequence[Law], floors: Mapping[sp.Expr, float]
) -> ODESystem:
    """The system with each law as an observable, so that an engine computes it."""
    further = {
        law.name: guarded(law.expr, floors) for law in laws if law.name not in system.observables
    }
    return system.replace(observables={**system.observables, **further}) if further else system
