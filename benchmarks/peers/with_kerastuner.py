"""KerasTuner's Hyperband as its guides have it, distributed over a chief and workers.

Hyperband decides by itself how many configs it tries: one whole iteration with its default factor
of 3. The net is a HyperModel whose `fit` adds the config's callback, as the guide on tuning
`fit` has it, and parameters of the plateau are in a conditional scope.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import common

from search_spaces import Dimension, survey


def declare(hp: Any, name: str, dimension: Dimension) -> Any:
    """Ask for one parameter of the space in KerasTuner's words."""
    if dimension.choices is not None and len(dimension.choices) > 1:
        return hp.Choice(name, list(dimension.choices))
    if dimension.choices is not None or dimension.low == dimension.high:
        return hp.Fixed(name, dimension.choices[0] if dimension.choices else dimension.low)
    sampling = "log" if dimension.log else "linear"
    ask = hp.Int if dimension.kind == "int" else hp.Float
    return ask(name, dimension.low, dimension.high, sampling=sampling)


def config(hp: Any, widths: list[int]) -> Any:
    """Ask for a whole config."""
    values = {}
    for name, (dimension, path) in survey(lambda trial: common.suggest(trial, widths)).items():
        with contextlib.ExitStack() as scopes:
            for parent, value in path.items():
                scopes.enter_context(hp.conditional_scope(parent, [value]))
            values[name] = declare(hp, name, dimension)
    return common.config_of(values)


def search(given: Any) -> None:
    """Be the chief or a worker, as the environment says."""
    import keras
    import keras_tuner

    data = common.DENSE_BINARY.embedded

    class Net(keras_tuner.HyperModel):  # type: ignore[misc]
        def build(self, hp: Any) -> Any:
            found = config(hp, given.widths)
            keras.utils.set_random_seed(common.trial_seed(found, given.seed))
            return common.DENSE_BINARY.build(found, data)

        def fit(self, hp: Any, model: Any, *args: Any, callbacks: Any = (), **kwargs: Any) -> Any:
            found = config(hp, given.widths)
            added = [*common.schedule(found), common.clock(found, given.log)]
            return model.fit(*args, callbacks=[*added, *callbacks], **kwargs)

    tuner = keras_tuner.Hyperband(
        Net(),
        objective=keras_tuner.Objective("val_loss", "min"),
        max_epochs=given.max_epochs,
        seed=given.seed,
        directory="kerastuner",
        project_name="race",
    )
    tuner.search(
        data.train.x,
        data.train.y,
        batch_size=common.BATCH,
        validation_data=(data.validation.x, data.validation.y),
        verbose=0,
    )


def main() -> None:
    """Start the chief and the other workers, be one worker, print the best."""
    given = common.options()
    if "KERASTUNER_TUNER_ID" in os.environ:
        search(given)
        return
    others = []
    if given.processes > 1:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        os.environ |= {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": str(port)}
        names = ["chief", *(f"tuner{rank}" for rank in range(1, given.processes))]
        others = [
            subprocess.Popen(
                [sys.executable, *sys.argv], env=os.environ | {"KERASTUNER_TUNER_ID": name}
            )
            for name in names
        ]
        os.environ["KERASTUNER_TUNER_ID"] = "tuner0"
    search(given)
    codes = [other.wait() for other in others[1:]]
    if any(codes):
        raise SystemExit("a worker failed")
    # Read from its folder: the chief may have ended already, or sleep for 20 s before it does.
    trials = [json.loads(file.read_text()) for file in Path("kerastuner").rglob("trial.json")]
    done = [trial for trial in trials if trial["status"] == "COMPLETED"]
    best = min(done, key=lambda trial: float(trial["score"]))
    print(f"best: {best['score']:.4f} {best['hyperparameters']['values']}", flush=True)
    if len(done) < len(trials):
        raise SystemExit(f"{len(trials) - len(done)} of {len(trials)} trials failed")
    for chief in others[:1]:
        chief.terminate()


if __name__ == "__main__":
    main()
