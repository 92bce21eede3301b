"""The scripts by which shells complete the command line."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sweeps.__main__ import main
from sweeps.cli.completion import SHELLS, script
from sweeps.cli.listing import built_in
from sweeps.cli.options import COMMANDS

ASK = """
source {script}
COMP_WORDS=({words})
COMP_CWORD={last}
_shtab_keras_sweeps keras-sweeps "${{COMP_WORDS[-1]}}" "${{COMP_WORDS[-2]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def bash(tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("bash") / "completion.bash"
    file.write_text(script("bash"))

    def completed(*words: str) -> set[str]:
        quoted = " ".join(f"'{word}'" for word in ("keras-sweeps", *words))
        text = ASK.format(script=file, words=quoted, last=len(words))
        shell = shutil.which("bash")
        assert shell is not None
        done = subprocess.run([shell, "-c", text], capture_output=True, text=True, check=False)
        return {line.strip() for line in done.stdout.splitlines() if line.strip()}

    return completed


def test_sweeps_commands_options_and_values_are_completed(bash: Any, tmp_path: Path) -> None:
    names = {sweep.name for sweep in built_in()}
    assert bash("") >= names | {"list"}
    assert bash("dense_b") == {"dense_binary"}
    assert bash("dense_binary", "") >= COMMANDS.keys()
    assert bash("dense_binary", "--conf") == {"--confirm"}
    assert bash("dense_binary", "export", "--") >= {"--to", "--trial", "--register"}
    assert "--trials" not in bash("dense_binary", "export", "--")
    assert bash("dense_binary", "--sampler", "c") == {"cmaes"}
    assert bash("dense_binary", "explain", "--device", "") == {"cpu", "gpu"}


def test_each_shell_has_a_script_and_others_are_refused(capsys: Any) -> None:
    for shell in SHELLS:
        assert main(["--print-completion", shell]) == 0
        assert "dense_binary" in capsys.readouterr().out
    assert main(["--print-completion", "fish"]) == 2
    assert "one of bash, zsh, tcsh" in capsys.readouterr().err
