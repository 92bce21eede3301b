"""The page on clusters: its manifest fits KubeRay's schema, and its commands are commands."""

from __future__ import annotations

import copy
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeps.study.options import OPTIONS

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "on-a-cluster.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
SHELL = [text for kind, text in BLOCKS if kind == "sh"]


def manifest() -> Any:
    (text,) = [text for kind, text in BLOCKS if kind == "yaml"]
    return yaml.safe_load(text)


def check(job: Any) -> None:
    schema = yaml.safe_load((HERE / "rayjob.schema.yaml").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(job)


def commands() -> list[list[str]]:
    """Return what follows each sweep that the page starts."""
    text = "\n".join([*SHELL, *shlex.split(manifest()["spec"]["entrypoint"])])
    return [
        line.split("python -m sweeps.dense_binary", 1)[1].split()
        for line in text.replace("\\\n", " ").splitlines()
        if "python -m sweeps.dense_binary" in line
    ]


def test_the_manifest_is_a_job_of_kuberay() -> None:
    job = manifest()
    check(job)
    cluster = job["spec"]["rayClusterSpec"]
    images = {
        container["image"]
        for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])
        for container in group["template"]["spec"]["containers"]
    }
    assert len(images) == 1  # every machine has the same versions


@pytest.mark.parametrize(
    "spoil",
    [
        lambda job: job["spec"].pop("rayClusterSpec") and job["spec"].update(clusterSpec={}),
        lambda job: job["spec"].update(backoffLimit="3"),
        lambda job: job["spec"]["rayClusterSpec"]["headGroupSpec"]["rayStartParams"].update(n=0),
        lambda job: job["spec"]["rayClusterSpec"]["workerGroupSpecs"][0].pop("groupName"),
    ],
)
def test_the_schema_refuses_what_kuberay_refuses(spoil: Callable[[Any], object]) -> None:
    job = copy.deepcopy(manifest())
    spoil(job)
    with pytest.raises(jsonschema.ValidationError):
        check(job)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_the_scripts_are_scripts() -> None:
    assert any(text.startswith("#!/bin/bash") for text in SHELL)
    for text in SHELL:
        done = subprocess.run(
            ["bash", "-n"], input=text, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_the_commands_take_their_options() -> None:
    flags = {one.flag for one in OPTIONS.values() if "run" in one.commands}
    assert len(commands()) >= 4
    for words in commands():
        assert {word for word in words if word.startswith("--")} <= flags
