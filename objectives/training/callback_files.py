"""Files of Keras's callbacks: each trial has a folder of its own for them."""

from __future__ import annotations

import csv
import functools
import importlib.util
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import keras

from objectives import BadInput
from objectives.training.checkpoint import kept_epoch
from objectives.training.whole_files import replace

# By which attribute a callback names its file or folder.
PLACES = {
    keras.callbacks.ModelCheckpoint: "filepath",
    keras.callbacks.CSVLogger: "filename",
    keras.callbacks.TensorBoard: "log_dir",
}
# What a callback makes anew when training begins, and no checkpoint can keep.
ANEW = {
    keras.callbacks.CSVLogger: ("csv_file", "writer", "append", "append_header"),
    keras.callbacks.TensorBoard: (
        *("_writers", "_summary_module", "_prev_summary_state", "_batch_trace_context"),
    ),
}
REFUSED = {
    "BackupAndRestore": "leave it out: an interrupted trial resumes by itself",
    "OrbaxCheckpoint": "give ModelCheckpoint, whose files get a folder for each trial",
}


def placed(
    callbacks: Sequence[keras.callbacks.Callback], folder: Path | None, checkpoint: Path | None
) -> tuple[list[keras.callbacks.Callback], list[str]]:
    """Return a trial's callbacks, whose files are in its folder, and what is to be said of them.

    Args:
        callbacks: Fresh ones.
        folder: The trial's own. None for a run that is no trial (a repeat, a probe, a training
            again): those that only write files are left out, others write where nothing is kept.
        checkpoint: Of the trial, by its name in the spec: a CSV file continues after its epochs.

    Raises:
        BadInput: For a callback that cannot be had.
    """
    found, names = [], []
    for callback in callbacks:
        name = type(callback).__name__
        for kind in type(callback).__mro__:
            if kind.__module__.startswith("keras.") and kind.__name__ in REFUSED:
                raise BadInput(f"the callback {name} is refused: {REFUSED[kind.__name__]}")
        place = next((PLACES[kind] for kind in PLACES if isinstance(callback, kind)), None)
        if place is None:
            found.append(callback)
        elif folder is not None or type(callback) not in PLACES:
            _place(callback, place, folder or _scratch(), checkpoint)
            found.append(callback)
            names.append(name)
    if folder is None or not names:
        return found, []
    kinds = " and ".join(dict.fromkeys(names))
    return found, [f"files of {kinds} are in {folder.parent}/NUMBER, a folder for each trial"]


def unkept(callback: keras.callbacks.Callback) -> tuple[str, ...]:
    """Return the attributes that a checkpoint leaves out."""
    anew = (name for kind, names in ANEW.items() if isinstance(callback, kind) for name in names)
    return (*anew, *(name for kind, name in PLACES.items() if isinstance(callback, kind)))


def _place(
    callback: keras.callbacks.Callback, name: str, folder: Path, checkpoint: Path | None
) -> None:
    if isinstance(callback, keras.callbacks.TensorBoard) and not importlib.util.find_spec(
        "tensorboard"
    ):
        raise BadInput(
            "the callback TensorBoard needs the package tensorboard: install it, or leave the "
            "callback out (MLflow shows every trial's curves)"
        )
    given = Path(getattr(callback, name))
    parts = [given.name] if given.is_absolute() else [p for p in given.parts if p != ".."]
    path = folder.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    setattr(callback, name, str(path))
    if isinstance(callback, keras.callbacks.CSVLogger):
        callback.append = _cut(path, kept_epoch(checkpoint) if checkpoint else 0)


def _cut(path: Path, epochs: int) -> bool:
    """Leave a CSV file's head and its first epochs; return whether there are any."""
    if not epochs or not path.is_file():
        return False
    with path.open(newline="", encoding="utf-8") as file:
        head, *rows = file.readlines()
    kept = [
        row
        for row in rows
        if (first := next(csv.reader([row]))[0]).isdigit() and int(first) < epochs
    ]
    replace(path, lambda new: new.write_text("".join([head, *kept]), encoding="utf-8"))
    return True


@functools.cache
def _scratch() -> Path:
    """Return a folder that goes with this process."""
    import atexit

    folder = Path(tempfile.mkdtemp(prefix="sweeps-callbacks-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
