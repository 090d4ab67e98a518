"""Optimizers as flags describe them."""

import numpy as np
import pytest
import tensorflow as tf

from tests.testing_utils import tiny_config, tiny_state
from tfadvseg.config import OptimizerConfig
from tfadvseg.errors import UserError
from tfadvseg.models.deeplab_v2 import TINY, deeplab_v2
from tfadvseg.training.optimizers import Length, build_optimizer, learning_rate
from tfadvseg.training.state import Learner

LENGTH = Length(updates_per_epoch=10, epochs=4)


def network() -> tf.keras.Model:
    """A kernel, a bias and the scale of a batch norm, all ones."""
    model = tf.keras.Sequential(
        [
            tf.keras.layers.Conv2D(2, 1, input_shape=(4, 4, 1)),
            tf.keras.layers.BatchNormalization(),
        ]
    )
    for variable in model.trainable_variables:
        variable.assign(tf.ones_like(variable))
    return model


def after_gradient(config: OptimizerConfig, gradient: float) -> dict[str, float]:
    """Each variable's first value after one update with this gradient everywhere."""
    model = network()
    learner = Learner(model, build_optimizer(config, model, LENGTH), "network")
    learner.apply([tf.fill(v.shape, gradient) for v in model.trainable_variables])
    names = [v.name.split("/")[-1].split(":")[0] for v in model.trainable_variables]
    values = [float(tf.reshape(v, [-1])[0]) for v in model.trainable_variables]
    return dict(zip(names, values, strict=True))


def rates(config: OptimizerConfig, *updates: int) -> list[float]:
    rate = learning_rate(config, LENGTH)
    assert isinstance(rate, tf.keras.optimizers.schedules.LearningRateSchedule)
    return [float(rate(tf.constant(update, tf.int64))) for update in updates]


def test_a_rate_that_never_changes_is_a_number():
    assert learning_rate(OptimizerConfig(learning_rate=0.3), LENGTH) == 0.3


def test_rates_fall_as_they_should():
    step = OptimizerConfig(learning_rate=1.0, rate="step", rate_steps=(1, 3))
    np.testing.assert_allclose(rates(step, 9, 10, 29, 30), [1, 0.1, 0.1, 0.01], rtol=1e-6)
    poly = OptimizerConfig(learning_rate=1.0, rate="poly")
    np.testing.assert_allclose(rates(poly, 0, 20, 40), [1, 0.5**0.9, 0], rtol=1e-6)
    cosine = OptimizerConfig(learning_rate=1.0, rate="cosine", warmup=2)
    np.testing.assert_allclose(rates(cosine, 0, 20, 40), [0.5, 0.5, 0], rtol=1e-6, atol=1e-7)
    decay = OptimizerConfig(learning_rate=1.0, decay=0.5)
    np.testing.assert_allclose(rates(decay, 0, 2), [1, 0.5], rtol=1e-6)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_weight_decay_is_of_kernels_only(name):
    config = OptimizerConfig(name, learning_rate=0.1, weight_decay=0.5)
    after = after_gradient(config, 0.0)
    # Without a gradient only weight decay acts: 1 - 0.1 * 0.5.
    assert after == pytest.approx({"kernel": 0.95, "bias": 1, "gamma": 1, "beta": 1}, rel=1e-6)


def test_momentum_carries_the_last_update_on():
    config = OptimizerConfig("sgd", learning_rate=0.1, momentum=0.5)
    model = network()
    learner = Learner(model, build_optimizer(config, model, LENGTH), "network")
    for gradient in (1.0, 0.0):
        learner.apply([tf.fill(v.shape, gradient) for v in model.trainable_variables])
    # 1 - 0.1, and half of that step again.
    np.testing.assert_allclose(model.trainable_variables[1], [0.85, 0.85], rtol=1e-6)


