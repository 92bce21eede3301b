"""A signal in the middle of a probe loses nothing, and its specs say what the command said."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

import sweeps.cli.explain
import sweeps.cli.trainers
from objectives.training import TrialSpec
from sweeps.cli import run_command_line
from sweeps.cli.work import no_tracker
from sweeps.explain.runs import Record
from tests.explain.planted import explained, falling
from tests.explain.test_probes import Listening, timeless
from tests.scripted import SWEEP, Scripted
from tests.study.test_driver import ENDS, signalled

CURVE = falling(lambda spec: 0.4)


class Interrupted(Listening):
    def __init__(self) -> None:
        super().__init__()
        self.interrupted: list[int] = []

    def interrupt_trial(self, number: int) -> None:
        self.interrupted.append(number)


@pytest.mark.parametrize(("call", "at", "what"), ENDS)
def test_a_signal_in_the_middle_of_a_probe_loses_nothing(
    call: str, at: tuple[int, ...], what: signal.Signals, tmp_path: Path
) -> None:
    before, ended = signal.getsignal(what), 7 + (call == "end_trial")
    tracker = signalled(Interrupted(), call, (7, *at), what)
    with pytest.raises(KeyboardInterrupt):
        explained(CURVE, tmp_path / "cut", tracker=tracker)
    assert signal.getsignal(what) == before
    assert len(Record(tmp_path / "cut").ended) == len(tracker.ended) == ended
    assert tracker.interrupted == [7] * (ended == 7)
    resumed = explained(CURVE, tmp_path / "cut", tracker=tracker)
    assert len(tracker.ended) == sum(len(runs) for _, runs in resumed.runs)
    assert timeless(resumed) == timeless(explained(CURVE, tmp_path / "whole", tracker=Listening()))


def test_explain_says_what_its_options_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[TrialSpec] = []
    scripted = Scripted(hook=lambda spec, epoch: given.append(spec))
    monkeypatch.setattr(sweeps.cli.trainers, "here", lambda *_: scripted)
    monkeypatch.setattr(sweeps.cli.explain, "make_tracker", no_tracker)
    monkeypatch.chdir(tmp_path)
    options = "--workers 0 --trial baseline --checkpoint-every 7s --check off"
    assert run_command_line(SWEEP, ["explain", *options.split()]) == 0
    assert "what limits it" in capsys.readouterr().out
    assert {spec.max_epochs for spec in given} == {20, 60}
    folder = tmp_path / ".sweeps" / SWEEP.name / "explain" / "baseline"
    for spec in given:
        assert spec.checkpoint == folder / f"{spec.number:05d}"
        assert spec.checkpoint_every == 7.0
        assert not spec.check
        assert (spec.weights, spec.patience, spec.rungs) == (None, 0, ())
