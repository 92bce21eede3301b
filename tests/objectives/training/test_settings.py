"""Global settings: what a trial changes is undone, what the user had set stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")
settings = pytest.importorskip("objectives.training.settings")
tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.slow


# In the order of SETTINGS: what changes each, with a value that is not the default.
CHANGES: list[Any] = [
    lambda: keras.config.set_floatx("float64"),
    lambda: keras.config.set_epsilon(1e-3),
    lambda: keras.config.set_image_data_format("channels_first"),
    lambda: keras.mixed_precision.set_global_policy("mixed_bfloat16"),
    lambda: keras.config.set_max_epochs(3),
    lambda: keras.config.set_max_steps_per_epoch(3),
    keras.config.disable_flash_attention,
    keras.config.disable_traceback_filtering,
    keras.config.disable_interactive_logging,
    lambda: keras.distribution.set_distribution(keras.distribution.DataParallel()),
    lambda: tf.config.run_functions_eagerly(True),
    lambda: tf.config.optimizer.set_jit(True),
    tf.config.experimental.enable_op_determinism,
    tf.debugging.enable_check_numerics,
    lambda: tf.config.optimizer.set_experimental_options({"constant_folding": True}),
    lambda: tf.config.set_soft_device_placement(False),
    lambda: tf.config.experimental.enable_tensor_float_32_execution(False),
    lambda: tf.config.experimental.set_synchronous_execution(False),
    lambda: np.seterr(divide="raise"),
]
NUMBERED = list(enumerate(CHANGES))
NAMES = [getattr(get, "__name__", "") for get, _ in settings.SETTINGS]


@pytest.fixture(autouse=True)
def restored() -> Any:
    before = settings.read()
    yield
    settings.write(before)
    assert settings.read() == before


def test_every_setting_is_changed_here() -> None:
    assert len(CHANGES) == len(settings.SETTINGS)


@pytest.mark.parametrize(("at", "change"), NUMBERED, ids=NAMES)
def test_what_a_trial_changes_is_undone(at: int, change: Any) -> None:
    get = settings.SETTINGS[at][0]
    before = get()
    with settings.unchanged():
        change()
        assert get() != before, "the change should be one"
    assert get() == before


@pytest.mark.parametrize(("at", "change"), NUMBERED, ids=NAMES)
def test_what_the_user_had_set_before_stays(at: int, change: Any) -> None:
    get = settings.SETTINGS[at][0]
    change()
    mine = get()
    with settings.unchanged():
        assert get() == mine, "the trial begins with it"
    assert get() == mine


def test_a_trial_that_fails_leaves_no_setting_either() -> None:
    @settings.unchanged()
    def failing() -> None:
        keras.config.set_epsilon(0.5)
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        failing()
    assert keras.config.epsilon() == 1e-7


def test_custom_objects_of_one_trial_are_not_those_of_the_next() -> None:
    class Early:
        pass

    class Late:
        pass

    keras.saving.get_custom_objects()["Early"] = Early
    with settings.unchanged():
        assert keras.saving.get_custom_objects()["Early"] is Early
        keras.saving.get_custom_objects()["Late"] = Late
        keras.saving.get_custom_objects()["Early"] = Late
    assert "Late" not in keras.saving.get_custom_objects()
    assert keras.saving.get_custom_objects().pop("Early") is Early


def test_names_of_layers_begin_anew_for_every_trial() -> None:
    names = []
    for _ in range(2):
        with settings.unchanged():
            names.append(keras.layers.Dense(1).name)
    assert names == ["dense", "dense"]