@pytest.mark.parametrize("schedule", ["joint", "alternating"])
@pytest.mark.parametrize("rate_epochs", [0, 10])
def test_rates_fall_over_the_runs_own_updates(schedule, rate_epochs):
    poly = {"learning_rate": 1.0, "rate": "poly"}
    state = tiny_state(
        tiny_config(
            s_optimizer=poly,
            d_optimizer=poly,
            method={"schedule": schedule},
            run={"epochs": 4, "steps_per_epoch": 3, "rate_epochs": rate_epochs},
        )
    )
    updates = 3 * (rate_epochs or 4)
    # In the alternating schedule D sees each window twice per epoch.
    of_d = 2 * updates if schedule == "alternating" else updates
    assert "discriminator" in state.learners
    for learner, length in ((state.segmenter, updates), (state.learners["discriminator"], of_d)):
        at = tf.constant(6, tf.int64)
        rate = learner.optimizer._learning_rate(at)
        assert float(rate) == pytest.approx((1 - 6 / length) ** 0.9, rel=1e-5)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop"])
def test_gradients_are_clipped_by_their_norm_over_all_variables(name):
    # Eight numbers of 3: a norm of 6 sqrt(2), to be 0.01.
    clipped = OptimizerConfig(name, learning_rate=0.1, clip_norm=0.01)
    given = float(0.01 / np.sqrt(8))
    direct = OptimizerConfig(name, learning_rate=0.1)
    assert after_gradient(clipped, 3.0) == pytest.approx(after_gradient(direct, given), rel=1e-5)
    if name == "sgd":
        assert after_gradient(clipped, 3.0)["kernel"] == pytest.approx(1 - 0.1 * given)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weight_decay": 0.1}, "is for --.*_optimizer=sgd, adamw, not adam"),
        ({"decay": 0.1, "rate": "poly"}, "_decay"),
        ({"rate": "step"}, "_rate_steps"),
        ({"rate_steps": (3,)}, "_rate=step"),
        ({"rate": "step", "rate_steps": (3, 2)}, "must increase"),
        ({"momentum": 1.0}, "momentum"),
        ({"momentum": 0.5}, "momentum=0.5: is for --.*_optimizer=sgd, not adam"),
        (
            {"optimizer": "sgd", "beta_2": 0.99},
            "beta_2=0.99: is for .*adam, adamw, torch_adam, not sgd",
        ),
        ({"clip_norm": -1.0}, "clip_norm"),
    ],
)
def test_what_makes_no_sense_is_refused(fields, message):
    with pytest.raises(UserError, match=message):
        OptimizerConfig(**fields)


def test_deeplabs_classifiers_learn_ten_times_as_fast_and_all_decays():
    model = deeplab_v2(3, 5, TINY, width=4)
    for variable in model.trainable_variables:
        variable.assign(tf.ones_like(variable))
    config = OptimizerConfig("sgd", learning_rate=0.1, momentum=0.0, weight_decay=0.5)
    learner = Learner(model, build_optimizer(config, model, LENGTH), "network")
    learner.apply([tf.zeros_like(variable) for variable in model.trainable_variables])
    fast = {id(variable) for variable in model.classifier_variables()}
    assert any(len(variable.shape) == 1 for variable in model.trainable_variables)
    for variable in model.trainable_variables:
        expected = 1 - 10 * 0.1 * 0.5 if id(variable) in fast else 1 - 0.1 * 0.5
        np.testing.assert_allclose(variable, np.full(variable.shape, expected), rtol=1e-6)


def test_float16_scales_losses_without_a_warning(caplog):
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = tf.keras.Sequential([tf.keras.layers.Dense(1, use_bias=False, input_shape=(1,))])
        model.set_weights([np.array([[2.0]], np.float32)])
        learner = Learner(model, tf.keras.optimizers.SGD(0.5), "segmenter")
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.cast(model(tf.constant([[1.0]])), tf.float32))
        gradients = learner.gradients(tape, loss)
        learner.apply(gradients)
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    np.testing.assert_allclose(gradients[0], [[1.0]])
    np.testing.assert_allclose(model.get_weights()[0], [[1.5]])
    assert "You forgot" not in caplog.text
