"""Data sets as data: what is known of them, how they are told apart, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import BadInput, Data, Objective, Source

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

X = np.arange(80.0).reshape(40, 2).astype("float32")
Y = np.arange(40) % 2


class Rows(keras.utils.PyDataset):  # type: ignore[misc, name-defined]
    """Batches of 8 of some rows, in an order of NumPy's own."""

    def __init__(self, rows: slice) -> None:
        super().__init__()
        self.x, self.y = X[rows], Y[rows]
        self.order = np.random.permutation(len(self.y))

    def __len__(self) -> int:
        return (len(self.y) + 7) // 8

    def __getitem__(self, index: int) -> Any:
        rows = self.order[index * 8 : index * 8 + 8]
        return {"a": self.x[rows]}, self.y[rows]


def of(*ends: int, then: Callable[[Any], Any] = lambda one: one.batch(8)) -> Any:
    """Return a `load` that gives data sets of the rows between these ends."""

    def load(_: Source) -> Any:
        whole = tf.data.Dataset.from_tensor_slices(({"a": X, "text": Y.astype(str)}, Y))
        pairs = zip((0, *ends), ends, strict=False)
        found = [then(whole.skip(start).take(end - start)) for start, end in pairs]
        return tuple(found) if len(found) > 1 else found[0]

    return load


def read(load: Any, **more: Any) -> Data:
    return Objective(load=load, build=lambda trial: None, **more).data(Source())


def test_the_first_rows_stand_for_a_data_set(tmp_path: Path) -> None:
    data = read(of(20, 30, 40))
    assert data.train.x["a"].tolist() == X[:8].tolist()
    assert data.train.x["text"].tolist() == [b"0", b"1"] * 4
    assert data.stream == {
        "train": {"batches": 3, "size": 8},
        "validation": {"batches": 2, "size": 8},
        "test": {"batches": 2, "size": 8},
    }
    data.save(tmp_path)
    opened = Data.open(tmp_path)
    assert (opened.stream, opened.digest) == (data.stream, data.digest)
    assert [len(opened.train), len(opened.test)] == [24, 16]


def test_single_rows_are_counted() -> None:
    data = read(of(20, 40, then=lambda one: one))
    assert data.stream
    assert data.stream["train"] == {"rows": 20, "size": 20}
    assert len(data.train) == 20


def test_without_a_test_data_set_the_validation_part_is_it_and_that_is_said() -> None:
    data = read(of(20, 40))
    assert data.test.x["a"].tolist() == data.validation.x["a"].tolist()
    assert "test scores are of the validation part" in data.details["notes"][-1]


def test_data_sets_are_known_by_their_first_batches_or_by_a_version() -> None:
    shuffled = of(20, 40, then=lambda one: one.shuffle(20).batch(8))
    digests = [read(load).digest for load in (of(20, 40), of(20, 30), shuffled, shuffled)]
    assert len(set(digests)) == 3
    assert digests[2] == digests[3], "what they draw themselves is seeded"
    one, other, again = (read(of(20, 40), version=name).digest for name in "aba")
    assert one == again != other
    assert "first 2 batches" in read(of(20, 40)).details["notes"][0]
    assert "first 2 batches" not in read(of(20, 40), version="a").details["notes"][0]


def test_what_nobody_can_tell_apart_needs_a_version() -> None:
    def load(_: Source) -> Any:
        rng = np.random.default_rng()
        made = tf.data.Dataset.from_tensor_slices((rng.normal(size=(9, 2)), Y[:9])).batch(3)
        return made, made

    with pytest.raises(BadInput, match=r"name the data yourself, Objective\(version=...\)"):
        read(load)
    assert read(load, version="1").stream


def test_a_data_set_of_keras_is_taken_too() -> None:
    load = lambda _: (Rows(slice(20)), Rows(slice(20, 40)))  # noqa: E731
    data = read(load)
    assert data.stream
    assert data.stream["train"] == {"batches": 3, "size": 8}
    state = np.random.get_state()[1].tolist()
    assert read(load).digest == data.digest
    assert np.random.get_state()[1].tolist() == state, "Python's and NumPy's own draws go on"


def test_data_sets_are_read_into_arrays() -> None:
    whole = read(of(40), materialize=True)
    assert whole.stream is None
    seen = np.concatenate([part.x["a"][:, 0] for part in (whole.train, whole.validation)])
    assert sorted([*seen, *whole.test.x["a"][:, 0]]) == X[:, 0].tolist()
    three = read(of(20, 30, 40), materialize=True)
    assert three.validation.x["a"].tolist() == X[20:30].tolist()
    two = read(lambda _: (Rows(slice(30)), Rows(slice(30, 40))), materialize=True)
    assert sorted(two.validation.x["a"][:, 0]) == X[30:40, 0].tolist()
    assert len(two.train) + len(two.test) == 30


def test_a_pass_that_is_one_of_many_is_said_to_be() -> None:
    shuffled = of(20, 40, then=lambda one: one.shuffle(20).batch(8))
    notes = read(shuffled, materialize=True).details["notes"]
    assert "the train data set gives something else in each pass" in notes[0]
    assert read(of(20, 40), materialize=True).details["notes"] == [notes[-1]]


@pytest.mark.parametrize(
    ("load", "says"),
    [
        (of(40), "one data set, which cannot be split"),
        (of(20, 40, then=lambda one: one.batch(8).repeat()), "train data set has no end"),
        (of(20, 40, then=lambda one: one.skip(40).batch(8)), "train data set is empty"),
        (of(20, 40, then=lambda one: one.map(lambda x, y: (x, y, y, y)).batch(8)),
         r"train data set gives a tuple of 4: each batch has to be \(x, y\)"),
        (lambda _: (*of(20, 40)(None), of(20)(None), of(20)(None)), "load gave 4 data sets"),
        (lambda _: (of(20, 40)(None)[0], (X, Y)),
         "validation is a tuple, and others are data sets"),
        (lambda _: (batch for batch in [(X, Y)]),
         "a generator, which gives its batches only once"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_from_is_refused(load: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        read(load)
    assert "\n" not in str(refused.value)


def test_data_sets_in_hand_are_for_load_to_make() -> None:
    given = of(20, 40)(Source())
    with pytest.raises(BadInput, match="let load make them"):
        Objective(load=lambda _: None, build=lambda trial: None).data(Source(arrays=given))
