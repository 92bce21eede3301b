"""Settings of every test."""

from hypothesis import settings

# A deadline would assert a time, and a busy machine would fail it.
settings.register_profile("sweeps", deadline=None, print_blob=True)
settings.load_profile("sweeps")
