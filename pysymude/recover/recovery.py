"""`recover`: from a trained network back to SymPy terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp

from pysymude.errors import CapabilityError, InvalidInputError
from pysymude.fit.long_work.progress_bar import Reporter
from pysymude.fit.result.fit_result import FitResult
from pysymude.model.calls import explained
from pysymude.model.network import MLP, NetworkOutput
from pysymude.plan.compiled import compile_system
from pysymude.plan.numeric import NumericModel
from pysymude.recover.blended import Blended, tight
from pysymude.recover.front import FrontRow, check_criterion, pareto
from pysymude.recover.learned import learned_outputs
from pysymude.recover.learned_starts import with_learned_starts
from pysymude.recover.library import Candidates, candidates
from pysymude.recover.model_search import STRONG, Model, Search
from pysymude.recover.recovered import Coefficient, Curve, Recovered
from pysymude.recover.refit import refitted, split
from pysymude.recover.sampling import sample
from pysymude.recover.sparse import check_method, inclusion, sparse_supports

__all__ = ["recover"]

_WORSE = 2.0  # times the network's error: the library does not express what the network learned


@explained
def recover(
    fit: FitResult,
    *,
    library: Any = "poly3",
    method: str = "stlsq",
    criterion: str = "ebic",
    max_terms: int = 8,
    box: Mapping[Any, Any] | None = None,
    learn_u0: bool = True,
    resamples: int = 50,
    seed: int = 0,
    progress: bool = True,
) -> Recovered:
    """Sparse combinations of candidate functions in place of the networks of a fit.

    Candidate models come from sparse regression on the networks' outputs (pysindy), and from a search
    of best subsets on the residuals of the data, linearised in all coefficients at once. Each is then
    refitted *through the ODE* on the original data, and only these refits are compared: the smallest
    model is taken whose criterion is within 6 of the least, so that a further term needs strong evidence.

    Parameters
    ----------
    fit : FitResult
        Of a system with networks.
    library : str, SymPy expression, sequence of them, or mapping from network to such
        The candidates: ``"poly3"`` is all monomials of the network's inputs up to degree 3 with the
        constant; ``"sin"``, ``"cos"``, ``"exp"``, ``"log"``, ``"tanh"`` of each input; ``"trig"`` sine
        and cosine; expressions stand for themselves. ``["poly5", "sin"]`` joins several.
    method : str
        pysindy's optimiser for the regression on the networks: ``"stlsq"`` or ``"sr3"``.
    criterion : str
        What chooses from the front, by loss on the data: ``"ebic"``, ``"bic"`` or ``"aicc"``; see
        `pysymude.recover.front.criterion_value`.
    max_terms : int
        Most terms of a model, over all outputs.
    box : mapping from state to (low, high), optional
        The networks are sampled there too. No measurement may have informed them there.
    learn_u0 : bool
        Whether initial states that were only read off the first measurement are learned in every
        sparse model: otherwise terms are needed that make up for the error of that reading.
    resamples : int
        Bootstrap resamples of the measurements, for the inclusion of each term.
    seed : int
        Of the resamples and of the points in the box.
    progress : bool
        Show what is being done, on a terminal or in a notebook.

    Returns
    -------
    Recovered
        Also where the library cannot express the network; then `Recovered.warnings` says so.

    Raises
    ------
    InvalidInputError
        No network, a failed fit, or a candidate that does not fit; the message says what would.

    Notes
    -----
    Noise scales count as relative: standard errors use the size of the residuals. Trainable
    parameters and initial states are learned again in every model. The search is as good as the fit:
    it linearises the solution at the trained networks first, and then at the best sparse model.

    References
    ----------
    .. [1] Rackauckas et al., Universal Differential Equations for Scientific Machine Learning,
       arXiv:2001.04385, sec. 3.1.

    Examples
    --------
    >>> import numpy as np, pysymude as psu
    >>> x, t = psu.states("x", positive=True), np.linspace(0.0, 4.0, 17)
    >>> nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=4)
    >>> data = psu.Dataset.from_arrays(t, 2 / (1 + 9*np.exp(-1.5*t)), states=[x])
    >>> ude, stages = psu.ODESystem({x: 1.5*x + nn[0]}), psu.LBFGS(60)
    >>> fit = psu.fit(ude, data, stages=stages, engine="native", progress=False)
    >>> psu.recover(fit, library="poly4").rounded().expr
    -3*x**2/4
    """
    _check(fit, max_terms, resamples)
    check_method(method)
    check_criterion(criterion)
    outputs = candidates(fit.system, library)
    fit = with_learned_starts(fit) if learn_u0 else fit
    samples = sample(fit, outputs, box, seed)
    # nobody knows how many models are worth a refit
    with Reporter(progress, None, "linearising at the networks") as reporter:
        blended = Blended(fit, outputs, tight(fit))
        search = Search(blended, samples, criterion, max_terms, reporter.advance)
        reporter.begins("regression on the networks")
        linear = search.run(sparse_supports(samples, method, search.max_terms))
    best = search.best
    if not np.isfinite(best.loss):
        raise InvalidInputError(
            "recover: no combination of the candidates can be solved over the whole time span; give "
            "other candidates in library="
        )
    chosen = inclusion(linear, len(best.support), resamples, seed)
    return _result(search, best, chosen)


def _check(fit: Any, max_terms: Any, resamples: Any) -> None:
    if not isinstance(fit, FitResult):
        raise InvalidInputError(f"recover takes the result of psu.fit; found {type(fit).__name__}")
    if not fit.success:
        raise InvalidInputError(
            f"recover: the fit ended with {fit.retcode.name} ({fit.retcode.value}), so its networks "
            "have learned nothing; mend the fit first"
        )
    if fit.objective.loss.courses is not None:
        raise CapabilityError(
            "recover linearises whole trajectories, and these experiments change on the way (periods, doses, or "
            "parameters that are expressions); cut them into experiments of their own, each with its u0="
        )
    for state, start in fit.system.initial.items():
        if start.has(MLP, NetworkOutput):
            raise CapabilityError(
                f"recover looks for networks in equations, and initial= reads one for the start of {state}; fit "
                "again with that start learned by itself"
            )
    for name, value in (("max_terms", max_terms), ("resamples", resamples)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InvalidInputError(f"{name}= must be a positive whole number; found {value!r}")


def _result(search: Search, best: Model, chosen: Any) -> Recovered:
    blended = search.blended
    fit, outputs = blended.fit, blended.outputs
    refit, conserve = refitted(blended, best), fit.objective.enforced.conserve
    covariance = search.covariance(best)
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    names = [s.name for s in list(refit.system.trainable)[-len(best.support) :]]
    coefficients = tuple(
        Coefficient(
            name, out.name, term, float(refit.values[name]), float(errors[i]), float(chosen[j])
        )
        for i, (name, j, (out, term)) in enumerate(
            zip(names, best.support, split(outputs, best.support), strict=True)
        )
    )
    rows = {m.support: _row(search, m) for m in search.models.values() if np.isfinite(m.loss)}
    close = sorted(
        (m for m in search.models.values() if m is not best and _is_alternative(m, best)),
        key=lambda m: m.criterion,
    )
    curves = _curves(fit, outputs, coefficients)
    learned = len(best.support) + len(blended.nuisances)
    found = Recovered(
        refit=refit,
        coefficients=coefficients,
        outputs=tuple(o.name for o in outputs),
        front=pareto(list(rows.values())),
        alternatives=tuple(rows[m.support] for m in close),
        criterion=search.criterion,
        candidates=search.live.size,
        network_loss=search.network_loss,
        variance=(best.loss + search.floor) / max(1, blended.y.size - learned),
        distance=_distance(curves),
        warnings=(),
        curves=curves,
        imposed=tuple(fit.laws) if conserve != "report" else (),
    )
    return replace(found, warnings=tuple(_warnings(found, search, best)))


def _is_alternative(model: Model, best: Model) -> bool:
    """Whether the data hardly tell a model from the best: a larger form of it has to be preferred."""
    if set(best.support) <= set(model.support):
        return model.criterion < best.criterion
    return bool(model.support) and model.criterion < best.criterion + STRONG


def _row(search: Search, model: Model) -> FrontRow:
    forms: dict[str, list[str]] = {out.name: [] for out in search.blended.outputs}
    for j, (out, term) in zip(
        model.support, split(search.blended.outputs, model.support), strict=True
    ):
        forms[out.name].append(str(sp.Float(float(model.q[j]), 5) * term))
    texts = {name: " + ".join(parts).replace("+ -", "- ") or "0" for name, parts in forms.items()}
    error = float(np.sqrt(model.loss / search.blended.y.size))
    return FrontRow(len(model.support), texts, model.loss, error, model.criterion)


def _curves(
    fit: FitResult, outputs: tuple[Candidates, ...], coefficients: tuple[Coefficient, ...]
) -> tuple[Curve, ...]:
    """Every output along every trajectory of the fit."""
    plan, found = compile_system(fit.system), list[Curve]()
    learned = learned_outputs(fit)
    for e, trajectory in enumerate(fit.data):
        even = np.linspace(trajectory.t0, trajectory.t[-1], 201)
        t = np.union1d(even, np.concatenate([[trajectory.t0], trajectory.t]))
        solution = fit.predict(t, experiment=e)
        model = NumericModel(plan, fit.objective.loss.batch.p[e], fit.theta)
        for out in outputs:
            own = [c for c in coefficients if c.output == out.name]
            given = out.network[out.index]
            tape = plan.tape([learned.get(given, given)])
            network = model.evaluate(tape, t, solution.u)[:, 0]
            form = np.zeros(t.size)
            if own:
                terms = model.evaluate(plan.tape([c.term for c in own]), t, solution.u)
                form = terms @ np.array([c.value for c in own])
            found.append(Curve(out.name, e, t, network, form))
    return tuple(found)


def _distance(curves: tuple[Curve, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name in dict.fromkeys(c.output for c in curves):
        own = [c for c in curves if c.output == name]
        gap = sum(float(np.sum((c.form - c.network) ** 2)) for c in own)
        size = sum(float(np.sum(c.network**2)) for c in own)
        found[name] = float(np.sqrt(gap / size)) if size > 0 else float("inf")
    return found


def _warnings(found: Recovered, search: Search, best: Model) -> list[str]:
    texts: list[str] = []
    n = search.blended.y.size
    least = np.sqrt((found.network_loss + search.floor) / n)
    if found.error > _WORSE * least:
        texts.append(
            f"the library does not express what the network learned: the best sparse model leaves "
            f"{found.error:.3g} per measurement, the network {found.network_error:.3g}"
        )
    rivals = [
        m
        for m in search.models.values()
        if _is_alternative(m, best) and not set(best.support) <= set(m.support)
    ]
    if rivals:
        closest = _row(search, min(rivals, key=lambda m: m.criterion))
        form = "; ".join(f"{name} = {text}" for name, text in closest.forms.items())
        texts.append(f"the data hardly tell this form from {len(rivals)} other(s), such as {form}")
    texts += [
        f"{c.name} ({c.term} in {c.output}) is within two standard errors of zero"
        for c in found.coefficients
        if abs(c.value) < 2 * c.error
    ]
    if len(found.coefficients) == search.max_terms:
        texts.append(_limit_reached(search))
    return texts


def _limit_reached(search: Search) -> str:
    """What kept the form from having more terms: the library, `max_terms`, or the data."""
    if search.max_terms == search.live.size:
        return (
            f"the form uses all candidates that the library has ({search.max_terms}); a larger library= may "
            "hold better ones"
        )
    if search.max_terms == search.asked_terms:
        return (
            f"the form has as many terms as max_terms={search.max_terms} allows; more may be better"
        )
    return (
        f"the form has {search.max_terms} terms, and so few measurements do not determine more; more of them "
        "may change it"
    )
