"""What every method in `METHODS` holds to, and every discriminator with each kind of validation.

A new method is tested here without a line of its own: its configuration follows from its rules.
"""

import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.testing_utils import MEMBRANES, changed, noise_feed, tiny_config, values_of
from tfadvseg.config import Config, MethodConfig
from tfadvseg.config.methods import METHOD_RULES
from tfadvseg.config.resolve import architecture
from tfadvseg.data.examples import Examples
from tfadvseg.data.normalisation import Normalisation
from tfadvseg.data.pipeline import fixed_windows, whole_images
from tfadvseg.errors import UserError
from tfadvseg.export.exported import load_exported
from tfadvseg.export.saved_model import export_saved_model
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.methods.building import build_state, prepare_training
from tfadvseg.methods.catalogue import METHODS
from tfadvseg.models.discriminators import DISCRIMINATORS
from tfadvseg.training.loop import CompiledStep, compile_phase
from tfadvseg.training.state import Builder, TrainState
from tfadvseg.training.types import Metrics, Phase
from tfadvseg.training.validation import make_validator

SGD = {"optimizer": "sgd", "learning_rate": 0.05}
WINDOW = (32, 32)  # the least that every discriminator takes

pytestmark = pytest.mark.parametrize("name", METHODS, scope="module")


def config_for(name: str, **changes) -> Config:
    """A tiny run of a method with its own D, as its rules ask for it."""
    rules = METHOD_RULES[name]
    sections: dict = {
        "data": {"crop_size": WINDOW},
        "method": {"method": name},
        "s_optimizer": SGD,
        # Two updates keep most of the moving variance, which one replica alone unbiases.
        "segmenter": {"batch_norm_momentum": 0.99},
        "run": {"epochs": 2},
    }
    if rules.target == "required":
        sections["target"] = {"dataset": "membranes", "crop_size": WINDOW}
    if rules.needs_masks:
        sections["method"]["masks_split"] = "train"
    if "images" in rules.unlabelled and not sections.get("target"):
        sections["few_labels"] = {"labelled_images": 1}
    if rules.discriminator:
        sections |= {
            "d_optimizer": SGD,
            "discriminator": {"discriminator": rules.discriminator},
        }
    for section, fields in changes.items():
        sections[section] = sections.get(section, {}) | fields
    return tiny_config(**sections)


def state_of(config: Config) -> TrainState:
    tf.keras.utils.set_random_seed(1)
    return build_state(Builder(config, MEMBRANES))


def phases_of(config: Config, state: TrainState) -> tuple[Phase, ...]:
    training = prepare_training(config, state, noise_feed(config, state))
    return METHODS[config.method.method].phases(training)


CompiledPhase = tuple[Phase, CompiledStep]


def compiled_phases(config: Config, state: TrainState, strategy=None) -> list[CompiledPhase]:
    strategy = strategy or tf.distribute.get_strategy()
    phases = phases_of(config, state)
    return [(phase, compile_phase(phase, strategy, xla=False)) for phase in phases]


def run_phases(
    compiled: list[CompiledPhase], updates: int, first: int = 0, strategy=None
) -> list[Metrics]:
    """So many updates of each phase, from its update `first` on; what they reported."""
    strategy = strategy or tf.distribute.get_strategy()
    reported = []
    for phase, step in compiled:
        batches = phase.batches(0, first).take(updates)
        for number, batch in enumerate(strategy.experimental_distribute_dataset(batches)):
            weights = phase.weights((first + number) / phase.updates)
            constants = {key: tf.constant(value, tf.float32) for key, value in weights.items()}
            reported.append(tf.nest.map_structure(float, step(batch, constants)))
        assert step.experimental_get_tracing_count() == 1, phase.name
    return reported


def train(config: Config, state: TrainState, updates: int, strategy=None) -> list[Metrics]:
    return run_phases(compiled_phases(config, state, strategy), updates, strategy=strategy)


