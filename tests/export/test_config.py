"""The exported config: what is written is read back, and what is edited badly is refused."""

from dataclasses import astuple, dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
import yaml
from annotated_types import Interval
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from objectives import BadInput, Source
from search_spaces import Space, dense, lstm
from search_spaces.optimizer import Optimizer
from search_spaces.plateau import Plateau
from sweeps.export.config import (
    DataOf,
    Decision,
    Exported,
    Origin,
    Split,
    Training,
    read,
    write,
)
from tests.drawn import configs

SUFFIXES = [".yaml", ".yml", ".json"]
FULL = Exported(
    sweep="dense_binary",
    config=dense.Dense(32, 3, optimizer=Optimizer(learning_rate=0.008), plateau=Plateau()),
    training=Training(100, 63, seed=2891336453),
    data=DataOf(
        "churn.csv", target="churned", positive="yes", digest="3f9a1c", rows=48842,
        ignore=("customer_id",), options={"encoding": "utf-8"},
    ),
    split=Split("stratified", 0.2, 0.2, 0),
    scores={"val_loss": 0.1391, "test_loss": 0.1428, "test_auc": 0.986},
    decision=Decision(0.31, "f1"),
    origin=Origin("dense_binary-churn-3f9a1c", 41, "175e37f7"),
    versions={"keras-sweeps": "0.1.0", "python": "3.11.9"},
)  # fmt: skip


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


@dataclass(frozen=True)
class Own:
    """A user's config: lists, an enum, an optional number and settings that are on by default."""

    units: tuple[int, ...] = (8, 8)
    size: Size = Size.SMALL
    clip: Annotated[float, Interval(gt=0.0, le=10.0)] | None = 1.0
    plateau: Plateau | None = field(default_factory=Plateau)

    def __post_init__(self) -> None:
        if len(self.units) > 3:
            raise ValueError(f"units has {len(self.units)} layers; at most 3 fit")


def round_trip(exported: Exported, folder: Path) -> None:
    for suffix in SUFFIXES:
        path = folder / f"config{suffix}"
        write(exported, path)
        assert read(path, type(exported.config)) == exported


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("configs")


def finite(config: Any) -> bool:
    return config.plateau is None or np.isfinite(astuple(config.plateau)).all()


@pytest.mark.parametrize("space", [dense.SPACE, lstm.SPACE], ids=["dense", "lstm"])
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_configs_of_a_space_come_back(space: Space, folder: Path, data: st.DataObject) -> None:
    round_trip(Exported("x", data.draw(configs(space.suggest))), folder)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(config=(st.from_type(dense.Dense) | st.from_type(lstm.Lstm)).filter(finite))
def test_configs_within_their_bounds_come_back(folder: Path, config: Any) -> None:
    round_trip(Exported("x", config), folder)


@settings(deadline=None, max_examples=25)
@given(
    st.builds(
        Own,
        units=st.lists(st.integers(), max_size=3).map(tuple),
        size=st.sampled_from(Size),
        clip=st.none() | st.floats(0.001, 10),
        plateau=st.none() | st.just(Plateau(patience=9)),
    )
)
def test_configs_of_a_user_come_back(folder: Path, config: Own) -> None:
    round_trip(Exported("mine", config), folder)


VALUE = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(max_size=5), VALUE | st.sampled_from(["off", "1e-4", "relu", ""])))
def test_plain_dicts_come_back_with_their_types(folder: Path, params: dict[str, Any]) -> None:
    round_trip(Exported("mine", params), folder)
    found = read(folder / "config.yaml", dict).config
    assert {k: type(v) for k, v in found.items()} == {k: type(v) for k, v in params.items()}


def test_a_whole_file_comes_back(tmp_path: Path) -> None:
    round_trip(FULL, tmp_path)


