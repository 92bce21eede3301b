"""From the journal to MLflow: every point exactly once, despite interruptions at any time."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from sweeps.tracking import limits, runs, shown, study_run
from sweeps.tracking.client import connect
from sweeps.tracking.finding import Finding
from sweeps.tracking.journal import STUDY, Journal, Sent, State
from sweeps.tracking.runs import Batch
from sweeps.tracking.together import each

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger("sweeps.tracking")

_BAD_STREAM = (KeyError, TypeError, ValueError, AttributeError)  # not of store or network
THREADS = 4  # that call a server at once; half of a call is waiting
Item = Mapping[str, Any]  # of a journal


class Delivery:
    """Delivers a journal to one MLflow store, from one thread at a time.

    A server is called by several threads, each with whole streams: a run's data come in order.
    """

    def __init__(self, uri: str, journal: Journal) -> None:
        self.uri = uri
        self.journal = journal
        self.client: MlflowClient | None = None
        self.study: dict[str, Any] = {}
        self.alive = 0.0  # when MLflow has last taken something, by the clock of `monotonic`
        self.may_go_on: Callable[[], None] = lambda: None  # raises once the time is up
        self._points: dict[str, set[tuple[str, int]]] = {}  # run -> points that it had before
        self._saved = True
        self._finding: Finding | None = None
        self._marked: set[str] | None = None  # streams whose runs have the best one's colour
        self._refusals: list[str] = []
        self.deleted: set[str] = set()  # streams whose run was deleted in MLflow

    @property
    def state(self) -> State:
        """What MLflow already has."""
        return self.journal.state

    def _live(self) -> None:
        self.alive = monotonic()

    def deliver_all(self) -> None:
        """Deliver everything. Raises at the first fault, and remembers what was delivered."""
        self.deliver(None)

    def deliver(self, among: Iterable[str] | None) -> None:
        """Deliver these streams, None: all. Raises as `deliver_all` does."""
        self.journal.write_held()
        client = self.client or self._open()
        if client is None:
            return
        try:
            names = self.journal.pending(among)
            self._saved = self._saved and not names
            self._deliver(client, names)
            self._colour_runs(client, names)
        except Exception as error:
            self._finding = None  # a run may have been made whose answer was lost
            if runs.gone(error) or runs.refused(error):
                self.client = None  # the store is new, or the study deleted: look both up again
            raise
        finally:
            self._save()

    def _deliver(self, client: MlflowClient, names: Sequence[str]) -> None:
        trials = [name for name in names if name != STUDY]
        if len(trials) < len(names):
            self._deliver_study(client)
        self._finding = self._finding or Finding(client, self.journal, self._live, fresh=False)
        self._finding.look(trials)
        deliver = partial(self._deliver_trial, client)
        threads = THREADS if self.uri.startswith("http") else 1
        broken = None
        for first in (True, False):  # a run that repeats a trial's appears under that run
            some = [name for name in trials if name.startswith("trial") is first]
            broken = each(some, deliver, threads, _BAD_STREAM) or broken
        self._finding.check()
        if broken is not None:
            raise broken

    @contextlib.contextmanager
    def _unless_deleted(self, client: MlflowClient, name: str) -> Iterator[None]:
        """Skip what a stream holds for a run that was deleted in MLflow."""
        try:
            yield
        except Exception as error:
            sent = self.journal.sent(name)
            if not (sent.run and runs.refused(error) and runs.deleted(client, sent.run)):
                raise
            sent.offset = self.journal.stream(name).size
            if name not in self.deleted:
                self.deleted.add(name)
                log.warning("%s was deleted in MLflow: no more data is sent for it", name)

    def _save(self) -> None:
        if self._saved:
            return
        try:
            self.journal.save()
            self._saved = True
        except OSError as error:
            log.debug("the tracker's state is not saved: %s", error)

    def _open(self) -> MlflowClient | None:
        """Connect, and find or create the parent run; None if no study was started."""
        items = [item for _, item in self.journal.stream(STUDY).read() if item["do"] == "study"]
        if not items:
            return None
        self.study = study = items[-1]
        client = connect(self.uri)
        if self.state.parent is not None and runs.deleted(client, self.state.parent):
            self.journal.forget()
            self._points.clear()
            self._marked = None
        state = self.state
        if state.experiment is None or state.parent is None:
            self._saved = False
            state.experiment = runs.experiment(client, self.uri, study["experiment"])
            mark = {runs.KIND: STUDY, runs.KEY: runs.study_key(study["name"], study["instance"])}
            state.parent, fresh = runs.find_or_create(
                client,
                state.experiment,
                mark,
                {runs.STUDY: limits.text(study["name"], limits.TAG)},
                study["name"],
                study["time"],
            )
            self._finding = Finding(client, self.journal, self._live, fresh=fresh)
        self.client = client
        return client

    def _deliver_study(self, client: MlflowClient) -> None:
        stream, sent = self.journal.stream(STUDY), self.journal.sent(STUDY)
        stream.sync()
        parent = str(self.state.parent)
        for behind, item in stream.read(sent.offset):
            if item["do"] == "study":
                study_run.start_study(client, str(self.state.experiment), parent, item)
            elif item["do"] == "best":
                self.state.best, self.state.also = item["number"], item.get("also", [])
            elif item["do"] == "end":
                folder = self.journal.folder
                study_run.end_study(client, parent, item, folder, self._refusals)
            sent.offset = behind

    def _deliver_trial(self, client: MlflowClient, name: str) -> None:
        self.may_go_on()
        with self._unless_deleted(client, name):
            self._deliver_items(client, name)
        self._live()

    def _deliver_items(self, client: MlflowClient, name: str) -> None:
        stream, sent = self.journal.stream(name), self.journal.sent(name)
        stream.sync()  # on disk before it is sent, so that a power cut duplicates no point
        items = list(stream.read(sent.offset))
        starts = [n for n, (_, item) in enumerate(items) if item["do"] == "trial"]
        ends = [n for n, (_, item) in enumerate(items) if item["do"] == "end"]
        batch, done = Batch(), sent.offset
        for n, (behind, item) in enumerate(items):
            if n < max(starts, default=0) or (item["do"] == "end" and n < ends[-1]):
                pass  # of an earlier trial with this number, or repaired since
            elif item["do"] == "trial":
                self._start_trial(client, sent, item, batch)
            elif item["do"] == "epoch":
                if len(batch.metrics) + len(item["metrics"]) > limits.METRICS:
                    self._send(client, sent, batch)
                    sent.offset, batch = done, Batch()
                batch.add(item["metrics"], item["time"], item["epoch"])
            elif item["do"] == "end":
                batch.add(item["metrics"], item["time"], 0)
                batch.params |= {"outcome": item["outcome"], **item.get("params", {})}
                batch.tags |= shown.tags_at_end(item["metrics"])
                colour = runs.colour(sent.role, item["outcome"], best=name in self._best())
                batch.tags |= {runs.COLOUR: colour} if colour != sent.colour else {}
                self._send(client, sent, batch)
                sent.colour = colour
                batch = Batch()
                self._end_trial(client, sent, item)
            done = behind
        self._send(client, sent, batch)
        sent.offset = done

    def _start_trial(self, client: MlflowClient, sent: Sent, item: Item, batch: Batch) -> None:
        number, role = item["number"], item["role"]
        mark = {
            runs.ROOT: str(self.state.parent),
            runs.KIND: runs.kind(role),
            runs.NUMBER: str(number),
        }
        found = sent.run  # where it was made by a delivery that failed later
        if found is None and self._finding is not None:
            found = self._finding.take((runs.kind(role), str(number)))
        if item.get("again"):
            for run in runs.find(client, str(self.state.experiment), mark):
                client.delete_run(run.info.run_id)
            found = None
        sent.role, sent.outcome = role, ""
        colour, made = runs.colour(role, "", best=False), found is None
        if found is None:
            tags = {
                **mark,
                runs.PARENT: self._parent_of(item),
                runs.ROLE: limits.text(role, limits.TAG),
                runs.COLOUR: colour,
            }
            run = client.create_run(str(self.state.experiment), item["time"], tags, item["name"])
            found = run.info.run_id
            self.state.latest = max(item["time"], self.state.latest or 0)
        sent.run = str(found)
        values = limits.flat(item["params"])
        batch.params |= {runs.param(name): limits.text(value) for name, value in values.items()}
        shown.add(batch, values)
        batch.params["seed"] = limits.text(item["seed"])
        if made:
            sent.colour = colour
            self._points[sent.run] = set()
            return
        known = client.get_run(sent.run)
        sent.colour = known.data.tags.get(runs.COLOUR, "")
        for key in known.data.params.keys() & batch.params.keys():
            del batch.params[key]
        if known.info.status != "RUNNING":
            client.update_run(sent.run, status="RUNNING")

    def _parent_of(self, item: Item) -> str:
        """Return the parent of a new run: the study's run, or the run of the trial it repeats."""
        of = item.get("of")
        repeated = None if of is None else self.journal.sent(runs.stream_name("trial", of)).run
        return str(repeated or self.state.parent)

    def _end_trial(self, client: MlflowClient, sent: Sent, item: Item) -> None:
        sent.outcome = item["outcome"]
        client.set_terminated(sent.run, runs.STATUS.get(sent.outcome, "FINISHED"), item["time"])
        self._points.pop(str(sent.run), None)

    def forget(self, name: str) -> None:
        """Forget what a trial's run has, and deliver all of it: both are looked up first."""
        self._points.pop(str(self.journal.sent(name).run), None)
        self._finding = None
        self.journal.resend(name)

    def _send(self, client: MlflowClient, sent: Sent, batch: Batch) -> None:
        """Send a batch without the points that the run already had when this process started."""
        if not (batch.metrics or batch.params or batch.tags):
            return
        run = str(sent.run)
        if run not in self._points:
            self._points[run] = runs.points(client, run)
        had = self._points[run]
        batch.metrics = [point for point in batch.metrics if (point[0], point[3]) not in had]
        runs.send(client, run, batch)

    def _best(self) -> set[str]:
        marked = (self.state.best, *self.state.also)
        return {runs.stream_name("trial", n) for n in marked if n is not None}

    def _colour_runs(self, client: MlflowClient, delivered: Iterable[str]) -> None:
        """Give every run the colour of its outcome."""
        best = self._best()
        changed = self.state.sent if self._marked is None else {*delivered, *(best ^ self._marked)}
        for name in list(changed):
            sent = self.state.sent.get(name)
            if sent is None or sent.run is None or name == STUDY:
                continue
            colour = runs.colour(sent.role, sent.outcome, best=name in best)
            if colour != sent.colour:
                with self._unless_deleted(client, name):
                    client.set_tag(sent.run, runs.COLOUR, colour)
                self.journal.sent(name).colour, self._saved = colour, False
        self._marked = best
