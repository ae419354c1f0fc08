"""Chains: one with NUTS, or an ensemble of walkers, by libraries that are well kept."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.long_work.progress_bar import Reporter
from pysymude.infer.target import Target
from pysymude.solving.tabular import package

__all__ = ["Chains", "nuts_chain", "nuts_library", "walkers"]

Float = NDArray[np.float64]

_ACCEPTED = 0.9  # of steps: shorter ones than by default seldom diverge
_STATISTICS = ("diverging", "n_steps", "depth", "logp", "step_size", "energy")


@dataclass(frozen=True, eq=False)
class Chains:
    """Draws of y, (chains, draws, size), and what is known of each, (chains, draws)."""

    y: Float
    statistics: dict[str, NDArray[Any]]


class _NowhereError(ValueError):
    """A point without density; the sampler takes it for the end of a trajectory."""

    is_recoverable = True


def nuts_chain(target: Target, draws: int, warmup: int, seed: int, metric: str = "dense") -> Chains:
    """One chain of the no-U-turn sampler; the same seed gives the same draws.

    References
    ----------
    .. [1] Hoffman and Gelman, The No-U-Turn Sampler, J. Mach. Learn. Res. 15 (2014), 1593.
    .. [2] Seyboldt, Carlson and Carpenter, Preconditioning Hamiltonian Monte Carlo by minimizing Fisher
       divergence, arXiv:2603.18845.
    """
    nutpie, from_pyfunc = nuts_library()

    def density(y: Float) -> tuple[float, Float]:
        value, slopes = target(np.array(y))
        if not np.isfinite(value):
            raise _NowhereError("no density")
        return value, slopes

    model = from_pyfunc(
        target.size, lambda: density, lambda *_: lambda y: {"y": np.array(y)},
        [np.dtype("float64")], [(target.size,)], ["y"],
        make_initial_point_fn=lambda _: _begin(target, seed),
    )  # fmt: skip
    found = nutpie.sample(
        model, draws=draws, tune=warmup, chains=1, cores=1, seed=seed, target_accept=_ACCEPTED,
        progress_bar=False, low_rank_modified_mass_matrix=metric == "low rank",
    )  # fmt: skip
    known = {
        name: np.asarray(found.sample_stats[name].values)
        for name in _STATISTICS
        if name in found.sample_stats
    }
    return Chains(np.asarray(found.posterior["y"].values, dtype=np.float64), known)


def nuts_library() -> tuple[Any, Any]:
    """The sampler, and what makes a model for it; to be asked for once before threads are."""
    if (there := sys.modules.get("nutpie")) and "nutpie.compiled_pyfunc" in sys.modules:
        return there, sys.modules["nutpie.compiled_pyfunc"].from_pyfunc
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the library's own libraries will change
        nutpie = package("nutpie", "psu.sample")
        return nutpie, package("nutpie.compiled_pyfunc", "psu.sample").from_pyfunc


def _begin(target: Target, seed: int) -> Float:
    """A start that is farther out than most of the posterior, and has a density."""
    rng = np.random.default_rng([seed, *b"start"])
    for width in (1.5, 1.0, 0.5, 0.1, 0.01, 0.0):
        y = width * rng.normal(size=target.size)
        if np.isfinite(target(y)[0]):
            return y
    raise InvalidInputError("the posterior has no density at the fit itself")


def walkers(
    target: Target, draws: int, warmup: int, seed: int, count: int, progress: bool
) -> Chains:
    """An ensemble of walkers, each of which is a chain here.

    References
    ----------
    .. [1] Goodman and Weare, Ensemble samplers with affine invariance, Comm. Appl. Math. Comput. Sci. 5
       (2010), 65.
    """
    emcee = package("emcee", "psu.sample(method='ensemble')")
    count = max(2 * (target.size + 1), count + count % 2)
    rng = np.random.default_rng([seed, *b"walkers"])
    start = 0.5 * rng.normal(size=(count, target.size))
    for k in range(count):
        while not np.isfinite(target.value(start[k])):
            start[k] *= 0.5
    sampler = emcee.EnsembleSampler(count, target.size, lambda y: _or_minus_infinity(target, y))
    sampler.random_state = np.random.RandomState(seed).get_state()
    with Reporter(progress, warmup + draws, "warm-up of the walkers") as reporter:
        state: Any = start
        for what, steps in (("warm-up of the walkers", warmup), ("steps of the walkers", draws)):
            sampler.reset()
            for now in sampler.sample(state, iterations=steps):
                reporter.advance(what)
                state = now
    y = np.transpose(sampler.get_chain(), (1, 0, 2))
    return Chains(np.ascontiguousarray(y), {"logp": sampler.get_log_prob().T.copy()})


def _or_minus_infinity(target: Target, y: Float) -> float:
    value = target.value(y)
    return value if np.isfinite(value) else -np.inf
