"""Steps that see a part of the data."""

import numpy as np
import pytest

import pysymude as psu
from pysymude.errors import InvalidInputError
from pysymude.fit.stages.minibatches import Batches

x, k, b = psu.states("x"), *psu.parameters("k b")
T = np.linspace(0.0, 2.0, 11)
STARTS = np.linspace(0.5, 2.0, 7)
SYSTEM = psu.ODESystem({x: -k * x + b}, trainable={k: 0.5, b: 0.0})
DATA = psu.Dataset.from_arrays(
    [T] * 7, [(s * np.exp(-T))[:, None] for s in STARTS], states=[x], u0=[{x: s} for s in STARTS]
)


def batches(data, size):
    obj = psu.objective(SYSTEM, data, engine="native")
    return obj, Batches(obj, obj.loss, size, seed=3)


@pytest.mark.parametrize(("data", "size", "hands"), [(DATA, 3, 3), (DATA[:1], 4, 3)])
def test_a_turn_of_hands_is_the_whole(data, size, hands):
    obj, dealt = batches(data, size)
    theta = obj.theta0() + 0.1
    for turn in (0, 1):
        seen = np.concatenate([dealt.hand(turn * hands + i) for i in range(hands)])
        assert np.array_equal(np.sort(seen), dealt.hand(0) if hands == 1 else np.unique(seen))
        assert seen.size == np.unique(seen).size
    parts = [dealt.evaluate(theta, i) for i in range(hands)]
    sizes = np.array([dealt.hand(i).size for i in range(hands)])
    value = sum(p.value * n for p, n in zip(parts, sizes, strict=True)) / sizes.sum()
    slope = sum(p.gradient * n for p, n in zip(parts, sizes, strict=True)) / sizes.sum()
    expected = obj.evaluate(theta)
    assert value == pytest.approx(expected.value, rel=1e-9)
    np.testing.assert_allclose(slope, expected.gradient, rtol=1e-7)
    assert not np.array_equal(dealt.hand(0), dealt.hand(hands))


def test_training_with_them_finds_what_the_whole_does():
    stages = [psu.Adam(400, learning_rate=0.05, batch=2)]
    fit = psu.fit(SYSTEM, DATA, stages=stages, engine="native", progress=False)
    assert fit.parameters["k"] == pytest.approx(1.0, abs=0.02)
    assert fit.history["stage"][0] == "Adam (batches of 2)"


def test_a_resumed_fit_takes_the_same_steps(tmp_path):
    def train(stop):
        more = {} if stop is None else {"checkpoint": tmp_path / "state.npz", "resume": True}
        return psu.fit(
            SYSTEM, DATA, stages=psu.Adam(30, batch=3), engine="native", progress=False, **more,
            callback=None if not stop else (lambda step: step.iteration >= stop), checkpoint_every=1,
        )  # fmt: skip

    whole = train(None)
    train(11)
    resumed = train(0)
    np.testing.assert_array_equal(resumed.history["value"], whole.history["value"])
    np.testing.assert_array_equal(resumed.theta, whole.theta)


def test_wrong_calls():
    with pytest.raises(InvalidInputError, match=r"Adam\(batch=\) must be a positive whole number"):
        psu.Adam(batch=0)
    with pytest.raises(InvalidInputError, match="batch= or horizon="):
        psu.Adam(batch=2, horizon=(0.5, 1.0))
