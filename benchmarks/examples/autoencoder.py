"""A variational autoencoder: a train_step of its own, and images alone, without y.

After keras.io/examples/generative/vae.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

rng = np.random.default_rng(0)
images = rng.uniform(0, 1, (300, 8, 8, 1)).astype("float32") ** 3


@keras.saving.register_keras_serializable("autoencoder")
class Variational(keras.Model):
    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.encoder = keras.Sequential([layers.Flatten(), layers.Dense(2 * size)])
        self.decoder = keras.Sequential([layers.Dense(64, "sigmoid"), layers.Reshape((8, 8, 1))])
        self.seed = keras.random.SeedGenerator()
        self.mean_loss = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.mean_loss]

    def call(self, x):
        return self.decoder(self.encoder(x)[:, : self.size])

    def _loss(self, x):
        mean, spread = ops.split(self.encoder(x), 2, axis=1)
        drawn = mean + ops.exp(spread / 2) * keras.random.normal(ops.shape(mean), seed=self.seed)
        apart = ops.sum(keras.losses.binary_crossentropy(x, self.decoder(drawn)), axis=(1, 2))
        return ops.mean(apart - 0.5 * ops.sum(1 + spread - mean**2 - ops.exp(spread), axis=1))

    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = self._loss(data)
        self.optimizer.apply(tape.gradient(loss, self.trainable_weights), self.trainable_weights)
        self.mean_loss.update_state(loss)
        return {"loss": self.mean_loss.result()}

    def test_step(self, data):
        self.mean_loss.update_state(self._loss(data))
        return {"loss": self.mean_loss.result()}

    def get_config(self):
        return {"size": self.size}


def make_model(size):
    model = Variational(size)
    model.compile(keras.optimizers.Adam())
    return model


# script: model = make_model(2)
# script: model.fit(images, epochs=2, batch_size=32)
from objectives import Objective
from sweeps import Sweep, main

OBJECTIVE = Objective(lambda _: (images, None), lambda t: make_model(t.suggest_int("size", 1, 4)))
SWEEP = Sweep("autoencoder", OBJECTIVE)
main(SWEEP)
