"""Figures: what is drawn in them, and that nothing global is touched."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import pysymude as psu
from pysymude.errors import InvalidInputError
from pysymude.plot import (
    plot_fit,
    plot_history,
    plot_laws,
    plot_solution,
    plot_trajectories,
    plot_unknown_term,
)

x, y = psu.states("x y", positive=True)
k = psu.parameters("k")
T = np.linspace(0.0, 2.0, 9)
BLUE, RED = "#0072b2", "#d55e00"


def truth(u, t):
    return np.stack([0.3 * u[:, 1], 0 * t], axis=1)


def decay(start=2.0):
    """The solution of x' = -x + 0.3 y, y' = -2 y from (start, 1)."""
    return np.stack([(start + 0.3) * np.exp(-T) - 0.3 * np.exp(-2 * T), np.exp(-2 * T)], axis=1)


@pytest.fixture(scope="module")
def universal():
    """Two experiments, a network in x' alone, weight decay and validation."""
    nn = psu.MLP("nn", inputs=[x, y], outputs=1, hidden=(3,))
    system = psu.ODESystem({x: -x + nn[0], y: -2 * y})
    data = psu.Dataset.from_arrays(
        [T, T], [decay(), decay(1.0)], states=[x, y], name=["high", "low"]
    )
    stages = [psu.GradientMatching(12), psu.LBFGS(24, horizon=(0.5, 1.0))]
    return psu.fit(
        system, data, stages=stages, solver="Tsit5", weight_decay=1e-6, validation=0.25,
        progress=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def known():
    """No network, one experiment, an observable that is measured instead of the state."""
    system = psu.ODESystem({x: -k * x}, trainable={k: 0.5}, observables={"double": 2 * x})
    data = psu.Dataset.from_arrays(T, 2 * np.exp(-T)[:, None], states=["double"], u0={"x": 1.0})
    return psu.fit(system, data, stages=psu.LBFGS(10), solver="Tsit5", progress=False)


def labels(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def curves(axes, points=401):
    return [line for line in axes.get_lines() if len(line.get_xdata()) == points]


def test_a_panel_for_each_question(universal):
    figure = plot_fit(universal, truth=truth, held_out=1.5)
    assert isinstance(figure, Figure)
    assert [axes.get_xlabel() for axes in figure.axes] == ["time t", "time t", "iteration"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["x, y", "unknown term in du/dt", "loss"]
    for axes in figure.axes:
        assert not axes.get_legend().get_frame_on()
        assert not axes.spines["top"].get_visible()


def test_trajectories_are_the_predictions(universal):
    (axes,) = plot_trajectories(universal).axes
    lines = curves(axes)
    assert [to_hex(line.get_color()) for line in lines] == [BLUE, RED] * 2
    assert [line.get_linestyle() for line in lines] == ["-", "-", "--", "--"]
    expected = universal.predict(lines[2].get_xdata(), experiment="low")
    np.testing.assert_allclose(lines[2].get_ydata(), expected["x"], rtol=1e-12)
    assert labels(axes) == ["x", "y", "high", "low", "data", "model"]
    low, high = axes.get_xlim()
    assert -0.1 < low < 0
    assert 2.0 < high < 2.1


def test_held_out_points_are_hollow_and_their_region_shaded(universal):
    (axes,) = plot_trajectories(universal, held_out=1.5).axes
    points = [line for line in axes.get_lines() if line.get_linestyle() == "None"]
    filled = [p for p in points if p.get_markerfacecolor() != "white"]
    hollow = [p for p in points if p.get_markerfacecolor() == "white"]
    assert max(p.get_xdata().max() for p in filled) == 1.5
    assert min(p.get_xdata().min() for p in hollow) > 1.5
    assert sum(len(p.get_xdata()) for p in points) == 2 * 2 * len(T)
    (band,) = axes.patches
    assert band.get_x() == 1.5
    assert "held out" in [text.get_text() for text in axes.texts]
    # without held_out= there is neither
    (axes,) = plot_trajectories(universal).axes
    assert not axes.patches
    assert not axes.texts


def test_measurements_that_were_not_fitted_can_be_shown(universal):
    longer = np.append(T, 3.0)
    more = psu.Dataset.from_arrays(
        [longer, longer], [np.vstack([decay(), [0.1, 0.0]])] * 2, states=[x, y]
    )
    (axes,) = plot_trajectories(universal, data=more, held_out=2.0).axes
    assert max(line.get_xdata()[-1] for line in curves(axes)) == 3.0
    with pytest.raises(InvalidInputError, match=r"must have the 2 experiments of the fit.*found 1"):
        plot_trajectories(universal, data=more[0])


def test_unknown_term_beside_the_true_one(universal):
    (axes,) = plot_unknown_term(universal, truth=truth).axes
    lines = curves(axes)
    # a true and a learned line for each experiment, and none for y', where no network stands
    assert len(lines) == 4
    assert {to_hex(line.get_color()) for line in lines} == {BLUE}
    u = universal.predict(lines[0].get_xdata(), experiment=0).u
    np.testing.assert_allclose(lines[0].get_ydata(), 0.3 * u[:, 1], rtol=1e-12)
    np.testing.assert_allclose(lines[1].get_ydata(), universal.unknown_term(u)[:, 0], rtol=1e-12)
    assert labels(axes) == ["in dx/dt", "true", "high", "low"]


def test_wrong_truth(universal):
    with pytest.raises(InvalidInputError, match=r"shape of u, \(401, 2\); found \(401,\)"):
        plot_unknown_term(universal, truth=lambda u, t: u[:, 0])


def test_history_has_the_terms_the_validation_and_the_stages(universal):
    (axes,) = plot_history(universal).axes
    assert axes.get_yscale() == "log"
    assert labels(axes) == ["loss", "data", "weight decay", "validation"]
    loss, *_, validation = axes.get_lines()
    rows = len(universal.history["stage"])
    seen = np.isfinite(loss.get_xdata())
    assert seen.sum() == rows
    np.testing.assert_array_equal(loss.get_ydata()[seen], universal.history["value"])
    # a gap after each of the three legs: the losses of two stages are not to be joined
    assert (~seen).sum() == 3
    assert len(validation.get_xdata()) == np.isfinite(universal.history["validation"]).sum()
    texts = {text.get_text().replace("\n", "") for text in axes.texts}
    assert texts == {"GradientMatching", "LBFGS", "to 50%"}
    assert axes.get_xlim() == (0.5, rows + 0.5)


def test_without_a_network_there_is_no_unknown_term(known):
    figure = plot_fit(known)
    assert [axes.get_ylabel() for axes in figure.axes] == ["double", "loss"]
    # one term alone is the loss itself
    assert figure.axes[1].get_legend() is None
    with pytest.raises(InvalidInputError, match="no network stands in the equations"):
        plot_unknown_term(known)


def test_another_fit_for_comparison(universal, known):
    (axes,) = plot_trajectories(known, compare={"baseline": known}).axes
    assert labels(axes) == ["double", "data", "model", "baseline"]
    assert [line.get_linestyle() for line in curves(axes)] == ["-", ":"]


def test_axes_of_ones_own(known):
    figure = Figure()
    axes = figure.add_subplot()
    assert plot_history(known, ax=axes) is figure
    assert plot_trajectories(known, ax=figure.add_subplot()) is figure
    assert axes.get_lines()


def test_history_of_nothing(known):
    """A fit that was interrupted before its first iteration can be drawn all the same."""
    early = psu.fit(
        known.system, known.data, stages=psu.LBFGS(1), solver="Tsit5", progress=False,
    )  # fmt: skip
    for column in early.history:
        early.history[column] = early.history[column][:0]
    plot_fit(early).canvas.draw()


def test_a_solution_with_its_observable():
    system = psu.ODESystem({x: -x}, observables={"double": 2 * x})
    solution = psu.solve(system, u0=[1.0], t=T)
    (axes,) = plot_solution(solution).axes
    assert labels(axes) == ["x", "double"]
    first, second = axes.get_lines()
    np.testing.assert_array_equal(first.get_ydata(), solution["x"])
    np.testing.assert_array_equal(second.get_ydata(), solution["double"])


@pytest.fixture(scope="module")
def kept_and_not():
    """A law that a projection keeps and a plain network does not."""
    nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=(3,))
    u, v = psu.states("u v")
    system = psu.ODESystem({u: v + nn(u, v)[0], v: -u + nn(u, v)[1]})
    data = psu.Dataset.from_arrays(T, np.stack([np.cos(T), -np.sin(T)], axis=1), states=[u, v])
    how = {"laws": u**2 + v**2, "stages": psu.LBFGS(2), "solver": "Tsit5", "progress": False}
    return {name: psu.fit(system, data, conserve=name, **how) for name in ("report", "project")}


def test_laws_with_and_without_enforcement(kept_and_not):
    (axes,) = plot_laws(kept_and_not).axes
    assert axes.get_yscale() == "log"
    assert axes.get_ylabel() == "relative drift of $u^{2} + v^{2}$"
    assert labels(axes) == ["report", "project"]
    free, kept = axes.get_lines()
    assert [line.get_linestyle() for line in (free, kept)] == ["-", "--"]
    assert [to_hex(line.get_color()) for line in (free, kept)] == [BLUE, RED]
    # what is drawn is the drift, from the start to the last measurement
    fit = kept_and_not["report"]
    fine = np.linspace(0.0, 2.0, 401)
    np.testing.assert_array_equal(free.get_ydata(), fit.relative_drift(fine)["law_1"][1:])
    u, v = fit.predict(fine).u.T
    along = u**2 + v**2
    np.testing.assert_allclose(free.get_ydata(), (np.abs(along / along[0] - 1))[1:], rtol=1e-6)
    assert kept.get_ydata().max() < 1e-4 < free.get_ydata().max()
    assert fit.drift(fine) == {"law_1": free.get_ydata().max()}


def test_laws_of_one_fit_at_times_of_ones_own(kept_and_not):
    (axes,) = kept_and_not["project"].plot_laws(np.linspace(0, 4, 11), held_out=2.0).axes
    (line,) = axes.get_lines()
    assert len(line.get_xdata()) == 10
    assert labels(axes) == ["$u^{2} + v^{2}$"]
    assert "held out" in [text.get_text() for text in axes.texts]


def test_several_laws_have_colours_and_fits_have_lines(kept_and_not):
    plain = kept_and_not["report"].objective
    u, v = plain.system.states
    laws = [u**2 + v**2, u * v]
    both = {
        name: psu.fit(
            plain.system, plain.data, laws=laws, stages=psu.LBFGS(1), solver="Tsit5",
            progress=False, seed=seed,
        )
        for seed, name in enumerate(["one", "two"])
    }  # fmt: skip
    (axes,) = plot_laws(both, [0.0, 1.0, 2.0]).axes
    assert labels(axes) == ["$u^{2} + v^{2}$", "$u v$", "one", "two"]
    assert [to_hex(line.get_color()) for line in axes.get_lines()] == [BLUE, RED] * 2
    assert [line.get_linestyle() for line in axes.get_lines()] == ["-", "-", "--", "--"]
    with pytest.raises(InvalidInputError, match="give all fits the same laws"):
        plot_laws({"one": both["one"], "other": kept_and_not["report"]})


def test_laws_that_are_not_there(known, kept_and_not):
    with pytest.raises(InvalidInputError, match="no law that stays constant"):
        plot_laws(known)
    with pytest.raises(InvalidInputError, match="'plain' has no law"):
        plot_laws({"plain": known})
    with pytest.raises(InvalidInputError, match="takes a fit"):
        plot_laws({})
    with pytest.raises(InvalidInputError, match="there is no experiment 3"):
        plot_laws(kept_and_not, experiment=3)


def test_many_experiments_have_panels_of_their_own():
    system = psu.ODESystem({x: -k * x}, trainable={k: 0.5})
    data = psu.Dataset.from_arrays(
        [T] * 6, [(s * np.exp(-T))[:, None] for s in range(1, 7)], states=[x]
    )
    fit = psu.fit(system, data, stages=psu.LBFGS(3), solver="Tsit5", progress=False)
    figure = plot_trajectories(fit)
    assert [axes.get_title(loc="left") for axes in figure.axes] == list("012345")
    assert all(len(curves(axes)) == 1 for axes in figure.axes)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["x", "data", "model"]
    # in axes of one's own all of them are drawn alike
    (axes,) = plot_trajectories(fit, ax=Figure().add_subplot()).axes
    assert {line.get_linestyle() for line in curves(axes)} == {"-"}
    assert labels(axes) == ["x", "data", "model"]


def test_a_fit_draws_itself(universal, tmp_path):
    universal.plot().savefig(tmp_path / "fit.png")
    assert (tmp_path / "fit.png").read_bytes().startswith(b"\x89PNG")


def test_pyplot_stays_out():
    code = (
        "import sys, pysymude as psu, pysymude.plot as plot, numpy as np\n"
        "assert 'matplotlib' not in sys.modules\n"
        "x = psu.states('x')\n"
        "sol = psu.solve(psu.ODESystem({x: -x}), u0=[1.0], t=[0.0, 1.0])\n"
        "plot.plot_solution(sol).canvas.draw()\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_notebook_draws_a_figure_by_itself():
    x = psu.states("x")
    sol = psu.solve(psu.ODESystem({x: -x}), t=[0.0, 1.0, 2.0], u0={x: 1.0}, engine="native")
    assert plot_solution(sol)._repr_png_().startswith(b"\x89PNG")
