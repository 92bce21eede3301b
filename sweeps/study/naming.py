"""Which study a command means: its name, and whose it is."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from objectives import BadInput

if TYPE_CHECKING:
    import optuna

    from objectives import Data
    from sweeps.study.settings import Settings
    from sweeps.study.sweep import Sweep


def check_name(name: str) -> str:
    """Return a study's name, which is a folder's name too. Raises BadInput."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", name):
        raise BadInput(
            f"study name {name!r} cannot be a folder's name: use letters, digits, '.', '_' "
            "and '-', at most 80, and begin with a letter or a digit"
        )
    return name


def study_name(sweep: Sweep, data: Data, settings: Settings) -> str:
    """Return the asked-for name, or the sweep's with the file's and its digest."""
    if settings.study is not None:
        return check_name(settings.study)
    if data.source.name == "embedded":
        return check_name(sweep.name)
    letters = unicodedata.normalize("NFKD", Path(data.source.name).name.split(".")[0])
    plain = letters.encode("ascii", "ignore").decode()  # é is e
    stem = "".join(c if c.isalnum() else "-" for c in plain)[:40] or "data"
    return check_name(f"{sweep.name}-{stem}-{data.digest[:6]}")


def only_study(storage: optuna.storages.BaseStorage, sweep: Sweep) -> str:
    """Return the study that a sweep has here: on its built-in data, or the only one on others.

    Raises BadInput where several are on data of the user's own.
    """
    own = [
        study.study_name
        for study in storage.get_all_studies()
        if study.user_attrs.get("identity", {}).get("sweep") == sweep.name
    ]
    if sweep.name in own or not own:
        return sweep.name
    if len(own) > 1:
        raise BadInput(
            f"sweep {sweep.name!r} has {len(own)} studies in this folder, say which: "
            + " or ".join(f"--study {name}" for name in reversed(own))
        )
    return own[0]


def check_sweep(storage: optuna.storages.BaseStorage, name: str, sweep: Sweep) -> None:
    """Raise BadInput where the study is another sweep's, whose data this one cannot read."""
    for study in storage.get_all_studies():
        made_by = study.user_attrs.get("identity", {}).get("sweep", sweep.name)
        if study.study_name == name and made_by != sweep.name:
            raise BadInput(f"study {name!r} is of sweep {made_by!r}, and this is {sweep.name!r}")
