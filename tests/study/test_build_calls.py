"""What a model is built for: a trial that is asked for, and nothing else in the driver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from objectives import BadInput, Objective, Source
from sweeps.cli.again import same
from sweeps.cli.explain import reference_of
from sweeps.cli.files import exported
from sweeps.cli.frames import trials_frame
from sweeps.cli.listing import listing
from sweeps.cli.report import gathered
from sweeps.cli.work import lines, publish, run_to_total
from sweeps.study.compare import compare
from sweeps.study.confirm import Confirm
from sweeps.study.parent import parent_run, repair
from sweeps.study.session import Session, opened
from sweeps.study.settings import Settings
from sweeps.study.summary import summarise
from sweeps.study.sweep import Sweep
from sweeps.tracking import NoTracker
from sweeps.workers.versions import versions
from tests.scripted import Scripted, load
from tests.study.test_loop import Watching


class Counted:
    """A `build(trial)` that counts its calls; `deep` is asked for where there are layers."""

    def __init__(self, low: float = 1e-4, kinds: tuple[str, ...] = ("relu", "tanh")) -> None:
        self.calls, self.low, self.kinds = 0, low, kinds

    def __call__(self, trial: Any) -> None:
        self.calls += 1
        rate = trial.suggest_float("rate", self.low, 1e-1, log=True)
        layers = trial.suggest_int("layers", 0, 3)
        if layers:
            trial.suggest_categorical("kind", self.kinds)
            trial.suggest_int("deep", 1, 4 * layers)
        trial.set_user_attr("ten", 10 * rate)


class Curves(Scripted):
    """A rate's curve falls to the rate."""

    def evaluate(self, spec: Any, model: Path | None = None) -> dict[str, float]:
        return {"test_loss": spec.config["rate"]}


@contextmanager
def study(folder: Path, build: Any, reading: bool = False, **given: Any) -> Iterator[Session]:
    baseline, tracker = given.pop("baseline", None), given.pop("tracker", NoTracker())
    objective: Objective[Any] = Objective(load=load, build=build, max_epochs=4, baseline=baseline)
    curves = Curves(lambda spec, epoch: spec.config["rate"] + 1.0 / epoch)
    curves.rate = lambda spec, epoch: 0.1
    with opened(
        Sweep("built", objective),
        Settings(folder=folder, confirm=2, **{"trials": 8, **given}),
        lambda *_: curves,
        lambda *_: tracker,
        reading=reading,
    ) as found:
        yield found


def run(folder: Path, build: Any, **given: Any) -> None:
    with study(folder, build, **given) as found:
        found.loop(Watching()).run()


def test_a_trial_costs_one_call_and_to_open_none(tmp_path: Path) -> None:
    build = Counted()
    with study(tmp_path, build) as new:
        assert build.calls == 0
        new.loop(Watching()).run()
        assert build.calls == 8
        Confirm(new, 2).run()
        assert parent_run(new, versions()).columns == ("rate", "layers", "kind", "deep")
    run(tmp_path, build, trials=12)
    assert build.calls == 12
    run(tmp_path, build, trials=12)
    assert build.calls == 12


def test_what_is_read_of_a_study_costs_no_call(tmp_path: Path) -> None:
    build = Counted()
    run(tmp_path, build)
    run(tmp_path, build, study="other")
    before = build.calls
    with study(tmp_path, build, reading=True) as one, study(tmp_path, build, study="other") as two:
        Confirm(one, 2).run()
        Confirm(two, 2).run()
        assert compare(one, two).difference.n == 2
        summary = summarise(one)
        assert trials_frame(one).user_attrs_ten.tolist() == [
            10 * t.params["rate"] for t in one.store.ended()
        ]
        assert any(line.startswith("baseline: the middle") for line in lines(one, summary))
        assert [t.number for t in gathered(one, "built").trials] == list(range(8))
        assert exported(one, one.store.ended()[3]).config == one.store.ended()[3].params
        assert "--trials 8" in same(one)
        repair(one, pytest.fail)
        assert reference_of(one, "baseline").config == one.store.ended()[0].params
        assert {"rate", "layers"} <= one.space.keys()
        assert one.space["rate"].always
    assert "built" in "\n".join(listing(tmp_path))
    assert build.calls == before == 16


