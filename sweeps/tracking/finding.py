"""Which runs a study has in MLflow already: asked once for many trials, not for each.

A run that this folder does not know of has begun after the newest one that it does, or belongs to
a stream that is still to be delivered. A request that was sent again because its answer was lost
has made a second run, with the start of the first. So one search by start finds both, whatever the
number of runs; only the oldest of two runs is kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sweeps.tracking import runs
from sweeps.tracking.client import all_runs
from sweeps.tracking.journal import STUDY, Journal

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

Key = tuple[str, str]  # the series of a trial's number, and the number
_MARGIN = 600_000  # ms: runs are made nearly in the order in which their trials have begun


class Finding:
    """The runs of a study that no stream has yet, and those that were made and not yet checked.

    fresh: whether the study's own run has just been made, so that there can be no others. alive:
    called after each answer.
    """

    def __init__(
        self, client: MlflowClient, journal: Journal, alive: Callable[[], None], *, fresh: bool
    ) -> None:
        self._client, self._journal, self._alive = client, journal, alive
        self._known: dict[Key, str] | None = {} if fresh else None

    def look(self, names: Iterable[str]) -> None:
        """Find what is there, before runs are made for these streams, unless it is known."""
        state = self._journal.state
        starts = [t for name in names if (t := self._start(name)) is not None]
        if not starts:
            return
        if self._known is None:
            since = 0 if state.latest is None else min(*starts, state.latest - _MARGIN)
            if state.unchecked is not None:
                since = min(since, state.unchecked)
            self._known = self._single(since)
            state.unchecked = None
        # Kept before anything is made, so that the next process knows where to look.
        state.unchecked = min([*starts, *([] if state.unchecked is None else [state.unchecked])])

    def take(self, key: Key) -> str | None:
        """Return the run that a trial has, None where it has none."""
        return None if self._known is None else self._known.pop(key, None)

    def check(self) -> None:
        """Make sure that what was made since `look` was made once."""
        state = self._journal.state
        if state.unchecked is not None:
            self._single(state.unchecked)
            state.unchecked = None

    def _start(self, name: str) -> int | None:
        """Return when a stream's trial began, None where it has a run or tells of no trial."""
        sent = self._journal.state.sent.get(name)
        if name == STUDY or (sent is not None and sent.run is not None):
            return None
        for _, item in self._journal.stream(name).read():
            if item.get("do") == "trial":
                return int(item.get("time", 0))
        return None

    def _single(self, since: int) -> dict[Key, str]:
        """Delete what was made twice since then; return the runs that no stream has."""
        state = self._journal.state
        query = f"attributes.start_time >= {since} and tags.`{runs.ROOT}` = '{state.parent}'"
        found: dict[Key, list[Run]] = defaultdict(list)
        for run in all_runs(self._client, [str(state.experiment)], query, alive=self._alive):
            tags = run.data.tags
            if runs.NUMBER in tags:
                found[tags.get(runs.KIND, ""), tags[runs.NUMBER]].append(run)
        mine = {sent.run for sent in state.sent.values() if sent.run is not None}
        unknown = {}
        for key, several in found.items():
            ids = [run.info.run_id for run in several]
            kept = next((one for one in ids if one in mine), ids[0])
            for one in ids:
                if one != kept:
                    self._client.delete_run(one)
            if kept not in mine:
                unknown[key] = kept
        return unknown
