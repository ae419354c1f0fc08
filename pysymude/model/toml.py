"""Models in TOML files: plain text that is parsed, never executed.

A whole file, with every table that it may have::

    name = "Lotka-Volterra UDE"
    positive = ["x", "y"]              # states and parameters that stay positive
    symbolic = ["k"]                   # parameters without a value

    [equations]                        # one per state, in order
    x = "alpha*x + nn[0]"
    y = "-gamma*y + nn[1] + k*w(t)"

    [parameters]                       # fixed values
    alpha = 1.3

    [trainable]                        # learned: a starting value, or a table
    gamma = { start = 1.0, bounds = [0.0, inf] }

    [networks.nn]
    inputs = ["x", "y"]
    outputs = 2
    hidden = [5, 5, 5]
    activation = "tanh"
    input_scaling = "data"             # or { shift = [0, 0], scale = [1, 10] }

    [functions]                        # unknown functions of time
    w = ["t"]

    [observables]
    total = "x + y"
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.core.function import AppliedUndef

from pysymude.errors import InvalidInputError, ModelFileError
from pysymude.model.coerce import close_matches
from pysymude.model.expressions import CONSTANTS, FUNCTIONS, parse_expression
from pysymude.model.symbols import t
from pysymude.model.toml_table import TomlTable, parse_toml, read_text

if TYPE_CHECKING:
    from pysymude.model.system import ODESystem

__all__ = ["system_from_text", "system_from_toml"]

TABLES = ("equations", "parameters", "trainable", "networks", "functions", "observables")
KEYS = ("name", "positive", "symbolic", *TABLES)
NETWORK_KEYS = ("inputs", "outputs", "hidden", "activation", "input_scaling", "output_scaling")


def system_from_toml(path: str | PathLike[str]) -> ODESystem:
    """The system in a TOML file.

    Raises
    ------
    ModelFileError
        The file is missing, larger than 1 MB or no TOML, or holds something that is not part of a
        model; `.where` names the file, the table and the key.
    """
    text = read_text(path)
    try:
        return system_from_text(text)
    except ModelFileError as error:
        message = str(error).removeprefix(f"{error.where}: ")
        where = f"{fspath(path)}: {error.where}" if error.where else fspath(path)
        raise ModelFileError(message, where=where) from error


def system_from_text(text: str) -> ODESystem:
    """The system in the text of a TOML file.

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
    from pysymude.model.system import ODESystem

    model = parse_toml(text)
    model.only(*KEYS, required=("equations",))
    model.text("name")
    symbols = _symbols(model)
    names: dict[str, Any] = {"t": t, **symbols, **_functions(model.table("functions"))}
    names |= _networks(model.table("networks"), dict(names))
    equations = _expressions(model.table("equations"), names)
    observables = _expressions(model.table("observables"), names)
    used = {str(s) for e in (*equations.values(), *observables.values()) for s in e.free_symbols}
    for key in ("parameters", "trainable", "symbolic"):
        _check_used(model, key, used)
    trainable, bounds = _trainable(model.table("trainable"))
    fixed = model.table("parameters")
    values = {name: fixed.number(name) for name in fixed}
    rhs = {symbols[name]: expr for name, expr in equations.items()}
    try:
        system = ODESystem(
            rhs, parameters=values, trainable=trainable, bounds=bounds, observables=observables
        )
    except InvalidInputError as error:
        raise ModelFileError(str(error)) from error
    _check_used(model, "networks", {nn.name for nn in system.networks})
    _check_used(model, "functions", {str(w.func) for w in system.functions})
    return system


def _symbols(model: TomlTable) -> dict[str, sp.Symbol]:
    """States and parameters by name, after a check that no name stands for two things."""
    places = dict.fromkeys(("t", *CONSTANTS, *FUNCTIONS), "the language of expressions")
    tables = {key: model.table(key).names() for key in TABLES}
    for key, names in {**tables, "symbolic": model.listed_names("symbolic")}.items():
        for name in names:
            place = f"[{key}] {name}" if key in TABLES else key
            if name in places:
                raise ModelFileError(f"{name!r} already belongs to {places[name]}", where=place)
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


def _expressions(table: TomlTable, names: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _expression(table.expression(key), names, table.where(key)) for key in table}


def _expression(text: str, names: Mapping[str, Any], where: str) -> Any:
    expr: Any = parse_expression(text, names, where=where)
    for call in expr.atoms(AppliedUndef):
        if call.args != (t,):
            name = call.func.__name__
            raise ModelFileError(f"{call} must be {name}(t): a function of time", where=where)
    return expr


def _networks(tables: TomlTable, names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _network(name, tables.table(name), names) for name in tables}


def _network(name: str, table: TomlTable, names: Mapping[str, Any]) -> Any:
    from pysymude.model.network import MLP

    table.only(*NETWORK_KEYS, required=("inputs", "outputs", "hidden"))
    inputs = [_expression(z, names, table.where("inputs")) for z in table.strings("inputs")]
    outputs = table.integers("outputs")
    if len(outputs) != 1:
        raise table.error("outputs", f"must be one integer; found {outputs}")
    try:
        return MLP(
            name,
            inputs=inputs,
            outputs=outputs[0],
            hidden=tuple(table.integers("hidden")),
            activation=table.text("activation", "tanh"),
            input_scaling=_scaling(table, "input_scaling"),
            output_scaling=_scaling(table, "output_scaling"),
        )
    except ModelFileError:
        raise
    except InvalidInputError as error:
        raise ModelFileError(str(error), where=f"[{table.place}]") from error


def _scaling(table: TomlTable, key: str) -> Any:
    found = table.values.get(key)
    if found is None or found == "data":
        return found
    if not isinstance(found, dict):
        raise table.error(
            key, f'must be "data" or {{ shift = [...], scale = [...] }}; found {found!r}'
        )
    pair = table.table(key)
    pair.only("shift", "scale", required=("shift", "scale"))
    return pair.numbers("shift"), pair.numbers("scale")


def _trainable(table: TomlTable) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Starting values, and the bounds of those parameters that have some."""
    starts: dict[str, float] = {}
    bounds: dict[str, tuple[float, float]] = {}
    for name in table:
        if not isinstance(table.values[name], dict):
            starts[name] = table.number(name)
            continue
        entry = table.table(name)
        entry.only("start", "bounds", required=("start",))
        starts[name] = entry.number("start")
        if "bounds" in entry:
            bounds[name] = low, high = entry.interval("bounds")
            if not low < starts[name] < high:
                raise table.error(name, f"its bounds exclude its start {starts[name]}")
    return starts, bounds


def _check_used(model: TomlTable, key: str, used: set[str]) -> None:
    """Refuse a declared name that stands nowhere, which is more often a slip than a wish."""
    for name in model.table(key) if key in TABLES else model.listed_names(key):
        if name not in used:
            place = f"[{key}] {name}" if key in TABLES else key
            raise ModelFileError(f"no expression uses {name!r}; remove it", where=place)
