"""Who gets further seeds, on numbers: what it may cost, whom it leaves out, that it repeats."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.study.elimination import FIRST, TOP, Noise, Race, Run

BASELINE = 0


def race(many: int = 8, most: int = 5, **other: object) -> Race:
    costs = dict.fromkeys(range(many + 1), 10)
    return Race(range(1, many + 1), BASELINE, **{"epochs": costs, "most": most, **other})  # type: ignore[arg-type]


def trained(
    given_race: Race, seed: int = 0, spread: float = 1.0, noise: float = 1.0
) -> tuple[list[list[Run]], tuple[int, ...]]:
    """Return the rounds, and who is left, where a trial is better the lower its number."""
    rng = np.random.default_rng(seed)
    true = {n: spread * n for n in given_race.candidates} | {BASELINE: 99.0}
    values: dict[int, dict[int, float]] = {}
    rounds = []
    while (found := given_race.next(values)).missing:
        rounds.append(list(found.missing))
        for n, of in found.missing:
            values.setdefault(n, {})[of] = true[n] + noise * float(rng.normal())
    return rounds, found.trials


def test_all_begin_with_two_seeds_and_the_clearly_worse_get_no_more() -> None:
    rounds, left = trained(race(), spread=20.0)
    first = set(rounds[0])
    assert first == {(n, seed) for n in (BASELINE, *range(1, TOP + 1)) for seed in range(FIRST)}
    assert left == (1, BASELINE)
    assert {run for one in rounds[1:] for run in one} == {
        (n, seed) for n in (BASELINE, 1) for seed in range(FIRST, 5)
    }, "seeds that were asked for are trained"


def test_level_candidates_stay_to_the_end() -> None:
    rounds, left = trained(race(many=3), spread=0.0, noise=0.0)
    assert set(left) == {BASELINE, 1, 2, 3}
    assert {seed for one in rounds for _, seed in one} == set(range(5))


@given(
    st.integers(1, 8), st.integers(1, 6), st.integers(0, 400), st.integers(0, 9), st.floats(0, 3)
)
@settings(max_examples=60, deadline=None)
def test_the_epochs_last_and_the_best_and_the_baseline_have_equally_many_seeds(
    many: int, most: int, allowance: int, seed: int, spread: float
) -> None:
    rounds, left = trained(race(many, most, allowance=allowance), seed, spread)
    runs = [run for one in rounds for run in one]
    assert len(set(runs)) == len(runs)
    least = 2 * min(FIRST, most)
    assert 10 * len(runs) <= max(allowance, 10 * least)
    assert len(runs) >= least
    assert BASELINE in left
    assert len(left) > 1
    of = {n: {seed for number, seed in runs if number == n} for n in left}
    assert all(seeds == of[BASELINE] for seeds in of.values())
    assert max(map(len, of.values())) >= min(FIRST, most)
    others = {n for n, _ in runs} - set(left)
    assert all(
        len({seed for number, seed in runs if number == n}) <= len(of[BASELINE]) for n in others
    )


def test_what_is_expected_is_what_is_trained_where_none_is_left_out() -> None:
    one = race(many=3, allowance=150)
    found = one.next({})
    rounds, _ = trained(one, spread=0.0, noise=0.0)
    assert len(found.missing) + found.more == sum(map(len, rounds))


def test_the_first_round_leaves_epochs_for_a_third_seed() -> None:
    for allowance in range(60, 400, 10):
        rounds, _ = trained(race(allowance=allowance), spread=0.0, noise=0.0)
        assert len(rounds) > 1 or allowance < 80


def test_what_is_known_costs_nothing_and_earlier_ones_stay_candidates() -> None:
    free = {(n, seed) for n in (BASELINE, 8) for seed in range(5)}
    found = race(allowance=130, earlier=(8,), free=free).next({n: {} for n in (BASELINE, 8)})
    assert found.trials[-2:] == (8, BASELINE)
    assert len(found.trials) == TOP + 2


def test_one_that_fails_is_left_out_and_nobody_waits_for_it() -> None:
    values = {n: {0: float(n), 1: n + 0.1} for n in (1, 2)} | {BASELINE: {0: 9.0, 1: 9.1}}
    values[1][1] = math.inf
    found = race(many=2).next(values)
    assert found.trials == (2, BASELINE)
    values[2][1] = values[BASELINE][1] = math.inf
    assert race(many=2).next(values).missing


def test_noise_is_what_trials_and_seeds_do_not_explain() -> None:
    rng = np.random.default_rng(3)
    effect = rng.normal(0.0, 5.0, 4)
    noise = rng.normal(0.0, 0.5, (200, 4))
    values = {n: {s: n + effect[s] + noise[n, s] for s in range(4)} for n in range(200)}
    found = Noise.of(values)
    assert found.freedom == 199 * 3
    assert math.isclose(found.std, 0.5, rel_tol=0.1)
    del values[7][2], values[9]
    assert Noise.of(values).freedom == 198 * 3 - 1
    same = {n: dict.fromkeys(range(3), 0.1 * 3 + n * 1e-17) for n in range(3)}
    assert not Noise.of(same).apart(same[0], same[1])
    assert Noise.of({0: {0: 1.0}, 1: {0: 2.0}}).margin(1) == math.inf
