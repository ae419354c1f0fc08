"""Settings of the whole suite: a program cache of its own, shared by all workers of a run."""

import gc
import os
import tempfile
from pathlib import Path

# before anything is compiled, and without touching the user's own cache; a fixed place makes the
# second run of the suite quick
os.environ.setdefault("PYSYMUDE_CACHE_DIR", str(Path(tempfile.gettempdir()) / "pysymude-tests"))

# before NumPy is loaded: its matrices are small here, and a second thread that waits for more of them takes
# its processor from another worker
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def pytest_collection_finish() -> None:
    """What was collected lives as long as the run: the garbage collector need not look at it each time."""
    gc.collect()
    gc.freeze()
