"""AMICI and pyPESTO on one PEtab problem, run by a Python that has them; `petab_problems` calls it.

    PYTHON benchmarks/petab_amici.py PROBLEM.yaml STARTS.json RESULT.json

STARTS.json holds points on the scales of the parameter table, in the order of the free parameters.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Reads the arguments, and writes what came of them."""
    path, starts, result = map(Path, sys.argv[1:])
    begun = time.perf_counter()
    import numpy
    import pypesto
    import pypesto.optimize
    import pypesto.petab

    imported = time.perf_counter()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        importer = pypesto.petab.PetabImporter.from_yaml(str(path), output_folder=folder)
        problem = importer.create_problem(force_compile=True)
        objective = problem.objective
        compiled = time.perf_counter()
        nominal = importer.petab_problem.x_nominal_free_scaled
        value, slopes = objective(nominal, sensi_orders=(0, 1))
        first = time.perf_counter()
        optimizer = pypesto.optimize.FidesOptimizer(verbose=logging.ERROR)
        found, seconds = [], []
        for point in json.loads(starts.read_text()):
            begin = time.perf_counter()
            try:
                one = optimizer.minimize(problem=problem, x0=numpy.array(point), id="0")
                found.append(float(one.fval))
            except Exception as error:
                print(type(error).__name__, error, file=sys.stderr)
                found.append(float("inf"))
            seconds.append(time.perf_counter() - begin)
    content = {
        "import": imported - begun, "compile": compiled - imported, "first": first - compiled,
        "nominal": float(value), "gradient": [float(s) for s in slopes],
        "ids": list(importer.petab_problem.x_free_ids), "values": found, "seconds": seconds,
        "versions": [pypesto.__version__, __import__("amici").__version__],
    }  # fmt: skip
    result.write_text(json.dumps(content))


if __name__ == "__main__":
    main()
