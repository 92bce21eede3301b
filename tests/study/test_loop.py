"""The loop on scripted curves, against a real SQLite store."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from objectives import BadInput
from sweeps.cli.again import same
from sweeps.study.final import score
from sweeps.study.loop import SweepFailed
from sweeps.study.session import Session, opened
from sweeps.study.settings import Settings
from sweeps.study.summary import summarise
from sweeps.study.sweep import no_pruning
from sweeps.tracking import NoTracker, TrialRun
from tests.scripted import SWEEP, Scripted


class Watching:
    def started(self, spec: Any, label: str) -> None: ...
    def epoch(self, spec: Any, epoch: int, logs: Any) -> None: ...
    def ended(self, result: Any) -> None: ...


class Recording(NoTracker):
    def __init__(self) -> None:
        self.runs: dict[int, TrialRun] = {}
        self.epochs: dict[int, list[int]] = {}
        self.ends: dict[int, tuple[str, dict[str, float]]] = {}
        self.interrupted: list[int] = []
        self.best: list[int] = []

    def start_trial(self, trial: TrialRun) -> None:
        self.runs[trial.number] = trial
        self.epochs.setdefault(trial.number, [])

    def epoch(self, number: int, epoch: int, metrics: Any) -> None:
        self.epochs[number].append(epoch)

    def end_trial(self, number: int, outcome: str, metrics: Any, params: Any = None) -> None:
        assert number not in self.ends
        self.ends[number] = outcome, dict(metrics)

    def interrupt_trial(self, number: int) -> None:
        self.interrupted.append(number)

    def mark_best(self, number: int, also: Any = ()) -> None:
        self.best.append(number)


def session(folder: Path, trainer: Any = None, tracker: Any = None, **settings: Any) -> Any:
    return opened(
        SWEEP,
        Settings(folder=folder, **settings),
        lambda *_: trainer or Scripted(),
        lambda *_: tracker or NoTracker(),
    )


def go(folder: Path, trainer: Any = None, tracker: Any = None, **settings: Any) -> list[Any]:
    with session(folder, trainer, tracker, **settings) as opened_session:
        opened_session.loop(Watching()).run()
        return described(opened_session)


def described(opened_session: Session) -> list[Any]:
    return [
        (t.number, t.role, dict(t.params), t.seed, t.outcome, t.value, t.best_epoch, t.epochs)
        for t in opened_session.store.ended()
    ]


def test_twelve_and_then_eight_trials_are_the_twenty_at_once(tmp_path: Path) -> None:
    go(tmp_path / "a", trials=12, seed=3)
    assert go(tmp_path / "a", trials=20, seed=3) == go(tmp_path / "b", trials=20, seed=3)


def test_a_config_that_was_tried_is_trained_once_and_named(tmp_path: Path, caplog: Any) -> None:
    tried = {"schedule": False, "rate": 0.2, "width": 3}
    with caplog.at_level("WARNING", "sweeps"):
        go(tmp_path, trials=3, queue=(tried,))
        assert not caplog.text
        trials = go(tmp_path, trials=4, queue=(tried,))
    assert "this config is trial 1 already" in caplog.text
    assert [t[1] for t in trials] == ["baseline", "tried", "trial", "trial"]


def test_another_seed_gives_other_trials_but_the_same_baseline(tmp_path: Path) -> None:
    one, two = (go(tmp_path / str(s), trials=8, seed=s) for s in (1, 2))
    assert one[0][2] == two[0][2] == {"schedule": False, "rate": 0.1, "width": 8}
    assert all(a[2] != b[2] and a[3] != b[3] for a, b in zip(one[1:], two[1:], strict=True))


def test_settings_of_a_part_that_is_off_are_not_sampled(tmp_path: Path) -> None:
    trials = go(tmp_path, trials=30)
    assert {t[2]["schedule"] for t in trials} == {False, True}
    assert all(("patience" in t[2]) == t[2]["schedule"] for t in trials)


def test_the_baseline_is_never_pruned_and_unpromising_trials_are(tmp_path: Path) -> None:
    def script(spec: Any, epoch: int) -> float:
        bad = 100.0 if spec.number == 0 else 1.0 + spec.number / 100
        return bad + 10.0 / epoch

    trials = go(tmp_path, Scripted(script), trials=12)
    outcomes = [t[4] for t in trials]
    assert outcomes[0] == "complete"
    assert outcomes.count("pruned") >= 5
    assert {t[7] for t in trials if t[4] == "pruned"} <= {4, 8, 16}


@pytest.mark.parametrize(("number", "at"), [(0, 1), (3, 3), (4, 6)])
def test_an_interrupted_trial_goes_on_under_its_number_and_seed(
    tmp_path: Path, number: int, at: int
) -> None:
    def hook(spec: Any, epoch: int) -> None:
        if spec.number == number and epoch == at:
            raise KeyboardInterrupt

    tracker = Recording()
    with session(tmp_path / "a", Scripted(hook=hook), tracker) as broken:
        with pytest.raises(KeyboardInterrupt):
            broken.loop(Watching()).run()
        assert len(broken.store.ended()) == number
        assert [t.number for t in broken.store.unfinished()] == [number]
    assert tracker.interrupted == ([number] if at > 1 else [])
    assert go(tmp_path / "a") == go(tmp_path / "b")


def test_time_that_is_up_interrupts_the_running_trial(tmp_path: Path) -> None:
    with session(tmp_path / "a", timeout=3600.0) as timed:
        loop = timed.loop(Watching())
        loop.trainer = Scripted(
            hook=lambda *at: setattr(loop, "out_of_time", lambda: (at[0].number, at[1]) >= (4, 5))
        )
        loop.run()
        assert loop.done == 4
    assert go(tmp_path / "a") == go(tmp_path / "b")


def test_divergence_is_pruned_at_the_last_finite_value_or_failed_without_one(
    tmp_path: Path,
) -> None:
    def script(spec: Any, epoch: int) -> float:
        if spec.number == 1 and epoch == 1:
            return math.nan
        if spec.number == 2 and epoch == 7:
            return math.inf
        return 1.0 / epoch

    tracker = Recording()
    with session(tmp_path, Scripted(script), tracker, trials=4) as diverging:
        diverging.loop(Watching()).run()
        states = [t.state.name for t in diverging.store.study.trials]
        assert states == ["COMPLETE", "FAIL", "PRUNED", "COMPLETE"]
        assert diverging.store.study.trials[2].value == pytest.approx(1 / 6)
        summary = summarise(diverging)
        assert summary.counts == {"complete": 2, "diverged": 2}
    assert tracker.ends[1][0] == tracker.ends[2][0] == "diverged"
    assert tracker.epochs[2] == [1, 2, 3, 4, 5, 6]


def test_three_failures_in_a_row_stop_the_sweep_and_one_does_not(tmp_path: Path) -> None:
    def failing(*numbers: int) -> Scripted:
        def hook(spec: Any, epoch: int) -> None:
            if spec.number in numbers:
                raise RuntimeError("out of memory")

        return Scripted(hook=hook)

    assert [t[4] for t in go(tmp_path / "a", failing(2, 4))].count("failed") == 2
    with pytest.raises(SweepFailed, match=r"3 trials failed in a row.*out of memory"):
        go(tmp_path / "b", failing(1, 2, 3))
    with session(tmp_path / "b") as again:
        assert summarise(again).failures[0] == "#1 RuntimeError: out of memory"


def test_a_monitor_that_the_model_lacks_names_the_metrics_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    tracker = Recording()
    with session(tmp_path, None, tracker, monitor="val_acc") as misspelt:
        with pytest.raises(BadInput, match=r"'val_acc' is not a metric.*\(it has: val_loss\)"):
            misspelt.loop(Watching()).run()
        misspelt.discard()
    assert tracker.runs == {}
    assert go(tmp_path)[0][4] == "complete"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 9}, "seed = 0, and this command asks for 9"),
        ({"max_epochs": 7}, "max-epochs = 20, and this command asks for 7"),
        ({"fix": ("width=3",)}, "space of width = 1 to 16"),
        ({"ranges": ("rate=0.01:0.1",)}, "space of rate"),
    ],
)
def test_a_study_of_something_else_is_refused(
    tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    before = go(tmp_path, trials=2)
    with pytest.raises(BadInput, match="--study") as refused, session(tmp_path, **change):
        pass
    assert named in str(refused.value)
    assert go(tmp_path, trials=2) == before
    assert len(go(tmp_path, study="other", trials=2, **change)) == 2


def test_another_monitor_is_refused(tmp_path: Path) -> None:
    go(tmp_path, trials=2)
    named = "monitor = val_loss"
    with pytest.raises(BadInput, match=named), session(tmp_path, monitor="val_accuracy"):
        pass


def test_a_second_driver_is_refused(tmp_path: Path) -> None:
    with (
        session(tmp_path),
        pytest.raises(BadInput, match="'toy' is being run by another process"),
        session(tmp_path),
    ):
        pass


def test_a_fixed_parameter_leaves_the_baseline_alone(tmp_path: Path) -> None:
    trials = go(tmp_path, trials=6, fix=("width=3",), ranges=("rate=0.2:0.4",))
    assert trials[0][2]["width"] == 8
    assert trials[0][2]["rate"] == 0.1
    assert all(t[2]["width"] == 3 and 0.2 <= t[2]["rate"] <= 0.4 for t in trials[1:])


def test_final_scores_belong_to_the_best_trial_and_survive(tmp_path: Path) -> None:
    with session(tmp_path) as scored:
        scored.loop(Watching()).run()
        final = score(scored)
        assert final is not None
        best = summarise(scored).best
        assert best is not None
        assert final["trial"] == best.number
        assert len(list((scored.folder / "weights").iterdir())) <= 6
    with session(tmp_path) as again:
        assert summarise(again).final == final


def test_rate_drops_are_counted(tmp_path: Path) -> None:
    tracker = Recording()
    go(tmp_path, Scripted(rate=lambda spec, epoch: 0.1 / (1 + epoch // 8)), tracker, trials=1)
    assert tracker.ends[0][1]["lr_drops"] == 2
    assert tracker.ends[0][1]["epochs"] == 20


def test_a_wider_range_is_one_that_the_sweep_takes(tmp_path: Path) -> None:
    wide_is_good = Scripted(lambda spec, epoch: 1.0 / spec.config.width)
    given = {"fix": ("schedule=false",), "ranges": ("width=1:4", "rate=0.1:0.5")}
    with session(tmp_path, wide_is_good, trials=12, pruner=no_pruning(), **given) as found:
        found.loop(Watching()).run()
        summary = summarise(found)
        assert "width=1:6" in summary.wider
        assert any(hint.endswith(": --range width=1:6") for hint in summary.hints)
        options = same(found, "toy-wider", summary.wider)
    assert " --range width=1:6 " in options
    assert " --fix schedule=false " in options
    assert "width=1:4" not in options
    widest = {"ranges": ("width=1:64", "rate=9:10")}  # of neither can there be more
    with session(tmp_path, wide_is_good, study="b", trials=12, **widest) as found:
        found.loop(Watching()).run()
        assert not [text for text in summarise(found).wider if "width" in text or "10:" in text]
