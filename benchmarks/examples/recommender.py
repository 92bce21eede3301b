"""Ratings of films by users: two embeddings in a subclassed model, of pairs of numbers.

After keras.io/examples/structured_data/collaborative_filtering_movielens.
"""

import keras
import numpy as np
from keras import layers, ops

rng = np.random.default_rng(0)
pairs = np.stack([rng.integers(0, 30, 800), rng.integers(0, 20, 800)], axis=1)
ratings = (rng.uniform(size=30)[pairs[:, 0]] + rng.uniform(size=20)[pairs[:, 1]]) / 2


@keras.saving.register_keras_serializable("films")
class Recommender(keras.Model):
    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        regular = keras.regularizers.L2(1e-6)
        self.users = layers.Embedding(30, size, embeddings_regularizer=regular)
        self.films = layers.Embedding(20, size, embeddings_regularizer=regular)
        self.biases = layers.Embedding(30, 1), layers.Embedding(20, 1)

    def call(self, pairs):
        user, film = pairs[:, 0], pairs[:, 1]
        both = ops.sum(self.users(user) * self.films(film), axis=1, keepdims=True)
        return ops.sigmoid(both + self.biases[0](user) + self.biases[1](film))

    def get_config(self):
        return {"size": self.size}


def make_model(size):
    model = Recommender(size)
    model.compile(keras.optimizers.Adam(1e-2), keras.losses.BinaryCrossentropy())
    return model


# script: model = make_model(8)
# script: model.fit(pairs, ratings, batch_size=64, epochs=2, validation_split=0.2)
from objectives import Objective
from sweeps import Sweep, main

OBJECTIVE = Objective(lambda _: (pairs, ratings), lambda t: make_model(t.suggest_int("k", 4, 12)))
SWEEP = Sweep("recommender", OBJECTIVE)
main(SWEEP)
