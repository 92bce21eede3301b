"""The pictures in the README: a real sweep on a terminal, its report and its MLflow page.

    python -m benchmarks.pictures --folder runs/

The folder keeps the sweep, so that pictures can be taken again. Needs chromium and chromedriver.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SWEEP = ["dense_binary", "--trials", "40", "--max-epochs", "30", "--workers", "2"]
MLFLOW, DRIVER = "http://127.0.0.1:5000", "http://127.0.0.1:5001"
LINES, COLUMNS = 28, 110  # of the terminal's picture
CLOSE = "for (const b of document.querySelectorAll('[aria-label]'))"
CLOSE += " if (/^(close|hide banner)/i.test(b.ariaLabel)) b.click();"


def printed(folder: Path) -> list[str]:
    """Run the sweep, or take what it printed in this folder before."""
    kept = folder / "printed.txt"
    if not kept.exists():
        command = [sys.executable, "-m", "sweeps", *SWEEP]
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True, text=True)
        kept.write_text(done.stdout)
    return kept.read_text().splitlines()


def terminal(lines: list[str]) -> None:
    """Draw the last trials and the end of a sweep as a terminal shows them."""
    from rich.console import Console
    from rich.terminal_theme import MONOKAI

    ends = next(n for n, line in enumerate(lines) if line.startswith("confirm:"))
    shown = [line for line in lines[ends - 6 :] if " | #" not in line][:LINES]
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    for line in [f"$ python -m sweeps {' '.join(SWEEP)}", "...", *shown]:
        # As on a terminal of this width, long tables are cut.
        console.print(line[:COLUMNS], markup=False, highlight=False)
    drawn = console.export_svg(title="keras-sweeps", theme=MONOKAI, unique_id="terminal")
    drawn = re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL)  # it would be fetched
    (IMAGES / "terminal.svg").write_text(drawn)


class Browser:
    """Chromium, driven by chromedriver: a page is opened, a script run, a picture taken."""

    def __init__(self, width: int, height: int) -> None:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},{height}"]
        options = {"goog:chromeOptions": {"binary": shutil.which("chromium"), "args": flags}}
        made = self._call("/session", {"capabilities": {"alwaysMatch": options}})
        self.session = f"/session/{made['sessionId']}"

    def _call(self, path: str, body: dict[str, Any]) -> Any:
        text = json.dumps(body).encode()
        request = urllib.request.Request(DRIVER + path, text, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]

    def take(self, address: str, file: str, seconds: float, script: str = "") -> None:
        """Open an address, wait, run a script, wait again, and keep the picture."""
        self._call(f"{self.session}/url", {"url": address})
        time.sleep(seconds)
        self._call(f"{self.session}/execute/sync", {"script": script, "args": []})
        time.sleep(2)
        asked = {"cmd": "Page.captureScreenshot", "params": {"format": "webp", "quality": 80}}
        found = self._call(f"{self.session}/goog/cdp/execute", asked)
        (IMAGES / file).write_bytes(base64.b64decode(found["data"]))

    def quit(self) -> None:
        """End chromium."""
        request = urllib.request.Request(DRIVER + self.session, method="DELETE")
        urllib.request.urlopen(request, timeout=30).close()


@contextlib.contextmanager
def running(command: list[str], folder: Path, address: str) -> Iterator[None]:
    """Run a server until the block ends."""
    more = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=folder, env=os.environ | more, **silent)
    try:
        for _ in range(300):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(address, timeout=5).close()
                break
            time.sleep(0.3)
        yield
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Make every picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    folder = parser.parse_args().folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    lines = printed(folder)
    terminal(lines)
    report = [sys.executable, "-m", "sweeps", SWEEP[0], "report", "--to", "report.html"]
    subprocess.run(report, cwd=folder, check=True)
    page = next(word for line in lines for word in line.split() if word.startswith(MLFLOW))
    ui = [sys.executable, "-m", "mlflow", "ui", "--workers", "1"]
    with (
        running(ui, folder, MLFLOW),
        running(["chromedriver", "--port=5001"], folder, f"{DRIVER}/status"),
    ):
        wide, narrow = Browser(1500, 1150), Browser(1000, 1300)
        try:
            wide.take(page, "mlflow.webp", 20, CLOSE)
            narrow.take((folder / "report.html").as_uri(), "report.webp", 3)
        finally:
            wide.quit()
            narrow.quit()
    for name in ("terminal.svg", "report.webp", "mlflow.webp"):
        print(f"{name}: {(IMAGES / name).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
