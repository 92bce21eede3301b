"""What native code prints goes to the log, what Python prints is seen."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps.cli.logs import all_to, chatter_to
from sweeps.tracking.redact import remember

CODE = """
import logging, os, sys
from pathlib import Path
from sweeps.cli.logs import chatter_to
with chatter_to(Path("sweep.log")):
    os.write(2, b"E0000 native\\n")
    os.write(2, b"Error parsing text-format tensorflow.XlaSerializedCacheEntry\\n")
    print("of Python", file=sys.stderr)
    logging.getLogger("imported.meanwhile").addHandler(logging.StreamHandler())
os.write(2, b"native again\\n")
logging.getLogger("imported.meanwhile").warning("a record")
"""


def test_native_output_goes_to_the_log_and_pythons_is_seen(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "of Python\nnative again\na record\n"
    assert (tmp_path / "sweep.log").read_text() == "E0000 native\n"


def test_it_is_put_back_after_an_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def failing() -> None:
        with chatter_to(tmp_path / "log"):
            os.write(2, b"native")
            raise ValueError("such an error")

    with pytest.raises(ValueError, match="such an error"):
        failing()
    os.write(2, b"shown")
    assert capfd.readouterr().err == "shown"
    assert (tmp_path / "log").read_text() == "native"


def test_a_log_that_cannot_be_written_changes_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with chatter_to(tmp_path / "nowhere" / "log"):
        os.write(2, b"shown")
    assert capfd.readouterr().err == "shown"


RECORDS = """
import logging
from pathlib import Path
from sweeps.cli.logs import all_to
log = logging.getLogger("sweeps")
with all_to(Path("sweep.log")):
    log.error("trial 0 failed\\nTraceback ...")
    logging.getLogger("sweeps.tracking").warning("kept")
    logging.getLogger("other").warning("of another package")
log.warning("afterwards")
"""


@pytest.mark.parametrize("own", ["", "import logging; logging.basicConfig()\n"])
def test_records_go_to_the_log_alone(own: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", own + RECORDS],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    log = (tmp_path / "sweep.log").read_text()
    assert "ERROR sweeps: trial 0 failed\nTraceback ..." in log
    assert "WARNING sweeps.tracking: kept" in log
    assert "afterwards" not in log
    assert "Traceback" not in done.stderr
    assert ("of another package" in done.stderr) != bool(own), "its stream is the log's meanwhile"
    assert "afterwards" in done.stderr


def test_no_password_is_written_to_the_log(tmp_path: Path) -> None:
    remember("postgresql://me:left@right word@db/x")
    with all_to(tmp_path / "sweep.log"):
        try:
            raise OSError("no route to http://me:s3cret@host/x, nor to right word")
        except OSError:
            logging.getLogger("sweeps").exception("the command failed")
    text = (tmp_path / "sweep.log").read_text()
    assert "Traceback" in text
    for secret in ("s3cret", "right word"):
        assert secret not in text
