"""Measured inputs from a table, for `pysymude simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pysymude.errors import InvalidInputError
from pysymude.model.dataset import Dataset
from pysymude.model.system import ODESystem

__all__ = ["read_signal_file"]


def read_signal_file(path: Path, system: ODESystem) -> dict[str, Any]:
    """The signals of a system from the columns of a CSV file that are called as they are.

    Raises
    ------
    InvalidInputError
        The system has no signal, or the file none of them, or several experiments.
    """
    names = [signal.name for signal in system.signals]
    if not names:
        raise InvalidInputError(f"--signals {path}: the model has no signal")
    header = path.read_text(encoding="utf-8-sig").splitlines()[:1] if path.is_file() else []
    there = [name for name in names if header and name in header[0]]
    data = Dataset.from_csv(path, states=there or names)
    if len(data) > 1:
        raise InvalidInputError(
            f"--signals {path} holds {len(data)} experiments; a simulation takes one"
        )
    found: dict[str, Any] = {}
    for j, name in enumerate(data[0].columns):
        values = data[0].u[:, j]
        known = np.isfinite(values)
        found[name] = data[0].t[known], values[known]
    return found
