"""Problems of PEtab version 1: conditions in columns, preequilibration, transformations."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

from pysymude.interchange.petab.described import (
    Described,
    Measured,
    Observable,
    Parameter,
    PeriodText,
    Prior,
)
from pysymude.interchange.petab.tsv import Row, check_unique, read_rows
from pysymude.interchange.petab.yaml_file import YamlFile

__all__ = ["read_version_one"]

_TABLES = ("condition_files", "measurement_files", "observable_files", "visualization_files")
SCALES = ("lin", "log", "log10")
_PRIORS = {
    "uniform": ("uniform", False), "normal": ("normal", False), "laplace": ("laplace", False),
    "logNormal": ("log-normal", False), "logLaplace": ("log-laplace", False),
    "parameterScaleUniform": ("uniform", True), "parameterScaleNormal": ("normal", True),
    "parameterScaleLaplace": ("laplace", True),
}  # fmt: skip


def read_version_one(yaml: YamlFile) -> Described:
    """The description of a problem.

    Raises
    ------
    ModelFileError
        A file, a column or an entry that is missing or wrong.
    """
    problems = yaml.list(yaml.content.get("problems"))
    if len(problems) != 1:
        yaml.refuse(f"a file with one problem is read; found {len(problems)} under problems")
    problem = yaml.mapping(problems[0])
    rows = _rows(yaml.files(yaml.content.get("parameter_file")), ["parameterId", "estimate"])
    check_unique(rows, "parameterId")
    parameters = {p.id: p for p in map(_parameter, rows)}
    rows = _rows(yaml.files(problem.get("observable_files")), ["observableId", "observableFormula"])
    check_unique(rows, "observableId")
    observables = {o.id: o for o in map(_observable, rows)}
    conditions = _rows(yaml.files(problem.get("condition_files")), ["conditionId"])
    check_unique(conditions, "conditionId")
    by_id = {row.needed("conditionId"): row for row in conditions}
    needs = ["observableId", "simulationConditionId", "measurement", "time"]
    experiments: dict[str, tuple[PeriodText, ...]] = {}
    measurements: list[Measured] = []
    for row in _rows(yaml.files(problem.get("measurement_files")), needs):
        measurements.append(_measured(row, by_id, experiments))
    given = (yaml.content.get("parameter_file"), *(problem.get(key) for key in _TABLES))
    return Described(
        yaml.path, 1, _model(yaml, problem), parameters, observables, experiments, tuple(measurements),
        tables=tuple(path for one in given for path in yaml.files(one)),
    )  # fmt: skip


def _rows(files: Sequence[Path], needs: Sequence[str]) -> list[Row]:
    return [row for file in files for row in read_rows(file, needs)]


def _model(yaml: YamlFile, problem: dict[str, object] | object) -> Path:
    content = yaml.mapping(problem)
    files = yaml.files(content.get("sbml_files"))
    for model in yaml.mapping(content.get("model_files")).values():
        given = yaml.mapping(model)
        if given.get("language") != "sbml":
            yaml.refuse(f"models in SBML are read; found language {given.get('language')!r}")
        files.append(yaml.file(given.get("location")))
    if len(files) != 1:
        yaml.refuse(f"a problem with one model is read; found {len(files)}")
    return files[0]


def _parameter(row: Row) -> Parameter:
    scale = row.text("parameterScale") or "lin"
    if scale not in SCALES:
        row.refuse(f"parameterScale is one of {', '.join(SCALES)}; found {scale!r}")
    estimated = row.truth("estimate")
    if (
        estimated
        and scale != "lin"
        and row.text("nominalValue")
        and row.number("nominalValue") <= 0
    ):
        row.refuse(
            f"a nominalValue on the scale {scale} must be positive; found {row.text('nominalValue')}"
        )
    return Parameter(
        row.needed("parameterId"), row, estimated,
        row.number("nominalValue") if not estimated or row.text("nominalValue") else None,
        row.number("lowerBound", -math.inf, infinite=True),
        row.number("upperBound", math.inf, infinite=True),
        scale, _prior(row, scale),
    )  # fmt: skip


def _prior(row: Row, scale: str) -> Prior | None:
    family = row.text("objectivePriorType")
    if not family:
        return None
    if family not in _PRIORS:
        row.refuse(f"objectivePriorType is one of {', '.join(_PRIORS)}; found {family!r}")
    name, scaled = _PRIORS[family]
    numbers = tuple(
        row.as_number(p, "objectivePriorParameters")
        for p in row.several("objectivePriorParameters")
    )
    return Prior(name, numbers, scale if scaled else "lin")


def _observable(row: Row) -> Observable:
    key = row.needed("observableId")
    formula, noise = row.needed("observableFormula"), row.text("noiseFormula") or "1"
    scale = row.text("observableTransformation") or "lin"
    distribution = row.text("noiseDistribution") or "normal"
    if scale not in SCALES:
        row.refuse(f"observableTransformation is one of {', '.join(SCALES)}; found {scale!r}")
    if distribution not in ("normal", "laplace"):
        row.refuse(f"noiseDistribution is normal or laplace; found {distribution!r}")
    return Observable(
        key, row, formula, noise, distribution, scale,
        _placeholders("observableParameter", key, formula), _placeholders("noiseParameter", key, noise),
    )  # fmt: skip


def _placeholders(kind: str, key: str, formula: str) -> tuple[str, ...]:
    numbers = re.findall(rf"\b{kind}(\d+)_{re.escape(key)}\b", formula)
    return tuple(f"{kind}{n}_{key}" for n in range(1, max(map(int, numbers), default=0) + 1))


def _measured(
    row: Row, conditions: dict[str, Row], experiments: dict[str, tuple[PeriodText, ...]]
) -> Measured:
    before, after = row.text("preequilibrationConditionId"), row.needed("simulationConditionId")
    for key in filter(None, (before, after)):
        if key not in conditions:
            row.refuse(f"the condition {key!r} is not in the condition table")
    experiment = f"{before} then {after}" if before else after
    if experiment not in experiments:
        steady = [PeriodText(-math.inf, _changes(conditions[before]), (before,))] if before else []
        experiments[experiment] = (*steady, PeriodText(0.0, _changes(conditions[after]), (after,)))
    return Measured(
        row, row.needed("observableId"), experiment, row.number("time", infinite=True),
        row.number("measurement"), row.several("observableParameters"), row.several("noiseParameters"),
    )  # fmt: skip


def _changes(row: Row) -> dict[str, tuple[str, Row]]:
    names = ("conditionId", "conditionName")
    return {k: (v, row) for k, v in row.cells.items() if k not in names and v}
