"""The store as Optuna's dashboard reads it: through the dashboard's own API, without a server."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from sweeps.study.connecting import connect
from sweeps.study.final import score
from tests.study.test_loop import Watching, session


def get(app: Any, path: str) -> Any:
    """Return what the dashboard's API answers."""
    environ: dict[str, Any] = {"PATH_INFO": path, "REQUEST_METHOD": "GET"}
    setup_testing_defaults(environ)
    environ["wsgi.input"] = io.BytesIO()
    begun: list[str] = []
    body = b"".join(app(environ, lambda status, *_: begun.append(status)))
    assert begun[0].startswith("200"), (begun, body)
    return json.loads(body)


def test_it_shows_whole_curves_under_the_monitors_name_and_only_what_varied(
    tmp_path: Path,
) -> None:
    dashboard = pytest.importorskip("optuna_dashboard", reason="the test extra brings it")
    with session(tmp_path, trials=14, fix=("schedule=false", "width=8")) as opened:
        opened.loop(Watching()).run()
        score(opened)
        opened.store.flush()
        ended, url = opened.store.ended(), opened.settings.storage_url()
    app = dashboard.wsgi(connect(url))
    (listed,) = get(app, "/api/studies")["study_summaries"]
    found = get(app, f"/api/studies/{listed['study_id']}")
    assert found["name"] == "toy"
    assert found["objective_names"] == ["val_loss"]
    assert found["has_intermediate_values"]
    assert [one["name"] for one in found["union_search_space"]] == ["rate"]
    for shown, trial in zip(found["trials"], ended, strict=True):
        steps = [one["step"] for one in shown["intermediate_values"]]
        assert sorted(steps) == list(range(1, trial.epochs + 1)), "few epochs: all of them"
        attrs = {one["key"]: one["value"] for one in shown["user_attrs"]}
        assert attrs["role"].strip("\"'") == trial.role
    assert found["trials"][0]["user_attrs"], "the baseline is marked"
    assert "best" in {one["key"] for one in found["user_attrs"]}
    shares = get(app, f"/api/studies/{listed['study_id']}/param_importances")
    named = [one["name"] for one in shares["param_importances"][0]]
    assert named == ["rate"]
