"""Figures of each kind beside images of them that somebody has looked at.

`python -m tests.plot.test_baselines` draws the images again, after a change that is meant; look at them.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.legend import Legend
from matplotlib.testing.compare import compare_images
from matplotlib.text import Text
from matplotlib.ticker import NullFormatter

from tests.plot.gallery import FIGURES, orbit

BASELINES = Path(__file__).parent / "baselines"
TOLERANCE = 5.0  # root mean square of 255
LARGEST = 25_000  # bytes of an image


def drawn(figure, path):
    """A small image without letters and legends, whose size differs by version; other tests read what they say."""
    for legend in figure.findobj(Legend):
        legend.remove()
    for axis in [axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]:
        axis.set_major_formatter(NullFormatter())
        axis.set_minor_formatter(NullFormatter())
    for text in figure.findobj(Text):
        text.set_text("")
    figure.savefig(path, dpi=40, metadata={"Software": None}, pil_kwargs={"optimize": True})
    return str(path)


@pytest.fixture(autouse=True)
def settings():
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.use("agg", force=True)
        mpl.rcParams["font.family"] = "DejaVu Sans"
        yield


@pytest.mark.parametrize("name", FIGURES)
def test_figures_look_as_they_did(name, tmp_path):
    seen = drawn(FIGURES[name](), tmp_path / f"{name}.png")
    assert compare_images(str(BASELINES / f"{name}.png"), seen, tol=TOLERANCE) is None


def test_a_changed_figure_is_seen(tmp_path):
    """A line that is not there, a log axis, other limits, another colour: each is beyond the tolerance."""
    expected = str(BASELINES / "solution.png")
    for number, change in enumerate(
        (
            lambda ax: ax.get_lines()[2].set_linewidth(0),
            lambda ax: ax.set_yscale("log"),
            lambda ax: ax.set_xlim(0, 7),
            lambda ax: ax.get_lines()[0].set_color("red"),
        )
    ):
        figure = orbit().plot(units={"t": "years"})
        change(figure.axes[0])
        seen = drawn(figure, tmp_path / f"changed{number}.png")
        assert compare_images(expected, seen, tol=TOLERANCE) is not None


def test_every_image_is_small_and_belongs_to_a_figure():
    images = {p.stem: p.stat().st_size for p in BASELINES.glob("*.png")}
    assert set(images) == set(FIGURES)
    assert max(images.values()) < LARGEST


if __name__ == "__main__":
    BASELINES.mkdir(exist_ok=True)
    mpl.rcdefaults()
    for title, make in FIGURES.items():
        drawn(make(), BASELINES / f"{title}.png")
