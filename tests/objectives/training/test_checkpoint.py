"""Checkpoints: what they keep, what they refuse, and trials that are cut at any moment."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from objectives.training import Decision, Logs, Outcome, TrialResult, TrialSpec
from objectives.training.checkpoint import (
    Checkpoint,
    Opaque,
    Unusable,
    kept_epoch,
    pack,
    read,
    unpack,
    write,
)
from objectives.training.progress import Progress
from objectives.training.whole_files import forget, keep_only

EPOCHS = 12

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=8,
)


@given(plain)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    arrays: dict[str, Any] = {}
    back = unpack(pack(value, arrays), arrays)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("value", [np.float32(0.1), np.int64(3), np.arange(6.0).reshape(2, 3)])
def test_numbers_of_numpy_keep_their_type(value: Any) -> None:
    arrays: dict[str, Any] = {}
    back = unpack(pack(value, arrays), arrays)
    assert back.dtype == value.dtype
    assert np.array_equal(back, value)


@pytest.mark.parametrize("value", [object(), {1, 2}, np.array([None]), lambda: 0, {(1, 2): 3}])
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(Opaque):
        pack([value], {})


def test_no_function_but_a_plain_one_of_keras_is_ever_taken() -> None:
    for name in (["os", "system"], ["keras", "Model"], ["builtins", "eval"], ["keras.gone", "x"]):
        with pytest.raises(ValueError, match="no function of Keras"):
            unpack({"function": name}, {})


def checkpoint(epoch: int = 1) -> Checkpoint:
    return Checkpoint(epoch, 1.5, [{"val_loss": 0.1}], [np.ones(2)], [np.zeros(3)], [], [{"a": 1}])


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_unusable_or_unharmed(choose: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "c.npz")
        write(path, "mine", checkpoint())
        whole = path.read_bytes()
        cut = choose.draw(st.integers(0, len(whole) - 1))
        flipped = bytearray(whole)
        flipped[cut] ^= choose.draw(st.integers(1, 255))
        path.write_bytes(choose.draw(st.sampled_from([whole[:cut], bytes(flipped)])))
        try:
            found = read(path, "mine")
        except Unusable:
            return
        assert found is not None
        assert found.curve == checkpoint().curve
        assert np.array_equal(found.variables[0], np.zeros(3))


def test_files_of_other_trials_stay(tmp_path: Path) -> None:
    for name in ("00001.fit.npz", "00001.compiled.npz", "00002.fit.npz"):
        write(tmp_path / name, "mine", checkpoint())
    (tmp_path / "00001.fit.aside").touch()
    forget(tmp_path / "00001")
    assert {file.name for file in tmp_path.iterdir()} == {"00002.fit.npz", "00001.fit.aside"}
    keep_only(tmp_path, {"00003"})
    assert {file.name for file in tmp_path.iterdir()} == {"00001.fit.aside"}


def test_the_driver_reads_how_far_a_trial_has_come(tmp_path: Path) -> None:
    name = tmp_path / "00001"
    assert kept_epoch(name) == 0
    file = tmp_path / "00001.fit.npz"
    write(file, "mine", checkpoint(7))
    assert kept_epoch(name) == 7
    file.write_bytes(file.read_bytes()[:-200])
    assert kept_epoch(name) == 0


class Numbers:
    """A model of one number, with a callback's counter: enough state to get wrong."""

    over = False

    def __init__(self) -> None:
        self.state, self.counter = np.array([1.0]), 0

    def variables(self) -> tuple[list[Any], list[Any]]:
        return [self.state.copy()], []

    def attributes(self) -> list[dict[str, Any]]:
        return [{"counter": self.counter}]

    def restore(self, kept: Checkpoint) -> None:
        self.state, self.counter = kept.variables[0], kept.callbacks[0]["counter"]

    def step(self, epoch: int) -> Logs:
        self.counter += 1
        self.state = self.state * 1.1 + np.sin(epoch * self.counter)
        return {"val_loss": float(np.cos(self.state[0])), "learning_rate": 0.1}


