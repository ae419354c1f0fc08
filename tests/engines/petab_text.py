"""Small PEtab problems, written as text into a folder."""

from pathlib import Path

import h5py
import numpy as np

from tests.interchange import sbml_text as s

DECAY = s.sbml(
    parameters=[
        s.parameter("x", None, constant="false"), s.parameter("k", 1.0), s.parameter("x0", 2.0),
        s.parameter("b", 0.0), s.parameter("double", None),
    ],
    starts=[s.initial("x", "x0"), s.initial("double", "2*b")], rules=[s.rate("x", "-k*x + b + 0*double")],
)  # fmt: skip
"""x' = -k x + b from x0."""


def table(*rows: str) -> str:
    """Blanks separate the cells; a dash is an empty one."""
    return "\n".join("\t".join("" if c == "-" else c for c in row.split()) for row in rows) + "\n"


def write(folder: Path, **files: str) -> Path:
    """The files, named with an underscore for the dot; the path of the YAML file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_text(text)
    return folder / "problem.yaml"


ONE_YAML = """format_version: 1
parameter_file: parameters.tsv
problems:
- sbml_files: [model.xml]
  condition_files: [conditions.tsv]
  observable_files: [observables.tsv]
  measurement_files: [measurements.tsv]
"""
ONE = {
    "problem_yaml": ONE_YAML,
    "model_xml": DECAY,
    "parameters_tsv": table(
        "parameterId parameterScale lowerBound upperBound nominalValue estimate",
        "k log10 1e-3 1e3 0.5 1", "x0 lin 0 10 2.0 0", "sd log10 1e-3 10 0.2 1",
    ),
    "conditions_tsv": table("conditionId b", "slow 0.0", "fed 1.5"),
    "observables_tsv": table(
        "observableId observableFormula noiseFormula", "obs scale*x+observableParameter1_obs noiseParameter1_obs",
    ).replace("scale*x", "2*x"),
    "measurements_tsv": table(
        "observableId simulationConditionId time measurement observableParameters noiseParameters",
        "obs slow 0 4.1 0 sd", "obs slow 1 2.3 0 sd", "obs slow 1 2.6 0 sd", "obs fed 2 3.9 0 sd",
        "obs fed 2 5.1 1.5 0.5",
    ),
}  # fmt: skip
"""Version 1: two conditions, a replicate, placeholders, learned and given noise."""


def decay(t, k=0.5, x0=2.0, b=0.0):
    """The solution."""
    return b / k + (x0 - b / k) * np.exp(-k * np.asarray(t, dtype=float))


TWO_YAML = """format_version: 2.0.0
model_files: {m: {language: sbml, location: model.xml}}
parameter_files: [parameters.tsv]
condition_files: [conditions.tsv]
experiment_files: [experiments.tsv]
observable_files: [observables.tsv]
measurement_files: [measurements.tsv]
"""
TWO = {
    "problem_yaml": TWO_YAML,
    "model_xml": DECAY,
    "parameters_tsv": table(
        "parameterId lowerBound upperBound nominalValue estimate priorDistribution priorParameters",
        "k 0 10 0.5 true normal 1.0;0.5", "x0 0 10 2.0 true", "dose 0 10 1.5 true",
    ),
    "conditions_tsv": table("conditionId targetId targetValue", "rest b 1.0", "go b 0.0", "kick x x+dose"),
    "experiments_tsv": table(
        "experimentId time conditionId", "e -inf rest", "e 0 go", "e 2 kick", "f 0 -",
    ),
    "observables_tsv": table(
        "observableId observableFormula noiseFormula noiseDistribution", "obs x 0.3 log-normal",
        "raw x 0.1+0.2*raw laplace",
    ),
    "measurements_tsv": table(
        "observableId experimentId time measurement", "obs e 0 2.1", "obs e 1 1.2", "obs e 3 1.4", "raw f 1 1.1",
    ),
}  # fmt: skip
"""Version 2: a steady state, a switch, a kick by something learned; other noise; priors."""

NET_YAML = """nn_model_id: net
inputs: [{input_id: i}]
layers:
- {layer_id: first, layer_type: Linear, args: {in_features: 2, out_features: 3, bias: true}}
- {layer_id: last, layer_type: Linear, args: {in_features: 3, out_features: 1, bias: LAST}}
forward:
- {name: i, op: placeholder, target: i, args: [], kwargs: {}}
- {name: first, op: call_module, target: first, args: [i], kwargs: {}}
- {name: act, op: call_function, target: ACTIVATION, args: [first], kwargs: {}}
- {name: last, op: call_module, target: last, args: [act], kwargs: {}}
- {name: end, op: call_method, target: sigmoid, args: [last], kwargs: {}}
- {name: output, op: output, target: output, args: [end], kwargs: {}}
"""
HYBRID = {
    **TWO,
    "problem_yaml": TWO_YAML.replace("condition_files: [conditions.tsv]\n", "mapping_files: [mapping.tsv]\n")
    + "extensions: {sciml: {version: 0.1.0, required: true, hybridization_files: [hybridization.tsv], "
    "array_files: [weights.hdf5], neural_networks: {net: {location: net.yaml, format: YAML, "
    "pre_initialization: BEFORE}}}}\n",
    "parameters_tsv": table(
        "parameterId lowerBound upperBound nominalValue estimate", "x0 0 10 2.0 true", "c 0 1 0.3 false",
        "net_all -inf inf array true", "net_first -inf inf array false",
    ),
    "experiments_tsv": table("experimentId time conditionId", "e 0 -", "f 0 -"),
    "mapping_tsv": table(
        "petabEntityId modelEntityId", "in1 net.inputs[0][0]", "c net.inputs[0][1]", "out net.outputs[0][0]",
        "net_all net.parameters", "net_first net.parameters[first].weight",
    ),
    "hybridization_tsv": table("targetId targetValue", "in1 INPUT", "k out"),
    "observables_tsv": table("observableId observableFormula noiseFormula", "obs x 0.3", "raw x 0.2"),
    "net_yaml": NET_YAML,
}  # fmt: skip
"""A rate constant that is a network, of the state or of a parameter."""

WEIGHTS = {
    ("first", "weight"): np.array([[0.5, -0.3], [0.2, 0.9], [-0.7, 0.1]]),
    ("first", "bias"): np.array([0.1, -0.2, 0.3]),
    ("last", "weight"): np.array([[0.8, -0.6, 0.4]]),
    ("last", "bias"): np.array([0.05]),
}


def hybrid(folder: Path, *, before: bool, activation: str = "tanh", bias: bool = True) -> Path:
    """The problem with a network, and its weights."""
    swap = {
        "BEFORE": str(before).lower(), "ACTIVATION": activation, "LAST": str(bias).lower(),
        "INPUT": "x0" if before else "x",
    }  # fmt: skip
    files = dict(HYBRID)
    for name in ("problem_yaml", "net_yaml", "hybridization_tsv"):
        for old, new in swap.items():
            files[name] = files[name].replace(old, new)
    path = write(folder, **files)
    with h5py.File(folder / "weights.hdf5", "w") as file:
        file["metadata/pytorch_format"] = np.uint8(1)
        for (layer, array), values in WEIGHTS.items():
            if bias or (layer, array) != ("last", "bias"):
                file[f"parameters/net/{layer}/{array}"] = values
    return path
