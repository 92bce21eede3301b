"""Give the site the pages that are made from elsewhere: README and the like, and all options."""

import html
import itertools
import re
from pathlib import Path
from typing import Any

ELSEWHERE = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}


def on_files(files: Any, config: Any) -> Any:
    """Add pages from the root, with links as they are inside `docs/`, and all options."""
    from mkdocs.structure.files import File

    root = Path(config.config_file_path).parent
    for page, source in ELSEWHERE.items():
        text = (root / source).read_text(encoding="utf-8")
        for other, name in ELSEWHERE.items():
            text = text.replace(f"]({name}", f"]({other}")
        text = re.sub(r"(\]\(|src=\")docs/", r"\1", text)
        files.append(File.generated(config, page, content=text))
    files.append(File.generated(config, "options.md", content=options()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace links to folders of the repository, which the site does not have, by their names."""
    for page, source in ELSEWHERE.items():
        markdown = markdown.replace(f"](../{source}", f"]({page}")
    return re.sub(r"\[([^\]]+)\]\(\.\./[^)]*\)", r"\1", markdown)


def options() -> str:
    """Return the page of all options, from the table that the parsers are made from."""
    from sweeps.cli.options import COMMANDS, help_of
    from sweeps.dense_binary import SWEEP
    from sweeps.study.options import OPTIONS

    lines = [
        "# Commands and options",
        "",
        "`python -m sweeps.dense_binary COMMAND`, `python your_sweep.py COMMAND` and",
        "`keras-sweeps dense_binary COMMAND` take the same commands and options.",
        "`COMMAND --help` prints those of one command. Defaults are those of `dense_binary`.",
        "",
        "| command | what it does |",
        "|---|---|",
        *(f"| `{name}` | {one.help} |" for name, one in COMMANDS.items()),
        "",
        "Where `run` takes an option, so does `sweeps.run(...)` in Python, under the name shown.",
    ]
    for group, rows in itertools.groupby(OPTIONS.values(), key=lambda one: one.group):
        lines += ["", f"## {group.capitalize()}", ""]
        lines += ["| option | Python | meaning | commands |", "|---|---|---|---|"]
        for one in rows:
            shown = f"<code>{html.escape(f'{one.flag} {one.metavar}'.strip())}</code>"
            name = f"`{one.name}=`" if one.python else ""
            cells = (shown, name, html.escape(help_of(one, SWEEP)), ", ".join(one.commands))
            lines.append("| " + " | ".join(cell.replace("|", "&#124;") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
