"""Every way in which a user's file can be at fault: one clear line that says what to do."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import BadInput, Source
from objectives.sequences import load_sequences
from objectives.tables import load_table

GOOD = "age,job,churned\n" + "".join(
    f"{20 + i * 7 % 40},{'abc'[i % 3]},{'yes' if i % 3 else 'no'}\n" for i in range(60)
)


def csv(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def rows(line: str, count: int = 30) -> list[str]:
    """Return lines in which `#` is the row's number and `~` alternates between 0 and 1."""
    return [line.replace("#", str(i)).replace("~", str(i % 2)) for i in range(count)]


def npz(**arrays: Any) -> Callable[[Path], None]:
    return lambda path: np.savez(path, **arrays)


@dataclass
class Case:
    """content: text, bytes or what writes the file. says: words of the message."""

    name: str
    content: Any
    says: list[str]
    file: str = "table.csv"
    task: str = "binary"
    source: dict[str, Any] = field(default_factory=lambda: {"target": "churned"})


def case(name: str, content: Any, *says: str, file: str = "table.csv", **source: Any) -> Case:
    task = source.pop("task", "binary")
    given = {"target": "churned", **source}
    return Case(name, content, list(says), file, task, given)


X = np.arange(60.0).reshape(20, 3) ** 1.5
Y = np.arange(20) % 2
TABLES = [
    case("missing", None, "no such file", "table.csv"),
    case("empty", "", "is empty"),
    case("no rows", "age,churned\n", "no row"),
    case("unknown ending", GOOD, ".xlsx", "CSV", file="table.xlsx"),
    case("no such column", GOOD, "'churn'", "did you mean 'churned'", target="churn"),
    case("no target", GOOD, "--target", "age, job, churned", target=None),
    case("no such group", GOOD, "--group 'jobs'", "'job'", group="jobs"),
    case("no such ignored", GOOD, "--ignore 'agee'", "'age'", options={"ignore": "job,agee"}),
    case("wished twice", GOOD, "'job'", options={"ignore": "job", "categorical": ["job"]}),
    case("target ignored", GOOD, "'churned'", "--target", options={"ignore": "churned"}),
    case("group is target", GOOD, "'churned'", "target", group="churned"),
    case("unknown option", GOOD, "--id 'x'", "tables", options={"id": "x"}),
    case("bad choice", GOOD, "--nan 'drop'", "impute or refuse", options={"nan": "drop"}),
    case("one class", csv("a,churned", *rows("#,yes")), "'yes' in every row", "one class"),
    case("no label", csv("a,churned", *rows("#,")), "'churned'", "empty"),
    case(
        "three classes",
        csv("a,churned", *[f"{i * i % 17},{'abc'[i % 3]}" for i in range(30)], '3,"d, e"'),
        "4 classes (a, b, c, 'd, e')",
        "sweeps.dense_multiclass",
    ),
    case(
        "continuous",
        csv("a,churned", *rows("~,#.5")),
        "30 different numbers",
        "sweeps.dense_regression",
    ),
    case(
        "continuous for several classes",
        csv("a,churned", *rows("~,#.5")),
        "sweeps.dense_regression",
        task="multiclass",
    ),
    case("text to predict", GOOD, "'no'", "sweeps.dense_binary", task="regression"),
    case(
        "two numbers to predict",
        csv("a,churned", *rows("#.5,~")),
        "two values",
        "sweeps.dense_binary",
        task="regression",
    ),
    case("no positive", GOOD, "--positive 'yess'", "'yes'", positive="yess"),
    case("positive number", GOOD, "'yes'", task="regression", positive="yes", target="age"),
    case(
        "stray text",
        csv("a,churned", *rows("#.25,~", 40), "lots,1"),
        "'a'",
        "'lots' (row 41)",
        "text where numbers belong",
        "--categorical a",
    ),
    case(
        "numeric by wish",
        GOOD,
        "--numeric 'job'",
        "'a' (row 1)",
        "text where numbers belong",
        options={"numeric": "job"},
    ),
    case(
        "text where the target's numbers belong",
        csv("a,churned", *rows("~,#.5", 40), "1,many"),
        "'many' (row 41)",
        "text where numbers belong: mend it or leave the cell empty",
        task="regression",
    ),
    case("latin-1", GOOD.replace("b", "é").encode("latin-1"), "UTF-8", "0xe9", "line"),
    case("latin-1 names", "é,churned\n1,2\n".encode("latin-1"), "UTF-8", "0xe9", "line 1"),
    case("utf-16", GOOD.encode("utf-16"), "UTF-16", "UTF-8"),
    case("excel", b"PK\x03\x04" + b"\x00" * 100, "Excel"),
    case("zero bytes", b"a,churned\n\x00,1\n", "zero bytes"),
    case("ragged", GOOD + "1,2,3,4,5\n", "line 62", "5 cells", "3"),
    case("short row", GOOD + "1\n", "line 62", "1 cell"),
    case("torn gzip", gzip.compress(GOOD.encode())[:-20], "cannot read", file="table.csv.gz"),
    case("no gzip", GOOD, "cannot read", file="table.csv.gz"),
    case("no parquet", GOOD, "cannot read", file="table.parquet"),
    case(
        "open quote",
        csv("a,job,churned", *rows("#.5,x,~"), '9,y,"0', *rows("#.5,x,~")),
        "row 31",
        "never closed",
        "30 lines",
    ),
    case(
        "stray date",
        csv(
            "a,day,churned",
            *[f"{i}.5,2020-0{i % 9 + 1}-{i % 19 + 10},{i % 2}" for i in range(60)],
            "1,0000-00-00,1",
        ),
        "'day'",
        "'0000-00-00'",
        "no date",
        "%Y-%m-%d",
        "--ignore day",
    ),
    case("twice", csv("a,b,a,churned", *rows("#,1,2,~")), "2 columns called 'a'"),
    case("infinite", csv("a,churned", *rows("#.5,~"), "inf,1"), "'a'", "row 31", "infinite"),
    case("too large", csv("a,churned", *rows("#.5,~"), "1e39,1"), "'a'", "row 31", "too large"),
    case(
        "infinite target",
        csv("a,churned", *rows("~,#.5"), "1,-inf"),
        "row 31",
        "infinite",
        task="regression",
    ),
    case("rare class", csv("a,churned", *rows("#,no"), "3,yes", "4,yes"), "'yes'", "2 rows"),
    case("nothing to learn from", csv("a,churned", *rows("5,~")), "no column", "constant"),
    case("missing refused", GOOD + ",b,yes\n", "'age'", "1 missing", options={"nan": "refuse"}),
    case("share", GOOD, "--test 1.5", test=1.5),
    case("shares", GOOD, "--validation 0.5", "--test 0.45", validation=0.5, test=0.45),
    case("two splits", GOOD, "--group 'job'", "--time-order", group="job", time_order=True),
    case(
        "few groups",
        csv("a,g,churned", *rows("#.5,~,1"), *rows("#.5,~,0")),
        "--group 'g'",
        "2 groups",
        group="g",
    ),
    case(
        "one class at the end",
        csv("a,churned", *rows("#.5,~"), *rows("#.5,1")),
        "time",
        "1 alone",
        time_order=True,
    ),
    case("no names", csv(*rows("#.5,~")), "first row", "names"),
    case("pickled", npz(X=X, y=np.array([None] * 20)), "pickled", "'y'", file="table.npz"),
    case("no X", npz(Z=X, y=Y), "'X'", "Z, y", file="table.npz", target=None),
    case("no y", npz(X=X, label=Y), "'y'", file="table.npz", target=None),
    case("other target", npz(X=X, label=Y), "'lable'", "'label'", file="t.npz", target="lable"),
    case("no npz", GOOD, "no NPZ", file="table.npz"),
    case("one dimension", npz(X=X.ravel(), y=Y), "(60,)", file="table.npz", target=None),
    case("other length", npz(X=X, y=Y[:-1]), "19 rows", "20", file="table.npz", target=None),
    case(
        "sequences",
        npz(X=X.reshape(20, 3, 1), y=Y),
        "(20, 3, 1)",
        "sweeps.sequence_binary",
        "sweeps.lstm_recall",
        "sweeps.sequence_regression",
        file="t.npz",
        target=None,
    ),
    case("text matrix", npz(X=X.astype(str), y=Y), "numbers belong", file="t.npz", target=None),
    case(
        "infinite matrix",
        npz(X=np.where(np.arange(60).reshape(20, 3) == 10, np.inf, X), y=Y),
        "[3, 1]",
        "infinite",
        file="t.npz",
        target=None,
    ),
    case("empty matrix", npz(X=X[:0], y=Y[:0]), "empty", file="t.npz", target=None),
]


