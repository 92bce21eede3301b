"""What scores a model elsewhere reads cells as the training data were read."""

from __future__ import annotations

import ast
from pathlib import Path

import sweeps.tracking
from objectives.reading import MISSING


def test_the_scorer_knows_the_same_missing_cells() -> None:
    # MLflow copies the file, which therefore imports nothing of ours: the list is there twice.
    source = Path(sweeps.tracking.__file__).with_name("scorer.py").read_text(encoding="utf-8")
    lists = [
        ast.literal_eval(node.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "MISSING"
    ]
    assert lists == [set(MISSING)]
