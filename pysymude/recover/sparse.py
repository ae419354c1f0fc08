# pysindy is typed in parts only
# pyright: reportIncompatibleMethodOverride=false, reportAttributeAccessIssue=false
"""Sparse regression by pysindy: which candidates a network's output is made of, and how surely."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.recover.linearised import Linear, best_subsets
from pysymude.recover.sampling import Samples

__all__ = ["METHODS", "inclusion", "sparse_supports"]

Float = NDArray[np.float64]
Support = tuple[int, ...]

METHODS = ("stlsq", "sr3")
_THRESHOLDS = np.logspace(-3.0, 0.3, 34)  # of coefficients on unit columns, for an output of size 1
_MOST = 2000  # combinations of the outputs' supports


def check_method(method: Any) -> None:
    """An error unless `method` is one of METHODS."""
    if method == "pysr":
        raise InvalidInputError(
            "method='pysr' is not offered: PySR searches in Julia packages of its own. Give the "
            "forms that it found, or that you expect, in library= as SymPy expressions"
        )
    if method not in METHODS:
        raise InvalidInputError(
            f"method= must be one of {', '.join(map(repr, METHODS))}; found {method!r}"
        )


def sparse_supports(samples: Sequence[Samples], method: str, max_terms: int) -> set[Support]:
    """Sets of candidates, numbered over all outputs, that pysindy finds over a sweep of thresholds.

    Columns and outputs are scaled to unit size; each output is a regression of its own.

    References
    ----------
    .. [1] Brunton, Proctor and Kutz, PNAS 113 (2016), 3932: STLSQ.
    .. [2] Zheng et al., A Unified Framework for Sparse Relaxed Regularized Regression: SR3, IEEE
       Access 7 (2019), 1404.
    """
    each: list[list[Support]] = []
    offset = 0
    for s in samples:
        own = _supports(s, method, max_terms)
        each.append([tuple(offset + j for j in support) for support in own])
        offset += s.features.shape[1]
    joint: list[Support] = [()]
    for supports in each:
        joint = [(*a, *b) for a in joint for b in supports if len(a) + len(b) <= max_terms][:_MOST]
    return {tuple(sorted(support)) for support in joint if support}


def _supports(s: Samples, method: str, max_terms: int) -> list[Support]:
    """The supports of one output, small ones first."""
    from pysindy.optimizers import SR3, STLSQ

    size = np.sqrt(np.mean(s.features**2, axis=0))
    whole = np.sqrt(np.mean(s.output**2))
    if not whole > 0:
        return [()]
    live = size > 0
    X, y = s.features[:, live] / size[live], s.output[:, None] / whole
    numbers = np.flatnonzero(live)
    found: set[Support] = {()}
    same = 0.0  # up to this threshold STLSQ takes the steps that it has just taken
    with warnings.catch_warnings():
        # of thresholds that leave nothing, or do not converge: the sweep expects them
        warnings.simplefilter("ignore")
        for threshold in _THRESHOLDS:
            if threshold <= same:
                continue
            optimizer: Any = (
                STLSQ(threshold=threshold, alpha=1e-5)
                if method == "stlsq"
                else SR3(reg_weight_lam=threshold**2 / 2, regularizer="l0", max_iter=300)
            )
            coefficients = optimizer.fit(X, y).coef_[0]
            found.add(tuple(int(j) for j in numbers[np.flatnonzero(coefficients)]))
            if method == "stlsq":
                kept = np.abs(optimizer.history_[1:])
                same = min(kept[kept > 0], default=np.inf)
    return sorted((f for f in found if len(f) <= max_terms), key=lambda f: (len(f), f))


def inclusion(linear: Linear, size: int, models: int, seed: int) -> Float:
    """How often each candidate is among the best `size` when the measurements are resampled.

    pysindy's bagging round the search for the best subset.

    References
    ----------
    .. [1] Fasel et al., Ensemble-SINDy, Proc. R. Soc. A 478 (2022), 20210904.
    """
    from pysindy.optimizers import BaseOptimizer, EnsembleOptimizer

    fixed = linear.nuisance.shape[1]

    class BestSubset(BaseOptimizer):
        """The best subset of the columns behind the first `fixed`, as an optimiser of pysindy's."""

        def _reduce(self, x: Any, y: Any) -> None:
            part = Linear(x[:, fixed:], x[:, :fixed], y[:, 0])
            self.coef_ = np.zeros((1, x.shape[1]))
            found = best_subsets(part, size, width=20)[size]
            if found:
                self.coef_[0, fixed + np.array(found[0][1])] = 1.0

    X = np.hstack([linear.nuisance, linear.columns])
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ensemble = EnsembleOptimizer(BestSubset(unbias=False), bagging=True, n_models=models)
            ensemble.fit(X, linear.target[:, None])
    finally:
        np.random.set_state(state)
    return np.mean([c[0, fixed:] != 0 for c in ensemble.coef_list], axis=0)
