"""What every test shares."""

import pytest
from hypothesis import settings

# Assertions of the trainers' shared suite are explained like a test module's own.
pytest.register_assert_rewrite("tests.objectives.training.conformance")
pytest.register_assert_rewrite("tests.objectives.training.resuming")

# No test fails for being slow: machines differ.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
