"""What is installed: the three packages, typed and nothing else; and what they are locked to."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = ("sweeps", "search_spaces", "objectives")
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()


def test_the_lock_is_pins_alone() -> None:
    assert [line for line in LOCK if not re.fullmatch(r"[a-z0-9-]+==[A-Za-z0-9.+]+", line)] == []
    names = [line.split("==")[0] for line in LOCK]
    assert names == sorted(set(names))


@pytest.mark.parametrize("group", ["dependencies", "test"])
def test_the_lock_covers_what_the_project_asks_for(group: str) -> None:
    pins = dict(line.split("==") for line in LOCK)
    extras = PROJECT["optional-dependencies"]
    asked = PROJECT["dependencies"] if group == "dependencies" else extras[group]
    assert len(asked) > 5
    for requirement in map(Requirement, asked):
        pin = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pin), f"{requirement} is locked to {pin}"


def test_one_version() -> None:
    import sweeps

    assert PROJECT["version"] == sweeps.__version__
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {sweeps.__version__}" in changes


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built as `pip install .` builds it, from a copy of what is tracked."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in (*PACKAGES, "pyproject.toml", "README.md", "LICENSE"):
        (source / name).symlink_to(ROOT / name)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)],
        cwd=source,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (path,) = built.iterdir()
    return path


@pytest.mark.slow
def test_a_wheel_holds_the_three_packages(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    on_disk = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {f"{package}/py.typed" for package in PACKAGES} <= on_disk
    assert {name for name in names if ".dist-info/" not in name} == on_disk
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert wheel.name.startswith(f"keras_sweeps-{PROJECT['version']}-py3-none-any")


@pytest.mark.slow
def test_an_installed_wheel_runs_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    (tmp_path / "work").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "sweeps.dense_binary", "--help"],
        cwd=tmp_path / "work",
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: python -m sweeps.dense_binary")
