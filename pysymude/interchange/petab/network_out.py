"""Networks as files of PyTorch's layers, their weights as HDF5, and the rows that wire them in."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import EmissionError
from pysymude.interchange.packages import needed
from pysymude.interchange.petab.formula_out import Formulas
from pysymude.model.network import MLP

__all__ = [
    "arrays_of",
    "mapping_rows",
    "network_yaml",
    "scaled_output",
    "weights_content",
    "wiring_rows",
]

_NAMES = {
    "tanh": "tanh", "softplus": "softplus", "gelu": "gelu", "swish": "silu", "relu": "relu",
    "sigmoid": "sigmoid",
}  # fmt: skip


def network_yaml(nn: MLP) -> str:
    """The layers and the steps of a network.

    Raises
    ------
    EmissionError
        An activation that PyTorch does not have.
    """
    if nn.hidden and nn.activation not in (*_NAMES, "identity"):
        raise EmissionError(
            f"network {nn.name}: PyTorch has no activation {nn.activation!r}",
            node=nn,
            target="PEtab",
        )
    layers: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = [_step("input0", "placeholder", "input0")]
    for k, layer in enumerate(nn.layers, start=1):
        sizes = {"in_features": layer.columns, "out_features": layer.rows, "bias": layer.bias}
        layers.append({"layer_id": f"layer{k}", "layer_type": "Linear", "args": sizes})
        steps.append(_step(f"layer{k}", "call_module", f"layer{k}", steps[-1]["name"]))
        if k <= len(nn.hidden) and nn.activation != "identity":
            steps.append(
                _step(f"activation{k}", "call_function", _NAMES[nn.activation], steps[-1]["name"])
            )
    steps.append(_step("output", "output", "output", steps[-1]["name"]))
    whole = {
        "nn_model_id": nn.name, "inputs": [{"input_id": "input0"}], "layers": layers, "forward": steps,
    }  # fmt: skip
    return str(needed("yaml").safe_dump(whole, sort_keys=False))


def _step(name: str, op: str, target: str, *args: str) -> dict[str, Any]:
    return {"name": name, "op": op, "target": target, "args": list(args), "kwargs": {}}


def mapping_rows(nn: MLP) -> list[list[str]]:
    """What the ids of inputs, outputs and arrays are in the network."""
    rows = [[f"{nn.name}_input{j}", f"{nn.name}.inputs[0][{j}]"] for j in range(len(nn.inputs))]
    rows += [[f"{nn.name}_output{i}", f"{nn.name}.outputs[0][{i}]"] for i in range(nn.outputs)]
    return rows + [
        [f"{nn.name}_{letter}{k}", f"{nn.name}.parameters[layer{k}].{array}"]
        for letter, k, array in arrays_of(nn)
    ]


def arrays_of(nn: MLP) -> list[tuple[str, int, str]]:
    """The arrays that a network has: our letter, the number of the layer, the word of PyTorch."""
    return [
        (letter, k, array)
        for k, layer in enumerate(nn.layers, start=1)
        for letter, array in (("W", "weight"), ("b", "bias"))
        if letter == "W" or layer.bias
    ]


def wiring_rows(
    nn: MLP, inputs: Sequence[Any], formulas: Formulas, targets: Mapping[int, str]
) -> list[list[str]]:
    """What the inputs read, scaled, and what the outputs set."""
    scaling = nn.fixed_scaling()
    rows: list[list[str]] = []
    for j, z in enumerate(inputs):
        text = formulas.infix(z)
        shift, scale = float(scaling.input_shift[j]), float(scaling.input_scale[j])
        if (shift, scale) != (0.0, 1.0):
            text = f"({text} - ({shift!r})) / ({scale!r})"
        rows.append([f"{nn.name}_input{j}", text])
    return rows + [[target, scaled_output(nn, i)] for i, target in targets.items()]


def scaled_output(nn: MLP, i: int) -> str:
    """Text for an output, scaled."""
    scaling = nn.fixed_scaling()
    shift, scale = float(scaling.output_shift[i]), float(scaling.output_scale[i])
    name = f"{nn.name}_output{i}"
    return name if (shift, scale) == (0.0, 1.0) else f"({shift!r} + ({scale!r}) * {name})"


def weights_content(arrays: Mapping[tuple[str, str, str], NDArray[np.float64]]) -> bytes:
    """An HDF5 file of arrays by (network, layer, array)."""
    content = io.BytesIO()
    with needed("h5py").File(content, "w") as file:
        file["metadata/pytorch_format"] = np.uint8(1)
        for (network, layer, array), values in arrays.items():
            file[f"parameters/{network}/{layer}/{array}"] = values
    return content.getvalue()
