"""Densities against SciPy's, their derivatives against differences, and every file a family."""

from pathlib import Path

import numpy as np
import pytest
import scipy.stats as st

import pysymude as psu
from pysymude.errors import InvalidInputError
from pysymude.model.distributions import by_name, distribution
from pysymude.model.distributions.by_name import DISTRIBUTIONS
from pysymude.model.distributions.distribution import PriorDistribution

Y = np.array([0.3, 1.0, 2.7, 9.0])
COUNTS = np.array([0.0, 1.0, 4.0, 17.0])
H = np.array([0.4, 1.7, 2.5, 6.0])
P = np.array([0.1, 0.5, 0.2, 0.9])

# family, values, locations, scales, SciPy's logarithm of the density
NOISE = {
    "Normal": (psu.Normal(1), Y, H, (0.7,), lambda y, h, s: st.norm.logpdf(y, h, s)),
    "LogNormal": (psu.LogNormal(1), Y, H, (0.7,), lambda y, h, s: st.lognorm.logpdf(y, s, scale=h)),
    "Laplace": (psu.Laplace(1), Y, H, (0.7,), lambda y, h, b: st.laplace.logpdf(y, h, b)),
    "LogLaplace": (
        psu.LogLaplace(1), Y, H, (0.7,),
        lambda y, h, b: st.loglaplace.logpdf(y, 1 / b, scale=h),
    ),
    "StudentT": (psu.StudentT(3, 1), Y, H, (3.5, 0.7), lambda y, h, n, s: st.t.logpdf(y, n, h, s)),
    "Poisson": (psu.Poisson(), COUNTS, H, (), lambda y, h: st.poisson.logpmf(y, h)),
    "NegativeBinomial": (
        psu.NegativeBinomial(1), COUNTS, H, (2.5,),
        lambda y, h, k: st.nbinom.logpmf(y, k, k / (k + h)),
    ),
    "Binomial": (psu.Binomial(20), COUNTS, P, (20.0,), lambda y, p, n: st.binom.logpmf(y, n, p)),
}  # fmt: skip
PRIORS = {
    "Normal": (psu.Normal(0.4, 0.7), st.norm(0.4, 0.7)),
    "LogNormal": (psu.LogNormal(0.4, 0.7), st.lognorm(0.7, scale=np.exp(0.4))),
    "Laplace": (psu.Laplace(0.4, 0.7), st.laplace(0.4, 0.7)),
    "LogLaplace": (psu.LogLaplace(0.4, 0.7), st.loglaplace(1 / 0.7, scale=np.exp(0.4))),
    "StudentT": (psu.StudentT(3.5, 0.4, 0.7), st.t(3.5, 0.4, 0.7)),
    "Cauchy": (psu.Cauchy(0.4, 0.7), st.cauchy(0.4, 0.7)),
    "Gamma": (psu.Gamma(2.4, 0.7), st.gamma(2.4, scale=0.7)),
    "ChiSquare": (psu.ChiSquare(3.5), st.chi2(3.5)),
    "Exponential": (psu.Exponential(0.7), st.expon(scale=0.7)),
    "Rayleigh": (psu.Rayleigh(0.7), st.rayleigh(scale=0.7)),
    "LogUniform": (psu.LogUniform(0.1, 20.0), st.loguniform(0.1, 20.0)),
}


def test_every_file_is_a_family_and_every_family_is_tested():
    files = {p.stem for p in Path(distribution.__file__).parent.glob("*.py")} - {
        "__init__", "distribution", "by_name",
    }  # fmt: skip
    modules = {family.__module__.rpartition(".")[2] for family in DISTRIBUTIONS.values()}
    assert files == modules
    assert set(DISTRIBUTIONS) == set(NOISE) | set(PRIORS)
    alone = {n for n, family in DISTRIBUTIONS.items() if issubclass(family, PriorDistribution)}
    assert alone.isdisjoint(NOISE)
    assert all(getattr(psu, name) is family for name, family in DISTRIBUTIONS.items())
    assert by_name.__all__ == ["DISTRIBUTIONS"]


@pytest.mark.parametrize("name", NOISE)
def test_noise_has_scipys_density(name):
    family, y, h, scales, reference = NOISE[name]
    value = family.terms(y, h, *scales)[0]
    np.testing.assert_allclose(-value, reference(y, h, *scales), rtol=1e-11, atol=1e-12)
    # it can fail: another location has another density
    assert np.abs(family.terms(y, 0.9 * h, *scales)[0] - value).max() > 1e-3


def differences(f, x, h=1e-6):
    return (f(x + h) - f(x - h)) / (2 * h)


@pytest.mark.parametrize("name", NOISE)
def test_noise_has_its_derivatives(name):
    family, y, h, scales, _ = NOISE[name]
    _, d_y, d_h, d_scales = family.terms(y, h, *scales)
    if not family.counts:
        np.testing.assert_allclose(
            d_y, differences(lambda v: family.terms(v, h, *scales)[0], y), rtol=1e-7, atol=1e-8
        )
    np.testing.assert_allclose(
        d_h, differences(lambda v: family.terms(y, v, *scales)[0], h), rtol=1e-7, atol=1e-8
    )
    for k, d in enumerate(d_scales):

        def along(v, k=k):
            changed = list(scales)
            changed[k] = v
            return family.terms(y, h, *changed)[0]

        np.testing.assert_allclose(
            np.broadcast_to(d, y.shape), differences(along, scales[k]), rtol=1e-6, atol=1e-8
        )


