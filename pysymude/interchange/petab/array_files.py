"""Weights and inputs of networks in HDF5 files, read without following what leads elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import ModelFileError
from pysymude.interchange.packages import needed

__all__ = ["Arrays", "read_arrays"]

Float = NDArray[np.float64]
LARGEST = 50_000_000  # numbers of one array


@dataclass(frozen=True)
class Arrays:
    """Arrays in the order of PyTorch, row by row.

    Attributes
    ----------
    parameters : dict from (network, layer, array) to float64 array
    inputs : dict from (input, condition) to float64 array
        A condition ``"0"`` stands for all.
    """

    parameters: dict[tuple[str, str, str], Float] = field(default_factory=dict)
    inputs: dict[tuple[str, str], Float] = field(default_factory=dict)


def read_arrays(paths: Sequence[Path]) -> Arrays:
    """All arrays of some files.

    Raises
    ------
    ModelFileError
        No such file, no HDF5, a link to another file, or arrays that are no finite numbers.
    """
    found = Arrays()
    for path in paths:
        h5py = needed("h5py")
        if not path.is_file():
            raise ModelFileError(f"no such file, seen from {Path.cwd()}", where=str(path))
        try:
            with h5py.File(path, "r") as file:
                _read(str(path), file, found)
        except ModelFileError:
            raise
        except (OSError, KeyError, RuntimeError, ValueError, MemoryError) as error:
            # whatever of these a damaged file makes of h5py
            raise ModelFileError(
                f"this is no HDF5 file, or a damaged one: {error}", where=str(path)
            ) from None
    return found


def _read(name: str, file: Any, found: Arrays) -> None:
    rows_first = _is_pytorch(name, file)
    for network, layers in _groups(name, file, "parameters"):
        for layer, arrays in _groups(name, layers, ""):
            for key in arrays:
                found.parameters[network, layer, key] = _array(name, arrays, key, rows_first)
    for key, given in _groups(name, file, "inputs"):
        for conditions in given:
            array = _array(name, given, conditions, rows_first)
            for condition in conditions.split(";"):
                found.inputs[key, condition.strip()] = array


def _is_pytorch(name: str, file: Any) -> bool:
    """Whether arrays are stored row by row, as PyTorch has them, and not column by column."""
    if "metadata" not in file or "pytorch_format" not in _own(name, file, "metadata"):
        return True
    return bool(np.asarray(_own(name, file["metadata"], "pytorch_format")[()]))


def _groups(name: str, parent: Any, key: str) -> list[tuple[str, Any]]:
    if key and key not in parent:
        return []
    group = _own(name, parent, key) if key else parent
    found = [(k, _own(name, group, k)) for k in group]
    for k, v in found:
        if not hasattr(v, "keys"):
            raise ModelFileError(f"{k!r} must be a group of arrays", where=name)
    return found


def _own(name: str, group: Any, key: str) -> Any:
    """A member that is in this file itself."""
    h5py = needed("h5py")
    if not isinstance(group.get(key, getlink=True), h5py.HardLink):
        raise ModelFileError(
            f"{group.name}/{key} is a link to elsewhere, which is not followed", where=name
        )
    return group[key]


def _array(name: str, group: Any, key: str, rows_first: bool) -> Float:
    one = _own(name, group, key)
    where = f"{group.name}/{key}"
    if not hasattr(one, "shape") or hasattr(one, "keys"):
        raise ModelFileError(f"{where} must be an array", where=name)
    if one.is_virtual or one.external:
        raise ModelFileError(f"{where} is kept in another file, which is not read", where=name)
    if one.dtype.kind not in "fiu":
        raise ModelFileError(f"{where} must hold numbers; found {one.dtype}", where=name)
    if one.size > LARGEST:
        raise ModelFileError(
            f"{where} has {one.size} numbers; at most {LARGEST} are read", where=name
        )
    values = np.asarray(one[()], dtype=np.float64)
    if not np.isfinite(values).all():
        raise ModelFileError(f"{where} holds a number that is not finite", where=name)
    return values if rows_first else values.T
