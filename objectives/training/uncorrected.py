"""Adam without its bias correction: what `explain` compares the effective rate with."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="sweeps")
class UncorrectedAdam(keras.optimizers.Adam):  # type: ignore[misc]
    """Adam whose effective rate lr * sqrt(1 - b2^t) / (1 - b1^t) is `lr` at every step t.

    The factor is divided out before Keras multiplies by it, so schedules, weight decay and
    compiled programs work as they do for Adam.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Take one step without the correction."""
        ops = keras.ops
        step = ops.cast(self.iterations + 1, variable.dtype)
        one, two = (
            1 - ops.power(ops.cast(beta, variable.dtype), step)
            for beta in (self.beta_1, self.beta_2)
        )
        super().update_step(gradient, variable, learning_rate * one / ops.sqrt(two))
