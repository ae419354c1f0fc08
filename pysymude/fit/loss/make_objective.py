"""`objective`: the loss of a system on data, and its gradient, for any optimiser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pysymude.fit.loss.objective import Objective, objective_of
from pysymude.fit.problem.settings import Settings
from pysymude.model.calls import explained
from pysymude.model.dataset import Dataset
from pysymude.model.system import ODESystem
from pysymude.model.trajectory import Trajectory

__all__ = ["objective"]


@explained
def objective(
    system: ODESystem,
    data: Dataset | Trajectory,
    *,
    laws: Any = (),
    conserve: str | None = None,
    law_weight: float = 1.0,
    equivariance: Any = (),
    equivariance_weight: float = 1.0,
    weigh: bool = False,
    frozen: Any = (),
    per_experiment: Any = (),
    loss: Any = None,
    solver: Any = "auto",
    reltol: float = 1e-6,
    abstol: Any = None,
    max_steps: int | None = None,
    dtmax: float | None = None,
    tstops: Sequence[float] = (),
    sensealg: str = "auto",
    engine: str = "auto",
) -> Objective:
    """The loss of `system` on `data`, and its gradient.

    The value is the sum over all measurements of ((measured - model) / noise)^2, the noise being 1
    where none was given, and one named term for each law that is penalised and each symmetry. Where the
    system has noise models or priors it is minus twice the logarithm of their densities instead.

    `fit` minimises it with ``weigh=True``, which differs where columns have no noise; the objective of a fit is
    ``fit.objective``.

    Parameters
    ----------
    system : ODESystem
        All parameters that are not trainable need values, here or in the trajectories.
    data : Dataset or Trajectory
    laws : one or several of FirstIntegral, SymPy expression, name of an observable
        What `first_integrals` found, or what you assert. A trainable parameter of the system that
        stands in a law is learned with the rest; it need not stand in an equation.
    conserve : str, optional
        ``"report"`` (the default with `laws`): nothing is enforced. ``"project"``: the outputs of the
        networks are corrected such that the laws hold for every theta, see `project`. ``"eliminate"``:
        linear laws that hold for every network eliminate states. ``"penalty"``: adds for each law
        ``law_weight * sum(((I - I0) / spread)^2)`` over the output times; I0 is the value at the first
        one, or the mean where the initial state is trainable, and the spread that of the law when the
        measured states are shuffled; where a model strays to negative arguments of a law's logarithm,
        this term goes on along the tangent. A balance law adds its weak form on the smoothed data instead.
    equivariance : Generator or sequence of Generator
        Adds for each one ``equivariance_weight`` times the mean square of the symmetry's defect at the
        smoothed data, each state relative to its slopes.
    weigh : bool
        Columns without noise count by an estimate of their noise, so that neither units nor sizes decide;
        the scales have the geometric mean 1. `fit` does so.
    frozen : one or several of symbol, network, or name such as ``"nn.W1"``
        What keeps its value although it is trainable.
    loss : callable, optional
        A loss of your own in place of the sum of squares, ``loss(predictions, data)``, where `data` is the
        dataset and ``predictions[0]["x"]`` what the model gives for a state or an observable of an experiment,
        by number or by name, at its times; ``predictions[0].u`` are all ``predictions[0].columns``. It returns
        a number, or a number and its slopes by each ``predictions[e].u``. Functions of JAX and torch are
        differentiated by these: the kind is that of what is returned, or of `jax_loss` and `torch_loss`
        around it. A number of NumPy without slopes is differentiated by central differences in each
        prediction that was looked at, two calls for each.
    per_experiment : one or several of symbol or name, or mapping to Distribution or None
        Trainable parameters of which each experiment has its own, called ``k_`` and the experiment's name.
        A prior ties them: with ``V = V0*exp(d)`` in the equations, ``{d: psu.Normal(0, 0.3)}`` is a
        population around V0. A spread that is learned needs a prior of its own: at 0 the density is infinite.
    solver, reltol, abstol, max_steps, dtmax, tstops, engine
        As for `solve`.
    sensealg : str
        How gradients are taken: ``"auto"``, ``"adjoint"`` (backward through the solver's steps; on
        Julia of Tsit5 and Rodas5P, else Gauss') or ``"forward"``; on Julia also SciML's adjoints ``"gauss"``,
        ``"quadrature"``, ``"interpolating"`` and ``"backsolve"``, the last three with explicit
        solvers alone. The rule behind ``"auto"`` is in `pysymude.solving.choice.choose_method`.

    Returns
    -------
    Objective

    Raises
    ------
    InvalidInputError
        A column, a value or a name that does not fit; the message says what would.
    CapabilityError
        The engine takes no such gradients of that solver.

    Examples
    --------
    >>> import numpy as np, pysymude as psu
    >>> x, k = psu.states("x"), psu.parameters("k")
    >>> t = np.linspace(0.0, 1.0, 5)
    >>> data = psu.Dataset.from_arrays(t, np.exp(-2 * t)[:, None], states=[x])
    >>> obj = psu.objective(psu.ODESystem({x: -k*x}, trainable={k: 1.0}), data)
    >>> value, grad = obj.value_and_grad(obj.theta0())
    >>> round(value, 3), grad.shape
    (0.203, (1,))
    """
    settings = Settings(
        laws=laws, conserve=conserve, law_weight=law_weight, equivariance=equivariance,
        equivariance_weight=equivariance_weight, weigh=weigh, frozen=frozen,
        per_experiment=per_experiment, loss=loss, solver=solver, reltol=reltol, abstol=abstol,
        max_steps=max_steps, dtmax=dtmax, tstops=tstops, sensealg=sensealg, engine=engine,
    )  # fmt: skip
    return objective_of(system, data, settings)
