"""Models in TOML files: plain text that is parsed, never executed.

Expressions are made of numbers, names, ``+ - * / ^``, brackets and the functions of
`pysymude.model.expressions`. A choice is ``where(condition, yes, no)``, its condition made of
comparisons, ``and``, ``or`` and ``not``. An output of a network is ``nn[0]``, or ``nn(2*x, y)[0]``
at other inputs than its own; ``D(nn[0], 1)`` is the derivative of that output with respect to the
second input. The inputs of a network may contain outputs of the networks above it, and symbols
that stand nowhere else if every use gives other inputs.

A whole file, with every table that it may have::

    name = "Lotka-Volterra UDE"
    positive = ["x", "y"]              # states and parameters that stay positive
    symbolic = ["k"]                   # parameters without a value

    [equations]                        # one per state, in order
    x = "alpha*x + nn[0]"
    y = "-gamma*y + nn[1] + k*w(t) + T(t)"

    [parameters]                       # fixed values
    alpha = 1.3

    [trainable]                        # learned: a starting value, or a table
    gamma = { start = 1.0, bounds = [0.0, inf] }    # and scale = "log" or "linear"

    [networks.nn]
    inputs = ["x", "y"]
    outputs = 2
    hidden = [5, 5, 5]
    activation = "tanh"
    bias = true                        # or false, or one for each layer
    input_scaling = "data"             # or { shift = [0, 0], scale = [1, 10] }

    [functions]                        # unknown functions of time
    w = ["t"]

    [signals.T]                        # measured inputs: T(t) in expressions
    kind = "linear"                    # or "previous", "cubic"; and extrapolate = true
    times = [0.0, 10.0]                # values may come with the data instead
    values = [20.0, "2*gamma"]         # or be learned

    [observables]
    total = "x + y"
    excess = "where(x > y, x - y, 0)"

    [initial]                          # where states start, unless the data say otherwise
    y = "2*gamma"

    [noise]                            # of states and observables: a distribution, or a standard deviation
    total = "LogNormal(0.1)"
    x = "0.1 + 0.05*x"

    [priors]                           # of what is learned
    gamma = "LogNormal(0, 1)"
    "nn.W1" = "Normal(0, 1)"

    [units]                            # text for tables and figures; t is time
    x = "mg / l"
    t = "h"

    [[events]]                         # where a state becomes another
    expr = "x - 10"
    set = { x = "x/2" }
    direction = 1                      # 1: rising, -1: falling, 0: both
    name = "harvest"

    [fit]                              # for `pysymude fit`; see `pysymude.cli.fit_table`
    stages = ["Adam(300)", "LBFGS(500)"]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.core.function import AppliedUndef

from pysymude.errors import InvalidInputError, ModelFileError
from pysymude.model.coerce import close_matches
from pysymude.model.event import Event
from pysymude.model.language import FORMS, FUNCTIONS
from pysymude.model.signals_within import uses_of
from pysymude.model.symbols import t
from pysymude.model.toml_networks import (
    networks_within,
    read_expression,
    read_expressions,
    read_networks,
)
from pysymude.model.toml_noise import read_distributions
from pysymude.model.toml_signals import read_points, read_signals
from pysymude.model.toml_table import TomlTable, errors_of, parse_toml, read_text

if TYPE_CHECKING:
    from pysymude.model.system import ODESystem

__all__ = ["system_from_text", "system_from_toml"]

TABLES = (
    "equations", "parameters", "trainable", "networks", "functions", "observables", "signals",
)  # fmt: skip
FIT = "fit"  # what `pysymude fit` reads
KEYS = (
    "name",
    "positive",
    "symbolic",
    *TABLES,
    "initial",
    "noise",
    "priors",
    "units",
    "events",
    FIT,
)
EVENT_KEYS = ("expr", "set", "direction", "name")


def system_from_toml(path: str | PathLike[str]) -> ODESystem:
    """The system in a TOML file.

    Raises
    ------
    ModelFileError
        The file is missing, larger than 1 MB or no TOML, or holds something that is not part of a
        model; `.where` names the file, the table and the key.
    """
    text = read_text(path)
    with errors_of(path):
        return system_from_text(text)


def system_from_text(
    text: str, assumptions: Mapping[str, Mapping[str, bool]] | None = None
) -> ODESystem:
    """The system in the text of a TOML file.

    Parameters
    ----------
    text : str
    assumptions : mapping from name to SymPy's assumptions, optional
        For states and parameters that were declared otherwise than a file can say.

    Raises
    ------
    ModelFileError
        The text is no TOML, or holds something that is not part of a model; `.where` names the
        table and the key.

    Examples
    --------
    >>> system_from_text('''
    ... [equations]
    ... x = "-k*x"
    ... [parameters]
    ... k = 0.5
    ... ''')
    ODESystem(x' = -k*x; parameters k=0.5)
    """
    model = parse_toml(text)
    try:
        return _system(model, assumptions or {})
    except RecursionError:
        raise ModelFileError("its expressions and networks are nested too deeply") from None


def _system(model: TomlTable, assumptions: Mapping[str, Mapping[str, bool]]) -> ODESystem:
    from pysymude.model.system import ODESystem

    model.only(*KEYS, required=("equations",))
    model.text("name")
    symbols = _symbols(model)
    symbols |= {name: sp.Symbol(name, **facts) for name, facts in assumptions.items()}
    names: dict[str, Any] = {"t": t, **symbols, **_functions(model.table("functions"))}
    names |= read_signals(model.table("signals"))
    names |= read_networks(model.table("networks"), dict(names))
    equations = read_expressions(model.table("equations"), names)
    observables = read_expressions(model.table("observables"), names)

    def parse(text: str, where: str) -> sp.Expr:
        return read_expression(text, names, where)

    initial = read_expressions(model.table("initial"), names)
    noise = read_distributions(model.table("noise"), parse)
    priors = read_distributions(model.table("priors"), parse)
    points = read_points(model.table("signals"), parse)
    events = [_event(table, names) for table in model.tables("events")]
    read = [a for found in noise.values() for a in found.args]
    read += [v for _, values in points.values() for v in values if isinstance(v, sp.Expr)]
    read += [expr for event in events for expr in event.expressions]
    _check_all_used(model, [*equations.values(), *observables.values(), *initial.values(), *read])
    trainable, bounds, scales = _trainable(model.table("trainable"))
    fixed = model.table("parameters")
    values = {name: fixed.number(name) for name in fixed}
    rhs = {symbols[name]: expr for name, expr in equations.items()}
    units = model.table("units")
    try:
        return ODESystem(
            rhs,
            parameters=values,
            trainable={symbols[name]: start for name, start in trainable.items()},
            bounds=bounds,
            scales=scales,
            observables=observables,
            initial=initial,
            noise=noise,
            priors=priors,
            signals=points,
            events=events,
            units={name: units.text(name) for name in units},
        )
    except InvalidInputError as error:
        raise ModelFileError(str(error)) from error


def _event(table: TomlTable, names: Mapping[str, Any]) -> Event:
    table.only(*EVENT_KEYS, required=("expr", "set"))
    expr = read_expression(table.expression("expr"), names, table.where("expr"))
    (direction, *_) = table.integers("direction") if "direction" in table else [0]
    name = table.text("name") if "name" in table else None
    given = read_expressions(table.table("set"), names)
    try:
        return Event(expr, set=given, direction=direction, name=name)
    except InvalidInputError as error:
        raise ModelFileError(str(error), where=f"[{table.place}]") from error


def _symbols(model: TomlTable) -> dict[str, sp.Symbol]:
    """States and parameters by name, after a check that no name stands for two things."""
    language = "the language of expressions"
    places = {"t": language}
    tables = {key: model.table(key).names() for key in TABLES}
    for key, names in {**tables, "symbolic": model.listed_names("symbolic")}.items():
        for name in names:
            place = f"[{key}] {name}" if key in TABLES else key
            # sin may be a parameter, as sin(x) stays the sine; sin(t) could not be told apart
            if name in places or (key in ("functions", "signals") and name in (*FUNCTIONS, *FORMS)):
                owner = places.get(name, language)
                raise ModelFileError(f"{name!r} already belongs to {owner}", where=place)
            places[name] = place
    if not tables["equations"]:
        raise ModelFileError('needs one equation per state: x = "-x"', where="[equations]")
    declared = [*tables["equations"], *tables["parameters"], *tables["trainable"]]
    declared += model.listed_names("symbolic")
    return _with_assumptions(model, declared)


def _with_assumptions(model: TomlTable, declared: Iterable[str]) -> dict[str, sp.Symbol]:
    positive = model.listed_names("positive")
    for name in positive:
        if name not in declared:
            hint = close_matches(name, declared)
            raise model.error("positive", f"{name!r} is no state or parameter; {hint}")
    return {
        name: sp.Symbol(name, positive=True) if name in positive else sp.Symbol(name, real=True)
        for name in declared
    }


def _functions(table: TomlTable) -> dict[str, Any]:
    """Unknown functions, which are functions of time and of nothing else."""
    for name in table:
        if table.strings(name) != ["t"]:
            raise table.error(name, f'is a function of time: write {name} = ["t"]')
    return {name: sp.Function(name) for name in table}


def _trainable(
    table: TomlTable,
) -> tuple[dict[str, float], dict[str, tuple[float, float]], dict[str, str]]:
    """Starting values, and the bounds and scales of those parameters that have some."""
    starts: dict[str, float] = {}
    bounds: dict[str, tuple[float, float]] = {}
    scales: dict[str, str] = {}
    for name in table:
        if not isinstance(table.values[name], dict):
            starts[name] = table.number(name)
            continue
        entry = table.table(name)
        entry.only("start", "bounds", "scale", required=("start",))
        starts[name] = entry.number("start")
        if "bounds" in entry:
            bounds[name] = low, high = entry.interval("bounds")
            if not low <= starts[name] <= high:
                raise table.error(name, f"its bounds exclude its start {starts[name]}")
        if "scale" in entry:
            scales[name] = entry.text("scale")
    return starts, bounds, scales


def _check_all_used(model: TomlTable, expressions: list[sp.Expr]) -> None:
    # what is learned may stand in laws, or in what data say of doses and starts
    _check_used(model, "parameters", _symbol_names(expressions))
    networks = networks_within(expressions)
    everywhere = [*expressions, *(z for nn in networks for z in nn.inputs)]
    _check_used(model, "symbolic", _symbol_names(everywhere))
    _check_used(model, "networks", {nn.name for nn in networks})
    _check_used(model, "signals", {use.signal.name for use in uses_of(everywhere)})
    calls = {call for expr in everywhere for call in expr.atoms(AppliedUndef)}
    _check_used(model, "functions", {str(call.func) for call in calls})


def _symbol_names(expressions: Iterable[sp.Expr]) -> set[str]:
    return {str(symbol) for expr in expressions for symbol in expr.free_symbols}


def _check_used(model: TomlTable, key: str, used: set[str]) -> None:
    """Refuse a declared name that stands nowhere, which is more often a slip than a wish."""
    for name in model.table(key) if key in TABLES else model.listed_names(key):
        if name not in used:
            place = f"[{key}] {name}" if key in TABLES else key
            raise ModelFileError(f"no expression uses {name!r}; remove it", where=place)
