"""The pages of docs/ do what they say: all their blocks run, page by page.

Blocks of Python share one namespace a page; a block ``text`` right behind one is what it prints. Blocks with
``title="name"`` become files of that name. Lines of ``sh`` that begin with ``pysymude`` are run. What is not run
says why, in a comment ``<!-- not run: ... -->`` above it.
"""

import ast
import contextlib
import doctest
import io
import re
import shlex
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import pysymude as psu
from pysymude.cli import app
from pysymude.engines.julia.julia_engine import JuliaEngine
from pysymude.fit.result import cautions

DOCS = Path(__file__).parents[1] / "docs"
# notebooks have a test of their own
PAGES = sorted(
    p for p in DOCS.rglob("*.md") if "notebooks" not in p.parts and "```" in p.read_text()
)
FENCE = re.compile(
    r"(?P<why><!-- not run: [^\n]+ -->\n+)?^(?P<indent> *)```(?P<language>[\w{}-]*)"
    r"(?: title=\"(?P<title>[^\"]+)\")?[^\n]*\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
LANGUAGES = {"python", "text", "sh", "toml", "{toctree}", "{eval-rst}"}
# what the first column of the table in bad_fits.md quotes
PHRASES = (
    "cannot be solved",
    "the loss cannot be computed",
    "nothing was learned",
    "no stage could run",
    "training ended early",
    "could still fall",
    "which is more than the noise",
    "the noise that was given",
    "of its variance",
    "the model predicts 0",
    "sees numbers of the size",
    "lies at its bound",
    "run to its bound",
    "has run away",
    "the data do not determine",
)
DECIMAL = re.compile(r"\d+\.(\d+)(?:e([+-]?\d+))?")
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@dataclass(frozen=True)
class Block:
    """What stands between two fences, and what it should print."""

    line: int
    language: str
    title: str | None
    text: str
    skipped: bool
    expected: str | None


def blocks(page: str) -> list[Block]:
    found: list[Block] = []
    matches = list(FENCE.finditer(page))
    for k, m in enumerate(matches):
        behind = matches[k + 1] if k + 1 < len(matches) else None
        joined = behind is not None and not page[m.end() : behind.start()].strip()
        printed = joined and behind["language"] == "text" and not behind["title"]
        found.append(
            Block(
                page[: m.start()].count("\n") + 1,
                m["language"],
                m["title"],
                re.sub(rf"^{m['indent']}", "", m["text"], flags=re.MULTILINE),
                m["why"] is not None,
                behind["text"] if printed and behind is not None else None,
            )
        )
    return found


def run(page: str, name: str = "page") -> list[str]:
    """What is wrong with a page, run in the present folder."""
    wrong: list[str] = []
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        where = f"{name}:{block.line}"
        if block.title:
            Path(block.title).write_text(block.text)
        if block.skipped or block.language not in ("python", "sh"):
            continue
        out = io.StringIO()
        try:
            with contextlib.redirect_stdout(out):
                if block.language == "sh":
                    commands(block.text)
                elif ">>>" in block.text:
                    prompts(block.text, names, where)
                else:
                    exec(compile(block.text, where, "exec"), names)  # noqa: S102 - our own page
        except Exception:
            wrong.append(f"{where}\n{out.getvalue()}{traceback.format_exc()}")
            continue
        if block.expected is not None and not says(block.expected, out.getvalue()):
            wrong.append(f"{where}\nsays:\n{block.expected}\nprints:\n{out.getvalue()}")
    return wrong


def says(expected: str, printed: str) -> bool:
    """Whether a page says what was printed, decimals to one unit of their last digit.

    Where an optimiser ends differs by the last bits of processors, and 0.325 is printed as 0.32 or as 0.33.
    """
    found, known = list(DECIMAL.finditer(printed)), list(DECIMAL.finditer(expected))
    if len(found) == len(known):
        for here, said in zip(reversed(found), reversed(known), strict=True):
            unit = 10.0 ** (int(said[2] or 0) - len(said[1]))
            if abs(float(here[0]) - float(said[0])) < 1.01 * unit:
                printed = printed[: here.start()] + said[0] + printed[here.end() :]
    return doctest.OutputChecker().check_output(expected, printed, FLAGS)


def prompts(text: str, names: dict[str, Any], where: str) -> None:
    test = doctest.DocTestParser().get_doctest(text, names, where, where, 0)
    out = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    failed = runner.run(test, out=out.write, clear_globs=False).failed
    names.update(test.globs)
    if failed:
        raise AssertionError(out.getvalue())


def commands(text: str) -> None:
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["pysymude"]:
            code = app(words[1:], standalone_mode=False)
            assert not code, f"{line}: exit code {code}"


def test_a_page_may_be_off_by_the_last_digit_alone():
    assert says("[0.45 0.33 0.21]\n", "[0.45 0.32 0.21]\n")
    assert says("1.20e-03 m\n", "1.19e-03 m\n")
    assert not says("[0.45 0.33 0.21]\n", "[0.45 0.31 0.21]\n")
    assert not says("1.2e-03\n", "1.2e-02\n")
    assert not says("-0.3\n", "0.3\n")
    assert not says("12 steps, 0.3\n", "13 steps, 0.3\n")
    assert not says("0.3 s\n", "0.3 m\n")


@pytest.mark.parametrize(
    "page", PAGES, ids=lambda p: p.relative_to(DOCS).with_suffix("").as_posix()
)
def test_the_blocks_run(page: Path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # what pages print are the embedded engine's numbers, whatever else is set up here
    monkeypatch.setattr(JuliaEngine, "availability", lambda _: "pages run on the embedded engine")
    wrong = run(page.read_text(), page.name)
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize(
    "page", PAGES, ids=lambda p: p.relative_to(DOCS).with_suffix("").as_posix()
)
def test_blocks_have_a_language_and_run_unless_they_say_why(page: Path):
    text = page.read_text()
    assert text.count("```") == 2 * len(blocks(text)), "a fence that is not closed or not seen"
    assert {block.language for block in blocks(text)} <= LANGUAGES


def test_wrong_blocks_are_seen():
    assert run("```python\n>>> 1 + 1\n3\n\n```\n")
    assert run("```python\nprint(1)\n```\n\n```text\n2\n```\n")
    assert run("```python\nimport nothing_of_that_name\n```\n")
    assert run("```sh\npysymude laws no_such_file.toml\n```\n")
    assert not run("```python\nx = 1\n```\nand\n```python\nprint(x)\n```\n```text\n1\n```\n")
    assert not run("<!-- not run: it cannot -->\n```python\nimport nothing_of_that_name\n```\n")


def test_every_public_name_is_in_the_reference():
    pages = "\n".join(p.read_text() for p in (DOCS / "api").glob("*.md"))
    described = re.findall(r"^\.\. auto(?:class|function):: (\w+)$", pages, re.MULTILINE)
    assert set(psu.__all__) - {"t", "PySymUDEError"} <= set(described)
    assert ".. data:: t\n" in pages
    assert ".. autoexception:: pysymude.PySymUDEError\n" in pages


def sentences(path: Path) -> list[str]:
    """Texts of more than four words in a file, without docstrings and formatted parts."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(
            node
        ):
            del node.body[0]
        if isinstance(node, ast.JoinedStr):
            parts = [str(p.value) if isinstance(p, ast.Constant) else "" for p in node.values]
            node.values = [ast.Constant("".join(parts))]
    texts = [str(n.value) for n in ast.walk(tree) if isinstance(n, ast.Constant)]
    return [text for text in texts if len(text.split()) > 4]


def test_every_warning_of_a_fit_is_explained():
    page = (DOCS / "bad_fits.md").read_text()
    assert not [phrase for phrase in PHRASES if phrase not in page]
    found = sentences(Path(cautions.__file__))
    assert len(found) >= 10
    assert not [text for text in found if not any(phrase in text for phrase in PHRASES)]
