"""The same laws whatever the hash seed and the budget are, where no budget ends a span."""

from problems.law_answers import QUICK, answers, differences

BUDGETS = {0: 30.0, 1: 60.0, 2: 120.0}


def test_hash_seeds_and_budgets_change_nothing():
    runs = [answers(QUICK, seed, budget) for seed, budget in BUDGETS.items()]
    for name in QUICK:
        first, *others = (run[name] for run in runs)
        assert first["laws"]
        assert all(differences(first, other) == "" for other in others)


def test_what_differs_is_seen():
    span = {
        "family": "products",
        "degree": 1,
        "candidates": 2,
        "laws": 1,
        "ended": "exhausted",
        "values": {},
    }
    one = {"laws": [["x", "0", "{}"]], "spans": [span]}
    assert differences(one, one) == ""
    assert "answers" in differences(one, {**one, "laws": [["y", "0", "{}"]]})
    # after a span that the budget ended, nothing is asked
    late = {**span, "ended": "budget", "laws": 0}
    assert (
        differences({"laws": one["laws"], "spans": [span, late]}, one | {"laws": [*one["laws"], 2]})
        == ""
    )
    assert "laws" in differences({"laws": [["y", "0", "{}"]], "spans": [span, late]}, one)
    assert "spans" in differences({**one, "spans": [{**span, "candidates": 3}, late]}, one)
