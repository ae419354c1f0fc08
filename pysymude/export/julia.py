"""`export_julia`: an objective or a fit as one Julia script that needs no pysymude."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.engines.base import Method
from pysymude.engines.julia.literals import number, string
from pysymude.errors import CapabilityError, InvalidInputError
from pysymude.export.julia_formulas import BRANCHING, helpers, imports
from pysymude.export.julia_script import ACTIVATIONS, Writer
from pysymude.fit.loss.objective import Objective
from pysymude.fit.problem.prepared import measured_states
from pysymude.fit.result.fit_result import FitResult
from pysymude.fit.result.saved import SavedFit
from pysymude.fit.treatment.weighing import weighed
from pysymude.model.calls import explained
from pysymude.model.dataset import Dataset
from pysymude.model.network import NetworkDerivative
from pysymude.model.system import ODESystem
from pysymude.model.theta import ThetaLayout
from pysymude.plan.binding import bind
from pysymude.plan.compiled import CompiledSystem, compile_system
from pysymude.plan.enforcement import enforce
from pysymude.plan.law import read_laws
from pysymude.plan.problem import LossData, LossSpec
from pysymude.plan.tolerance import magnitudes
from pysymude.solving.choice import suited_solver
from pysymude.solving.control import Control, check_tolerance
from pysymude.whole import write_whole

__all__ = ["SOLVERS", "export_julia", "julia_script"]

Float = NDArray[np.float64]

SOLVERS = {
    "Tsit5": ("OrdinaryDiffEq", "Tsit5"),
    "Vern7": ("OrdinaryDiffEq", "Vern7"),
    "Vern9": ("OrdinaryDiffEq", "Vern9"),
    "Rodas5P": ("OrdinaryDiffEq", "Rodas5P"),
    "Rosenbrock23": ("OrdinaryDiffEq", "Rosenbrock23"),
    "FBDF": ("OrdinaryDiffEq", "FBDF"),
    "QNDF": ("OrdinaryDiffEqBDF", "QNDF"),
    "RadauIIA5": ("OrdinaryDiffEqFIRK", "RadauIIA5"),
    "TRBDF2": ("OrdinaryDiffEqSDIRK", "TRBDF2"),
    "Kvaerno5": ("OrdinaryDiffEqSDIRK", "Kvaerno5"),
    "KenCarp4": ("OrdinaryDiffEqSDIRK", "KenCarp4"),
}
"""The solvers of all engines that a script can name: package and name in Julia."""

FORWARD_LIMIT = 100  # up to here SciMLSensitivity, too, goes forward by itself


@explained
def export_julia(
    source: FitResult | Objective | str | PathLike[str],
    path: str | PathLike[str],
    *,
    theta: ArrayLike | None = None,
    sensealg: str = "auto",
) -> None:
    """Writes a standalone Julia script: data, right-hand side, loss and gradient in plain SciML.

    The script names your states and parameters, needs no pysymude, and prints the loss and the norm
    of its gradient at theta: those of `Objective.value_and_grad`. Julia is not needed to write it.

    Parameters
    ----------
    source : FitResult, Objective, or the path of a saved fit
    path : str or path
        The script, overwritten where it exists.
    theta : array, shape (parameters,), optional
        By default that of the fit, or ``objective.theta0()``.
    sensealg : str
        ``"forward"`` (ForwardDiff), ``"adjoint"`` (SciMLSensitivity's Gauss adjoint), or ``"auto"``:
        forward for at most 100 trainable numbers. On stiff systems forward is the more accurate one.

    Raises
    ------
    InvalidInputError
        `source` is neither of the three, `theta` does not fit, or the file cannot be written.
    CapabilityError
        The loss holds something that the script has no words for; the message names it.

    Examples
    --------
    >>> import numpy as np, pathlib, tempfile, pysymude as psu
    >>> x, k = psu.states("x"), psu.parameters("k")
    >>> data = psu.Dataset.from_arrays([0.0, 1.0], [[1.0], [0.2]], states=[x])
    >>> obj = psu.objective(psu.ODESystem({x: -k*x}, trainable={k: 1.0}), data, solver="Tsit5")
    >>> script = pathlib.Path(tempfile.mkdtemp()) / "decay.jl"
    >>> psu.export_julia(obj, script)
    >>> "du[1] = -k*x    # dx/dt" in script.read_text()
    True
    """
    text = julia_script(source, theta=theta, sensealg=sensealg)
    try:
        write_whole(Path(path), text.encode())
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be written: {error.strerror}") from error


def julia_script(
    source: FitResult | Objective | str | PathLike[str],
    *,
    theta: ArrayLike | None = None,
    sensealg: str = "auto",
) -> str:
    """The text of the script that `export_julia` writes."""
    given = _given(source)
    _refuse_signals(given.plan.system)
    if theta is not None:
        given = given.at(theta)
    return _Script(given, given.chosen(sensealg)).text()


@dataclass(frozen=True, eq=False)
class _Given:
    """What is exported, from whichever source."""

    plan: CompiledSystem
    data: Dataset
    spec: LossSpec
    loss: LossData
    layout: ThetaLayout
    method: Method
    theta: Float
    further: str = ""  # what the loss holds beside residuals

    def __post_init__(self) -> None:
        further = self.further
        if self.spec.laws:
            further = "conserve='penalty'"
        elif self.spec.mixes:
            further = "conserve='eliminate'"
        elif self.spec.links or bool((self.loss.link >= 0).any()):
            further = "ties of multiple shooting"
        if further:
            raise _refusal(
                f"the loss is more than residuals of measurements on the whole time span: {further}. Export an "
                "objective without that; noise as numbers, and conserve='project', are part of a script"
            )
        if self.loss.courses is not None:
            raise _refusal(
                "periods, doses and parameters that are expressions have no words in a script; export an "
                "objective without them"
            )
        if self.plan.system.events or self.loss.batch.doses is not None:
            raise _refusal(
                "states that jump, at events or by doses, have no words in the script. Export an objective "
                "of a system without events="
            )
        if self.method.solver not in ("auto", *SOLVERS):
            raise _refusal(
                f"the solver {self.method.solver!r} cannot stand in a script; choose one of "
                f"{', '.join(SOLVERS)}"
            )
        for trajectory, t0, ts in zip(
            self.data, self.loss.batch.t0, self.loss.batch.ts, strict=True
        ):
            if not ts[-1] > t0:
                raise _refusal(
                    f"experiment {trajectory.name!r} was measured at its start alone; leave it out"
                )

    def at(self, theta: ArrayLike) -> _Given:
        """The same at another theta."""
        return _Given(
            self.plan, self.data, self.spec, self.loss, self.layout, self.method,
            self.layout.check(theta), self.further,
        )  # fmt: skip

    @cached_property
    def solver(self) -> str:
        """The solver by name; for one that switches, that which suits the problem at theta."""
        if self.method.solver != "auto":
            return self.method.solver
        return suited_solver(self.plan, self.loss.solved, self.theta)

    def chosen(self, sensealg: str) -> str:
        """How the script takes its gradient."""
        if sensealg not in ("auto", "forward", "adjoint"):
            raise InvalidInputError(
                f"sensealg must be 'auto', 'forward' or 'adjoint'; found {sensealg!r}"
            )
        nested = any(f.has(NetworkDerivative) for f in self.plan.system.rhs.values())
        if nested and sensealg == "adjoint":
            raise _refusal(
                "the right-hand side holds derivatives of a network, through which the script can "
                "only go forward; write sensealg='forward'"
            )
        if sensealg != "auto":
            return sensealg
        return "forward" if nested or self.layout.size <= FORWARD_LIMIT else "adjoint"


def _refusal(text: str) -> CapabilityError:
    return CapabilityError(f"this cannot be exported to Julia: {text}", capability="export")


def _refuse_signals(system: ODESystem) -> None:
    if system.signals:
        raise _refusal(
            f"the script has no words for the signal {system.signals[0].name!r}; export a system in which "
            "it is an expression of time"
        )


def _densities(system: ODESystem, loss: LossData) -> str:
    """What of a likelihood, of priors or of starts is more than numbers; the first of it, by name."""
    for name, model in system.noise.items():
        return f"the noise model {model!r} of {name!r}"
    for name, prior in system.priors.items():
        return f"the prior {prior!r} of {name!r}"
    for state, start in system.initial.items():
        return f"the start {start} of {state.name!r}, an expression"
    limits = loss.side is not None and bool((loss.side != 0).any())
    return "measurements that are limits" if limits else ""


def _sampled(obj: Objective) -> str:
    """Which terms at the smoothed data there are."""
    if obj.own is not None:
        return "loss= is a function of your own"
    if obj.settings.equivariance:
        return "equivariance="
    return "balance laws" if obj.composition.sampled else ""


def _given(source: Any) -> _Given:
    if isinstance(source, FitResult):
        return _given(source.objective).at(source.theta)
    if isinstance(source, Objective):
        return _Given(
            source.plan, source.data, source.spec, source.loss, source.layout, source.method,
            source.theta0(), _sampled(source) or _densities(source.system, source.loss),
        )  # fmt: skip
    if isinstance(source, str | PathLike):
        # not FitResult.load: the engine that made the fit may be missing here
        saved = SavedFit.read(source)
        settings = saved.settings
        laws = read_laws(saved.system, settings.laws, networks=True)
        enforced = enforce(saved.system, laws, settings.conserve)
        plan = compile_system(enforced.solved)
        spec, loss, layout = bind(plan, saved.data, enforced)
        if settings.weigh:
            loss = weighed(loss, saved.data)
        measured = measured_states(enforced, saved.data)
        size = magnitudes(*(a for a in (loss.solved.u0, measured) if a is not None))
        method = Method(
            settings.solver,
            check_tolerance("reltol", settings.reltol),
            Control(abstol=settings.abstol).checked(plan.states, lambda: size)["abstol"],
        )
        return _Given(
            plan,
            saved.data,
            spec,
            loss,
            layout,
            method,
            layout.check(saved.theta),
            ("equivariance=" if settings.equivariance else "")
            or ("conserve='penalty'" if settings.conserve == "penalty" else "")
            or _densities(saved.system, loss),
        )
    raise InvalidInputError(
        "export_julia takes a FitResult, an Objective or the path of a saved fit; found "
        f"{type(source).__name__}"
    )


@dataclass(frozen=True, eq=False)
class _Script:
    given: _Given
    sensealg: str

    def text(self) -> str:
        """The whole script."""
        given, writer = self.given, Writer(self.given.plan)
        rhs = writer.rhs()
        # a tape is recorded once, and is several times faster where that is right
        tape = "" if BRANCHING & writer.used else "true"
        observe = writer.observe(given.spec.columns)
        networks = [writer.network(nn) for nn in given.plan.networks]
        networks += [
            writer.network_jacobian(nn)
            for nn in given.plan.networks
            if f"{nn.name}_jacobian" in writer.used
        ]
        small = "\n".join(helpers(writer.used, ACTIVATIONS))
        labels = [trajectory.name for trajectory in given.data]
        parts = [
            self._head(imports(writer.used)),
            f"{small}\n" if small else "",
            *networks,
            writer.trainable(),
            rhs,
            observe,
            writer.experiments(given.loss, labels, given.spec.columns),
            self._loss(),
            _FORWARD if self.sensealg == "forward" else _ADJOINT.format(tape=tape),
            self._main(writer.theta(given.theta, list(given.layout.values()))),
        ]
        return "\n".join(part for part in parts if part)

    def _head(self, more: Sequence[str]) -> str:
        package, _ = self.solver
        packages = [package, "ForwardDiff"]
        if self.sensealg == "adjoint":
            packages = [package, "SciMLSensitivity", "Zygote"]
            if self.implicit:
                # the reverse problem has no time gradient of its own: differences serve there
                more = ["using ADTypes: AutoFiniteDiff", *more]
        named = [line.split()[1].rstrip(":") for line in more if line.startswith("using")]
        listed = ", ".join(string(name) for name in ["SciMLBase", *packages, *named])
        lines = [
            "# Loss and gradient of a universal differential equation, exported by pysymude.",
            f"# It needs: using Pkg; Pkg.add([{listed}])",
            "",
            *(f"using {name}" for name in packages),
            *more,
            "using LinearAlgebra: norm",
            "using SciMLBase: successful_retcode",
        ]
        return "\n".join(lines) + "\n"

    @property
    def solver(self) -> tuple[str, str]:
        """Package and name in Julia."""
        package, name = SOLVERS[self.given.solver]
        # the reverse problem is solved by the same method, where SDIRK methods lose digits: 2e-5 of the
        # gradient on Robertson's problem at 1e-10, 2e-9 by Rodas5P
        backward = self.sensealg == "adjoint" and package == "OrdinaryDiffEqSDIRK"
        return SOLVERS["Rodas5P"] if backward else (package, name)

    @property
    def implicit(self) -> bool:
        return self.given.solver not in _EXPLICIT

    def _loss(self) -> str:
        method = self.given.method
        backward = self.sensealg == "adjoint"
        arguments = "(; autodiff = AutoFiniteDiff())" if backward and self.implicit else "()"
        solver = self.solver[1] + arguments
        return _LOSS.format(
            solver=solver,
            reltol=number(method.reltol),
            abstol=_vector(np.atleast_1d(method.abstol)),
            more=", sensealg" if backward else ", internalnorm",
            control="" if backward else _VALUES_ALONE,
        )

    def _main(self, theta: str) -> str:
        return f"# The numbers that are learned, slice by slice.\n{theta}{_MAIN}"


def _vector(abstol: Float) -> str:
    """One number, or one a state."""
    values = np.unique(abstol)
    if len(values) == 1:
        return number(float(values[0]))
    return f"[{', '.join(number(float(v)) for v in abstol)}]"


_EXPLICIT = frozenset({"Tsit5", "Vern7", "Vern9"})

_LOSS = """\
const reltol, abstol = {reltol}, {abstol}
{control}
# What experiment `e` would measure: one row a time, one column each. Inf where the solve fails.
function predict(theta, e)
    u0 = convert.(eltype(theta), e.u0(theta))
    f!(du, u, p, t) = rhs!(du, u, p, t, e.fixed)
    problem = ODEProblem(f!, u0, (e.t0, e.t[end]), theta)
    sol = solve(problem, {solver}; saveat = e.t, reltol, abstol{more})
    successful_retcode(sol) || return fill(oftype(u0[1], Inf), size(e.y))
    u = Array(sol)
    return reduce(hcat, [observe(u[:, i], theta, t, e.fixed) for (i, t) in enumerate(e.t)])'
end

misfit(weight, y, value) = isnan(y) ? zero(value) : abs2(weight * (y - value))

# The sum of all squared residuals, each in units of its noise.
loss(theta) = sum(sum(misfit.(e.weight, e.y, predict(theta, e))) for e in experiments)
"""

_VALUES_ALONE = """\

# Steps are chosen by the values alone, so that derivatives are those of the numbers that are computed.
internalnorm(u::Number, t) = abs(ForwardDiff.value(u))
internalnorm(u, t) = sqrt(sum(abs2 ∘ ForwardDiff.value, u) / length(u))
"""

_FORWARD = """\
# Forward mode: the derivatives travel with the solution.
gradient(theta) = ForwardDiff.gradient(loss, theta)
"""

_ADJOINT = """\
# The adjoint: backward in time, at a cost that hardly grows with the length of theta.
const sensealg = GaussAdjoint(; autojacvec = ReverseDiffVJP({tape}))
gradient(theta) = only(Zygote.gradient(loss, theta))
"""

_MAIN = """
if abspath(PROGRAM_FILE) == @__FILE__
    println("loss = ", loss(theta))
    println("norm of the gradient = ", norm(gradient(theta)))
end
"""
