"""A trial that takes a model which is there ends as one whose model was built, to the last bit."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import Objective
from objectives.stacked import Stacked
from objectives.training import Decision, Logs, TrialSpec
from search_spaces import Space
from search_spaces.optimizer import Optimizer

keras = pytest.importorskip("keras")
small = pytest.importorskip("tests.objectives.training.small_objective")
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Config:
    """A net of two layers. seed: of the initializer and of dropout; None: drawn."""

    initializer: str = "GlorotUniform"
    seed: int | None = None
    dropout: float = 0.0
    lstm: bool = False
    scale: float = 1.0
    optimizer: Optimizer = dataclasses.field(default_factory=Optimizer)


def layers(config: Config, data: Any) -> list[Any]:
    kind = getattr(keras.initializers, config.initializer, None) or Odd
    seeded = issubclass(kind, keras.initializers.RandomNormal.__mro__[1])
    given = {"seed": config.seed} if seeded else {}
    width = data.train.x.shape[1]
    found = [keras.layers.InputLayer(data.train.x.shape[1:])]
    if config.lstm:
        found = [keras.layers.InputLayer((width,)), keras.layers.Reshape((width, 1))]
        found.append(keras.layers.LSTM(width, kernel_initializer=kind(**given)))
    found.append(keras.layers.Dense(width, "tanh", kernel_initializer=kind(**given)))
    if config.dropout:
        found.append(keras.layers.Dropout(config.dropout, seed=config.seed))
    return [*found, keras.layers.Dense(1, "sigmoid")]


class Odd(keras.initializers.Initializer):  # type: ignore[misc, name-defined]
    """Draws from NumPy, which no trainer can know."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return keras.ops.convert_to_tensor(np.random.standard_normal(shape), dtype)


def compiled(model: Any, optimizer: Optimizer, data: Any, metrics: Any) -> Any:
    from objectives.training import parts

    return parts.binary_classifier(model, optimizer, data, metrics)


BUILD = Stacked(layers, compiled, lambda config: config.scale)


def objective(callbacks: Any = None, build: Any = BUILD) -> Any:
    space: Any = Space(lambda trial: Config(), Config(), lambda c: {}, lambda c: "")
    return Objective(
        load=lambda _: small.data(), build=build, space=space, batch_size=16, callbacks=callbacks
    )


@pytest.fixture(scope="module")
def trainers() -> Iterator[tuple[Any, Any]]:
    """Give a trainer that takes models, and one that has to build them."""
    from objectives.training.compiled import CompiledTrainer

    both = (
        CompiledTrainer(objective(), small.data(), "xla"),
        CompiledTrainer(
            objective(build=lambda config, data: BUILD(config, data)), small.data(), "xla"
        ),
    )
    yield both
    for each in both:
        each.close()


def trained(trainer: Any, folder: Path, *specs: TrialSpec) -> Any:
    """Return the curves and the kept weights of trials."""
    curves: list[Logs] = []

    def on_epoch(spec: TrialSpec, epoch: int, logs: Logs) -> Decision:
        curves.append({k: v for k, v in logs.items() if k != "epoch_seconds"})
        return Decision.CONTINUE

    given = [dataclasses.replace(s, weights=folder / f"{s.number}.npz") for s in specs]
    for result in trainer.train(iter(given), on_epoch):
        assert result.error is None
        assert not result.fallback
    return curves, [
        weights.tobytes() for spec in given for weights in np.load(str(spec.weights)).values()
    ]


def spec(number: int, config: Config, **other: Any) -> TrialSpec:
    return TrialSpec(number, config, 50 + number, 2, check=False, **other)


def of(kind: str, rate: float = 0.01, decay: float = 0.0, momentum: float | None = None) -> Any:
    return Optimizer(kind, rate, momentum, decay)  # type: ignore[arg-type]


def drawn() -> list[str]:
    """Return Keras's own initializers that a kernel can have."""
    kinds = vars(keras.initializers).items()
    base = keras.initializers.Initializer
    names = {kind.__name__ for _, kind in kinds if isinstance(kind, type)} - {base.__name__}
    return sorted(names - {"STFT", "STFTInitializer"})  # whose kernels have three dimensions


@pytest.mark.parametrize("seed", [None, 7])
@pytest.mark.parametrize("lstm", [False, True])
def test_initial_states_are_those_of_a_build(
    lstm: bool, seed: int | None, trainers: tuple[Any, Any]
) -> None:
    taking, building = trainers
    for number, name in enumerate(drawn()):
        if lstm and "Identity" in name:  # whose kernels are square
            continue
        given = spec(number, Config(name, seed, dropout=0.2, lstm=lstm, scale=0.3))
        plan, model = taking._nets.plan(given), building.build(given)
        found = [(variable, np.asarray(value)) for variable, value in plan.state(model)]
        assert {id(variable) for variable, _ in found} == set(map(id, model.variables))
        assert all(np.array_equal(variable, value) for variable, value in found), name


CASES = {
    "initializers": [Config(name) for name in ("HeNormal", "Orthogonal", "Ones")],
    "dropout": [Config(dropout=rate, seed=seed) for rate in (0.2, 0.5) for seed in (None, 7)],
    "scales of an LSTM": [Config(lstm=True, scale=scale) for scale in (1.0, 0.3)],
    "numbers of SGD": [Config(optimizer=of("sgd", r, r, 0.5)) for r in (0.1, 0.3)],
    "numbers of Nadam": [Config(optimizer=of("nadam", r)) for r in (0.001, 0.1)],
}


