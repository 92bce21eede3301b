"""Assertions of the shared suite are explained like a test module's own."""

import pytest

pytest.register_assert_rewrite("tests.objectives.training.conformance")
