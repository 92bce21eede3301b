"""What a study is made of: kept with it, and compared when it is opened again."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import BadInput, Monitor
from objectives.data import OWN
from objectives.monitor import VALUE
from sweeps.study.limits import texts_of
from sweeps.study.several import monitors_text

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from objectives import Data
    from search_spaces import Dimension
    from sweeps.study.settings import Settings
    from sweeps.study.sweep import Sweep


FROM_LOAD = "from load()"


def identity(
    sweep: Sweep,
    data: Data,
    settings: Settings,
    space: Mapping[str, Dimension] | None,
    ranges: Mapping[str, Dimension],
) -> dict[str, Any]:
    """Return what a study is made of: its trials are comparable while none of it changes.

    data: the file's name, which may change. digest: of the arrays, which may not. space: None
    where nobody declares it; what it was narrowed to by `ranges` is known nevertheless.
    """
    found = {
        "sweep": sweep.name,
        "data": f"data {FROM_LOAD}" if OWN in data.details else Path(data.source.name).name,
        "split": data.source.split,  # before the digest, which it changes
        "digest": data.digest,
        "monitor": sweep.objective.monitor,
        "mode": sweep.objective.judged_by.mode,
        "seed": settings.seed,
        "max-epochs": sweep.objective.max_epochs,
        "trainer": settings.trainer,
        "limit": texts_of(sweep.limits),
        "further monitors": monitors_text(sweep.objective.others),
    }
    key, known = ("space", space) if space is not None else ("narrowed", ranges)
    return found | {key: {name: str(dimension) for name, dimension in known.items()}}


def identity_of(study: Any) -> dict[str, Any]:
    """Return what a study of Optuna's is made of, nothing for another tool's.

    Its direction in Optuna's store is the one that counts. Version 0.1 kept the data as a
    sentence, `churn.csv (3f9a1c0b2d4e)`, with the first 12 digits of the digest.
    """
    known = dict(study.user_attrs.get("identity", {}))
    if not known:
        return known
    known.setdefault("limit", texts_of({}))  # of a version that had none
    known.setdefault("further monitors", monitors_text(()))
    known["mode"] = Monitor.directed("", study.directions[0].name).mode
    if "digest" not in known:
        text = str(known.get("data", ""))
        found = re.fullmatch(r"(.*) \(([0-9a-f]{12})\)", text, re.DOTALL)
        known["data"], known["digest"] = found.groups() if found else (text, "")
    return known


def remembered(storage: BaseStorage, name: str) -> dict[str, Any] | None:
    """Return the settings that a study was made with, None where there is no such study."""
    for study in storage.get_all_studies():
        if study.study_name == name:
            return dict(study.user_attrs.get("settings", {}))
    return None


def stored_identity(storage: BaseStorage, name: str) -> dict[str, Any]:
    """Return what a study was made of. Raises BadInput where there is no such study."""
    studies = {study.study_name: study for study in storage.get_all_studies()}
    if name in studies:
        return identity_of(studies[name])
    there = ", ".join(studies) or "none"
    raise BadInput(f"there is no study {name!r} in this folder; there are: {there}")


def source_words(source: str) -> str:
    """Return the name of data as people read it: a file's, or that they are built in."""
    return "built-in data" if source == "embedded" else source


def data_words(known: Mapping[str, Any]) -> str:
    """Return `churn.csv (3f9a1c0b2d4e)`."""
    if known["monitor"] == VALUE:
        return "data that its function reads"
    return f"{source_words(known['data'])} ({known['digest'][:12]})"


def same_arrays(digest: str, kept: str) -> bool:
    """Return whether arrays of this digest are those whose digest was kept, or its beginning."""
    return bool(kept) and digest.startswith(kept)


def difference(
    name: str, known: Mapping[str, Any], asked: Mapping[str, Any], added: Collection[str] = ()
) -> str | None:
    """Return why a study is not what is asked for, None where it is.

    added: hyperparameters that a study of an earlier version may lack.
    """
    for key, new in asked.items():
        old, word = known.get(key), "this command asks for"
        if key == "narrowed" and old is None:  # version 0.1 kept every range
            old = {name: known.get("space", {}).get(name) for name in new}
        if key == "space" and isinstance(old, dict):
            new = {one: text for one, text in new.items() if one in old or one not in added}
        if old == new or key == "data":
            continue  # a file may be renamed: its digest is compared
        if key == "digest":
            if same_arrays(new, str(old)):
                continue
            key, old, new, word = "data", data_words(known), data_words(asked), "now it is"
        elif isinstance(old, dict) and isinstance(new, dict):
            inner = next(k for k in {**old, **new} if old.get(k) != new.get(k))
            key = f"{'space' if key == 'narrowed' else key} of {inner}"
            old, new = (one.get(inner, "what build asks for") for one in (old, new))
        return (
            f"study {name!r} was made with {key} = {old}, and {word} {new}: "
            "give the same again, or another study with --study NAME"
        )
    return None
