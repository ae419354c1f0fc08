"""Recovery on the published Lotka-Volterra data: the form, its coefficients, and when not to trust it."""

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.errors import InvalidInputError, SaveFileError
from pysymude.fit.treatment.weighing import relative_scales

x, y = psu.states("x y", positive=True)
alpha, delta = psu.parameters("alpha delta")
T = np.arange(31) / 10


def measured(level, seed=0, **keywords):
    truth = psu.ODESystem({x: 1.3 * x - 0.9 * x * y, y: -1.8 * y + 0.8 * x * y})
    clean = psu.solve(
        truth, u0=[0.44249296, 4.6280594], t=T, reltol=1e-12, abstol=1e-12, engine="native"
    ).u
    noise = np.random.default_rng(seed).standard_normal(clean.shape)
    readings = clean + level * clean.mean(axis=0) * noise
    return psu.Dataset.from_arrays(T, readings, states=[x, y], **keywords)


def fitted(level):
    nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=(5, 5, 5), activation="rbf")
    ude = psu.ODESystem(
        {x: alpha * x + nn[0], y: -delta * y + nn[1]}, parameters={alpha: 1.3, delta: 1.8}
    )
    return psu.fit(ude, measured(level), engine="native", progress=False)


@pytest.fixture(scope="module")
def exact():
    return fitted(0.0)


@pytest.fixture(scope="module")
def noisy():
    return fitted(5e-3)


@pytest.fixture(scope="module")
def found(noisy):
    return psu.recover(noisy, library=["poly5", "sin"])


def terms(recovered):
    return [(c.output, c.term) for c in recovered.coefficients]


class TestForm:
    def test_exact_data_give_the_exact_form(self, exact):
        recovered = psu.recover(exact, library=["poly5", "sin"])
        assert terms(recovered) == [("nn[0]", x * y), ("nn[1]", x * y)]
        assert [c.value for c in recovered.coefficients] == pytest.approx([-0.9, 0.8], rel=1e-5)
        assert recovered.trusted
        # the network's own error is no part of it
        assert recovered.error < 1e-2 * recovered.network_error
        assert recovered.rounded().expr == sp.Tuple(-9 * x * y / 10, 4 * x * y / 5)

    def test_noise_leaves_the_form_and_widens_the_errors(self, found):
        assert terms(found) == [("nn[0]", x * y), ("nn[1]", x * y)]
        for c, true in zip(found.coefficients, (-0.9, 0.8), strict=True):
            assert c.value == pytest.approx(true, rel=0.05)
            assert abs(c.value - true) < 4 * c.error
            assert c.error < 0.02
            assert c.inclusion > 0.9
        assert found.trusted
        assert found.candidates == 46
        assert set(found.distance) == {"nn[0]", "nn[1]"}
        assert max(found.distance.values()) < 0.1

    def test_the_laws_of_the_model_are_derived(self, found):
        (law,) = psu.first_integrals(found.system)
        c1, c2 = (found.system.symbol(c.name) for c in found.coefficients)
        wanted = alpha * sp.log(y) + c1 * y - c2 * x + delta * sp.log(x)
        assert sp.simplify(law.expr - wanted) == 0 or sp.simplify(law.expr + wanted) == 0
        assert [known.expr for known in found.laws()] == [law.expr]
        assert found.imposed == ()

    def test_the_system_is_network_free_and_predicts(self, found):
        assert not found.system.networks
        again = psu.solve(found.system, u0=[0.44249296, 4.6280594], t=[0.0, 3.0, 20.0])
        truth = psu.solve(
            found.system, u0=[0.44249296, 4.6280594], t=[0.0, 3.0, 20.0],
            parameters={c.name: v for c, v in zip(found.coefficients, (-0.9, 0.8), strict=True)},
        )  # fmt: skip
        np.testing.assert_allclose(again.u[1], truth.u[1], rtol=0.05)

    def test_the_front_falls_and_holds_the_chosen_model(self, found):
        counts = [row.terms for row in found.front]
        losses = [row.loss for row in found.front]
        assert counts == sorted(set(counts))
        assert losses == sorted(losses, reverse=True)
        chosen = min(found.front[1:], key=lambda row: row.criterion)
        assert chosen.terms == 2
        assert chosen.loss == pytest.approx(found.loss, rel=1e-3)

    @pytest.mark.parametrize(
        "options", [{"method": "sr3"}, {"criterion": "bic"}, {"box": {x: (0, 1)}}]
    )
    def test_other_ways_lead_to_the_same_form(self, exact, options):
        recovered = psu.recover(exact, library="poly2", resamples=5, max_terms=4, **options)
        assert terms(recovered) == [("nn[0]", x * y), ("nn[1]", x * y)]


