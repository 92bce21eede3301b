"""Rules of what a sweep should export, replayed on real sweeps of small tables."""
