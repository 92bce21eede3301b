"""Structured data through a FeatureSpace, which the model holds: a data set of dicts.

After keras.io/examples/structured_data/structured_data_classification_with_feature_space.
"""

import keras
import numpy as np
import tensorflow as tf
from keras.utils import FeatureSpace

rng = np.random.default_rng(0)
table = {
    "sex": rng.integers(0, 2, 300),
    "age": rng.integers(20, 80, 300).astype("float32"),
    "thal": rng.choice(["fixed", "normal", "reversible"], 300),
}
target = ((table["age"] > 50) & (table["thal"] == "fixed")).astype("int32")
rows = tf.data.Dataset.from_tensor_slices((table, target))
train, val = rows.take(200).batch(32), rows.skip(200).batch(32)
space = FeatureSpace(
    {
        "sex": FeatureSpace.integer_categorical(num_oov_indices=0),
        "age": FeatureSpace.float_discretized(num_bins=8),
        "thal": FeatureSpace.string_categorical(num_oov_indices=0),
    },
    crosses=[FeatureSpace.cross(("sex", "age"), crossing_dim=16)],
    output_mode="concat",
)
space.adapt(train.map(lambda x, _: x))


def make_model(units):
    hidden = keras.layers.Dense(units, "relu")(space.get_encoded_features())
    chance = keras.layers.Dense(1, "sigmoid")(keras.layers.Dropout(0.5)(hidden))
    model = keras.Model(space.get_inputs(), chance)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


# script: model = make_model(16)
# script: model.fit(train, validation_data=val, epochs=2)
from objectives import Objective
from sweeps import Sweep, main

OBJECTIVE = Objective(lambda _: (train, val), lambda t: make_model(t.suggest_int("u", 8, 24)))
SWEEP = Sweep("feature_space", OBJECTIVE)
main(SWEEP)
