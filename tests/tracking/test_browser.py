"""MLflow's page in a real browser: a fresh profile opens the address and sees the curves."""

import base64
import contextlib
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeps.tracking import runs
from sweeps.tracking.mlflow_tracker import MlflowTracker
from tests.tracking.servers import free_port, running
from tests.tracking.told import study, tell

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1600,1100",
)
# The colour of every curve of the first chart; MLflow draws each one twice, one on the other.
CURVES = """
const chart = document.querySelector('.js-plotly-plot');
const lines = chart ? chart.querySelectorAll('.scatterlayer path.js-line') : [];
const drawn = new Map(Array.from(lines, l => [l.getAttribute('d'), l.style.stroke]));
return Array.from(drawn.values());
"""
ROWS = "return Array.from(document.querySelectorAll('[row-id] a'), a => a.textContent.trim())"
AXES = """
const plots = document.querySelectorAll('.js-plotly-plot');
return Array.from(plots, plot => plot._fullLayout.yaxis?.type);
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver"),
]


class Browser:
    """Chromium over WebDriver, in a new profile."""

    def __init__(self, port: int, profile: Path) -> None:
        self.root = f"http://127.0.0.1:{port}"
        arguments = [*FLAGS, f"--user-data-dir={profile}"]
        options = {"goog:chromeOptions": {"binary": CHROMIUM, "args": arguments}}
        made = self._call("POST", "/session", {"capabilities": {"alwaysMatch": options}})
        self.session = f"/session/{made['sessionId']}"

    def _call(self, method: str, path: str, body: dict | None = None):
        request = urllib.request.Request(
            self.root + path,
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=90) as answer:
            return json.load(answer)["value"]

    def open(self, address: str) -> None:
        self._call("POST", f"{self.session}/url", {"url": address})

    def run(self, script: str):
        return self._call("POST", f"{self.session}/execute/sync", {"script": script, "args": []})

    def picture(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self._call("GET", f"{self.session}/screenshot")))

    def quit(self) -> None:
        with contextlib.suppress(OSError):
            self._call("DELETE", self.session)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    port = free_port()
    driver = subprocess.Popen(
        [str(DRIVER), f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    found = None
    try:
        for _ in range(100):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5).close()
                break
            time.sleep(0.2)
        found = Browser(port, tmp_path / "profile")
        yield found
    finally:
        if found is not None:
            found.quit()
        driver.terminate()
        driver.wait()


def colour(value: str) -> str:
    """A colour as browsers write it."""
    red, green, blue = (int(value[n : n + 2], 16) for n in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"


def test_the_address_opens_on_the_curves(uri, folder, tmp_path, browser):
    tracker = MlflowTracker(uri, folder)
    tracker.start_study(study())
    outcomes = ["complete", "pruned", "diverged", "failed", *["pruned"] * 4, *["complete"] * 4]
    for number, outcome in enumerate(outcomes):
        tell(tracker, number, epochs=12 if outcome == "complete" else 6, outcome=outcome)
    tracker.mark_best(9)
    assert tracker.close(60) == 0
    address = tracker.address()
    assert address is not None

    with running("ui", "--workers", "1", ping="/", log=tmp_path / "ui.log") as server:
        browser.open(address.replace("http://127.0.0.1:5000", server))
        curves = []
        deadline = time.monotonic() + 90
        while len(curves) < len(outcomes) and time.monotonic() < deadline:
            time.sleep(0.5)
            curves = browser.run(CURVES)
        browser.picture(tmp_path / "page.png")
    wanted = [runs.BASELINE, runs.BEST, *[runs.STOPPED] * 5, *[runs.BROKEN] * 2, *[runs.USUAL] * 3]
    assert sorted(curves) == sorted(map(colour, wanted))
    assert browser.run(AXES)[:2] == ["log", "log"]
    assert browser.run(ROWS)[0] == "000 baseline"