def write(one: Case, path: Path) -> None:
    if isinstance(one.content, str):
        path.write_text(one.content, encoding="utf-8")
    elif isinstance(one.content, bytes):
        path.write_bytes(one.content)
    elif one.content is not None:
        one.content(path)


def refusal(one: Case, folder: Path) -> str:
    path = folder / one.file
    write(one, path)
    source = Source(path=str(path), **one.source)
    first, _, task = one.task.partition(" ")
    with pytest.raises(BadInput) as caught:
        load_sequences(source, task) if task else load_table(source, first)
    return str(caught.value)


@pytest.mark.parametrize("one", TABLES, ids=lambda one: one.name)
def test_refusal_says_what_is_wrong_in_one_line(one: Case, tmp_path: Path) -> None:
    message = refusal(one, tmp_path)
    assert "\n" not in message
    for words in one.says:
        assert words in message


def test_a_table_that_does_not_fit_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("objectives.reading.free_memory", lambda: 100)
    assert "memory" in refusal(case("", GOOD), tmp_path)
    assert "memory" in refusal(case("", npz(X=X, y=Y), file="t.npz", target=None), tmp_path)
    wide = csv("job,churned", *[f"{'abcdef'[i % 6]},{i % 2}" for i in range(60)])
    monkeypatch.setattr("objectives.reading.free_memory", lambda: 3 * len(wide))
    assert "--ignore" in refusal(case("", wide), tmp_path)


def test_pickled_arrays_are_never_run(tmp_path: Path) -> None:
    np.savez(tmp_path / "evil.npz", X=X, y=np.array([Evil(tmp_path / "ran")] * 20, object))
    with pytest.raises(BadInput, match="refused"):
        load_table(Source(path=str(tmp_path / "evil.npz")), "binary")
    assert not (tmp_path / "ran").exists()


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)
