"""Which way a monitored value is better, told by its name as people write metrics."""

from __future__ import annotations

import re

# Parts of a name, wherever they stand in it.
FALLING = (
    "loss", "error", "brier", "mse", "mae", "mape", "msle", "crossentropy", "cross_entropy",
    "divergence", "deviance", "huber", "hinge", "cosh", "perplexity", "negatives",
    "positives", "distance", "regret", "misclass",
)  # fmt: skip
# Whole words of a name.
WORDS = {
    "poisson", "nll", "kl", "kld", "ece", "wer", "cer", "fpr", "fnr", "far", "frr", "eer", "fid",
    "ppl", "bpc", "bpd", "cost", "risk", "miss", "wasserstein", "hausdorff",
}  # fmt: skip
RISING = ("true_positives", "true_negatives", "error_free")


def direction(monitor: str) -> str:
    """Return "min" or "max" for a monitored value: losses and errors fall, the rest rises.

    `neg_` turns a loss around, as scikit-learn's scores have it; a likelihood rises, and the
    negative of one falls.
    """
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", monitor.removeprefix("val_")).casefold()
    words = re.split(r"[^a-z]+", name)
    if any(part in name for part in RISING):
        return "max"
    falls = any(part in name for part in FALLING) or not WORDS.isdisjoint(words)
    turned = words[0] in ("neg", "negative", "minus")
    return "min" if (falls or "likelihood" in name) and turned == ("likelihood" in name) else "max"
