"""Verdicts on causes that were planted in scripted curves."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from objectives import Monitor
from objectives.training import TrialSpec, effective_rate
from search_spaces.optimizer import Optimizer
from search_spaces.plateau import Plateau
from sweeps.explain.changes import catalogue
from sweeps.explain.runs import Run
from sweeps.explain.verdict import judge
from sweeps.explain.words import CAUSES
from tests.explain.planted import Net, explained, falling, normals, reference, waiting

LATE = Plateau(patience=5)


def rate(spec: TrialSpec) -> float:
    return spec.config.optimizer.learning_rate  # type: ignore[no-any-return]


def capacity(spec: TrialSpec) -> float:
    return 0.1 + 3.0 / (spec.config.width * spec.config.depth)


def misses(best: float) -> Callable[[TrialSpec], float]:
    """A floor that grows with the distance of the rate from the best one."""
    return lambda spec: 0.15 + 0.1 * abs(math.log10(rate(spec) / best))


def early(spec: TrialSpec) -> float:
    plateau = spec.config.plateau
    drops = 0.0 if plateau is None else 0.2 / plateau.patience
    return 0.2 + drops - 0.01 * min(1.0, math.log10(rate(spec) / 0.01))


PLANTED = {
    "capacity": (falling(capacity), Net()),
    "rate_too_low": (falling(misses(0.1)), Net()),
    "rate_too_high": (falling(misses(0.001)), Net()),
    "schedule_too_early": (falling(early), Net(plateau=Plateau(patience=1))),
    "schedule_too_late": (
        falling(lambda s: 0.3 - 0.1 * (s.config.plateau is not None)),
        Net(),
    ),
    "too_little_time": (falling(lambda s: 0.1, tau=lambda s: 50.0), Net()),
    "noise_or_data": (falling(lambda s: 0.5), Net()),
    "nothing": (falling(lambda s: 0.02), Net()),
}


@pytest.mark.parametrize("cause", PLANTED)
def test_the_planted_cause_is_found(cause: str, tmp_path: Path) -> None:
    script, config = PLANTED[cause]
    found = explained(script, tmp_path, reference(config))
    assert found.final.limit == cause
    assert found.complete
    assert CAUSES[cause] in "\n".join(found.summary_lines())
    others = [v for v in found.final.verdicts if v.cause != cause]
    assert all(v.outcome != "undecided" for v in others)
    main = found.final.main
    if cause in ("noise_or_data", "nothing"):
        assert main is None
        assert found.to_json()["advice"]["change"] is None
        return
    assert main is not None
    assert main.outcome == "supported"
    best = max(main.evidence, key=lambda j: j.gain)
    assert best.difference.high < 0.0, "it lowers the loss"
    assert best.p < 0.05
    assert best.gain >= found.final.worth
    assert 5 <= best.difference.n <= 10
    assert found.to_json()["advice"]["change"]


@pytest.mark.parametrize(("rise", "limit"), [(0.1, "overfitting"), (0.0, "noise_or_data")])
def test_overfitting_is_read_off_the_curve(rise: float, limit: str) -> None:
    asked, epochs = reference(), range(1, 61)

    def run(repeat: int, probe: str) -> Run:
        drift = [rise * max(0, e - 20) / 40 for e in epochs]
        own = 0.0005 * normals(repeat + len(probe))[0]
        values = [
            0.4 + own + 0.3 * math.exp(-e / 5) + d for e, d in zip(epochs, drift, strict=True)
        ]
        train = [0.7 * math.exp(-e / 9) for e in epochs]
        curves = {"val_loss": values, "loss": train}
        return Run("", probe, repeat, repeat, 0, "complete", min(values), 1.0, curves)

    probed = [(p, [run(k, p.name) for k in range(5)]) for p in catalogue(asked)]
    found = judge(asked, [run(k, "reference") for k in range(5)], probed)
    assert found.limit == limit
    (verdict,) = [v for v in found.verdicts if v.cause == "overfitting"]
    assert verdict.outcome == ("supported" if rise else "refuted")
    assert verdict.effect == pytest.approx(rise, abs=0.02)


def test_a_difference_that_is_real_but_tiny_is_no_finding(tmp_path: Path) -> None:
    found = explained(
        falling(lambda s: 0.4 - 0.001 * (s.config.width > 16), spread=1e-5), tmp_path
    )
    (capacity_,) = [v for v in found.final.verdicts if v.cause == "capacity"]
    assert capacity_.outcome == "refuted"
    wider = next(j for j in capacity_.evidence if j.probe.name == "wider")
    assert wider.p < 0.05, "it is real"
    assert found.final.limit == "noise_or_data"


def test_a_score_that_rises_is_judged_as_its_mirror_image(tmp_path: Path) -> None:
    script = falling(capacity)
    down = explained(script, tmp_path / "a").to_json()
    up = explained(
        lambda s, e: -script(s, e), tmp_path / "b", reference(monitor=Monitor("val_loss", "max"))
    ).to_json()
    assert up["limit"] == down["limit"] == "capacity"
    for one, other in zip(*(d["final_value"]["verdicts"] for d in (down, up)), strict=True):
        assert (one["cause"], one["outcome"]) == (other["cause"], other["outcome"])
        for a, b in zip(one["evidence"], other["evidence"], strict=True):
            assert a["difference"] == pytest.approx(-b["difference"])
            assert (a["p"], a["n"]) == pytest.approx((b["p"], b["n"]))


def test_what_the_spread_hides_is_undecided_and_says_what_would_settle_it(tmp_path: Path) -> None:
    def script(spec: TrialSpec, epoch: int) -> float:
        own = math.sin(1000.0 * spec.seed + 7.0 * spec.config.width)
        return falling(lambda s: 0.4 + 0.012 * own)(spec, epoch)

    found = explained(script, tmp_path)
    (capacity_,) = [v for v in found.final.verdicts if v.cause == "capacity"]
    assert capacity_.outcome == "undecided"
    assert all(j.difference.n == 10 for j in capacity_.evidence if j.outcome == "undecided")
    assert any((j.more or 0) > 0 for j in capacity_.evidence)
    assert found.final.limit == "undecided"
    assert "undecided" in "\n".join(found.summary_lines())


def test_less_data_tells_data_from_noise(tmp_path: Path) -> None:
    hungry = explained(falling(lambda s: 0.4 + 0.1 * (s.share < 1.0)), tmp_path / "a")
    full = explained(falling(lambda s: 0.4), tmp_path / "b")
    assert hungry.final.limit == full.final.limit == "noise_or_data"
    assert "more rows" in hungry.summary_lines()[-1]
    assert "labels" in full.summary_lines()[-1]


def test_a_probe_that_diverges_or_fails_is_no_help(tmp_path: Path) -> None:
    def script(spec: TrialSpec, epoch: int) -> float:
        if rate(spec) > 0.05 and epoch > 3:
            return math.nan
        return falling(lambda s: 0.4)(spec, epoch)

    found = explained(script, tmp_path)
    (low,) = [v for v in found.final.verdicts if v.cause == "rate_too_low"]
    assert low.outcome == "refuted"
    tenfold = next(j for j in low.evidence if j.probe.name == "rate_x10")
    assert tenfold.difference.mean > 0.2
    json.dumps(found.to_json(), allow_nan=False)


@functools.cache
def adam(spec: TrialSpec, distance: float) -> float:
    """Return the steps that Adam needs for a distance."""
    given, total = rate(spec), 0.0
    kind = spec.config.optimizer.kind
    if kind == "sgd":
        return distance / given * 50.0
    for step in range(1, 5000):
        corrected = effective_rate(given, 0.9, 0.999, step)
        total += given if kind == "adam_uncorrected" else corrected
        if total >= distance:
            return float(step)
    return 5000.0


@functools.cache
def sweet(spec: TrialSpec, target: float) -> float:
    """Return the steps after which Adam's effective rate passes a value, from below."""
    kind, given = spec.config.optimizer.kind, rate(spec)
    if kind != "adam":
        return 8.0 if kind == "adam_uncorrected" else 5000.0
    for step in range(20, 5000):
        if effective_rate(given, 0.9, 0.999, step) >= target:
            return float(step)
    return 5000.0


