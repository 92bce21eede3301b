"""What the packages promise of themselves: one way in, light to start, small to read."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("search_spaces", "objectives", "sweeps")
# Every part of the engine and the parts that it may import; any may import itself.
PARTS = {
    "search_spaces": (),
    "objectives": ("search_spaces",),
    "sweeps.tracking": (),
    "sweeps.report": (),
    "sweeps.workers": ("search_spaces", "objectives"),
    "sweeps.cluster": ("search_spaces", "objectives", "sweeps.workers"),
    "sweeps.study": ("search_spaces", "objectives", "sweeps.tracking"),
}
PARTS["sweeps.explain"] = PARTS["sweeps.export"] = (
    "search_spaces", "objectives", "sweeps.study", "sweeps.tracking",
)  # fmt: skip
# MLflow copies this file, and the packages that it names, to where the model is served.
SERVED = "sweeps.tracking.scorer"
PARTS["sweeps.cli"] = PARTS["sweeps"] = (*PARTS, "sweeps.cli", "sweeps")
# Where a library may be imported at all, inside functions too.
OWNERS = {
    "tensorflow": ("objectives",),
    "keras": ("objectives", "sweeps.cli.handles"),
    "optuna": ("sweeps.study", "objectives.as_optuna"),
    "mlflow": ("sweeps.tracking",),
    "jinja2": ("sweeps.report",),
    "matplotlib": (),
    "ray": (
        *("sweeps.cluster.ray_agent", "sweeps.cluster.ray_host", "sweeps.cluster.nodes"),
        *("sweeps.cluster.ray_connect", "sweeps.cluster.ray_demand"),
    ),
}
HEAVY = {
    *OWNERS, "numpy", "pandas", "scipy", "sklearn", "plotly", "pydantic", "rich", "sqlalchemy",
    "pyarrow", "yaml", "filelock", "psutil", "IPython",
}  # fmt: skip
GENERATED = re.compile(r"\.(db|keras|h5|npz|npy|csv|tsv|parquet|pkl|log|whl|zip|gz|tar|pyc)$")


@cache
def modules() -> dict[str, tuple[Path, ast.Module]]:
    """Every module of the packages, by name; a package's own is `package.__init__`."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name] = path, ast.parse(path.read_text(encoding="utf-8"))
    return found


def imports(node: ast.AST, *, functions: bool) -> Iterator[tuple[str, int]]:
    """Yield what is imported when code runs, with its line; what only type checkers see is not."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        for child in node.orelse:
            yield from imports(child, functions=functions)
    elif isinstance(node, ast.Import):
        yield from ((alias.name, node.lineno) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"relative import in line {node.lineno}"
        # `from package import module` imports a module, or a name of the package.
        names = (f"{node.module}.{alias.name}" for alias in node.names)
        found = {name for name in names if {name, f"{name}.__init__"} & modules().keys()}
        yield from ((name, node.lineno) for name in sorted(found) or [str(node.module)])
    elif functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from imports(child, functions=functions)


def test_the_scan_sees_what_runs() -> None:
    tree = ast.parse(
        "import a\n"
        "if TYPE_CHECKING:\n    import b\nelse:\n    import c\n"
        "class C:\n    from d import x\n"
        "    def f(self):\n        import e\n"
        "try:\n    from search_spaces import dense, Space\nexcept ImportError:\n    import f.g\n"
    )
    top = [("a", 1), ("c", 5), ("d", 7), ("search_spaces.dense", 11), ("f.g", 13)]
    assert list(imports(tree, functions=False)) == top
    assert sorted(imports(tree, functions=True)) == sorted([*top, ("e", 9)])


def part_of(name: str) -> str:
    """The part of the engine that a module belongs to."""
    matching = [part for part in PARTS if f"{name}.".startswith(f"{part}.")]
    return max(matching, key=len)


def within(name: str, parts: tuple[str, ...]) -> bool:
    return any(f"{name}.".startswith(f"{part}.") for part in parts)


def test_the_parts_are_the_folders() -> None:
    folders = {f"sweeps.{path.parent.name}" for path in (ROOT / "sweeps").glob("*/__init__.py")}
    assert folders | {*PACKAGES} == set(PARTS)
    assert len(modules()) > len(PARTS)


def test_imports_go_one_way() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {target}"
        for name, (path, tree) in modules().items()
        for target, line in imports(tree, functions=True)
        if target.split(".")[0] in PACKAGES
        and part_of(target) not in (part_of(name), *PARTS[part_of(name)])
        and (name, target) != (SERVED, "objectives.scorer")
    ]
    assert not wrong, "\n".join(wrong)


def test_specs_have_one_maker() -> None:
    """An option of training that is given there reaches every run of a study."""
    makers = {
        name
        for name, (_, tree) in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("TrialSpec")
    }
    assert makers == {"sweeps.study.specs", "objectives.as_optuna"}


def test_only_the_owners_import_a_library() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {target}"
        for name, (path, tree) in modules().items()
        for target, line in imports(tree, functions=True)
        if target.split(".")[0] in OWNERS and not within(name, OWNERS[target.split(".")[0]])
    ]
    assert not wrong, "\n".join(wrong)


def light() -> set[str]:
    """Every module that is loaded with a sweep's declaration or with the command line."""
    waiting = ["sweeps.__init__", "sweeps.__main__", "sweeps.cli.__init__", "sweeps.cli.options"]
    waiting += [name for name in modules() if re.fullmatch(r"(sweeps|search_spaces)\.\w+", name)]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        targets = [name, *(t for t, _ in imports(modules()[name][1], functions=False))]
        for target in targets:
            pieces = target.split(".")
            steps = [".".join(pieces[:end]) for end in range(1, len(pieces) + 1)]
            waiting += [n for s in steps for n in (s, f"{s}.__init__") if n in modules()]
    return found


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    assert {"sweeps.dense_binary", "objectives.dense_binary", "search_spaces.dense"} <= light()
    wrong = [
        f"{modules()[name][0].relative_to(ROOT)}:{line} imports {target} at the top"
        for name in sorted(light())
        for target, line in imports(modules()[name][1], functions=False)
        if target.split(".")[0] in HEAVY
    ]
    assert not wrong, "\n".join(wrong)


