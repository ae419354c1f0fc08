"""Files of fits that are damaged or foreign, files that cannot be written, and fits as bytes."""

from __future__ import annotations

import copy
import io
import json
import logging
import os
import pickle
import platform
import re
import zipfile
from contextlib import suppress

import numpy as np
import pytest

import pysymude as psu
from pysymude.errors import InvalidInputError, PySymUDEError, SaveFileError
from pysymude.fit.files import save_file as files
from pysymude.fit.training.checkpoint import Progress
from pysymude.whole import write_whole

x, y = psu.states("x y", positive=True)
k = psu.parameters("k")
T = np.linspace(0.0, 1.0, 9)
QUICK = {"stages": psu.LBFGS(3), "progress": False, "engine": "native", "solver": "Tsit5"}


@pytest.fixture(scope="module")
def fit():
    system = psu.ODESystem({x: -k * x}, trainable={k: 1.0}, observables={"double": 2 * x})
    u = np.exp(-2 * T)
    data = psu.Dataset.from_arrays(
        [T, T], [np.column_stack([u, 2 * u])] * 2, states=["x", "double"], name=["a", "b"], u0=[{x: 1}, None],
        noise=[{"x": np.linspace(0.1, 0.2, 9), "double": 0.3}, None],
    )  # fmt: skip
    return psu.fit(system, data, reltol=1e-7, max_steps=5000, **QUICK)


@pytest.fixture(scope="module")
def content(fit, tmp_path_factory):
    path = tmp_path_factory.mktemp("fit") / "fit.npz"
    fit.save(path)
    return path.read_bytes()


def load(tmp_path, content):
    (tmp_path / "fit.npz").write_bytes(content)
    return psu.FitResult.load(tmp_path / "fit.npz")


