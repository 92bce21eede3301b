"""Optuna's own figures of a study."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from objectives import BadInput

if TYPE_CHECKING:
    import optuna
    import plotly.graph_objects as go

BLUES = [[0.0, "#a6c8e4"], [1.0, "#08306b"]]  # Optuna's blues begin in white, on a white page
FIGURES = ("history", "importances", "parallel", "slice", "curves", "contour")


def figure(study: optuna.Study, name: str, target_name: str = "value") -> go.Figure:
    """Return a Plotly figure by name, one of `FIGURES`. Raises BadInput for another."""
    import optuna.visualization as draw

    makers: dict[str, Callable[..., Any]] = {
        "history": draw.plot_optimization_history,
        "importances": draw.plot_param_importances,
        "parallel": draw.plot_parallel_coordinate,
        "slice": draw.plot_slice,
        "curves": draw.plot_intermediate_values,
        "contour": draw.plot_contour,
    }
    if name not in makers:
        raise BadInput(f"no figure {name!r}; there are: {', '.join(FIGURES)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "curves":
            return makers[name](study)
        chosen: dict[str, Any] = {"target_name": target_name}
        if name in ("slice", "parallel") and (varied := _varied(study)):
            chosen["params"] = varied
        found = makers[name](study, **chosen)
        if name == "slice":
            found.update_traces(marker_colorscale=BLUES)
        return found


def _varied(study: optuna.Study) -> list[str]:
    """Return the parameters that more than one value was tried of."""
    values: dict[str, set[Any]] = {}
    for trial in study.get_trials(deepcopy=False):
        if trial.state.name == "COMPLETE":
            for name, value in trial.params.items():
                values.setdefault(name, set()).add(value)
    return [name for name, tried in values.items() if len(tried) > 1]
