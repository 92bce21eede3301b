"""What every test shares."""

import pytest
from hypothesis import settings

# Assertions of the trainers' shared suite are explained like a test module's own.
pytest.register_assert_rewrite("tests.objectives.training.conformance")
pytest.register_assert_rewrite("tests.objectives.training.resuming")

# No test fails for being slow, as machines differ, or by the luck of one run: the examples are
# the same each time. `--hypothesis-profile search` looks for others.
settings.register_profile("search", deadline=None)
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


def pytest_configure(config: pytest.Config) -> None:
    """Let pytest-xdist keep the order of the files: by itself it begins with many short tests."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files with slow tests first, so that processes that share them end together."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
