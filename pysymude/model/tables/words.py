"""The names that columns usually have, in small letters."""

from __future__ import annotations

__all__ = ["CLOCKS", "EXACT", "EXPERIMENTS", "LIMITS", "NOISES", "TIMED", "VALUES", "VARIABLES"]

EXACT = ("t", "time")

_SINGULAR = {
    "s", "sec", "second", "min", "minute", "h", "hr", "hour", "d", "day", "week", "month", "y", "yr", "year",
}  # fmt: skip
_UNITS = _SINGULAR | {f"{word}s" for word in _SINGULAR if len(word) > 1}
# single letters are more often states
CLOCKS = {word for word in _UNITS if len(word) > 3} | {
    "day",
    "date",
    "datetime",
    "timestamp",
    "elapsed",
}
TIMED = {f"{word}{sign}{unit}" for word in EXACT for sign in "_ .-" for unit in _UNITS}
EXPERIMENTS = {
    "experiment", "experiment_id", "experimentid", "subject", "subject_id", "subjectid", "id", "run", "run_id",
    "series", "trajectory", "condition", "simulationconditionid",
}  # fmt: skip
VARIABLES = {
    "variable", "variables", "observable", "observable_id", "observableid", "species", "analyte", "quantity",
}  # fmt: skip
VALUES = {"value", "values", "measurement", "measured", "dv"}
NOISES = ("noise", "sigma", "sd", "std", "stdev", "noiseparameters")
LIMITS = ("loq", "lloq", "lod")
