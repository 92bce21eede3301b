"""Figures of a study: Optuna's own, and learning curves."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from objectives import BadInput
from sweeps.study.importance import (
    ENOUGH,
    FEWEST_FOR_IMPORTANCE,
    Importances,
    kept_importances,
    level,
    varied,
)
from sweeps.study.several import target_of

if TYPE_CHECKING:
    import optuna
    import pandas as pd
    import plotly.graph_objects as go

CLOSE = 0.04  # of an axis's length: labels nearer than this overlap
BLUES = [[0.0, "#a6c8e4"], [1.0, "#08306b"]]  # Optuna's blues begin in white, on a white page
FIGURES = ("history", "importances", "parallel", "slice", "curves", "contour")


def figure(study: optuna.Study, name: str, target_name: str = "value") -> go.Figure:
    """Return one of Optuna's figures by name. Raises BadInput for another."""
    import optuna.visualization as draw

    makers: dict[str, Callable[..., Any]] = {
        "history": draw.plot_optimization_history,
        "importances": draw.plot_param_importances,
        "parallel": draw.plot_parallel_coordinate,
        "slice": draw.plot_slice,
        "contour": draw.plot_contour,
    }
    if name not in makers:
        raise BadInput(f"no figure {name!r}; there are: {', '.join(FIGURES)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "importances":
            if level(study):
                return _without(f"All complete trials have the same {target_name}")
            known = kept_importances(study)  # Optuna's figure computes them again
            if not known.shares:
                needed = f"{FEWEST_FOR_IMPORTANCE} are needed"
                return _without(f"Too few complete trials to say what matters: {needed}")
            if known.chance:
                return _beside_chance(known)
        chosen: dict[str, Any] = {"target_name": target_name} | target_of(study, name)
        # Parallel coordinates leave out a trial that lacks one of the parameters.
        every = sum(t.state.name == "COMPLETE" for t in study.get_trials(deepcopy=False))
        fewest = {"importances": ENOUGH, "parallel": every}.get(name, 1)
        if name in ("slice", "parallel", "importances"):
            found = varied(study, fewest)
            if found:
                chosen["params"] = found
        drawn = makers[name](study, **chosen)
        if name == "slice":
            drawn.update_traces(marker_colorscale=BLUES)
        elif name == "parallel":
            _spread(drawn)
        return drawn


def learning_curves(curves: Mapping[int, pd.DataFrame], monitor: str) -> go.Figure:
    """Return every trial's monitored value at every epoch.

    curves: by number, a row an epoch, a column a metric.
    """
    import plotly.graph_objects as go

    lines = [
        go.Scatter(x=frame.index, y=frame[monitor], mode="lines", name=f"#{number}")
        for number, frame in sorted(curves.items())
        if monitor in frame.columns
    ]
    return go.Figure(
        lines, {"title": "Learning curves", "xaxis_title": "epoch", "yaxis_title": monitor}
    )


def _without(reason: str) -> go.Figure:
    """Return a figure that says why there is nothing to draw."""
    import plotly.graph_objects as go

    hidden = {"visible": False}
    return go.Figure(layout={"title": reason, "xaxis": hidden, "yaxis": hidden})


def _beside_chance(found: Importances) -> go.Figure:
    """Return the shares of few trials, with what chance alone may give."""
    import plotly.graph_objects as go

    names = [*found.shares][::-1]
    marks = {"symbol": "line-ns-open", "size": 18, "line": {"width": 2}, "color": "#555555"}
    shares = go.Bar(
        x=[found.shares[name] for name in names], y=names, orientation="h", name="share"
    )
    chance = go.Scatter(
        x=[found.chance.get(name) for name in names],
        y=names,
        mode="markers",
        name="by chance, up to",
        marker=marks,
    )
    title = f"Hyperparameter importance, of only {found.complete} complete trials"
    return go.Figure([shares, chance], {"title": title, "xaxis_title": "share"})


def _spread(found: go.Figure) -> None:
    """Leave out labels of the parallel axes that lie on another: the ends of an axis stay."""
    axes: dict[float, list[Any]] = {}
    for label in sorted(found.layout.annotations, key=lambda label: label.y):
        axes.setdefault(label.x, []).append(label)
    shown: list[Any] = []
    for lowest, *between in axes.values():
        kept = [lowest]
        for label in (*between[-1:], *between[:-1]):
            if all(abs(label.y - other.y) >= CLOSE for other in kept):
                kept.append(label)
        shown += kept
    found.layout.annotations = shown
