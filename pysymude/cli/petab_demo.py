"""The demonstration on files: a problem of PEtab is made, written, read back and fitted."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pysymude.cli.common import print_model, print_table
from pysymude.cli.showcase import Showcase
from pysymude.fit.result.stopped import INTERRUPTED
from pysymude.fit.stages.lbfgs import LBFGS
from pysymude.fit.training.fitting import fit
from pysymude.interchange.petab.problem_of import PetabProblem, read_petab
from pysymude.interchange.petab.written import write_petab
from pysymude.model.dataset import Dataset
from pysymude.model.symbols import parameters, states
from pysymude.model.system import ODESystem
from pysymude.model.trajectory import Trajectory
from pysymude.plot import plot_fit, plot_history
from pysymude.solving.solve import solve

__all__ = ["show"]

TRUE = {
    "k_act": 0.8, "k_off": 0.25, "k_phos": 1.5, "k_bind": 2.0, "k_split": 0.4, "sd_total": 0.05,
    "sd_dimer": 0.02,
}  # fmt: skip
BOUNDS = (1e-4, 1e2)
LIGANDS = {"low": 0.3, "high": 2.0}
TIMES = np.array([0.0, 0.5, 1.0, 2.0, 3.0, 4.5, 6.0, 8.0, 10.0, 13.0, 16.0, 20.0])


def show(*, folder: Path, seed: int, engine: str, quick: bool) -> Showcase:
    """A cascade of two steps whose second product forms dimers, measured in two experiments.

    Parameters
    ----------
    folder : Path
        The files of the problem go into `petab` there.
    seed : int
        Of the noise and of where the fit starts.
    engine : str
    quick : bool
        A few iterations only, to see that everything works.
    """
    system = _cascade()
    print_model(system, "A cascade of two steps, and a dimer")
    options: dict[str, Any] = {"engine": engine, "seed": seed, "progress": False}
    # one iteration: it is the tables that are wanted, and they get the true values
    begun = fit(system, _measured(system, seed, engine), stages=LBFGS(1), **options)
    path = write_petab(begun, folder / "petab")
    path = write_petab(read_petab(path), folder / "petab", values=TRUE)
    problem = read_petab(path)
    found = problem.fit(
        theta0=_start(problem, seed), stages=LBFGS(5) if quick else None,
        **{k: v for k, v in options.items() if k != "progress"},
    )  # fmt: skip
    likelihood = partial(problem.log_likelihood, engine=engine)
    fitted = {k: found.parameters[k] for k in problem.nominal}
    logs = {"nominal": likelihood(), "fitted": likelihood(fitted)}
    rows = [(k, f"{v:.4g}", f"{fitted[k]:.4g}") for k, v in problem.nominal.items()]
    print_table(
        [*rows, ("log-likelihood", f"{logs['nominal']:.3f}", f"{logs['fitted']:.3f}")],
        title="Nominal values, with which the data were made, and fitted ones",
        header=("", "nominal", "fitted"),
    )
    return Showcase(
        fit=found,
        rows=[("problem", str(path)), ("log-likelihood", f"{logs['fitted']:.3f}")],
        remarks=[f"The files of PEtab are in {path.parent}; fit them again: pysymude fit {path}"],
        summary={
            "data": "petab", "problem": str(path), "log_likelihood": logs,
            "nominal": dict(problem.nominal),
        },
        figures={"fit.png": plot_fit(found), "history.png": plot_history(found)},
        interrupted=found.stopped == INTERRUPTED,
    )  # fmt: skip


def _cascade() -> ODESystem:
    kinase, active, substrate, product, dimer = states(
        "kinase active substrate product dimer", positive=True
    )
    ligand = parameters("ligand", positive=True)
    learned = parameters(" ".join(TRUE), positive=True)
    k_act, k_off, k_phos, k_bind, k_split, sd_total, sd_dimer = learned
    started = k_act * ligand * kinase - k_off * active
    made, bound = k_phos * active * substrate, k_bind * product**2 - k_split * dimer
    return ODESystem(
        {
            kinase: -started, active: started, substrate: -made, product: made - 2 * bound, dimer: bound,
        },
        parameters={ligand: 1.0},
        trainable={k: TRUE[k.name] for k in learned},
        bounds=dict.fromkeys(learned, BOUNDS),
        initial={kinase: 1.0, active: 0.0, substrate: 2.0, product: 0.0, dimer: 0.0},
        observables={"total": product + 2 * dimer, "dimers": dimer},
        noise={"total": sd_total, "dimers": sd_dimer},
    )  # fmt: skip


def _measured(system: ODESystem, seed: int, engine: str) -> Dataset:
    """What the cascade gives at two amounts of ligand, with noise."""
    rng = np.random.default_rng(seed)
    columns = ["total", "dimers"]
    sizes = np.array([TRUE["sd_total"], TRUE["sd_dimer"]])
    found: list[Trajectory] = []
    for name, ligand in LIGANDS.items():
        given = {"ligand": ligand}
        exact = solve(system, t=TIMES, parameters=given, reltol=1e-9, engine=engine, throw=True)
        seen = np.stack([exact[c] for c in columns], axis=1)
        noisy = seen + sizes * rng.standard_normal(seen.shape)
        found.append(
            Trajectory.from_arrays(TIMES, noisy, states=columns, parameters=given, name=name)
        )
    return Dataset(found)


def _start(problem: PetabProblem, seed: int) -> dict[str, float]:
    """Where the fit begins: up to tenfold beside the truth."""
    rng = np.random.default_rng([seed, 1])
    return {k: float(v * 10 ** rng.uniform(-1, 1)) for k, v in problem.nominal.items()}