SLOW = Net(optimizer=Optimizer(learning_rate=0.001))


def outcomes(
    script: Callable[[TrialSpec, int], float], folder: Path, epochs: int = 120
) -> dict[str, str]:
    found = explained(script, folder, reference(SLOW, max_epochs=epochs))
    assert found.plateau is not None
    return {h["name"]: h["outcome"] for h in found.to_json()["hypotheses"]}


def test_a_rate_that_is_simply_too_low(tmp_path: Path) -> None:
    script = waiting(lambda s: adam(s, 0.03))
    found = outcomes(script, tmp_path)
    assert found == {
        "effective_rate_sweet_spot": "refuted",
        "rate_too_low": "supported",
        "sgd_with_lower_rate": "refuted",
    }
    again = explained(script, tmp_path, reference(SLOW, max_epochs=120))
    (low,) = [h for h in again.hypotheses if h.name == "rate_too_low"]
    flat = low.figures["uncorrected"]
    assert flat["predicted"] == pytest.approx(flat["ratio"], rel=0.15)


def test_a_plateau_that_ends_at_a_sweet_spot(tmp_path: Path) -> None:
    found = outcomes(waiting(lambda s: sweet(s, 2.5e-4)), tmp_path, epochs=150)
    assert found["effective_rate_sweet_spot"] == "supported"
    assert found["rate_too_low"] != "supported"


