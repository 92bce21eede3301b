"""Structured data with a wide, a deep and a crossed part: a data set of numbers and text.

After keras.io/examples/structured_data/wide_deep_cross_networks.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(0)
LEVELS = {"soil": ["clay", "loam", "sand"], "area": ["north", "south"]}
table = {name: rng.choice(levels, 600) for name, levels in LEVELS.items()}
table |= {name: rng.normal(size=600).astype("float32") for name in ("height", "slope")}
cover = ((table["soil"] == "clay") ^ (table["height"] > 0)).astype("int32")
rows = tf.data.Dataset.from_tensor_slices((table, cover))
train, test = rows.take(400).batch(40), rows.skip(400).batch(40)


def make_model(units):
    inputs = {
        name: keras.Input((1,), name=name, dtype="string" if name in LEVELS else "float32")
        for name in table
    }
    numbers = [inputs[name] for name in ("height", "slope")]
    lookups = {name: layers.StringLookup(vocabulary=known) for name, known in LEVELS.items()}
    places = {name: lookups[name](inputs[name]) for name in LEVELS}
    onehot = [layers.CategoryEncoding(len(LEVELS[n]) + 1)(place) for n, place in places.items()]
    wide = layers.BatchNormalization()(layers.concatenate([*onehot, *numbers]))
    vectors = [layers.Embedding(len(LEVELS[n]) + 1, 2)(place) for n, place in places.items()]
    vectors = [layers.Flatten()(each) for each in vectors]
    start = cross = layers.concatenate([*vectors, *numbers])
    for _ in range(2):
        cross = start * layers.Dense(start.shape[-1])(cross) + cross
    deep = layers.Dense(units, "relu")(start)
    chance = layers.Dense(1, "sigmoid")(layers.concatenate([wide, deep, cross]))
    model = keras.Model(inputs, chance)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


# script: model = make_model(16)
# script: model.fit(train, validation_data=test, epochs=2)
from objectives import Objective
from sweeps import Sweep, main

OBJECTIVE = Objective(lambda _: (train, test), lambda t: make_model(t.suggest_int("units", 8, 24)))
SWEEP = Sweep("wide_and_deep", OBJECTIVE)
main(SWEEP)
