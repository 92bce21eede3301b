"""What has to be set before TensorFlow is imported."""

from __future__ import annotations

import os
from pathlib import Path

from objectives import BadInput

CACHE = "--tf_xla_persistent_cache_directory"


def prepare_environment(threads: int | None = None, device: str | None = None) -> None:
    """Set up this process for training; call it before TensorFlow is imported.

    threads: TensorFlow's, or None for its own choice. device: "cpu" hides GPUs, "gpu" lets memory
    grow on them, None leaves them alone. Compiled programs are kept in the user's cache folder
    (under `XDG_CACHE_HOME`), for the next process. What the user has set already stays.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if device == "gpu":
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    elif device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    if threads is not None:
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
        os.environ["TF_NUM_INTEROP_THREADS"] = str(threads)
    flags = os.environ.get("TF_XLA_FLAGS", "")
    if CACHE not in flags:
        try:
            folder = cache_folder() / "xla"
            folder.mkdir(parents=True, exist_ok=True)
        except (OSError, RuntimeError):
            return  # no home that can be written to: every process compiles for itself
        quoted = str(folder).replace("\\", r"\\").replace('"', r"\"")  # or it ends at a space
        os.environ["TF_XLA_FLAGS"] = f'{flags} {CACHE}="{quoted}"'.strip()


def require_gpu() -> None:
    """Raise BadInput, with what TensorFlow sees, where it sees no GPU."""
    import tensorflow as tf

    devices = tf.config.list_physical_devices()
    seen = [device.name.removeprefix("/physical_device:") for device in devices]
    if not any(name.startswith("GPU") for name in seen):
        own = os.environ.get("CUDA_VISIBLE_DEVICES")
        among = "" if own is None else f" with CUDA_VISIBLE_DEVICES={own}"
        raise BadInput(
            f"--device gpu: TensorFlow {tf.__version__} sees no GPU{among}, only "
            f"{', '.join(seen) or 'nothing'}; take --device cpu, or install the GPU's driver and "
            "tensorflow[and-cuda]; every worker needs a GPU of its own (--workers 1 for one)"
        )


def cache_folder() -> Path:
    """Return where compiled programs and what else takes long to make are kept."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "keras-sweeps"
