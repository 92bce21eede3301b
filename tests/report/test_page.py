"""The page: whole, escaped, small, and silent in a browser."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from sweeps.explain.explanation import Explanation
from sweeps.report.found import read
from sweeps.report.given import Point
from sweeps.report.page import render, write
from sweeps.study.importance import Importances
from tests.report.made import NASTY, Page, ended, nasty, study, whole

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def test_it_answers_from_top_to_bottom(found: Explanation) -> None:
    page = Page(render(whole(found, address="http://127.0.0.1:5000/#/experiments/1")))
    ids = [attrs.get("id") for tag, attrs in page.tags if tag == "section"]
    assert ids == [
        *("found", "history", "curves-of-trials", "matters", "time", "pruning", "why", "again")
    ]
    links = {attrs.get("href") for tag, attrs in page.tags if tag == "a"}
    assert links == {f"#{name}" for name in ids}
    assert "beats the baseline: test_loss 0.143 against 0.164" in page.text
    assert "[-0.026, -0.016] on 5 fresh seeds: real, not luck" in page.text
    assert "Judged after epochs 8, 16, 32, 64." in page.text
    assert "python -m sweeps.dense_binary" in page.text
    assert "What sets the length of the initial plateau" in page.text
    assert "127.0.0.1:5000" in page.text


def test_plain_models_stand_below_the_nets_in_one_table() -> None:
    page = Page(render(study(12))).text
    assert "majority vote – – 0.512" in page
    assert "logistic regression – 0.317 0.871" in page
    assert page.index("best #") < page.index("majority vote") < page.index("The net beats")


def test_every_curve_is_there_with_its_config_and_drops(found: Explanation) -> None:
    report = whole(found)
    trials = {trial["name"].split()[0]: trial for trial in Page(render(report)).data["trials"]}
    assert len(trials) == len(report.trials)
    for number, frame in report.curves.items():
        trial = trials[f"#{number}"]
        assert trial["number"] == number
        assert trial["curves"]["val_loss"] == pytest.approx(list(frame["val_loss"]), rel=1e-3)
        assert "learning_rate" in trial["lines"][1]
        dropped = np.flatnonzero(np.diff(frame["learning_rate"]) < 0) + 2
        assert trial["drops"] == list(dropped)
    looks = [trial["look"] for trial in trials.values()]
    assert looks.count("best") == looks.count("baseline") == 1
    assert "pruned" in looks


def test_the_table_leaves_out_what_never_varied_and_marks_the_best() -> None:
    report = study(24)
    page = Page(render(report))
    assert "The same in all trials: activation relu." in page.text
    assert "params_width" in page.text
    assert "params_activation" not in page.text
    assert [attrs.get("class") for tag, attrs in page.tags if tag == "tr"].count("best") == 1
    best = report.summary.best
    assert best is not None
    assert f"#{best.number} best complete" in page.text


def test_nothing_points_outside(found: Explanation) -> None:
    page = Page(render(whole(found)))
    for tag, attrs in page.tags:
        assert tag not in ("link", "iframe", "img", "object", "embed", "base")
        assert "src" not in attrs
        assert not (attrs.get("href") or "#").startswith(("http", "//"))
        assert "url(" not in (attrs.get("style") or "")
    (policy,) = [a["content"] for _, a in page.tags if "Content-Security" in str(a)]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    own = [script for script in page.scripts if len(script) < 1_000_000]
    assert not re.search(r"fetch\(|XMLHttpRequest|https?://(?!127)", "".join(own))


def test_a_large_study_stays_small(tmp_path: Path, found: Explanation) -> None:
    path = write(study(1000, 100, findings=[read(found.to_json())]), tmp_path / "deep/report.html")
    assert 1_000_000 < path.stat().st_size < 10_000_000
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def test_a_study_that_has_little_is_still_a_page() -> None:
    report = study(1)
    bare = dataclasses.replace(
        report,
        summary=dataclasses.replace(
            report.summary, best=None, counts={}, seconds=0.0, importances=Importances()
        ),
        trials=[],
        curves={},
        confirmed=None,
        commands=(),
        config="",
        versions={},
    )
    page = Page(render(bare))
    assert "No trial is complete yet" in page.text
    unseen = Page(render(study(12, curves={})))
    assert "canvas" in [tag for tag, _ in unseen.tags], "the values are known without MLflow"
    assert "All 12 trials as a table" in unseen.text
    alone = Page(render(dataclasses.replace(report, confirmed=None)))
    assert "No trial beat the baseline" in alone.text
    one_seed = study(12, confirmed=None)
    assert "Unconfirmed: the best of several" in Page(render(one_seed)).text


def test_failed_trials_have_no_value_and_a_place() -> None:
    broken = [ended(number=n, outcome="failed", value=None, best_epoch=None) for n in range(3)]
    broken[0] = dataclasses.replace(broken[0], role="baseline")
    report = dataclasses.replace(study(12, curves={}, confirmed=None), trials=broken)
    nothing = dataclasses.replace(
        report.summary,
        best=None,
        baseline=broken[0],
        counts={"failed": 3},
        importances=Importances(),
    )
    page = Page(render(dataclasses.replace(report, summary=nothing)))
    assert "No trial is complete yet" in page.text
    assert "#2 failed – – 1,000" in page.text
    assert "Failed: #5 ValueError: out of memory" in page.text
    best = ended(number=3, value=0.25)
    one = dataclasses.replace(nothing, best=best, counts={"complete": 1, "failed": 3})
    page = Page(render(dataclasses.replace(report, trials=[*broken, best], summary=one)))
    assert "Trial 3 is the best: val_loss 0.25" in page.text
    assert f"baseline {report.named(0)} –" in page.text
    assert "How much each parameter matters needs " in page.text


@pytest.mark.parametrize(
    ("word", "mean", "says"),
    [
        ("real", -0.02, "beats the baseline"),
        ("undecided", -0.02, "may or may not beat"),
        ("real", 0.02, "does not beat"),
    ],
)
def test_the_headline_says_no_more_than_the_evidence(word: str, mean: float, says: str) -> None:
    report = study(12)
    assert report.confirmed is not None
    assert report.confirmed.difference is not None
    gap = dataclasses.replace(report.confirmed.difference, word=word, mean=mean)
    confirmed = dataclasses.replace(report.confirmed, difference=gap)
    assert says in Page(render(dataclasses.replace(report, confirmed=confirmed))).text
    confirmed = dataclasses.replace(confirmed, difference=None, repeats=1)
    one_seed = Page(render(dataclasses.replace(report, confirmed=confirmed))).text
    assert "may or may not beat" in one_seed
    assert "Unconfirmed" not in one_seed


# Goes over the chart until a curve is near, as a mouse does.
HOVER = """<script>
const canvas = document.querySelector("#curves canvas"), box = canvas.getBoundingClientRect();
for (let y = 20; y < box.height && document.querySelector("#curves .tip").hidden; y += 10)
  canvas.dispatchEvent(new PointerEvent("pointermove",
    { clientX: box.left + box.width / 3, clientY: box.top + y }));
