"""Network files: chains of layers, as one `MLP` or several with functions between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NoReturn

from pysymude.interchange.petab.yaml_file import YamlFile, read_yaml
from pysymude.model.activation_forms import FORMS, applied
from pysymude.model.activations import ACTIVATIONS
from pysymude.model.network import MLP

__all__ = ["Built", "Chain", "LinearLayer", "read_chain"]

# of PyTorch where it is not our name without underscores
_NAMES = {"silu": "swish"} | {name.replace("_", ""): name for name in FORMS}
# of what networks have themselves; steps end where the kink of relu is passed, as they do not within a network
_OURS = frozenset(ACTIVATIONS) - {"relu"}
# what these keywords may say without changing the function
_DEFAULTS: dict[str, Any] = {
    "inplace": (True, False), "alpha": (1.0,), "negative_slope": (0.01,), "beta": (1.0,), "threshold": (20.0,),
    "approximate": ("tanh", "none"), "min_val": (-1.0,), "max_val": (1.0,), "dim": (0, -1, 1),
    "training": (False,),
}  # fmt: skip


@dataclass(frozen=True)
class LinearLayer:
    """An affine layer and the activation behind it."""

    id: str
    inputs: int
    outputs: int
    bias: bool
    activation: str = "identity"


@dataclass(frozen=True)
class Chain:
    """A network: its input arguments in the order in which they are joined, and its layers."""

    id: str
    path: Path
    arguments: tuple[int, ...]
    layers: tuple[LinearLayer, ...]

    def built(self, inputs: Sequence[Any], fresh: Callable[[str], str]) -> Built:
        """The network at some inputs; `fresh` makes names that nothing else has."""
        slots: list[tuple[str, str]] = []
        expressions: list[Any] = list(inputs)
        parts = _parts(self.layers)
        for part in parts:
            name = fresh(self.id if len(parts) == 1 else f"{self.id}_{part[0].id}")
            within = part[0].activation if len(part) > 1 else "tanh"
            network = MLP(
                name, inputs=expressions, outputs=part[-1].outputs,
                hidden=tuple(layer.outputs for layer in part[:-1]), activation=within,
                bias=[layer.bias for layer in part],
            )  # fmt: skip
            slots += [(layer.id, f"{name}.{{}}{k}") for k, layer in enumerate(part, start=1)]
            expressions = [applied(part[-1].activation, output) for output in network]
        return Built(self, tuple(expressions), dict(slots))


@dataclass(frozen=True)
class Built:
    """A network in SymPy: its outputs, and where the arrays of each layer are, as ``"net.{}1"``."""

    chain: Chain
    outputs: tuple[Any, ...]
    slots: Mapping[str, str]


def _parts(layers: Sequence[LinearLayer]) -> list[list[LinearLayer]]:
    """Runs of layers that are one network of ours: one activation between them, and none behind the last."""
    found: list[list[LinearLayer]] = [[]]
    for k, layer in enumerate(layers):
        found[-1].append(layer)
        ours = layer.activation in _OURS
        same = len({one.activation for one in found[-1]}) == 1
        if k < len(layers) - 1 and not (ours and same):
            found.append([])
    return found


def read_chain(key: str, path: Path) -> Chain:
    """The network in a file.

    Raises
    ------
    ModelFileError
        No such file, or a network that is no chain of linear layers with known activations; the message
        names the layer or operation.
    """
    yaml = read_yaml(path)
    return _ChainReader(key, yaml).chain()


class _ChainReader:
    def __init__(self, key: str, yaml: YamlFile) -> None:
        self.key, self.yaml = key, yaml
        self.modules = {
            str(m.get("layer_id")): m
            for m in map(yaml.mapping, yaml.list(yaml.content.get("layers")))
        }

    def refuse(self, name: Any, problem: str) -> NoReturn:
        self.yaml.refuse(f"network {self.key!r}, {name!r}: {problem}")

    def chain(self) -> Chain:
        """Follows the one line from the inputs to the output."""
        arguments: list[str] = []
        joined: tuple[int, ...] | None = None
        layers: list[LinearLayer] = []
        at = ""
        for node in map(self.yaml.mapping, self.yaml.list(self.yaml.content.get("forward"))):
            name, op, target = (str(node.get(k)) for k in ("name", "op", "target"))
            given = self.yaml.list(node.get("args"))
            if op == "placeholder":
                arguments.append(name)
                at = name
                continue
            if op == "call_function" and target in ("cat", "concat", "concatenate"):
                joined = self._joined(name, given, arguments)
                at = name
                continue
            if [str(one) for one in given[:1]] != [at] or len(given) > 1:
                self.refuse(name, "the network is no chain: each step must read the one before it")
            if len(arguments) > 1 and joined is None and op != "output":
                self.refuse(name, "several inputs must be joined by cat")
            if op == "output":
                break
            self._step(name, op, target, node, layers)
            at = name
        if not layers:
            self.yaml.refuse(f"network {self.key!r} has no linear layer")
        self._check(layers)
        return Chain(
            self.key, self.yaml.path, joined or tuple(range(len(arguments))), tuple(layers)
        )

    def _joined(self, name: str, given: Sequence[Any], arguments: list[str]) -> tuple[int, ...]:
        parts = [str(p) for p in (given[0] if given and isinstance(given[0], list) else given)]
        if sorted(parts) != sorted(arguments):
            self.refuse(name, "cat must join the inputs of the network, each once")
        return tuple(arguments.index(p) for p in parts)

    def _step(
        self, name: str, op: str, target: str, node: Mapping[str, Any], layers: list[LinearLayer]
    ) -> None:
        if op == "call_module":
            module = self.modules.get(target)
            if module is None:
                self.refuse(name, f"the layer {target!r} is not among the layers")
            kind, keywords = str(module.get("layer_type")), self.yaml.mapping(module.get("args"))
            if kind == "Linear":
                layers.append(self._linear(target, keywords))
                return
            if kind == "Flatten":
                return
            self._activate(target, kind, keywords, layers)
        elif op in ("call_function", "call_method"):
            if target in ("flatten",):
                return
            self._activate(name, target, self.yaml.mapping(node.get("kwargs")), layers)
        else:
            self.refuse(name, f"the operation {op!r} is not read")

    def _linear(self, name: str, keywords: Mapping[str, Any]) -> LinearLayer:
        sizes = keywords.get("in_features"), keywords.get("out_features")
        if not all(isinstance(n, int) and 0 < n <= 100_000 for n in sizes):
            self.refuse(name, f"in_features and out_features must be whole numbers; found {sizes}")
        return LinearLayer(
            name, int(sizes[0] or 0), int(sizes[1] or 0), bool(keywords.get("bias", True))
        )

    def _activate(
        self, name: str, kind: str, keywords: Mapping[str, Any], layers: list[LinearLayer]
    ) -> None:
        activation = _NAMES.get(kind.lower().replace("_", ""))
        if activation is None:
            self.refuse(name, f"{kind} is not read; linear layers are, and {', '.join(_NAMES)}")
        for key, value in keywords.items():
            if value is not None and value not in _DEFAULTS.get(key, ()):
                self.refuse(name, f"{kind} with {key} = {value!r} is not read")
        if not layers:
            self.refuse(name, f"{kind} stands before the first linear layer, which is not read")
        last = layers[-1]
        if last.activation != "identity":
            self.refuse(name, f"{kind} follows {last.activation}, which is not read")
        layers[-1] = LinearLayer(last.id, last.inputs, last.outputs, last.bias, activation)

    def _check(self, layers: Sequence[LinearLayer]) -> None:
        for one, other in pairwise(layers):
            if one.outputs != other.inputs:
                self.refuse(
                    other.id, f"it takes {other.inputs} numbers, and {one.id!r} gives {one.outputs}"
                )
        for key, group in groupby(sorted(layer.id for layer in layers)):
            if len(list(group)) > 1:
                self.refuse(key, "a layer that is used twice is not read")
