"""The small parts of a fleet: what is sent, what comes back, and where places are."""

from __future__ import annotations

import pickle
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives import BadInput
from objectives.training import Outcome, TrialResult
from sweeps.cluster import code
from sweeps.cluster.code import Code
from sweeps.cluster.nodes import Node, plan
from sweeps.cluster.parcel import Contents, Parcel, Sealed
from sweeps.cluster.ray_engine import RayEngine
from sweeps.cluster.scratch import Scratch
from sweeps.workers import Reference, machine
from sweeps.workers.orders import Orders
from tests.workers.scripts import Script, make_spec


def sent(parcel: Parcel, root: Path) -> Contents:
    return Contents(root, parcel.folders, parcel.files)


def test_a_trials_files_come_back_to_where_its_spec_says(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there" / "job-1"
    spec = make_spec(
        3,
        Script(),
        weights=here / "weights" / "00003.npz",
        checkpoint=here / "checkpoints" / "00003",
        files=here / "callbacks" / "00003",
    )
    for name in (
        "checkpoints/00003.fit.npz",
        "checkpoints/00004.fit.npz",
        "callbacks/00003/a/log",
    ):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(name, encoding="utf-8")
    parcel = Parcel(there)
    moved, seen = parcel.train(spec, 2)
    contents = sent(parcel, there)
    assert seen == 2
    assert moved.checkpoint.with_name("00003.fit.npz").read_text() == "checkpoints/00003.fit.npz"
    assert not moved.checkpoint.with_name("00004.fit.npz").exists()  # another trial's
    assert (moved.files / "a" / "log").exists()
    assert contents.changed() == {}

    (moved.files / "b").write_text("new", encoding="utf-8")
    assert contents.changed(unfinished=True) == {}  # not without a checkpoint
    moved.checkpoint.with_name("00003.fit.npz").write_text("later", encoding="utf-8")
    parcel.write(contents.changed(unfinished=True))
    moved.weights.touch()
    moved.checkpoint.with_name("00003.fit.npz").rename(moved.checkpoint.with_suffix(".aside"))
    parcel.write(contents.changed())
    assert sorted(path.relative_to(here).as_posix() for path in here.rglob("*.*")) == [
        "checkpoints/00003.aside",
        "checkpoints/00004.fit.npz",
        "weights/00003.npz",
    ]
    assert (here / "checkpoints" / "00003.aside").read_text() == "later"
    assert (here / "callbacks" / "00003" / "b").read_text() == "new"


def test_kept_weights_go_where_they_are_needed(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    specs = [make_spec(n, Script(), weights=tmp_path / "w" / f"{n}.npz") for n in range(2)]
    for spec in specs:
        spec.weights.write_text("weights", encoding="utf-8")  # type: ignore[union-attr]
    one, nets = Parcel(tmp_path / "job-1"), Parcel(tmp_path / "job-2")
    moved, model = one.evaluate(specs[0], tmp_path / "m.keras")
    trained = [TrialResult(spec, Outcome.COMPLETE, 0.5) for spec in specs]
    members, folder, given = nets.average(trained, tmp_path / "p", {"most": 2, "model": None})
    sent(one, tmp_path / "job-1")
    sent(nets, tmp_path / "job-2")
    assert [one.spec.weights.read_text() for one in members] == ["weights"] * 2
    assert moved.weights.read_text() == "weights"
    assert given == {"most": 2, "model": None}
    model.write_text("model", encoding="utf-8")
    folder.mkdir()
    (folder / "00001.npz").write_text("predictions", encoding="utf-8")
    for parcel, name in ((one, "job-1"), (nets, "job-2")):
        found = {
            path.relative_to(tmp_path / name).as_posix(): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        parcel.write(found)  # type: ignore[arg-type]
    assert (tmp_path / "m.keras").read_text() == "model"
    assert (tmp_path / "p" / "00001.npz").read_text() == "predictions"


def test_nets_that_are_judged_together_go_with_what_others_have_said(tmp_path: Path) -> None:
    spec = make_spec(0, Script(), weights=tmp_path / "w" / "0.npz")
    for path in (tmp_path / "w" / "0.npz", tmp_path / "s" / "others.npz"):
        path.parent.mkdir()
        path.write_text(path.name, encoding="utf-8")
    parcel = Parcel(tmp_path / "job-1")
    said = tmp_path / "s" / "own.npz"
    given = {"beside": tmp_path / "s" / "others.npz", "model": None}
    ((moved, weight),), own, known = parcel.together([(spec, 0.5)], said, given)
    contents = sent(parcel, tmp_path / "job-1")
    assert (moved.weights.read_text(), weight) == ("0.npz", 0.5)
    assert known["beside"].read_text() == "others.npz"
    assert known["model"] is None
    own.write_text("predictions", encoding="utf-8")
    parcel.write(contents.changed())
    assert said.read_text() == "predictions"


@pytest.mark.parametrize("name", ["../x", "0/../../x", "7/x", "/etc/x"])
def test_a_file_for_no_folder_of_the_job_is_refused(tmp_path: Path, name: str) -> None:
    parcel = Parcel(tmp_path / "job-1")
    parcel.train(make_spec(0, Script(), weights=tmp_path / "w" / "0.npz"), 0)
    with pytest.raises(ValueError, match="no folder of its job"):
        parcel.write({name: b"x"})


def test_what_is_sealed_is_opened_by_the_last_receiver() -> None:
    once = pickle.dumps(Sealed(pickle.dumps({"a": 1})))
    assert pickle.loads(once) == {"a": 1}


def test_the_folder_of_a_host_that_was_killed_is_removed_by_the_next() -> None:
    living, killed = Scratch(), Scratch()
    killed._held.close()  # as the kernel does for a killed process
    later = Scratch()
    assert not killed.folder.exists()
    assert living.folder.exists()
    for one in (living, later):
        one.close()
        assert not one.folder.exists()


@given(
    rooms=st.lists(st.integers(0, 9), max_size=8), wanted=st.integers(0, 40) | st.just(sys.maxsize)
)
def test_places_are_spread_as_evenly_as_the_machines_allow(rooms: list[int], wanted: int) -> None:
    nodes = [Node(str(n), "", room, room, room) for n, room in enumerate(rooms)]
    found = plan(nodes, wanted)
    assert sum(places for _, places in found) == min(wanted, sum(rooms))
    assert all(0 < places <= node.places for node, places in found)
    most = max((places for _, places in found), default=0)
    assert all(node.places == places for node, places in found if places < most - 1)


def test_several_workers_share_a_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    orders = Orders(Reference(module="m"), "auto", "gpu", 1, tmp_path, per_gpu=2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    given = [orders.setup(place)[2]["CUDA_VISIBLE_DEVICES"] for place in range(5)]
    assert given == ["4", "4", "7", "7", "-1"]
    monkeypatch.setattr(machine, "cores", lambda: 64)
    monkeypatch.setattr(machine, "memory", lambda: 1e12)
    assert machine.default_count("gpu") == 2
    assert machine.default_count("gpu", 3) == 6


def test_a_file_is_sent_with_its_folder_but_for_stores_and_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    for name in (
        "mine.py", "inner/words.txt", "optuna.db", "sweep.log", ".git/x", "mlruns/0/x", "big.csv",
        ".venv/x.py", "env/pyvenv.cfg", "env/lib/x.py", "__pycache__/mine.pyc",
    ):  # fmt: skip
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(b"SWEEP = 1\n" * (200_000 if name == "big.csv" else 1))
    sent = Code.of(Reference(file=str(here / "mine.py")))
    monkeypatch.setattr(sys, "path", [*sys.path])
    reference = sent.unpack(tmp_path / "there")
    files = {
        p.relative_to(tmp_path / "there").as_posix() for p in (tmp_path / "there").rglob("*.*")
    }
    assert files == {"mine.py", "inner/words.txt"}
    assert reference.file == str(tmp_path / "there" / "mine.py")
    original = Reference(file=str(here / "mine.py"))
    assert reference.imported().__name__ == original.imported().__name__
    monkeypatch.setattr(code, "FILES", 1)
    with pytest.raises(BadInput, match="is too large"):
        Code.of(original)


def test_what_is_installed_is_not_sent() -> None:
    assert Code.of(Reference(module="keras.layers")).archive is None
    own = Code.of(Reference(module="tests.workers.scripts"))
    assert own.archive is not None
    assert own.reference == Reference(module="tests.workers.scripts")


def test_without_ray_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    orders = Orders(Reference(module="m"), "auto", "cpu", 1, tmp_path / "log")
    with pytest.raises(BadInput, match=r"pip install 'keras-sweeps\[ray\]'"):
        RayEngine("auto", tmp_path / "log").start(orders, 1)


@pytest.mark.skipif(find_spec("ray") is None, reason="the extra [ray] is not installed")
@pytest.mark.parametrize("deaths", [1, 3])
def test_an_agent_that_dies_as_it_starts_is_started_again(
    deaths: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, started = RayEngine("auto", tmp_path / "log"), []

    def spawn() -> None:
        started.append(True)
        RayEngine._spawn(engine)
        if len(started) <= deaths:
            engine._process.kill()
        else:
            engine._early = [("started", 2, 2)]

    monkeypatch.setattr(engine, "_spawn", spawn)
    installed = Reference(module="keras.layers")  # no code to send, which an agent had to read
    orders = Orders(installed, "auto", "cpu", 1, tmp_path / "log")
    if deaths < 3:
        assert engine.start(orders, 2) == 2
        engine.close()
    else:
        with pytest.raises(BadInput, match="it has ended 3 times"):
            engine.start(orders, 2)
    assert len(started) == min(deaths + 1, 3)
