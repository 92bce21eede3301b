"""A pool over a fleet does what a pool on this machine does: the same tests."""

from __future__ import annotations

from tests.workers.test_pool import *  # noqa: F403
