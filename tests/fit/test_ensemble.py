"""Ensembles: bootstrap weights, failures, processes, Dask, and going on after a kill."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import pysymude as psu
from pysymude.errors import InvalidInputError

z = psu.states("z", positive=True)
r, K = psu.parameters("r K")
T = np.linspace(0.0, 4.0, 17)


def logistic():
    return psu.ODESystem({z: r * z * (1 - z / K)}, trainable={r: 1.0, K: 1.5})


def data(noise=0.02):
    u = 2 / (1 + 9 * np.exp(-1.5 * T)) + noise * np.random.default_rng(0).standard_normal(17)
    return psu.Dataset.from_arrays(T, u[:, None], states=[z], u0={z: 0.2})


def ensemble(n, system=None, **keywords):
    given = {"stages": psu.LBFGS(15), "engine": "native", "solver": "Tsit5"} | keywords
    return psu.fit_ensemble(logistic() if system is None else system, data(), n, **given)


@pytest.fixture(scope="module")
def twelve():
    return ensemble(12)


class TestBootstrap:
    def test_each_measurement_counts_as_often_as_it_is_drawn(self):
        from pysymude.fit.treatment.resampling import resampled

        obj = psu.objective(logistic(), data(), engine="native", solver="Tsit5")
        loss = resampled(obj.loss, 3)
        counts = loss.weight**2
        assert counts.sum() == pytest.approx(17)
        np.testing.assert_allclose(counts, np.round(counts))
        assert counts.max() > 1
        assert (counts == 0).any()
        assert not np.array_equal(loss.weight, resampled(obj.loss, 4).weight)
        # the loss by hand
        theta = obj.theta0()
        model = psu.solve(logistic(), u0={z: 0.2}, t=T, engine="native", solver="Tsit5").u
        by_hand = float(np.sum(counts[0] * (model - data()[0].u) ** 2))
        assert obj.with_loss(loss).value(theta) == pytest.approx(by_hand, rel=1e-4)

    def test_the_spread_is_that_of_least_squares(self, twelve):
        many = ensemble(40)
        spread = many.parameters()["K"].std()
        # sigma / sqrt(information), with the sensitivities by differences
        h = 1e-4
        up, down = (
            psu.solve(logistic(), u0={z: 0.2}, t=T, parameters={r: 1.5, K: k}, engine="native").u
            for k in (2 + h, 2 - h)
        )
        up_r, down_r = (
            psu.solve(logistic(), u0={z: 0.2}, t=T, parameters={r: q, K: 2}, engine="native").u
            for q in (1.5 + h, 1.5 - h)
        )
        J = np.hstack([up - down, up_r - down_r]) / (2 * h)
        error = 0.02 * np.sqrt(np.linalg.inv(J.T @ J)[0, 0])
        assert 0.5 * error < spread < 2 * error

    def test_without_bootstrap_the_members_differ_by_seed_alone(self):
        found = ensemble(3, bootstrap=False)
        assert np.ptp(found.parameters()["K"]) < 1e-4


class TestResult:
    def test_bands_and_the_best(self, twelve):
        assert twelve.members == tuple(range(12))
        low, high = twelve.band(T)
        assert low.shape == (17, 1)
        inside = (low[1:] <= high[1:]).all()
        assert inside
        assert 0 < np.mean(high - low) < 0.1
        assert twelve.best is twelve.fits[0]
        assert twelve.predict(T).shape == (12, 17, 1)
        with pytest.raises(InvalidInputError, match="level= lies between 0 and 1"):
            twelve.band(T, level=90)

    def test_members_are_those_of_fit(self, twelve):
        again = psu.fit(
            logistic(), data(), seed=2, resample=2, stages=psu.LBFGS(15), engine="native",
            solver="Tsit5", progress=False,
        )  # fmt: skip
        np.testing.assert_array_equal(twelve.fits[2].theta, again.theta)

    def test_members_have_the_laws_and_learn_their_coefficients(self):
        x, y = psu.states("x y")
        a = psu.parameters("a")
        nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=(3,))
        system = psu.ODESystem({x: y + nn[0], y: nn[1]}, trainable={a: 0.7})
        t = np.linspace(0.0, 3.0, 10)
        circle = np.stack([np.sin(t), np.cos(t)], axis=1)
        found = psu.fit_ensemble(
            system, psu.Dataset.from_arrays(t, circle, states=[x, y]), 2, laws=x**2 + a * y**2,
            conserve="project", engine="native", bootstrap=False,
            stages=[psu.LawMatching(20), psu.LBFGS(60)],
        )  # fmt: skip
        assert not found.failures
        assert found.parameters()["a"] == pytest.approx([1.0, 1.0], abs=0.02)
        for fit in found.fits:
            assert fit.laws[0].expr == x**2 + a * y**2
            assert fit.drift(np.linspace(0.0, 20.0, 201))["law_1"] < 1e-4

    def test_a_figure(self, twelve):
        figure = twelve.plot()
        assert len(figure.axes) == 1
        assert figure.axes[0].collections

    def test_failures_are_counted(self, monkeypatch):
        from pysymude.fit.ensemble import ensemble_members as module

        whole = module.fit

        def broken(*args, seed, **keywords):
            if seed % 3 == 1:
                raise InvalidInputError("this seed is no good")
            return whole(*args, seed=seed, **keywords)

        monkeypatch.setattr(module, "fit", broken)
        found = ensemble(4)
        assert found.members == (0, 2, 3)
        assert found.failures == {1: "this seed is no good"}
        assert "1 failed" in repr(found)
        monkeypatch.setattr(module, "fit", lambda *a, **k: broken(*a, **(k | {"seed": 1})))
        with pytest.raises(
            InvalidInputError, match="none of the 2 members succeeded; the first: this"
        ):
            ensemble(2)


class TestWrongCalls:
    @pytest.mark.parametrize(
        ("n", "options", "message"),
        [
            (0, {}, "a number of members"),
            (2, {"resume": True}, "resume=True needs folder="),
            (2, {"theta0": [1.0]}, "sets theta0= for each member itself"),
        ],
    )
    def test_arguments(self, n, options, message):
        with pytest.raises(InvalidInputError, match=message):
            ensemble(n, **options)

    def test_a_folder_of_another_ensemble(self, tmp_path):
        ensemble(1, folder=tmp_path / "e")
        with pytest.raises(
            InvalidInputError, match="holds this ensemble already; write resume=True"
        ):
            ensemble(1, folder=tmp_path / "e")
        with pytest.raises(InvalidInputError, match="belongs to another ensemble: seed differ"):
            ensemble(1, folder=tmp_path / "e", seed=5, resume=True)


class TestProcesses:
    def test_dask_gives_the_same_members(self, twelve):
        pytest.importorskip("distributed")
        import warnings

        import joblib
        from distributed import Client, LocalCluster

        with warnings.catch_warnings():
            # of Dask's own threads and sockets at its end
            warnings.simplefilter("ignore")
            with (
                LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
                Client(cluster),
                joblib.parallel_config(backend="dask"),
            ):
                found = ensemble(4)
        for one, two in zip(found.fits, twelve.fits, strict=False):
            np.testing.assert_array_equal(one.theta, two.theta)

    def test_killed_half_way_and_resumed(self, tmp_path, twelve):
        folder = tmp_path / "members"
        code = (
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "from test_ensemble import ensemble\n"
            "ensemble(12, folder=sys.argv[2])"
        )
        here = str(Path(__file__).parent)
        process = subprocess.Popen([sys.executable, "-c", code, here, str(folder)])
        deadline = time.monotonic() + 120
        while len(list(folder.glob("member-*/fit.npz"))) < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = {p: p.stat().st_mtime_ns for p in folder.glob("member-*/fit.npz")}
        assert 4 <= len(before) < 12
        found = ensemble(12, folder=folder, resume=True)
        # nothing that was finished is computed again
        assert before == {p: p.stat().st_mtime_ns for p in before}
        for one, two in zip(found.fits, twelve.fits, strict=True):
            np.testing.assert_array_equal(one.theta, two.theta)
