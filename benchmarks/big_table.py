"""A gigabyte-sized table is read, split and trained on for one epoch by two workers.

Memory is that of the command and all its processes, proportional (Linux's PSS: pages that
processes share are counted once).

    python benchmarks/big_table.py [--rows 5000000] [--workers 2] [--limit 10]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.csv

AT_ONCE = 500_000


def write(path: Path, rows: int) -> None:
    """Write a CSV of 20 columns: 12 broken numbers, 3 whole ones, 3 texts, an id and a label."""
    rng = np.random.default_rng(0)
    writer = None
    for start in range(0, rows, AT_ONCE):
        count = min(AT_ONCE, rows - start)
        x = rng.standard_normal((count, 12), dtype=np.float32)
        columns = {f"n{i}": x[:, i] * 10.0 ** (i - 4) for i in range(12)}
        columns["customer"] = np.arange(start, start + count)
        columns |= {f"count{i}": rng.integers(0, k, count) for i, k in enumerate((2, 50, 1000))}
        for i, levels in enumerate((5, 200, 20_000)):
            names = np.array([f"level {k}" for k in range(levels)], object)
            columns[f"kind{i}"] = names[rng.integers(0, levels, count)]
        score = x[:, 0] * x[:, 1] + x[:, 2] + 0.3 * rng.standard_normal(count)
        columns["label"] = np.where(score > 0.0, "yes", "no").astype(object)
        table = pa.table(columns)
        writer = writer or pa.csv.CSVWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def gigabytes(process: psutil.Process) -> float:
    """Return the proportional memory of a process and all that it started."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total / 1e9


def main() -> None:
    """Print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--limit", type=float, default=10.0, help="gigabytes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "big.csv"
        write(path, options.rows)
        print(f"{options.rows:,} rows x 20, {path.stat().st_size / 1e9:.2f} GB of CSV")
        command = [sys.executable, "-m", "sweeps.dense_binary", "--data", str(path)]
        command += ["--target", "label", "--trials", "2", "--max-epochs", "1", "--confirm", "0"]
        command += ["--workers", str(options.workers), "--fix", "batch_size=2000"]
        started, peak = time.perf_counter(), 0.0
        child = psutil.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        while child.poll() is None:
            peak = max(peak, gigabytes(child))
            time.sleep(0.2)
        seconds = time.perf_counter() - started
        print(child.stdout.read())
        print(f"exit {child.returncode}, {seconds:.0f} s, peak {peak:.2f} GB in all processes")
        raise SystemExit(child.returncode or int(peak > options.limit))


if __name__ == "__main__":
    main()
