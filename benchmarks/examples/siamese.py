"""Two images, and whether they show the same: one encoder for both, and a contrastive loss.

After keras.io/examples/vision/siamese_contrastive.
"""

import keras
import numpy as np
from keras import layers, ops

rng = np.random.default_rng(0)
kinds = rng.integers(0, 3, (400, 2))
images = rng.uniform(0, 0.3, (400, 2, 12, 12, 1)) + 0.3 * kinds[:, :, None, None, None]
pairs = [images[:, 0].astype("float32"), images[:, 1].astype("float32")]
same = (kinds[:, 0] != kinds[:, 1]).astype("float32")


@keras.saving.register_keras_serializable("siamese")
def distance(both):
    gap = ops.sum(ops.square(both[0] - both[1]), axis=1, keepdims=True)
    return ops.sqrt(ops.maximum(gap, 1e-7))


@keras.saving.register_keras_serializable("siamese")
def contrastive(truth, found):
    return ops.mean((1 - truth) * ops.square(found) + truth * ops.square(ops.relu(1 - found)))


def make_model(filters):
    image = keras.Input((12, 12, 1))
    x = layers.AveragePooling2D(2)(layers.Conv2D(filters, 3, activation="tanh")(image))
    encoder = keras.Model(image, layers.Dense(8, "tanh")(layers.Flatten()(x)))
    inputs = [keras.Input((12, 12, 1)), keras.Input((12, 12, 1))]
    apart = layers.Lambda(distance, output_shape=(1,))([encoder(each) for each in inputs])
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(layers.BatchNormalization()(apart)))
    model.compile("rmsprop", contrastive, metrics=["accuracy"])
    return model


# script: model = make_model(4)
# script: model.fit(pairs, same, epochs=2, validation_split=0.2)
from objectives import Objective
from sweeps import Sweep, main

OBJECTIVE = Objective(lambda _: (pairs, same), lambda t: make_model(t.suggest_int("k", 2, 6)))
SWEEP = Sweep("siamese", OBJECTIVE)
main(SWEEP)
