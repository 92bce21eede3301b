"""Lines on narrow terminals: broken between words, tables with the columns that fit."""

from __future__ import annotations

import pytest

from objectives.training import Outcome, TrialResult, TrialSpec
from sweeps.cli import layout, progress
from sweeps.cli.layout import columns, fit
from sweeps.cli.progress import Watcher
from sweeps.cli.text import summary_lines
from sweeps.study.confirm import Confirmed, ConfirmedTrial
from sweeps.study.ended import Ended
from sweeps.study.summary import Summary
from tests.scripted import SWEEP, load


def trial(number: int, role: str, value: float) -> Ended:
    return Ended(
        number=number,
        role=role,
        outcome="complete",
        params={"rate": 0.1, "width": number},
        seed=0,
        value=value,
        best_epoch=3,
        epochs=9,
        seconds=1.0,
    )


SCORES = {
    "val_loss": 0.3365,
    "test_balanced_accuracy": 0.8568,
    "test_calibration_error": 0.0185,
    "test_brier": 0.1,
    "test_auc": 0.9385,
    "test_accuracy": 0.8568,
    "test_loss": 0.3166,
}


def shown(width: int | None, by_seeds: float | None = 0.15) -> list[str]:
    baseline, best = trial(0, "baseline", 0.3), trial(17, "trial", 0.2)
    summary = Summary(
        study="toy",
        sweep="toy",
        monitor="val_loss",
        mode="min",
        counts={"complete": 2, "pruned": 41},
        seconds=200.0,
        epochs=900,
        saved=0.5,
        confirming=50.0,
        best=best,
        baseline=baseline,
        top=(best, baseline),
    )
    rows = tuple(
        ConfirmedTrial(t.number, t.role, t.reached, 0.3, 0.01, 5, 0, 99) for t in (best, baseline)
    )
    rows += (ConfirmedTrial(9, "trial", 0.25, 0.31, 0.01, 2, 0, 99, out=True),)
    found = Confirmed(
        repeats=5,
        metric="test_loss",
        means={"best": SCORES, "baseline": SCORES},
        difference=None,
        ties=(17,),
        smallest=None,
        trials=rows,
        lead=None,
        runs=12,
        share=0.3,
        by_seeds=by_seeds,
    )
    labels = {0: "16x2 adam 1e-2", 17: "128x4 adam 3.5e-2"}
    data, space = load(None), SWEEP.objective.space  # type: ignore[arg-type]
    return summary_lines(summary, found, labels, data, space, width)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, shown(width))) <= width


def test_what_confirming_took_is_told_and_what_seeds_alone_do() -> None:
    printed = "\n".join(shown(None))
    assert "toy: 43 trials, 4m10s of training, 50s of it confirming (" in printed
    assert "confirmed with 12 runs, 30% of the trials' epochs" in printed
    (left_out,) = [line for line in shown(None) if line.endswith(" 2, left out")]
    assert "#9 " in left_out
    assert "#17 and #0 differ by less than seeds alone do (up to 0.15)" in printed
    assert "seeds alone" not in "\n".join(shown(None, by_seeds=0.05))


def test_the_columns_that_do_not_fit_are_the_least_important() -> None:
    def heads(width: int | None) -> list[str]:
        return [w for line in shown(width) if "test_loss " in line for w in line.split()][5:]

    every = heads(None)
    assert sorted(every) == sorted(SCORES)
    assert 2 < len(heads(80)) < len(heads(120)) < len(every)
    assert heads(80) == every[: len(heads(80))]
    assert every[:4] == ["val_loss", "test_loss", "test_accuracy", "test_auc"]


def test_lines_are_broken_between_words_and_hang_beside_their_name() -> None:
    assert fit(["one two"], None) == ["one two"]
    assert fit(["  name   some words"], 14) == ["  name   some", "         words"]
    address = "http://127.0.0.1:5000/#/experiments/1"
    assert fit([f"see {address}"], 20) == ["see", f"  {address}"]


def test_what_goes_to_a_file_has_no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(layout.sys.stdout, "isatty", lambda: False, raising=False)
    assert columns() is None
    monkeypatch.setenv("COLUMNS", "80")
    assert columns() == 80


def test_a_trials_line_fits_and_keeps_its_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "columns", lambda: 80)
    watcher = Watcher(60, 0, known=(2.0,) * 9)
    spec = TrialSpec(17, config=None, seed=0, max_epochs=100)
    watcher.started(spec, "128x4 adam 3.5e-2 relu")
    watcher.ended(TrialResult(spec, Outcome.COMPLETE, 0.5, 99, 100, seconds=2.0))
    (line,) = (s for s in capsys.readouterr().out.splitlines() if s.startswith("["))
    assert len(line) <= 80
    assert "complete val_loss 0.5 after 100 epochs" in line
    assert "left" not in line


def test_after_a_resume_the_state_is_the_studys() -> None:
    watcher = Watcher(60, 2)
    watcher.resume([trial(0, "baseline", 0.3), trial(17, "trial", 0.2)], SWEEP.objective.judged_by)
    assert watcher.state() == "best #17 0.2"
    assert watcher.counts[Outcome.COMPLETE] == 2
