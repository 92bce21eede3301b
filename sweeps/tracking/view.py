"""The MLflow page of a study: its trials, their hyperparameters and their curves.

Without it, a new browser shows only parent runs, without a metric, parameter or curve. The page's
state is stored in an experiment tag, in MLflow's own format (`mlflow.sharedViewState.<key>`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from sweeps.tracking import limits
from sweeps.tracking.runs import KIND, PARENT, param
from sweeps.tracking.shown import best as best_tag
from sweeps.tracking.shown import column, is_rate, logarithm

TAG = "mlflow.sharedViewState."
RUNS = 100  # the most runs whose curves MLflow's page loads at once
_SECTION, _BELOW = "sweep", "hyperparameters"


def tag(parent: str, study: Mapping[str, Any]) -> tuple[str, str]:
    """Return the key and the value of the experiment tag that holds a study's view."""
    return f"{TAG}{parent[:12]}", json.dumps(_state(parent, study), separators=(",", ":"))


def address(uri: str, experiment: str, parent: str) -> str:
    """Return the address of a study's page, on the store's server or else under `mlflow ui`."""
    host = "http://127.0.0.1:5000"
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        host = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
    return (
        f"{host}/#/experiments/{quote(experiment)}/runs?workflowType=machine_learning"
        f"&viewStateShareKey={parent[:12]}&compareRunsMode=CHART"
    )


def _state(parent: str, study: Mapping[str, Any]) -> dict[str, Any]:
    monitor, lowest = limits.key(study["monitor"]), study.get("lowest", True)
    best = limits.key(f"trial_best_{study['monitor']}")
    axes = [param(name) for name in study["axes"]]
    rate = next((name for name in study["columns"] if is_rate(name)), None)
    charts = [
        _curve(monitor, f"{monitor} by epoch", "log" if lowest else "linear"),
        _curve("learning_rate", "learning_rate by epoch", "log"),
        _parallel(axes, best) | {"metricSectionId": _BELOW},
    ]
    if rate:
        charts.append(_scatter(logarithm(rate), best) | {"metricSectionId": _BELOW})
    return {
        "searchFilter": f"tags.`{PARENT}` = '{parent}' and tags.`{KIND}` = 'trial'",
        "orderByKey": f"metrics.`{best}`",
        "orderByAsc": lowest,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": [
            "params.`outcome`",
            "metrics.`epochs`",
            f"tags.`{best_tag(study['monitor'])}`",
            *(f"tags.`{column(name)}`" for name in study["columns"]),
        ],
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
        "runsHiddenMode": "SHOWALL",
        "runsVisibilityMap": {},
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": False,
        "groupBy": None,
        "groupsExpanded": {},
        "autoRefreshEnabled": True,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "globalLineChartConfig": {
            "xAxisKey": "step",
            "lineSmoothness": 0,
            "selectedXAxisMetricKey": "",
        },
        "chartsSearchFilter": "",
        "compareRunCharts": [chart | {"uuid": f"chart{n}"} for n, chart in enumerate(charts)],
        "compareRunSections": [  # which MLflow sorts by name
            _section(_SECTION, f"Curves of {study['name']}", 2),
            _section(_BELOW, "Hyperparameters", 1),  # a wide card: axes have long names
        ],
    }


def _section(uuid: str, name: str, columns: int) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "name": name,
        "columns": columns,
        "cardHeight": 340,  # pixels: two rows on most screens
        "display": True,
        "isReordered": False,
        "deleted": False,
        "isGenerated": False,
    }


def _chart(form: str, title: str) -> dict[str, Any]:
    return {
        "type": form,
        "displayName": title,
        "runsCountToCompare": RUNS,
        "metricSectionId": _SECTION,
        "deleted": False,
        "isGenerated": False,
    }


def _curve(metric: str, title: str, scale: str) -> dict[str, Any]:
    return _chart("LINE", title) | {
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "scaleType": scale,
        "xAxisKey": "step",
        "xAxisScaleType": "linear",
        "selectedXAxisMetricKey": "",
        "range": {},
        "lineSmoothness": 0,
        "ignoreOutliers": False,
        "displayPoints": False,
    }


def _parallel(columns: Sequence[str], metric: str) -> dict[str, Any]:
    return _chart("PARALLEL", f"parameters and {metric}") | {
        "selectedParams": list(columns),
        "selectedMetrics": [metric],
    }


def _scatter(param: str, metric: str) -> dict[str, Any]:
    return _chart("SCATTER", f"{param} against {metric}") | {
        "xaxis": {"key": param, "type": "PARAM"},
        "yaxis": {"key": metric, "type": "METRIC"},
    }
