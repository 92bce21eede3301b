"""What the built-in objectives share: how tables are read, and the callbacks of a config."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from objectives import Data, Objective, Source, Task
from search_spaces import Space

if TYPE_CHECKING:
    import keras

    from objectives.monitor import Mode


def callbacks(config: Any, monitor: str, mode: Mode) -> list[keras.callbacks.Callback]:
    """Return ReduceLROnPlateau where the config has it."""
    from objectives.training.parts import plateau_callbacks

    return plateau_callbacks(config.plateau, monitor, mode)


def of_tables(
    task: Task,
    space: Space[Any],
    build: Callable[..., keras.Model],
    embedded: Callable[[], Data | tuple[Any, Any]],
) -> Objective[Any]:
    """Return an objective on tables: its own one, the user's file, a frame or a matrix.

    Args:
        task: What the target is.
        space: What may vary.
        build: Config, data and the metrics that the monitor needs -> the compiled net.
        embedded: Makes the objective's own data, or gives a matrix and its labels.
    """

    def load(source: Source) -> Data:
        from objectives.tables import load_table

        if source.path is not None:
            return load_table(source, task)
        own = embedded()
        if isinstance(own, Data):
            return own
        made = from_arrays(*own, source)
        return dataclasses.replace(made, source=dataclasses.replace(made.source, arrays=None))

    def from_arrays(x: Any, y: Any, source: Source) -> Data:
        from objectives import tables

        return tables.from_arrays(x, y, source, task)

    return Objective(
        space=space,
        load=load,
        from_arrays=from_arrays,
        build=build,
        callbacks=callbacks,
        task=task,
        max_epochs=100,
    )
