"""The threshold between two classes, as the exported config keeps it."""

from pathlib import Path

import yaml

from sweeps.export.config import Exported, with_scores, write


def test_the_threshold_has_a_section_of_its_own(tmp_path: Path) -> None:
    told = Exported("mine", {}, scores={"val_loss": 0.1})
    told = with_scores(told, {"test_auc": 0.9, "threshold": 0.25})
    write(told, tmp_path / "config.yaml")
    plain = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert plain["decision"] == {"threshold": 0.25, "chosen_for": "balanced_accuracy"}
    assert plain["scores"] == {"val_loss": 0.1, "test_auc": 0.9}
