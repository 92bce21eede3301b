"""A config file asks for the data that its trial was trained on."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import Objective, Source
from objectives.tables import load_table
from sweeps.export.config import DataOf, Exported, Split, read, write


@pytest.mark.parametrize(
    "given",
    [
        {"positive": "no", "validation": 0.1, "seed": 7, "options": {"ignore": "g, b"}},
        {"group": "g", "options": {"weights": "balanced", "threshold_for": "f1"}},
        {"time_order": True, "test": 0.3},
    ],
)
def test_a_file_reads_the_same_data_as_its_study(tmp_path: Path, given: dict[str, Any]) -> None:
    rows = [f"{'yes' if n * n % 5 == 1 else 'no'},{n % 7 / 2},{n},{n // 4}" for n in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["y,a,b,g", *rows]))
    data = load_table(Source(str(tmp_path / "t.csv"), "y", **given), "binary")
    written = Exported("mine", {}, data=DataOf.of(data), split=Split.of(data))
    write(written, tmp_path / "config.yaml")
    again = load_table(read(tmp_path / "config.yaml", dict).source(), "binary")
    assert (again.digest, again.source) == (data.digest, data.source)


def test_what_a_users_own_load_was_given_is_written_too(tmp_path: Path) -> None:
    x, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    options = {"ignore": "one, two", "years": [1999, 2001]}
    data = Objective(lambda source: (x, y), build=lambda trial: None).data(
        Source(target="z", seed=3, options=options)
    )
    written = Exported("mine", {}, data=DataOf.of(data), split=Split.of(data))
    write(written, tmp_path / "config.yaml")
    assert read(tmp_path / "config.yaml", dict).source() == data.source