@dataclasses.dataclass(frozen=True)
class Trained:
    """A state after two updates of each phase, and what there was on the way."""

    config: Config
    state: TrainState
    first_weights: list[np.ndarray]
    reported: list[Metrics]
    after_one_update: str
    """A checkpoint, of the first update of each phase."""


@pytest.fixture(scope="module")
def trained(name, tmp_path_factory) -> Trained:
    config = config_for(name)
    state = state_of(config)
    first_weights = values_of(state.segmenter.model)
    compiled = compiled_phases(config, state)
    reported = run_phases(compiled, updates=1)
    place = tmp_path_factory.mktemp(name) / "state"
    checkpoint = tf.train.Checkpoint(**state.learners).write(str(place))
    reported += run_phases(compiled, updates=1, first=1)
    return Trained(config, state, first_weights, reported, checkpoint)


def all_values(state: TrainState) -> dict[str, list[np.ndarray]]:
    return {name: values_of(learner.model) for name, learner in state.learners.items()}


def assert_same(one: TrainState, other: TrainState) -> None:
    before, after = all_values(one), all_values(other)
    assert set(before) == set(after)
    for name in before:
        assert not changed(before[name], after[name]), name


def test_it_learns_traces_once_and_names_its_scalars_in_full(name, trained):
    state = trained.state
    assert changed(trained.first_weights, values_of(state.segmenter.model))
    assert any("segmenter/loss_seg" in scalars for scalars in trained.reported)
    owners = {*state.segmenters(), "d", "aux_d"}
    for scalars in trained.reported:
        for key, value in scalars.items():
            assert key.split("/")[0] in owners, key
            assert np.isfinite(tf.nest.flatten(value)).all(), key


def test_what_watches_d_is_reported(name, trained):
    reported = functools.reduce(dict.__or__, trained.reported)
    opponents = METHODS[name].opponents(trained.config)
    watched = [o for o in opponents if f"{o.prefix}/loss_d" in reported]
    assert bool(watched) == bool(trained.state.discriminators())
    for opponent in watched:
        for quantity in (*(f"accuracy_{side}" for side in opponent.sides), "logit_min"):
            assert f"{opponent.prefix}/{quantity}" in reported


def test_a_checkpoint_continues_to_the_same_bits(name, trained):
    config = trained.config
    if len(phases_of(config, trained.state)) > 1:
        pytest.skip("phases follow each other: a run in tests/scripts is killed and continued")
    tf.keras.utils.set_random_seed(2)
    continued = build_state(Builder(config, MEMBRANES))
    tf.train.Checkpoint(**continued.learners).read(trained.after_one_update).assert_consumed()
    run_phases(compiled_phases(config, continued), updates=1, first=1)
    assert_same(trained.state, continued)


@pytest.mark.slow
def test_d_s_rate_reaches_s_only_through_later_updates(name):
    """S's first update must not depend on how D is updated: D's loss never reaches S."""
    if not METHOD_RULES[name].discriminator:
        pytest.skip("trains no D")
    after = []
    for rate in (0.05, 0.5):
        config = config_for(name, d_optimizer={"learning_rate": rate})
        state = state_of(config)
        if not state.discriminators():
            pytest.skip("its critic returns features, and S follows after the critic's update")
        train(config, state, updates=1)
        after.append(state)
    assert not changed(*(values_of(state.segmenter.model) for state in after))
    moved = [
        changed(*(values_of(state.learners[d].model) for state in after))
        for d in after[0].discriminators()
    ]
    assert all(moved)


@pytest.mark.slow
@pytest.mark.parametrize("statistics", ["shared", "per_domain"])
def test_two_replicas_equal_one(name, statistics, two_replicas):
    # Replicas drop other channels.
    changes: dict = (
        {"discriminator": {"d_dropout": 0.0}} if METHOD_RULES[name].discriminator else {}
    )
    config = config_for(name, **changes)
    if statistics == "per_domain":
        changes["segmenter"] = {"batch_norm": statistics, "batch_norm_momentum": 0.99}
        try:
            config = config_for(name, **changes)
        except UserError as error:
            pytest.skip(f"refused before training: {error}")
    assert_two_replicas_equal_one(config, two_replicas)


