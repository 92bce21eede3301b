"""Why a curve flattens, and why it waits: controlled probes and what they show."""