def test_libraries_at_the_top_only_where_they_are_at_home() -> None:
    home = {"tensorflow": "objectives.training", "keras": "objectives.training"}
    home |= {"optuna": "sweeps.study", "mlflow": "sweeps.tracking", "yaml": "sweeps.export"}
    home |= {"pyarrow": "objectives", "pandas": "sweeps.tracking.scorer"}
    home |= {"ray": "sweeps.cluster", "sqlalchemy": "sweeps.study"}
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {target} at the top"
        for name, (path, tree) in modules().items()
        for target, line in imports(tree, functions=False)
        if (library := target.split(".")[0]) in HEAVY - {"numpy"}
        and not within(name, (home.get(library, "nowhere"),))
    ]
    assert not wrong, "\n".join(wrong)


COMMANDS = ["sweeps.dense_binary --help", "sweeps.lstm_recall --help", "sweeps --help"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_imports_nothing_heavy(command: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", *command.split()],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    loaded = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if "|" in line}
    assert done.returncode == 0, done.stderr.splitlines()[-5:]
    assert command.split()[0] in done.stdout
    assert "search_spaces" in loaded  # the listing is complete
    assert not {name.split(".")[0] for name in loaded} & HEAVY
    assert list(tmp_path.iterdir()) == []


def test_a_missing_value_never_becomes_a_number() -> None:
    """`trial.value or 0.0` is a perfect loss."""
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} {ast.unparse(node)}"
        for path, tree in modules().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.BoolOp)
        and isinstance(node.values[0], ast.Attribute)
        and node.values[0].attr in ("value", "mean", "best", "recorded")
        and isinstance(node.values[-1], ast.Constant)
        and isinstance(node.values[-1].value, int | float)
    ]
    assert not wrong, "\n".join(wrong)


def sources() -> list[Path]:
    return [
        path for name in (*PACKAGES, "tests", "benchmarks") for path in (ROOT / name).rglob("*.py")
    ]


def test_no_file_is_long() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert not {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > 300}


def test_no_function_is_long() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has {count} statements"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (count := sum(isinstance(child, ast.stmt) for child in ast.walk(node)) - 1) > 40
    ]
    assert not long, "\n".join(long)


def test_git_holds_nothing_that_a_run_makes() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    tracked = [name for name in listed.stdout.split("\0") if name]
    assert "pyproject.toml" in tracked
    assert not [name for name in tracked if GENERATED.search(name)]
    assert not [name for name in tracked if (ROOT / name).stat().st_size > 1_000_000]


def test_workers_are_started_before_the_driver_imports_what_is_slow(tmp_path: Path) -> None:
    code = """
import os, subprocess, sys
said = sys.__stdout__

def started(*_, **__):
    print(*{name.split(".")[0] for name in sys.modules}, file=said, flush=True)
    os._exit(0)

subprocess.Popen = started
from sweeps.dense_binary import SWEEP, main
main(SWEEP, ["--quiet", "--workers", "1"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "sweeps" in loaded
    assert not loaded & HEAVY
