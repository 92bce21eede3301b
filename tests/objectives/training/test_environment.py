"""What is set before TensorFlow is imported."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from objectives.training.environment import CACHE, cache_folder, prepare_environment, processor


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("TF_", "KERAS", "CUDA"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(os, "environ", dict(os.environ) | {"XDG_CACHE_HOME": str(tmp_path)})


def test_compiled_programs_go_to_the_users_cache(tmp_path: Path) -> None:
    prepare_environment()
    assert (
        os.environ["TF_XLA_FLAGS"]
        == f'{CACHE}="{tmp_path / "keras-sweeps" / "xla" / processor()}"'
    )
    assert cache_folder().is_dir()
    before = dict(os.environ)
    prepare_environment()
    assert os.environ == before


def test_what_the_user_has_set_stays(tmp_path: Path) -> None:
    os.environ["TF_XLA_FLAGS"] = "--tf_xla_auto_jit=2"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0"
    prepare_environment()
    assert os.environ["TF_XLA_FLAGS"].startswith(f"--tf_xla_auto_jit=2 {CACHE}=")
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
    os.environ["TF_XLA_FLAGS"] = f"{CACHE}=/elsewhere"
    prepare_environment()
    assert os.environ["TF_XLA_FLAGS"] == f"{CACHE}=/elsewhere"


def test_a_cache_that_cannot_be_made_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "keras-sweeps").write_text("in the way")
    prepare_environment()
    assert "TF_XLA_FLAGS" not in os.environ


def test_threads_and_devices() -> None:
    prepare_environment(threads=1, device="cpu")
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == os.environ["TF_NUM_INTEROP_THREADS"] == "1"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "-1"
    del os.environ["CUDA_VISIBLE_DEVICES"]
    prepare_environment(device="gpu")
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
