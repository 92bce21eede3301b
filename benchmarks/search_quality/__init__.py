"""Real sweeps beside what people would have had without them; see `__main__`."""
