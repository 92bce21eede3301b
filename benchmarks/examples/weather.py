"""Windows of a time series, cut by timeseries_dataset_from_array: a forecast by an LSTM.

After keras.io/examples/timeseries/timeseries_weather_forecasting.
"""

import keras
import numpy as np

rng = np.random.default_rng(0)
hours = np.arange(1500)
series = np.stack([np.sin(hours / 12 + shift) for shift in range(3)], axis=1)
series = (series + 0.1 * rng.normal(size=series.shape)).astype("float32")


def windows(first, last):
    return keras.utils.timeseries_dataset_from_array(
        series[first:last], series[first + 36 : last, 0], 24, sampling_rate=1, batch_size=64
    )


train, val = windows(0, 1000), windows(1000, 1500)


def make_model(units):
    steps = keras.Input((24, 3))
    model = keras.Model(steps, keras.layers.Dense(1)(keras.layers.LSTM(units)(steps)))
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model


# script: model = make_model(8)
# script: model.fit(train, validation_data=val, epochs=2)
from objectives import Objective
from sweeps import Sweep, main

OBJECTIVE = Objective(lambda _: (train, val), lambda t: make_model(t.suggest_int("u", 4, 12)))
SWEEP = Sweep("weather", OBJECTIVE)
main(SWEEP)
