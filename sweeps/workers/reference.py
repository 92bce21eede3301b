"""Where a sweep can be imported from: a worker gets this instead of the sweep itself."""

from __future__ import annotations

import importlib.util
import sys
import zlib
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from objectives import BadInput

if TYPE_CHECKING:
    from sweeps.study.sweep import Sweep

_depth = 0


def loading() -> bool:
    """Return whether a file is being imported to get its sweep.

    A script without `if __name__ == "__main__"` then reaches `main(SWEEP)`, which must not run.
    """
    return _depth > 0


@dataclass(frozen=True)
class Reference:
    """A module's name or else a file's path, and the name of the sweep in it.

    known_as: the name under which the file is imported where it is a copy of another machine's.
    """

    module: str | None = None
    file: str | None = None
    attribute: str = "SWEEP"
    known_as: str | None = None

    @classmethod
    def of(cls, sweep: Sweep) -> Reference | None:
        """Return where `sweep` is a global variable; None in a notebook, a REPL or a function."""
        found: list[Reference] = []
        for name, module in list(sys.modules.items()):
            for attribute, value in list(getattr(module, "__dict__", {}).items()):
                if value is sweep and (reference := _importable(name, module, attribute)):
                    found.append(reference)
        # A module is preferred: a file would be executed again.
        return min(found, key=lambda reference: reference.module is None, default=None)

    def load(self) -> Sweep:
        """Import the sweep. Raises BadInput if there is none."""
        sweep: Any = getattr(self.imported(), self.attribute, None)
        if not hasattr(sweep, "objective"):
            raise BadInput(
                f"{self} defines no sweep named {self.attribute}: "
                f"it needs `{self.attribute} = Sweep(...)` at its top level"
            )
        found: Sweep = sweep
        return found

    def imported(self) -> ModuleType:
        """Import the module, or the file under a unique name, up to a call of `main`."""
        global _depth
        _depth += 1
        try:
            if self.module is None:
                path = Path(self.file or "").resolve()
                return self._execute(*_file_spec(path, self.known_as or module_name(path)))
            if self.module in sys.modules:
                return sys.modules[self.module]
            return self._execute(self.module, importlib.util.find_spec(self.module))
        finally:
            _depth -= 1

    def _execute(self, name: str, spec: ModuleSpec | None) -> ModuleType:
        if name in sys.modules:
            return sys.modules[name]
        if spec is None or spec.loader is None:
            raise BadInput(f"{self} is not a Python file: name the file that defines the sweep")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except SystemExit:
            pass  # `main(SWEEP)` without a guard: everything above it is defined
        except BaseException:
            del sys.modules[name]
            raise
        package, _, inner = name.rpartition(".")
        if package:
            setattr(sys.modules[package], inner, module)
        return module

    def __str__(self) -> str:
        return str(self.module or self.file)


def _importable(name: str, module: ModuleType, attribute: str) -> Reference | None:
    spec, file = getattr(module, "__spec__", None), getattr(module, "__file__", None)
    if name == "__main__" and spec is not None and spec.name != name:
        return Reference(module=spec.name, attribute=attribute)
    by_name = name != "__main__" and name == getattr(spec, "name", None)
    if by_name and file and name != module_name(Path(file)):
        return Reference(module=name, attribute=attribute)
    if file and Path(file).is_file():
        return Reference(file=str(Path(file).resolve()), attribute=attribute)
    return None


def module_name(path: Path) -> str:
    """Return the name under which a file is imported.

    It is the same in every process, since pickled configs name the module of their class.
    """
    return f"{path.stem}_{zlib.crc32(bytes(path)):08x}"


def _file_spec(path: Path, name: str) -> tuple[str, ModuleSpec | None]:
    """Return a name and a file's spec; like `python FILE`, add its folder to sys.path."""
    if not path.is_file():
        return name, None
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    return name, importlib.util.spec_from_file_location(name, path)
