"""The average of nets on the page and on the terminal."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from objectives import Monitor
from sweeps.cli import averages
from sweeps.report.page import render
from sweeps.study.average import Average
from tests.report.made import NASTY, study

LOSS = Monitor("val_loss", "min")


def average(
    mean: float = -0.02, spread: float = 0.1, monitor: Monitor = LOSS, **changed: Any
) -> Average:
    found = {
        "members": [[7, 0.6], [0, 0.4]],
        "number": 7,
        "average": {"val_loss": 0.11, "test_loss": 0.1234, "test_accuracy": 0.98},
        "single": {"val_loss": 0.13, "test_loss": 0.15},
        "chosen_apart": [0.12, 0.13] if mean < 0.0 else [0.14, 0.13],
        "held_out": {"mean": mean, "spread": spread, "rows": 1000},
        "on_test": {"mean": -0.0266, "spread": 0.2, "rows": 500},
        "adds": {"7": 0.031, "0": 0.0042},
        "seconds": 2.5,
    }
    return Average.of(found | changed, monitor)


def shown(found: Average | None, **options: Any) -> Any:
    report = study(**options)
    return dataclasses.replace(report, summary=dataclasses.replace(report.summary, average=found))


def text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_the_page_shows_the_nets_their_weights_and_what_each_adds() -> None:
    page = text(render(shown(average())))
    assert "average of 2 nets, own seeds" in page
    for word in ("0.6", "0.031", "0.0042", "0.1234", "The average leads #7 alone"):
        assert word in page
    assert "2.5 s; no net was trained for it" in page


def test_the_page_says_where_nothing_is_gained_and_why_there_is_none() -> None:
    assert "No gain: export takes #7 alone" in text(render(shown(average(0.02))))
    page = text(render(shown(average(0.02, 9.0))))
    assert "1,000 validation rows cannot tell the average from #7 alone: export takes the" in page
    page = text(render(shown(Average(reason=f"no {NASTY}"))))
    assert "No average of nets: no " in page
    assert "Average of nets" not in text(render(shown(None)))
    assert "<script>alert" not in render(shown(Average(reason=NASTY), nasty=NASTY))


@pytest.mark.parametrize(
    ("found", "says", "takes"),
    [
        (average(), "the average is better", "export takes it (--single: #7)"),
        (average(spread=9.0), "the average leads, undecided", "export takes it (--single: #7)"),
        (average(0.02), "the average is worse", "export takes #7 (--ensemble: the average)"),
        (average(0.02, 9.0), "1,000 validation rows cannot tell it from #7", "export takes it"),
    ],
)
def test_the_summary_says_how_the_average_stands_and_what_export_takes(
    found: Average, says: str, takes: str
) -> None:
    summary = shown(found).summary
    assert averages.head(summary) == "  average of 2 nets, own seeds"
    test_part, verdict = averages.verdict(summary)
    assert "-0.0266 [" in test_part
    assert "500 test rows" in test_part
    assert says in verdict
    assert takes in verdict
    assert ("takes it" in verdict) == found.won


def test_a_metric_that_is_no_loss_must_not_fall() -> None:
    found = average(monitor=Monitor("val_auc", "max"), chosen_apart=[0.8, 0.9])
    assert not found.won
    assert "loss is better, but val_auc 0.8 against 0.9" in averages.standing(
        found, Monitor("val_auc", "max")
    )
    assert average(monitor=Monitor("val_auc", "max"), chosen_apart=[0.9, 0.8]).won


def test_the_threshold_is_that_of_what_export_takes() -> None:
    scores = {"threshold": 0.3, "test_accuracy": 0.9, "test_accuracy_at_threshold": 0.91}
    alone = {"best": {**scores, "threshold": 0.7}}
    for mean, word in ((-0.02, "average: threshold 0.3 "), (0.02, "threshold 0.7 ")):
        report = shown(average(mean, average=scores))
        summary = dataclasses.replace(report.summary, final=alone)
        (line,) = averages.threshold_lines(summary, "f1")
        assert line.startswith(word)
    assert averages.threshold_lines(shown(None).summary, "f1") == []


def test_without_an_average_or_with_one_net_the_table_has_no_row_of_it() -> None:
    for found in (None, Average(reason="none"), average(members=[[7, 1.0]])):
        assert averages.head(shown(found).summary) is None
    (line,) = averages.verdict(shown(Average(reason="none")).summary)
    assert line == "  no average of nets: none"
    (line,) = averages.verdict(shown(average(members=[[7, 1.0]])).summary)
    assert "better than #7 alone" in line
