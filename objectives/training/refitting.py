"""What a net that is refitted does without: callbacks that read the validation rows."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from objectives import BadInput

READERS = (keras.callbacks.ReduceLROnPlateau, keras.callbacks.EarlyStopping)


def replayed(
    callbacks: Sequence[keras.callbacks.Callback], rates: Sequence[float]
) -> list[keras.callbacks.Callback]:
    """Return the callbacks of a net that learns from the validation rows too.

    Those of Keras's that look at a value of these rows are left out, and the learning rates that
    they have set before are set again.

    Args:
        callbacks: Of the trial.
        rates: Of each epoch, as they were.

    Raises:
        BadInput: For a callback of the user's own, which may look at these rows.
    """
    found = []
    for callback in callbacks:
        kind = type(callback)
        if not kind.__module__.startswith("keras.") or kind is keras.callbacks.LambdaCallback:
            raise BadInput(
                f"--refit: the callback {kind.__name__} may look at the validation rows, and a "
                "refitted net learns from them: export without --refit"
            )
        if not isinstance(callback, READERS):
            found.append(callback)
    if len(found) < len(callbacks) and len(set(rates)) > 1:
        found.insert(0, keras.callbacks.LearningRateScheduler(lambda epoch, _: rates[epoch]))
    return found


def check(model: keras.Model) -> None:
    """Raise BadInput for a learning rate that follows steps: an epoch of more rows has more."""
    given = getattr(model.optimizer, "_learning_rate", None)
    if isinstance(given, keras.optimizers.schedules.LearningRateSchedule):
        raise BadInput(
            f"--refit: the learning rate is a {type(given).__name__} of steps, and an epoch with "
            "the validation rows has more of them: export without --refit"
        )
