"""The catalogue of probes: copies of a reference config with one thing changed.

Which probes apply is decided by the names of the config's fields, nested configs included, so they
work for a user's own config. A change outside a field's bounds is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from objectives.monitor import VAL_LOSS, Monitor
from sweeps.explain.configs import (
    Path,
    allowed,
    find,
    get,
    is_number,
    is_optimizer,
    is_schedule,
    put,
    to_plain_data,
)

WIDTH = ("width", "units", "hidden", "hidden_units", "filters")
DEPTH = ("depth", "layers", "num_layers", "n_layers")
RATE = ("learning_rate", "lr")
DECAY = ("weight_decay",)
DROPOUT = ("dropout", "dropout_rate")
SCALE = ("output_scale",)
KIND = ("kind", "optimizer")
PLATEAU = ("plateau",)

REFERENCE = "reference"
FINAL_VALUE, INITIAL_PLATEAU = BOTH = "final_value", "initial_plateau"


@dataclass(frozen=True)
class Probe:
    """One change. cause: what it supports if it helps the final value; lever: what it changes.

    config, max_epochs, share: go into the trial's spec. change: dotted field -> new value, as the
    user would write it. text: the change in words. asks: the questions that it helps answer.
    cost: training time against the reference's, roughly.
    """

    name: str
    config: Any
    max_epochs: int
    share: float = 1.0
    cause: str = ""
    lever: str = ""
    change: Mapping[str, Any] = field(default_factory=dict)
    text: str = "unchanged"
    asks: tuple[str, ...] = (FINAL_VALUE,)
    cost: float = 1.0


@dataclass(frozen=True)
class Reference:
    """The trial that is explained.

    rows: of the training set. batch: rows per step. name: as the user gave it. data: the digest of
    the arrays. chance: the cross-entropy of guessing, None if labels are not classes.
    """

    name: str
    config: Any
    seed: int
    max_epochs: int
    rows: int
    batch: int
    monitor: Monitor = VAL_LOSS
    data: str = ""
    chance: float | None = None

    @property
    def steps(self) -> int:
        """Steps per epoch."""
        return -(-self.rows // self.batch)

    @property
    def rate(self) -> float | None:
        """Its learning rate, None where the config has none."""
        path = find(self.config, RATE, is_number)
        return None if path is None else float(get(self.config, path))

    @property
    def optimizer(self) -> str | None:
        """Its optimizer's kind, in lower case, None where the config names none."""
        path = find(self.config, KIND, is_optimizer)
        return None if path is None else str(get(self.config, path)).lower()

    def as_probe(self) -> Probe:
        """Return the reference itself, as the first of the probes."""
        return Probe(REFERENCE, self.config, self.max_epochs, asks=BOTH)


def catalogue(reference: Reference, left_rate: float | None = None) -> list[Probe]:
    """Return all probes that the reference's config allows, in a fixed order.

    left_rate: the effective rate at which it left its initial plateau, if it did.
    """
    makers: list[Callable[[_Bench], Iterator[Probe | None]]] = [
        _rates,
        _sizes,
        _schedule,
        _regularised,
        _data_and_time,
        lambda bench: _optimizers(bench, left_rate),
        _initial_scale,
    ]
    bench = _Bench(reference)
    return [probe for make in makers for probe in make(bench) if probe is not None]


@dataclass(frozen=True)
class _Bench:
    reference: Reference

    def change(
        self, name: str, path: Path | None, value: Any, text: str = "", **more: Any
    ) -> Probe | None:
        """Return the probe that sets one field, None if it does not apply."""
        config = self.reference.config
        if path is None or not allowed(config, path, value) or get(config, path) == value:
            return None
        text = text or f"{words(path[-1])} {show(get(config, path))} -> {show(value)}"
        return Probe(
            name,
            put(config, path, value),
            self.reference.max_epochs,
            change={".".join(path): to_plain_data(value)},
            text=text,
            **more,
        )

    def find(self, names: Sequence[str]) -> Path | None:
        """Return where a field of one of these names is."""
        return find(self.reference.config, names, is_number)

    def value(self, path: Path | None) -> Any:
        """Return a field's value, 0 if there is none: the probe is then skipped anyway."""
        return 0 if path is None else get(self.reference.config, path)


def _rates(bench: _Bench) -> Iterator[Probe | None]:
    path = bench.find(RATE)
    rate = bench.value(path)
    low: dict[str, Any] = {"cause": "rate_too_low", "lever": "learning_rate"}
    high: dict[str, Any] = {"cause": "rate_too_high", "lever": "learning_rate"}
    yield bench.change("rate_x3", path, _rounded(rate * 3), asks=BOTH, **low)
    yield bench.change("rate_x10", path, _rounded(rate * 10), asks=BOTH, **low)
    yield bench.change("rate_div3", path, _rounded(rate / 3), asks=BOTH, **high)
    yield bench.change("rate_div10", path, _rounded(rate / 10), asks=(FINAL_VALUE,), **high)


