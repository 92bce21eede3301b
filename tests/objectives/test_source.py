"""What data keep of where they come from, and what earlier versions kept of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import BadInput, Data, Part, Source
from objectives.dense_binary import DENSE_BINARY
from objectives.lstm_recall import LSTM_RECALL
from objectives.tables import from_arrays, load_table


def table(folder: Path, **given: Any) -> Data:
    rows = [f"{'yes' if n * n % 5 == 1 else 'no'},{n % 7 / 2},{n},{n // 4}" for n in range(60)]
    (folder / "t.csv").write_text("\n".join(["y,a,b,g", *rows]))
    return load_table(Source(str(folder / "t.csv"), "y", **given), "binary")


def test_the_digests_by_which_studies_know_their_data_never_change(tmp_path: Path) -> None:
    found = {
        "dense": DENSE_BINARY.data(Source()).digest,
        "lstm": LSTM_RECALL.data(Source()).digest,
        "table": table(tmp_path, group="g", options={"weights": "balanced"}).digest,
    }
    assert found == {
        "dense": "cad8a3d95096d8db25d9509b26bde4916fb37e24",
        "lstm": "25d777f4476a2fed59a9322659a727e7dd15b535",
        "table": "02973f6ff59bb851e4d48a1902e19b94c168601c",
    }


def test_data_keep_what_was_made_of_their_source(tmp_path: Path) -> None:
    found = table(tmp_path, options={"ignore": "b, g"}).source
    assert found == Source(
        str(tmp_path / "t.csv"), "y", "yes", kind="stratified",
        options={"ignore": ["b", "g"], "threshold_for": "balanced_accuracy"},
    )  # fmt: skip
    arrays = (np.arange(60.0).reshape(30, 2), np.arange(30) % 2)
    held = from_arrays(*arrays, Source(arrays=arrays), "binary").source
    assert (held.name, held.path, held.arrays) == ("arrays", None, ())


def test_data_that_an_earlier_version_kept_are_opened(tmp_path: Path) -> None:
    options = {"ignore": ["b"], "weights": "balanced", "threshold_for": "f1"}
    data = table(tmp_path, group="g", options=options)
    data.save(tmp_path)
    plain = json.loads((tmp_path / "data.json").read_text())
    plain["source"] = data.source.name
    plain["details"] |= {"target": "y", "positive": "yes", "split": data.source.split, **options}
    (tmp_path / "data.json").write_text(json.dumps(plain))
    assert Data.open(tmp_path).source == data.source
    plain |= {"source": "arrays", "details": {}}
    (tmp_path / "data.json").write_text(json.dumps(plain))
    assert Data.open(tmp_path).source == Source(arrays=())


def test_the_name_of_a_file_is_no_source() -> None:
    part = Part(np.zeros((2, 1)), np.zeros(2))
    with pytest.raises(BadInput, match=r"Data\(source='my.csv'\): give the Source that load was"):
        Data(part, part, part, source="my.csv")  # type: ignore[arg-type]
