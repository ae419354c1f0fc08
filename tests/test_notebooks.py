"""The notebooks of docs/notebooks run, and what they assert holds; executed copies are left for the site."""

import runpy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from myst_nb.core.read import read_myst_markdown_notebook
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.forked_kernels import Manager

DOCS = Path(__file__).parents[1] / "docs"
NOTEBOOKS = sorted(p for p in (DOCS / "notebooks").glob("*.md") if p.stem != "index")
# what Jupyter's own machinery says is none of ours
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def executed(text: str) -> nbformat.NotebookNode:
    """A notebook, run in the folder of the notebooks."""
    notebook = read_myst_markdown_notebook(text)
    where = {"metadata": {"path": str(DOCS / "notebooks")}}
    # without times in it, the site finds it again
    how: dict[str, Any] = {"timeout": 600, "kernel_name": "python3", "record_timing": False}
    NotebookClient(notebook, kernel_manager_class=Manager, resources=where, **how).execute()
    return notebook


def cell(code: str) -> str:
    head = NOTEBOOKS[0].read_text().split("---")[1]
    return f"---{head}---\n\n```{{code-cell}} python3\n{code}\n```\n"


@pytest.fixture(autouse=True)
def _embedded(tmp_path, monkeypatch):
    """Notebooks run on the embedded engine, whatever else is set up here."""
    monkeypatch.delenv("PYTHON_JULIACALL_EXE", raising=False)
    monkeypatch.delenv("PYTHON_JULIACALL_PROJECT", raising=False)
    monkeypatch.setenv("PYTHON_JULIAPKG_PROJECT", str(tmp_path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook(path: Path):
    text = path.read_text()
    assert "assert " in text, "a notebook checks what it says"
    notebook = executed(text)
    folder = runpy.run_path(str(DOCS / "conf.py"))["executed"]()
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / f"{path.stem}.ipynb")
    figures = [o for c in notebook.cells for o in c.get("outputs", []) if "image/png" in str(o)]
    assert figures, "a notebook shows figures"


def test_a_wrong_claim_is_seen():
    with pytest.raises(CellExecutionError, match="AssertionError"):
        executed(cell("assert 1 + 1 == 3"))


def test_every_notebook_is_listed():
    index = (DOCS / "notebooks" / "index.md").read_text()
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        assert index.count(f"\n{path.stem}\n") == 1, f"{path.stem} in the toctree"
        assert f"({path.stem}.md)" in index, f"{path.stem} in the table"
