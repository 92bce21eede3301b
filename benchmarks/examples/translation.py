"""Sentences from one form into another: an encoder, a decoder, and a generator of batches.

After keras.io/examples/nlp/lstm_seq2seq.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def sentences(first, count):
    rng = np.random.default_rng(first)
    for _ in range(count):
        words = rng.integers(1, 10, (32, 6))
        told = np.concatenate([np.zeros((32, 1), int), words[:, :0:-1]], axis=1)
        yield {"read": words, "told": told}, words[:, ::-1]


def batches(first, count):
    shape = tf.TensorSpec((None, 6), tf.int64)
    signature = ({"read": shape, "told": shape}, shape)
    return tf.data.Dataset.from_generator(
        lambda: sentences(first, count), output_signature=signature
    )


train, val = batches(0, 12), batches(100, 4)


def make_model(units):
    read, told = keras.Input((None,), name="read"), keras.Input((None,), name="told")
    _, *state = layers.LSTM(units, return_state=True)(layers.Embedding(10, 8)(read))
    decoder = layers.LSTM(units, return_sequences=True)
    said = decoder(layers.Embedding(10, 8)(told), initial_state=state)
    model = keras.Model({"read": read, "told": told}, layers.Dense(10, "softmax")(said))
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# script: model = make_model(16)
# script: model.fit(train, validation_data=val, epochs=2)
from objectives import Objective
from sweeps import Sweep, main

OBJECTIVE = Objective(lambda _: (train, val), lambda t: make_model(t.suggest_int("u", 8, 24)))
SWEEP = Sweep("translation", OBJECTIVE)
main(SWEEP)
