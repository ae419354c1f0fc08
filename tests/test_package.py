"""What holds for the package as a whole: its layers, its import, its names."""

import ast
import functools
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

import pysymude as psu

ROOT = Path(psu.__file__).parent
# rooms on one floor do not see each other
FLOORS = [
    {"errors", "whole"},
    {"model"},
    {"symbolic"},
    {"plan"},
    {"engines"},
    {"solving"},
    {"fit"},
    {"recover", "infer"},
    {"interchange", "export", "plot"},
    {"report"},
    {"cli"},
]
DRAWN = {
    ("fit", "result"), ("fit", "ensemble"), ("recover", "recovered"), ("infer", "profile"),
    ("infer", "multistart"), ("infer", "design"), ("infer", "bands"),
    ("model", "dataset"), ("solving", "solution"),
}  # fmt: skip
# a system is made from files of other formats by whom asks for it
READ = {("model", "system")}
# what a fit is asked about its errors
INFERRED = {("fit", "result")}
# a page about itself
REPORTED = {("fit", "result")}
# the wings of symbolic, each of which sees those before it; two classes write themselves as files
WINGS = ["proof", "exact", "null_space", "laws", "symmetries", "variational", "storage"]
WRITTEN = {("proof", "certificate"), ("laws", "law_set")}
# the rooms of fit, each of which sees those before it
ROOMS = [
    "long_work", "files", "treatment", "legwise", "problem", "terms", "loss", "optimizers", "stages", "result",
    "training", "ensemble",
]  # fmt: skip
# inside engines no engine sees another, and what they share sees none; the registry knows all
ENGINES = {"julia", "native"}


def floor(room: str) -> int:
    return next(k for k, rooms in enumerate(FLOORS) if room in rooms)


@functools.cache
def imports(path: Path) -> set[str]:
    return imported(ast.walk(ast.parse(path.read_text())))


def imported(nodes: Iterable[ast.AST]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module != "pysymude":  # what is imported from a folder may be a module
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def sources() -> list[Path]:
    return [p for p in sorted(ROOT.rglob("*.py")) if p != ROOT / "__init__.py"]


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_layers_point_one_way(path):
    own = path.relative_to(ROOT).with_suffix("").parts
    for module in imports(path):
        if not module.startswith("pysymude."):
            continue
        other = module.split(".")[1]
        # figures are asked for by results: the one kind of late import upwards
        if own[:2] in DRAWN and other == "plot":
            continue
        if own[:2] in INFERRED and other == "infer":
            continue
        if own[:2] in REPORTED and other == "report":
            continue
        if own[:2] in READ and other == "interchange":
            continue
        below = floor(other) < floor(own[0])
        assert below or other == own[0], f"{path} imports {module}"
        if own[0] == "engines" and own[1] != "registry":
            foreign = ENGINES - {own[1]}
            assert foreign.isdisjoint(module.split(".")[1:3]), f"{path} imports {module}"


@pytest.mark.parametrize("wing", WINGS)
def test_wings_of_the_symbolic_engine_point_one_way(wing):
    before = WINGS[: WINGS.index(wing) + 1]
    for path in sorted((ROOT / "symbolic" / wing).rglob("*.py")):
        late = (wing, path.stem) in WRITTEN
        for module in imports(path):
            if module.startswith("pysymude.symbolic."):
                other = module.split(".")[2]
                if other == "effort":  # bounds that all of them keep
                    continue
                assert other in before or (late and other == "storage"), f"{path} imports {module}"


def test_every_file_of_the_symbolic_engine_is_in_a_wing():
    found = {p.relative_to(ROOT / "symbolic").parts[0] for p in sources() if "symbolic" in p.parts}
    assert found == {"__init__.py", "effort.py", *WINGS}


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_of_fit_point_one_way(room):
    before = ROOMS[: ROOMS.index(room) + 1]
    for path in sorted((ROOT / "fit" / room).rglob("*.py")):
        for module in imports(path):
            if module.startswith("pysymude.fit."):
                assert module.split(".")[2] in before, f"{path} imports {module}"


def test_every_file_of_fit_is_in_a_room():
    found = {p.relative_to(ROOT / "fit").parts[0] for p in (ROOT / "fit").rglob("*.py")}
    assert found == {"__init__.py", *ROOMS}


def test_files_of_fit_stay_short():
    longest = {p.name: len(p.read_text().splitlines()) for p in (ROOT / "fit").rglob("*.py")}
    # what users look up stands in one place: the methods of a result, with all they take
    result = longest.pop("fit_result.py")
    assert result < 400
    assert {name: n for name, n in longest.items() if n > 310} == {}


def test_every_folder_has_its_floor():
    found = {p.relative_to(ROOT).parts[0].removesuffix(".py") for p in sources()}
    assert found == set().union(*FLOORS)


def test_no_two_files_have_one_name():
    names = [p.name for p in ROOT.rglob("*.py") if p.name != "__init__.py"]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_no_module_needs_itself_to_be_imported():
    """Imports at the top of files go round in no circle, whatever comes first."""
    needs: dict[str, set[str]] = {}
    for path in sources():
        name = ".".join(("pysymude", *path.relative_to(ROOT).with_suffix("").parts))
        needs[name.removesuffix(".__init__")] = imported(ast.parse(path.read_text()).body)
    while done := {name for name, found in needs.items() if not found & needs.keys()}:
        needs = {name: found for name, found in needs.items() if name not in done}
    assert not needs, f"in a circle, or above one: {sorted(needs)}"


def test_only_the_engines_import_their_language():
    for path in sources():
        inside = path.relative_to(ROOT).parts[:2]
        for module in imports(path):
            if module.split(".")[0] == "llvmlite":
                assert inside == ("engines", "native"), f"{path} imports {module}"
            if module.split(".")[0] == "juliacall":
                assert path.relative_to(ROOT).as_posix() == "engines/julia/runtime.py"


def test_nothing_from_a_file_is_ever_executed():
    forbidden = {"eval", "exec", "sympify", "parse_expr", "compile"}
    for path in sources():
        tree = ast.parse(path.read_text())
        assert not imports(path) & {"pickle", "dill", "cloudpickle", "marshal", "shelve"}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in forbidden, f"{path}:{node.lineno}"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr == "sympify":
                    # strict sympify takes numbers and expressions and refuses text
                    assert any(k.arg == "strict" for k in node.keywords), f"{path}:{node.lineno}"
                assert node.func.attr not in {"parse_expr", "literal_eval"}, f"{path}:{node.lineno}"


def test_import_starts_nothing():
    code = (
        "import sys, pysymude\n"
        "heavy = {'llvmlite', 'juliacall', 'scipy', 'matplotlib', 'pandas', 'rich', 'typer'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there_and_documented():
    for name in psu.__all__:
        assert getattr(psu, name) is not None
        if name != "t":
            assert getattr(psu, name).__doc__


def test_functions_stay_functions_whatever_is_imported_first():
    code = (
        "import pysymude as psu\n"
        "import pysymude.fit.loss.objective\n"
        "from pysymude.engines.registry import engines\n"
        "print(callable(psu.fit), callable(psu.engines), psu.engines is engines)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "True"]


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        psu.fitt  # noqa: B018
