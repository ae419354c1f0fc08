import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pysymude as psu
from pysymude.errors import InvalidInputError
from pysymude.model.transforms import from_unconstrained, to_unconstrained

x = psu.states("x")
k, m = psu.parameters("k m")
nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=2)
system = psu.ODESystem(
    {x: nn[0] + k + m}, trainable={k: 1.0, m: 0.5}, bounds={k: (0, None), m: (0, 1)}
)


def test_slices_are_named_and_cover_theta():
    layout = system.layout
    assert list(layout) == ["nn.W1", "nn.b1", "nn.W2", "nn.b2", "k", "m"]
    assert [s.shape for s in layout.values()] == [(2, 1), (2,), (1, 2), (1,), (), ()]
    assert np.concatenate(
        [np.arange(layout.size)[s.slice] for s in layout.values()]
    ).tolist() == list(range(layout.size))


def test_both_ways():
    layout = system.layout
    theta = np.linspace(-1, 1, layout.size)
    values = layout.unpack(theta)
    assert values["k"] > 0
    assert 0 < values["m"] < 1
    np.testing.assert_allclose(layout.pack(values), theta, rtol=1e-14)


bounds = st.sampled_from([(-np.inf, np.inf), (2.0, np.inf), (-np.inf, -3.0), (-1.0, 4.0)])


@given(z=st.floats(-20, 20), interval=bounds)
def test_transforms_are_inverse_and_stay_inside(z, interval):
    low, high = interval
    value = from_unconstrained(z, low, high)
    assert low < value < high
    assert to_unconstrained(value, low, high) == pytest.approx(z, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda la: la.pack({"k": 1.0}), "missing"),
        (lambda la: la.pack(la.unpack(np.zeros(la.size)) | {"q": 1.0}), r"unknown \['q'\]"),
        (lambda la: la.pack(la.unpack(np.zeros(la.size)) | {"k": -1.0}), "k must lie between 0.0"),
        (
            lambda la: la.pack(la.unpack(np.zeros(la.size)) | {"nn.b1": 1.0}),
            r"nn.b1 has shape \(2,\)",
        ),
        (lambda la: la.unpack([1.0]), r"shape \(9,\) for this problem; found \(1,\)"),
        (lambda la: la.unpack(np.full(9, np.nan)), "theta must be finite; found nan at index 0"),
    ],
)
def test_wrong_values_are_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call(system.layout)
