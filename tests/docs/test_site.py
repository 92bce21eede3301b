"""The documentation as a site: it builds without a warning, and holds every page."""

import html
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return folder


def named(entry: object) -> list[str]:
    """The pages below an entry of the site's navigation."""
    if isinstance(entry, str):
        return [entry]
    below = entry.values() if isinstance(entry, dict) else entry
    assert isinstance(below, list | type({}.values()))
    return [page for each in below for page in named(each)]


def test_the_site_holds_every_page(site: Path) -> None:
    pages = named(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert {page.name for page in (ROOT / "docs").glob("*.md")} <= set(pages)
    for page in pages:
        assert (site / page).with_suffix(".html").exists(), page


def test_the_reference_is_made_of_the_docstrings(site: Path) -> None:
    import objectives
    import sweeps

    text = (site / "python-api.html").read_text(encoding="utf-8")
    for name in sweeps.__all__:
        if name not in ("Pruner", "Sampler"):  # types of the arguments that are described there
            assert f'id="sweeps.{name}"' in text, name
    assert f'id="objectives.{objectives.Objective.__name__}"' in text
    assert "Raises:" in text


def test_nothing_is_loaded_from_another_site(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    for kind in ('<script src="http', '<link rel="stylesheet" href="http', "fonts.googleapis"):
        assert kind not in text


def test_every_option_is_on_its_page(site: Path) -> None:
    from sweeps.study.options import OPTIONS

    text = html.unescape((site / "options.html").read_text(encoding="utf-8"))
    for one in OPTIONS.values():
        assert f"<code>{f'{one.flag} {one.metavar}'.strip()}</code>" in text, one.name
