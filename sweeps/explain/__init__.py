"""Why a curve flattens, and what sets its initial plateau: probes and what they show."""
