"""The page about speed says what the recorded results say."""

from pathlib import Path

from problems.recorded_results import FACTORS

PAGE = (Path(__file__).parents[1] / "docs" / "performance.md").read_text()


def test_factors_are_those_of_recorded_results():
    table = PAGE.split("## The embedded engine")[1].split("##")[0].strip().splitlines()[2:]
    assert table == [factor.row() for factor in FACTORS]


def test_every_command_is_there():
    root = Path(__file__).parents[1] / "benchmarks"
    for line in PAGE.splitlines():
        for word in line.split("`")[1::2]:
            if "benchmarks." not in word:
                continue
            name = word.split("benchmarks.")[1].split()[0]
            assert (root / f"{name}.py").is_file() or (root / name / "__main__.py").is_file(), name
