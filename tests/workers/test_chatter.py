"""The workers' log: whole, but for lines that mean nothing."""

from __future__ import annotations

import os
from pathlib import Path

from sweeps.workers.chatter import to_log


def test_harmless_lines_are_left_out_and_all_others_kept(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    thread = to_log(os.fdopen(reading, "rb"), tmp_path / "sweep.log")
    lines = [
        b"E0000 text_format.cc:378] Error parsing text-format tensorflow.XlaSerializedCacheEntry",
        b"F0000 tensor.h:1] Check failed: DataTypeCanUseMemcpy(dtype())",
        b"Traceback (most recent call last):",
        b"E0000 cuda_platform.cc:52] failed call to cuInit: INTERNAL",
        "größe".encode(),
    ]
    os.write(writing, b"\n".join(lines))
    os.close(writing)
    thread.join(10)
    assert (tmp_path / "sweep.log").read_bytes().splitlines() == [lines[1], lines[2], lines[4]]
