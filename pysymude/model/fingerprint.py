"""A short mark of measured data, by which a resumed fit knows that it sees the same ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from pysymude.model.trajectory import Trajectory

__all__ = ["fingerprint"]


def fingerprint(trajectories: Iterable[Trajectory]) -> str:
    """SHA-256 of all that the trajectories say, as 64 hexadecimal digits.

    It depends on their order, and neither on the machine nor on the process.
    """
    digest = hashlib.sha256()
    for trajectory in trajectories:
        digest.update(_content(trajectory))
    return digest.hexdigest()


def _content(trajectory: Trajectory) -> bytes:
    trainable = trajectory.trainable_u0
    words: dict[str, Any] = {
        "name": trajectory.name,
        "columns": trajectory.columns,
        "u0": {k: _told(v) for k, v in trajectory.u0.items()},
        "t0": trajectory.t0,
        "trainable_u0": list(trainable) if isinstance(trainable, tuple) else trainable,
        "parameters": {k: _told(v) for k, v in trajectory.parameters.items()},
        "noise": {c: np.asarray(s).tolist() for c, s in trajectory.noise.items()},
        "shape": trajectory.u.shape,
    }
    if trajectory.periods or trajectory.doses:
        words["periods"] = [repr(p) for p in trajectory.periods]
        words["doses"] = {
            k: [list(map(_told, pair)) for pair in v] for k, v in trajectory.doses.items()
        }
    # NaN has many bit patterns, which all mean "not measured"
    u = np.where(np.isnan(trajectory.u), np.nan, trajectory.u)
    arrays = trajectory.t.astype("<f8").tobytes() + u.astype("<f8").tobytes()
    if trajectory.censored.any():
        arrays += trajectory.censored.tobytes()
    for name, points in sorted(trajectory.signals.items()):
        arrays += name.encode() + b"\0" + points.times.tobytes()
        arrays += np.asarray(points.values, dtype=np.float64).tobytes()
    return json.dumps(words, sort_keys=True).encode() + b"\0" + arrays


def _told(value: Any) -> Any:
    return value if isinstance(value, float) else str(value)
