"""Limits of what a model may cost: trials beyond one are infeasible, and the sampler learns it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives import BadInput
from objectives.costs import beyond, words
from sweeps.cli.frames import trials_frame
from sweeps.cli.given import given_settings
from sweeps.cli.options import given as from_argv
from sweeps.cli.progress import Watcher
from sweeps.cli.text import counts_text
from sweeps.cli.work import lines
from sweeps.study.confirm import Confirm, confirmed
from sweeps.study.final import score
from sweeps.study.limits import limit, limits_of
from sweeps.study.loop import SweepFailed
from sweeps.study.parent import parent_run
from sweeps.study.session import opened
from sweeps.study.settings import Settings
from sweeps.study.summary import summarise
from sweeps.study.sweep import SAMPLERS, Sweep
from sweeps.study.winner import winner
from sweeps.tracking import NoTracker
from tests.scripted import SWEEP, Scripted
from tests.study.test_confirm import Scored
from tests.study.test_loop import Recording, Watching, go, session

MOST = 80  # params: the toy's baseline has as many, and half of its widths have more
LIMIT = ("params=80",)


def test_a_trial_beyond_a_limit_is_counted_and_never_trained_or_best(tmp_path: Path) -> None:
    trainer, tracker = Scored(), Recording()
    with session(tmp_path, trainer, tracker, trials=24, limit=LIMIT) as study:
        study.loop(Watching()).run()
        trained = {number for number, curve in trainer.curves.items() if curve}
        study.tracker = NoTracker()
        Confirm(study, 2).run()
        score(study)
        trials, frame, summary = study.store.ended(), trials_frame(study), summarise(study)
        wide = {t.number for t in trials if t.outcome == "infeasible"}
        assert 0 < len(wide) < len(trials) == 24
        assert wide == {t.number for t in trials if 10 * t.params["width"] > MOST}
        assert trained == {t.number for t in trials} - wide
        assert winner(study).number not in wide
        assert not wide & {one.number for one in confirmed(study).trials}
        assert not wide & {t.number for t in summary.top}
        assert {n for n, (outcome, _) in tracker.ends.items() if outcome == "infeasible"} == wide
        assert all(tracker.ends[t.number][1]["params"] == 10 * t.params["width"] for t in trials)
        assert parent_run(study, {}).params["limit"] == "params=80"
        assert f"{len(wide)} infeasible" in lines(study, summary)[0]
        possible = len(trained) * study.sweep.objective.max_epochs
        assert summary.saved == 1 - sum(t.epochs for t in trials) / possible
        assert study.store.study.best_trial.number not in wide
    assert set(frame.index[frame.outcome == "infeasible"]) == wide
    assert (frame.params == 10 * frame.params_width).all()


def test_optuna_knows_of_the_limit_and_proposes_fewer_trials_beyond_it(tmp_path: Path) -> None:
    with session(tmp_path, trials=60, limit=LIMIT) as study:
        study.loop(Watching()).run()
        found = study.store.study.get_trials()
    for trial in found:
        assert trial.constraints == {"params": (10 * trial.params["width"] - MOST) / MOST}
        assert (trial.state.name == "PRUNED" and trial.value is None) == (
            trial.params["width"] > 8
        )
    early, late = ([t.params["width"] > 8 for t in part] for part in (found[1:21], found[40:]))
    assert sum(late) < sum(early)


def test_a_limited_study_repeats_and_resumes_to_the_digit(tmp_path: Path) -> None:
    whole = go(tmp_path / "a", trials=20, limit=LIMIT)
    go(tmp_path / "b", trials=9, limit=LIMIT)
    assert go(tmp_path / "b", trials=20) == whole  # the study remembers its limit


@pytest.mark.parametrize("sampler", ["random", "qmc", "cmaes"])
def test_every_sampler_goes_on_after_an_infeasible_trial(sampler: str, tmp_path: Path) -> None:
    given = {"trials": 16, "limit": LIMIT, "sampler": SAMPLERS[sampler]}
    assert go(tmp_path / "a", **given) == go(tmp_path / "b", **given)


def test_other_limits_are_another_study(tmp_path: Path) -> None:
    go(tmp_path, trials=3, limit=LIMIT)
    with pytest.raises(BadInput, match="limit = params=80, and this command asks for params=90"):
        go(tmp_path, trials=3, limit=("params=90",))
    unlimited = dataclasses.replace(SWEEP, name="other")
    args = (lambda *_: Scripted()), (lambda *_: NoTracker())
    with opened(unlimited, Settings(folder=tmp_path, trials=2), *args) as study:
        study.loop(Watching()).run()
    with (
        pytest.raises(BadInput, match="made with limit = none"),
        opened(
            dataclasses.replace(unlimited, limits={"params": 80}), Settings(folder=tmp_path), *args
        ),
    ):
        pass


def test_a_study_without_a_trial_within_the_limits_says_how_near_it_came(tmp_path: Path) -> None:
    trainer = Scored(hook=lambda spec, epoch: pytest.fail("it must not train"))
    with session(tmp_path, trainer, trials=7, limit=("params=1",)) as study:
        study.loop(Watching()).run()
        assert [t.outcome for t in study.store.ended()] == ["infeasible"] * 7
        assert winner(study) is None
        assert score(study) is None
        assert not Confirm(study, 5).missing()
        said = "\n".join(lines(study, summary := summarise(study)))
        json.dumps(summary.to_json())
        least = min(10 * t.params["width"] for t in study.store.ended())
    assert "7 infeasible with --limit params=1" in said
    assert f"the nearest has params {least}" in said
    go(tmp_path, trials=3, limit=LIMIT)  # nothing was trained under the mistaken limit


def test_an_infeasible_baseline_leaves_the_best_without_a_difference(tmp_path: Path) -> None:
    limited = dataclasses.replace(SWEEP, limits={"params": 79})
    args = (lambda *_: Scored()), (lambda *_: NoTracker())
    with opened(limited, Settings(folder=tmp_path, trials=20), *args) as study:
        study.loop(Watching()).run()
        Confirm(study, 2).run()
        score(study)
        said = "\n".join(lines(study, summarise(study)))
        assert winner(study).params["width"] < 8
    assert "the baseline is infeasible: there is no difference to show" in said


def test_infeasible_trials_are_no_failures_and_hide_none(tmp_path: Path) -> None:
    def fails(spec: Any, epoch: int) -> None:
        raise RuntimeError("always")

    with session(tmp_path, Scripted(hook=fails), trials=40, limit=LIMIT) as study:
        with pytest.raises(SweepFailed):
            study.loop(Watching()).run()
        outcomes = [t.outcome for t in study.store.ended()]
    assert outcomes.count("failed") == 3
    assert "infeasible" in outcomes


def test_an_end_that_was_cut_is_told_again(tmp_path: Path) -> None:
    with session(tmp_path, trials=2, limit=LIMIT) as study:
        study.loop(Watching()).run()
        third = study.store.ask()
        third.set_constraint("params", (10 * third.user_attrs["params"]["width"] - MOST) / MOST)
    assert go(tmp_path, trials=6) == go(tmp_path / "b", trials=6, limit=LIMIT)


def test_a_trainer_that_measures_nothing_is_refused(tmp_path: Path) -> None:
    class Blind(Scripted):
        def _one(self, spec: Any, on_epoch: Any) -> Any:
            result = super()._one(dataclasses.replace(spec, limits={}), on_epoch)
            return dataclasses.replace(result, spec=spec)

    with pytest.raises(BadInput, match="does not measure params"):
        go(tmp_path, Blind(), trials=1, limit=LIMIT)


def test_the_progress_line_says_what_was_exceeded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with session(tmp_path, trials=24, limit=LIMIT) as study:
        watcher = Watcher(24, 0)
        study.loop(watcher).run()
        trials = study.store.ended()
    said = capsys.readouterr().out.splitlines()
    for trial in (t for t in trials if t.outcome == "infeasible"):
        (line,) = (one for one in said if f"#{trial.number} " in one)
        assert f"infeasible (params {10 * trial.params['width']} > 80)" in line
        assert "epoch" not in line
    assert counts_text({"infeasible": 3, "complete": 1}) == "1 complete, 3 infeasible"
    wide = sum(t.outcome == "infeasible" for t in trials)
    assert f"{wide} infeasible" in watcher.state()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("params", "it must be COST=MOST, such as params=50000"),
        ("parms=5", "no cost 'parms', did you mean params?"),
        ("epoch_seconds=2", "known only after a model has trained, and depends on the machine"),
        ("params=lots", "'lots' must be a positive number"),
        ("params=0", "'0' must be a positive number"),
        ("params=inf", "'inf' must be a positive number"),
        ("params=nan", "'nan' must be a positive number"),
    ],
)
def test_what_is_no_limit_is_refused_in_one_line(text: str, why: str) -> None:
    with pytest.raises(BadInput, match=r"^--limit ") as refused:
        from_argv(SWEEP, "toy", "run", ["--limit", text])
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)
    name, _, most = text.partition("=")
    with pytest.raises(BadInput, match="Sweep") as declared:
        Sweep("toy", SWEEP.objective, limits={name: most})
    assert "\n" not in str(declared.value)


def test_a_limit_is_read_as_it_is_written(tmp_path: Path) -> None:
    assert limits_of([limit("params=5e4"), limit("flops=2000000")]) == {
        "params": 50_000,
        "flops": 2_000_000,
    }
    with pytest.raises(BadInput, match="params has a limit already, 5"):
        limits_of(["params=5", "params=6"])
    with pytest.raises(BadInput, match="give a dict"):
        Sweep("toy", SWEEP.objective, limits=5)  # type: ignore[arg-type]
    asked = from_argv(SWEEP, "toy", "run", ["--limit", "params=5e4"])
    in_python = given_settings(SWEEP, {"limit": {"params": 50_000}}, tmp_path)
    assert asked.limit == in_python.limit == ("params=50000",)
    with pytest.raises(BadInput, match="limit=50000: give a dict"):
        given_settings(SWEEP, {"limit": 50_000}, tmp_path)


@given(st.integers(1, 10**18), st.integers(1, 10**18))
def test_only_what_is_above_a_limit_is_beyond_it(cost: int, most: int) -> None:
    share = beyond({"params": cost}, {"params": most})["params"]
    assert (share > 0) == (cost > most) == bool(words({"params": cost}, {"params": most}))