@pytest.mark.parametrize("name", ["Normal", "LogNormal", "Laplace", "LogLaplace"])
@pytest.mark.parametrize("above", [False, True])
def test_limits_have_the_probability_beyond_them(name, above):
    family, y, h, scales, _ = NOISE[name]
    s = scales[0]
    law = {
        "Normal": st.norm(h, s), "LogNormal": st.lognorm(s, scale=h), "Laplace": st.laplace(h, s),
        "LogLaplace": st.loglaplace(1 / s, scale=h),
    }[name]  # fmt: skip
    value, d_y, d_h, (d_s,) = family.tail(y, h, s, above=above)
    np.testing.assert_allclose(-value, law.logsf(y) if above else law.logcdf(y), rtol=1e-10)
    for d, f, x in (
        (d_y, lambda v: family.tail(v, h, s, above=above)[0], y),
        (d_h, lambda v: family.tail(y, v, s, above=above)[0], h),
        (d_s, lambda v: family.tail(y, h, v, above=above)[0], s),
    ):
        np.testing.assert_allclose(d, differences(f, x), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", PRIORS)
def test_priors_have_scipys_density(name):
    prior, law = PRIORS[name]
    numbers = [float(a) for a in prior.args]
    loc = numbers.pop(prior.location)
    value, slope, _, _ = prior.terms(Y, loc, *numbers)
    np.testing.assert_allclose(-value, law.logpdf(Y), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(
        slope, differences(lambda v: prior.terms(v, loc, *numbers)[0], Y), rtol=1e-6, atol=1e-8
    )


@pytest.mark.parametrize("name", PRIORS)
def test_priors_have_derivatives_by_their_arguments(name):
    prior, _ = PRIORS[name]
    numbers = [float(a) for a in prior.args]

    def value(*args):
        rest = list(args)
        return prior.terms(Y, rest.pop(prior.location), *rest)[0]

    rest = numbers.copy()
    loc = rest.pop(prior.location)
    _, _, by_loc, by_scales = prior.terms(Y, loc, *rest)
    slopes = list(by_scales)
    slopes.insert(prior.location, by_loc)
    for k, slope in enumerate(slopes):

        def along(v, k=k):
            return value(*numbers[:k], v, *numbers[k + 1 :])

        wanted = differences(along, numbers[k])
        np.testing.assert_allclose(np.broadcast_to(slope, Y.shape), wanted, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "name", ["Cauchy", "Gamma", "ChiSquare", "Exponential", "Rayleigh", "LogUniform"]
)
def test_families_of_priors_alone(name):
    prior, law = PRIORS[name]
    numbers = [float(a) for a in prior.args]
    loc = numbers.pop(prior.location)
    if prior.lowest == 0:
        assert prior.terms(np.array([-0.5]), loc, *numbers)[0] == [np.inf]
    drawn = prior.draw(np.random.default_rng(0), np.full(4000, loc), *numbers)
    assert st.kstest(drawn, law.cdf).pvalue > 1e-3
    x = psu.states("x")
    with pytest.raises(InvalidInputError, match=r"noise of 'x' is .*, a whole distribution"):
        psu.ODESystem({x: -x}, noise={x: prior})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: psu.Normal("s"), "takes numbers and SymPy expressions; found 's'"),
        (lambda: psu.Normal(1, 2, 3), r"takes \(scale\) as a noise model and \(loc, scale\)"),
        (lambda: psu.LogNormal(sigma=1), r"\(loc, scale\) as a prior, without names; found sigma="),
        (lambda: psu.LogNormal(float("nan")), "finite numbers"),
        (
            lambda: psu.Gamma(1),
            r"Gamma takes \(shape, scale\) as a prior, without names; found 1 arg",
        ),
        (lambda: psu.Rayleigh(-1), "the scale of Rayleigh must be positive"),
        (lambda: psu.LogUniform(0, 1), "the low of LogUniform must be positive"),
        (lambda: psu.Poisson().check_values(np.array([1.5]), "column 'n'"), "counts 0, 1, 2"),
        (lambda: psu.LogNormal(1).check_values(np.array([0.0]), "column 'c'"), "positive values"),
        (
            lambda: psu.Poisson().tail(Y, H, above=True),
            "takes no measurements that are only limits",
        ),
    ],
)
def test_wrong_arguments_are_refused(make, message):
    with pytest.raises(InvalidInputError, match=message):
        make()


@pytest.mark.parametrize(
    ("family", "loc"),
    [
        (psu.Normal(0.5), 2.0), (psu.LogNormal(0.5), 2.0), (psu.Laplace(0.5), 2.0),
        (psu.LogLaplace(0.5), 2.0), (psu.StudentT(4.0, 0.5), 2.0), (psu.Poisson(), 3.0),
        (psu.NegativeBinomial(5.0), 7.0), (psu.NegativeBinomial(0.3), 700.0),
        (psu.NegativeBinomial(50.0), 1e5), (psu.Binomial(20), 0.3),
    ],
    ids=str,
)  # fmt: skip
def test_information_is_the_mean_square_of_slopes(family, loc):
    n = 200_000
    locations, scales = np.full(n, loc), [np.full(n, float(a)) for a in family.args]
    y = family.draw(np.random.default_rng(0), locations, *scales)
    _, _, by_loc, by_scales = family.terms(y, locations, *scales)
    # how many a binomial counts out of is known
    slopes = np.array([by_loc, *(() if isinstance(family, psu.Binomial) else by_scales)])
    right = slopes @ slopes.T / n
    size = np.sqrt(np.diag(right))
    rows = family.information(np.array([loc]), *(s[:1] for s in scales))
    found = np.array([[np.ravel(v)[0] for v in row] for row in rows])[: len(size), : len(size)]
    np.testing.assert_allclose(
        found / np.outer(size, size), right / np.outer(size, size), atol=0.03
    )
