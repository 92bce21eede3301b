"""Reviews as text, of unequal length: a data set of strings through TextVectorization and Conv1D.

After keras.io/examples/nlp/text_classification_from_scratch.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(0)
GOOD, BAD = ["great", "fine", "moving", "bright"], ["dull", "poor", "slow", "grey"]
stars = rng.integers(0, 2, 400)
reviews = [
    " ".join(rng.choice([*(GOOD if star else BAD), "film", "scene"], rng.integers(3, 12)))
    for star in stars
]
rows = tf.data.Dataset.from_tensor_slices((reviews, stars.astype("float32")))
train, val = rows.take(300).batch(32), rows.skip(300).batch(32)
vectorize = layers.TextVectorization(max_tokens=50, output_sequence_length=16)
vectorize.adapt(train.map(lambda text, _: text))


def make_model(width):
    text = keras.Input((), dtype="string")
    x = layers.Dropout(0.2)(layers.Embedding(50, width)(vectorize(text)))
    x = layers.Conv1D(16, 5, strides=2, padding="valid", activation="relu")(x)
    x = layers.Dense(16, "relu")(layers.GlobalMaxPooling1D()(x))
    model = keras.Model(text, layers.Dense(1, "sigmoid")(x))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


# script: model = make_model(16)
# script: model.fit(train, validation_data=val, epochs=2)
from objectives import Objective
from sweeps import Sweep, main

OBJECTIVE = Objective(lambda _: (train, val), lambda t: make_model(t.suggest_int("w", 8, 24)))
SWEEP = Sweep("text_from_scratch", OBJECTIVE)
main(SWEEP)