def _sizes(bench: _Bench) -> Iterator[Probe | None]:
    width, depth = bench.find(WIDTH), bench.find(DEPTH)
    units, layers = bench.value(width), bench.value(depth)
    more: dict[str, Any] = {"cause": "capacity", "asks": BOTH}
    less: dict[str, Any] = {"cause": "overfitting"}
    yield bench.change("wider", width, units * 2, lever="width", cost=1.5, **more)
    yield bench.change("much_wider", width, units * 4, lever="width", cost=3.0, cause="capacity")
    yield bench.change("deeper", depth, layers + 1, lever="depth", cost=1.5, **more)
    yield bench.change("narrower", width, max(1, units // 2), lever="width", **less)
    yield bench.change(
        "shallower", depth, layers - 1, lever="depth", cause="overfitting", asks=BOTH
    )


def _schedule(bench: _Bench) -> Iterator[Probe | None]:
    path = find(bench.reference.config, PLATEAU, is_schedule)
    if path is None:
        return
    now = get(bench.reference.config, path)
    late = {"cause": "schedule_too_late", "lever": "schedule"}
    early: dict[str, Any] = {"cause": "schedule_too_early", "lever": "schedule"}
    if now is None:
        from search_spaces.plateau import Plateau

        given = Plateau()
        yield bench.change(
            "plateau_on",
            path,
            given,
            f"ReduceLROnPlateau x{given.factor:g} after {given.patience} epochs",
            **late,
        )
        return
    yield bench.change("plateau_off", path, None, "ReduceLROnPlateau off", **early)
    patience = getattr(now, "patience", None)
    if isinstance(patience, int):
        inner = (*path, "patience")
        yield bench.change("plateau_patient", inner, patience * 4, **early)
        yield bench.change("plateau_eager", inner, max(1, patience // 3), **late)


def _regularised(bench: _Bench) -> Iterator[Probe | None]:
    path, rate = bench.find(DECAY), bench.reference.rate
    over: dict[str, Any] = {"cause": "overfitting", "lever": "regularisation"}
    if rate:
        # Decoupled decay shrinks a weight by rate x decay per step: by e^2 over the whole
        # training, unless the field's bound is lower.
        steps = bench.reference.steps * bench.reference.max_epochs
        decay = _rounded(min(1.0, 2.0 / (rate * steps)))
        if bench.value(path) < decay:
            yield bench.change("weight_decay", path, decay, **over)
    path = bench.find(DROPOUT)
    yield bench.change("dropout", path, max(0.2, 2.0 * bench.value(path)), cost=3.0, **over)


def _data_and_time(bench: _Bench) -> Iterator[Probe | None]:
    reference = bench.reference
    yield Probe(
        "longer",
        reference.config,
        3 * reference.max_epochs,
        cause="too_little_time",
        lever="time",
        change={"max_epochs": 3 * reference.max_epochs},
        text=f"{reference.max_epochs} -> {3 * reference.max_epochs} epochs",
        cost=3.0,
    )
    if reference.rows >= 20:
        yield Probe(
            "half_data",
            reference.config,
            reference.max_epochs,
            share=0.5,
            cause="data",
            lever="data",
            text="half of the training rows",
            asks=BOTH,
            cost=0.5,
        )


def _optimizers(bench: _Bench, left_rate: float | None) -> Iterator[Probe | None]:
    reference, path = bench.reference, find(bench.reference.config, KIND, is_optimizer)
    kind, rate = reference.optimizer, reference.rate
    if path is None or rate is None:
        return
    other: dict[str, Any] = {"cause": "optimizer", "lever": "optimizer"}
    swap = "rmsprop" if kind != "rmsprop" else "adam"
    if kind != "sgd":
        yield bench.change(f"optimizer_{swap}", path, swap, asks=BOTH, **other)
        yield bench.change("sgd", path, "sgd", asks=(INITIAL_PLATEAU,), lever="optimizer")
    for name, factor in (("sgd_div3", 3.0), ("sgd_div10", 10.0)):
        yield _both(bench, name, path, "sgd", _rounded(rate / factor))
    if kind == "adam":
        flat: dict[str, Any] = {"asks": (INITIAL_PLATEAU,), "lever": "effective_rate"}
        yield bench.change(
            "uncorrected", path, "adam_uncorrected", f"effective rate constant at {rate:g}", **flat
        )
        if left_rate is not None:
            yield _both(
                bench, "uncorrected_at_exit", path, "adam_uncorrected", _rounded(left_rate)
            )


def _both(bench: _Bench, name: str, path: Path, kind: str, rate: float) -> Probe | None:
    """Return a probe of another optimizer at another rate."""
    config, rates = bench.reference.config, bench.find(RATE)
    if rates is None or not (allowed(config, path, kind) and allowed(config, rates, rate)):
        return None
    words = f"SGD at {rate:g}" if kind == "sgd" else f"effective rate constant at {rate:g}"
    return Probe(
        name,
        put(put(config, path, kind), rates, rate),
        bench.reference.max_epochs,
        lever="optimizer" if kind == "sgd" else "effective_rate",
        change={".".join(path): kind, ".".join(rates): rate},
        text=words,
        asks=(INITIAL_PLATEAU,),
    )


def _initial_scale(bench: _Bench) -> Iterator[Probe | None]:
    path = bench.find(SCALE)
    for name, factor in (("scale_x3", 3.0), ("scale_x10", 10.0), ("scale_div3", 1 / 3)):
        value = _rounded(bench.value(path) * factor)
        yield bench.change(name, path, value, asks=(INITIAL_PLATEAU,), lever="initial_scale")


def words(name: str) -> str:
    """Return a field's name in words."""
    return "optimizer" if name == "kind" else name.replace("_", " ")


def show(value: Any) -> str:
    """Return a value as short text."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _rounded(value: float) -> float:
    """Return a value rounded to three digits, for a probe's rate to be readable."""
    return float(f"{value:.3g}")
