"""x, y and weights in dicts, lists and tuples: split, identified, kept and refused by name."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import BadInput, Data, Objective, Part, Source
from objectives.data import OWN_VALIDATION
from objectives.reading import parts as reading
from objectives.reading.simple import split
from objectives.structures import leaves, mapped, named

ROWS = 60
PARTS = ("train", "validation", "test")


def x(rows: int = ROWS) -> dict[str, Any]:
    """Every array holds its rows' numbers, so that a row is known wherever it is."""
    numbers = np.arange(rows)
    return {
        "text": np.array([f"word {n}" for n in numbers]),
        "image": np.stack([np.full((2, 2), n) for n in numbers]).astype("uint8"),
        "more": [numbers, numbers.astype(float)],
    }


def y(rows: int = ROWS) -> dict[str, Any]:
    numbers = np.arange(rows)
    return {"price": numbers / 2.0, "label": numbers % 3}


def objective(load: Any, **more: Any) -> Objective[Any]:
    return Objective(load=lambda _: load, build=lambda trial: None, **more)


def of(load: Any, **more: Any) -> Data:
    return objective(load, **more).data(Source())


def numbers_of(part: Part) -> np.ndarray:
    return np.asarray(part.x["more"][0])


def test_every_array_is_split_alike_and_keeps_its_type() -> None:
    data = of((x(), y(), {"price": np.arange(ROWS), "label": np.arange(ROWS)}))
    seen = []
    for part in (data.train, data.validation, data.test):
        rows = numbers_of(part)
        seen += rows.tolist()
        assert part.x["text"].tolist() == [f"word {n}" for n in rows]
        assert part.x["image"][:, 1, 1].tolist() == rows.tolist()
        assert part.y["price"].tolist() == (rows / 2).tolist()
        assert part.sample_weight["label"].tolist() == rows.tolist()
    kinds = [leaf.dtype.str[1:] for leaf in leaves(data.train.x)]
    assert kinds == ["U7", "u1", "i8", "f4"]
    assert sorted(seen) == list(range(ROWS))
    assert data.shape == (ROWS,)


@pytest.mark.parametrize(
    ("stratify", "kind"),
    [
        (None, 'stratified by y["label"]'),
        ("label", 'stratified by y["label"]'),
        (False, "shuffled"),
    ],
)
def test_the_split_is_stratified_by_an_output(stratify: Any, kind: str) -> None:
    data = of((x(), y()), stratify=stratify)
    assert data.source.kind == kind
    counts = [np.bincount(part.y["label"]).tolist() for part in (data.validation, data.test)]
    assert (counts == [[4, 4, 4]] * 2) == (stratify is not False)
    assert data.source.split["kind"] == kind


def test_an_output_that_cannot_be_stratified_is_named() -> None:
    with pytest.raises(BadInput, match=r"stratify='price': y\[\"price\"\] is float64"):
        of((x(), y()), stratify="price")
    with pytest.raises(
        BadInput, match=r"no such output; there are: y\[\"price\"\], y\[\"label\"\]"
    ):
        of((x(), y()), stratify="lable")


def test_a_list_of_arrays_is_several_inputs_or_rows() -> None:
    one, two = np.zeros((ROWS, 3)), np.ones((ROWS, 2))
    several = split([one, two], np.zeros(ROWS), Source())
    assert [leaf.shape[1:] for leaf in several.train.x] == [(3,), (2,)]
    rows = split(list(one), np.zeros(ROWS), Source())
    assert rows.train.x.shape[1:] == (3,)
    outputs = split(one, [np.zeros(ROWS), np.ones(ROWS)], Source())
    assert [leaf.shape[1:] for leaf in outputs.train.y] == [(), ()]


def changed(structure: Any, name: str, value: Any) -> Any:
    return {**structure, name: value}


