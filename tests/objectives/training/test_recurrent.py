"""Recurrent weights read once: the same numbers, and no copy of them a step."""

import pytest

pytestmark = pytest.mark.slow

STEPS = 5
HOISTED = (
    "LSTM",
    "GRU",
    "SimpleRNN",
    "stacked",
    "dropout",
    "bidirectional",
    "masked",
    "backwards",
)
LEFT_ALONE = ("frozen", "stateful", "cell")


def nets():
    from keras import layers

    frozen = layers.LSTM(4, trainable=False)
    return {
        "LSTM": [layers.LSTM(4)],
        "GRU": [layers.GRU(4)],
        "SimpleRNN": [layers.SimpleRNN(4)],
        "stacked": [layers.LSTM(4, return_sequences=True), layers.LSTM(3)],
        "dropout": [layers.LSTM(4, dropout=0.3, recurrent_dropout=0.2, seed=1)],
        "bidirectional": [layers.Bidirectional(layers.GRU(4))],
        "masked": [layers.Masking(), layers.LSTM(4)],
        "backwards": [layers.LSTM(4, go_backwards=True, kernel_regularizer="l2")],
        "frozen": [frozen],
        "stateful": [layers.LSTM(4, stateful=True)],
        "cell": [layers.RNN(layers.LSTMCell(4))],
    }


def built(name: str):
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((STEPS, 2), batch_size=6), *nets()[name], keras.layers.Dense(1)]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss="mse")
    model.optimizer.build(model.trainable_variables)
    return model


def trained(name: str, hoist: bool):
    """Return what three steps make of a model, and the reads of variables inside its loops."""
    import contextlib

    import numpy as np
    import tensorflow as tf

    from objectives.training.recurrent import weights_read_once

    model = built(name)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((6, STEPS, 2)).astype("float32")
    x[:, -2:] = 0.0  # for a mask
    y = rng.standard_normal((6, 1)).astype("float32")
    model.test_step((tf.constant(x), tf.constant(y)))
    with weights_read_once(model) if hoist else contextlib.nullcontext():
        step = tf.function(model.train_step, autograph=False).get_concrete_function(
            (tf.TensorSpec(x.shape), tf.TensorSpec(y.shape))
        )
    assert not any("call" in vars(layer) for layer in model._flatten_layers())
    for _ in range(3):
        step(tf.constant(x), tf.constant(y))
    library = step.graph.as_graph_def().library.function
    loops = [function for function in library if "while" in function.signature.name]
    reads = sum(node.op == "ReadVariableOp" for each in loops for node in each.node_def)
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)], reads


@pytest.mark.parametrize("name", [*HOISTED, *LEFT_ALONE])
def test_training_is_the_same_and_reads_weights_outside_the_loop(name: str) -> None:
    plain, before = trained(name, hoist=False)
    once, after = trained(name, hoist=True)
    for one, other in zip(plain, once, strict=True):
        assert one.tobytes() == other.tobytes()
    assert before > 0
    assert after == (before if name in LEFT_ALONE else 0)
