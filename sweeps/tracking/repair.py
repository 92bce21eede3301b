"""Makes MLflow agree with the study's store, which is taken to be right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from sweeps.tracking import EndedTrial, limits, runs
from sweeps.tracking.client import page_of_runs
from sweeps.tracking.delivery import Delivery

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


class Repair:
    """Gives every finished trial one run with its outcome; `messages` tells what was done.

    Runs in the courier's thread after a delivery, and again after a fault. Runs that a user
    deleted stay deleted.
    """

    def __init__(
        self, delivery: Delivery, ended: Iterable[EndedTrial], undelivered: int = 0
    ) -> None:
        self.delivery = delivery
        self._ended = ended  # many, which are read where nobody waits for it
        self._undelivered = undelivered  # items that the last session left in the journal
        self._done: dict[int, str] = {}
        self._found: dict[int, list[Run]] = defaultdict(list)  # as far as it was read
        self._token: str | None = None
        self._read = False

    @property
    def messages(self) -> list[str]:
        """One line per repair."""
        count = self._undelivered
        sent = [f"{count} items left from last time were sent to MLflow"] * bool(count)
        return sent + [self._done[number] for number in sorted(self._done)]

    def run(self) -> None:
        """Compare, repair and deliver. Raises what MLflow raises."""
        while not self.step():
            pass

    def step(self) -> bool:
        """Read some of the runs, or repair once all are read; return whether all is done.

        What comes in between is delivered meanwhile. Raises what MLflow raises.
        """
        client = self.delivery.client
        self._ended = ended = list(self._ended)
        if client is None or not ended:
            return True
        if not self._read:
            self._read_some(client)
            return False
        repaired = [trial for trial in ended if self._fix(client, trial, self._found)]
        if repaired:
            self.delivery.deliver_all()
            for trial in repaired:
                self._count(client, trial)
        return True

    def _read_some(self, client: MlflowClient) -> None:
        state = self.delivery.state
        query = f"tags.`{runs.PARENT}` = '{state.parent}' and tags.`{runs.KIND}` = 'trial'"
        some, self._token = page_of_runs(
            client, [str(state.experiment)], query, self._token, deleted=True
        )
        for run in some:
            self._found[int(run.data.tags[runs.NUMBER])].append(run)
        self._read = self._token is None

    def _fix(self, client: MlflowClient, trial: EndedTrial, found: dict[int, list[Run]]) -> bool:
        """Complete a trial's stream, to be sent again, unless its run is right already."""
        number = trial.trial.number
        known = found.get(number, [])
        active = [run for run in known if run.info.lifecycle_stage == "active"]
        if known and not active:
            return False
        what, anew = _wrong(trial, active)
        if not what:
            return False
        for run in active if anew else []:
            client.delete_run(run.info.run_id)
        self._done[number] = f"trial {number}: {what}"
        self._complete(trial)
        return True

    def _complete(self, trial: EndedTrial) -> None:
        """Add what the journal lacks of a trial, and mark all of it to be sent again."""
        name = runs.stream_name(trial.trial.role, trial.trial.number)
        stream = self.delivery.journal.stream(name)
        items = [item for _, item in stream.read()]
        times = [item["time"] for item in items] or [self.delivery.study["time"]]
        if not any(item["do"] == "trial" for item in items):
            stream.append({"do": "trial", **asdict(trial.trial), "time": times[0]})
        if not items or items[-1]["do"] != "end" or items[-1]["outcome"] != trial.outcome:
            metrics = limits.finite(trial.metrics)
            stream.append(
                {"do": "end", "outcome": trial.outcome, "time": times[-1], "metrics": metrics}
            )
        self.delivery.forget(name)

    def _count(self, client: MlflowClient, trial: EndedTrial) -> None:
        """Add to the message how many epochs of a repaired trial are in no journal."""
        name = runs.stream_name(trial.trial.role, trial.trial.number)
        run = str(self.delivery.journal.sent(name).run)
        monitor = limits.key(self.delivery.study["monitor"])
        steps = {point.step for point in client.get_metric_history(run, monitor)}
        lost = trial.epochs - len(steps - {0})
        if lost > 0:
            self._done[trial.trial.number] += f"; {lost} of its {trial.epochs} epochs are lost"


def _wrong(trial: EndedTrial, active: list[Run]) -> tuple[str, bool]:
    """Return what is wrong with a trial's runs, and whether only a new run can correct it."""
    if not active:
        return "had no run in MLflow, now created", False
    if len(active) > 1:
        return f"had {len(active)} runs in MLflow, now one", False
    data, status = active[0].data, active[0].info.status
    outcome = data.params.get("outcome")
    if outcome not in (None, trial.outcome):  # a parameter cannot change
        return f"was {outcome} in MLflow, now {trial.outcome}", True
    finals = {limits.key(name) for name in limits.finite(trial.metrics)}
    right = runs.STATUS.get(trial.outcome, "FINISHED")
    if outcome is None or status != right or finals - data.metrics.keys():
        return f"was unfinished in MLflow, now {trial.outcome}", False
    return "", False
