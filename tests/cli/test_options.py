"""One table of options: parsers, help pages, the Python signature and what a study keeps."""

from __future__ import annotations

import inspect
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

import sweeps
from objectives import Source
from search_spaces import Space, Trial
from sweeps.cli import options, run_command_line
from sweeps.cli.again import same
from sweeps.cli.given import PYTHON, given_settings
from sweeps.cli.listing import listing
from sweeps.study.options import OPTIONS, Option
from sweeps.study.ranges import narrowing
from sweeps.study.readers import duration, interval, share, switch, whole
from sweeps.study.samplers import seed_of
from sweeps.study.settings import Settings
from sweeps.tracking import NoTracker
from tests.cli.test_command_line import folder, go
from tests.cli.test_python import quick
from tests.cli.test_python import run as python_run
from tests.scripted import SWEEP
from tests.study.test_loop import session

__all__ = ["folder", "quick"]


@pytest.mark.parametrize("command", list(options.COMMANDS))
def test_a_command_has_a_page_with_its_own_options_alone(
    command: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(SWEEP, [command, "--help"]) == 0
    page = capsys.readouterr().out
    own = options.of_command(command)
    words = page.split()
    assert page.startswith("usage: ")
    assert f" {command} " in page.partition("\n")[0]
    for name, one in OPTIONS.items():
        found = command == "run" or one.group != "data" or name == "data"
        assert (one.flag in words) == (name in own and found and bool(one.flag)), one.flag
    assert "example: " in page
    assert max(map(len, page.splitlines())) <= 99
    assert callable(options.function_of(command))
    assert list(folder.iterdir()) == []


def test_the_overview_has_every_command_and_every_option_of_run() -> None:
    text = options.overview(SWEEP, "python -m toy")
    words = text.split()
    assert set(options.COMMANDS) <= set(words)
    assert {one.flag for one in options.of_command("run").values()} <= set(words)
    assert max(map(len, text.splitlines())) <= 99


def test_every_option_is_of_some_command_and_says_what_it_does() -> None:
    for one in OPTIONS.values():
        assert one.commands
        assert set(one.commands) <= set(options.COMMANDS), one.name
        assert one.help
    flags = [one.flag for one in OPTIONS.values()]
    assert len(set(flags)) == len(flags)


def test_the_version_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["--version"], ["show", "--version"]):
        assert run_command_line(SWEEP, argv) == 0
        assert capsys.readouterr().out == f"keras-sweeps {sweeps.__version__}\n"


