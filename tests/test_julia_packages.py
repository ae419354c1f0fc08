"""What the Julia half needs is told in two files, and juliapkg must be able to follow them."""

import json
import tomllib
from pathlib import Path

import pytest

import pysymude as psu
from pysymude.engines.julia.finding import _within, package_folder

TOLD = json.loads((Path(psu.__file__).parent / "juliapkg.json").read_text())
PROJECT = tomllib.loads((package_folder() / "PySymUDE" / "Project.toml").read_text())


def test_juliapkg_json_says_what_project_toml_says():
    uuids = {name: entry["uuid"] for name, entry in TOLD["packages"].items()}
    bounds = {name: entry["version"] for name, entry in TOLD["packages"].items()}
    needs = {**PROJECT["deps"], **PROJECT.get("weakdeps", {})}
    assert uuids == needs
    assert bounds == {name: PROJECT["compat"][name] for name in needs}
    assert TOLD["julia"] == PROJECT["compat"]["julia"]


def merged(monkeypatch, openssl, folders):
    """juliapkg's own answer to all juliapkg.json files of some folders."""
    deps = pytest.importorskip("juliapkg.deps")
    real = deps.openssl_compat
    files = [str(folder / "juliapkg.json") for folder in folders]
    monkeypatch.setattr(deps, "deps_files", lambda: files)
    monkeypatch.setattr(deps, "openssl_compat", lambda: real(openssl))
    monkeypatch.setattr(deps, "log", lambda *a, **k: None)
    return deps.find_requirements()


@pytest.mark.parametrize("openssl", [(3, 0, 13), (3, 4, 0), (3, 5, 1)])
def test_the_bounds_of_all_packages_have_a_common_part(monkeypatch, openssl):
    from importlib.util import find_spec

    names = ("pysymude", "juliacall", "diffeqpy", "juliapkg")
    folders = [Path(find_spec(name).origin).parent for name in names]
    julia, packages = merged(monkeypatch, openssl, folders)
    assert {package.name for package in packages} >= TOLD["packages"].keys()
    from juliapkg.compat import Version

    # juliapkg caps Julia for a Python with an older OpenSSL: our bound must leave something
    assert Version(1, 11, 0) in julia
    assert (Version(1, 12, 5) in julia) == (openssl >= (3, 5))


def test_a_lower_bound_of_1_12_would_break_every_user_of_juliacall(monkeypatch, tmp_path):
    from importlib.util import find_spec

    (tmp_path / "juliapkg.json").write_text(json.dumps({**TOLD, "julia": "1.12"}))
    folders = [tmp_path, Path(find_spec("juliacall").origin).parent]
    with pytest.raises(Exception, match="empty intersection"):
        merged(monkeypatch, (3, 0, 13), folders)


@pytest.mark.parametrize(
    ("version", "bound", "fits"),
    [
        ("7.112.3", "7.112", True),
        ("7.111.9", "7.112", False),
        ("8.0.0", "7.112", False),
        ("2.0.3", "2", True),
        ("0.2.5", "0.2", True),
        ("0.3.0", "0.2", False),
        ("6.1.0", "5.2, 6", True),
        ("0.9.37", "=0.9.37", True),
        ("0.9.38", "=0.9.37", False),
        ("1.3.4+0", "1.2.1", True),
    ],
)
def test_bounds_mean_what_they_mean_in_julia(version, bound, fits):
    assert _within(version, bound) is fits
    compat = pytest.importorskip("juliapkg.compat")
    assert (compat.Version.parse(version) in compat.Compat.parse(bound)) is fits
