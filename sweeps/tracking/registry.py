"""The winner in MLflow's registry, as a model that scores data frames.

The `.keras` file is wrapped by `scorer.py`: MLflow's own Keras flavours refuse frames with
missing cells or text. Nothing here loads the model.
"""

from __future__ import annotations

import json
import logging
import re
import tempfile
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.tracking import history, limits, runs
from sweeps.tracking.client import connect, quiet

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger("sweeps.tracking")

CHAMPION = "champion"
DIGEST, MONITOR, VALUE, TRIAL = (
    f"sweeps.{name}" for name in ("data_digest", "monitor", "value", "trial")
)
MEAN = "sweeps.confirmed_mean"  # over fresh seeds
REQUIREMENTS = ("mlflow", "keras", "tensorflow", "pandas", "numpy")
DATE_PARTS = ("days", "month", "day", "weekday", "hour")  # of `scorer.PARTS`
_EXAMPLE_ROWS = 2


@dataclass(frozen=True)
class Registered:
    """A new model version. champion: whether the alias names it now; reason: why, or why not."""

    name: str
    version: str
    champion: bool
    reason: str

    @property
    def uri(self) -> str:
        """What `mlflow.pyfunc.load_model` and `mlflow models serve` take."""
        return f"models:/{self.name}/{self.version}"


@dataclass(frozen=True)
class Input:
    """One input of a Keras model. shape: without the rows."""

    name: str
    shape: tuple[int | None, ...]
    text: bool


def register(
    uri: str,
    study: str,
    model: Path,
    metrics: Mapping[str, float],
    digest: str,
    *,
    monitor: str,
    mode: str,
    number: int | None = None,
    dates: Mapping[str, str] | None = None,
    means: Mapping[int, float] | None = None,
) -> Registered:
    """Register a study's model under the study's name; return what became of it.

    model: a `.keras` file. metrics: what it reached, `monitor` among them. digest: of the data.
    number: the trial, whose run becomes the model's source. dates: the `strptime` format of each
    column of dates that were text, ISO 8601 without one. It becomes `champion` where there is
    none, or where it is better by `monitor` than the one there is, on the same data: by the means
    over fresh seeds where both were confirmed. means: of the study's trials, by number.
    Raises NoSuchRun, and whatever the store raises.
    """
    client = connect(uri)
    source = _source(client, study, number)
    run = client.get_run(source)
    name = re.sub(r"[/:]", "-", study)
    logged = client.create_logged_model(
        run.info.experiment_id, name=re.sub(r"[^\w.-]", "-", study), source_run_id=source
    )
    with tempfile.TemporaryDirectory() as scratch:
        save(model, Path(scratch) / "model", logged.model_id, source, dates)
        client.log_model_artifacts(logged.model_id, str(Path(scratch) / "model"))
    client.finalize_logged_model(logged.model_id, "READY")
    tags = {DIGEST: digest, MONITOR: monitor, VALUE: repr(float(metrics[monitor]))}
    tags |= {f"metric.{limits.key(k)}": repr(v) for k, v in limits.finite(metrics).items()}
    if number is not None:
        tags[TRIAL] = str(number)
    if number is not None and means and number in means:
        tags[MEAN] = repr(float(means[number]))
    _ensure(client, name)
    made = client.create_model_version(
        name,
        logged.artifact_location,
        source,
        tags=tags,
        description=_describe(inputs_of(model)),
        model_id=logged.model_id,
    )
    better, reason = _compare(client, study, name, tags, means or {}, lowest=mode == "min")
    if better:
        client.set_registered_model_alias(name, CHAMPION, made.version)
    return Registered(name, str(made.version), better, reason)