document.getElementById("log").click();
const drawn = [];
for (const id of ["slices", "parallel", "so-far"]) {
  const of = document.querySelector(`#${id} canvas`);
  const dots = of.getContext("2d").getImageData(0, 0, of.width, of.height).data;
  if (dots.some((v) => v)) drawn.push(id);
}
document.documentElement.dataset.drawn = drawn.join(" ");
document.documentElement.dataset.shown = JSON.stringify([
  shown([1, 2, 3, 4], 1, false), shown([1, 2, 3, 90], 1, false), shown([1, 50, 55, 60], -1, false),
  shown([1, 2, 3, 4], -1, true), shown([1, 90], 1, false), shown([5, 5], 1, false)]);
const head = document.querySelectorAll(".sortable th")[2];
head.querySelector("button").click();
head.querySelector("button").click();
document.getElementById("metric").value = "learning_rate";
document.getElementById("metric").dispatchEvent(new Event("change"));
</script>"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_a_browser_opens_it_without_a_word(tmp_path: Path, found: Explanation) -> None:
    report = study(nasty=NASTY, findings=[nasty(found)])
    path = write(report, tmp_path / "report.html")
    path.write_text(path.read_text(encoding="utf-8") + HOVER, encoding="utf-8")
    log = tmp_path / "net.json"
    done = subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--enable-logging=stderr", "--log-level=0", "--dump-dom",
            "--virtual-time-budget=10000", f"--user-data-dir={tmp_path / 'profile'}",
            f"--log-net-log={log}", path.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert 'data-ready="yes"' in done.stdout
    assert re.findall(r'data-drawn="(.*?)"', done.stdout) == ["slices parallel so-far"]
    (ranges,) = re.findall(r'data-shown="(.*?)"', done.stdout)
    assert json.loads(ranges) == [[1, 4], [1, 3], [50, 60], [1, 4], [1, 90], [5, 5]]
    table = done.stdout[done.stdout.index('class="sortable"') :]
    (first,) = re.findall(r"<tbody>\s*<tr[^>]*><td[^>]*>#(\d+)", table)[:1]
    worst = max(report.trials, key=lambda trial: trial.reached)
    assert int(first) == worst.number, "the table is sorted by its values, downwards"
    assert re.search(r'class="tip"[^>]*><b>#\d+.*?epoch \d+: .*?learning_rate', done.stdout)
    assert not re.findall(r"^.*CONSOLE.*$", done.stderr, re.MULTILINE)
    text = log.read_text(encoding="utf-8", errors="replace")
    asked = set(re.findall(r'"url":"(https?://[^"]+)"', text))
    assert not {url for url in asked if "example.com" in url or "plot" in url}


def test_a_reliability_curve_where_there_are_chances() -> None:
    points = [Point(90.0, 0.1, 0.2), Point(10.0, 0.9, 0.7)]
    page = Page(render(study(calibration=points)))
    assert len([tag for tag, _ in page.tags if tag == "circle"]) == 2
    assert "Calibration" in page.text
    assert "Calibration" not in Page(render(study())).text
