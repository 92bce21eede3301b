"""Where a sweep can be imported from: what crosses to a worker in place of the sweep itself."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from objectives import BadInput

if TYPE_CHECKING:
    from sweeps.study.sweep import Sweep

_depth = 0


def loading() -> bool:
    """Return whether a file is being loaded for its sweep.

    A script without `if __name__ == "__main__"` reaches `main(SWEEP)` then, and must not run it.
    """
    return _depth > 0


@dataclass(frozen=True)
class Reference:
    """A module's name, or else a file's path, and the sweep's name in it."""

    module: str | None = None
    file: str | None = None
    attribute: str = "SWEEP"

    @classmethod
    def of(cls, sweep: Sweep) -> Reference | None:
        """Return where `sweep` is a global: None in a notebook, a REPL or a function."""
        found: list[Reference] = []
        for name, module in list(sys.modules.items()):
            for attribute, value in list(getattr(module, "__dict__", {}).items()):
                if value is sweep and (reference := _importable(name, module, attribute)):
                    found.append(reference)
        # A module is imported as it is; a file is executed, so it comes last.
        return min(found, key=lambda reference: reference.module is None, default=None)

    def load(self) -> Sweep:
        """Import the sweep; raises BadInput where there is none."""
        sweep: Any = getattr(self.imported(), self.attribute, None)
        if not hasattr(sweep, "objective"):
            raise BadInput(
                f"{self} defines no sweep named {self.attribute}: "
                f"it needs `{self.attribute} = Sweep(...)` at its top level"
            )
        found: Sweep = sweep
        return found

    def imported(self) -> ModuleType:
        """Import the module, or execute the file under a name of its own."""
        global _depth
        _depth += 1
        try:
            if self.module is not None:
                return importlib.import_module(self.module)
            return self._execute(Path(self.file or "").resolve())
        finally:
            _depth -= 1

    def _execute(self, path: Path) -> ModuleType:
        """Execute a file under a name of its own, as `python FILE` would find its neighbours."""
        # The same name in every process: configs are pickled by their class's module.
        name = f"{path.stem}_{zlib.crc32(bytes(path)):08x}"
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None or not path.is_file():
            raise BadInput(f"{path} is not a Python file: name the file that defines the sweep")
        if str(path.parent) not in sys.path:
            sys.path.insert(0, str(path.parent))
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except SystemExit:
            # `main(SWEEP)` without a guard: what stands above it is all there.
            pass
        except BaseException:
            del sys.modules[name]
            raise
        return module

    def __str__(self) -> str:
        return str(self.module or self.file)


def _importable(name: str, module: ModuleType, attribute: str) -> Reference | None:
    spec, file = module.__spec__, getattr(module, "__file__", None)
    if name == "__main__" and spec is not None:
        return Reference(module=spec.name, attribute=attribute)
    by_name = name != "__main__" and name == getattr(spec, "name", None)
    if by_name and file and not name.endswith(f"_{zlib.crc32(bytes(Path(file))):08x}"):
        return Reference(module=name, attribute=attribute)
    if file and Path(file).is_file():
        return Reference(file=str(Path(file).resolve()), attribute=attribute)
    return None
