"""Public Keras examples as scripts and as sweeps: the lines between them, the curves, the export.

    python benchmarks/public_examples.py [NAME ...]

Each file in `benchmarks/examples/` is a short script in the manner of one of Keras's examples, on
small generated data. Its last lines replace the script's own training, which stands there as
comments, by a sweep. For each:

* the script runs with Keras alone, and the lines that differ are counted;
* a trial by the default trainer has the curve of one by `fit`, or says that `fit` trains it;
* two trials are swept and the best is exported; the exported model loads in a process with Keras
  and the script alone, and predicts there what the sweep's own model predicts.

The exit code is 1 if anything of that fails, or more than five lines differ.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

EXAMPLES = Path(__file__).parent / "examples"
SCRIPT = "# script: "
BEGIN = "from objectives import Objective"
MOST = 5
EPOCHS = 2
# Keras alone: it runs the script, whose classes are registered then, and loads the model.
BARE = """
import pickle, runpy, sys
import numpy as np
assert not {"sweeps", "objectives"} & {path.rsplit("/", 1)[-1] for path in sys.path}
runpy.run_path(sys.argv[1])
import keras
model = keras.models.load_model(sys.argv[2])
x = pickle.load(open(sys.argv[3], "rb"))
found = keras.tree.flatten(model.predict_on_batch(x))
assert "sweeps" not in sys.modules and "objectives" not in sys.modules
np.savez(sys.argv[4], *map(np.asarray, found))
"""


def names() -> list[str]:
    """Return the examples."""
    return sorted(path.stem for path in EXAMPLES.glob("*.py"))


def script(name: str) -> tuple[str, int]:
    """Return an example as the script that it was, and how many lines a sweep changes."""
    lines = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8").splitlines()
    first = lines.index(BEGIN)
    removed = [line.removeprefix(SCRIPT) for line in lines if line.startswith(SCRIPT)]
    added = [line for line in lines[first:] if line.strip()]
    kept = [line for line in lines[:first] if not line.startswith(SCRIPT)]
    return "\n".join([*kept, *removed, ""]), max(len(added), len(removed))


def loaded(name: str) -> Any:
    """Return the sweep of an example."""
    from sweeps.workers.reference import Reference

    return Reference(file=str(EXAMPLES / f"{name}.py")).load()


def curves(sweep: Any, config: Any) -> str:
    """Return what a trial by the default trainer is like beside one by `fit`; "" for equal."""
    from objectives import Source
    from objectives.training import Decision, TrialSpec, here

    found = []
    data = sweep.objective.data(Source())
    for kind in ("fit", "auto"):
        seen: list[dict[str, float]] = []

        def on_epoch(_: Any, __: int, logs: dict[str, float], seen: Any = seen) -> Decision:
            seen.append({k: v for k, v in logs.items() if k != "epoch_seconds"})
            return Decision.CONTINUE

        spec = TrialSpec(0, config, 5, EPOCHS, sweep.objective.judged_by)
        (result,) = here(sweep.objective, data, kind).train(iter([spec]), on_epoch)
        if result.error:
            return f"{kind} fails: {result.error.strip().splitlines()[-1][:120]}"
        found.append((seen, result.fallback, result.extra.get("way")))
    (expected, *_), (given, fallback, way) = found
    for one, two in zip(expected, given, strict=True):
        for key in one:
            if not np.isclose(one[key], two[key], rtol=1e-2, atol=1e-2, equal_nan=True):
                return f"{key} is {two[key]:.5g}, by fit {one[key]:.5g}"
    return f"by fit: {fallback}" if fallback else f"same curve ({way})"


def exported(name: str, sweep: Any, folder: Path) -> tuple[str, Any]:
    """Sweep, export, and return what a process with Keras alone fails at, and the best config."""
    import pickle

    import keras

    import sweeps
    from objectives.structures import mapped, taken
    from objectives.training.epochs import fed

    (folder / "script.py").write_text(script(name)[0], encoding="utf-8")
    study = sweeps.run(sweep, trials=2, max_epochs=EPOCHS, confirm=0, verbose=False)
    study.export(folder / "best", trial="best")
    with study._open() as session:
        x = mapped(fed, taken(session.data.test.x, slice(8)))
    expected = keras.tree.flatten(study.best.model().predict_on_batch(x))
    (folder / "x.pickle").write_bytes(pickle.dumps(x))
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    files = ("script.py", "best/model.keras", "x.pickle", "found.npz")
    done = subprocess.run(
        [sys.executable, "-c", BARE, *files],
        cwd=folder, env=clean, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        why = f"bare Keras fails: {(done.stderr.strip().splitlines() or ['?'])[-1][:160]}"
        return why, study.best.config
    with np.load(folder / "found.npz") as kept:
        pairs = zip(expected, kept.values(), strict=True)
        equal = all(np.allclose(one, two, rtol=1e-5, atol=1e-6) for one, two in pairs)
    return "" if equal else "bare Keras predicts something else", study.best.config


def main() -> None:
    """Print a row for every example; exit with 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    chosen = parser.parse_args().names or names()
    wrong = 0
    print(f"{'example':20}{'lines':>6}  {'export in bare Keras':22}curve")
    for name in chosen:
        sweep, (_, lines) = loaded(name), script(name)
        with tempfile.TemporaryDirectory() as folder:
            here = Path.cwd()
            os.chdir(folder)
            try:
                fault, config = exported(name, sweep, Path(folder))
                says = curves(sweep, config)
            except Exception as error:
                fault, says = f"fails: {type(error).__name__}: {str(error)[:200]}", ""
            finally:
                os.chdir(here)
        bad = bool(fault) or lines > MOST or not says.startswith(("same", "by fit"))
        wrong += bad
        print(f"{name:20}{lines:6}  {fault or 'predicts the same':22}{says}", flush=True)
    print(f"\n{len(chosen)} examples, {wrong} of them wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
