"""What users of other libraries write, at every public door: an error with the right name."""

from __future__ import annotations

import inspect

import pytest

import pysymude as psu
from pysymude import plot
from pysymude.errors import PySymUDEError, WrongCallError
from pysymude.fit.result.fitted_laws import FittedLaws
from pysymude.model.calls import _ELSEWHERE, _HINTS

x, k = psu.states("x"), psu.parameters("k")
SYSTEM = psu.ODESystem({x: -k * x}, trainable={k: 1.0})
DATA = psu.Dataset.from_arrays([0.0, 1.0, 2.0], [1.0, 0.5, 0.2], states=[x])

MADE_BY_USERS = [
    psu.Adam,
    psu.Dataset,
    psu.Event,
    psu.GradientMatching,
    psu.LBFGS,
    psu.LawMatching,
    psu.MLP,
    psu.MultipleShooting,
    psu.ODESystem,
    psu.Period,
    psu.Signal,
]
METHODS = {
    psu.Dataset: ("from_arrays", "from_csv", "from_dataframe", "split_tail"),
    psu.Trajectory: ("from_arrays",),
    psu.ODESystem: ("from_sbml", "from_toml", "to_toml"),
    psu.FitResult: (
        "predict", "u0", "unknown_term", "network", "law_values", "drift", "relative_drift",
        "confidence_intervals", "report", "save", "load",
    ),
    FittedLaws: ("adjoint_drift",),
    psu.LawSet: ("save", "load"),
    psu.Objective: ("value", "value_and_grad", "evaluate", "log_likelihood", "log_posterior"),
    psu.Profile: ("interval", "plot"),
    psu.Simulator: ("vjp", "jvp"),
}  # fmt: skip
NEEDED = {
    # keywords beside these go elsewhere, which is asked once the rest is whole
    "fit_ensemble": (SYSTEM, DATA, 1),
    "multistart": (SYSTEM, DATA),
}
# states and parameters stand below what explains calls; their arguments have no other names elsewhere
NO_DOOR = {"states", "parameters", "engines"}


def doors():
    """Name, what is called, and what it is given, of every public door."""
    for owner in (psu, plot):
        for name in owner.__all__:
            thing = getattr(owner, name)
            if inspect.isfunction(thing) and name not in NO_DOOR:
                yield name, thing, NEEDED.get(name, ())
    for kind in MADE_BY_USERS:
        yield kind.__name__, kind, ()
    for kind, names in METHODS.items():
        for name in names:
            thing = getattr(kind, name)
            bound = inspect.ismethod(thing)
            yield f"{kind.__name__}.{name}", thing, () if bound else (None,)


DOORS = {name: (thing, given) for name, thing, given in doors()}


def known(thing):
    return [*inspect.signature(thing).parameters]


def test_every_public_function_is_a_door():
    public = {n for n in psu.__all__ if inspect.isfunction(getattr(psu, n))} - NO_DOOR
    assert public | set(plot.__all__) <= set(DOORS)
    assert len(DOORS) > 60


@pytest.mark.parametrize("door", DOORS)
def test_habits_are_answered_with_the_right_name(door):
    thing, given = DOORS[door]
    names = known(thing)
    if door in NEEDED:
        names = [*names, *known(psu.fit)]
    wrong = []
    for habit in {**_ELSEWHERE, **_HINTS}:
        if habit in names:
            continue
        right = [name for name in _ELSEWHERE.get(habit, "").split() if name in names]
        expected = f"has no {habit}=; write {right[0]}=" if right else f"has no {habit}="
        try:
            thing(*given, **{habit: 1})
        except WrongCallError as error:
            if expected not in str(error):
                wrong.append((habit, expected, str(error)))
        except (TypeError, PySymUDEError) as error:
            wrong.append((habit, expected, repr(error)))
        else:
            wrong.append((habit, expected, "no error"))
    assert not wrong


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: psu.solve(SYSTEM, y0=[1.0]), "solve has no y0=; write u0="),
        (lambda: psu.solve(SYSTEM, t_span=(0, 1)), "solve has no t_span=; write t="),
        (lambda: psu.solve(SYSTEM, method="BDF"), "solve has no method=; write solver="),
        (lambda: psu.solve(SYSTEM, maxiters=10), "solve has no maxiters=; write max_steps="),
        (lambda: psu.solve(SYSTEM, max_step=0.1), "solve has no max_step=; write dtmax="),
        (lambda: psu.solve(SYSTEM, jac=len), "solve has no jac=; derivatives are exact"),
        (lambda: psu.fit(SYSTEM, DATA, rtol=1e-3), "fit has no rtol=; write reltol="),
        (lambda: psu.fit(SYSTEM, DATA, lr=1e-3), "fit has no lr=; write stages=psu.Adam(300, "),
        (lambda: psu.fit(SYSTEM, DATA, verbose=True), "fit has no verbose=; write progress="),
        (lambda: psu.Adam(lr=1e-3), "Adam has no lr=; write learning_rate="),
        (lambda: psu.LBFGS(maxiter=10), "LBFGS has no maxiter=; write iterations="),
        (lambda: psu.multistart(SYSTEM, DATA, n_jobs=2), "multistart has no n_jobs=; write jobs="),
        (lambda: psu.fit_ensemble(SYSTEM, DATA, 2, n_jobs=2), "no n_jobs=; write jobs="),
        (lambda: psu.sample(None, tune=10), "sample has no tune=; write warmup="),
        (lambda: psu.MLP("nn", layers=(4,)), "MLP has no layers=; write hidden="),
    ],
)
def test_examples(call, message):
    with pytest.raises(WrongCallError) as caught:
        call()
    assert message in str(caught.value)
