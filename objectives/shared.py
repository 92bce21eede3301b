"""What the built-in objectives share: how data are read, and the callbacks of a config."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from objectives import Data, Objective, Source, Task
from search_spaces import Space

if TYPE_CHECKING:
    import keras

    from objectives.monitor import Mode

    Build = Callable[..., keras.Model]
    Embedded = Callable[[], Data | tuple[Any, Any]]
    # Source and task -> Data; x, y, source and task -> Data.
    Readers = tuple[Callable[[Source, str], Data], Callable[[Any, Any, Source, str], Data]]


def callbacks(config: Any, monitor: str, mode: Mode) -> list[keras.callbacks.Callback]:
    """Return ReduceLROnPlateau where the config has it."""
    from objectives.training.parts import plateau_callbacks

    return plateau_callbacks(config.plateau, monitor, mode)


def of_tables(task: Task, space: Space[Any], build: Build, embedded: Embedded) -> Objective[Any]:
    """Return an objective on tables: its own one, the user's file, a frame or a matrix.

    Args:
        task: What the target is.
        space: What may vary.
        build: Config, data and the metrics that the monitor needs -> the compiled net.
        embedded: Makes the objective's own data, or gives a matrix and its labels.
    """

    def readers() -> Readers:
        from objectives import tables

        return tables.load_table, tables.from_arrays

    return _read_by(readers, task, space, build, embedded, max_epochs=100)


def of_sequences(
    task: Task, space: Space[Any], build: Build, embedded: Embedded
) -> Objective[Any]:
    """Return an objective on sequences: its own ones, the user's file or arrays.

    The arguments are those of `of_tables`; x is rows x steps x channels.
    """

    def readers() -> Readers:
        from objectives import sequences

        return sequences.load_sequences, sequences.from_arrays

    return _read_by(readers, task, space, build, embedded, max_epochs=60)


def _read_by(
    readers: Callable[[], Readers],
    task: Task,
    space: Space[Any],
    build: Build,
    embedded: Embedded,
    max_epochs: int,
) -> Objective[Any]:
    def load(source: Source) -> Data:
        if source.path is not None:
            return readers()[0](source, task)
        own = embedded()
        if isinstance(own, Data):
            return own
        made = from_arrays(*own, source)
        return dataclasses.replace(made, source=dataclasses.replace(made.source, arrays=None))

    def from_arrays(x: Any, y: Any, source: Source) -> Data:
        return readers()[1](x, y, source, task)

    return Objective(
        space=space,
        load=load,
        from_arrays=from_arrays,
        build=build,
        callbacks=callbacks,
        task=task,
        max_epochs=max_epochs,
    )