def rebuilt(content, **members):
    """The archive with other members, and a checksum that is right."""
    with np.load(io.BytesIO(content)) as stored:
        arrays = {name: stored[name] for name in stored.files if name != "checksum"}
    arrays |= members
    arrays["checksum"] = np.frombuffer(files._checksum(arrays), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def with_meta(content, change):
    with np.load(io.BytesIO(content)) as stored:
        header = json.loads(stored["header"].tobytes())
    change(header)
    return rebuilt(content, header=np.frombuffer(json.dumps(header).encode(), np.uint8))


# -- damage ------------------------------------------------------------------------------------


def test_noise_of_each_measurement_comes_back(fit, content, tmp_path):
    other = load(tmp_path, content)
    for mine, theirs in zip(fit.data, other.data, strict=True):
        np.testing.assert_array_equal(mine.noise_array(), theirs.noise_array())
    assert other.data.fingerprint == fit.data.fingerprint
    assert other.loss == fit.loss


@pytest.mark.parametrize("seed", range(6))
def test_damage_is_a_sentence(content, tmp_path, seed):
    rng = np.random.default_rng(seed)
    for _ in range(40):
        bad = bytearray(content)
        for place in rng.integers(len(bad), size=rng.integers(1, 30)):
            bad[place] = rng.integers(256)
        cut = bytes(bad[: rng.integers(len(bad))] if rng.random() < 0.3 else bad)
        with suppress(SaveFileError):
            load(tmp_path, cut)


def npy(header, rest=b""):
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + rest


def archive(members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


FOREIGN = {
    "empty": b"",
    "text": b"hello",
    "an archive of something else": archive({"a.txt": b"1"}),
    "compressed": archive({"theta.npy": b"0" * 100_000_000}, zipfile.ZIP_DEFLATED),
    "by another method": archive({"theta.npy": b"0" * 1000}, zipfile.ZIP_LZMA),
    "a shape beyond memory": archive(
        {"theta.npy": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}\n")}
    ),
    "a header that is deep": archive({"theta.npy": npy("(" * 5000 + "\n")}),
    "objects": archive({"theta.npy": npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n", b"x" * 8)}),
    "no header": rebuilt(archive({}), a=np.zeros(1)),
    "a header that is a list": rebuilt(archive({}), header=np.frombuffer(b"[1]", np.uint8)),
    "a header without end": rebuilt(archive({}), header=np.frombuffer(b"[" * 100_000, np.uint8)),
}  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_files_are_refused(tmp_path, name):
    with pytest.raises(SaveFileError):
        load(tmp_path, FOREIGN[name])


def test_what_is_no_plain_file_is_not_read(tmp_path):
    with pytest.raises(SaveFileError, match="/dev/zero: is no plain file"):
        psu.FitResult.load("/dev/zero")
    with pytest.raises(SaveFileError, match="cannot be read: Is a directory"):
        psu.FitResult.load(tmp_path)
    with pytest.raises(SaveFileError, match="there is no such file"):
        psu.FitResult.load(tmp_path / "none")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(files.LARGEST_FILE + 1)
    with pytest.raises(SaveFileError, match="larger than 4 GB"):
        psu.FitResult.load(tmp_path / "large")


def keys_of(content):
    with np.load(io.BytesIO(content)) as stored:
        return json.loads(stored["header"].tobytes())["meta"].keys()


@pytest.mark.parametrize("junk", [None, 3, "x", [], {}, [[1]], {"a": None}, True], ids=str)
def test_content_of_other_types_is_refused(content, tmp_path, junk):
    for name in keys_of(content):
        changed = with_meta(
            content, lambda header, name=name: header["meta"].__setitem__(name, junk)
        )
        with suppress(SaveFileError):
            load(tmp_path, changed)
    for name in ("version", "kind", "meta"):
        changed = with_meta(content, lambda header, name=name: header.__setitem__(name, junk))
        if (name, junk) != ("version", True):
            with pytest.raises(SaveFileError):
                load(tmp_path, changed)
    for name in ("theta", "data.0.t", "data.0.u", "history.value", "data.0.censored"):
        with pytest.raises(SaveFileError):
            load(tmp_path, rebuilt(content, **{name: np.array([["a", "b"]])}))


def test_a_checkpoint_of_other_content_is_refused(tmp_path):
    path = tmp_path / "point.npz"
    key = {"system": "0"}
    Progress(vector=np.zeros(3)).save(path, key)
    good = path.read_bytes()
    assert Progress.load(path, key).vector.size == 3
    for change in (
        lambda h: h["meta"].__setitem__("key", 3),
        lambda h: h["meta"].__setitem__("state", [1]),
        lambda h: h["meta"]["state"].__setitem__("further", 1),
        lambda h: h["meta"].pop("state"),
    ):
        path.write_bytes(with_meta(good, change))
        with pytest.raises(SaveFileError, match="holds what no checkpoint has"):
            Progress.load(path, key)
    path.write_bytes(good)
    with pytest.raises(InvalidInputError, match="belongs to another fit: system differ"):
        Progress.load(path, {"system": "1"})


# -- writing -----------------------------------------------------------------------------------


def test_a_checkpoint_that_cannot_be_written_does_not_end_the_fit(tmp_path, caplog, monkeypatch):
    system = psu.ODESystem({x: -k * x}, trainable={k: 1.0})
    data = psu.Dataset.from_arrays(T, np.exp(-2 * T), states=["x"], u0={x: 1})
    point = tmp_path / "point.npz"
    point.mkdir()
    with caplog.at_level(logging.WARNING, logger="pysymude"):
        fit = psu.fit(
            system, data, progress=False, stages=psu.LBFGS(30), checkpoint=point, checkpoint_every=1,
            engine="native",
        )  # fmt: skip
    assert fit.parameters["k"] == pytest.approx(2.0, rel=1e-4)
    told = [record.message for record in caplog.records]
    assert sum("cannot be written: Is a directory; training goes on" in one for one in told) == 1
    assert "the last checkpoint is not in its file" in told[-1]


def test_what_a_killed_process_left_is_removed(tmp_path):
    host = re.sub(r"\W", "", platform.node())[:20]
    dead, living = (tmp_path / f".a.npz-{host}-{n}-1.part" for n in (2**22 + 1, os.getppid()))
    other = tmp_path / f".b.npz-{host}-{2**22 + 1}-1.part"
    for left in (dead, living, other):
        left.write_bytes(b"half")
    write_whole(tmp_path / "a.npz", b"whole")
    assert (tmp_path / "a.npz").read_bytes() == b"whole"
    assert not dead.exists()
    assert living.exists()
    assert other.exists()
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "none" / "a.npz", b"")
    assert {p.name for p in tmp_path.iterdir()} == {"a.npz", living.name, other.name}


# -- bytes -------------------------------------------------------------------------------------


def test_fits_travel_as_bytes(fit):
    for other in (pickle.loads(pickle.dumps(fit)), copy.deepcopy(fit), copy.copy(fit)):  # noqa: S301
        np.testing.assert_array_equal(other.theta, fit.theta)
        assert (other.loss, other.retcode, other.seed) == (fit.loss, fit.retcode, fit.seed)
        assert other.system == fit.system
        assert other.objective.method == fit.objective.method
        np.testing.assert_allclose(other.predict(T).u, fit.predict(T).u, rtol=1e-12)
        np.testing.assert_allclose(other.predict(T)(0.3), fit.predict(T)(0.3), rtol=1e-12)
    other = copy.deepcopy(fit)
    other.theta[0] = 9.0
    assert fit.theta[0] != 9.0


def test_objectives_travel_as_bytes(fit):
    obj = fit.objective
    half = obj.with_loss(obj.loss.with_horizon(0.5))
    for given in (obj, half):
        for other in (pickle.loads(pickle.dumps(given)), copy.deepcopy(given)):  # noqa: S301
            value, gradient = other.value_and_grad(fit.theta * 1.1)
            assert value == given.value(fit.theta * 1.1)
            np.testing.assert_array_equal(gradient, given.value_and_grad(fit.theta * 1.1)[1])


def test_laws_and_networks_travel_with_a_fit():
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=2)
    system = psu.ODESystem({x: -nn[0] * x, y: nn[0] * x})
    data = psu.Dataset.from_arrays(
        T, np.column_stack([np.exp(-T), 2 - np.exp(-T)]), states=[x, y], u0=[1.0, 1.0]
    )
    for conserve in ("eliminate", "project", "penalty"):
        fit = psu.fit(system, data, laws=x + y, conserve=conserve, sensealg="adjoint", **QUICK)
        other = pickle.loads(pickle.dumps(fit))  # noqa: S301
        assert [law.expr for law in other.laws] == [x + y]
        assert other.objective.enforced.conserve == conserve
        assert other.objective.method == fit.objective.method
        sol = fit.predict(T)
        np.testing.assert_allclose(sol(T[3:5] + 0.01).sum(axis=1), 2.0, rtol=1e-5)
        np.testing.assert_allclose(pickle.loads(pickle.dumps(sol)).u, sol.u)  # noqa: S301


def test_errors_are_ours(content, tmp_path):
    """Whatever stands in a file, what is raised has a place in the tree of errors."""
    (tmp_path / "fit.npz").write_bytes(content)
    with pytest.raises(PySymUDEError, match="engine 'none' is unknown"):
        psu.FitResult.load(tmp_path / "fit.npz", engine="none")