@pytest.mark.parametrize("command", ["run", "show"])
def test_json_to_standard_output_has_it_alone(
    command: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert go("--trials", "2", "--confirm", "0", "--pruner", "none") == 0
    capsys.readouterr()
    assert go(command, "--json", "-") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["counts"] == {"complete": 2}
    assert "toy: 2 trials" in said.err


def test_a_study_keeps_its_total(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert SWEEP.n_trials == 6
    assert go("--trials", "2", "--confirm", "0") == 0
    for argv in ([], ["--patience", "off"], ["--pruner", "none"]):
        capsys.readouterr()
        assert go(*argv) == 0
        said = capsys.readouterr().out
        assert "toy: already complete with 2 trials: --trials 4 adds more\n" in said
        assert "to go" not in said
    assert go("--trials", "1") == 0
    said = capsys.readouterr().out
    assert "toy: 2 trials, more than --trials 1, already complete: --trials 4 adds more\n" in said
    assert go("--trials", "3") == 0
    assert "toy: 1 of 3 trials to go" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["show", "report", "explain", "export --to best", "compare"])
def test_what_reads_creates_no_study(
    command: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = ["nope", "toy"] if command == "compare" else ["--study", "nope"]
    assert go(*shlex.split(command), *name) == 2
    assert listing(folder)[-1] == "no study in this folder yet"
    assert go("--trials", "1", "--quiet", "--confirm", "0") == 0
    capsys.readouterr()
    assert go(*shlex.split(command), *name) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: there is no study 'nope' in this folder")
    assert "there are: toy" in said
    assert said.count("\n") == 1
    assert [line.split()[0] for line in listing(folder)[-1:]] == ["toy"]
    assert not (folder / ".sweeps" / "nope").exists()


class Found:
    """What a probe would have found of a reference."""

    def __init__(self, *given: Any, **_: Any) -> None:
        self.reference = given[1]

    def summary_lines(self) -> list[str]:
        return [f"{self.reference.name} {self.reference.config.width}"]

    def to_json(self) -> dict[str, Any]:
        return {"seed": self.reference.seed}


def test_a_baseline_is_explained_without_a_study(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeps.cli.explain.experiment", Found)
    monkeypatch.setattr("sweeps.cli.explain.make_tracker", lambda *_: NoTracker())
    for made in (False, True):
        assert go("explain", "--json", "-", "--quiet") == 0
        said = capsys.readouterr()
        assert said.err == "baseline 8\n"
        assert json.loads(said.out) == {"seed": seed_of(0, 0)}
        assert (folder / "optuna.db").exists() == made
        if made:
            return
        assert go("explain", "--trial", "best") == 2
        assert "run it first" in capsys.readouterr().err
        assert go("--trials", "1", "--study", "other", "--quiet") == 0
        capsys.readouterr()


def test_python_takes_the_options_of_run(quick: Path) -> None:
    known = inspect.signature(sweeps.run).parameters
    assert set(known) == {"sweep", "folder", "verbose", *PYTHON}
    assert {known[name].default for name, one in PYTHON.items() if one.kept} == {None}
    assert known["device"].default == "cpu"
    assert all(f"    {name}: " in (sweeps.run.__doc__ or "") for name in PYTHON if name != "data")


def test_hyperparameters_are_dicts_in_python(quick: Path) -> None:
    fixed = python_run(quick, trials=3, confirm=0, fix={"width": 3, "schedule": False}, study="a")
    assert fixed.trials.params_width[1:].tolist() == [3, 3]
    assert not fixed.trials.params_schedule[1:].any()
    ranged = {"rate": (0.2, 0.4), "width": (2, 3), "schedule": [True]}
    found = python_run(quick, trials=4, confirm=0, ranges=ranged, study="b").trials[1:]
    assert found.params_rate.between(0.2, 0.4).all()
    assert found.params_width.isin([2, 3]).all()
    assert found.params_schedule.all()


CHOICES = ["a,b", 'say "so"', "x:y", "c"], [[4, 2], (8, 4), None], [True, False], [0.5, 1, 2]


@pytest.mark.parametrize("choices", CHOICES)
def test_choices_of_any_kind_are_ranges_in_python(choices: list[Any]) -> None:
    def suggest(trial: Trial) -> dict[str, Any]:
        return {"kind": trial.suggest_categorical("kind", [*choices, "other"])}

    space: Space[Any] = Space(suggest, None)  # type: ignore[arg-type]
    asked = given_settings(SWEEP, {"ranges": {"kind": choices}}, Path())
    assert list(narrowing(space, ranges=asked.ranges or ())["kind"].ends) == choices
    for choice in choices:
        asked = given_settings(SWEEP, {"fix": {"kind": choice}}, Path())
        assert narrowing(space, asked.fix or ())["kind"].ends == (choice,)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"trails": 3}, "unknown option trails; did you mean trials?"),
        ({"quiet": True}, "unknown option quiet; there are: trials, "),
        ({"trials": "many"}, r"trials='many': it must be a whole number, 1 or more"),
        ({"trials": 2.5}, r"trials=2.5: it must be a whole number"),
        ({"trials": [3]}, r"trials=\[3\]: it must be one value"),
        ({"device": "tpu"}, "device='tpu': it must be one of cpu, gpu"),
        ({"fix": ["width=3"]}, r"fix=\['width=3'\]: give a dict, such as \{'width': 32\}"),
        ({"ranges": {"rate": 0.1}}, r"ranges=\{'rate': 0.1\}: give \(low, high\), or a list"),
        ({"fix": {"widht": 3}}, "no parameter 'widht'; did you mean 'width'"),
        ({"target": "y"}, "--target y says how to read data"),
        ({"tries": "gone.yaml"}, "cannot read gone.yaml"),
    ],
)
def test_bad_input_in_python_is_one_line(quick: Path, given: dict[str, Any], named: str) -> None:
    with pytest.raises(sweeps.BadInput, match=named) as raised:
        python_run(quick, **given)
    assert len(str(raised.value).splitlines()) == 1
    assert not (quick / "optuna.db").exists() or listing(quick)[-1] == "  none"


