"""What figures say: names, units, levels, formulas; and where they show."""

from __future__ import annotations

import inspect
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

import pysymude as psu
from pysymude import plot
from pysymude.errors import InvalidInputError
from pysymude.plot.drawn_formulas import formula_text
from pysymude.plot.panels import Labels, panels_of
from tests.plot import gallery
from tests.plot.gallery import hare, k, lynx, z

# these draw several panels
WHOLE = {"plot_ensemble", "plot_fit", "plot_recovered", "plot_residuals"}


def labels(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_every_figure_of_one_panel_takes_axes():
    takers = {n for n in plot.__all__ if "ax" in inspect.signature(getattr(plot, n)).parameters}
    assert set(plot.__all__) - takers == WHOLE


ONE_PANEL = {
    "plot_band": lambda ax: gallery.known().predict(gallery.T, band=0.9).plot(ax=ax),
    "plot_members": lambda ax: plot.plot_members(gallery.members(), ax=ax),
    "plot_data": lambda ax: plot.plot_data(gallery.known().data, ax=ax),
    "plot_design": lambda ax: psu.design(
        gallery.subjects(), candidates={"t": gallery.T[1:]}, n=2, progress=False
    ).plot(ax=ax),
    "plot_forms": lambda ax: plot.plot_forms(gallery.recovered(), ax=ax),
    "plot_front": lambda ax: plot.plot_front(gallery.recovered(), ax=ax),
    "plot_history": lambda ax: plot.plot_history(gallery.history(), ax=ax),
    "plot_laws": lambda ax: gallery.pendulums()["report"].plot_laws(ax=ax),
    "plot_network": lambda ax: gallery.members().plot_network(ax=ax),
    "plot_profile": lambda ax: psu.profile(gallery.subjects(), k, progress=False).plot(ax=ax),
    "plot_quantiles": lambda ax: plot.plot_quantiles(gallery.known(), ax=ax),
    "plot_residuals_over_time": lambda ax: plot.plot_residuals_over_time(gallery.known(), ax=ax),
    "plot_solution": lambda ax: gallery.robertson().plot(ax=ax),
    "plot_sweep": lambda ax: gallery.sweep().plot(ax=ax),
    "plot_trajectories": lambda ax: plot.plot_trajectories(gallery.known(), ax=ax),
    "plot_members_unknown": lambda ax: plot.plot_members_unknown(gallery.members(), ax=ax),
    "plot_unknown_term": lambda ax: plot.plot_unknown_term(gallery.fitted(), ax=ax),
    "plot_waterfall": lambda ax: gallery.starts().plot(ax=ax),
}


def test_every_one_is_tried():
    assert set(ONE_PANEL) == set(plot.__all__) - WHOLE


@pytest.mark.parametrize("name", ONE_PANEL)
def test_axes_of_ones_own(name):
    figure = Figure()
    axes = figure.add_subplot()
    assert ONE_PANEL[name](axes) is figure
    assert figure.axes == [axes]
    assert axes.get_xlabel()
    assert axes.get_ylabel()
    assert axes.lines or axes.collections or axes.containers


def test_names_have_their_units():
    north = gallery.fitted().plot().axes[0]
    assert (north.get_xlabel(), north.get_ylabel()) == ("time t [years]", "hare, lynx [1000]")
    (axes,) = gallery.orbit().plot(names=[hare], units={"t": "d", hare: "kg"}).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time t [d]", "hare [kg]")
    # what is told beside the data comes before what they say
    (axes,) = plot.plot_data(gallery.fitted().data, units={"t": "d"}).axes
    assert axes.get_xlabel() == "time t [d]"


def test_units_come_with_tables_and_files(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("time (h),x [mg/l],y\n0,1,2\n1,2,3\n2,3,4\n", encoding="utf-8")
    data = psu.Dataset.from_csv(path)
    assert dict(data[0].units) == {"t": "h", "x": "mg/l"}
    assert dict(psu.Dataset.from_csv(path, units={"y": "g"})[0].units) == {
        "t": "h",
        "x": "mg/l",
        "y": "g",
    }
    gallery.subjects().save(tmp_path / "fit.npz")
    again = psu.FitResult.load(tmp_path / "fit.npz")
    assert dict(again.data[0].units) == {"t": "h", "z": "mg/l"}
    for units in ({"w": "h"}, {"t": 3}, "h", {"t": "a\nb"}):
        with pytest.raises(InvalidInputError, match="units"):
            psu.Dataset.from_arrays([0, 1], [1, 2], states=["x"], units=units)


def test_columns_of_other_sizes_and_units_have_panels():
    sizes = {"a": 1.0, "b": 3.0, "c": 200.0, "d": 0.0, "e": 1500.0}
    assert panels_of(sizes, Labels()) == [["a", "b", "d"], ["c", "e"]]
    # what has no unit stands with the first that has one
    assert panels_of(sizes, Labels({"a": "g", "b": "kg"})) == [["a", "d"], ["b"], ["c", "e"]]
    # never more than six; the last takes what is left
    many = {str(n): 100.0**n for n in range(9)}
    assert list(map(len, panels_of(many, Labels()))) == [1, 1, 1, 1, 1, 4]
    assert [ax.get_ylabel() for ax in gallery.robertson().plot().axes] == ["A, C", "B"]
    assert [ax.get_ylabel() for ax in gallery.known().plot().axes] == ["hare", "lynx", "loss"]


def test_points_and_lines_are_explained():
    assert labels(gallery.known().plot().axes[0])[-2:] == ["data", "model"]
    assert labels(plot.plot_members(gallery.members()).axes[0])[-3:] == [
        "data", "median", "90% of 11 fits",
    ]  # fmt: skip
    (axes,) = gallery.sweep().plot(level=0.5).axes
    assert labels(axes) == ["z", "50% of 40 solutions"]


def test_a_network_stands_against_what_it_reads():
    (axes,) = gallery.fitted().plot_network("F").axes
    assert axes.get_ylabel() == "F($hare$)"
    (band,) = axes.patches
    along = np.concatenate([p["hare"] for p in gallery.fitted().predictions])
    assert band.get_x() <= along.min()
    assert band.get_x() + band.get_width() >= along.max()
    solid, *dashed = axes.get_lines()
    inside = np.isfinite(solid.get_ydata())
    at = solid.get_xdata()[inside]
    np.testing.assert_allclose(
        solid.get_ydata()[inside], gallery.fitted().network("F", at[:, None])[:, 0]
    )
    assert [line.get_linestyle() for line in dashed] == ["--", "--"]
    for call, message in (
        (lambda: gallery.fitted().plot_network("G"), "no network 'G'"),
        (lambda: gallery.fitted().plot_network(against="lynx"), "network 'F' reads hare"),
        (lambda: gallery.known().plot_network(), "has no network"),
        (lambda: gallery.fitted().plot_network(truth=lambda v: 1.0), "truth"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            call()


def test_a_phase_plane():
    (axes,) = plot.plot_trajectories(gallery.fitted(), phase=(hare, "lynx")).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("hare [1000]", "lynx [1000]")
    assert labels(axes) == ["north", "south", "data", "model", "start"]
    points = [line for line in axes.get_lines() if line.get_linestyle() == "None"]
    north = gallery.fitted().data[0].u
    np.testing.assert_array_equal(points[1].get_xdata(), north[:, 0])
    with pytest.raises(InvalidInputError, match="pair of columns"):
        gallery.orbit().plot(phase="hare")
    with pytest.raises(InvalidInputError, match="no column 'wolf'"):
        gallery.orbit().plot(phase=("hare", "wolf"))


def test_log_axes():
    (axes,) = gallery.orbit().plot(names="hare", log="xy").axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    with pytest.raises(InvalidInputError, match="log= is"):
        gallery.orbit().plot(log="z")


def test_formulas_are_drawn_where_they_can_be():
    nn = psu.MLP("nn", inputs=[z], outputs=1, hidden=2)
    assert formula_text(hare**2 / 2 + 0.123456 * lynx) == r"$\frac{hare^{2}}{2} + 0.123 lynx$"
    assert formula_text(z * nn[0]) == str(z * nn[0])
    assert formula_text((hare + lynx + z + 1) ** 2 * hare * lynx * z / (hare - 7)).startswith("$")
    assert formula_text(sum(z**n for n in range(20))).endswith("...")


@pytest.mark.parametrize(("ending", "begins"), [("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_figures_are_saved_as_vectors(ending, begins, tmp_path):
    path = tmp_path / f"fit.{ending}"
    gallery.orbit().plot().savefig(path)
    assert path.read_bytes().startswith(begins)


def run(code: str) -> list[str]:
    head = (
        "import sys, pysymude as psu\n"
        "def sol():\n"
        "    x = psu.states('x')\n"
        "    return psu.solve(psu.ODESystem({x: -x}), u0=[1.0], t=[0.0, 1.0], engine='native')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", head + code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_scripts_show_figures_where_pyplot_is_loaded():
    code = (
        "import matplotlib; matplotlib.use('agg')\n"
        "import matplotlib.pyplot as plt\n"
        "figures = [found.plot() for found in [sol()] for _ in range(25)]\n"
        "print(len(plt.get_fignums()), plt.gcf() is figures[-1])\n"
    )
    assert run(code) == ["25", "True"]
    assert run("sol().plot(); print('matplotlib.pyplot' in sys.modules)") == ["False"]


def test_a_notebook_shows_a_figure_once():
    """As the last line of a cell, and where it is only made; with pyplot's inline backend and without pyplot."""
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    make = (
        "import pysymude as psu\nx = psu.states('x')\n"
        "sol = psu.solve(psu.ODESystem({x: -x}), u0=[1.0], t=[0.0, 1.0], engine='native')\n"
    )
    cells = [make, "sol.plot()", "%matplotlib inline\nfigure = sol.plot()", "sol.plot()", "figure"]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    pictures = [
        sum("image/png" in output.get("data", {}) for output in cell.outputs) for cell in book.cells
    ]
    assert pictures == [0, 1, 1, 1, 1]
