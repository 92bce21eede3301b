"""Configs and models as files, and how to score with them."""
