"""The README's example prints what the README says, and its commands are the ones that exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.S)


EXAMPLES = list(zip(blocks("python"), blocks("text"), strict=True))


@pytest.mark.parametrize(
    ("code", "output"), EXAMPLES, ids=["fit", "noise", "input", "laws", "laws in training"]
)
def test_the_examples_print_what_they_say(code: str, output: str):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == output


def test_the_first_example_is_short():
    lines = [line for line in EXAMPLES[0][0].splitlines() if line.strip()]
    assert len(lines) <= 15


@pytest.mark.parametrize(
    "command", ["demo", "laws", "fit", "recover", "simulate", "setup-julia", "doctor"]
)
def test_the_commands_exist(command):
    assert f"pysymude {command}" in README.read_text()
    done = subprocess.run(
        [sys.executable, "-m", "pysymude.cli", command, "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
