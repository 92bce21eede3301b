"""Deliver, crash, tear, lose and restart in any order: every point exactly once."""

import contextlib
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from mlflow.exceptions import MlflowException

from sweeps.tracking import EndedTrial, delivery, together
from sweeps.tracking.client import connect
from sweeps.tracking.repair import Repair
from tests.tracking.told import Found, by_hand, expected, finals, logs, study, trial

STORE: list[Path] = []
OUTCOMES = ["complete", "pruned", "failed"]


@pytest.fixture(autouse=True, scope="module")
def _store(empty_store: Path):
    STORE.append(empty_store)
    yield
    STORE.clear()


class Unsteady:
    """A client whose n-th call from now fails: before it is done, or when it is done already."""

    def __init__(self, client) -> None:
        self.client = client
        self.calls = -1
        self.done = False

    def fail(self, calls: int, *, done: bool) -> None:
        self.calls, self.done = calls, done

    def __getattr__(self, name: str):
        method = getattr(self.client, name)

        def call(*args, **options):
            self.calls -= 1
            if self.calls != 0:
                return method(*args, **options)
            if self.done:
                method(*args, **options)
            raise MlflowException("the network is down")

        return call


class Deliveries(RuleBasedStateMachine):
    """The study's own memory is `epochs` and `ended`, as Optuna's store is; it is never lost."""

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="deliveries-"))
        self.uri = f"sqlite:///{self.root}/mlflow.db"
        shutil.copyfile(STORE[0], self.root / "mlflow.db")
        self.client = Unsteady(connect(self.uri))
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(delivery, "connect", lambda uri: self.client)
        self.patch.setattr(delivery, "each", self.each)
        self.epochs: dict[int, int] = {}  # number -> epochs that the trial has run
        self.ended: dict[int, str] = {}
        self.open: set[int] = set()
        self.doubled = False
        self.start()

    @staticmethod
    def each(names, deliver, threads, lasting):
        return together.each(names, deliver, 1, lasting)

    def start(self) -> None:
        self.tracker = by_hand(self.uri, self.root / "study")
        self.tracker.start_study(study())
        self.open.clear()

    @rule(number=st.integers(0, 2))
    def train(self, number: int) -> None:
        """Start or go on; a trial that goes on tells its epochs from the first again."""
        if number in self.ended:
            return
        if number not in self.open:
            self.tracker.start_trial(trial(number))
            self.open.add(number)
            for epoch in range(1, self.epochs.get(number, 0) + 1):
                self.tracker.epoch(number, epoch, logs(number, epoch))
        epoch = self.epochs[number] = self.epochs.get(number, 0) + 1
        self.tracker.epoch(number, epoch, logs(number, epoch))

    @precondition(lambda self: self.open)
    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES), told=st.booleans())
    def end(self, data, outcome: str, told: bool) -> None:
        """End a trial; the study's store knows, the tracker may not live to hear of it."""
        number = data.draw(st.sampled_from(sorted(self.open)))
        self.open.remove(number)
        self.ended[number] = outcome
        if told:
            self.tracker.end_trial(number, outcome, finals(number, self.epochs[number]))
        else:
            self.crash(torn=0, state=True)

    @rule(number=st.integers(0, 2))
    def best(self, number: int) -> None:
        self.tracker.mark_best(number)

    @rule()
    def deliver(self) -> None:
        self.tracker.delivery.deliver_all()

    @rule(calls=st.integers(1, 9), done=st.booleans())
    def deliver_in_vain(self, calls: int, done: bool) -> None:
        self.client.fail(calls, done=done)
        with contextlib.suppress(MlflowException):
            self.tracker.delivery.deliver_all()
        self.client.fail(-1, done=False)

    @rule(torn=st.integers(0, 60), state=st.booleans())
    def crash(self, torn: int, state: bool) -> None:
        """Die: the end of what was not delivered may be torn, and the state's file be old."""
        folder = self.root / "study" / "tracking"
        for name, stream in self.tracker.journal.streams.items():
            sure = self.tracker.journal.sent(name).offset  # was on the disk before it was sent
            if stream.path.exists() and name != "study":
                data = stream.path.read_bytes()
                stream.path.write_bytes(data[: max(sure, len(data) - torn)])
        if not state:
            (folder / "state.json").unlink(missing_ok=True)
        self.start()

    @rule()
    def lose_the_folder(self) -> None:
        self.tracker.delivery.deliver_all()
        shutil.rmtree(self.root / "study")
        self.start()

    @rule(number=st.integers(0, 2))
    def double(self, number: int) -> None:
        """A request that was sent twice has made a second run."""
        sent = self.tracker.journal.state.sent.get(f"trial-{number:05d}")
        if sent and sent.run and number in self.ended:
            self.doubled = True
            run = self.client.client.get_run(sent.run)
            self.client.client.create_run(
                run.info.experiment_id, run.info.start_time + 1, dict(run.data.tags)
            )

    def teardown(self) -> None:
        if not hasattr(self, "tracker"):
            return
        for number in sorted(self.epochs.keys() - self.ended.keys()):
            self.train(number)
        ended = [
            EndedTrial(trial(n), outcome, self.epochs[n], finals(n, self.epochs[n]))
            for n, outcome in self.ended.items()
        ]
        self.tracker.delivery.deliver_all()
        repair = Repair(self.tracker.delivery, ended)
        repair.run()
        again = Repair(self.tracker.delivery, ended)
        again.run()
        assert again.messages == []
        assert self.doubled or not any("2 runs" in line for line in repair.messages)
        self.check(" ".join(repair.messages))
        self.patch.undo()
        shutil.rmtree(self.root)

    def check(self, lines: str) -> None:
        found = Found(self.client.client)
        assert len(found.parents) == 1
        assert found.twins == dict.fromkeys(self.epochs, 1)
        for number, epochs in self.epochs.items():
            points, outcome = found.points(number), self.ended.get(number)
            assert max(points.values()) == 1
            wanted = expected(number, epochs, ended=outcome is not None)
            missing = {step for _, step, _ in wanted - points}
            # A trial that ended is not trained again: its torn epochs are lost, and it is said.
            assert not points - wanted
            assert not missing or (outcome and f"{len(missing)} of its {epochs} epochs" in lines)
            assert found.children[number].data.params.get("outcome") == outcome


class AtOnce(Deliveries):
    """Several threads call MLflow, as they do a server."""

    @staticmethod
    def each(names, deliver, threads, lasting):
        return together.each(names, deliver, 3, lasting)


SETTINGS = {
    "stateful_step_count": 14,
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": list(HealthCheck),
}
TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(max_examples=15, **SETTINGS)
TestDeliveriesAtOnce = AtOnce.TestCase
TestDeliveriesAtOnce.settings = settings(max_examples=8, **SETTINGS)