def save(
    model: Path,
    to: Path,
    model_id: str | None = None,
    run_id: str | None = None,
    dates: Mapping[str, str] | None = None,
) -> None:
    """Write a `.keras` file as an MLflow model into a new folder; dates: as of `register`."""
    found = inputs_of(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's, about its own classes, when it is imported
        import mlflow.pyfunc
        from mlflow.models import Model

        mlflow.pyfunc.save_model(
            str(to),
            mlflow_model=Model(model_id=model_id, run_id=run_id),
            python_model=str(Path(__file__).with_name("scorer.py")),
            artifacts={"model": str(model.resolve())},
            model_config={"dates": dict(dates or {})},
            signature=_signature(found),
            input_example=_example(found),
            pip_requirements=list(_requirements()),
        )
    quiet()


def inputs_of(model: Path) -> list[Input]:
    """Return the inputs of a `.keras` file, read off its description; the model is not loaded."""
    with zipfile.ZipFile(model) as file:
        config = json.loads(file.read("config.json"))["config"]
    layers = [layer for layer in config["layers"] if layer["class_name"] == "InputLayer"]
    found = [
        Input(
            layer["config"]["name"],
            tuple(layer["config"]["batch_shape"][1:]),
            "string" in str(layer["config"]["dtype"]),
        )
        for layer in layers
    ]
    if not found:
        raise ValueError(f"{model} names no inputs: build it with keras.Input")
    return found


def _is_table(inputs: list[Input]) -> bool:
    one = inputs[0]
    return len(inputs) > 1 or one.text or (one.shape == (1,) and one.name != "x")


def _columns(inputs: list[Input]) -> dict[str, bool]:
    """Return the raw columns and whether each is required: a date may come whole or in parts."""
    found = {}
    for one in inputs:
        whole, _, part = one.name.rpartition(".")
        dated = bool(whole) and part in DATE_PARTS
        found[one.name] = not dated
        if dated:
            found[whole] = False
    return found


def _signature(inputs: list[Input]) -> Any:
    """Return a table's columns. An array's model has none: MLflow would refuse float64 for it."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import AnyType

    if not _is_table(inputs):
        return False
    # MLflow's `double` refuses whole numbers, and `string` numbers: the scorer converts.
    columns = _columns(inputs)
    return ModelSignature(
        Schema([ColSpec(AnyType(), name, required=need) for name, need in columns.items()])
    )


def _example(inputs: list[Input]) -> Any:
    import numpy as np
    import pandas as pd

    if not _is_table(inputs):
        shape = tuple(size or 1 for size in inputs[0].shape)
        return np.zeros((_EXAMPLE_ROWS, *shape), "float32")
    return pd.DataFrame({one.name: ["" if one.text else 0.0] * _EXAMPLE_ROWS for one in inputs})


def _describe(inputs: list[Input]) -> str:
    if not _is_table(inputs):
        return f"Scores an array of rows x {' x '.join(map(str, inputs[0].shape))} numbers."
    columns = ", ".join(f"{one.name} ({'text' if one.text else 'number'})" for one in inputs)
    return limits.note(f"Scores data frames with the columns {columns}. Cells may be missing.")


def _requirements() -> list[str]:
    found = []
    for package in REQUIREMENTS:
        try:
            found.append(f"{package}=={version(package)}")
        except PackageNotFoundError:  # such as tensorflow under another name
            continue
    return found


def _source(client: MlflowClient, study: str, number: int | None) -> str:
    parent = history.find_study(client, study)
    if number is None:
        return parent.run_id
    mark = {runs.PARENT: parent.run_id, runs.KIND: "trial", runs.NUMBER: str(int(number))}
    found = runs.find(client, parent.experiment_id, mark)
    return found[0].info.run_id if found else parent.run_id


def _ensure(client: MlflowClient, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _compare(
    client: MlflowClient,
    study: str,
    name: str,
    tags: Mapping[str, str],
    means: Mapping[int, float],
    *,
    lowest: bool,
) -> tuple[bool, str]:
    """Return whether a version with these tags should be champion, and why."""
    from mlflow.exceptions import MlflowException

    try:
        old = client.get_model_version_by_alias(name, CHAMPION)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        return True, "there was no champion"
    monitor, shown = tags[MONITOR], f"champion version {old.version}"
    for part, what in ((DIGEST, "data"), (MONITOR, "monitor")):
        if old.tags.get(part) != tags[part]:
            known = str(old.tags.get(part))[:12]
            return False, f"{shown} is of other {what} ({known}): not comparable, it stays"
    before, now = float(old.tags[VALUE]), float(tags[VALUE])
    what = monitor
    old_mean = old.tags.get(MEAN) or means.get(_trial_of(client, study, old))
    if MEAN in tags and old_mean is not None:
        before, now, what = float(old_mean), float(tags[MEAN]), f"mean {monitor} on fresh seeds"
    better = now < before if lowest else now > before
    verdict = "is better than" if better else "is not better than"
    return better, f"{what} {now:.6g} {verdict} {before:.6g} of {shown}"


def _trial_of(client: MlflowClient, study: str, version: Any) -> int:
    """Return the trial of this study that a model version was made of, -1 for any other."""
    number = version.tags.get(TRIAL, "")
    ours = number.isdecimal() and _source(client, study, int(number)) == version.run_id
    return int(number) if ours else -1
