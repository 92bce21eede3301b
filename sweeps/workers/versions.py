"""The versions of what sets a trial's digits."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("tensorflow", "keras", "optuna", "mlflow", "numpy")


def versions() -> dict[str, str]:
    """Return the versions on this machine, by package; importing none of them."""
    own = str(sys.modules["sweeps"].__version__)
    found = {"keras-sweeps": own, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
