"""The pages of `docs/`: their files are written, their commands are run."""

import re
import shlex
from pathlib import Path

import pytest

from tests.commands import python

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(
    r"(?:<!-- (?P<mark>before|run|file: (?P<name>[\w./-]+)) -->\n)?"
    r"```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


def blocks(page: Path) -> list[re.Match[str]]:
    return list(BLOCK.finditer(page.read_text(encoding="utf-8")))


def run(command: str, folder: Path) -> str:
    """Run one line of a page in a folder, as a reader would; return what it prints."""
    first, *rest = shlex.split(command, comments=True)
    assert first == "python", f"no test knows how to run {command!r}"
    done = python(rest, folder)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr[-3000:]}"
    return done.stdout


RUNNING = [page for page in PAGES if any(b["mark"] == "run" for b in blocks(page))]


@pytest.mark.slow
@pytest.mark.parametrize("page", RUNNING, ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page: Path, tmp_path: Path) -> None:
    for block in blocks(page):
        if block["name"]:
            (tmp_path / block["name"]).write_text(block["text"], encoding="utf-8")
        elif block["mark"] == "run":
            for command in block["text"].splitlines():
                said = run(command, tmp_path)
                assert "trained by plain fit" not in said, said
                assert " failed" not in said, said


def test_pages_are_run() -> None:
    assert {"your-own-sweep", "from-optuna", "from-kerastuner"} <= {p.stem for p in RUNNING}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_python_is_tried_or_is_what_was_before(page: Path) -> None:
    for block in blocks(page):
        if block["kind"] == "python":
            assert block["mark"] in ("before", f"file: {block['name']}")
            compile(block["text"], page.name, "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_a_model_of_kerastuner_is_run_unchanged() -> None:
    before, after = (
        re.search(r"^def build_model.*?return model$", block["text"], re.DOTALL | re.MULTILINE)
        for block in blocks(ROOT / "docs" / "from-kerastuner.md")[:2]
    )
    assert before is not None
    assert after is not None
    assert before[0] == after[0]


def test_the_shortest_sweep_is_under_forty_lines() -> None:
    (block, *_) = blocks(ROOT / "docs" / "your-own-sweep.md")
    assert len(block["text"].splitlines()) < 40
