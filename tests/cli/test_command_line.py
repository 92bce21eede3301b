"""The command line on scripted curves: exit codes, refusals, what is printed."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import pytest

from objectives import BadInput, Data, Objective, Source
from sweeps.cli import options, run, run_command_line, typed
from sweeps.cli.listing import listing
from sweeps.study.sweep import Sweep
from sweeps.tracking import NoTracker
from tests.scripted import SWEEP, Scripted


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "make_tracker", lambda *_: NoTracker())
    monkeypatch.setattr("sweeps.cli.trainers.here", lambda *_: Scripted())
    monkeypatch.setattr("sweeps.cli.logs.to_file", lambda folder, _: folder / "log")
    return tmp_path


def go(*argv: str) -> int:
    word = argv[0] if argv and not argv[0].startswith("-") else "run"
    trains = "workers" in options.of_command(word)
    return run_command_line(SWEEP, [*argv, *(["--workers", "0"] if trains else [])])


def test_a_sweep_ends_with_its_summary_and_its_data(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert go("--trials", "5", "--json", "out.json") == 0
    printed = capsys.readouterr().out
    assert "toy: 5 of 5 trials to go" in printed
    assert "baseline" in printed
    found = json.loads((folder / "out.json").read_text())
    assert sum(found["counts"].values()) == 5
    assert found["best"]["value"] <= found["baseline"]["value"]
    assert f"#{found['best']['number']} " in printed


def test_a_finished_study_asked_for_again_prints_the_same_summary(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    go("--trials", "4", "--seed", "2")
    first = capsys.readouterr().out
    assert go("--trials", "4", "--seed", "2") == 0
    _, said, again = capsys.readouterr().out.split("\n", 2)
    assert said == "toy: already complete with 4 trials: --trials 8 adds more"
    assert again.startswith("toy: 4 trials")
    assert again in first
    assert go("show") == 0
    assert capsys.readouterr().out.splitlines()[3:6] == again.splitlines()[3:6]


def test_options_that_are_not_given_are_the_studys_own(folder: Path) -> None:
    assert go("--trials", "3", "--seed", "5", "--max-epochs", "9", "--fix", "width=3") == 0
    assert go("--trials", "4") == 0
    assert go("--trials", "4", "--seed", "6") == 2


def test_the_seeds_to_confirm_on_are_remembered(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for argv in (["--confirm", "0"], []):
        assert go("--trials", "6", *argv) == 0
        printed = capsys.readouterr().out
        assert "confirming" not in printed
        assert "(one seed)" in printed
    assert go("--trials", "6", "--confirm", "1") == 0
    printed = capsys.readouterr().out
    assert "on one fresh seed each" in printed
    assert "(one fresh seed)" in printed
    assert "one fresh seed cannot tell luck from skill: --confirm 5 can" in printed
    assert go("--trials", "7") == 0
    assert "5 fresh seeds" not in capsys.readouterr().out


def test_a_pruner_is_remembered(folder: Path) -> None:
    assert go("--trials", "2", "--pruner", "none", "--sampler", "random") == 0
    assert go("--trials", "12", "--json", "out.json") == 0
    assert json.loads((folder / "out.json").read_text())["counts"] == {"complete": 12}


def test_another_pruner_on_the_way_is_said_once(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    go("--trials", "2", "--confirm", "0")
    capsys.readouterr()
    go("--trials", "3", "--pruner", "none")
    assert "\n--pruner: none from here on, halving before\n" in capsys.readouterr().out
    go("--trials", "4")
    assert "from here on" not in capsys.readouterr().out


def test_the_default_sampler_is_led_back_to_by_its_name(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    go("--trials", "2", "--sampler", "random", "--confirm", "0")
    capsys.readouterr()
    assert go("--trials", "3", "--sampler", "tpe") == 0
    assert "\n--sampler: tpe from here on, random before\n" in capsys.readouterr().out


def test_a_sampler_whose_package_is_missing_is_refused_before_a_study_is_made(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert go("--sampler", "gp") == 2
    assert "needs the package torch, which is not installed: pip" in capsys.readouterr().err
    assert listing(folder)[-1] == "no study in this folder yet"


@pytest.mark.parametrize(
    ("python", "expected"),
    [
        ("python", "mlflow"),
        ("/opt/env/bin/python", "mlflow"),
        (".venv/bin/python3", ".venv/bin/mlflow"),
        ("../env/bin/python", "../env/bin/mlflow"),
    ],
)
def test_programs_are_named_as_the_python_was(
    python: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.orig_argv", [python, "-m", "sweeps.dense_binary"])
    assert typed("mlflow") == expected


def test_the_first_lines_are_data_device_and_the_expected_time(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    go("--trials", "4", "--confirm", "0")
    begin, first, data, device, expected, *_ = capsys.readouterr().out.splitlines()
    assert begin.startswith("toy: starting")
    assert first == "toy: 4 of 4 trials to go"
    assert data.startswith("data: from load(), 16 x 2; train 8 / validation 4 / test 4")
    assert device == "device: cpu, in this process"
    assert expected.startswith("ETA: ")
    go("--trials", "6", "--confirm", "0")
    assert "ETA: about 0s, based on earlier trials" in capsys.readouterr().out


def test_verbose_says_every_epoch(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert go("--trials", "1", "--verbose", "--max-epochs", "9", "--confirm", "0") == 0
    printed = capsys.readouterr().out
    assert all(f"epoch {epoch}/9 val_loss" in printed for epoch in range(1, 10))
    assert go("--verbose", "--quiet") == 2


def test_that_nothing_beat_the_baseline_is_said_plainly(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    narrow = ["--range", "rate=0.9:1", "--fix", "width=1", "--fix", "schedule=False"]
    assert go("--trials", "5", "--pruner", "none", *narrow) == 0
    printed = capsys.readouterr().out
    table, _, confirmed = printed.partition("\nconfirmed (val_loss)")
    rows = [line.split()[0] for line in table.splitlines() if line.startswith("  ")]
    assert [row for row in rows if row in ("baseline", "best", "next")] == ["baseline", "next"]
    assert confirmed.splitlines()[1].split()[:2] == ["baseline", "#0"]
    assert "no trial beat the baseline: keep it" in printed
    # No other trial has been scored on the test part: it has no row.
    assert go("--trials", "5", "--pruner", "none", *narrow, "--study", "b", "--confirm", "0") == 0
    table = capsys.readouterr().out.partition("\nbest:")[0]
    rows = [line.split()[0] for line in table.splitlines() if line.startswith("  ")]
    assert [row for row in rows if row in ("baseline", "best", "next")] == ["baseline"]


def test_quiet_says_the_summary_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert go("--trials", "2", "--quiet") == 0
    assert capsys.readouterr().out.startswith("toy: 2 trials")


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--trials", "0"], "--trials 0: it must be a whole number, 1 or more"),
        (["--trials", "many"], "--trials many: it must be a whole number"),
        (["--confirm", "100"], "--confirm 100: it must be a whole number, from 0 to 99"),
        (["--patience", "never"], "--patience never: it must be a number of epochs, or off"),
        (["--timeout", "soon"], "--timeout soon: it must be a time"),
        (["--fix", "widht=3"], "did you mean 'width'"),
        (["--range", "rate=1:99"], "99.0 is refused, it must be a number above 0 and at most 10"),
        (["--fix", "width=banana"], "'banana' is not a whole number; the sweep takes 1 to 16"),
        (["--fix", "schedule=maybe"], "'maybe' is refused, it must be true or false"),
        (["--range", "rate=0:1"], "the low end 0 has no place on a logarithmic scale"),
        (["--range", "rate=2:1"], "low end 2 lies above the high end 1"),
        (["--sampler", "grid"], "--sampler grid: it must be one of tpe, gp, cmaes"),
        (["--pruner", "halvin"], "one of halving, percentile, none, did you mean halving?"),
        (["--monitor", "loss"], "--monitor loss: it is not of the validation part: take val_loss"),
        (["--monitor", "val_los"], "'val_los' is no loss or metric of Keras's, did you mean"),
        (
            ["--monitor", "val_gain"],
            "'val_gain' is no loss or metric of Keras's",
        ),
        (["--monitor", "val_auc"], "'val_auc' is not a metric of this model"),
        (["--monitor", "val_gain", "--mode", "down"], "--mode down: it must be one of min, max"),
        (["--study", "../elsewhere"], "'../elsewhere'"),
        (["--study", "a'b"], '"a\'b"'),
        (["--storage", "postgres://nowhere"], "postgres://nowhere"),
        (["--storage", "nonsense"], "'nonsense'"),
        (["--tracking-uri", "ftp://x"], "'ftp://x': MLflow knows no 'ftp'"),
        (["--nonsense"], "unknown option --nonsense (see "),
        (["--max-epoch", "3"], "unknown option --max-epoch 3; did you mean --max-epochs?"),
        (["show", "--register"], "show does not take --register: it is an option of export"),
        (["compare", "a", "b", "--trials", "3"], "compare does not take --trials 3: it is an"),
        (["--trial", "3"], "run does not take --trial 3: it is an option of export, explain"),
        (["show", "toy"], "show does not take 'toy'"),
        (["--quiet", "show"], "show is a command, which comes first:"),
        (["--data", "mine.csv"], "--data mine.csv: the load of this sweep reads no file"),
        (["--trials"], "--trials: needs a value"),
        (["--fix", "width=3", "--range", "width=1:2"], "width has --fix 3 already"),
        (["explode"], "no command 'explode'; there are: run, show"),
        (["shwo"], "no command 'shwo' (did you mean show?); there are: run, show"),
        (["list"], "python -m sweeps list prints all sweeps and studies"),
        (["export"], "--to DIR"),
        (["train"], "--config FILE"),
        (["show", "--study", "nix"], "no study"),
    ],
)
def test_bad_input_is_one_line_with_the_value_and_code_2(
    folder: Path, capsys: pytest.CaptureFixture[str], argv: list[str], named: str
) -> None:
    assert go(*argv) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert named in said
    assert listing(folder)[-1] in ("no study in this folder yet", "  none")
    left = {path.name for path in folder.iterdir()} - {"log"}
    assert left == set() or "val_auc" in argv  # which the first trial tells


def test_the_only_study_of_a_sweep_is_found_whatever_its_name(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("mine", "other"):
        assert go("--study", name, "--trials", "2", "--confirm", "0") == 0
        capsys.readouterr()
        code = go("show")
        said = capsys.readouterr()
        if name == "mine":
            assert code == 0
            assert said.out.startswith("mine: 2 trials")
    assert code == 2
    assert "has 2 studies in this folder, say which: --study other or --study mine" in said.err


@pytest.mark.parametrize("error", [KeyError("column"), RuntimeError("no\ncolumn"), RuntimeError()])
def test_an_error_of_the_users_own_is_one_line_with_its_place(
    error: Exception, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(source: object) -> None:
        raise error

    own = dataclasses.replace(SWEEP, objective=dataclasses.replace(SWEEP.objective, load=load))
    assert run_command_line(own, ["--workers", "0"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"failed: {type(error).__name__}")
    assert " (test_command_line.py, line " in said
    assert said.count("\n") == 1


def test_what_is_declared_wrongly_is_told_where_it_is_declared() -> None:
    with pytest.raises(BadInput, match="'x' was given function: it takes Objective"):
        Sweep("x", lambda trial: None)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="build takes config, data: let it take the trial alone"):
        Objective(load=lambda source: None, build=lambda config, data: None)
    with pytest.raises(BadInput, match="build takes a, b, c: let it take the config alone, or"):
        dataclasses.replace(SWEEP.objective, build=lambda a, b, c: None)


def test_a_terminal_of_plain_letters_is_no_reason_to_fail(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(source: Source) -> Data:
        return dataclasses.replace(SWEEP.objective.load(source), source=Source("größe.csv"))

    own = dataclasses.replace(SWEEP, objective=dataclasses.replace(SWEEP.objective, load=load))
    shown = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", shown)
    assert run_command_line(own, ["--workers", "0", "--trials", "2"]) == 0
    shown.flush()
    assert rb"data: gr\xf6\xdfe.csv, 16 x 2" in shown.buffer.getvalue()
