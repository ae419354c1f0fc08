"""What the tables of a problem say, whatever version they are written in; nothing is computed yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pysymude.interchange.petab.tsv import Row

__all__ = ["Changes", "Described", "Measured", "Observable", "Parameter", "PeriodText", "Prior"]

Changes = Mapping[str, tuple[str, Row]]
"""Formulas by the id of what they change, each with its row."""


@dataclass(frozen=True)
class Prior:
    """A prior: its family, its parameters, and the scale on which they are meant (``lin``, ``log``, ``log10``)."""

    family: str
    parameters: tuple[float, ...]
    scale: str = "lin"


@dataclass(frozen=True)
class Parameter:
    """A row of the parameter table; `nominal` is None where an array file has the values."""

    id: str
    row: Row
    estimated: bool
    nominal: float | None
    low: float
    high: float
    scale: str = "lin"
    prior: Prior | None = None


@dataclass(frozen=True)
class Observable:
    """A row of the observable table.

    `distribution` is ``normal`` or ``laplace``; `scale` that on which measurements scatter: ``lin``, ``log``
    or ``log10``. Placeholders stand in the formulas for what a measurement gives.
    """

    id: str
    row: Row
    formula: str
    noise: str
    distribution: str = "normal"
    scale: str = "lin"
    placeholders: tuple[str, ...] = ()
    noise_placeholders: tuple[str, ...] = ()


@dataclass(frozen=True)
class PeriodText:
    """From `start` on, these changes; -inf is a steady state. `conditions` are those that make them."""

    start: float
    changes: Changes
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measured:
    """A row of the measurement table."""

    row: Row
    observable: str
    experiment: str
    time: float
    value: float
    given: tuple[str, ...]
    noise_given: tuple[str, ...]


@dataclass(frozen=True)
class Described:
    """A problem.

    Attributes
    ----------
    file : Path
        Its YAML file.
    version : int
    model : Path
        The SBML file.
    carried : bool
        Whether parameters keep the values of the period before (version 2), or go back to their own.
    flat : bool
        Whether a parameter without a prior is uniform within its bounds (version 2).
    networks : mapping from id to (file, before)
        Network files, and whether each is evaluated once before a simulation.
    mapping : mapping from id to str
        What ids of the tables are in a network: ``net.inputs[0][1]``.
    hybridization : mapping from target to (str, Row)
    arrays : tuple of Path
        HDF5 files.
    tables : tuple of Path
        All files of rows.
    """

    file: Path
    version: int
    model: Path
    parameters: Mapping[str, Parameter]
    observables: Mapping[str, Observable]
    experiments: Mapping[str, tuple[PeriodText, ...]]
    measurements: tuple[Measured, ...]
    carried: bool = False
    flat: bool = False
    networks: Mapping[str, tuple[Path, bool]] = field(default_factory=dict)
    mapping: Mapping[str, tuple[str, Row]] = field(default_factory=dict)
    hybridization: Changes = field(default_factory=dict)
    arrays: tuple[Path, ...] = ()
    tables: tuple[Path, ...] = ()