def written(one: Option) -> str:
    """Return a value that is no option's default, as it is typed."""
    by_name = {
        "data": "my data.csv", "fix": "width=3", "ranges": "rate=0.1:0.2", "sampler": "random",
        "monitor": "val_accuracy", "trainer": "fit", "weights": "balanced", "validation": "0.3",
        "test": "0.1", "limit": "params=50", "prune_by": "val_accuracy",
    }  # fmt: skip
    last = one.metavar.split("|")[-1] if "|" in one.metavar else "7"
    return by_name.get(one.name, last)


def test_the_same_sweep_has_every_option_that_a_study_keeps(tmp_path: Path) -> None:
    kept = [one for one in OPTIONS.values() if one.kept]
    argv = [word for one in kept for word in [one.flag, *([written(one)] if one.metavar else [])]]
    asked = options.given(SWEEP, "toy", "run", argv)
    with session(tmp_path) as opened:
        opened.settings = asked.resolve(None)
        opened.sweep = asked.apply(SWEEP)
        line = same(opened, "toy")
        again = options.given(SWEEP, "toy", "run", shlex.split(line))
    for one in kept:
        assert getattr(again, one.name) == getattr(asked, one.name) is not None, one.name
    assert again.source == asked.source


def test_what_a_study_keeps_comes_back_as_it_was() -> None:
    asked = options.given(SWEEP, "toy", "run", ["--fix", "width=3", "--pruner", "none"])
    kept = json.loads(json.dumps(asked.resolve(None).remember()))
    again = Settings().resolve(kept)
    assert again.fix == ("width=3",)
    assert again.pruner == asked.pruner
    assert again.confirm == OPTIONS["confirm"].default
    assert again.source == Source()
    older = {name: value for name, value in kept.items() if name != "trials"}
    assert Settings().resolve(older).trials is None


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (whole(0), "0", 0),
        (duration, "1.5h", 5400.0),
        (duration, "1800.0", 1800.0),
        (interval, "off", float("inf")),
        (interval, "inf", float("inf")),
        (share, "1e-1", 0.1),
        (switch, "False", False),
    ],
)
def test_readers_take_what_is_typed_and_what_python_writes(
    read: Any, text: str, value: Any
) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((whole(1), text) for text in ("0", "1.0", "", "one", "1_0", "\u0664")),
        *((duration, text) for text in ("0", "-3s", "1w", "inf", "nan", "1e999")),
        *((share, text) for text in ("0", "1", "nan", "1-2", ".", "e")),
        (switch, "maybe"),
    ],
)
def test_readers_refuse_the_rest(read: Any, text: str) -> None:
    with pytest.raises(ValueError, match="it must be"):
        read(text)


@pytest.mark.parametrize("flag", ["--storag", "--storag="])
def test_a_misspelt_option_does_not_repeat_a_password(
    flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    address = "postgresql://me:my own word@db/x"
    words = [f"{flag}{address}"] if flag.endswith("=") else [flag, address]
    assert run_command_line(SWEEP, words) == 2
    said = capsys.readouterr().err
    assert "did you mean --storage?" in said
    assert "me:***@db/x" in said
