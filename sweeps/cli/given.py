"""What a caller in Python gives: data in any form, and studies by their names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import BadInput, Data, Source
from sweeps.study.settings import Settings

if TYPE_CHECKING:
    from sweeps.study.sweep import Sweep


def source_of(data: Any) -> Source | None:
    """Return where data come from."""
    if data is None or isinstance(data, Data):
        return None
    if isinstance(data, Source):
        return data
    if isinstance(data, str | Path):
        return Source(path=str(data))
    if isinstance(data, tuple) and len(data) == 2:
        return Source(arrays=data)
    raise BadInput(f"data is {type(data).__name__}: give a path, (X, y), a Source or Data")


def sweep_named(settings: Settings, name: str) -> Sweep:
    """Return the built-in sweep that a study is of. Raises BadInput for one of the user's own."""
    from sweeps.cli.listing import built_in
    from sweeps.study.identity import stored_identity
    from sweeps.study.storage import connect

    known = {sweep.name: sweep for sweep in built_in()}
    identity = stored_identity(connect(settings.storage_url(), create=False), name)
    found = known.get(identity.get("sweep", name))
    if found is None:
        raise BadInput(
            f"study {name!r} is of a sweep of your own: give the sweep too, "
            f"sweeps.load(SWEEP, study={name!r})"
        )
    return found
