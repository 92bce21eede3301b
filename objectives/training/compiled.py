"""The fast trainer: whole epochs as compiled programs, one for all trials of a structure."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import keras
import tensorflow as tf

from objectives.training.fit import Epochs, FitTrainer
from objectives.training.live import LiveState
from objectives.training.program import Parts, Program, Unsupported
from objectives.training.progress import load_weights
from objectives.training.structure import Unshareable, structure
from objectives.training.traces import place

if TYPE_CHECKING:
    from objectives import Data, Objective
    from objectives.training import TrialSpec
    from objectives.training.progress import Progress

T = TypeVar("T")
log = logging.getLogger("sweeps")

BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
    "on_test_begin",
    "on_test_end",
)


class CompiledTrainer(FitTrainer):
    """Trains one trial at a time in this process, each epoch as one call of a compiled program.

    What cannot be compiled whole is trained by `model.fit`: the result's `fallback` says why, and
    the log does once. A result's `extra` has the trial's `structure`, and whether its program was
    made for it (`compiled`).
    """

    def __init__(self, objective: Objective[Any], data: Data) -> None:
        super().__init__(objective, data)
        self._programs: dict[str, Program | str] = {}  # by structure: a program, or why not
        self._parts: tuple[Parts, Parts] | None = None
        self._said: set[str] = set()

    @property
    def structures(self) -> int:
        """Structures met. XLA never frees a program: a process should not gather too many."""
        return len(self._programs)

    def trial(self, progress: Progress) -> None:
        """Train a trial as a compiled program, or by `model.fit` where that is impossible."""
        try:
            self._trial(progress)
        except Unsupported as why:
            progress.fallback = str(why)
            self._say(f"model.fit trains this model, which is slower: {why}")
            super().trial(progress)

    def kept(self, spec: TrialSpec) -> keras.Model:
        """Return the spec's model with its kept weights: the program's, if there is one."""
        model = self.build(spec)
        program = self._programs.get(self._key(model, spec))
        if isinstance(program, Program):
            model = program.model
        model.set_weights(load_weights(spec.weights))
        return model

    def close(self) -> None:
        """Forget all programs."""
        self._programs.clear()
        super().close()

    def _trial(self, progress: Progress) -> None:
        spec = progress.spec
        model, callbacks = self.build(spec), self.callbacks(spec)
        refuse(model, callbacks)
        epochs = Epochs(progress, len(self.data.train))
        key = self._key(model, spec)
        known = key in self._programs
        program = self._program(key, model, spec, len(epochs.rows))
        progress.extra |= {"structure": key[:16], "compiled": not known}
        program.start(model)
        progress.weights = program.model.get_weights
        state = LiveState(program.model, callbacks)
        first = progress.begin(state, "compiled", *self.made_of(spec, program.model))
        hooks = keras.callbacks.CallbackList(
            [state, *callbacks, epochs],
            add_history=True,
            model=program.model,
            epochs=spec.max_epochs,
            steps=math.ceil(len(epochs.rows) / program.batch),
            verbose=0,
        )
        hooks.on_train_begin()
        for epoch in range(first, spec.max_epochs):
            hooks.on_epoch_begin(epoch)
            run = program.run if program.compiled else partial(self._attempt, key, program.run)
            logs = run(epochs.rows)
            hooks.on_epoch_end(epoch, logs)
            if program.model.stop_training:
                break
        hooks.on_train_end()

    def _key(self, model: keras.Model, spec: TrialSpec) -> str:
        """Return the key of the model's program; one of its own if it cannot be shared."""
        parts = [(part.shape, str(part.dtype)) for parts in self._tensors() for part in parts]
        try:
            return structure(model, parts, self.objective.batch(spec.config), spec.share)
        except Unshareable as why:
            self._say(f"every trial compiles its own program: {why}")
            return f"unshared {spec.number} {len(self._programs)}"

    def _program(self, key: str, model: keras.Model, spec: TrialSpec, rows: int) -> Program:
        """Return the key's program, made if there is none. Raises Unsupported."""
        program = self._programs.get(key)
        if isinstance(program, str):
            raise Unsupported(program)
        if program is None:
            batch = self.objective.batch(spec.config)
            shared = not key.startswith("unshared")
            kept = place(model, key) if shared else None
            program = self._attempt(key, Program, model, batch, rows, *self._tensors(), kept)
            if shared:
                self._programs[key] = program
        return program

    def _attempt(self, key: str, make: Callable[..., T], *args: Any) -> T:
        """Call; make any failure Unsupported, and remember it."""
        try:
            return make(*args)
        except Exception as fault:
            why = reason(fault)
            self._programs[key] = why
            raise Unsupported(why) from fault

    def _tensors(self) -> tuple[Parts, Parts]:
        """Return the training and the validation part, on the device once."""
        if self._parts is None:
            train, validation = (tuple(map(tf.convert_to_tensor, p)) for p in self.arrays)
            self._parts = train, validation
        return self._parts

    def _say(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            log.warning("%s", line)


def reason(fault: Exception) -> str:
    """Return one line that says why a program could not be made."""
    text = str(fault)
    operations = sorted(set(re.findall(r"No registered '(\w+)' OpKernel for XLA", text)))
    if operations:
        return f"XLA cannot compile {', '.join(operations)}"
    lines = text.strip().splitlines() or [""]
    return f"{type(fault).__name__}: {lines[0]}"


def refuse(model: keras.Model, callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Raise Unsupported for what a program of a whole epoch cannot do."""
    for callback in callbacks:
        for hook in BATCH_HOOKS:
            own = getattr(type(callback), hook) is not getattr(keras.callbacks.Callback, hook)
            if own or hook in vars(callback):
                raise Unsupported(f"the callback {type(callback).__name__} acts within epochs")
    if model.run_eagerly:
        raise Unsupported("the model is compiled with run_eagerly=True")
    if tf.distribute.has_strategy():
        raise Unsupported("a tf.distribute strategy is active")
