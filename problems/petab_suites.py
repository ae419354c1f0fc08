"""Where public suites of PEtab problems are, and what one of their cases has to show."""

import csv
import os
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import yaml

import pysymude as psu

FOLDER = Path(
    os.environ.get("PYSYMUDE_PETAB_SUITE")
    or Path(psu.__file__).resolve().parents[2] / "shared" / "data" / "petab"
)
"""Outside of the repository; what reads it is skipped where it is absent."""

WHY_NOT = (
    f"there is no folder {FOLDER}; PYSYMUDE_PETAB_SUITE names one with v1/, v2/, sciml/, models/"
)


def cases(kind: str) -> list[str]:
    """The cases of a suite; one that says that there are none."""
    folder = FOLDER / kind
    names = sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
    return names or ["absent"]


@dataclass
class Outcome:
    """How far a case is from what its suite expects, in multiples of the suite's tolerance."""

    distances: dict[str, float] = field(default_factory=dict)

    @property
    def passes(self) -> bool:
        return all(d <= 1.0 for d in self.distances.values())


def outcome(kind: str, name: str, engine: str) -> Outcome:
    """One case, computed."""
    folder = FOLDER / kind / name
    return _sciml(folder, engine) if kind == "sciml" else _plain(folder, engine)


def _yaml(path: Path):
    return yaml.safe_load(path.read_text())


def _column(path: Path, column: str):
    with path.open() as file:
        return np.array([float(row[column]) for row in csv.DictReader(file, delimiter="\t")])


def _plain(folder: Path, engine: str) -> Outcome:
    expected = _yaml(folder / f"_{folder.name}_solution.yaml")
    problem = psu.read_petab(folder / f"_{folder.name}.yaml")
    found = Outcome()
    likelihood = problem.log_likelihood(engine=engine)
    found.distances["likelihood"] = abs(likelihood - expected["llh"]) / expected["tol_llh"]
    seen = problem.simulations(engine=engine)
    wanted = _column(folder / expected["simulation_files"][0], "simulation")
    found.distances["simulations"] = np.abs(seen - wanted).max() / expected["tol_simulations"]
    if "unnorm_log_posterior" in expected:
        posterior = problem.log_posterior(engine=engine)
        found.distances["posterior"] = (
            abs(posterior - expected["unnorm_log_posterior"]) / expected["tol_unnorm_log_posterior"]
        )
    return found


def _sciml(folder: Path, engine: str) -> Outcome:
    expected = _yaml(folder / "solutions.yaml")
    problem = psu.read_petab(folder / "petab" / "problem.yaml")
    found = Outcome()
    key = "llh" if "llh" in expected else "log_posterior"
    ask = problem.log_likelihood if key == "llh" else problem.log_posterior
    value, slopes = ask(gradient=True, engine=engine)
    found.distances[key] = abs(value - expected[key]) / expected[f"tol_{key}"]
    seen = problem.simulations(engine=engine)
    wanted = _column(folder / "simulations.tsv", "simulation")
    found.distances["simulations"] = np.abs(seen - wanted).max() / expected["tol_simulations"]
    found.distances["gradient"] = _gradient(folder, expected, slopes) / expected["tol_grad"]
    return found


def _gradient(folder: Path, expected, slopes) -> float:
    """The largest difference; each slope that was asked for must be there."""
    with (folder / expected["grad_files"]["mech"]).open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    worst = [abs(slopes[row["parameterId"]] - float(row["value"])) for row in rows]
    for network, name in expected["grad_files"].items():
        path = folder / name
        if network == "mech" or not path.is_file():
            continue
        with h5py.File(path) as file:
            if network not in file["parameters"]:
                continue
            layers = file["parameters"][network]
            order = _linear_layers(folder / "petab" / f"{network}.yaml")
            for layer in layers:
                k = order.index(layer) + 1
                for array, letter in (("weight", "W"), ("bias", "b")):
                    own = f"{network}.{letter}{k}"
                    if array in layers[layer] and layers[layer][array].size:
                        worst.append(float(np.abs(slopes[own] - layers[layer][array][()]).max()))
                    else:  # it keeps its value
                        assert own not in slopes
    return max(worst)


def _linear_layers(path: Path) -> list[str]:
    layers = _yaml(path)["layers"]
    return [layer["layer_id"] for layer in layers if layer["layer_type"] == "Linear"]
