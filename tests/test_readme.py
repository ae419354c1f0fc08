"""The README's example prints what the README says, and its commands are the ones that exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pysymude.cli import app

README = Path(__file__).parents[1] / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.S)


EXAMPLES = list(zip(blocks("python"), blocks("text"), strict=True))


@pytest.mark.parametrize(("code", "output"), EXAMPLES)
def test_the_examples_print_what_they_say(code: str, output: str):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == output


def test_the_first_example_is_short():
    lines = [line for line in EXAMPLES[0][0].splitlines() if line.strip()]
    assert len(lines) <= 15


def test_it_is_a_screen_and_a_half():
    assert len(README.read_text().splitlines()) <= 100


def test_its_links_lead_somewhere():
    found = re.findall(r"\]\((?!https?:)([^)#]+)\)", README.read_text())
    assert len(found) > 15
    for link in found:
        assert (README.parent / link).is_file(), link


@pytest.mark.parametrize("command", [c.callback.__name__ for c in app.registered_commands])
def test_the_commands_are_described_and_exist(command):
    command = command.replace("_", "-")
    pages = README.parent / "docs" / "model_files.md"
    assert f"`pysymude {command}" in pages.read_text()
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0, done.output
    assert f"pysymude {command}" in " ".join(done.output.split())


def test_python_runs_the_commands():
    done = subprocess.run(
        [sys.executable, "-m", "pysymude.cli", "simulate", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "simulate" in done.stdout
