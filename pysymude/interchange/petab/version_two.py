"""Problems of PEtab version 2: experiments of periods, mappings, and networks of the SciML extension."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pysymude.interchange.petab.described import (
    Changes,
    Described,
    Measured,
    Observable,
    Parameter,
    PeriodText,
    Prior,
)
from pysymude.interchange.petab.tsv import Row, check_unique, read_rows
from pysymude.interchange.petab.yaml_file import YamlFile

__all__ = ["read_version_two"]

_NOISE = {
    "normal": ("normal", "lin"), "log-normal": ("normal", "log"), "laplace": ("laplace", "lin"),
    "log-laplace": ("laplace", "log"),
}  # fmt: skip
_TABLES = (
    "parameter_files", "observable_files", "condition_files", "experiment_files", "measurement_files",
    "mapping_files",
)  # fmt: skip
SCIML = ("sciml", "petab_sciml")


def read_version_two(yaml: YamlFile) -> Described:
    """The description of a problem.

    Raises
    ------
    ModelFileError
        A file, a column or an entry that is missing or wrong, or an extension that is not read.
    """
    content = yaml.content
    sciml = _extension(yaml)
    rows = _rows(yaml, "parameter_files", ["parameterId", "estimate"])
    check_unique(rows, "parameterId")
    parameters = {p.id: p for p in map(_parameter, rows)}
    rows = _rows(yaml, "observable_files", ["observableId", "observableFormula"])
    check_unique(rows, "observableId")
    observables = {o.id: o for o in map(_observable, rows)}
    conditions = _conditions(
        _rows(yaml, "condition_files", ["conditionId", "targetId", "targetValue"])
    )
    experiments = _experiments(
        _rows(yaml, "experiment_files", ["experimentId", "time", "conditionId"]),
        conditions,
        bool(sciml),
    )
    measurements = [
        _measured(row, experiments)
        for row in _rows(yaml, "measurement_files", ["observableId", "measurement", "time"])
    ]
    mapping = _rows(yaml, "mapping_files", ["petabEntityId", "modelEntityId"])
    changes = [
        row
        for path in yaml.files(sciml.get("hybridization_files"))
        for row in read_rows(path, ["targetId", "targetValue"])
    ]
    check_unique(changes, "targetId")
    networks = yaml.mapping(sciml.get("neural_networks", sciml.get("neural_nets")))
    return Described(
        yaml.path, 2, _model(yaml, content.get("model_files")), parameters, observables, experiments,
        tuple(measurements), carried=True, flat=True,
        networks={k: _network(yaml, k, v) for k, v in networks.items()},
        mapping={r.needed("petabEntityId"): (r.text("modelEntityId"), r) for r in mapping},
        hybridization={r.needed("targetId"): (r.needed("targetValue"), r) for r in changes},
        arrays=tuple(yaml.files(sciml.get("array_files"))),
        tables=tuple(
            path
            for given in (*(content.get(key) for key in _TABLES), sciml.get("hybridization_files"))
            for path in yaml.files(given)
        ),
    )  # fmt: skip


def _rows(yaml: YamlFile, key: str, needs: Sequence[str]) -> list[Row]:
    return [row for path in yaml.files(yaml.content.get(key)) for row in read_rows(path, needs)]


def _extension(yaml: YamlFile) -> Mapping[str, Any]:
    """The section of the SciML extension; others must not be required."""
    found: Mapping[str, Any] = {}
    for name, given in yaml.mapping(yaml.content.get("extensions")).items():
        section = yaml.mapping(given)
        if name in SCIML:
            found = section
        elif section.get("required", True):
            yaml.refuse(f"the problem needs the extension {name!r}, which is not read")
    return found


def _network(yaml: YamlFile, name: str, given: Any) -> tuple[Path, bool]:
    section = yaml.mapping(given)
    if str(section.get("format", "YAML")).lower() != "yaml":
        yaml.refuse(
            f"network {name!r} has the format {section.get('format')!r}; networks in YAML are read"
        )
    return yaml.file(section.get("location")), bool(section.get("pre_initialization", False))


def _model(yaml: YamlFile, given: Any) -> Path:
    models = yaml.mapping(given)
    if len(models) != 1:
        yaml.refuse(f"a problem with one model is read; found {len(models)} under model_files")
    model = yaml.mapping(next(iter(models.values())))
    if str(model.get("language")).lower() != "sbml":
        yaml.refuse(f"models in SBML are read; found language {model.get('language')!r}")
    return yaml.file(model.get("location"))


def _parameter(row: Row) -> Parameter:
    nominal = row.text("nominalValue")
    estimated = row.truth("estimate")
    value = (
        None
        if not nominal or nominal.lower() == "array"
        else row.as_number(nominal, "nominalValue")
    )
    low = row.number("lowerBound", -math.inf, infinite=True)
    high = row.number("upperBound", math.inf, infinite=True)
    if not low <= high:
        row.refuse(f"lowerBound {low:g} is above upperBound {high:g}")
    family = row.text("priorDistribution")
    given = tuple(row.as_number(p, "priorParameters") for p in row.several("priorParameters"))
    prior = Prior(family, given) if family else None
    return Parameter(row.needed("parameterId"), row, estimated, value, low, high, "lin", prior)


def _observable(row: Row) -> Observable:
    given = row.text("noiseDistribution") or "normal"
    if given not in _NOISE:
        row.refuse(f"noiseDistribution is one of {', '.join(_NOISE)}; found {given!r}")
    distribution, scale = _NOISE[given]
    transformation = row.text("observableTransformation") or "lin"
    if transformation != "lin" and scale == "lin":
        if transformation not in ("log", "log10"):
            row.refuse(f"observableTransformation is lin, log or log10; found {transformation!r}")
        scale = transformation
    return Observable(
        row.needed("observableId"), row, row.needed("observableFormula"), row.text("noiseFormula") or "1",
        distribution, scale, row.several("observablePlaceholders"), row.several("noisePlaceholders"),
    )  # fmt: skip


def _conditions(rows: Sequence[Row]) -> dict[str, dict[str, tuple[str, Row]]]:
    found: dict[str, dict[str, tuple[str, Row]]] = {}
    for row in rows:
        own = found.setdefault(row.needed("conditionId"), {})
        target = row.needed("targetId")
        if target in own:
            row.refuse(f"the condition changes {target!r} twice")
        own[target] = (row.needed("targetValue"), row)
    return found


def _experiments(
    rows: Sequence[Row], conditions: Mapping[str, Changes], unlisted: bool
) -> dict[str, tuple[PeriodText, ...]]:
    """Periods by experiment; conditions that a network's arrays name need no table."""
    found: dict[str, dict[float, PeriodText]] = {}
    last: dict[str, Row] = {}
    for row in rows:
        periods = found.setdefault(row.needed("experimentId"), {})
        start, condition = row.number("time", infinite=True), row.text("conditionId")
        if start == math.inf:
            row.refuse("a period begins at a time, or at -inf")
        before = periods.get(start, PeriodText(start, {}))
        last[row.needed("experimentId")] = row
        if condition and condition not in conditions and not unlisted:
            row.refuse(f"the condition {condition!r} is not in the condition table")
        changes = conditions.get(condition, {})
        if twice := before.changes.keys() & changes.keys():
            row.refuse(f"two conditions at one time change {min(twice)!r}")
        names = (*before.conditions, condition) if condition else before.conditions
        periods[start] = PeriodText(start, {**before.changes, **changes}, names)
    for key, periods in found.items():
        if set(periods) == {-math.inf}:
            last[key].refuse(f"the experiment {key!r} has no period that begins at a time")
    return {
        key: tuple(periods[start] for start in sorted(periods)) for key, periods in found.items()
    }


def _measured(row: Row, experiments: dict[str, tuple[PeriodText, ...]]) -> Measured:
    experiment = row.text("experimentId")
    if experiment and experiment not in experiments:
        row.refuse(f"the experiment {experiment!r} is not in the experiment table")
    if not experiment:  # the model as it is, from 0 on
        experiments.setdefault("", (PeriodText(0.0, {}),))
    return Measured(
        row, row.needed("observableId"), experiment, row.number("time", infinite=True),
        row.number("measurement"), row.several("observableParameters"), row.several("noiseParameters"),
    )  # fmt: skip
