"""What a study hands out in Python: one of its trials, and the average of its nets."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.cli.averages import weights_text
from sweeps.cli.ensemble import made
from sweeps.export.model import MODEL
from sweeps.study.average import Average
from sweeps.study.ended import Ended
from sweeps.study.final import with_weights
from sweeps.study.winner import confirmed_trials

if TYPE_CHECKING:
    import keras
    import pandas as pd

    from objectives.scorer import Scorer
    from sweeps.cli.studies import Study
    from sweeps.study.session import Session


class TrialHandle:
    """One ended trial: `number`, `value`, `outcome`, `params`, `config`, `model()`.

    confirmed: the mean value on fresh seeds, None where the trial was not trained on any.
    """

    def __init__(self, study: Study, ended: Ended, session: Session) -> None:
        self._study = study
        self._ended = ended
        self.number = ended.number
        self.value = ended.value
        self.outcome = ended.outcome
        self.params = dict(ended.params)
        self.config = session.store.config(ended.params)
        means = {one.trial.number: one.mean for one in confirmed_trials(session)}
        self.confirmed = means.get(ended.number)

    def __repr__(self) -> str:
        sure = "unconfirmed" if self.confirmed is None else f"confirmed {self.confirmed}"
        return f"trial {self.number}: {self.outcome} {self.value}, {sure}, {self.params}"

    @property
    def curves(self) -> pd.DataFrame:
        """The trial's curves."""
        return self._study.curves(self.number)

    def model(self) -> keras.Model:
        """Return the trained model, as it was in its best epoch, preprocessing included.

        Its `predict` also takes a data frame of raw columns. Trained again where its weights are
        no longer kept.
        """
        from objectives.scorer import takes_frames

        return takes_frames(self.scorer())

    def scorer(self) -> Scorer:
        """Return what takes raw rows: `predict` (probabilities or numbers) and `labels`."""
        from objectives.scorer import Scorer

        with (
            tempfile.TemporaryDirectory() as folder,
            self._study._opened_to_train() as session,
        ):
            path = Path(folder) / MODEL
            session.trainer.evaluate(with_weights(session, self._ended), model=path)
            return Scorer.open(path)


class Ensemble:
    """The average of a study's nets: `members`, `won`, `scores`, `model()`, `scorer()`.

    members: weights by trial number, the heaviest first. won: whether export takes it,
    since no validation rows tell that the single best net is better. scores: its value on the
    validation part and its scores on the test part. found: all that is known of it.
    """

    def __init__(self, study: Study, found: Average) -> None:
        self._study = study
        self.found = found
        self.members: Mapping[int, float] = dict(found.members)
        self.won = found.won
        self.scores = dict(found.scores)

    def __repr__(self) -> str:
        sure = "taken rather than" if self.won else "no gain over"
        members = weights_text(self.found.members)
        return f"average of {len(self.members)} nets ({members}): {sure} #{self.found.number}"

    def model(self) -> keras.Model:
        """Return the average as one model, preprocessing included; it takes data frames too."""
        from objectives.scorer import takes_frames

        return takes_frames(self.scorer())

    def scorer(self) -> Scorer:
        """Return what takes raw rows: `predict` (probabilities or numbers) and `labels`."""
        from objectives.scorer import Scorer

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / MODEL
            with self._study._opened_to_train() as session:
                made(session, path)
                return Scorer.open(path)

    def export(
        self,
        folder: str | Path,
        *,
        members: int | None = None,
        refit: bool = False,
        force: bool = False,
    ) -> Path:
        """Write `config.yaml` and `model.keras` of the average; return the folder.

        members: at most so many nets. refit: train its nets again, on the validation rows too.
        force: replace another export. Raises BadInput.
        """
        from sweeps.cli.files import export

        options: dict[str, Any] = {"to": Path(folder), "ensemble": True, "members": members}
        self._study._do(export, **options, refit=refit, force=force)
        return Path(folder)
