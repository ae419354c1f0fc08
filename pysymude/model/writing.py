"""Systems as TOML text: the inverse of `pysymude.model.toml`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from pysymude.errors import EmissionError, ModelFileError, SaveFileError
from pysymude.model.event import Event
from pysymude.model.expression_text import ExpressionWriter, name_of_node
from pysymude.model.network import MLP
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.model.toml import system_from_text
from pysymude.model.toml_networks import networks_within
from pysymude.model.toml_noise import described
from pysymude.model.toml_signals import signal_lines
from pysymude.model.toml_text import toml_list, toml_name, toml_number, toml_string
from pysymude.whole import write_whole

__all__ = ["system_to_text", "write_toml"]


def system_to_text(system: ODESystem) -> str:
    """TOML text that `system_from_text` reads back to the same system, every float to the last bit.

    It is read once before it is returned. A symbol without assumptions comes back as a real one,
    and SymPy simplifies what it did not simplify before: ``2*(x + y)`` comes back as ``2*x + 2*y``.

    Raises
    ------
    EmissionError
        The system contains something that the text form cannot write or that is beyond its size.
    """
    expressions = [*system.expressions]
    networks = networks_within(expressions)
    expressions += [z for nn in networks for z in nn.inputs]
    named = [*system.states, *system.parameters, *system.trainable]
    symbolic = _others(named, expressions)
    functions = sorted({name_of_node(f) for expr in expressions for f in expr.atoms(AppliedUndef)})
    symbols = [*named, *symbolic]
    signals = [signal.name for signal in system.signals]
    writer = ExpressionWriter(
        frozenset([*map(name_of_node, [*symbols, *networks]), *functions, *signals])
    )
    lines = [
        f"positive = {toml_list(s.name for s in symbols if s.is_positive)}",
        f"symbolic = {toml_list(s.name for s in symbolic)}",
        "[equations]",
        *_table(writer, {x.name: f for x, f in system.rhs.items()}),
        "[parameters]",
        *(f"{toml_name(s.name)} = {toml_number(v)}" for s, v in system.parameters.items()),
        "[trainable]",
    ]
    for s, start in system.trainable.items():
        low, high = (toml_number(b) for b in system.bounds[s])
        scale = f', scale = "{system.scales[s]}"' if s in system.given_scales else ""
        entry = f"{{ start = {toml_number(start)}, bounds = [{low}, {high}]{scale} }}"
        lines.append(f"{toml_name(s.name)} = {entry}")
    for nn in networks:
        lines += _network(writer, nn)
    lines += ["[functions]", *(f'{toml_name(name)} = ["t"]' for name in functions)]
    lines += signal_lines(system, writer.whole)
    lines += ["[observables]", *_table(writer, system.observables)]
    if system.initial:
        lines += ["[initial]", *_table(writer, {x.name: f for x, f in system.initial.items()})]
    if system.units:
        lines.append("[units]")
        lines += [f"{toml_name(k)} = {toml_string(unit)}" for k, unit in system.units.items()]
    for title, models in (("noise", system.noise), ("priors", system.priors)):
        if models:
            lines.append(f"[{title}]")
            for name, model in models.items():
                # a weight's name has a point in it
                key = toml_name(name) if name.isidentifier() else toml_string(name)
                lines.append(f"{key} = {toml_string(described(model, writer.whole))}")
    for event in system.events:
        lines += _event(writer, event)
    text = "\n".join(lines) + "\n"
    _check(text, system)
    return text


def write_toml(system: ODESystem, path: str | PathLike[str]) -> None:
    """A model file with the text of `system_to_text`, written whole or not at all.

    Raises
    ------
    EmissionError
        As for `system_to_text`.
    SaveFileError
        The folder does not exist or cannot be written.
    """
    text = system_to_text(system)
    try:
        write_whole(Path(path), text.encode())
    except OSError as problem:
        raise SaveFileError(
            f"cannot be written: {problem.strerror}", path=fspath(path)
        ) from problem


def _others(named: Iterable[sp.Symbol], expressions: Iterable[sp.Expr]) -> list[sp.Symbol]:
    """Symbols without value, even those that stand only in the inputs of a network, by name."""
    found: dict[str, Any] = {}
    for symbol in chain.from_iterable(expr.free_symbols for expr in expressions):
        found.setdefault(name_of_node(symbol), symbol)
    done = {t.name, *map(name_of_node, named)}
    return [found[name] for name in sorted(found) if name not in done]


def _check(text: str, system: ODESystem) -> None:
    """Refuse now what could not be read later, such as an expression that is too long."""
    try:
        system_from_text(text)
    except ModelFileError as error:
        raise EmissionError(
            f"the system cannot be kept as text: {error}", node=system, target="TOML"
        ) from error


def _table(writer: ExpressionWriter, given: Mapping[str, sp.Expr]) -> list[str]:
    """Entries of a TOML table."""
    return [
        f"{toml_name(name)} = {toml_string(writer.whole(expr))}" for name, expr in given.items()
    ]


def _event(writer: ExpressionWriter, event: Event) -> list[str]:
    """The TOML table of an event."""
    given = ", ".join(_table(writer, {x.name: g for x, g in event.set.items()}))
    lines = [
        "[[events]]",
        f"expr = {toml_string(writer.whole(event.expr))}",
        f"set = {{ {given} }}",
    ]
    lines += [f"direction = {event.direction}"] if event.direction else []
    lines += [f"name = {toml_string(event.name)}"] if event.name is not None else []
    return lines


def _network(writer: ExpressionWriter, nn: MLP) -> list[str]:
    """The TOML table of a network."""
    lines = [
        f"[networks.{toml_name(nn.name)}]",
        f"inputs = {toml_list(writer.whole(z) for z in nn.inputs)}",
        f"outputs = {nn.outputs}",
        f"hidden = [{', '.join(map(str, nn.hidden))}]",
        f"activation = {toml_string(nn.activation)}",
    ]
    if not all(nn.bias):
        lines.append(f"bias = [{', '.join(str(one).lower() for one in nn.bias)}]")
    for key in ("input_scaling", "output_scaling"):
        given = getattr(nn, key)
        if given == "data":
            lines.append(f'{key} = "data"')
        elif given is not None:
            shift, scale = (", ".join(map(toml_number, part)) for part in given)
            lines.append(f"{key} = {{ shift = [{shift}], scale = [{scale}] }}")
    return lines
