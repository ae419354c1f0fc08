"""The wheel and the sdist, built and installed: the Julia half is inside and is found there."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import pysymude as psu

ROOT = Path(psu.__file__).parents[1]

pytest.importorskip("hatchling")
if not (ROOT / "pyproject.toml").is_file():
    pytest.skip("built from a checkout only", allow_module_level=True)


def run(*command, limit=300, **keywords):
    done = subprocess.run(
        [str(c) for c in command], capture_output=True, text=True, timeout=limit, check=False,
        **keywords,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel, built from the sdist as installers do, and the sdist."""
    place = tmp_path_factory.mktemp("built")
    code = "import sys, hatchling.build as b; print(b.build_{}(sys.argv[1]))"
    name = run(sys.executable, "-c", code.format("sdist"), place, cwd=ROOT).splitlines()[-1]
    with tarfile.open(place / name) as archive:
        # the filter came with 3.11.4; the archive is our own
        filters = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(place / "source", **filters)  # noqa: S202
    (source,) = (place / "source").iterdir()
    wheel = run(sys.executable, "-c", code.format("wheel"), place, cwd=source).splitlines()[-1]
    return place / wheel, place / name


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """The Python of a fresh environment: the wheel is its own, everything else is borrowed."""
    place = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(place, with_pip=False, symlinks=os.name != "nt")
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
    with zipfile.ZipFile(built[0]) as archive:
        archive.extractall(site)  # noqa: S202
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_the_wheel_carries_the_julia_half_and_nothing_at_the_top(built):
    with zipfile.ZipFile(built[0]) as archive:
        names = archive.namelist()
    inside = {name.removeprefix("pysymude/_julia/PySymUDE/") for name in names}
    own = ROOT / "julia" / "PySymUDE"
    for file in [*own.glob("src/*.jl"), *own.glob("setup/*.jl"), own / "Project.toml"]:
        assert file.relative_to(own).as_posix() in inside
    assert "pysymude/juliapkg.json" in names
    # a top-level folder "julia" would hide PyJulia
    tops = {name.split("/")[0] for name in names}
    assert tops == {"pysymude", f"pysymude-{psu.__version__}.dist-info"}
    assert not any("__pycache__" in name or name.endswith("Manifest.toml") for name in names)


def test_the_sdist_carries_julia(built):
    with tarfile.open(built[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"julia/PySymUDE/Project.toml", "pysymude/juliapkg.json", "pyproject.toml"} <= names
    assert "julia/PySymUDE/test/runtests.jl" in names


def outside(python, code, tmp_path, **keywords):
    """What a program says that runs away from the checkout."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    return run(python, "-P", "-c", code, cwd=tmp_path, env=env, **keywords)


def test_an_installed_package_finds_its_julia_half(installed, tmp_path):
    code = """
import pysymude
from pathlib import Path
from pysymude.engines.julia.finding import needed, package_folder
folder = package_folder()
print(Path(pysymude.__file__).parent / "_julia" == folder, (folder / "PySymUDE/src").is_dir())
print(len(needed()) > 5)
"""
    assert outside(installed, code, tmp_path).splitlines() == ["True True", "True"]


def test_juliapkg_reads_the_installed_json(installed, tmp_path):
    pytest.importorskip("juliapkg")
    code = """
import juliapkg.deps as deps, pysymude
from pathlib import Path
print(str(Path(pysymude.__file__).parent / "juliapkg.json") in deps.deps_files())
deps.log = lambda *a, **k: None
print("SciMLSensitivity" in {p.name for p in deps.find_requirements()[1]})
"""
    assert outside(installed, code, tmp_path).splitlines() == ["True", "True"]


@pytest.mark.slow
def test_an_installed_package_solves_in_julia(installed, tmp_path):
    reason = next(e["reason"] for e in psu.engines() if e["name"] == "julia")
    if reason:
        required = os.environ.get("PYSYMUDE_REQUIRE_JULIA") == "1"
        (pytest.fail if required else pytest.skip)(f"engine julia: {reason}")
    code = """
import pysymude as psu
x = psu.states("x")
found = psu.solve(psu.ODESystem({x: -x}), u0=[1.0], t=[0.0, 1.0], engine="julia")
print(found.engine, abs(found.u[-1, 0] - 0.36787944117144233) < 1e-5)
import juliacall
juliacall.Main.seval("import PySymUDE")
print("_julia" in str(juliacall.Main.seval("pathof(PySymUDE)")))
"""
    # compiling PySymUDE.jl at its new place takes most of it
    told = outside(installed, code, tmp_path, limit=1500)
    assert told.splitlines()[-2:] == ["julia True", "True"]
