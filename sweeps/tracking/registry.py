"""Registers the winner with MLflow, as a model that scores data frames.

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
from collections.abc import Callable, Mapping, Sequence
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
REQUIREMENTS = ("mlflow", "keras", "tensorflow", "pandas", "numpy", "pyarrow")


@dataclass(frozen=True)
class Registered:
    """A new model version. champion: whether it has that alias now; reason: why or why not."""

    name: str
    version: str
    champion: bool
    reason: str

    @property
    def uri(self) -> str:
        """The address for `mlflow.pyfunc.load_model` and `mlflow models serve`."""
        return f"models:/{self.name}/{self.version}"


@dataclass(frozen=True)
class Input:
    """One input of a Keras model. shape: without the batch dimension."""

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
    better: Callable[[float, float], bool],
    number: int | None = None,
    code: Sequence[Path] = (),
    means: Mapping[int, float] | None = None,
) -> Registered:
    """Register a study's model under the study's name.

    It becomes `champion` if there is none, or if its `monitor` is better than the champion's on
    the same data. Means over fresh seeds are compared if both were confirmed.

    Args:
        uri: MLflow's tracking URI.
        study: The study's name.
        model: A `.keras` file.
        metrics: Its metrics, including `monitor`.
        digest: Of the data.
        monitor: Name of the metric that decides.
        better: Returns whether its first value of the monitor is better than its second.
        number: The trial, whose run becomes the model's source.
        code: The packages that the scorer imports, which are copied beside the model.
        means: Means over fresh seeds of the study's trials, by number.

    Returns:
        The new version, and whether it is champion.

    Raises:
        NoSuchRun: MLflow has no such study.
    """
    client = connect(uri)
    source = _source(client, study, number)
    run = client.get_run(source)
    name = re.sub(r"[/:]", "-", study)
    logged = client.create_logged_model(
        run.info.experiment_id, name=re.sub(r"[^\w.-]", "-", study), source_run_id=source
    )
    with tempfile.TemporaryDirectory() as scratch:
        save(model, Path(scratch) / "model", logged.model_id, source, code)
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
        description=_describe(inputs_of(model), columns_of(model)),
        model_id=logged.model_id,
    )
    champion, reason = _compare(client, study, name, tags, means or {}, better)
    if champion:
        client.set_registered_model_alias(name, CHAMPION, made.version)
    return Registered(name, str(made.version), champion, reason)


def save(
    model: Path,
    to: Path,
    model_id: str | None = None,
    run_id: str | None = None,
    code: Sequence[Path] = (),
) -> None:
    """Write a `.keras` file as an MLflow model into a new folder. code: see `register`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from MLflow itself, about its own classes
        import mlflow.pyfunc
        from mlflow.models import Model

        mlflow.pyfunc.save_model(
            str(to),
            mlflow_model=Model(model_id=model_id, run_id=run_id),
            python_model=str(Path(__file__).with_name("scorer.py")),
            artifacts={"model": str(model.resolve())},
            code_paths=[str(path) for path in code],
            signature=_signature(),
            pip_requirements=list(_requirements()),
        )
    quiet()


def inputs_of(model: Path) -> list[Input]:
    """Return the inputs of a `.keras` file without loading the model."""
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


def _signature() -> Any:
    """Return a signature of parameters only, without columns.

    With columns, MLflow would refuse frames, integers and CSV requests that the scorer accepts.
    The scorer itself checks its input as in training, and reports missing columns.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ParamSchema, ParamSpec

    return ModelSignature(params=ParamSchema([ParamSpec("output", "string", "prediction")]))


def _describe(inputs: list[Input], columns: Sequence[str]) -> str:
    labels = 'The parameter output="label" returns classes instead of probabilities.'
    if columns:
        return limits.note(
            f"Scores data frames with the columns {', '.join(columns)}, in the form that the "
            f"training data had. Other columns are ignored, and cells may be missing. {labels}"
        )
    sizes = "; ".join(f"{one.name}: rows x {' x '.join(map(str, one.shape))}" for one in inputs)
    return limits.note(f"Scores arrays ({sizes}). {labels}")


def columns_of(model: Path) -> list[str]:
    """Return the raw columns that a `.keras` file's scorer reads; none if it takes arrays."""
    with zipfile.ZipFile(model) as file:
        if "scoring.json" not in file.namelist():
            return []
        plain = json.loads(file.read("scoring.json")).get("preprocessing") or {}
    if "columns_of" in plain:
        return [*plain["columns_of"].values(), *plain["channels"]]
    found = [one["column"] for part in ("inputs", "categories") for one in plain.get(part, ())]
    return list(dict.fromkeys(found))


def _requirements() -> list[str]:
    found = []
    for package in REQUIREMENTS:
        try:
            found.append(f"{package}=={version(package)}")
        except PackageNotFoundError:  # for example tensorflow under another name
            continue
    return found


def _source(client: MlflowClient, study: str, number: int | None) -> str:
    parent = history.find_study(client, study)
    if number is None:
        return str(parent.info.run_id)
    mark = {runs.PARENT: parent.info.run_id, runs.KIND: "trial", runs.NUMBER: str(int(number))}
    found = runs.find(client, parent.info.experiment_id, mark)
    return str((found or [parent])[0].info.run_id)


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
    better: Callable[[float, float], bool],
) -> tuple[bool, str]:
    """Return whether a version with these tags should be champion, and why."""
    from mlflow.exceptions import MlflowException

    try:
        old = client.get_model_version_by_alias(name, CHAMPION)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        return True, "there was none before"
    monitor, shown = tags[MONITOR], f"champion version {old.version}"
    for part, what in ((DIGEST, "data"), (MONITOR, "monitor")):
        if old.tags.get(part) != tags[part]:
            known = str(old.tags.get(part))[:12]
            return False, f"{shown} has other {what} ({known}): not comparable, so it stays"
    before, now = float(old.tags[VALUE]), float(tags[VALUE])
    what = monitor
    old_mean = old.tags.get(MEAN) or means.get(_trial_of(client, study, old))
    if MEAN in tags and old_mean is not None:
        before, now, what = float(old_mean), float(tags[MEAN]), f"mean {monitor} on fresh seeds"
    beats = better(now, before)
    verdict = "is better than" if beats else "is not better than"
    return beats, f"{what} {now:.6g} {verdict} {before:.6g} of {shown}"


def _trial_of(client: MlflowClient, study: str, version: Any) -> int:
    """Return the trial of this study that a model version came from, -1 for any other."""
    number = version.tags.get(TRIAL, "")
    ours = number.isdecimal() and _source(client, study, int(number)) == version.run_id
    return int(number) if ours else -1
