"""The driver under the search and the repeats: a signal comes between two writes, never in one."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from sweeps.study.confirm import Confirm
from tests.study.test_confirm import Scored
from tests.study.test_loop import Recording, Watching, described, go, session

# The tracker's call in which a signal arrives, the epoch of an epoch's, and the signal.
ENDS = [("epoch", (3,), signal.SIGINT), ("end_trial", (), signal.SIGTERM)]


def signalled(tracker: Any, call: str, awaited: tuple[int, ...], what: signal.Signals) -> Any:
    """Let a signal arrive once in a tracker's call, before the call has done its work."""
    work, arrived = getattr(tracker, call), list[int]()

    def within(run: Any, *given: Any) -> None:
        if (getattr(run, "number", run), *given)[: len(awaited)] == awaited and not arrived:
            arrived.append(what)
            signal.raise_signal(what)
        work(run, *given)

    setattr(tracker, call, within)
    return tracker


@pytest.mark.parametrize(("call", "at", "what"), [("start_trial", (), signal.SIGTERM), *ENDS])
def test_a_signal_in_the_middle_of_the_search_loses_nothing(
    call: str, at: tuple[int, ...], what: signal.Signals, tmp_path: Path
) -> None:
    before, ended = signal.getsignal(what), call == "end_trial"
    tracker = signalled(Recording(), call, (2, *at), what)
    with session(tmp_path / "a", tracker=tracker) as cut:
        with pytest.raises(KeyboardInterrupt):
            cut.loop(Watching()).run()
        assert signal.getsignal(what) == before
        assert len(cut.store.ended()) == len(tracker.ends) == 2 + ended
        assert tracker.interrupted == [2] * (not ended)
        cut.loop(Watching()).run()
        assert len(tracker.ends) == 6
        resumed = described(cut)
    assert resumed == go(tmp_path / "b")


@pytest.mark.parametrize(("call", "at", "what"), ENDS)
def test_a_signal_in_the_middle_of_a_repeat_loses_nothing(
    call: str, at: tuple[int, ...], what: signal.Signals, tmp_path: Path
) -> None:
    with session(tmp_path, Scored(), trials=3) as study:
        study.loop(Watching()).run()
        numbers = Confirm(study, 2).missing()
        study.tracker = tracker = signalled(Recording(), call, (numbers[1], *at), what)
        with pytest.raises(KeyboardInterrupt):
            Confirm(study, 2).run()
        left = numbers[2:] if call == "end_trial" else numbers[1:]
        assert Confirm(study, 2).missing() == left
        assert [n for n in numbers if n not in tracker.ends] == left
        assert tracker.interrupted == (left[:1] if call == "epoch" else [])
        Confirm(study, 2).run()
        assert list(tracker.ends) == numbers


def test_a_repeat_that_was_tracked_but_not_kept_is_trained_again(tmp_path: Path) -> None:
    """As after a kill between the two."""

    class Killed(Exception): ...

    class Deadly(Recording):
        def end_trial(self, number: int, outcome: str, metrics: Any, params: Any = None) -> None:
            super().end_trial(number, outcome, metrics, params)
            raise Killed

    with session(tmp_path, Scored(), trials=2) as study:
        study.loop(Watching()).run()
        numbers = Confirm(study, 1).missing()
        study.tracker = Deadly()
        with pytest.raises(Killed):
            Confirm(study, 1).run()
        assert list(study.tracker.ends) == numbers[:1]
        assert Confirm(study, 1).missing() == numbers


def test_every_spec_says_what_the_command_said(tmp_path: Path) -> None:
    given: dict[int, Any] = {}
    scripted = Scored(hook=lambda spec, epoch: given.setdefault(spec.number, spec))
    with session(tmp_path, scripted, trials=2, checkpoint_every=7.0, check=False) as study:
        study.store.ways["a structure"] = "graph"
        study.loop(Watching()).run()
        searched = given.copy()
        given.clear()
        repeated = Confirm(study, 1).missing()
        Confirm(study, 1).run()
    assert list(searched) == [0, 1]
    assert list(given) == repeated
    for folder, specs in (("checkpoints", searched), ("confirm", given)):
        for number, spec in specs.items():
            assert spec.checkpoint == study.folder / folder / f"{number:05d}"
            assert spec.checkpoint_every == 7.0
            assert not spec.check
            assert spec.ways == {"a structure": "graph"}


def test_nothing_is_begun_once_the_time_is_up(tmp_path: Path) -> None:
    with session(tmp_path, Scored(), trials=2, timeout=1e-9) as study:
        study.loop(Watching()).run()
        assert study.store.ended() == []
    with session(tmp_path, Scored(), trials=2) as study:
        study.loop(Watching()).run()
        numbers = Confirm(study, 2).missing()
    with session(tmp_path, Scored(), trials=2, timeout=1e-9) as study:
        Confirm(study, 2).run()
        assert Confirm(study, 2).missing() == numbers != []