def assert_two_replicas_equal_one(config: Config, two_replicas) -> None:
    one = state_of(config)
    alone = train(config, one, updates=2)
    with two_replicas.scope():
        two = state_of(config)
    together = train(config, two, updates=2, strategy=two_replicas)
    for scalars, others in zip(alone, together, strict=True):
        for key, value in scalars.items():
            got = tf.nest.flatten(others[key])
            np.testing.assert_allclose(tf.nest.flatten(value), got, rtol=2e-3, atol=2e-4)
    expected = all_values(one)
    for learner, values in all_values(two).items():
        for weight, got in zip(expected[learner], values, strict=True):
            np.testing.assert_allclose(weight, got, rtol=5e-3, atol=2e-5, err_msg=learner)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_it_trains_in_mixed_precision(name, precision):
    tf.keras.mixed_precision.set_global_policy(precision)
    config = config_for(name)
    train(config, state_of(config), updates=2)


@pytest.mark.slow
def test_what_it_trained_is_exported(name, trained, tmp_path):
    config, state = trained.config, trained.state
    spec = ModelSpec(
        segmenter=architecture(config.segmenter),
        class_names=MEMBRANES.class_names,
        palette=MEMBRANES.palette,
        image_channels=1,
        mean=(128.0,),
        std=(64.0,),
        foreground_class=None,
        dataset="membranes",
        crop_size=WINDOW,
    )
    export_saved_model(state.segmenter.evaluated, spec, tmp_path)
    image = np.random.default_rng(0).integers(0, 256, (1, 33, 47, 1), np.uint8)
    served = load_exported(tmp_path).predict_probabilities(image)
    logits = state.segmenter.evaluated((image.astype(np.float32) - 128) / 64, training=False)
    np.testing.assert_allclose(served[..., 1], tf.sigmoid(logits)[..., 0], atol=1e-5)


@pytest.mark.parametrize(
    "discriminator",
    [
        pytest.param(each, marks=pytest.mark.slow if each in ("encoder", "patch") else [])
        for each in DISCRIMINATORS
    ],
)
@pytest.mark.parametrize(
    "replicas", [1, pytest.param(2, marks=pytest.mark.slow)], ids=["one", "two"]
)
def test_validation_asks_every_discriminator(name, discriminator, replicas, two_replicas):
    if not METHOD_RULES[name].discriminator:
        pytest.skip("trains no D")
    try:
        config = config_for(name, discriminator={"discriminator": discriminator})
    except UserError as error:
        pytest.skip(f"refused before training: {error}")
    strategy = two_replicas if replicas == 2 else tf.distribute.get_strategy()
    with strategy.scope():
        state = state_of(config)
    images = [np.full((40, 52, 1), value, np.uint8) for value in (50, 200)]
    labels = [np.zeros((40, 52), np.uint8), np.ones((40, 52), np.uint8)]
    examples = Examples(("a", "b"), tuple(images), tuple(labels))
    normalisation = Normalisation((128.0,), (64.0,))
    windows = fixed_windows(examples, WINDOW, normalisation, 2, 4, seed=0)
    maps = functools.partial(METHODS[name].validation_maps, config)
    for dataset in (windows, whole_images(examples, normalisation, replicas)):
        metrics = make_validator(state, strategy, MEMBRANES.class_names, maps)(dataset)
        assert np.isfinite(metrics["val/segmenter/loss_seg"])
        for answer in ("val/d/accuracy_real", "val/d/fooling_rate"):
            assert 0 <= metrics.get(answer, 0.5) <= 1


def test_the_configuration_refuses_options_of_others(name):
    rules = METHOD_RULES[name]
    own = {field.name for field in dataclasses.fields(MethodConfig)} - {"method"}
    assert set(rules.options) <= own, "options that do not exist"
    assert all(arm in METHOD_RULES for arm in rules.arms)
    assert all(not METHOD_RULES[arm].discriminator for arm in rules.arms)
    assert ("compare" in rules.options) == bool(rules.arms)
