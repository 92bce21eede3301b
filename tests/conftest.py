"""What every test shares."""

from hypothesis import settings

# No test fails for being slow: machines differ.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
