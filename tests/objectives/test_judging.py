"""Scores agree with scikit-learn's, and a net is told apart from the plain models."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
)

from objectives import BadInput, Data, Part, Source, sequences, tables
from objectives.dense_binary import DENSE_BINARY
from objectives.judging import judge, peer_models, reliability, scores, threshold
from objectives.judging.plain import Interval, compare, task_of

SEEDS = st.integers(0, 10_000)


@settings(deadline=None)
@given(SEEDS, st.integers(20, 80), st.sampled_from([1, 20]))
def test_two_classes_as_scikit_learn_has_them(seed: int, rows: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.append([0, 1], rng.integers(0, 2, rows)).astype(np.float32)
    chance = np.round(rng.random((rows + 2, 1)) * steps) / steps  # many ties
    found = scores(y, chance, "binary")
    assert found["accuracy"] == pytest.approx(accuracy_score(y, chance > 0.5))
    assert found["auc"] == pytest.approx(roc_auc_score(y, chance))
    assert found["brier"] == pytest.approx(brier_score_loss(y, chance))
    bins = np.minimum((chance.ravel() * 10).astype(int), 9)
    gaps = [abs((chance.ravel() - y)[bins == k].sum()) for k in range(10)]
    assert found["calibration_error"] == pytest.approx(sum(gaps) / len(y))
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(y, chance > 0.5))


@settings(deadline=None)
@given(SEEDS, st.integers(3, 6))
def test_several_classes_as_scikit_learn_has_them(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.append(np.arange(classes), rng.integers(0, classes, 40))
    chances = rng.dirichlet(np.ones(classes), len(y))
    found = scores(y, chances, "multiclass")
    assert found["auc"] == pytest.approx(roc_auc_score(y, chances, multi_class="ovr"))
    assert found["balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(y, chances.argmax(axis=1))
    )


@settings(deadline=None)
@given(SEEDS)
def test_numbers_as_scikit_learn_has_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, guess = rng.normal(size=(2, 30)) * 100.0
    found = scores(y, guess[:, None], "regression")
    assert found["mae"] == pytest.approx(mean_absolute_error(y, guess))
    assert found["r2"] == pytest.approx(r2_score(y, guess))


@settings(deadline=None)
@given(SEEDS, st.sampled_from(["binary", "multiclass", "regression"]))
def test_a_weight_is_a_row_that_comes_so_often(seed: int, task: str) -> None:
    rng = np.random.default_rng(seed)
    y = np.arange(24) % 3 % (2 if task == "binary" else 3)
    width = {"binary": 1, "multiclass": 3, "regression": 1}[task]
    guess = np.round(rng.dirichlet(np.ones(3), 24)[:, :width], 1)
    times = rng.integers(0, 4, 24)
    weighted = judge(y, guess, task)(times.astype(float))
    repeated = scores(np.repeat(y, times), np.repeat(guess, times, axis=0), task)
    assert weighted == pytest.approx(repeated)


def test_a_part_with_one_class_has_no_auc() -> None:
    found = scores(np.ones(5), np.full((5, 1), 0.7), "binary")
    assert "auc" not in found
    assert found["accuracy"] == found["balanced_accuracy"] == 1.0
    found = scores(np.array([0, 0, 2]), np.eye(3)[[0, 0, 2]], "multiclass")
    assert found["auc"] == 1.0  # of the classes that are there


def rings(rows: int = 1500) -> Data:
    """Return labels that no linear model can tell: inside or outside a circle."""
    x = np.random.default_rng(0).normal(size=(rows, 2))
    return tables.from_arrays(x, (x**2).sum(axis=1) > 1.4, Source(), "binary")


def test_a_net_that_beats_the_linear_model() -> None:
    data = rings()
    truth = data.test.y[:, None]
    found = compare(data, 0.8 * truth + 0.1, draws=200)
    assert found.beaten("logistic") is True
    assert list(found.models) == ["net", "majority", "logistic", "trees"]
    assert "the net beats logistic regression: AUC +0." in found.lines()[-2]
    metrics = found.metrics()
    assert metrics["majority_auc"] == 0.5
    assert metrics["test_auc_low"] == metrics["test_auc_high"] == 1.0
    assert "test_auc" not in metrics
    assert 0.4 < metrics["logistic_auc"] < 0.6
    for scores_of in found.models.values():
        for interval in scores_of.values():
            assert interval.low <= interval.value <= interval.high


def test_a_net_beside_the_baseline_on_the_same_rows() -> None:
    data = rings()
    truth, rng = data.test.y[:, None], np.random.default_rng(0)
    noisy = 0.5 * truth + rng.random(truth.shape)
    found = compare(data, noisy, noisy + 1e-3 * rng.normal(size=noisy.shape), draws=200)
    assert list(found.models) == ["net", "baseline", "majority", "logistic", "trees"]
    gap = found.ahead["net", "baseline"]
    wide = found.models["net"]["auc"]
    assert gap.high - gap.low < 0.1 * (wide.high - wide.low)  # in pairs: the rows' luck is shared
    assert found.beaten("baseline") is None
    assert "does not beat the baseline" in found.lines()[-3]
    assert not any(name.startswith("baseline") for name in found.metrics())
    better = compare(data, 0.8 * truth + 0.1, noisy, draws=200)
    assert better.beaten("baseline") is True
    assert 0.0 < better.ahead["net", "baseline"].low <= better.ahead["net", "baseline"].high < 1.0


def test_a_net_that_does_not() -> None:
    data = rings()
    blind = np.random.default_rng(1).random((len(data.test), 1))
    found = compare(data, blind, draws=200)
    assert found.beaten("logistic") is None
    assert any("the net does not beat logistic" in line for line in found.lines())
    x = np.random.default_rng(0).normal(size=(900, 3))
    easy = tables.from_arrays(x, x.sum(axis=1) > 0, Source(), "binary")
    found = compare(easy, blind[: len(easy.test)], draws=200)
    assert found.beaten("logistic") is False
    assert any("the net is worse than logistic" in line for line in found.lines())


def test_trees_and_an_average_are_set_beside_the_net() -> None:
    data = rings()
    blind, truth = np.full((len(data.test), 1), 0.5), data.test.y[:, None]
    found = compare(data, blind, average=truth, draws=100)
    assert list(found.models) == ["net", "average", "majority", "logistic", "trees"]
    assert found.models["trees"]["auc"].value > 0.9  # rings are no line
    assert found.beaten("trees") is False
    assert found.beaten("logistic", by="average") is True
    assert "trees_auc" in found.metrics()
    assert not any(name.startswith("average") for name in found.metrics())


def test_peers_are_left_out_where_they_take_long_or_are_not_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = rings()
    assert list(compare(data, peers="off", draws=100).models) == ["majority"]
    monkeypatch.setattr(peer_models, "QUICK", 10)
    found = compare(data, peers="auto", draws=100)
    assert list(found.models) == ["majority", "logistic"]
    assert "--peers on" in found.lines()[-1]


def test_numbers_have_a_mean_and_a_ridge() -> None:
    x = np.random.default_rng(0).normal(size=(400, 3))
    data = tables.from_arrays(x, x @ [100.0, 0.0, -50.0] + 1e4, Source(), "regression")
    found = compare(data, data.test.y[:, None], draws=100)
    assert found.metrics()["ridge_r2"] > 0.99
    assert found.metrics()["majority_r2"] < 0.01
    assert any(line.startswith("  mean") for line in found.lines())
    assert not compare(data).ahead


def test_sequences_are_flattened() -> None:
    x = np.random.default_rng(0).normal(size=(300, 4, 2))
    y = (x[:, 0, 0] > 0).astype(int)
    x[::3, 3:] = np.nan
    data = sequences.from_arrays(x, y, Source())
    assert compare(data, draws=100).metrics()["logistic_accuracy"] > 0.9


def test_classes_that_are_weighted_are_weighted_in_the_linear_model_too() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 2))
    y = x[:, 0] + rng.normal(size=2000) > 2.2
    plain = compare(tables.from_arrays(x, y, Source(), "binary"), draws=100)
    source = Source(options={"weights": "balanced"})
    weighted = compare(tables.from_arrays(x, y, source, "binary"), draws=100)
    name = "logistic_balanced_accuracy"
    assert weighted.metrics()[name] > plain.metrics()[name] + 0.1


def test_the_task_of_data_that_do_not_say() -> None:
    def data(y: np.ndarray) -> Data:
        part = Part(np.zeros((len(y), 1), np.float32), y)
        return Data(part, part, part)

    assert task_of(data(np.array([0.0, 1.0], np.float32))) == "binary"
    assert task_of(data(np.array([0.0, 2.5], np.float32))) == "regression"
    assert task_of(data(np.array([0, 2]))) == "multiclass"


@settings(deadline=None)
@given(SEEDS, st.integers(4, 60), st.sampled_from([4, 1000]))
def test_no_threshold_is_better_than_the_chosen_one(seed: int, rows: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.append([0, 1], rng.integers(0, 2, rows)).astype(np.float32)
    chance = np.round(rng.random(rows + 2) * steps) / steps
    for goal, score in (("balanced_accuracy", balanced_accuracy_score), ("f1", f1_score)):
        found = threshold.decided(goal, (y, chance), (y, chance[:, None]))
        reached = found[f"{goal}_at_threshold"]
        assert 0.0 <= found["threshold"] <= 1.0
        assert reached == pytest.approx(score(y, chance > found["threshold"]))
        for other in np.linspace(0.0, 1.0, 41):
            assert threshold.at(y > 0.5, chance, other)[goal] <= reached + 1e-12


def test_chances_that_mean_what_they_say() -> None:
    rng = np.random.default_rng(0)
    chance = rng.random(20_000)
    y = rng.random(20_000) < chance
    assert scores(y, chance[:, None], "binary")["calibration_error"] < 0.02
    assert scores(y, np.sqrt(chance)[:, None], "binary")["calibration_error"] > 0.1
    curve = reliability(y, chance[:, None])
    assert len(curve) == 10
    assert sum(point["rows"] for point in curve) == 20_000
    assert max(abs(point["said"] - point["seen"]) for point in curve) < 0.05


def test_classes_are_not_weighted_unless_asked() -> None:
    x = np.random.default_rng(0).normal(size=(2000, 2))
    y = x[:, 0] > 1.5  # 7%
    plain = tables.from_arrays(x, y, Source(), "binary")
    assert plain.class_weight is None
    assert plain.test.sample_weight is None
    assert plain.source.options["threshold_for"] == "balanced_accuracy"
    options = {"weights": "balanced", "threshold_for": "none"}
    weighted = tables.from_arrays(x, y, Source(options=options), "binary")
    assert weighted.class_weight is not None
    assert "chances" in weighted.details["notes"][0]
    assert threshold.wanted(weighted) is None
    with pytest.raises(BadInput, match="--threshold-for 'best': choose balanced_accuracy or f1"):
        tables.from_arrays(x, y, Source(options={"threshold_for": "best"}), "binary")


def test_a_task_brings_its_scores_and_ones_own_take_their_place() -> None:
    labels, chances = np.array([0, 1, 1, 0]), np.array([0.1, 0.9, 0.4, 0.2])
    for objective in (DENSE_BINARY, dataclasses.replace(DENSE_BINARY, max_epochs=3)):
        assert objective.scores(labels, chances) == scores(labels, chances, "binary")
    own = dataclasses.replace(DENSE_BINARY, scores=lambda *_: {"mine": 1.0})
    assert own.scores(labels, chances) == {"mine": 1.0}
    with pytest.raises(BadInput, match="task is 'labels': take one of binary, multiclass, reg"):
        dataclasses.replace(DENSE_BINARY, task="labels")


@pytest.mark.parametrize(
    ("numbers", "spec", "text"),
    [
        ((0.93, 0.9111, 0.95), ".3g", "0.93 [0.911, 0.95]"),
        ((0.99987, 0.99982, 0.99991), ".3g", "0.99987 [0.99982, 0.99991]"),
        ((0.99999997, 0.99999996, 0.99999998), ".3g", "> 0.999999"),
        ((1.0, 1.0, 1.0), ".3g", "1 [1, 1]"),
        ((0.9999, 0.9996, 1.0), ".3g", "0.9999 [0.9996, 1]"),
        ((0.25, -0.5, 0.75), "+.3g", "+0.25 [-0.5, +0.75]"),
        ((-1e-9, -1e-8, 0.0), "+.3g", "-1e-09 [-1e-08, +0]"),
        ((12345678.0, 12345677.0, 12345679.0), ".3g", "1.23457e+07 [1.23457e+07, 1.23457e+07]"),
    ],
)
def test_an_interval_has_the_digits_that_tell_its_ends_apart(
    numbers: tuple[float, float, float], spec: str, text: str
) -> None:
    assert format(Interval(*numbers), spec) == text
