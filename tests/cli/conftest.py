"""What tests of the command line share."""

import functools

import pytest

from pysymude.engines.julia import finding, runtime


@pytest.fixture
def no_julia_runs_here(monkeypatch):
    """Tests before these may have started one, which would be found first."""
    monkeypatch.setattr(finding, "started", dict)
    monkeypatch.setattr(runtime, "_load", functools.cache(dict))
