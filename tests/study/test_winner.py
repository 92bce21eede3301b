"""Which trial wins: the best mean on shared fresh seeds, whatever one seed of its own gave."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from objectives import Monitor
from sweeps.study.elimination import Noise
from sweeps.study.ended import Ended, ranked
from sweeps.study.options import STRIDE
from sweeps.study.ties import tied, verdict
from sweeps.study.winner import Standing, standings

LOSS = Monitor("val_loss", "min")


def trial(number: int, value: float | None) -> Ended:
    role = "baseline" if number == 0 else "trial"
    return Ended(number, role, {}, number, "complete" if value else "pruned", value, 1, 1, 0.1)


def told(values: dict[int, list[float | None]]) -> dict[str, Any]:
    """Return what the repeats reached; None for one that diverged."""
    return {
        str(number * STRIDE + seed): {"value": value}
        | ({} if value is None else {"test": {"test_loss": value}})
        for number, of in values.items()
        for seed, value in enumerate(of)
    }


def order(
    trials: list[Ended], known: dict[str, Any], wanted: int = 5, monitor: Monitor = LOSS
) -> Any:
    return [one.trial.number for one in standings(trials, known, monitor, wanted)]


TRIALS = [trial(n, v) for n, v in ((0, 0.3), (7, 0.17), (28, 0.18), (44, 0.12), (50, None))]


def test_a_lucky_seed_does_not_win() -> None:
    known = told(
        {0: [0.3] * 5, 7: [0.16] * 5, 28: [0.167] * 5, 44: [0.173, 0.18, 0.19, 0.18, 0.18]}
    )
    assert ranked(TRIALS, LOSS)[0].number == 44
    assert order(TRIALS, known) == [7, 28, 44, 0]
    assert order(TRIALS, known, monitor=Monitor("val_loss", "max")) == [0, 44, 28, 7]
    assert order(TRIALS, {}) == []


def test_trials_are_compared_on_the_seeds_that_they_share() -> None:
    """Two more seeds that are easy, or hard, for everybody change nothing."""
    known = told({7: [0.2, 0.2, 0.1, 0.1, 0.1], 28: [0.19, 0.19]})
    assert order(TRIALS, known, wanted=2) == [28, 7]
    (first, second) = standings(TRIALS, known, LOSS, 2)
    assert first.shared == second.shared == {0, 1}
    assert math.isclose(second.mean, 0.2)


def test_who_has_fewer_seeds_than_wanted_cannot_win_yet() -> None:
    under_way = told({7: [0.16] * 5, 28: [0.1, 0.1]})
    assert order(TRIALS, under_way) == [7, 28]
    first_round = told({7: [0.16, 0.16], 28: [0.1]})  # nobody is done: one seed apart is level
    assert order(TRIALS, first_round) == [28, 7]


def test_one_that_diverges_on_fresh_seeds_comes_after_those_that_do_not() -> None:
    known = told({7: [0.01, None, 0.01, 0.01, 0.01], 28: [0.2] * 5, 44: [None] * 5})
    assert order(TRIALS, known) == [28, 7]
    assert [len(one.failed) for one in standings(TRIALS, known, LOSS, 5)] == [0, 1]


@given(
    st.dictionaries(
        st.sampled_from([0, 7, 28, 44]),
        st.lists(st.floats(0.01, 9.0), min_size=3, max_size=3),
        min_size=1,
    )
)
def test_the_winner_has_the_least_mean_of_all_that_are_confirmed(
    values: dict[int, list[float]],
) -> None:
    found = standings(TRIALS, told({n: list(of) for n, of in values.items()}), LOSS, 3)
    means = {n: math.fsum(of) / 3 for n, of in values.items()}
    assert {one.trial.number for one in found} == set(values)
    assert means[found[0].trial.number] == min(means.values())
    assert all(one.spread is not None and one.spread >= 0.0 for one in found)


def test_one_that_was_left_out_cannot_win_by_two_lucky_seeds() -> None:
    known = told({0: [0.3] * 4, 7: [0.16, 0.17, 0.18, 0.19], 28: [0.165, 0.167], 44: [0.14, 0.14]})
    found = standings(TRIALS, known, LOSS, 5, [7, 0])
    assert [one.trial.number for one in found][:2] == [7, 0]
    assert [one.out for one in found] == [False, False, True, True]
    assert [len(one.values) for one in found] == [4, 4, 2, 2]
    assert found[0].shared == {0, 1, 2, 3}
    under_way = told({0: [0.3] * 2, 7: [0.16, 0.17, 0.9], 28: [0.17, 0.18]})
    assert standings(TRIALS, under_way, LOSS, 5, [7, 28, 0])[0].mean == 0.165


def test_two_pairs_that_happen_to_agree_are_not_real_where_seeds_differ_by_more() -> None:
    def standing(number: int, *values: float) -> Standing:
        scores = {
            seed: {"val_loss": v, "test_loss": 0.1 * number} for seed, v in enumerate(values)
        }
        return Standing(trial(number, 0.5), "val_loss", scores, shared=frozenset(scores))

    best, far = standing(1, 0.50, 0.58), standing(3, 1.90, 2.02)
    near, other = standing(2, 0.53, 0.56), standing(4, 0.70, 0.55)
    noise = Noise.of({one.trial.number: one.reached for one in (best, near, far, other)})
    for baseline, word in ((near, "undecided"), (far, "real")):
        level = tied(best, baseline, "val_loss", noise)
        found = verdict(best, baseline, "test_loss", level)
        assert found is not None
        assert found.word == word
