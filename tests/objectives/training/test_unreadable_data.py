"""Data that a model cannot read, or that end in the middle, end the sweep with one line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from objectives import BadInput, Objective, Source
from objectives.reading.ragged import Ragged
from objectives.training import Outcome, TrialSpec, here
from tests.objectives.training.test_data_sets import spec, trained

pytestmark = pytest.mark.slow

ROWS = 48
X = np.random.default_rng(0).normal(size=(ROWS, 3)).astype("float32")
Y = (X[:, 0] > 0).astype("int64")
CLASSES = np.arange(ROWS) % 3
FAR = np.where(np.arange(ROWS) == 40, 7, CLASSES)
WORDS = np.random.default_rng(1).integers(0, 5, (ROWS, 4))
UNKNOWN = np.where(np.arange(ROWS * 4).reshape(ROWS, 4) == 150, 9, WORDS)
RAGGED = Ragged(np.arange(ROWS * 2) * 1.0, np.arange(ROWS + 1) * 2)


def dense(outputs: int = 1, loss: str = "binary_crossentropy") -> Any:
    """Return a `build` of a model that takes its shape from the rows."""

    def build(trial: Any) -> Any:
        import keras

        last = {"binary_crossentropy": "sigmoid", "mse": None}.get(loss, "softmax")
        model = keras.Sequential([keras.layers.Dense(outputs, activation=last)])
        model.compile("adam", loss)
        return model

    return build


def own(trial: Any) -> Any:
    import keras

    class Own(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.out = keras.layers.Dense(1, "sigmoid")

        def call(self, x: Any) -> Any:
            return self.out(x)

    model = Own()
    model.compile("adam", "binary_crossentropy")
    return model


def embedding(trial: Any) -> Any:
    import keras

    words = trial.suggest_int("words", 2, 20) if trial is not None else 5
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(words, 2),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy")
    return model


def run(load: Any, build: Any, **config: Any) -> Any:
    found = Objective(load=lambda _: load, build=build)
    trainer = here(found, found.data(Source()), "fit")
    return trained(trainer, TrialSpec(0, config, 3, 1, check=False))[0]


ONE_HOT = np.eye(3)[CLASSES], np.eye(2)[CLASSES % 2]


@pytest.mark.parametrize(
    ("load", "build", "says"),
    [
        (((X, Y), (X[:, :2], Y)), dense(),
         r"the model has 1 input, and x has 2 arrays \(x\[0\] 3, x\[1\]\); if load gave parts, .*"
         r"alike: \(3,\), \(\) / \(2,\), \(\)"),
        (((X, Y), (X[:20, :2], Y[:20])), dense(),
         r"read x of the validation part, where x has rows of the shape \(2,\), and \(3,\) in"),
        (((X, Y), (X, Y), (X[:20, :2], Y[:20])), own, "cannot read x of the test part, where x"),
        (((X, ONE_HOT[0]), (X[:20], ONE_HOT[1][:20])), dense(3, "categorical_crossentropy"),
         r"y has rows of the shape \(3,\) in the training part and \(2,\) in the validation part, "
         r"where the model gives \(3,\)"),
        (((X, X[:, :1]), (X[:20], X[:20, :2])), dense(1, "mse"),
         r"y of the validation part has the shape \(20, 2\), and of the training part \(38, 1\)"),
        (((X, CLASSES), (X[:45], FAR[:45])), dense(3, "sparse_categorical_crossentropy"),
         "y of the validation part has the class 7, and the model knows 0 to 2"),
        ((X, CLASSES - 1), dense(3, "sparse_categorical_crossentropy"),
         "y of the train part has the class -1, and the model knows 0 to 2"),
        ((X, np.eye(5)[CLASSES]), dense(3, "categorical_crossentropy"),
         r"y has rows of the shape \(5,\), and the model gives \(3,\): let it have one output"),
        ((X, CLASSES), dense(3, "categorical_crossentropy"), "is the loss of class numbers"),
        (((UNKNOWN, Y), (WORDS[:20], Y[:20])), embedding,
         r"cannot read x of the t\w+ part \(x from 0 to 9\): .*9 is not in \[0, 5\)"),
        (((WORDS, Y), (UNKNOWN[:40], Y[:40])), embedding, "x of the validation part"),
        ((RAGGED, Y), dense(), r"x of the train part, whose rows are of unequal length \(pad"),
    ],
)  # fmt: skip
def test_what_a_model_cannot_read_is_told_before_it_trains(
    load: Any, build: Any, says: str
) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        run(load, build, words=5)
    assert "\n" not in str(refused.value)


def test_a_word_that_one_trials_net_does_not_know_fails_it_alone() -> None:
    """XLA would train it: it reads another word in its place."""
    found = Objective(load=lambda _: (UNKNOWN, Y), build=embedding)
    trainer = here(found, found.data(Source()), "xla")
    specs = (TrialSpec(n, {"words": of}, 3, 1, check=False) for n, of in enumerate((10, 9, 10)))
    (good, bad, again), (first, _, third) = trained(trainer, *specs)
    assert [good.outcome, again.outcome] == [Outcome.COMPLETE] * 2
    assert bad.outcome is Outcome.FAILED
    assert "x from 0 to 9" in bad.error
    assert first == third


def test_parts_of_other_lengths_are_read_where_the_model_reads_any() -> None:
    longer = np.concatenate([WORDS, WORDS], axis=1)
    (result,) = run(((WORDS, Y), (longer[:20], Y[:20])), embedding, words=5)
    assert result.outcome is Outcome.COMPLETE


def broken(kind: str, at: int, batches: int = 5) -> Any:
    """Return a data set whose batch of this number is another's kind, or none."""
    import keras
    import tensorflow as tf

    def batch(place: int) -> Any:
        if place == at and kind != "odd":
            raise KeyError("row 17 is missing")
        x = X[place * 8 : place * 8 + 8]
        return (x[:, :2] if place == at else x), Y[place * 8 : place * 8 + 8]

    class Rows(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return batches

        def __getitem__(self, place: int) -> Any:
            return batch(place)

    if kind != "generator":
        return Rows()
    signature = tf.TensorSpec((None, 3), tf.float32), tf.TensorSpec((None,), tf.int64)
    return tf.data.Dataset.from_generator(
        lambda: map(batch, range(batches)), output_signature=signature
    )


FIRST = r"data set raises in its batch 4: KeyError: 'row 17 is missing'"
SHAPE = r"batch 4 of the train data set has x with rows of the shape \(2,\), and its first .*3,\)"


@pytest.mark.parametrize(
    ("kind", "ends", "says"),
    [
        ("keras", (3, 9), f"the train {FIRST}"),
        ("generator", (9, 3), f"the validation {FIRST}"),
        ("odd", (3, 9), SHAPE),
    ],
)
def test_a_data_set_that_ends_in_the_middle_names_the_batch(
    kind: str, ends: tuple[int, int], says: str
) -> None:
    def load(_: Source) -> Any:
        return tuple(broken(kind, at) for at in ends)

    found = Objective(load=load, build=dense())
    with pytest.raises(BadInput, match=says) as refused:
        trained(here(found, found.data(Source())), spec())
    assert "\n" not in str(refused.value)
    with pytest.raises(BadInput, match=says):
        Objective(load=load, build=dense(), materialize=True).data(Source())


def test_a_data_set_that_ends_in_a_later_trial_fails_it_alone() -> None:
    at = 9

    def load(_: Source) -> Any:
        return broken("keras", at), broken("keras", 9)

    found = Objective(load=load, build=dense())
    trainer = here(found, found.data(Source()))
    (good,), _ = trained(trainer, spec())
    at = 3
    (bad,), _ = trained(trainer, spec())
    assert (good.outcome, bad.outcome) == (Outcome.COMPLETE, Outcome.FAILED)


def test_a_test_data_set_that_ends_in_the_middle_is_named(tmp_path: Any) -> None:
    found = Objective(
        load=lambda _: (broken("keras", 9), broken("keras", 9), broken("keras", 3)), build=dense()
    )
    trainer = here(found, found.data(Source()))
    of = spec(max_epochs=1, weights=tmp_path / "w.npz")
    trained(trainer, of)
    with pytest.raises(BadInput, match=f"the test {FIRST}"):
        trainer.evaluate(of)
