"""Many trials at once: few calls, no open files, a state that is kept by what has changed."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sweeps.tracking import delivery, journal
from sweeps.tracking.client import connect
from sweeps.tracking.courier import Courier
from sweeps.tracking.journal import Journal, Sent
from tests.tracking.told import Found, by_hand, expected, logs, study, tell, trial


class Counted:
    """A client that counts its calls; `twice` are sent again, as after a lost answer."""

    def __init__(self, client: Any, twice: tuple[str, ...] = ()) -> None:
        self.client, self.twice = client, twice
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)

        def call(*args: Any, **options: Any) -> Any:
            self.calls[name] += 1
            if name in self.twice:
                method(*args, **options)
            return method(*args, **options)

        return call


@pytest.fixture
def client(uri: str, monkeypatch: pytest.MonkeyPatch) -> Counted:
    found = Counted(connect(uri))
    monkeypatch.setattr(delivery, "connect", lambda uri: found)
    return found


def test_a_trial_takes_three_calls_and_all_together_two_searches(uri, folder, client):
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    tracker.delivery.deliver_all()
    client.calls.clear()
    for number in range(12):
        tell(tracker, number, outcome="pruned")
    tracker.delivery.deliver_all()
    assert client.calls["create_run"] == client.calls["log_batch"] == 12
    assert client.calls["set_terminated"] == 12
    assert client.calls["search_runs"] <= 2
    assert client.calls.total() <= 3 * 12 + 2
    found = Found(client.client)
    assert [found.points(n) for n in range(12)] == [expected(n, 3) for n in range(12)]
    shown = {run.data.tags["mlflow.runColor"] for n, run in found.children.items() if n}
    assert shown == {"#b3b3b3"}


def test_of_runs_that_a_lost_answer_has_doubled_one_stays(uri, folder, client):
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    tracker.delivery.deliver_all()
    client.twice = ("create_run",)
    for number in range(3):
        tell(tracker, number)
    tracker.delivery.deliver_all()
    found = Found(client.client)
    assert found.twins == {0: 1, 1: 1, 2: 1}
    assert [found.points(n) for n in range(3)] == [expected(n, 3) for n in range(3)]


def test_a_doubled_run_that_was_not_looked_for_is_found_by_the_next_process(uri, folder, client):
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    tracker.delivery.deliver_all()
    client.twice = ("create_run",)
    tell(tracker, 0)
    tracker.start_trial(trial(1))
    tracker.epoch(1, 1, logs(1, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sweeps.tracking.finding.Finding.check", lambda self: None)  # killed before
        tracker.delivery.deliver_all()
    assert Found(client.client).twins == {0: 2, 1: 2}
    client.twice = ()
    again = by_hand(uri, folder)
    again.start_study(study())
    tell(again, 1)
    again.delivery.deliver_all()
    found = Found(client.client)
    assert found.twins == {0: 1, 1: 1}
    assert [found.points(n) for n in range(2)] == [expected(n, 3) for n in range(2)]


def test_a_running_trial_holds_no_file_open(uri: str, folder: Path):
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    before = len([*Path("/proc/self/fd").iterdir()])
    for number in range(40):
        tracker.start_trial(trial(number))
        tracker.epoch(number, 1, logs(number, 1))
    assert len([*Path("/proc/self/fd").iterdir()]) == before
    assert len([*(folder / "tracking").glob("trial-*.jsonl")]) == 40


def test_what_changed_is_kept_without_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kept = Journal(tmp_path)
    for number in range(30):
        kept.stream(f"trial-{number:05d}").append({"do": "trial"})
        kept.sent(f"trial-{number:05d}").run = f"r{number}"
    kept.save()
    (log,) = [kept._log.path] if kept._log else []
    for number in range(30):
        sent = kept.sent(f"trial-{number:05d}")
        sent.offset = kept.stream(f"trial-{number:05d}").size
        kept.state.best = number
        kept.save()
        assert Journal(tmp_path).state == kept.state
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [len(line["sent"]) for line in lines] == [1] * 30
    log.write_bytes(log.read_bytes()[:-20])  # a torn end: what it had told is sent again
    assert Journal(tmp_path).pending() == ["trial-00029"]
    monkeypatch.setattr(journal, "_LOG", 10)
    kept.save()
    kept.save()
    assert Journal(tmp_path).state == kept.state
    assert len([*tmp_path.glob("state-*.log")]) == 1


def test_a_state_without_its_log_is_that_of_an_earlier_moment(tmp_path: Path):
    kept = Journal(tmp_path)
    kept.stream("trial-00001").append({"do": "trial"})
    kept.save()
    kept.state.sent["trial-00001"] = Sent(kept.stream("trial-00001").size, "r1")
    kept.sent("trial-00001")
    kept.save()
    for log in tmp_path.glob("state-*.log"):
        log.unlink()
    assert Journal(tmp_path).pending() == ["trial-00001"]


class Noted:
    """A delivery that notes what it is asked for."""

    class journal:  # noqa: N801
        folder, on_disk = "here", True

    alive = 0.0

    def __init__(self) -> None:
        self.asked: list[object] = []

    def deliver_all(self) -> None:
        self.asked.append("all")

    def deliver(self, among: set[str]) -> None:
        self.asked.append(among)


def test_trials_that_have_ended_do_not_wait_for_running_ones() -> None:
    noted = Noted()
    courier = Courier(noted)  # type: ignore[arg-type]
    assert courier._try()
    courier._all_at = time.monotonic() + 3600
    courier.wake("trial-00001")
    courier.wake("trial-00002")
    assert courier._try()
    courier.after_delivery(lambda: True)
    assert courier._try()
    assert noted.asked == ["all", {"trial-00001", "trial-00002"}, "all"]