def test_a_file_reads_well(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    write(FULL, path, command="python -m sweeps.dense_binary train --config config.yaml")
    lines = path.read_text().splitlines()
    assert lines[:4] == [
        "# python -m sweeps.dense_binary train --config config.yaml",
        "format: 1",
        "sweep: dense_binary",
        "config:",
    ]
    assert "  optimizer: {kind: adam, learning_rate: 0.008, weight_decay: 0.0}" in lines
    assert (
        "  plateau: {factor: 0.5, patience: 5, min_delta: 1.0e-4, cooldown: 0, min_lr: 1.0e-5}"
        "  # or off"
    ) in lines
    assert [line.split(":")[0] for line in lines if line[0] not in "# "] == [
        "format", "sweep", "config", "training", "data", "split", "scores", "decision",
        "origin", "versions",
    ]  # fmt: skip
    write(replace(FULL, config=dense.BASELINE), path)
    assert "  plateau: off" in path.read_text().splitlines()
    assert yaml.safe_load(path.read_text())["config"]["plateau"] is False


@pytest.mark.parametrize("off", ["off", '"off"', "Off", "false", "null", "~", ""])
def test_every_way_to_switch_off(tmp_path: Path, off: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"format: 1\nsweep: mine\nconfig:\n  plateau: {off}\n")
    if off == "Off":
        with pytest.raises(BadInput, match=r'plateau is "Off"; it must be off or'):
            read(path, Own)
    else:
        assert read(path, Own).config.plateau is None


def test_numpy_scalars_are_written_as_numbers(tmp_path: Path) -> None:
    params = {"rate": np.float64(0.1), "units": np.int64(3), "flag": np.bool_(True)}
    write(Exported("mine", params), tmp_path / "config.yaml")
    assert read(tmp_path / "config.yaml", dict).config == {"rate": 0.1, "units": 3, "flag": True}


def test_what_is_not_finite_is_no_score(tmp_path: Path) -> None:
    write(replace(FULL, scores={"a": 1.0, "b": float("nan")}), tmp_path / "config.yaml")
    assert read(tmp_path / "config.yaml", dense.Dense).scores == {"a": 1.0}


EDITS = {
    "widht: 32": "config.widht is not a known key; did you mean width?",
    "xyz: 32": "config.xyz is not a known key; known are width, depth, activation, batch_size, "
    "dropout, bins, optimizer, plateau",
    "width: 0": "config.width is 0; it must be a whole number from 1 to 4096",
    "width: 1.5": "config.width is 1.5; it must be a whole number from 1 to 4096",
    "width: true": "config.width is true; it must be a whole number from 1 to 4096",
    'width: "32"': 'config.width is "32"; it must be a whole number from 1 to 4096',
    "width:": "config.width is null; it must be a whole number from 1 to 4096",
    "dropout: 1": "config.dropout is 1; it must be a number at least 0 and below 1",
    "dropout: .nan": "config.dropout is NaN; it must be a number at least 0 and below 1",
    "activation: rleu": 'config.activation is "rleu"; it must be one of relu, tanh, gelu, silu, '
    "elu, sigmoid",
    "optimizer: {learning_rate: 0}": "config.optimizer.learning_rate is 0; it must be a number "
    "above 0 and at most 100",
    "optimizer: {lerning_rate: 1}": "config.optimizer.lerning_rate is not a known key; "
    "did you mean learning_rate?",
    "optimizer: adam": 'config.optimizer is "adam"; it must be settings: kind, learning_rate, '
    "momentum, weight_decay",
    "plateau: on": 'config.plateau is "on"; it must be off or settings: factor, patience, '
    "min_delta, cooldown, min_lr",
    "plateau: {patience: 1e9}": "config.plateau.patience is 1000000000.0; it must be a whole "
    "number from 1 to 1000",
    "plateau: {factor: 0}\n  width: 0": "config.width is 0; it must be a whole number from 1 to "
    "4096 (and 1 more)",
    "width: 3\n  width: 4": "line 5 is not YAML: width is given twice; keep one of them",
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_bad_edit_of_the_config_is_named(tmp_path: Path, edit: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"format: 1\nsweep: x\nconfig:\n  {edit}\n")
    with pytest.raises(BadInput) as error:
        read(path, dense.Dense)
    assert str(error.value) == f"{path}: {EDITS[edit]}"


HEADS = {
    "": "{path} is not a config: it has no line `format: 1`",
    "- 1": "{path} is not a config: it has no line `format: 1`",
    "sweep: x": "{path}: format is missing; it must be 1",
    "format: one": "{path}: format is 'one'; it must be 1",
    "format: true": "{path}: format is True; it must be 1",
    "format: 2\nanything: new": "{path}: format 2 is newer than this version of keras-sweeps, "
    "which reads format 1: upgrade with `pip install -U keras-sweeps`",
    "format: 1\nsweep: lstm_recall\nconfig: {units: 3}": "{path}: sweep is 'lstm_recall', not "
    "'dense_binary': use the command of lstm_recall",
    "format: 1\nsweep: dense_binary": "{path}: config is missing; it must be settings: width, "
    "depth, activation, batch_size, dropout, bins, optimizer, plateau",
    "format: 1\nsweep: dense_binary\nconfig: {}\ntrainings: {}": "{path}: trainings is not a "
    "known key; did you mean training?",
    "format: 1\nsweep: dense_binary\nconfig: {}\ntraining: {seed: 1}": "{path}: "
    "training.max_epochs is missing; it must be a whole number from 1 to 1000000",
    "format: 1\nsweep: dense_binary\nconfig: {}\ntraining: {max_epochs: 9, seed: -1}": "{path}: "
    "training.seed is -1; it must be a whole number at least 0 and below 4294967296",
    "format: 1\nsweep: dense_binary\nconfig: {}\ndata: {ignore: id}": "{path}: data.ignore is "
    '"id"; it must be a list',
    "format: 1\nsweep: dense_binary\nconfig: {}\nscores: {val_loss: low}": "{path}: "
    'scores.val_loss is "low"; it must be a number',
}


@pytest.mark.parametrize("text", HEADS)
def test_a_bad_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(BadInput) as error:
        read(path, dense.Dense, sweep="dense_binary")
    assert str(error.value) == HEADS[text].format(path=path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"cannot read .*config\.yaml: No such file"):
        read(tmp_path / "config.yaml", dense.Dense)
    with pytest.raises(BadInput, match=r"config\.toml' must end in \.yaml, \.yml, \.json"):
        read(tmp_path / "config.toml", dense.Dense)
    (tmp_path / "config.yml").write_bytes(b"format: 1 # \xff\xfe")
    with pytest.raises(BadInput, match="is not UTF-8 text"):
        read(tmp_path / "config.yml", dense.Dense)
    with pytest.raises(BadInput, match=r"cannot write .*missing"):
        write(FULL, tmp_path / "missing" / "config.yaml")
    assert not (tmp_path / "missing").exists()


def test_the_check_of_a_users_own_config_speaks(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"format": 1, "sweep": "mine", "config": {"units": [1, 2, 3, 4]}}')
    with pytest.raises(BadInput, match=r"config: units has 4 layers; at most 3 fit"):
        read(path, Own)


def test_lists_and_enums_of_a_users_own_config_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    for edit, words in {
        "units: [3, x]": 'config.units.1 is "x"; it must be a whole number',
        "size: tiny": 'config.size is "tiny"; it must be one of small, large',
        "clip: 0": "config.clip is 0; it must be a number above 0 and at most 10",
    }.items():
        path.write_text(f"format: 1\nsweep: mine\nconfig: {{{edit}}}\n")
        with pytest.raises(BadInput) as error:
            read(path, Own)
        assert str(error.value) == f"{path}: {words}"


def test_a_file_by_hand_is_short(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "format: 1\nsweep: dense_binary\nconfig: {width: 64, optimizer: {learning_rate: 1e-3}}\n"
    )
    found = read(path, dense.Dense, sweep="dense_binary")
    assert found.config == dense.Dense(width=64, optimizer=Optimizer(learning_rate=1e-3))
    assert found.training is None
    assert found.recorded is None
    assert found.source() == Source()


def test_the_same_data_are_asked_for(tmp_path: Path) -> None:
    assert FULL.recorded == 0.1391
    options = {"encoding": "utf-8", "ignore": ["customer_id"]}
    wanted = Source("churn.csv", "churned", "yes", options=options, kind="stratified")
    assert FULL.source() == wanted
    assert replace(FULL, data=DataOf("arrays")).source().path is None
    grouped = replace(FULL, split=Split("time", 0.1, 0.3, 7), data=DataOf("a.npz", group="who"))
    assert grouped.source("b.npz") == Source(
        "b.npz", group="who", time_order=True, validation=0.1, test=0.3, seed=7, kind="time"
    )
