"""Calls that were answered badly once, or not at all: each has a message that says what to write instead."""

from __future__ import annotations

import numpy as np
import pytest

import pysymude as psu
from pysymude.engines.adopted import AdoptedSolver
from pysymude.errors import InvalidInputError, WrongCallError
from pysymude.model.calls import explained
from pysymude.solving.choice import choose_method
from pysymude.solving.control import Control

x, y = psu.states("x y")
k, a = psu.parameters("k a")
KNOWN = psu.ODESystem({x: -k * x, y: x - y}, parameters={k: 1.0})
OPEN = psu.ODESystem({x: -k * x, y: x - y}, trainable={k: 1.0})
T = [0.0, 1.0, 2.0]
U = np.array([[1.0, 0.5], [0.5, 0.4], [0.2, 0.3]])
DATA = psu.Dataset.from_arrays(T, U, states=[x, y], u0=[1.0, 0.5])
OBJECTIVE = psu.objective(OPEN, DATA, engine="native")


def solve(**changes):
    return psu.solve(KNOWN, **({"u0": [1.0, 1.0], "t": T, "engine": "native"} | changes))


def fit(**changes):
    return psu.fit(
        OPEN, DATA, **({"stages": psu.LBFGS(1), "progress": False, "engine": "native"} | changes)
    )


def trajectory(u=U, **changes):
    return psu.Trajectory.from_arrays(T, u, **({"states": [x, y]} | changes))


def decay(**changes):
    return psu.ODESystem({x: -k * x}, **changes)