@pytest.mark.parametrize(
    ("load", "says"),
    [
        ((changed(x(), "text", x(59)["text"]), y()),
         r'x\["text"\] has 59 rows, x\["image"\] 60'),
        ((x(), changed(y(), "label", np.zeros(61))), r'x\["text"\] has 60 rows, y\["label"\] 61'),
        ((changed(x(), "more", [{"a": None}]), y()), r'x\["more"\]\[0\]\["a"\] is None'),
        ((changed(x(), "more", 7), y()), r'x\["more"\] is 7, which has no rows'),
        ((changed(x(), "more", {}), y()), r'x\["more"\] is an empty dict'),
        (({1: np.zeros(60)}, y()), "x has the key 1: name its arrays by text"),
        ((changed(x(), "more", np.array([1, "a"] * 30, object)), y()),
         r'x\["more"\] holds 1 among objects'),
        ((changed(x(), "more", np.ma.masked_less(np.arange(60), 3)), y()),
         r'x\["more"\] has masked cells'),
        ((x(), changed(y(), "label", x()["text"])), r'y\["label"\] is text \(.word 0.\)'),
        ((x(), y(), {"label": np.ones(60)}), r'sample_weight has no \["price"\]'),
        ((x(), y(), {"label": np.ones(60), "price": np.ones(60), "cost": np.ones(60)}),
         r'sample_weight has \["cost"\], and y has not'),
        ([x(), y()], "load gave a list: it has to give"),
        ((x(), y(), None, None), "load gave a tuple of 4"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(load: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        of(load)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"class_weight": {0: 2.0}}, r"so give weights by class for each output"),
        ({"class_weight": {"lable": {0: 2.0}}}, "no such output of y; did you mean 'label'"),
        ({"task": "binary"}, r'task=\'binary\' scores one output, and there are y\["price"\]'),
    ],
)
def test_settings_of_one_output_are_refused_where_there_are_several(given: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        of((x(), y()), **given)


def test_the_users_own_validation_part_is_left_alone() -> None:
    own = x(20), y(20)
    data = of(((x(), y()), own))
    assert data.source.split == {"kind": OWN_VALIDATION, "test": 0.2, "seed": 0}
    assert numbers_of(data.validation).tolist() == list(range(20))
    assert np.bincount(data.test.y["label"]).tolist() == [4, 4, 4]
    rows = [*numbers_of(data.train), *numbers_of(data.test)]
    assert sorted(rows) == list(range(ROWS))


def test_three_parts_are_taken_as_they_are() -> None:
    given = [(x(n), y(n)) for n in (30, 20, 10)]
    data = of(tuple(given))
    assert [len(getattr(data, name)) for name in PARTS] == [30, 20, 10]
    assert data.source.split == {"kind": "as given"}
    assert Data(*given).train.x["text"].tolist() == x(30)["text"].tolist()
    plain = of(((np.zeros((9, 2)), np.zeros(9)), (np.zeros((8, 2)), np.zeros(8))))
    assert len(plain.validation) == 8
    arrays = Source(arrays=tuple(given))
    assert objective(None).data(arrays).digest == data.digest


def test_tuples_that_may_be_parts_or_inputs_are_refused() -> None:
    one = np.zeros(9)
    several = np.zeros((9, 3)), np.zeros((9, 2))
    for twice in ((one, one), several):
        with pytest.raises(BadInput, match="may be parts, or inputs and outputs"):
            of((twice, twice))
    labels = np.zeros((9, 3)), np.zeros(9, int)
    assert len(of((labels, labels)).validation) == 9, "parts of one size"
    inputs = np.zeros((9, 3)), np.zeros((9, 2))
    assert [len(one) for one in of((inputs, (one, one))).validation.x] == [2, 2]


def test_a_part_of_another_structure_is_named() -> None:
    other = x(20)
    del other["text"]
    with pytest.raises(BadInput, match=r'the validation part has no x\["text"\]'):
        of(((x(), y()), (other, y(20))))
    with pytest.raises(BadInput, match=r'validation: x\["text"\] has 20 rows, y\["label"\] 19'):
        of(((x(), y()), (x(20), changed(y(20), "label", np.zeros(19)))))
    with pytest.raises(BadInput, match="test is ndarray: give a Part"):
        Data((x(), y()), (x(), y()), np.zeros(3))  # type: ignore[arg-type]


@pytest.mark.parametrize("weight", [None, "one", "each"])
def test_what_is_kept_is_opened_in_its_structure(weight: str | None, tmp_path: Path) -> None:
    weights = {None: (), "one": (np.ones(ROWS),), "each": (mapped(np.ones_like, y()),)}[weight]
    given = {"label": {0: 1.5, 2: 0.5}}
    data = of((x(), y(), *weights), class_weight=given)
    data.save(tmp_path)
    opened = Data.open(tmp_path)
    assert opened.digest == data.digest
    assert opened.class_weight == given
    for name in PARTS:
        for key in ("x", "y", "sample_weight"):
            one, other = (named(vars(getattr(each, name))[key]) for each in (data, opened))
            assert [place for place, _ in one] == [place for place, _ in other]
            for (_, kept), (_, found) in zip(one, other, strict=True):
                assert (kept is None) == (found is None)
                if kept is not None:
                    assert isinstance(found, np.memmap)
                    np.testing.assert_array_equal(kept, found)
    assert dataclasses.replace(opened, digest="").digest == data.digest


def test_the_digest_tells_data_apart() -> None:
    def digest(inputs: Any, outputs: Any = None, **more: Any) -> str:
        return of((inputs, outputs or y()), **more).digest

    backwards = dict(reversed(x().items()))
    assert digest(x()) == digest(backwards), "the order of a dict's keys is nothing"
    renamed = {name.upper(): value for name, value in x().items()}
    other = changed(x(), "image", x()["image"][::-1])
    weighted = digest(x(), class_weight={"label": {0: 2.0}})
    swapped = {"price": y()["label"] * 1.0, "label": y()["label"]}
    found = {digest(x()), digest(renamed), digest(other), weighted, digest(x(), swapped)}
    assert len(found) == 5


def test_one_long_text_does_not_widen_all(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = np.array(["é", "long " * 30, *["b"] * 58], object)
    wide = reading.cleaned(texts, "x")
    monkeypatch.setattr(reading, "WIDE_TEXT", 1000)
    narrow = reading.cleaned(texts, "x")
    assert (wide.dtype.kind, narrow.dtype.kind) == ("U", "S")
    assert narrow.nbytes * 3 < wide.nbytes
    assert [cell.decode() for cell in narrow] == wide.tolist()
