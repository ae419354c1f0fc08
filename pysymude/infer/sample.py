"""`sample`: draws from the posterior of a fit."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import CapabilityError, InvalidInputError
from pysymude.fit.files.fit_key import fit_key
from pysymude.fit.files.save_file import differing, read, understood, write
from pysymude.fit.long_work.progress_bar import Reporter
from pysymude.fit.result.fit_result import FitResult
from pysymude.infer.chains import Chains, nuts_chain, nuts_library, walkers
from pysymude.infer.draws import inference_data
from pysymude.infer.target import NETWORKS, Target
from pysymude.model.calls import explained, whole_number

__all__ = ["sample"]

log = logging.getLogger("pysymude")

Float = NDArray[np.float64]

_KIND = "chain"


@explained
def sample(
    fit: FitResult,
    *,
    draws: int = 1000,
    chains: int = 4,
    warmup: int = 1000,
    seed: int = 0,
    method: str = "nuts",
    networks: str = "sample",
    metric: str = "dense",
    predictive: bool = True,
    checkpoint: str | PathLike[str] | None = None,
    progress: bool = True,
) -> Any:
    """Draws from the posterior of what a fit has learned.

    The density is the exact likelihood times the priors of the system; a parameter without a prior is flat
    in its natural unit, between its bounds. Noise that was nowhere given is integrated over, with the
    density 1/scale for each column. Starts are dispersed around the fit, and the sampler works in
    coordinates in which the posterior is nearly round, by the covariance at the fit.

    Parameters
    ----------
    fit : FitResult
    draws, chains, warmup : int
        Draws of each chain that are kept, and those before it that find the step size.
    seed : int
        The same seed gives the same draws.
    method : str
        ``"nuts"``: the no-U-turn sampler of nutpie. ``"ensemble"``: emcee's walkers, each a chain (at least
        twice as many as numbers, so more than `chains`), a cross-check for up to ten numbers.
    networks : str
        What becomes of their weights. ``"sample"``: they are drawn, too; they need priors, or weight decay in the
        fit. ``"laplace"``: they are integrated over, in the normal approximation at the fit, where they follow
        the parameters linearly; drawn afterwards. ``"hold"``: they keep their values.
    metric : str
        ``"dense"``: the coordinates in which the covariance at the fit is the unit matrix, with a scale for each
        that warm-up finds. ``"low rank"``: warm-up finds correlations among these, too.
    predictive : bool
        Whether likelihoods and further measurements are computed for each draw: a solve each.
    checkpoint : path, optional
        A folder in which each chain is kept when it is done; the same call goes on from there.
    progress : bool
        Show what is being done, on a terminal or in a notebook.

    Returns
    -------
    arviz.InferenceData
        ``.posterior["k"]`` of shape (chains, draws) in natural units; weights of networks by slots such as
        ``"nn.W1"``. ``.sample_stats``; ``.posterior.attrs["warnings"]`` says what is wrong, if anything.
        ``.log_likelihood["measured"]`` has an entry for each measurement, as has
        ``.posterior_predictive["measured"]``, a measurement drawn again; ``.observed_data``, and
        ``.constant_data`` with their time, column and experiment.

    Raises
    ------
    InvalidInputError
        A network without priors, a loss that is no density, a number that is none.
    MissingPackageError
        nutpie or emcee is not installed: ``pip install 'pysymude[infer]'``.
    """
    if not isinstance(fit, FitResult):
        raise InvalidInputError(f"sample takes a FitResult first; found {type(fit).__name__}")
    for what, value, least in (("draws", draws, 1), ("chains", chains, 1), ("warmup", warmup, 10)):
        whole_number(value, what=what, least=least)
    whole_number(seed, what="seed")
    if method not in ("nuts", "ensemble"):
        raise InvalidInputError(f"method must be 'nuts' or 'ensemble'; found {method!r}")
    if method == "nuts" and fit.engine != "native":
        raise CapabilityError(
            f"nutpie runs chains on threads, which engine {fit.engine!r} does not allow; fit with "
            "engine='native', or load the fit on it: FitResult.load(path, engine='native')",
            engine=fit.engine,
            capability="threads",
        )
    if networks not in NETWORKS:
        raise InvalidInputError(
            f"networks must be 'sample', 'laplace' or 'hold'; found {networks!r}"
        )
    if metric not in ("dense", "low rank"):
        raise InvalidInputError(f"metric must be 'dense' or 'low rank'; found {metric!r}")
    target = Target(fit, networks)
    if method == "ensemble":
        found = walkers(target, draws, warmup, seed, chains, progress)
    else:
        found = _nuts(target, draws, chains, warmup, seed, metric, checkpoint, progress)
    return inference_data(target, found, seed, predictive)


def _nuts(
    target: Target,
    draws: int,
    chains: int,
    warmup: int,
    seed: int,
    metric: str,
    checkpoint: str | PathLike[str] | None,
    progress: bool,
) -> Chains:
    """All chains, on as many threads as there are cores."""
    seeds = np.random.SeedSequence(seed).generate_state(chains).tolist()
    key = _key(target, draws, warmup, seed, metric)
    # before threads ask for them
    _ = nuts_library(), target.spread, target(np.zeros(target.size))
    what = f"chains of {warmup} + {draws} draws"
    with Reporter(progress, chains, what) as reporter:

        def one(k: int) -> Chains:
            path = None if checkpoint is None else Path(checkpoint) / f"chain{k}.npz"
            found = _kept(
                path, key, lambda: nuts_chain(target, draws, warmup, int(seeds[k]), metric)
            )
            reporter.advance(what)
            return found

        if checkpoint is not None:
            Path(checkpoint).mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(min(chains, os.cpu_count() or 1)) as pool:
            parts = list(pool.map(one, range(chains)))
    names = parts[0].statistics
    return Chains(
        np.concatenate([part.y for part in parts]),
        {n: np.concatenate([part.statistics[n] for part in parts]) for n in names},
    )


def _key(target: Target, draws: int, warmup: int, seed: int, metric: str) -> dict[str, str]:
    fit, obj = target.fit, target.fit.objective
    return fit_key(
        {
            "fit": fit.theta,
            "data": fit.data.fingerprint,
            "system": (obj.plan.fingerprint, *obj.plan.default_parameters),
            "priors": sorted((n, repr(p)) for n, p in obj.system.priors.items()),
            "draws": (draws, warmup),
            "seed": seed,
            "networks": (target.networks, fit.weight_decay),
            "metric": metric,
        }
    )


def _kept(path: Path | None, key: dict[str, str], make: Callable[[], Chains]) -> Chains:
    """A chain from its file, or made and written there."""
    if path is not None and path.exists():
        meta, arrays = read(path, _KIND)
        if different := differing(path, _KIND, meta, key):
            raise InvalidInputError(
                f"the chain in {path} belongs to another call: {different} differ. Choose another "
                "checkpoint= folder"
            )
        with understood(path, _KIND):
            y = arrays.pop("y")
            return Chains(
                y, {k: v.astype(bool) if k == "diverging" else v for k, v in arrays.items()}
            )
    found = make()
    if path is not None:
        arrays = {k: v.astype(np.float64) for k, v in found.statistics.items()}
        write(path, _KIND, {"key": key}, {"y": found.y, **arrays})
    return found
