"""Which way a metric is better, by names as people write them."""

from __future__ import annotations

import pytest

from objectives import direction

FALL = [
    "loss",
    "error",
    "mean_squared_error",
    "rmse",
    "val_mae",
    "huber",
    "squared_hinge",
    "poisson",
    "log_cosh",
    "perplexity",
    "nll",
    "brier_score",
    "wer",
    "fpr",
    "false_negatives",
    "false_positives",
    "neg_log_likelihood",
    "kl_divergence",
    "ece",
    "negative_log_likelihood",
    "misclassification_rate",
    "NLL",
    "meanAbsoluteError",
]
RISE = [
    "accuracy",
    "auc",
    "f1_score",
    "neg_mean_squared_error",
    "neg_log_loss",
    "error_free_share",
    "true_positives",
    "true_negatives",
    "log_likelihood",
    "r2_score",
    "cosine_similarity",
    "mean_io_u",
    "recall_at_precision",
    "neg_brier_score",
    "power",
    "sensitivity_at_specificity",
]


@pytest.mark.parametrize("prefix", ["", "val_"])
def test_errors_fall_and_scores_rise(prefix: str) -> None:
    assert {name: direction(prefix + name) for name in FALL} == dict.fromkeys(FALL, "min")
    assert {name: direction(prefix + name) for name in RISE} == dict.fromkeys(RISE, "max")
