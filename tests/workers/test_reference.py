"""Where a sweep is imported from, and how a worker does it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from objectives import BadInput
from objectives.training import Outcome
from sweeps import Sweep
from sweeps.workers import Pool, Reference
from tests.workers import scripts
from tests.workers.scripts import Driver, Script

HERE = Path(__file__).parent
# A user's file: its own config class, a neighbour to import, and no guard around what it does.
UNGUARDED = """
    from dataclasses import dataclass
    import neighbour
    from tests.workers.scripts import OBJECTIVE, Script, SWEEP as OTHER
    from sweeps import Sweep, main

    @dataclass(frozen=True)
    class Own(Script):
        extra: int = neighbour.NUMBER

    MINE = Sweep("mine", OBJECTIVE)
    main(MINE)
    raise AssertionError("main ends the process")
"""
# Taken by every Python that starts: a command line that only trains four scripted trials.
SITE = """
    import sys
    from pathlib import Path
    import sweeps.cli

    def run_command_line(sweep, argv):
        from objectives.training import Decision, TrialSpec
        from sweeps.workers import Pool, Reference
        own = sys.modules["__main__"].Own
        reference = Reference.of(sweep)
        print(reference, reference.attribute)
        with Pool(reference, 2, trainer="tests.workers.scripts:Scripted") as pool:
            pool.data(Path(sys.argv[1]))
            specs = (TrialSpec(n, own(), n, 3) for n in range(4))
            for result in pool.train(specs, lambda *_: Decision.CONTINUE):
                print(result.spec.config.extra, result.outcome.value)
        return 0

    sweeps.cli.run_command_line = run_command_line
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "neighbour.py").write_text("NUMBER = 41\n", encoding="utf-8")
    (folder / "my sweep.py").write_text(textwrap.dedent(UNGUARDED), encoding="utf-8")
    (folder / "package").mkdir()
    (folder / "package" / "__init__.py").write_text("", encoding="utf-8")
    (folder / "package" / "inner.py").write_text(textwrap.dedent(UNGUARDED), encoding="utf-8")
    return folder / "my sweep.py"


def test_a_reference_names_a_module_before_a_file() -> None:
    assert Reference.of(scripts.SWEEP) == Reference(module="tests.workers.scripts")
    assert Reference(module="tests.workers.scripts").load() is scripts.SWEEP
    assert Reference.of(Sweep("nowhere", scripts.OBJECTIVE)) is None
    from sweeps.lstm_recall import SWEEP

    assert Reference.of(SWEEP) == Reference(module="sweeps.lstm_recall")


def test_a_file_is_executed_once_up_to_main_and_finds_its_neighbours(script: Path) -> None:
    reference = Reference(file=str(script), attribute="MINE")
    sweep = reference.load()
    assert sweep.name == "mine"
    assert reference.load() is sweep
    assert Reference.of(sweep) == reference
    own = reference.imported().Own()
    assert own.extra == 41
    assert sys.modules[type(own).__module__] is reference.imported()


def test_what_is_no_sweep_is_bad_input(tmp_path: Path, script: Path) -> None:
    with pytest.raises(BadInput, match=r"my sweep.py defines no sweep named SWEEP"):
        Reference(file=str(script)).load()
    with pytest.raises(BadInput, match=r"nothing.py is not a Python file"):
        Reference(file=str(tmp_path / "nothing.py")).load()
    (tmp_path / "bad.py").write_text("1 / 0\n", encoding="utf-8")
    for _ in range(2):  # not half a module at the second time
        with pytest.raises(ZeroDivisionError):
            Reference(file=str(tmp_path / "bad.py")).load()


def test_a_file_that_starts_workers_when_loaded_is_refused(tmp_path: Path) -> None:
    text = "from sweeps.workers import Pool, Reference\nPool(Reference(module='sweeps'), 1)\n"
    (tmp_path / "bomb.py").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match="__main__"):
        Reference(file=str(tmp_path / "bomb.py")).load()


def test_workers_import_a_file_from_anywhere(
    start: Callable[..., Pool], script: Path, arrays: Path
) -> None:
    reference = Reference(file=str(script), attribute="MINE")
    own = reference.imported().Own
    with start(1, reference=reference, trainer=f"{HERE / 'scripts.py'}:Scripted") as pool:
        found = Driver(pool).train([own(extra=n) for n in range(3)])
    assert [r.spec.config.extra for r in found.values()] == [0, 1, 2]
    assert all(type(r.spec.config) is own for r in found.values())


@pytest.mark.parametrize("how", ["script", "module"])
def test_an_unguarded_script_starts_its_workers_once(
    script: Path, arrays: Path, tmp_path: Path, how: str
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(textwrap.dedent(SITE), encoding="utf-8")
    named = {"script": [str(script)], "module": ["-m", "package.inner"]}[how]
    path = os.pathsep.join([str(site), str(HERE.parents[1]), str(script.parent)])
    done = subprocess.run(
        [sys.executable, *named, str(arrays)],
        cwd=script.parent,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    first, *others = done.stdout.splitlines()
    assert first == {"script": f"{script} MINE", "module": "package.inner MINE"}[how]
    assert others == [f"41 {Outcome.COMPLETE.value}"] * 4
    assert done.returncode == 0


def test_workers_are_spawned_where_a_fork_is_not_sound(
    start: Callable[..., Pool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        "import threading as t, time\nt.Thread(target=time.sleep, args=[9], daemon=True).start()"
    )
    (tmp_path / "sitecustomize.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with start(2) as pool:
        driver = Driver(pool)
        scripts = [Script(die=3 * (n == 1), folder=str(tmp_path)) for n in range(4)]
        found = driver.train(scripts)
        assert "worker" in psutil.Process(found[3].extra["pid"]).cmdline()
    assert {r.outcome for r in found.values()} == {Outcome.COMPLETE}
    assert driver.epochs(1) == [1, 2, 3, 4, 5, 6]
