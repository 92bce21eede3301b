"""Functions in turn: each goes on as if it ran alone, and what one raises is its caller's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow  # for TensorFlow's sake


def test_the_settings_of_one_function_are_not_those_of_another() -> None:
    import keras

    from objectives.training.turns import Turn

    seen: list[Any] = []

    def work(value: float) -> Any:
        def function() -> None:
            np.random.seed(int(1e6 * value))
            keras.config.set_epsilon(value)
            turn.pause()
            seen.append((keras.config.epsilon(), np.random.random()))

        turn = Turn(function)
        return turn

    turns = [work(1e-3), work(1e-4)]
    before = keras.config.epsilon()
    for _ in range(2):
        for turn in turns:
            turn.take()
            assert keras.config.epsilon() == before
    assert all(turn.ended for turn in turns)
    assert [epsilon for epsilon, _ in seen] == [1e-3, 1e-4]
    for (_, number), seed in zip(seen, (1000, 100), strict=True):
        assert number == np.random.RandomState(seed).random_sample()


def test_what_a_function_raises_is_raised_in_its_turn() -> None:
    from objectives.training.turns import Turn

    def fails() -> None:
        turn.pause()
        raise KeyError("gone")

    turn = Turn(fails)
    turn.take()
    with pytest.raises(KeyError, match="gone"):
        turn.take()
    assert turn.ended
    turn.drop()


def test_a_function_that_is_dropped_unwinds() -> None:
    from objectives.training.turns import Turn

    left: list[str] = []

    def works() -> None:
        try:
            turn.pause()
            left.append("went on")
        finally:
            left.append("unwound")

    turn, never = Turn(works), Turn(lambda: left.append("began"))
    turn.take()
    turn.drop()
    never.drop()
    assert left == ["unwound"]
