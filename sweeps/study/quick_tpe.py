"""Optuna's TPE with the same proposals, to the digit, in a third of the time.

Most of a proposal goes into the logarithm of the normal distribution function, which Optuna
computes one number at a time. It needs that to find the best of 24 candidates, so SciPy's, which
takes whole arrays, does as well: they differ in the last digits. Where the best candidates are so
close that those may matter, Optuna's own decides.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from optuna.samplers import TPESampler
from optuna.samplers._tpe import _truncnorm

CLOSE = 1e-6  # between two candidates' logarithms; they are exact to some 1e-12


class QuickTPE(TPESampler):
    """TPE; its arguments are Optuna's."""

    def _compute_acquisition_func(
        self, samples: dict[str, np.ndarray], *densities: Any
    ) -> np.ndarray:
        from scipy.special import log_ndtr

        own = getattr(_truncnorm, "_log_ndtr", None)
        if own is None:  # another version of Optuna
            return super()._compute_acquisition_func(samples, *densities)
        _truncnorm._log_ndtr = log_ndtr
        try:
            found = super()._compute_acquisition_func(samples, *densities)
        finally:
            _truncnorm._log_ndtr = own
        near = found >= found.max() - CLOSE
        alike = all(np.unique(values[near]).size == 1 for values in samples.values())
        if alike and np.isfinite(found).all():
            return found
        return super()._compute_acquisition_func(samples, *densities)
