"""What has to be set before TensorFlow is imported."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
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
            folder = cache_folder() / "xla" / processor()
            folder.mkdir(parents=True, exist_ok=True)
        except (OSError, RuntimeError):
            return  # no home that can be written to: every process compiles for itself
        quoted = str(folder).replace("\\", r"\\").replace('"', r"\"")  # or it ends at a space
        os.environ["TF_XLA_FLAGS"] = f'{flags} {CACHE}="{quoted}"'.strip()


def threads() -> int:
    """Return how many threads an operation of TensorFlow's takes, 0 where it chooses itself."""
    return int(os.environ.get("TF_NUM_INTRAOP_THREADS", "0"))


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


def processor() -> str:
    """Return a name for this machine's instruction set.

    XLA compiles for one processor: in a home folder that two kinds of machine share, the programs
    of one could end the other with an illegal instruction.
    """
    features = platform.processor()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        told = [line for line in lines if line.split(":")[0].strip() in ("flags", "Features")]
        features = " ".join(sorted(told[0].split(":")[1].split())) if told else features
    digest = hashlib.sha256(features.encode()).hexdigest()[:12]
    return f"{platform.machine() or 'machine'}-{digest}"