def test_what_a_callback_has_ended_needs_no_checkpoint(tmp_path: Path) -> None:
    spec = TrialSpec(0, {}, 1, EPOCHS, checkpoint=tmp_path / "00000", checkpoint_every=0.0)
    progress, model = Progress(spec, lambda *_: Decision.CONTINUE), Numbers()
    progress.begin(model, "numbers", 1)
    progress.epoch(1, model.step(1))
    kept = kept_epoch(tmp_path / "00000")
    model.over = True
    progress.epoch(2, model.step(2))
    assert (kept, kept_epoch(tmp_path / "00000")) == (1, 1)
    assert "checkpoint" not in progress.extra


class Killed(BaseException):
    """The process is gone."""


class CutTrials(RuleBasedStateMachine):
    """One trial, killed, stopped and damaged at will, then always run to its end."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.now = 0.0

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def train(self, seed: int, every: float, on_epoch: Any) -> tuple[TrialResult, list[Logs], Any]:
        spec = TrialSpec(
            0, {}, seed, EPOCHS, checkpoint=self.folder / "00000", checkpoint_every=every
        )
        model, curve = Numbers(), []

        def told(of: TrialSpec, epoch: int, logs: Logs) -> Decision:
            curve.append(dict(logs))
            assert len(curve) == epoch
            answer: Decision = on_epoch(epoch)
            return answer

        progress = Progress(spec, told, lambda: self.now)

        def training() -> None:
            for epoch in range(progress.begin(model, "numbers", seed), EPOCHS):
                self.now += 1.0
                if not progress.epoch(epoch + 1, model.step(epoch + 1 + seed)):
                    return

        return progress.run(training), curve, model

    @rule(seed=st.integers(0, 1), at=st.integers(1, EPOCHS), every=st.integers(0, 5))
    def kill(self, seed: int, at: int, every: int) -> None:
        def on_epoch(epoch: int) -> Decision:
            if epoch == at:
                raise Killed
            return Decision.CONTINUE

        with pytest.raises(Killed):
            self.train(seed, float(every), on_epoch)

    @rule(seed=st.integers(0, 1), at=st.integers(1, EPOCHS), every=st.integers(0, 5))
    def stop(self, seed: int, at: int, every: int) -> None:
        result, curve, _ = self.train(
            seed,
            float(every),
            lambda epoch: Decision.STOP if epoch >= at else Decision.CONTINUE,
        )
        assert result.outcome is Outcome.INTERRUPTED
        assert len(curve) == at

    @rule(cut=st.integers(1, 500))
    def tear(self, cut: int) -> None:
        for file in self.folder.glob("*.npz"):
            file.write_bytes(file.read_bytes()[:-cut])

    @rule()
    def leave_a_part(self) -> None:
        (self.folder / ".begun.npz").write_bytes(b"PK")

    @invariant()
    def running_on_gives_the_undisturbed_trial(self) -> None:
        spare = Path(tempfile.mkdtemp())
        shutil.copytree(self.folder, spare, dirs_exist_ok=True)
        for seed in (0, 1):
            result, curve, model = self.train(seed, 1e9, lambda epoch: Decision.CONTINUE)
            expected = Numbers()
            assert curve == [expected.step(epoch + 1 + seed) for epoch in range(EPOCHS)]
            assert model.state == expected.state
            assert result.epochs == EPOCHS
            assert result.value == min(logs["val_loss"] for logs in curve)
            shutil.rmtree(self.folder)
            shutil.copytree(spare, self.folder)
        shutil.rmtree(spare)


CutTrials.TestCase.settings = settings(max_examples=40, stateful_step_count=8, deadline=None)
TestCutTrials = CutTrials.TestCase


@pytest.mark.slow
def test_an_optimizer_of_the_models_own_is_kept_only_where_it_can_be_reached() -> None:
    keras = pytest.importorskip("keras")
    live = pytest.importorskip("objectives.training.live")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert live.LiveState(model, []).attributes() == []
    model.second = keras.optimizers.Adam()
    by_fit, traced = live.LiveState(model, []), live.LiveState(model, [])
    with pytest.raises(Opaque, match="second"):
        by_fit.attributes()
    traced.also(())
    assert traced.attributes() == []
