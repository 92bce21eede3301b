"""Pictures of words, read by a recurrent net: a layer adds the CTC loss, and there is no y.

After keras.io/examples/vision/captcha_ocr.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

rng = np.random.default_rng(0)
label = rng.integers(0, 5, (240, 3))
image = np.repeat(label, 8, axis=1)[:, :, None, None] / 5 + rng.uniform(0, 0.1, (240, 24, 8, 1))
rows = tf.data.Dataset.from_tensor_slices(
    {"image": image.astype("float32"), "label": label.astype("float32")}
)
train, val = rows.take(200).batch(20), rows.skip(200).batch(20)


@keras.saving.register_keras_serializable("captcha")
class Endpoint(layers.Layer):
    def call(self, truth, found):
        count = ops.shape(truth)[0]
        lengths = [ops.full((count,), each, "int32") for each in (3, found.shape[1])]
        loss = ops.ctc_loss(
            ops.cast(truth, "int32"), ops.log(found + 1e-7), *lengths, mask_index=5
        )
        self.add_loss(ops.mean(loss))
        return found


def make_model(units):
    image = keras.Input((24, 8, 1), name="image")
    label = keras.Input((3,), name="label")
    x = layers.MaxPooling2D(2)(layers.Conv2D(8, 3, activation="relu", padding="same")(image))
    x = layers.Dense(16, "relu")(layers.Reshape((12, 32))(x))
    x = layers.Bidirectional(layers.LSTM(units, return_sequences=True))(x)
    chances = layers.Dense(6, "softmax")(x)
    model = keras.Model([image, label], Endpoint()(label, chances))
    model.compile("adam")
    return model


# script: model = make_model(8)
# script: model.fit(train, validation_data=val, epochs=2)
from objectives import Objective
from sweeps import Sweep, main

OBJECTIVE = Objective(lambda _: (train, val), lambda t: make_model(t.suggest_int("u", 4, 12)))
SWEEP = Sweep("captcha", OBJECTIVE)
main(SWEEP)
