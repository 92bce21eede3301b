"""Probes change one thing, on paired seeds, within a budget, and go on where they stopped."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from objectives import BadInput
from objectives.training import TrialSpec
from search_spaces import dense, lstm
from search_spaces.optimizer import Optimizer
from search_spaces.plateau import Plateau
from sweeps.explain.changes import Reference, catalogue
from sweeps.explain.configs import allowed, find, get, put, to_plain_data
from sweeps.explain.explanation import Explanation
from sweeps.explain.runs import FILE, Record
from sweeps.tracking import NoTracker, StudyRun, TrialRun
from tests.explain.planted import Net, explained, falling, reference, waiting
from tests.scripted import Scripted

CURVE = falling(lambda spec: 0.4)
CONFIGS = [
    dense.Dense(),
    dense.Dense(depth=1, width=1, plateau=Plateau(patience=1)),
    dense.Dense(optimizer=Optimizer("sgd", 100.0, 0.9)),
    lstm.Lstm(),
    {"hidden": 32, "lr": 0.1},
    Net(),
]


def leaves(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    value = to_plain_data(value)
    if not isinstance(value, Mapping):
        return {path: value}
    return {k: v for name, inner in value.items() for k, v in leaves(inner, (*path, name)).items()}


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: type(c).__name__)
def test_a_probe_changes_what_it_says_and_nothing_else(config: Any) -> None:
    asked = Reference("baseline", config, 0, 100, 40_000, 200)
    probes = catalogue(asked, left_rate=2e-4)
    assert len({probe.name for probe in probes}) == len(probes) >= 4
    before = leaves(config)
    for probe in probes:
        after = leaves(probe.config)
        changed = {
            path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
        }
        said = [tuple(name.split(".")) for name in probe.change if name != "max_epochs"]
        assert all(any(path[: len(s)] == s for s in said) for path in changed)
        others = (probe.max_epochs != asked.max_epochs) + (probe.share != 1.0)
        assert bool(changed) + others == 1
        for path in said:
            assert allowed(config, path, get(probe.config, path))


def test_a_config_without_a_field_has_no_probe_of_it() -> None:
    names = {p.name for p in catalogue(Reference("b", {"lr": 0.1}, 0, 10, 100, 10))}
    assert names == {"rate_x3", "rate_x10", "rate_div3", "rate_div10", "longer", "half_data"}
    assert not {p.name for p in catalogue(Reference("b", {}, 0, 10, 10, 10))} - {"longer"}


def test_fields_by_path() -> None:
    config = dense.Dense()
    path = find(config, ("learning_rate",))
    assert path == ("optimizer", "learning_rate")
    assert get(put(config, path, 0.5), path) == 0.5
    assert get(config, path) == 0.01, "the config itself is left alone"
    assert find(config, ("nothing",)) is None
    assert not allowed(config, ("width",), 0)
    assert not allowed(config, ("optimizer", "kind"), "lion")
    assert put({"a": {"b": 1}, "c": 2}, ("a", "b"), 3) == {"a": {"b": 3}, "c": 2}


class Watching(Scripted):
    """A trainer that keeps the specs that it was given, and can die in the middle."""

    def __init__(self, dies_in: int | None = None) -> None:
        super().__init__(hook=self.watch)
        self.given: list[TrialSpec] = []
        self.dies_in = dies_in

    def watch(self, spec: TrialSpec, epoch: int) -> None:
        if epoch == 1:
            self.given.append(spec)
        if epoch == 5 and len(self.given) == self.dies_in:
            raise Killed


class Killed(Exception):
    pass


def by_config(specs: list[TrialSpec]) -> dict[Any, list[TrialSpec]]:
    def key(spec: TrialSpec) -> str:
        return repr((spec.config, spec.max_epochs, spec.share))

    return {k: list(v) for k, v in itertools.groupby(sorted(specs, key=key), key)}


def test_every_probe_has_the_seeds_of_the_reference(tmp_path: Path) -> None:
    trainer = Watching()
    explained(CURVE, tmp_path, trainer=trainer)
    given = by_config(trainer.given)
    seeds = [spec.seed for spec in given[repr((Net(), 60, 1.0))]]
    assert 5 <= len(seeds) == len(set(seeds)) <= 10
    assert reference().seed not in seeds
    assert len(given) > 6
    for specs in given.values():
        assert {spec.seed for spec in specs} <= set(seeds)
        assert len(specs) >= 5
    numbers = [spec.number for spec in trainer.given]
    assert len(numbers) == len(set(numbers))


def test_the_curve_suggests_the_probes(tmp_path: Path) -> None:
    def names(**options: Any) -> set[str]:
        script = options.pop("script")
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        found = explained(script, folder, **options)
        return {probe.name for probe, _ in found.runs}

    slow = names(script=CURVE)
    waits = names(script=waiting(lambda s: 100.0), asked=reference(Net()))
    every = names(script=CURVE, all_probes=True)
    assert {"rate_x3", "wider", "deeper", "longer", "plateau_on", "half_data"} <= slow
    assert not {"sgd_div3", "uncorrected", "weight_decay", "narrower"} & slow
    assert {"rate_x3", "rate_div3", "sgd_div3", "uncorrected"} <= waits
    assert "longer" not in waits, "nothing is left to gain"
    assert slow < every
    assert {"sgd_div3", "weight_decay", "narrower"} <= every


def test_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    whole = explained(CURVE, tmp_path / "whole")
    for stop in (3, 17, 30):
        with pytest.raises(Killed):
            explained(CURVE, tmp_path / "parts", trainer=Watching(dies_in=stop))
        with (tmp_path / "parts" / FILE).open("a") as file:
            file.write('{"key": "half a li')
    last = Watching()
    found = explained(CURVE, tmp_path / "parts", trainer=last)
    total = sum(len(runs) for _, runs in whole.runs)
    assert len(last.given) == total - (2 + 16 + 29)
    assert timeless(found) == timeless(whole)


def test_an_interruption_among_the_further_repeats_changes_nothing(tmp_path: Path) -> None:
    hidden = falling(lambda s: 0.3 - 0.02 * (s.config.width > 16), spread=0.02)
    whole = explained(hidden, tmp_path / "whole")
    total = sum(len(runs) for _, runs in whole.runs)
    assert {len(runs) for _, runs in whole.runs} == {5, 10}
    for left in (3, 6, 9, 12):
        with pytest.raises(Killed):
            explained(hidden, tmp_path / str(left), trainer=Watching(dies_in=total - left))
        assert timeless(explained(hidden, tmp_path / str(left))) == timeless(whole)


def timeless(found: Explanation) -> dict[str, Any]:
    return found.to_json() | {"seconds": 0, "lines": found.summary_lines()[1:]}


def test_another_reference_takes_nothing_from_this_one(tmp_path: Path) -> None:
    explained(CURVE, tmp_path)
    for other in (
        reference(data="another"),
        reference(seed=2),
        reference(Net(width=17)),
        reference(max_epochs=61),
    ):
        trainer = Watching()
        explained(CURVE, tmp_path, other, trainer=trainer)
        assert sum(spec.config == other.config for spec in trainer.given) >= 5


def test_a_probe_that_failed_is_left_out_and_tried_again_another_day(tmp_path: Path) -> None:
    ill = Scripted(hook=broken_when_wide)
    found = explained(CURVE, tmp_path, trainer=ill)
    wide = [run for probe, runs in found.runs if "wider" in probe.name for run in runs]
    assert {run.outcome for run in wide} == {"failed"}
    (capacity,) = [v for v in found.final.verdicts if v.cause == "capacity"]
    assert {judged.probe.name for judged in capacity.evidence} == {"deeper"}
    later = Watching()
    again = explained(CURVE, tmp_path, trainer=later)
    assert all(spec.config.width > 16 for spec in later.given)
    (capacity,) = [v for v in again.final.verdicts if v.cause == "capacity"]
    assert {judged.probe.name for judged in capacity.evidence} == {"deeper", "wider", "much_wider"}


def broken_when_wide(spec: TrialSpec, epoch: int) -> None:
    if spec.config.width > 16:
        raise RuntimeError("out of memory")


def test_what_cannot_be_explained_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no finite epoch"):
        explained(lambda spec, epoch: float("nan"), tmp_path / "a")


class Listening(NoTracker):
    """A tracker that keeps what it hears."""

    def __init__(self) -> None:
        self.study: StudyRun | None = None
        self.trials: dict[int, TrialRun] = {}
        self.epochs: dict[int, int] = {}
        self.ended: dict[int, str] = {}
        self.files: dict[str, Path] = {}

    def start_study(self, study: StudyRun) -> None:
        self.study = study

    def start_trial(self, trial: TrialRun) -> None:
        assert self.trials.setdefault(trial.number, trial) == trial, "a number is one run for ever"

    def run_id(self, number: int, role: str = "trial") -> str | None:
        # As a real one: a run is known once the next has begun.
        return f"{role} {number}" if number + 1 in self.trials else None

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, float]) -> None:
        self.epochs[number] = epoch

    def end_trial(self, number: int, outcome: str, metrics: Mapping[str, float]) -> None:
        self.ended[number] = outcome

    def end_study(
        self, metrics: Mapping[str, float], *, summary: str = "", files: Mapping[str, Path] = {}
    ) -> None:
        self.files = dict(files)


def test_runs_are_tracked_under_a_parent_of_their_own(tmp_path: Path) -> None:
    tracker = Listening()
    found = explained(CURVE, tmp_path, tracker=tracker)
    assert tracker.study is not None
    assert tracker.study.name == "toy-explain-baseline"
    assert {t.role for t in tracker.trials.values()} == {"probe"}
    assert set(tracker.ended.values()) == {"complete"}
    assert len(tracker.ended) == sum(len(runs) for _, runs in found.runs)
    assert set(tracker.epochs.values()) == {60, 180}
    assert all(len(t.name) <= 22 for t in tracker.trials.values())
    written = json.loads(tracker.files["explain.json"].read_text())
    assert written == found.to_json()
    known = [run["run_id"] for run in written["runs"] if run["number"] + 1 in tracker.trials]
    assert len(known) == len(written["runs"]) - 1
    assert None not in known
    probe = written["final_value"]["verdicts"][0]["evidence"][0]
    assert probe["runs"] == [f"probe {number}" for number in probe["numbers"]]
    half = [t for t in tracker.trials.values() if t.params["probe"] == "half_data"]
    assert {t.params["share"] for t in half} == {0.5}


def test_the_record_keeps_numbers_and_heals_half_lines(tmp_path: Path) -> None:
    record = Record(tmp_path)
    assert [record.number(key) for key in ("a", "b", "a")] == [0, 1, 0]
    with (tmp_path / FILE).open("a") as file:
        file.write('{"key": "c", "num')
    again = Record(tmp_path)
    assert [again.number(key) for key in ("b", "d")] == [1, 2]
    assert Record(tmp_path).numbers == {"a": 0, "b": 1, "d": 2}


def test_a_spec_is_plain_enough_for_another_process(tmp_path: Path) -> None:
    import pickle

    trainer = Watching()
    explained(CURVE, tmp_path, trainer=trainer, all_probes=True)
    for spec in trainer.given:
        assert pickle.loads(pickle.dumps(spec)) == spec
        assert dataclasses.is_dataclass(spec.config)
