"""Nets on images."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from benchmarks.programs import Program
from benchmarks.programs.data import images

INPUTS = (12, 12, 1)


def classifier(parts: list[Any], config: Any, shape: Any = INPUTS) -> Any:
    """Compile a stack of layers with three classes at its end."""
    net = keras.Sequential([keras.Input(shape), *parts, layers.Dense(3, activation="softmax")])
    rate = keras.optimizers.Adam(config["rate"])
    net.compile(rate, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


def larger(source: Any) -> Any:
    """Return images on which the arithmetic of a convolution costs more than what is around it."""
    return images(source, rows=1000, size=28)


def conv2d(config: Any, data: Any) -> Any:
    """Classify by two blocks of convolution and pooling."""
    blocks: list[Any] = []
    for filters in config["filters"]:
        blocks += [layers.Conv2D(filters, 3, padding="same", activation="relu")]
        blocks += [layers.MaxPooling2D()]
    return classifier([*blocks, layers.Flatten()], config, (28, 28, 1))


CONV2D = Program(
    larger,
    conv2d,
    (
        {"rate": 1e-2, "filters": [16, 32]},
        {"rate": 1e-3, "filters": [16, 32]},
        {"rate": 1e-2, "filters": [12, 12]},
    ),
    quick=True,
)


def separable(config: Any, data: Any) -> Any:
    """Convolve in two steps, with normalized batches, as small nets for telephones do."""
    blocks = [
        layers.SeparableConv2D(6, 3, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=config["momentum"]),
        layers.ReLU(max_value=config["most"]),
        layers.DepthwiseConv2D(3, strides=2),
        layers.GlobalAveragePooling2D(),
    ]
    return classifier(blocks, config)


SEPARABLE = Program(
    images,
    separable,
    (
        {"rate": 1e-2, "momentum": 0.9, "most": 6.0},
        {"rate": 1e-2, "momentum": 0.5, "most": 6.0},
        {"rate": 1e-2, "momentum": 0.9, "most": 0.5},
    ),
)


def augmented(config: Any, data: Any) -> Any:
    """Turn, flip and shift every image at random while training."""
    blocks = [
        layers.RandomFlip(config["flip"]),
        layers.RandomRotation(config["turn"]),
        layers.RandomTranslation(config["shift"], config["shift"]),
        layers.Conv2D(4, 3, activation="relu"),
        layers.Flatten(),
    ]
    return classifier(blocks, config)


AUGMENTED = Program(
    images,
    augmented,
    (
        {"rate": 1e-2, "flip": "horizontal", "turn": 0.02, "shift": 0.05},
        {"rate": 1e-2, "flip": "horizontal", "turn": 0.3, "shift": 0.05},
        {"rate": 1e-2, "flip": "vertical", "turn": 0.02, "shift": 0.3},
    ),
    random=True,
)


def bytes_of_images(source: Any) -> Any:
    """Return the images as bytes, and themselves as targets."""
    x, _ = images(source)
    return (255 * np.clip(x, 0, 1)).astype("uint8"), x


def denoising(config: Any, data: Any) -> Any:
    """Encode and decode images by convolutions and their transposes."""
    net = keras.Sequential([
        keras.Input(INPUTS),
        layers.Rescaling(config["scale"], offset=config["offset"]),
        layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu"),
        layers.UpSampling2D(2),
        layers.AveragePooling2D(2),
        layers.Conv2D(1, 1),
    ])  # fmt: skip
    net.compile(keras.optimizers.Adam(config["rate"]), "mae")
    return net


CONV_AUTOENCODER = Program(
    bytes_of_images,
    denoising,
    (
        {"rate": 1e-2, "scale": 1 / 255, "offset": 0.0},
        {"rate": 1e-2, "scale": 1 / 127, "offset": -1.0},
        {"rate": 1e-3, "scale": 1 / 255, "offset": 0.5},
    ),
)


class Patches(layers.Layer):
    """Cuts an image into flat squares."""

    def __init__(self, side: int, **more: Any) -> None:
        super().__init__(**more)
        self.side = side

    def call(self, x: Any) -> Any:
        """Return rows x patches x numbers."""
        _, high, wide, depth = x.shape
        side = self.side
        x = ops.reshape(x, (-1, high // side, side, wide // side, side, depth))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        return ops.reshape(x, (-1, (high // side) * (wide // side), side * side * depth))


def vision_transformer(config: Any, data: Any) -> Any:
    """Attend from patch to patch."""
    image = keras.Input(INPUTS)
    patches = layers.Dense(16)(Patches(config["side"])(image))
    places = layers.Embedding(patches.shape[1], 16)(ops.arange(patches.shape[1]))
    x = patches + places
    for _ in range(config["depth"]):
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        x = x + layers.MultiHeadAttention(config["heads"], 8)(y, y)
        x = x + layers.Dense(16, activation="gelu")(layers.LayerNormalization(epsilon=1e-6)(x))
    out = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling1D()(x))
    net = keras.Model(image, out)
    net.compile(keras.optimizers.AdamW(config["rate"]), "sparse_categorical_crossentropy")
    return net


VISION_TRANSFORMER = Program(
    images,
    vision_transformer,
    (
        {"rate": 1e-2, "side": 4, "depth": 1, "heads": 2},
        {"rate": 1e-3, "side": 4, "depth": 1, "heads": 2},
        {"rate": 1e-2, "side": 6, "depth": 1, "heads": 2},
    ),
)