def test_the_tracker_is_told_the_ranges_of_all_trials_at_the_end(tmp_path: Path) -> None:
    class Told(NoTracker):
        def start_study(self, study: Any) -> None:
            self.study = study

    told, build = Told(), Counted()
    run(tmp_path, build, trials=12)
    with study(tmp_path, build, trials=12, tracker=told) as found:
        publish(found, summarise(found), print)
        assert {t.params["layers"] for t in found.store.ended()} >= {0, 1}
    assert told.study.columns == ("rate", "layers", "kind", "deep")
    assert told.study.axes == ("rate", "layers")
    assert told.study.params["space.kind"] == "relu, tanh"
    assert build.calls == 12


def test_a_build_that_cannot_be_asked_leaves_nothing(tmp_path: Path) -> None:
    def broken(trial: Any) -> None:
        raise KeyError("no such layer")

    with pytest.raises(KeyError), study(tmp_path, broken) as found:
        run_to_total(found, lambda line: None)
    assert listing(tmp_path)[-1] == "  none"


def test_what_was_narrowed_is_asked_for_when_it_is_new_and_kept(tmp_path: Path) -> None:
    build = Counted()
    given: dict[str, Any] = {"fix": ("kind=tanh",), "ranges": ("layers=1:2",)}
    with pytest.raises(BadInput, match=r"no parameter 'kid'; did you mean 'kind'"):
        run(tmp_path, build, fix=("kid=tanh",))
    run(tmp_path, build, **given)
    before = build.calls
    run(tmp_path, build, trials=10)
    run(tmp_path, build, trials=11, **given)
    assert build.calls == before + 3
    with study(tmp_path, build, reading=True) as kept:
        trials = kept.store.ended()[1:]
        assert {t.params["kind"] for t in trials} == {"tanh"}
        assert {t.params["layers"] for t in trials} == {1, 2}
        assert kept.space["kind"].choices == ("tanh",)
    assert build.calls == before + 3
    with pytest.raises(
        BadInput, match=r"space of layers = 1 to 2, and this command asks for 1 to"
    ):
        run(tmp_path, build, ranges=("layers=1:3",))


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (Counted(low=1e-3), r"space of rate = 0.0001 to 0.1 \(log\), and build asks for 0.001 to"),
        (
            Counted(kinds=("relu", "elu")),
            "space of kind = relu, tanh, and build asks for relu, elu",
        ),
    ],
)
def test_another_space_is_refused_when_a_trial_is_asked_for(
    tmp_path: Path, changed: Counted, named: str
) -> None:
    run(tmp_path, Counted())
    with study(tmp_path, changed, reading=True) as shown:
        assert len(shown.store.ended()) == 8
    assert changed.calls == 0
    with pytest.raises(BadInput, match=named):
        run(tmp_path, changed, trials=30)


def test_the_first_trial_is_the_middle_and_a_range_that_hangs_on_another_is_no_change(
    tmp_path: Path,
) -> None:
    with study(tmp_path, Counted(), trials=20, baseline={"kind": "tanh"}) as found:
        found.loop(Watching()).run()
        first = found.store.ended()[0].params
        assert first == {"rate": pytest.approx(10**-2.5), "layers": 1, "kind": "tanh", "deep": 2}
        assert len({str(t.distributions.get("deep")) for t in found.store.study.trials}) > 2


def test_an_older_study_goes_on(tmp_path: Path) -> None:
    build = Counted()
    run(tmp_path, build)
    with study(tmp_path, build) as made:
        kept = dict(made.store.study.user_attrs["identity"])
        del kept["narrowed"], kept["digest"], kept["mode"]
        kept["data"] = f"embedded ({load(Source()).digest[:12]})"
        kept["space"] = {"rate": "0.0001 to 0.1 (log)", "layers": "0 to 3"}
        made.store.study.set_user_attr("identity", kept)
    run(tmp_path, build, trials=9)
    assert build.calls == 9
    with pytest.raises(
        BadInput, match=r"space of layers = 0 to 3, and this command asks for 1 to"
    ):
        run(tmp_path, build, ranges=("layers=1:2",))
