"""Trials on data sets that were interrupted resume with the same curve."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import Objective, Source
from objectives.training import Decision, Outcome, here
from tests.objectives.training.test_data_sets import build, load, spec, trained

pytestmark = pytest.mark.slow


def drawn(source: Source) -> Any:
    """Return a PyDataset that draws from NumPy at every batch, and a data set."""
    import keras

    class Drawn(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return 4

        def __getitem__(self, place: int) -> Any:
            x = np.random.standard_normal((8, 4)).astype("float32")
            return {"a": x[:, :2], "b": x[:, 2:]}, (x[:, 0] > 0).astype("int32")

    return Drawn(), load(source, shuffled=True)[1]


def endless(source: Source) -> Any:
    train, validation = load(source, shuffled=True)
    return train.repeat(), validation


KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "shuffled": (lambda source: load(source, shuffled=True), {}),
    "a PyDataset that draws": (drawn, {"version": "1"}),
    "endless, in steps": (endless, {"fit": {"steps_per_epoch": 2}}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_trial_resumes_to_the_bit(tmp_path: Path, kind: str) -> None:
    import keras

    read, more = KINDS[kind]
    found = Objective(
        load=read,
        build=build,
        callbacks=lambda config, monitor: [keras.callbacks.ReduceLROnPlateau(patience=1)],
        **more,
    )
    data = found.data(Source())
    whole = spec(max_epochs=5)
    kept = dataclasses.replace(whole, checkpoint=tmp_path / "0", checkpoint_every=0.0)
    (stopped,) = here(found, data).train(
        iter([kept]), lambda _, epoch, __: Decision.STOP if epoch == 3 else Decision.CONTINUE
    )
    assert stopped.outcome is Outcome.INTERRUPTED
    (result,), (curve,) = trained(here(found, data), kept)
    _, (expected,) = trained(here(found, data), whole)
    assert result.extra["resumed_epoch"] == 3
    assert any("read again to the end of epoch 3" in note for note in result.extra["notes"])
    assert curve == expected
    assert len({logs["loss"] for logs in curve}) == 5
