"""A Pareto front on fresh seeds: which trials hold there, and which were lucky."""

from __future__ import annotations

from pathlib import Path

from objectives import Monitor
from sweeps.cli.front import held_lines
from sweeps.study.confirm import Confirm
from sweeps.study.held import held
from sweeps.study.options import STRIDE
from sweeps.study.several import Front, Point, front_of
from sweeps.study.summary import summarise
from tests.scripted import Scripted
from tests.study.test_loop import Watching
from tests.study.test_several import study_of

LOSS, SIZE = Monitor("val_loss", "min"), Monitor("params", "min")


def told(values: dict[int, tuple[list[float], int]]) -> dict[str, object]:
    """Return repeats as a study keeps them: of each trial its losses by seed, and its size."""
    return {
        str(number * STRIDE + seed): {"value": loss, "test": {}, "beside": {"params": size}}
        for number, (losses, size) in values.items()
        for seed, loss in enumerate(losses)
    }


def test_a_trial_that_another_beats_clearly_was_lucky() -> None:
    found = held(
        told(
            {
                1: ([0.10, 0.11, 0.105], 80),
                2: ([0.50, 0.51, 0.505], 90),  # larger and far worse
                3: ([0.30, 0.31, 0.305], 40),
                4: ([0.101, 0.109, 0.107], 85),  # larger, and worse by less than seeds do
            }
        ),
        (LOSS, SIZE),
        (1, 2, 3),
    )
    by_trial = {one.trial: one for one in found}
    assert [one.trial for one in found] == [1, 4, 3, 2]
    assert by_trial[1].beaten_by is by_trial[3].beaten_by is None
    assert by_trial[2].beaten_by == 1
    assert by_trial[2].clear
    assert by_trial[4].beaten_by == 1
    assert not by_trial[4].clear
    assert not by_trial[4].on_front
    points = tuple(Point(n, {"val_loss": 0.0, "params": 1}) for n in (1, 2, 3, 7))
    lines = list(held_lines(Front({"val_loss": "min", "params": "min"}, points, found)))
    assert any("#2" in line and "its place on the front was luck" in line for line in lines)
    assert any("#4" in line and "by less than seeds alone do" in line for line in lines)
    assert lines[-1] == "not confirmed: #7"


def test_the_front_is_confirmed_first_and_none_of_it_is_left_out(tmp_path: Path) -> None:
    given = {"trainer": Scripted(), "trials": 14, "confirm": 3}
    with study_of(tmp_path, "val_loss", "params", **given) as study:
        study.loop(Watching()).run()
        Confirm(study, 3).run()
        found = front_of(study)
        assert found is not None
        first = [point.trial for point in found.points][:5]
        confirmed = {one.trial: one for one in found.confirmed}
        assert set(first) <= set(confirmed)
        assert {confirmed[number].seeds for number in first} == {3}
        assert all(set(one.values) == {"val_loss", "params"} for one in found.confirmed)
        assert summarise(study).front == found
