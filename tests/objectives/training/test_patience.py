"""A trial's patience on scripted curves, without training."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from objectives import Monitor
from objectives.training import Decision, Outcome, TrialResult, TrialSpec
from objectives.training.progress import Progress

EPOCHS = 40
curves = st.lists(st.floats(0.01, 0.9), min_size=EPOCHS, max_size=EPOCHS)


def trained(
    values: Sequence[float],
    patience: int,
    losses: Sequence[float] | None = None,
    monitor: str = "val_loss",
) -> TrialResult:
    """Report a curve until training ends; the training loss falls unless it is given."""
    judged = Monitor(monitor, "min" if monitor == "val_loss" else "max")
    spec = TrialSpec(0, None, 0, len(values), judged, patience=patience)
    progress = Progress(spec, lambda *_: Decision.CONTINUE)

    def training() -> None:
        for epoch, value in enumerate(values, 1):
            loss = losses[epoch - 1] if losses else 1.0 / epoch
            if not progress.epoch(epoch, {"loss": loss, monitor: value}):
                return

    return progress.run(training)


@given(curves, st.integers(1, EPOCHS))
def test_a_trial_ends_when_so_many_epochs_brought_nothing(
    values: list[float], patience: int
) -> None:
    result = trained(values, patience)
    best = result.best_epoch or 0
    assert result.outcome is Outcome.COMPLETE
    assert result.value == min(values[: result.epochs])
    assert result.epochs == EPOCHS or result.epochs - best == patience
    assert result.epochs - best <= patience


@given(curves, st.integers(1, EPOCHS - 1))
def test_more_patience_never_ends_a_trial_sooner(values: list[float], patience: int) -> None:
    less, more = trained(values, patience), trained(values, patience + 1)
    assert less.epochs <= more.epochs
    assert more.value == min(values[: more.epochs])
    assert less.value == min(values[: less.epochs])


@given(curves)
def test_no_patience_is_no_end(values: list[float]) -> None:
    assert trained(values, 0).epochs == EPOCHS


@given(curves, st.integers(1, EPOCHS))
def test_maximizing_mirrors_minimizing(values: list[float], patience: int) -> None:
    low = trained(values, patience)
    high = trained([-value for value in values], patience, monitor="val_gain")
    assert (low.epochs, low.best_epoch) == (high.epochs, high.best_epoch)


@given(st.integers(1, 20), st.integers(1, 39))
def test_a_curve_on_its_initial_plateau_is_waited_for(patience: int, wait: int) -> None:
    values = [0.69] * wait + [0.1] * (EPOCHS - wait)
    result = trained(values, patience, losses=values)
    assert result.value == 0.1
    assert result.epochs == min(EPOCHS, wait + 1 + patience)


def test_a_net_that_overfits_from_the_first_epoch_is_not_taken_for_a_plateau() -> None:
    values = [0.3 + 0.01 * epoch for epoch in range(EPOCHS)]
    assert trained(values, 5).epochs == 6
    assert trained(values, 5, losses=[0.3] * EPOCHS).epochs == EPOCHS
