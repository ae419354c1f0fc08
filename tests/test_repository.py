"""The files at the top of the repository: what they say is valid, agrees, and can be run."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import pysymude as psu

yaml = pytest.importorskip("yaml")

ROOT = Path(psu.__file__).parents[1]
if not (ROOT / "pyproject.toml").is_file():
    pytest.skip("of a checkout only", allow_module_level=True)

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
VERSIONS = ["3.11", "3.12", "3.13"]
WORKFLOWS = ROOT / ".github" / "workflows"
FORMS = ROOT / ".github" / "ISSUE_TEMPLATE"
ELEMENTS = {"markdown", "textarea", "input", "dropdown", "checkboxes"}


def read(path):
    # YAML 1.1 takes the key "on" for a truth value
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


def test_supported_versions_are_the_same_everywhere():
    stated = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert stated == VERSIONS
    assert PROJECT["requires-python"] == f">={VERSIONS[0]}"
    matrix = read(WORKFLOWS / "ci.yml")["jobs"]["highest"]["strategy"]["matrix"]["python"]
    assert matrix == VERSIONS
    for page in ("README.md", "docs/getting_started.md"):
        assert f"Python {VERSIONS[0]} to {VERSIONS[-1]}" in (ROOT / page).read_text()


def test_the_citation_is_valid_and_of_this_version():
    """The keys that version 1.2.0 of the format asks for, and the kinds that it allows."""
    cff = read(ROOT / "CITATION.cff")
    assert cff["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= cff.keys()
    assert cff["type"] in {"software", "dataset"}
    assert cff["version"] == psu.__version__
    assert cff["license"] == PROJECT["license"]
    for author in [*cff["authors"], *(a for r in cff["references"] for a in r["authors"])]:
        assert set(author) in ({"name"}, {"family-names", "given-names"})
    for reference in cff["references"]:
        assert {"type", "title", "authors"} <= reference.keys()
        for identifier in reference.get("identifiers", []):
            assert identifier["type"] in {"doi", "url", "swh", "other"}


@pytest.mark.parametrize("path", sorted(FORMS.glob("*.yml")), ids=lambda p: p.stem)
def test_issue_forms(path):
    form = read(path)
    if path.stem == "config":
        assert form.keys() <= {"blank_issues_enabled", "contact_links"}
        return
    assert {"name", "description", "body"} <= form.keys()
    names = [part["id"] for part in form["body"]]
    assert len(set(names)) == len(names)
    for part in form["body"]:
        assert part["type"] in ELEMENTS
        assert part["attributes"]["label"]
        assert part.get("validations", {}).keys() <= {"required"}


def test_every_kind_of_issue_has_its_form():
    assert {p.stem for p in FORMS.glob("*.yml")} == {"bug", "config", "feature", "question"}


def steps():
    for path in sorted(WORKFLOWS.glob("*.yml")):
        for name, job in read(path)["jobs"].items():
            for step in job["steps"]:
                yield f"{path.name}: {name}", job, step


def test_workflows_run_what_is_there():
    runs = [(where, step["run"]) for where, _, step in steps() if "run" in step]
    assert len(runs) >= 5
    for where, command in runs:
        word = command.split()[0]
        if word.startswith(".ci/"):
            script = ROOT / word
            assert script.is_file(), where
            assert script.stat().st_mode & 0o111, f"{word} cannot be executed"
        else:
            assert word in {"python", "pytest"}, where
        for extra in re.findall(r"\.\[(\w+)\]", command):
            assert extra in PROJECT["optional-dependencies"], where


def test_workflows_have_their_parts():
    for path in WORKFLOWS.glob("*.yml"):
        workflow = read(path)
        assert {"name", "on", "permissions", "jobs"} <= workflow.keys()
        for job in workflow["jobs"].values():
            assert job["runs-on"] == "ubuntu-latest"
            needed = job.get("needs", [])
            for other in [needed] if isinstance(needed, str) else needed:
                assert other in workflow["jobs"]
    # others' actions come with a version
    used = [step["uses"] for _, _, step in steps() if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[\w./-]+", action) for action in used)


def test_only_publishing_may_ask_for_a_token():
    jobs = read(WORKFLOWS / "release.yml")["jobs"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["needs"] == "build"
    assert "permissions" not in jobs["build"]


@pytest.mark.parametrize("script", sorted((ROOT / ".ci").iterdir()), ids=lambda p: p.name)
def test_scripts_are_whole(script):
    assert script.read_text().startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in script.read_text()
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    subprocess.run([bash, "-n", str(script)], check=True)


def test_the_code_of_conduct_points_to_the_covenant():
    text = (ROOT / "CODE_OF_CONDUCT.md").read_text()
    assert "contributor-covenant.org/version/2/1/" in text
    assert "CODE_OF_CONDUCT.md" in (ROOT / "CONTRIBUTING.md").read_text()


def links(page):
    """Targets of a page that lie in the repository, without those in blocks of code."""
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    return [
        t
        for t in re.findall(r"\]\(([^)\s]+)\)", text)
        if "://" not in t and not t.startswith("mailto:")
    ]


def anchors(page):
    heads = re.findall(r"^#+ +(.+?) *$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_within_the_repository_lead_somewhere(page):
    for link in links(page):
        place, _, anchor = link.partition("#")
        target = (page.parent / place) if place else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{page.name}: {link}"


def test_a_broken_link_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A head\n\n[there](page.md#a-head) and [not](other.md)\n```\n[code](x.md)\n```\n"
    )
    assert links(page) == ["page.md#a-head", "other.md"]
    assert anchors(page) == {"a-head"}


ABOVE = {"problems": {"tests", "benchmarks"}, "tests": {"benchmarks"}, "benchmarks": {"tests"}}


@pytest.mark.parametrize("folder", ABOVE)
def test_problems_are_shared_and_nothing_else(folder):
    """Tests and benchmarks do not import each other; what both need is in problems/."""
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                modules = [node.module]
            assert not ABOVE[folder] & {m.split(".")[0] for m in modules}, path


def test_folders_of_tests_are_those_of_the_package():
    """`golden` holds recorded numbers; files at the top are of the whole."""
    folders = {p.name for p in (ROOT / "tests").iterdir() if any(p.rglob("test_*.py"))}
    assert folders <= {p.name for p in (ROOT / "pysymude").iterdir() if p.is_dir()}
