"""Broken PEtab problems: a message that names file, line or id; nothing is fetched, nothing executed."""

import os

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

import pysymude as psu
from pysymude.cli import app
from pysymude.errors import InvalidInputError, ModelFileError

pytest.importorskip("libsbml", reason="python-libsbml is not installed")
pytest.importorskip("h5py", reason="h5py is not installed")

from tests.engines.petab_text import ONE, TWO, TWO_YAML, hybrid, table, write
from tests.interchange import sbml_text as s


def read(folder, base, **changes):
    return psu.read_petab(write(folder, **(base | changes)))


def one(name, old, new, message):
    assert old in ONE[name]
    return ONE, {name: ONE[name].replace(old, new)}, message


def two(name, old, new, message):
    assert old in TWO[name]
    return TWO, {name: TWO[name].replace(old, new)}, message


BROKEN = {
    "no column": one("measurements_tsv", "\ttime\t", "\ttimes\t", r"measurements.tsv line 1: .*time"),
    "a column twice": (
        ONE, {"conditions_tsv": table("conditionId b b", "slow 0 0", "fed 1 1")}, "'b' is there twice",
    ),
    "no number": one("measurements_tsv", "4.1", "four", r"line 2: measurement must be .*'four'"),
    "NaN": one("measurements_tsv", "4.1", "nan", r"line 2: the column measurement is empty"),
    "infinite": one("measurements_tsv", "4.1", "inf", r"line 2: .*finite"),
    "1_0": one("measurements_tsv", "4.1", "1_0", "line 2"),
    "too many cells": one("measurements_tsv", "4.1", "4.1\t0\t0\t0", r"line 2: \d cells"),
    "unknown condition": one("measurements_tsv", "slow\t0", "slwo\t0", r"line 2: .*'slwo'"),
    "unknown observable": one("measurements_tsv", "obs\tslow\t0", "osb\tslow\t0", r"line 2: .*'osb'"),
    "too few overrides": one("measurements_tsv", "4.1\t0\tsd", "4.1\t\tsd", "has 0 entries"),
    "unknown override": one("measurements_tsv", "4.1\t0\tsd", "4.1\t0\tds", "'ds'"),
    "negative noise": one("measurements_tsv", "4.1\t0\tsd", "4.1\t0\t-1", "must be positive"),
    "early": one("measurements_tsv", "slow\t0", "slow\t-3", "before its experiment"),
    "no rows": (ONE, {"measurements_tsv": ONE["measurements_tsv"].splitlines()[0]}, "no rows"),
    "nothing": (ONE, {"observables_tsv": "\n"}, "observables.tsv: the table is empty"),
    "id twice": (
        ONE, {"parameters_tsv": ONE["parameters_tsv"] + table("k lin 0 1 1 1")},
        "'k' stands twice, first in line 2",
    ),
    "scale": one("parameters_tsv", "log10", "ln", "parameterScale"),
    "estimate": one("parameters_tsv", "0.5\t1", "0.5\tmaybe", "estimate must be"),
    "no nominal": one("parameters_tsv", "0.5\t1", "\t1", "nominalValue"),
    "formula": one("observables_tsv", "2*x", "2*(x", "observables.tsv line 2"),
    "unknown name": one("observables_tsv", "2*x", "2*y", "'y' is nothing of the model"),
    "code": one("observables_tsv", "2*x", "__import__('os').system('x')", "observables.tsv line 2"),
    "exponent": one("observables_tsv", "2*x", "x+10^10^10^10", "exponent"),
    "depth": one("observables_tsv", "2*x", "(" * 500 + "x" + ")" * 500, "nested too deeply"),
    "signs": one("observables_tsv", "2*x", "-" * 5000 + "x", "nested too deeply"),
    "a rule": (
        ONE, {"conditions_tsv": table("conditionId b nowhere", "slow 0 x", "fed 1 x+")}, "nowhere|conditions.tsv",
    ),
    "no model": one("problem_yaml", "model.xml", "gone.xml", "gone.xml: no such file"),
    "no table": one("problem_yaml", "conditions.tsv", "gone.tsv", "gone.tsv: no such file"),
    "fetched": one("problem_yaml", "model.xml", "https://example.org/m.xml", "none is fetched"),
    "two models": one("problem_yaml", "[model.xml]", "[model.xml, model.xml]", "one model"),
    "version": one("problem_yaml", "version: 1", "version: 7", "format_version 1 and 2"),
    "no yaml": (ONE, {"problem_yaml": "a: [b"}, r"problem.yaml line \d"),
    "an object": (ONE, {"problem_yaml": "!!python/object/apply:os.getcwd []"}, "no plain YAML"),
    "a list": (ONE, {"problem_yaml": "- 1"}, "mapping"),
    "entity": one("model_xml", "<sbml", '<!DOCTYPE s [<!ENTITY a "b">]><sbml', "document type"),
    "bad xml": (ONE, {"model_xml": ONE["model_xml"][:-30]}, "model.xml line"),
    "prior": two("parameters_tsv", "normal", "abnormal", "abnormal"),
    "prior's numbers": two("parameters_tsv", "1.0;0.5", "1.0", "takes 2 parameters"),
    "prior's scale": two("parameters_tsv", "1.0;0.5", "1.0;-1", "must be positive"),
    "bounds": two("parameters_tsv", "0\t10\t0.5", "10\t0\t0.5", "above upperBound"),
    "noise": two("observables_tsv", "log-normal", "poisson", "noiseDistribution"),
    "log of nothing": two("measurements_tsv", "2.1", "-2.1", "line 2: .*positive"),
    "experiment": two("measurements_tsv", "e\t0", "g\t0", "line 2: .*'g'"),
    "condition": two("experiments_tsv", "kick", "kcik", "'kcik'"),
    "target": (TWO, {"conditions_tsv": TWO["conditions_tsv"] + table("go b 2")}, "changes 'b' twice"),
    "a rule's target": (
        TWO | {"model_xml": TWO["model_xml"].replace("<listOfRules>",
        '<listOfRules><assignmentRule variable="b"><math '
        'xmlns="http://www.w3.org/1998/Math/MathML"><cn> 1 </cn></math></assignmentRule>').replace(
        '<parameter id="b" constant="true"', '<parameter id="b" constant="false"')},
        {}, "'b' has a rule",
    ),
    "only rest": two("experiments_tsv", "f\t0", "f\t-inf", r"experiments.tsv line \d: the experiment 'f' has no"),
    "a period at inf": two("experiments_tsv", "e\t2", "e\tinf", "a period begins at a time"),
    "extension": (TWO, {"problem_yaml": TWO_YAML + "extensions: {magic: {required: true}}\n"}, "'magic'"),
    "language": two("problem_yaml", "language: sbml", "language: bngl", "bngl"),
}  # fmt: skip
CIRCLE = s.sbml(
    parameters=[
        s.parameter("x", 1.0, constant="false"), s.parameter("k", 1.0), s.parameter("b", 0.0),
        s.parameter("u", None, constant="false"), s.parameter("v", None, constant="false"),
    ],
    rules=[s.rate("x", "-k*x+b+u"), s.assignment("u", "v+1"), s.assignment("v", "u+1")],
)  # fmt: skip
BROKEN |= {
    "measured at -inf": one(
        "measurements_tsv", "slow\t1\t2.3", "slow\t-inf\t2.3", r"line 3: .*at inf"
    ),
    "a key twice": (
        ONE,
        {"problem_yaml": ONE["problem_yaml"] + "parameter_file: b.tsv\n"},
        "line 8: 'parameter_file' is there twice",
    ),
    "a column of nothing": one(
        "conditions_tsv",
        "conditionId\tb",
        "conditionId\tbb",
        r"conditions.tsv line \d: .*'bb'.*nothing",
    ),
    "a logarithm of less than nothing": one(
        "parameters_tsv", "1e3\t0.5", "1e3\t-0.5", "line 2: .*log10 must be positive"
    ),
    "no version": one("problem_yaml", "format_version: 1\n", "", "found None"),
    "an empty file": (ONE, {"problem_yaml": ""}, "problem.yaml: a problem is a mapping"),
    "a model without a file": one(
        "problem_yaml", "- sbml_files: [model.xml]\n  cond", "- cond", "one model is read; found 0"
    ),
    "an id that is code": one(
        "parameters_tsv", "sd\t", "os.system('x')\t", "line 2: .*'sd' is nothing"
    ),
    "an id of two words": one("parameters_tsv", "sd\t", "s d\t", "line 2: .*'sd' is nothing"),
    "twenty thousand brackets": one(
        "observables_tsv", "2*x", "(" * 20000 + "x" + ")" * 20000, "line 2: .*too deeply"
    ),
    "a formula without end": one(
        "observables_tsv", "2*x", "+".join(["x"] * 200_000), "line 2: field larger"
    ),
    "a tower of powers": one(
        "observables_tsv", "2*x", "9^9^9^9*x", "line 2: .*exponent may be at most"
    ),
    "hexadecimal": one("measurements_tsv", "4.1", "0x41", "line 2: .*finite number; found '0x41'"),
    "1e999": one("measurements_tsv", "4.1", "1e999", "line 2: .*finite number; found '1e999'"),
    "a nought byte": one("measurements_tsv", "4.1", "4\x00.1", "line 2: .*finite number"),
    "a place too many": one(
        "observables_tsv", "noiseParameter1_obs", "noiseParameter2_obs", "line 2: .*has 2 places"
    ),
    "rules in a circle": (ONE | {"model_xml": CIRCLE}, {}, r"model.xml line \d"),
    "a prior that is words": two("parameters_tsv", "1.0;0.5", "a;b", "line 2: .*found 'a'"),
    "a uniform prior elsewhere": two(
        "parameters_tsv", "normal\t1.0;0.5", "uniform\t1000;2000", "line 2: .*interval"
    ),
    "a negative shape": two(
        "parameters_tsv", "normal\t1.0;0.5", "gamma\t-1.0;0.5", "must be positive"
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_problem_is_named(tmp_path, name):
    base, changes, message = BROKEN[name]
    with pytest.raises(ModelFileError, match=message):
        read(tmp_path, base, **changes).log_posterior(engine="native")


@pytest.mark.parametrize("kind", ["pipe", "folder", "loop", "UTF-16", "bytes"])
def test_files_that_cannot_be_read(tmp_path, kind):
    """None of them is waited for, or guessed at."""
    path = write(tmp_path, **ONE)
    table_file, model = tmp_path / "measurements.tsv", tmp_path / "model.xml"
    if kind == "pipe":
        table_file.unlink()
        os.mkfifo(table_file)
    elif kind == "folder":
        model.unlink()
        model.mkdir()
    elif kind == "loop":
        model.unlink()
        model.symlink_to("model.xml")
    elif kind == "UTF-16":
        table_file.write_bytes(ONE["measurements_tsv"].encode("utf-16"))
    else:
        model.write_bytes(bytes(range(256)))
    wrong = "model.xml" if kind in ("folder", "loop", "bytes") else "measurements.tsv"
    with pytest.raises(ModelFileError, match=wrong + ": (cannot be read|not UTF-8)"):
        psu.read_petab(path)


def test_files_that_are_none(tmp_path):
    with pytest.raises(ModelFileError, match=r"gone\.yaml: no such file"):
        psu.read_petab(tmp_path / "gone.yaml")
    with pytest.raises(InvalidInputError, match="found int"):
        psu.read_petab(3)


def test_values_that_are_none(tmp_path):
    problem = read(tmp_path, ONE)
    with pytest.raises(InvalidInputError, match="'x0', which is not estimated"):
        problem.log_likelihood({"x0": 1.0})
    with pytest.raises(InvalidInputError, match=r"'kk', which is no parameter.*did you mean k"):
        problem.log_likelihood({"kk": 1.0})
    with pytest.raises(InvalidInputError, match="finite"):
        problem.log_likelihood({"k": float("nan")})
    with pytest.raises(InvalidInputError, match="mapping"):
        problem.log_likelihood([1.0])


NETS = {
    "layer": ("Linear, args: {in_features: 3", "Bilinear, args: {in_features: 3", "'last': Bilinear is not read"),
    "sizes": ("in_features: 3", "in_features: 4", "'last': it takes 4 numbers"),
    "no chain": ("args: [act]", "args: [i]", "'last': the network is no chain"),
    "activation": ("target: tanh", "target: softmax", "'act': softmax is not read"),
    "keyword": ("tanh, args: [first], kwargs: {}", "elu, args: [first], kwargs: {alpha: 3}", "alpha = 3"),
    "module": ("target: last, args", "target: lost, args", "'lost' is not among the layers"),
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_networks_that_are_no_chains(tmp_path, name):
    old, new, message = NETS[name]
    path = hybrid(tmp_path, before=False)
    net = tmp_path / "net.yaml"
    assert old in net.read_text()
    net.write_text(net.read_text().replace(old, new))
    with pytest.raises(ModelFileError, match=message):
        psu.read_petab(path)


def test_arrays_elsewhere_are_not_read(tmp_path):
    path = hybrid(tmp_path, before=False)
    (tmp_path / "secret.hdf5").write_bytes((tmp_path / "weights.hdf5").read_bytes())
    place = "parameters/net/first/weight"
    with h5py.File(tmp_path / "weights.hdf5", "a") as file:
        del file[place]
        file[place] = h5py.ExternalLink("secret.hdf5", place)
    with pytest.raises(ModelFileError, match=r"weights\.hdf5: .*is a link to elsewhere"):
        psu.read_petab(path)
    with h5py.File(tmp_path / "weights.hdf5", "a") as file:
        del file[place]
        layout = h5py.VirtualLayout(shape=(3, 2), dtype="f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.hdf5"), place, shape=(3, 2))
        file.create_virtual_dataset(place, layout)
    with pytest.raises(ModelFileError, match="kept in another file"):
        psu.read_petab(path)
    for values, message in ((np.zeros((2, 2)), "shape"), (np.full((3, 2), np.nan), "not finite")):
        with h5py.File(tmp_path / "weights.hdf5", "a") as file:
            del file[place]
            file[place] = values
        with pytest.raises(ModelFileError, match=message):
            psu.read_petab(path)
    (tmp_path / "weights.hdf5").write_bytes(b"no HDF5")
    with pytest.raises(ModelFileError, match="no HDF5 file, or a damaged one"):
        psu.read_petab(path)


def test_the_command_line_fits_problems(tmp_path):
    path = write(tmp_path, **ONE)
    out = tmp_path / "out"
    given = ["fit", str(path), "--out", str(out), "--engine", "native", "--stages", "LBFGS(5)"]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.output
    assert {p.name for p in out.iterdir()} == {"fit.npz", "summary.json", "fit.png", "history.png"}
    assert psu.FitResult.load(out / "fit.npz").parameters["k"] > 0
    done = CliRunner().invoke(app, ["fit", str(path), "data.csv"])
    assert done.exit_code == 2
    assert "has its own measurements" in done.stderr
    done = CliRunner().invoke(app, ["fit", "model.toml"])
    assert done.exit_code == 2


def test_a_folder_is_its_one_yaml_file(tmp_path):
    with pytest.raises(ModelFileError, match="this folder holds no YAML file"):
        psu.read_petab(tmp_path)
    path = write(tmp_path, **ONE)
    assert psu.read_petab(tmp_path).path == path
    (tmp_path / "other.yml").touch()
    with pytest.raises(
        ModelFileError, match=f"several YAML files, name one of them: other.yml, {path.name}"
    ):
        psu.read_petab(tmp_path)
