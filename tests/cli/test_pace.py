"""The time left, on a clock of one's own; and what is said of trials, once each."""

from __future__ import annotations

import pytest

from objectives.training import Outcome, TrialResult, TrialSpec
from sweeps.cli.pace import Pace
from sweeps.cli.progress import Watcher


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_guessed_from_the_first_trials() -> None:
    pace = Pace(10, places=2)
    for number in range(3):
        pace.ended(number, 5.0)
        assert pace.seconds_left() is None
    pace.ended(3, 5.0)
    assert pace.seconds_left() == pytest.approx(6 * 5.0 / 2)


def test_the_time_left_falls_while_trials_run() -> None:
    clock = Clock()
    pace = Pace(6, places=2, known=(10.0,) * 4, clock=clock)
    assert pace.seconds_left() == pytest.approx(30.0)
    pace.epoch(0)
    pace.epoch(1)
    told = []
    for clock.now in range(0, 30, 2):
        told.append(pace.seconds_left() or 0.0)
    assert told == sorted(told, reverse=True)  # a slow trial does not make it rise
    assert told[0] == pytest.approx(30.0)
    assert told[4] == pytest.approx(22.0)


def test_nothing_is_left_at_the_end() -> None:
    pace = Pace(1, known=(1.0, 1.0, 1.0), after=5)
    pace.ended(0, 1.0)
    assert pace.seconds_left() is None
    assert pace.if_all_last(4.0) == 20.0


def test_the_runs_that_follow_take_as_long_as_complete_trials() -> None:
    pace = Pace(10, places=2, known=(1.0, 3.0, 1.0, 3.0), after=4)
    assert pace.seconds_left() == pytest.approx(10 * 2.0 / 2 + 4 * 3.0 / 2)
    pace.ended(0, 7.0, whole=True)
    pace.ended(1, 1.0, whole=False)
    mean = (1 + 3 + 1 + 3 + 7 + 1) / 6
    assert pace.seconds_left() == pytest.approx(8 * mean / 2 + 4 * 7.0 / 2)


def test_how_many_runs_follow_is_looked_at_while_trials_end() -> None:
    watcher = Watcher(100, 0, quiet=True, after=20)
    told = []
    watcher.following = lambda: told.append(watcher.done) or 4
    for number in range(40):
        watcher.ended(ended(number))
    assert told == list(range(2, 41, 2))  # not each time: it takes longer the more have ended
    assert watcher.pace.seconds_left() == pytest.approx(60 * 2.0 + 4 * 2.0)


def test_the_runs_that_follow_take_a_share_of_the_trials_time_at_most() -> None:
    pace = Pace(10, places=2, known=(1.0, 3.0, 1.0, 3.0), after=20, share=0.25)
    assert pace.seconds_left() == pytest.approx(10 * 2.0 / 2 + 0.25 * (8.0 + 20.0) / 2)
    pace = Pace(9, known=(2.0,) * 3)
    pace.expect(4)
    assert pace.seconds_left() == pytest.approx(8.0)


def ended(number: int, fallback: str | None = None) -> TrialResult:
    spec = TrialSpec(number, config=None, seed=0, max_epochs=3)
    return TrialResult(spec, Outcome.COMPLETE, 0.5, 3, 3, seconds=2.0, fallback=fallback)


def test_a_reason_to_train_by_fit_is_said_once_and_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watcher = Watcher(4, 0)
    long = "it has a layer that XLA cannot compile, " * 9
    for number, reason in enumerate([long, long, "another", None]):
        watcher.ended(ended(number, reason))
    printed = capsys.readouterr().out
    assert printed.count(long) == 1
    assert printed.count("another") == 1


def test_the_expected_time_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    watcher = Watcher(9, 0, places=2, after=20)
    for number in range(3):
        watcher.ended(ended(number))
    (line,) = [s for s in capsys.readouterr().out.splitlines() if s.startswith("ETA")]
    assert "about 28s if all trials and up to 20 confirmation runs take as long as #0 (2s)" in line


def test_the_live_line_shows_epoch_and_loss_in_80_columns() -> None:
    import io

    from rich.console import Console

    drawn = io.StringIO()
    watcher = Watcher(60, 0)
    watcher.counts[Outcome.PRUNED] = 31
    watcher.best = 0.1234, 17
    watcher.pace.seconds_left = lambda: 135.0  # type: ignore[method-assign]
    spec = TrialSpec(59, config=None, seed=0, max_epochs=100)
    watcher.started(spec, "128x4 adam 7.1e-3")
    with watcher._display(Console(file=drawn, width=80, force_terminal=True)) as bar:
        watcher._bar, watcher._task = bar, bar.add_task("", total=60, completed=31)
        watcher.epoch(spec, 100, {"val_loss": 0.6934})
    line = "31 pruned, best #17 0.1234, 2m15s left | #59 epoch 100/100 0.6934"
    assert line in drawn.getvalue()


def test_the_time_left_is_near_the_truth_from_a_third_of_the_way_on() -> None:
    # A sweep that was measured: trial 3 was the first of a slow structure, and two runs on fresh
    # seeds of trials 7, 20, 11 and the baseline followed, 57 seconds in all.
    seconds = [6, 6, 1, 21, 3, 5, 1, 8, 4, 6, 10, 5, 4, 1, 3, 2, 1, 1, 3, 4, 7, 2, 6, 5]
    complete = {0: 0.2212, 3: 0.2421, 5: 0.2279, 7: 0.1603, 9: 0.1934, 10: 0.2038, 11: 0.1895}
    complete |= {12: 0.2081, 20: 0.1725, 22: 0.2047, 23: 0.2003}
    pace = Pace(len(seconds), places=1, after=8)
    for number, its in enumerate(seconds[:-1]):
        pace.ended(number, its, number in complete, complete.get(number))
        if number >= len(seconds) // 3 - 1:
            truth = sum(seconds[number + 1 :]) + 57
            assert pace.seconds_left() == pytest.approx(truth, rel=0.3)


def test_a_resumed_study_counts_what_was_before() -> None:
    trials = [(5.0, True, 0.1), (1.0, False, 0.3), (5.0, True, 0.2), (1.0, False, None)]
    resumed, whole = Pace(6, after=4), Pace(10, after=4)
    resumed.before(trials)
    for number, (its, complete, value) in enumerate(trials):
        whole.ended(number, its, complete, value)
    assert resumed.seconds_left() == whole.seconds_left()


def test_a_first_trial_that_took_long_does_not_lengthen_what_follows() -> None:
    paces = [Pace(9, after=20) for _ in range(2)]
    for pace, first in zip(paces, (1.0, 60.0), strict=True):
        for number, seconds in enumerate((first, 1.0, 1.0, 1.0)):
            pace.ended(number, seconds, value=0.1 * number)
    usual, slow = (pace.seconds_left() or 0.0 for pace in paces)
    assert usual == pytest.approx(5 * 1.0 + 20 * 1.0)
    assert usual < slow < 1.3 * usual