def test_a_plateau_that_only_the_count_of_steps_ends(tmp_path: Path) -> None:
    found = outcomes(waiting(lambda s: 90.0), tmp_path)
    assert found["effective_rate_sweet_spot"] == "refuted"
    assert found["rate_too_low"] == "refuted"
    assert found["sgd_with_lower_rate"] == "refuted"


def test_sgd_that_helps_is_found(tmp_path: Path) -> None:
    found = outcomes(
        waiting(lambda s: 20.0 if s.config.optimizer.kind == "sgd" else 90.0), tmp_path
    )
    assert found["sgd_with_lower_rate"] == "supported"


def test_a_reference_that_never_leaves(tmp_path: Path) -> None:
    script = waiting(lambda s: 60.0 if rate(s) > 0.001 else 1e6)
    found = explained(script, tmp_path, reference(SLOW))
    assert found.final.limit == "rate_too_low"
    assert found.plateau is not None
    assert found.plateau.lever == "learning_rate"
    json.dumps(found.to_json(), allow_nan=False)


def test_no_interval_of_an_accuracy_says_more_than_is_left_to_gain() -> None:
    asked = replace(reference(), monitor=Monitor("val_accuracy", "max"))

    def run(probe: str, k: int, best: float) -> Run:
        values = [best * min(1.0, epoch / 10) for epoch in range(1, 61)]
        curves = {"val_accuracy": values, "loss": [0.5] * 60}
        return Run("", probe, k, k, 0, "complete", best, 1.0, curves)

    base = [0.24, 0.05, 0.53, 0.9, 0.31]
    probed = [(p, [run(p.name, k, 0.97 - 0.01 * k) for k in range(5)]) for p in catalogue(asked)]
    found = judge(asked, [run("reference", k, best) for k, best in enumerate(base)], probed)
    judged = [one for verdict in found.verdicts for one in verdict.evidence]
    gains = [one for one in judged if one.gain > 0.1]
    assert gains
    for one in gains:
        assert one.difference.high <= 1.0 - sum(base) / len(base)
        assert one.outcome == "undecided"  # the interval is wider than half of all there is
