"""Three inputs and two outputs of unlike kinds, by name, with weights between their losses.

After keras.io/guides/functional_api, "Models with multiple inputs and outputs".
"""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(0)
x = {
    "title": rng.integers(1, 50, (400, 6)),
    "body": rng.integers(1, 50, (400, 20)),
    "tags": rng.integers(0, 2, (400, 5)).astype("float32"),
}
y = {
    "priority": x["tags"].mean(axis=1, keepdims=True),
    "department": np.eye(3)[x["title"][:, 0] % 3],
}


def make_model(units):
    title = keras.Input((None,), name="title")
    body = keras.Input((None,), name="body")
    tags = keras.Input((5,), name="tags")
    read = [
        layers.LSTM(units)(layers.Embedding(50, 8)(title)),
        layers.LSTM(8)(layers.Embedding(50, 8)(body)),
    ]
    both = layers.concatenate([*read, tags])
    outputs = {
        "priority": layers.Dense(1, name="priority")(both),
        "department": layers.Dense(3, name="department")(both),
    }
    model = keras.Model([title, body, tags], outputs)
    losses = {
        "priority": keras.losses.BinaryCrossentropy(from_logits=True),
        "department": keras.losses.CategoricalCrossentropy(from_logits=True),
    }
    model.compile("rmsprop", losses, loss_weights={"priority": 1.0, "department": 0.2})
    return model


# script: model = make_model(16)
# script: model.fit(x, y, epochs=2, validation_split=0.2)
from objectives import Objective
from sweeps import Sweep, main

OBJECTIVE = Objective(lambda _: (x, y), lambda t: make_model(t.suggest_int("units", 8, 24)))
SWEEP = Sweep("tickets", OBJECTIVE)
main(SWEEP)
