"""Whatever a user calls things, a page says it and does nothing else."""

from __future__ import annotations

import dataclasses
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.explain.explanation import Explanation
from sweeps.report import payload
from sweeps.report.given import Plain, Report
from sweeps.report.page import render
from tests.report.made import NASTY, Page, ended, nasty, study, whole


def test_everything_from_users_is_escaped(found: Explanation) -> None:
    report = study(nasty=NASTY, findings=[nasty(found)])
    page, plain = Page(render(report)), Page(render(whole(found)))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
    assert "alert(1)" in page.text, "it is shown as it is"
    assert NASTY in json.dumps(page.data["trials"], ensure_ascii=False).replace('\\"', '"')


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["<script>", "</script>", "<!--", "]]>", "{{ 7 * 7 }}", "{% raw %}", "&lt;", "'\"`$\\", "\0"]
)


@settings(max_examples=60)
@given(name=TEXT, value=TEXT)
def test_no_name_changes_the_elements_of_a_page(name: str, value: str) -> None:
    """Names of parameters and studies, values, labels, notes, commands: all are texts."""
    page, plain = (Page(render(with_names(*of))) for of in ((name, value), ("name", "value")))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
    keys = [[sorted(a) for _, a in of.tags] for of in (page, plain)]
    assert keys[0] == keys[1], "no attribute is new"
    assert page.data["axes"][0]["name"] == f"a{name}"
    assert page.data["axes"][0]["choices"] == [f"0{value}", f"1{value}"]


def with_names(name: str, value: str) -> Report:
    """Return a report of two trials with a user's names in every place."""
    trials = [
        ended(number=n, value=1.0 + n, params={f"a{name}": f"{n}{value}", f"b{name}": value})
        for n in range(2)
    ]
    return dataclasses.replace(
        study(2, nasty=f"x{name}"),
        trials=trials,
        labels={0: f"l{value}", 1: f"l{value}"},
        notes=[f"n{value}"],
        plain=[Plain(f"p{name}", {"test_loss": 0.3})],
        commands=[(f"w{name}", f"c{value}")],
        address=f"h{value}",
    )


def test_data_is_no_script() -> None:
    assert "<" not in payload.embedded({"<": "</script>"})
