"""The README's example prints what the README says, and its commands are the ones that exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README.read_text(), re.S)
    assert found, language
    return found.group(1)


def test_the_example_prints_what_it_says():
    done = subprocess.run([sys.executable, "-c", block("python")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == block("text")


def test_the_example_is_short():
    lines = [line for line in block("python").splitlines() if line.strip()]
    assert len(lines) <= 15


@pytest.mark.parametrize("command", ["demo", "fit", "simulate", "doctor"])
def test_the_commands_exist(command):
    assert f"pysymude {command}" in README.read_text()
    done = subprocess.run(
        [sys.executable, "-m", "pysymude.cli", command, "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
