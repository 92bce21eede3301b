"""Images and the class of each pixel, read batch by batch: a PyDataset and a small U-shaped net.

After keras.io/examples/vision/oxford_pets_image_segmentation.
"""

import keras
import numpy as np
from keras import layers


class Pets(keras.utils.PyDataset):
    def __init__(self, first, count, **kwargs):
        super().__init__(**kwargs)
        self.first, self.count = first, count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        rng = np.random.default_rng(self.first + index)
        images = rng.integers(0, 255, (8, 16, 16, 3), dtype="uint8")
        return images, (images[..., :1] // 86).astype("uint8")


train, val = Pets(0, 12), Pets(100, 4)


def make_model(filters):
    image = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Activation("relu")(layers.BatchNormalization()(layers.Conv2D(8, 3, 2, "same")(x)))
    x = layers.SeparableConv2D(filters, 3, padding="same", activation="relu")(x)
    x = layers.UpSampling2D(2)(layers.Conv2DTranspose(8, 3, padding="same")(x))
    x = layers.concatenate([x, layers.Rescaling(1 / 255)(image)])
    model = keras.Model(image, layers.Conv2D(3, 3, padding="same", activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


# script: model = make_model(8)
# script: model.fit(train, validation_data=val, epochs=2)
from objectives import Objective
from sweeps import Sweep, main

OBJECTIVE = Objective(lambda _: (train, val), lambda t: make_model(t.suggest_int("f", 4, 12)))
SWEEP = Sweep("segmentation", OBJECTIVE)
main(SWEEP)
