"""From the journal to MLflow: every point exactly once, despite interruptions at any time."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.tracking import limits, runs, shown, view
from sweeps.tracking.client import connect, reason
from sweeps.tracking.journal import STUDY, Journal, Sent, State
from sweeps.tracking.notices import announce
from sweeps.tracking.runs import Batch

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger("sweeps.tracking")

_BAD_STREAM = (KeyError, TypeError, ValueError, AttributeError)  # not of store or network
_FILE_TRIES = 3


class Delivery:
    """Delivers a journal to one MLflow store. Not thread-safe."""

    def __init__(self, uri: str, journal: Journal) -> None:
        self.uri = uri
        self.journal = journal
        self.client: MlflowClient | None = None
        self.study: dict[str, Any] = {}
        self._points: dict[str, set[tuple[str, int]]] = {}  # run -> points that it had before
        self._saved = True
        self._refusals = 0
        self._deleted: set[str] = set()  # streams whose run was deleted in MLflow

    @property
    def state(self) -> State:
        """What MLflow already has."""
        return self.journal.state

    def deliver_all(self) -> None:
        """Deliver everything. Raises at the first fault, and remembers what was delivered."""
        self.journal.write_held()
        client = self.client or self._open()
        if client is None:
            return
        broken: Exception | None = None
        try:
            for name in self.journal.pending():
                self._saved = False
                try:
                    with self._unless_deleted(client, name):
                        self._deliver(client, name)
                except _BAD_STREAM as error:
                    broken = error  # after the other streams have been delivered
            self._colour_runs(client)
            if broken is not None:
                raise broken
        except Exception as error:
            if runs.gone(error) or runs.refused(error):
                self.client = None  # the store is new, or the study deleted: look both up again
            raise
        finally:
            self._save()

    def _deliver(self, client: MlflowClient, name: str) -> None:
        if name == STUDY:
            self._deliver_study(client)
        else:
            self._deliver_trial(client, name)

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
            if name not in self._deleted:
                self._deleted.add(name)
                log.warning("%s was deleted in MLflow: no more data is sent for it", name)

    def _save(self) -> None:
        if self._saved:
            return
        try:
            self.journal.save()
        except OSError as error:
            log.debug("the tracker's state is not saved: %s", error)
        else:
            self._saved = True

    def _open(self) -> MlflowClient | None:
        """Connect, and find or create the parent run; None if no study was started."""
        items = [item for _, item in self.journal.stream(STUDY).read() if item["do"] == "study"]
        if not items:
            return None
        self.study = study = items[-1]
        client = connect(self.uri)
        if self.state.parent is not None and runs.deleted(client, self.state.parent):
            self.journal.state = State()
            self._points.clear()
        state = self.state
        if state.experiment is None or state.parent is None:
            self._saved = False
            state.experiment = runs.experiment(client, self.uri, study["experiment"])
            mark = {runs.KIND: STUDY, runs.KEY: runs.study_key(study["name"], study["instance"])}
            state.parent, _ = runs.find_or_create(
                client,
                state.experiment,
                mark,
                {runs.STUDY: limits.text(study["name"], limits.TAG)},
                study["name"],
                study["time"],
            )
        self.client = client
        return client

    def _deliver_study(self, client: MlflowClient) -> None:
        stream, sent = self.journal.stream(STUDY), self.journal.sent(STUDY)
        stream.sync()
        parent = str(self.state.parent)
        for behind, item in stream.read(sent.offset):
            if item["do"] == "study":
                self._start_study(client, parent, item)
            elif item["do"] == "best":
                self.state.best, self.state.also = item["number"], item.get("also", [])
            elif item["do"] == "end":
                self._end_study(client, parent, item)
            sent.offset = behind

    def _start_study(self, client: MlflowClient, parent: str, item: Mapping[str, Any]) -> None:
        """Write the parent's data. MLflow's params cannot change, so newer values become tags."""
        known = client.get_run(parent).data.params
        values = {f"data.{k}": v for k, v in limits.flat(item["data"]).items()}
        params = _params(limits.flat(item["params"]) | values)
        changed = {f"sweeps.now.{k}": v for k, v in params.items() if known.get(k, v) != v}
        tags = {limits.key(k): limits.text(v, limits.TAG) for k, v in item["tags"].items()}
        tags |= {k[: limits.KEY]: v[: limits.TAG] for k, v in changed.items()}
        fresh = {k: v for k, v in params.items() if k not in known}
        runs.send(client, parent, Batch(params=fresh, tags=tags))
        client.update_run(parent, status="RUNNING")
        if not known and item["data"]:
            runs.dataset(client, parent, item["data"])
        client.set_experiment_tag(self.state.experiment, *view.tag(parent, item))
        client.set_experiment_tag(self.state.experiment, *shown.KIND)

    def _end_study(self, client: MlflowClient, parent: str, item: Mapping[str, Any]) -> None:
        batch = Batch()
        batch.add(item["metrics"], item["time"], 0)
        if item["summary"]:
            batch.tags[runs.NOTE] = limits.note(item["summary"])
        runs.send(client, parent, batch)
        client.set_terminated(parent, "FINISHED", item["time"])
        for target, file in item["files"].items():
            self._attach(client, parent, target, self.journal.folder.resolve() / file)

    def _attach(self, client: MlflowClient, parent: str, target: str, file: Path) -> None:
        """Send a file; after several failures, skip it: the rest must not wait for it."""
        try:
            runs.attach(client, parent, target, file)
        except Exception as error:
            self._refusals += 1
            if self._refusals < _FILE_TRIES:
                raise
            log.warning("MLflow does not accept %s: %s", file, reason(error))

    def _deliver_trial(self, client: MlflowClient, name: str) -> None:
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
                self._send(client, sent, batch)
                batch = Batch()
                self._end_trial(client, sent, item)
                stream.close()
            done = behind
        self._send(client, sent, batch)
        sent.offset = done

    def _start_trial(
        self, client: MlflowClient, sent: Sent, item: Mapping[str, Any], batch: Batch
    ) -> None:
        number, role = item["number"], item["role"]
        mark = {
            runs.ROOT: str(self.state.parent),
            runs.KIND: runs.kind(role),
            runs.NUMBER: str(number),
        }
        if item.get("again"):
            for run in runs.find(client, str(self.state.experiment), mark):
                client.delete_run(run.info.run_id)
        sent.role, sent.outcome = role, ""
        colour = runs.colour(role, "", best=False)
        sent.run, made = runs.find_or_create(
            client,
            str(self.state.experiment),
            mark,
            {
                runs.PARENT: self._parent_of(item),
                runs.ROLE: limits.text(role, limits.TAG),
                runs.COLOUR: colour,
            },
            item["name"],
            item["time"],
        )
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

    def _parent_of(self, item: Mapping[str, Any]) -> str:
        """Return the parent of a new run: the study's run, or the run of the trial it repeats."""
        of = item.get("of")
        repeated = None if of is None else self.journal.sent(runs.stream_name("trial", of)).run
        return str(repeated or self.state.parent)

    def _end_trial(self, client: MlflowClient, sent: Sent, item: Mapping[str, Any]) -> None:
        status = runs.STATUS.get(item["outcome"], "FINISHED")
        client.set_terminated(sent.run, status, item["time"])
        sent.outcome = item["outcome"]
        self._points.pop(str(sent.run), None)

    def forget(self, name: str) -> None:
        """Forget which points a trial's run has: they are looked up before the next send."""
        self._points.pop(str(self.journal.sent(name).run), None)

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

    def _colour_runs(self, client: MlflowClient) -> None:
        """Give every run the colour of its outcome."""
        for name, sent in list(self.state.sent.items()):
            if sent.run is None or name == STUDY:
                continue
            marked = (self.state.best, *self.state.also)
            best = name in {runs.stream_name("trial", n) for n in marked if n is not None}
            colour = runs.colour(sent.role, sent.outcome, best=best)
            if colour != sent.colour:
                with self._unless_deleted(client, name):
                    client.set_tag(sent.run, runs.COLOUR, colour)
                sent.colour, self._saved = colour, False


def _params(values: Mapping[str, Any]) -> dict[str, str]:
    return {limits.key(name): limits.text(value) for name, value in values.items()}


def sync(uri: str, folder: Path) -> int:
    """Deliver what a study's folder still holds; return how many items remain.

    There is one attempt, of at most 30 s per call; its failure is logged as a warning. The caller
    holds the study's lock.
    """
    journal = Journal(folder / "tracking")
    try:
        Delivery(uri, journal).deliver_all()
    except Exception as error:
        announce(log, "MLflow does not accept the data: %s", reason(error))
    return journal.undelivered()
