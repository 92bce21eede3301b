"""The page: whole, escaped, small, and silent in a browser."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sweeps.explain.explanation import Explanation
from sweeps.report import payload
from sweeps.report.html import embedded, fill
from sweeps.report.page import Report, render, write
from tests.explain.planted import Net, explained, reference, waiting
from tests.report.made import NASTY, figures, study

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class Page(HTMLParser):
    """The elements of a page, its scripts' texts apart from its own."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts.append(data)
        elif self._inside != "style":
            self.words.append(data)

    @property
    def data(self) -> dict[str, Any]:
        for index, (_, attrs) in enumerate(t for t in self.tags if t[0] == "script"):
            if attrs.get("id") == "data":
                return json.loads(self.scripts[index])  # type: ignore[no-any-return]
        raise AssertionError("no data")

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Explanation:
    def script(spec: Any, epoch: int) -> float:
        steps = 1.0 / spec.config.optimizer.learning_rate
        return waiting(lambda s: steps, low=0.05)(spec, epoch)

    return explained(script, tmp_path_factory.mktemp("why"), reference(Net()), all_probes=True)


def whole(found: Explanation, **changed: Any) -> Report:
    return study(figures=figures(), findings=[found.to_json()], **changed)


def test_it_answers_from_top_to_bottom(found: Explanation) -> None:
    page = Page(render(whole(found, address="http://127.0.0.1:5000/#/experiments/1")))
    ids = [attrs.get("id") for tag, attrs in page.tags if tag == "section"]
    assert ids == ["found", "curves-of-trials", "matters", "time", "pruning", "why", "again"]
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
        assert trial["curves"]["val_loss"] == pytest.approx(list(frame["val_loss"]), rel=1e-3)
        assert "learning_rate" in trial["lines"][1]
        dropped = np.flatnonzero(np.diff(frame["learning_rate"]) < 0) + 2
        assert trial["drops"] == list(dropped)
    looks = [trial["look"] for trial in trials.values()]
    assert looks.count("best") == looks.count("baseline") == 1
    assert "pruned" in looks


def test_long_curves_are_thinned_and_keep_their_best_epoch() -> None:
    values = 1.0 / np.arange(1.0, 1001.0)
    values[613] = -1.0
    frame = pd.DataFrame({"val_loss": values}, index=pd.Index(range(1, 1001)))
    row = {"number": 1, "role": "trial", "outcome": "complete", "value": -1.0, "epochs": 1000}
    row |= {"best_epoch": 614, "params": {}}
    made = payload.trial(row, frame, ["val_loss"], None)
    assert len(made["x"]) <= payload.MOST_POINTS + 2
    assert made["x"][0] == 1
    assert made["x"][-1] == 1000
    assert -1.0 in made["curves"]["val_loss"]


def test_what_is_not_finite_is_a_gap_not_a_fault() -> None:
    frame = pd.DataFrame({"val_loss": [0.5, np.nan, np.inf]}, index=pd.Index([1, 2, 3]))
    row = {"number": 1, "role": "trial", "outcome": "diverged", "value": float("nan")}
    row |= {"best_epoch": 1, "epochs": 3, "params": {"rate": float("inf")}}
    made = payload.trial(row, frame, ["val_loss"], None)
    assert made["curves"]["val_loss"] == [0.5, None, None]
    assert json.loads(embedded({"v": [float("nan"), 1.0]})) == {"v": [None, 1.0]}


def test_everything_from_users_is_escaped(found: Explanation) -> None:
    data = found.to_json()
    data["reference"]["label"] = data["advice"]["text"] = NASTY
    data["hypotheses"][0]["text"] = data["runs"][0]["text"] = NASTY
    report = study(nasty=NASTY, figures=figures(NASTY), findings=[data])
    page, plain = Page(render(report)), Page(render(whole(found)))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
    assert "alert(1)" in page.text, "it is shown as it is"
    shown = json.dumps(page.data["figures"])
    assert "<img" not in shown
    assert "<b>" not in shown
    assert NASTY in json.dumps(page.data["trials"], ensure_ascii=False).replace('\\"', '"')


def test_markup_is_only_what_the_templates_say() -> None:
    assert fill("<p>{a}</p>", a=fill("<b>{x}</b>", x="<i>")) == "<p><b>&lt;i&gt;</b></p>"
    assert "<" not in embedded({"<": "</script>"})
    figure = {"data": [{"text": "1<br>2<b>", "n": [1, None]}], "layout": {"template": {}, "a": 1}}
    safe = payload.safe_figure(figure)
    assert safe == {"data": [{"text": "1<br>2&lt;b&gt;", "n": [1, None]}], "layout": {"a": 1}}


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
    report = study(
        500, 100, figures=figures(trials=500, parameters=10), findings=[found.to_json()]
    )
    path = write(report, tmp_path / "deep" / "report.html")
    assert 4_000_000 < path.stat().st_size < 8_000_000
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def test_a_study_that_has_little_is_still_a_page() -> None:
    report = study(1)
    bare = dataclasses.replace(
        report,
        summary=report.summary | {"best": None, "counts": {}, "seconds": 0.0},
        trials=report.trials.iloc[:0],
        curves={},
        confirmed=None,
        commands=(),
        config="",
        versions={},
    )
    page = Page(render(bare))
    assert "No trial was trained to its end yet" in page.text
    alone = Page(render(dataclasses.replace(report, confirmed=None)))
    assert "No trial beat the baseline" in alone.text
    one_seed = study(12, confirmed=None)
    assert "Unconfirmed: the best of several" in Page(render(one_seed)).text


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
    confirmed = dict(report.confirmed or {})
    confirmed["difference"] = confirmed["difference"] | {"word": word, "mean": mean}
    assert says in Page(render(dataclasses.replace(report, confirmed=confirmed))).text
    confirmed |= {"difference": None, "repeats": 1}
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
document.getElementById("metric").value = "learning_rate";
document.getElementById("metric").dispatchEvent(new Event("change"));
</script>"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_a_browser_opens_it_without_a_word(tmp_path: Path, found: Explanation) -> None:
    data = found.to_json()
    data["reference"]["label"] = NASTY
    report = study(nasty=NASTY, figures=figures(NASTY), findings=[data])
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
    assert done.stdout.count("main-svg") >= 3, "Optuna's figures are drawn"
    assert re.search(r'class="tip"[^>]*><b>#\d+.*?epoch \d+: .*?learning_rate', done.stdout)
    assert not re.findall(r"^.*CONSOLE.*$", done.stderr, re.MULTILINE)
    text = log.read_text(encoding="utf-8", errors="replace")
    asked = set(re.findall(r'"url":"(https?://[^"]+)"', text))
    assert not {url for url in asked if "example.com" in url or "plot" in url}


def test_a_reliability_curve_where_there_are_chances() -> None:
    points = [{"rows": 90.0, "said": 0.1, "seen": 0.2}, {"rows": 10.0, "said": 0.9, "seen": 0.7}]
    page = Page(render(study(calibration=points)))
    assert len([tag for tag, _ in page.tags if tag == "circle"]) == 2
    assert "Calibration" in page.text
    assert "Calibration" not in Page(render(study())).text