class TestFigure:
    def test_it_shows_networks_forms_and_the_front(self, found):
        left, right = found.plot().axes
        assert len(left.get_lines()) == 4
        front, chosen, network = right.get_lines()
        assert list(front.get_xdata()) == [row.terms for row in found.front]
        assert list(chosen.get_xdata()) == [2]
        assert network.get_ydata()[0] == found.network_error


class TestHonesty:
    def test_a_library_without_the_term_says_so(self, exact):
        library = [sp.S.One, x, y, x**2, y**2, sp.sin(x), sp.sin(y)]
        recovered = psu.recover(exact, library=library, max_terms=4, resamples=5)
        assert not recovered.trusted
        assert "the library does not express what the network learned" in recovered.warnings[0]
        assert recovered.error > 10 * recovered.network_error
        assert "warning: the library does not" in str(recovered)

    def test_standard_errors_are_those_of_an_independent_fit(self, found):
        from scipy.integrate import solve_ivp
        from scipy.optimize import curve_fit

        data = found.refit.data[0]

        def model(_, c1, c2, *u0):
            def f(t, u):
                return [1.3 * u[0] + c1 * u[0] * u[1], -1.8 * u[1] + c2 * u[0] * u[1]]

            return solve_ivp(f, (0, 3), u0, t_eval=T, rtol=1e-10, atol=1e-10).y.ravel()

        # columns without noise count by estimates of it
        scales = np.repeat(relative_scales(found.refit.data), T.size)
        best, covariance = curve_fit(
            model, T, data.u.T.ravel(), p0=[-0.8, 0.7, *data.u[0]], sigma=scales
        )
        assert [c.value for c in found.coefficients] == pytest.approx(best[:2], rel=1e-4)
        assert [c.error for c in found.coefficients] == pytest.approx(
            np.sqrt(np.diag(covariance))[:2], rel=1e-2
        )

    def test_rounding_keeps_what_the_data_can_tell(self, found):
        assert [c.exact for c in found.coefficients] == [None, None]
        rounded = found.rounded()
        assert rounded.expr == sp.Tuple(-9 * x * y / 10, 4 * x * y / 5)
        assert [s.name for s in rounded.system.parameters] == ["alpha", "delta"]
        # no rational with a denominator of one or two is near enough
        assert [c.exact for c in found.rounded(2).coefficients] == [None, None]


class TestFiles:
    def test_a_result_comes_back(self, found, tmp_path):
        path = tmp_path / "recovered.npz"
        found.rounded().save(path)
        again = psu.Recovered.load(path)
        assert str(again) == str(found.rounded())
        assert again.expr == found.rounded().expr
        assert again.system == found.rounded().system
        assert again.front == found.front
        np.testing.assert_array_equal(again.curves[1].form, found.curves[1].form)
        assert again.refit.objective.value(again.refit.theta) == found.refit.loss

    def test_a_fit_is_no_recovery(self, noisy, tmp_path):
        noisy.save(tmp_path / "fit.npz")
        with pytest.raises(SaveFileError, match="holds a fit, not a recovered"):
            psu.Recovered.load(tmp_path / "fit.npz")


class TestWrongCalls:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"library": "poly99"}, "does not know the word 'poly99'"),
            ({"library": "x*y"}, "A text is not read as a formula"),
            ({"library": []}, "library= is empty"),
            ({"library": [psu.t * x]}, "a function of t, which the network does not read"),
            ({"library": [sp.Symbol("k") * x]}, "which is no fixed parameter"),
            ({"library": {"other": "poly2"}}, "names every network once, nn"),
            ({"library": ["log", sp.log(x - 100)]}, "is not finite along the fitted trajectories"),
            ({"method": "pysr"}, "method='pysr' is not offered"),
            ({"method": "lasso"}, "must be one of 'stlsq', 'sr3'"),
            ({"criterion": "aic"}, "must be one of 'ebic', 'bic', 'aicc'"),
            ({"max_terms": 0}, "max_terms= must be a positive whole number"),
            ({"box": {"z": (0, 1)}}, "names 'z', which is no state"),
            ({"box": {x: (2, 1)}}, "must have low < high"),
        ],
    )
    def test_the_message_says_what_would_do(self, noisy, options, message):
        with pytest.raises(InvalidInputError, match=message):
            psu.recover(noisy, **options)

    def test_what_is_no_fit(self):
        with pytest.raises(InvalidInputError, match="takes the result of"):
            psu.recover("fit")
        known = psu.ODESystem({x: alpha * x}, trainable={alpha: 1.0})
        data = psu.Dataset.from_arrays([0, 1, 2], [[1.0], [2.0], [4.0]], states=[x])
        fit = psu.fit(known, data, stages=psu.LBFGS(5), progress=False, engine="native")
        with pytest.raises(InvalidInputError, match="no network stands in the fitted system"):
            psu.recover(fit)
