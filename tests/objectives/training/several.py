"""A model of two or three inputs and two outputs, in dicts; importable by any process."""

from __future__ import annotations

from typing import Any

import numpy as np

from objectives import Objective, Source
from sweeps import Sweep

COLOURS = ("red", "green", "blue")


def load(source: Source | None = None, text: bool = True, weights: str = "each") -> Any:
    """Return (x, y) or (x, y, weights): 72 rows, with bytes and text among the inputs."""
    rng = np.random.default_rng(2)
    rows = 72
    body = rng.standard_normal((rows, 4))
    colour = rng.integers(0, 3, rows)
    x = {"image": rng.integers(0, 256, (rows, 3, 3, 1)).astype("uint8"), "body": body}
    if text:
        x["colour"] = np.array(COLOURS)[colour]
    bright = x["image"].mean(axis=(1, 2, 3)) / 255
    y = {"price": body[:, 0] + colour + bright, "label": (body[:, 1] > 0).astype(int)}
    each = {"label": rng.uniform(0.5, 2, rows), "price": rng.uniform(0.5, 2, rows)}
    given = {"each": (each,), "one": (each["label"],), "none": ()}
    return (x, y, *given[weights])


def build(config: Any, data: Any) -> Any:
    """Return the compiled net; the config names its units."""
    import keras

    layers = keras.layers
    inputs = {
        "body": keras.Input((4,), name="body"),
        "image": keras.Input((3, 3, 1), name="image"),
    }
    parts = [
        inputs["body"],
        layers.Flatten()(layers.Rescaling(1 / 255)(inputs["image"])),
    ]
    if "colour" in data.train.x:
        inputs["colour"] = keras.Input((), name="colour", dtype="string")
        lookup = layers.StringLookup(vocabulary=list(COLOURS), output_mode="one_hot")
        parts.append(lookup(inputs["colour"]))
    both = layers.Dense(config["units"], "relu")(layers.Concatenate()(parts))
    outputs = {
        "label": layers.Dense(1, "sigmoid", name="label")(both),
        "price": layers.Dense(1, name="price")(both),
    }
    model = keras.Model(inputs, outputs)
    model.compile(
        keras.optimizers.Adam(0.02),
        loss={"label": "binary_crossentropy", "price": "mse"},
        loss_weights={"label": 1.0, "price": 0.3},
        metrics={"label": ["accuracy"], "price": ["mae"]},
        weighted_metrics={"price": ["mae"]},
    )
    return model


def suggested(trial: Any, data: Any) -> Any:
    """Return the net of a trial's parameters."""
    return build({"units": trial.suggest_categorical("units", [4, 8])}, data)


OBJECTIVE = Objective(
    load=load,
    build=suggested,
    monitor="val_label_loss",
    max_epochs=3,
    batch_size=16,
    class_weight={"label": {1: 2.0}},
)
SWEEP = Sweep("several", OBJECTIVE)