@pytest.mark.parametrize("case", CASES)
def test_whole_trials_equal_built_ones(
    case: str, trainers: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taking, building = trainers
    specs = [spec(number, config) for number, config in enumerate(CASES[case])]
    again = dataclasses.replace(specs[0], number=100)  # after all others had the model
    expected = trained(building, tmp_path, *specs, again)
    built = []
    build = taking.build

    def counted(spec: TrialSpec) -> Any:
        built.append(spec)
        return build(spec)

    monkeypatch.setattr(taking, "build", counted)
    assert trained(taking, tmp_path, *specs, again) == expected
    assert len(built) <= 1


def test_what_is_not_known_is_built(trainers: tuple[Any, Any], tmp_path: Path) -> None:
    taking, building = trainers
    specs = [spec(number, Config("Odd")) for number in range(3)]
    assert trained(taking, tmp_path, *specs) == trained(building, tmp_path, *specs)
    assert taking._nets.plan(specs[0]) is None


def test_a_model_that_a_callback_may_change_is_not_taken(tmp_path: Path) -> None:
    from objectives.training.compiled import CompiledTrainer

    class Freezes(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_train_begin(self, logs: Any = None) -> None:
            self.model.layers[0].trainable = False

    made = CompiledTrainer(objective(lambda config, monitor: [Freezes()]), small.data(), "xla")
    assert made._nets.plan(spec(0, Config())) is None
    assert made._nets.find(None) is None


def test_models_that_take_too_much_room_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from objectives.training import nets
    from objectives.training.compiled import CompiledTrainer

    made = CompiledTrainer(objective(), small.data(), "xla")
    trained(made, tmp_path, spec(0, Config()))
    ((size,),) = [[each.size for each in made._nets._kept.values()]]
    monkeypatch.setattr(nets, "BYTES", size)
    trained(made, tmp_path, spec(1, Config(dropout=0.5)))
    assert len(made._nets._kept) <= 1


@pytest.mark.parametrize("weighted", [False, True])
def test_scores_in_one_call_are_those_of_evaluate(weighted: bool, tmp_path: Path) -> None:
    from objectives.training.compiled import CompiledTrainer
    from objectives.training.fit import FitTrainer

    data = small.data(weighted=weighted)
    of_stack = dataclasses.replace(objective(), task="binary", scores=None)
    of_user = dataclasses.replace(of_stack, build=lambda config, data: BUILD(config, data))
    for given in (of_stack, of_user):
        made = CompiledTrainer(given, data, "xla")
        specs = [
            dataclasses.replace(
                spec(n, Config(dropout=0.2, optimizer=of("adam", 0.01, 0.1 * n))),
                weights=tmp_path / f"{n}.npz",
            )
            for n in (1, 2, 1)
        ]
        trained(made, tmp_path, *specs)
        by_fit = FitTrainer(given, data)
        for one in specs:
            assert made.evaluate(one) == by_fit.evaluate(one)
            predictions = np.load(tmp_path / f"{one.number}.npy")
            x = data.test.x
            assert np.array_equal(predictions, by_fit.scorer(one).predict(x, 16))


def test_a_call_that_scores_is_traced_once_a_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from objectives.training import scoring
    from objectives.training.compiled import CompiledTrainer

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    traced: list[Any] = []
    of_function = scoring.of_function
    monkeypatch.setattr(
        scoring, "of_function", lambda *given: traced.append(given) or of_function(*given)
    )
    given = dataclasses.replace(objective(), task="binary", scores=None)
    one = dataclasses.replace(spec(0, Config(scale=0.5)), weights=tmp_path / "0.npz")
    found = []
    for _ in range(2):
        made = CompiledTrainer(given, small.data(), "xla")
        trained(made, tmp_path, one)
        found.append((made.evaluate(one), np.load(tmp_path / "0.npy").tobytes()))
        assert len(traced) == 2  # what it scores and what it predicts
        made.close()
    assert found[0] == found[1]


def test_numbers_of_a_forward_pass_are_not_taken_from_another_trial() -> None:
    from objectives.training.scoring import scorer_of

    x = small.data().test.x
    inputs = keras.Input(x.shape[1:])
    normal = keras.layers.BatchNormalization()
    model = keras.Model(inputs, keras.layers.Dense(1)(normal(inputs)))
    model.compile(loss="mse")
    scorer = scorer_of(model)
    for epsilon in (1e-3, 10.0):
        normal.epsilon = epsilon
        model.predict_function = None
        assert np.array_equal(scorer.predict(x, 16), model.predict(x, 16, verbose=0))


@pytest.mark.parametrize("batch", [1, 16])
def test_scores_of_an_output_of_one_dimension_are_those_of_evaluate(batch: int) -> None:
    from objectives.training.batches import arrays
    from objectives.training.scoring import InOneCall, Scorer, scorer_of
    from tests.objectives.training import kinds

    part = arrays(kinds.labels().test)
    found = []
    for scorer_for in (scorer_of, Scorer):  # Keras chooses its metrics once, so each its own model
        keras.utils.set_random_seed(0)
        scorer = scorer_for(kinds.one_dimension("mse", kinds.labels()))
        assert isinstance(scorer, InOneCall) == (scorer_for is scorer_of)
        found.append(scorer.evaluate(part, batch))
    assert found[0] == found[1]