CALLS = {
    "events is no list": (
        lambda: solve(events=3),
        "events= takes psu.Event(expr, ...) objects in a list; found 3",
    ),
    "events is text": (lambda: solve(events="x"), "objects in a list; found 'x'"),
    "an event that is none": (
        lambda: solve(events=[x]),
        "events must hold psu.Event(expr, ...) only; found Symbol",
    ),
    "seed as text": (lambda: fit(seed="a"), "seed must be a whole number, 0 or more; found 'a'"),
    "negative seed": (lambda: fit(seed=-1), "seed must be a whole number, 0 or more; found -1"),
    "a part of a seed": (
        lambda: fit(seed=1.7),
        "seed must be a whole number, 0 or more; found 1.7",
    ),
    "seed that is a choice": (
        lambda: fit(seed=True),
        "seed must be a whole number, 0 or more; found True",
    ),
    "seed of a start": (
        lambda: OBJECTIVE.theta0("a"),
        "seed must be a whole number, 0 or more; found 'a'",
    ),
    "seed of a network": (
        lambda: psu.MLP("nn", inputs=[x], outputs=1, hidden=2).initial_weights(0.5),
        "seed must be a whole number",
    ),
    "checkpoints never": (
        lambda: fit(checkpoint_every=0),
        "checkpoint_every must be a whole number, 1 or more; found 0",
    ),
    "no patience": (
        lambda: fit(patience=-1),
        "patience must be a whole number, 1 or more; found -1",
    ),
    "resample as text": (
        lambda: fit(resample="a"),
        "resample must be a whole number, 0 or more; found 'a'",
    ),
    "callback that cannot be called": (
        lambda: fit(callback=3),
        "callback is a function of one Step; found 3",
    ),
    "theta as text": (
        lambda: OBJECTIVE.value("a"),
        "theta must be an array of numbers; found dtype <U1",
    ),
    "theta as a mapping": (
        lambda: OBJECTIVE.value({"k": 1.0}),
        "theta must be an array of numbers",
    ),
    "theta0 as text": (lambda: fit(theta0="a"), "theta0 must be an array of numbers"),
    "no jobs": (
        lambda: psu.fit_ensemble(OPEN, DATA, 2, jobs=0),
        "jobs is how many processes, -1 for one a core, or None; found 0",
    ),
    "jobs as text": (
        lambda: psu.fit_ensemble(OPEN, DATA, 2, jobs="a"),
        "jobs is how many processes",
    ),
    "epochs of an ensemble": (
        lambda: psu.fit_ensemble(OPEN, DATA, 2, epochs=3),
        "fit_ensemble has no epochs=; stages=[",
    ),
    "noise of another shape": (
        lambda: trajectory(noise=np.ones((6, 1))),
        "or an array of the shape of u, (3, 2)",
    ),
    "noise for another number of times": (
        lambda: trajectory(noise={x: [1, 2], y: 1}),
        "one for each of the 3 times; found shape (2,)",
    ),
    "a state as a parameter": (
        lambda: solve(parameters={x: 1.0}),
        "parameters= names 'x', which is a state; its start belongs to u0=",
    ),
    "a bound that is no number": (
        lambda: decay(trainable={k: 1.0}, bounds={k: (float("nan"), 2)}),
        "bounds[k] must have low < high; found (nan, 2)",
    ),
    "rtol": (lambda: solve(rtol=1e-3), "solve has no rtol=; write reltol="),
    "atol": (lambda: solve(atol=1e-3), "solve has no atol=; write abstol="),
    "method": (lambda: solve(method="RK45"), "solve has no method=; write solver="),
    "t_eval": (lambda: psu.solve(KNOWN, u0=[1, 1], t_eval=T), "solve has no t_eval=; write t="),
    "a slip of the pen": (
        lambda: solve(paramters={k: 1.0}),
        "solve has no paramters=; did you mean parameters?",
    ),
    "epochs": (
        lambda: fit(epochs=3),
        "fit has no epochs=; stages=[psu.Adam(300), psu.LBFGS(500)] says",
    ),
    "u0 of a fit": (lambda: fit(u0=[1, 1]), "fit has no u0=; initial values stand with the data"),
    "noise of a fit": (lambda: fit(noise=0.1), "fit has no noise=; it stands with the data"),
    "lr of Adam": (lambda: psu.Adam(lr=0.1), "Adam has no lr=; write learning_rate="),
    "maxiter of L-BFGS": (lambda: psu.LBFGS(maxiter=3), "LBFGS has no maxiter=; write iterations="),
    "no initial state": (
        lambda: psu.solve(KNOWN, t=T),
        "u0 is missing: give a value for each of x, y",
    ),
    "no times": (
        lambda: psu.solve(KNOWN, u0=[1, 1]),
        "solve needs t=np.linspace(0, 10, 101), the times",
    ),
    "no data": (lambda: psu.fit(OPEN), "fit needs data, a psu.Dataset such as"),
    "no widths": (
        lambda: psu.MLP("nn", inputs=[x], outputs=1),
        "MLP needs hidden=(8, 8), the widths",
    ),
    "no widths of a neural ODE": (lambda: psu.neural_ode([x, y]), "neural_ode needs hidden=(8, 8)"),
    "no states": (
        lambda: psu.Dataset.from_arrays(T, U),
        "Dataset.from_arrays needs states=['x', 'y'], what the columns",
    ),
    "no states of a trajectory": (
        lambda: psu.Trajectory.from_arrays(T, U),
        "Trajectory.from_arrays needs states=",
    ),
    "by place": (
        lambda: psu.solve(KNOWN, [1, 1], T),
        "solve takes system by place and the rest by name; write ",
    ),
    "a number as text": (
        lambda: decay(parameters={k: "1.5"}),
        "parameters[k] must be a number; found '1.5' (str)",
    ),
    "a choice as a number": (
        lambda: decay(parameters={k: True}),
        "parameters[k] must be a number; found True",
    ),
    "a start as text": (
        lambda: decay(trainable={k: "1.5"}),
        "trainable[k] must be a number; found '1.5'",
    ),
    "numbers as text in an array": (
        lambda: trajectory(np.array([["1", "2"], ["3", "4"], [5, 6]], dtype=object)),
        "found '1' among numbers",
    ),
    "choices in an array": (
        lambda: trajectory(np.array([[1, True], [3, 4], [5, 6]], dtype=object)),
        "found True among numbers",
    ),
    "noise by the name of SciPy": (
        lambda: fit(sigma=0.1),
        "fit has no sigma=; it stands with the data: psu.Dataset.from_arrays(..., noise=0.1)",
    ),
    "starts by the name of lmfit": (
        lambda: fit(params={k: 1.0}),
        "fit has no params=; write theta0=",
    ),
    "a method of fitting": (lambda: fit(method="leastsq"), "fit has no method=; write stages="),
    "bounds of a fit": (
        lambda: fit(bounds={k: (0, 1)}),
        "fit has no bounds=; bounds stand with the system: psu.ODESystem(...",
    ),
    "a signal that is not called": (
        lambda: psu.ODESystem({x: psu.Signal("q")}),
        "found Signal('q', 'linear') of type Signal: write q(psu.t)",
    ),
    "values by name where a vector is wanted": (
        lambda: OBJECTIVE.value({"k": 1.0}),
        "theta must be an array of numbers; found a mapping: `.layout.pack(values)` makes one",
    ),
    "a file that is a number": (
        lambda: psu.Dataset.from_csv(3),
        "from_csv takes the path of a file; found int",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_wrong_calls_are_answered(name):
    call, message = CALLS[name]
    with pytest.raises(InvalidInputError) as caught:
        call()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_call_is_a_type_error_too():
    with pytest.raises(TypeError, match="write reltol="):
        solve(rtol=1e-3)
    with pytest.raises(WrongCallError):
        psu.MLP("nn", inputs=[x], outputs=1)


def test_an_error_inside_of_a_function_stays_what_it_is():
    def fails(step):
        raise TypeError("mine")

    with pytest.raises(TypeError, match=r"^mine$"):
        fit(callback=fails)


def test_a_single_event_is_a_list_of_one():
    sol = solve(u0=[1.0, 0.0], events=psu.Event(x - 0.5, name="half"))
    assert sol.events["half"].t == pytest.approx([np.log(2)], rel=1e-5)


def test_numbers_as_objects_are_numbers():
    found = trajectory(
        np.array([[1, 2.5], [None, np.float32(0.5)], [np.int8(3), np.nan]], dtype=object)
    )
    np.testing.assert_array_equal(found.u, [[1, 2.5], [np.nan, 0.5], [3, np.nan]])


def test_arrays_of_jax_that_lost_their_digits_are_refused():
    jax = pytest.importorskip("jax")
    with pytest.raises(InvalidInputError, match=r"float32 array of JAX.*set jax_enable_x64"):
        trajectory(jax.numpy.asarray(U, dtype="float32"))
    np.testing.assert_array_equal(trajectory(U.astype(np.float32)).u, U.astype(np.float32))


def test_a_solver_that_was_adopted_is_taken_by_its_name_again():
    def chosen(name):
        loss = OBJECTIVE.loss
        return choose_method(
            OBJECTIVE.runner,
            OBJECTIVE.plan,
            loss.batch,
            np.zeros(1),
            solver=name,
            control=Control(),
        )

    kept = chosen(AdoptedSolver("FBDF()")).keywords["solver"]
    assert chosen(kept).solver == "FBDF()"
    with pytest.raises(InvalidInputError, match=r"solver 'FBDF\(\)' is unknown"):
        chosen("FBDF()")


def test_inherited_methods_have_the_name_of_the_object_s_class():
    class Above:
        @explained
        def draw(self, folder):
            return folder

    class Below(Above):
        pass

    with pytest.raises(WrongCallError, match=r"Below\.draw needs folder="):
        Below().draw()
    with pytest.raises(WrongCallError, match=r"Below\.draw has no place="):
        Below().draw(place=1)
