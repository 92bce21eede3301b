"""What a study's database still lacks: kept on the local disk, and sent by a thread.

Every change is written to the disk before it is sent, so that neither a crash nor a server that
stays away loses one: the next driver of the study in this folder sends what is left before it does
anything else.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optuna.storages import RDBStorage

from objectives import BadInput
from objectives.reading import counted
from sweeps.study.changes import NEW, Change, Changing, Conflict, trial_of
from sweeps.study.server import Server
from sweeps.study.sole_driver import UNSENT, SoleDriver, Taken
from sweeps.study.write_through import FAULTS, GATHER, reason
from sweeps.study.writing import Rows, Unsure
from sweeps.tracking.courier import pause
from sweeps.tracking.notices import announce
from sweeps.tracking.streams import Stream

LOG = logging.getLogger("sweeps")
PATIENCE = 30.0  # seconds to wait at the end, as for MLflow
MOST = 1000  # changes in one transaction
LARGEST = 8_000_000  # bytes of the journal, beyond which what has been sent is cut off
_URGENT = 0.5  # seconds between attempts at the end


class Outbox:
    """Sends changes in order, each once. `instance` tells a study from a deleted namesake."""

    def __init__(self, server: Server, name: str, folder: Path, lock: SoleDriver) -> None:
        self.server = server
        self.name = name
        self.instance: str | None = None
        self.conflict: str | None = None  # why nothing is sent any more
        self.file = folder / UNSENT
        self._lock = lock
        self._journal = Stream(self.file)
        self._changing: Changing | None = None
        self._rows: Rows | None = None
        self._doubtful = 0  # of the oldest changes, those that may have been made
        self._pending: deque[Change] = deque()
        self._state = threading.Condition()
        self._sending = threading.Lock()  # held while a change is made
        self._hurry = self._closing = self._failing = self._waited = False
        self._thread: threading.Thread | None = None
        server.guard.slow = self._slow

    # What an earlier process has left.

    def send_left(self) -> None:
        """Send what an earlier process could not. Raises BadInput while that is not possible."""
        header, *changes = [item for _, item in self._journal.read()] or [{}]
        if not changes:
            self._journal.clear()
            return
        try:
            self._send_left(header, changes)
        except Conflict as conflict:
            aside = self._set_aside()
            announce(
                LOG,
                "%s of an earlier run do not fit study %r in its database (%s): they are not "
                "sent, and are kept in %s",
                counted(len(changes), "change"), self.name, conflict, aside,
            )  # fmt: skip
        except FAULTS as fault:
            raise BadInput(
                f"{counted(len(changes), 'change')} of an earlier run cannot be sent to "
                f"{self.server.shown} ({reason(fault)}): run the same command again; they are "
                f"kept in {self.file}"
            ) from fault
        else:
            self._journal.clear()
            many = counted(len(changes), "change")
            announce(LOG, "%s of an earlier run have been sent to %s", many, self.server.shown)

    def _send_left(self, header: Change, changes: Sequence[Change]) -> None:
        known = {study.study_name: study for study in self.server.get_all_studies()}
        if self.name not in known:
            raise Conflict("it was deleted")
        set_here = (one["args"][1] for one in changes if one["args"][:1] == ["instance"])
        instance = header.get("instance") or next(set_here, None)
        if known[self.name].user_attrs.get("instance") not in (None, instance):
            raise Conflict("it is a new one")
        changing = Changing(self.server, known[self.name]._study_id)
        for change in changes:
            with self.server.guard.operation(once=True):
                changing.make(change, again=True)

    def _set_aside(self) -> Path:
        n = 1
        while (aside := self.file.with_name(f"{self.file.name}.old{n}")).exists():
            n += 1
        os.replace(self.file, aside)
        self._journal = Stream(self.file)
        return aside

    # What this process changes.

    def begin(self, study: int, trials: Mapping[int, int]) -> None:
        """Take the store's ids: of the study, and of each trial by its number."""
        self._changing = Changing(self.server, study, trials)
        if isinstance(self.server, RDBStorage):
            self._rows = Rows(self.server, study, self._changing.trials)

    def put(self, change: Change) -> None:
        """Take a change, which is sent soon."""
        with self._state:
            if not self._journal.size:
                self._journal.append({"study": self.name, "instance": self.instance})
            self._journal.append(change)
            self._pending.append(change)
            if len(self._pending) in (1, MOST):  # otherwise the thread is awake already
                self._state.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="database", daemon=True)
            self._thread.start()

    def drop(self) -> None:
        """Forget what was to be sent: the study is deleted."""
        with self._sending, self._state:
            self._pending.clear()
            self._journal.clear()

    def settle(self) -> int:
        """Wait until all is sent, `PATIENCE` at most and once; return how many changes are not."""
        patience = _URGENT if self._waited else PATIENCE
        with self._state:
            self._hurry = True
            self._state.notify_all()
            self._state.wait_for(lambda: not self._pending or self.conflict, patience)
            self._hurry = False
            self._waited = bool(self._pending)
            return len(self._pending)

    def close(self) -> None:
        """End the thread; what is not sent stays on the disk."""
        with self._state:
            self._closing = True
            self._state.notify_all()
        if self._thread is not None:
            self._thread.join(_URGENT)
            if self._thread.is_alive():
                self.server.guard.cut()  # it must not write beside the next driver
                self._thread.join(PATIENCE)
        if not self._pending and not (self._thread and self._thread.is_alive()):
            self._journal.clear()
        self._journal.sync()

    def _run(self) -> None:
        tries = 0
        while True:
            with self._state:
                self._state.wait_for(lambda: self._pending or self._closing)
                if self._closing:
                    return
            try:
                self._next(again=tries > 0)
            except (Conflict, Taken) as conflict:
                self._stop(conflict)
                return
            except Exception as fault:
                tries += 1
                self._failed(reason(fault))
                LOG.debug("a change was not made", exc_info=True)
                self._rest(tries)
            else:
                tries = 0
                if self._rows is not None:
                    with self._state:  # what comes soon after is sent together
                        self._state.wait_for(self._enough, GATHER)

    def _enough(self) -> bool:
        return self._closing or self._hurry or len(self._pending) >= MOST

    def _next(self, *, again: bool) -> None:
        """Make the oldest change, or many. again: a try has failed."""
        with self._sending:
            if not self._pending or self._changing is None:
                return
            if again:
                self._lock.doubt()
            with self.server.guard.operation():
                if self._rows is not None:
                    self._rows.ping()  # or a lost connection, and the lock with it, is found late
                self._lock.ensure()
            if self._rows is not None and not self._doubtful:
                with self._state:
                    together = [*itertools.islice(self._pending, MOST)]
                self._doubtful = len(together)  # unless it is known that all or none were made
                new = [trial_of(one["args"][0]) for one in together if one["do"] == NEW]
                with contextlib.suppress(Unsure), self.server.guard.operation(once=True):
                    self._rows.make(together, new)
                    self._doubtful = 0
                    self._made(len(together))
                    return
            with self.server.guard.operation(once=True):
                self._changing.make(self._pending[0], again=again or self._doubtful > 0)
            self._doubtful = max(0, self._doubtful - 1)
            self._made(1)

    def _made(self, count: int) -> None:
        with self._state:
            for _ in range(count):
                self._pending.popleft()
            if self._pending and self._journal.size > LARGEST:
                header = {"study": self.name, "instance": self.instance}
                self._journal.rewrite([header, *self._pending])
            if not self._pending and not self._closing:  # else the journal may be another's by now
                self._journal.clear()
                if self._failing:
                    self._failing = False
                    announce(LOG, "the study's database is back, and has everything")
            self._state.notify_all()

    def _rest(self, tries: int) -> None:
        self._journal.sync()
        end = time.monotonic() + pause(tries)
        with self._state:
            while not self._closing and (left := end - time.monotonic()) > 0:
                if self._hurry:
                    self._state.wait(min(left, _URGENT))
                    return
                self._state.wait(left)

    def _stop(self, conflict: RuntimeError) -> None:
        with self._state:
            self.conflict = str(conflict)
            self._state.notify_all()
        announce(
            LOG, "nothing more is sent to the study's database (%s): changes are kept in %s",
            conflict, self.file,
        )  # fmt: skip

    def _slow(self) -> None:
        self._failed("it does not answer")

    def _failed(self, why: Any) -> None:
        if self._thread is None:
            announce(LOG, "waiting for an answer of %s", self.server.shown)
        elif not self._failing:
            self._failing = True
            announce(
                LOG,
                "the study's database cannot be written to (%s): training continues, and changes "
                "are kept in %s until they can be sent",
                why, self.file,
            )  # fmt: skip
