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
    pace = Pace(1, known=(1.0, 1.0, 1.0))
    pace.ended(0, 1.0)
    assert pace.seconds_left() is None
    assert pace.if_all_last(4.0, more=5) == 20.0


def ended(number: int, fallback: str | None = None) -> TrialResult:
    spec = TrialSpec(number, config=None, seed=0, max_epochs=3, monitor="val_loss", mode="min")
    return TrialResult(spec, Outcome.COMPLETE, 0.5, 3, 3, seconds=2.0, fallback=fallback)


def test_a_reason_to_train_by_fit_is_said_once_and_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watcher = Watcher(4, 0, "min")
    long = "it has a layer that XLA cannot compile, " * 9
    for number, reason in enumerate([long, long, "another", None]):
        watcher.ended(ended(number, reason))
    printed = capsys.readouterr().out
    assert printed.count(long) == 1
    assert printed.count("another") == 1


def test_the_expected_time_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    watcher = Watcher(9, 0, "min", places=2, after=20)
    for number in range(3):
        watcher.ended(ended(number))
    (line,) = [s for s in capsys.readouterr().out.splitlines() if s.startswith("expected")]
    assert "about 28s if all trials and up to 20 runs that confirm take as long as #0 (2s)" in line
