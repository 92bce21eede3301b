"""A story and a question as padded words: two inputs, one attended by the other.

After github.com/keras-team/keras, examples/babi_memnn.
"""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(0)
stories = rng.integers(1, 20, (400, 12)) * (np.arange(12) < rng.integers(6, 13, (400, 1)))
questions = np.stack([np.full(400, 7), stories[:, 1]], axis=1)
x, answers = [stories, questions], stories[:, 1]


def make_model(size):
    story, question = keras.Input((12,), dtype="int32"), keras.Input((2,), dtype="int32")
    memory = layers.Dropout(0.3)(layers.Embedding(20, size)(story))
    context = layers.Dropout(0.3)(layers.Embedding(20, 2)(story))
    asked = layers.Dropout(0.3)(layers.Embedding(20, size)(question))
    match = layers.Softmax()(layers.Dot((2, 2))([memory, asked]))
    response = layers.Permute((2, 1))(layers.Add()([match, context]))
    answer = layers.concatenate(
        [response, layers.Permute((1, 2))(layers.Reshape((2, size))(asked))]
    )
    chances = layers.Dense(20, "softmax")(layers.LSTM(16)(answer))
    model = keras.Model([story, question], chances)
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# script: model = make_model(16)
# script: model.fit(x, answers, epochs=2, validation_split=0.2)
from objectives import Objective
from sweeps import Sweep, main

OBJECTIVE = Objective(lambda _: (x, answers), lambda t: make_model(t.suggest_int("s", 8, 24)))
SWEEP = Sweep("memory_network", OBJECTIVE)
main(SWEEP)
