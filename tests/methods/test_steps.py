"""The step functions: the variables each updates, and separate gradients of the networks."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.testing_utils import changed, phases_of, tiny_batch, tiny_config, tiny_state, values_of
from tfadvseg.losses.gan import FAKE, REAL, discriminator_loss, segmenter_loss
from tfadvseg.losses.segmentation import cross_entropy
from tfadvseg.methods.adversarial import discriminator_step, joint_step, segmenter_step
from tfadvseg.methods.supervised import supervised_step
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.training.loop import compile_phase

D = "discriminator"
ENCODER = {"discriminator": {"discriminator": "encoder", "d_image": "none", "d_truth": "one_hot"}}


SGD = {"optimizer": "sgd", "learning_rate": 1.0, "momentum": 0.0}
PLAIN = {"s_optimizer": SGD, "d_optimizer": SGD}
"""Moves weights by their gradients."""


def trainable(model: tf.keras.Model) -> list[np.ndarray]:
    return [variable.numpy() for variable in model.trainable_variables]


def test_supervised_loss_falls():
    state = tiny_state(tiny_config())
    step = tf.function(supervised_step)
    losses = [float(step(state.segmenter, tiny_batch())["segmenter/loss_seg"]) for _ in range(20)]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("changes", [{}, ENCODER])
def test_joint_step_reports_and_updates_both(changes):
    config = tiny_config(**changes)
    state = tiny_state(config)
    before = values_of(state.segmenter.model), values_of(state.learners[D].model)
    scalars = joint_step(
        state.segmenter,
        state.learners[D],
        tiny_batch(),
        tf.constant(0.1),
        config.discriminator,
    )
    assert set(scalars) == {
        "segmenter/loss_seg",
        "segmenter/loss_adv",
        "d/loss_d",
        "d/accuracy_real",
        "d/accuracy_fake",
        "d/fooling_rate",
        "d/logit_min",
        "d/logit_max",
    }
    assert changed(before[0], values_of(state.segmenter.model))
    assert changed(before[1], values_of(state.learners[D].model))


def first_update(config, lambda_adv, d_label_smoothing=0.0, seed=1):
    """Weights of S and D after one joint step from the same start."""
    state = tiny_state(config, seed)
    shown = dataclasses.replace(config.discriminator, d_label_smoothing=d_label_smoothing)
    joint_step(
        state.segmenter,
        state.learners[D],
        tiny_batch(),
        tf.constant(lambda_adv),
        shown,
    )
    return trainable(state.segmenter.model), trainable(state.learners[D].model)


@pytest.mark.parametrize("changes", [{}, ENCODER])
def test_gradients_of_s_and_d_are_isolated(changes):
    config = tiny_config(**changes)
    s_0, d_0 = first_update(config, 0.0)
    s_1, d_1 = first_update(config, 10.0)
    s_2, d_2 = first_update(config, 0.0, d_label_smoothing=0.4)
    assert changed(s_0, s_1), "lambda_adv must reach S"
    assert not changed(d_0, d_1), "lambda_adv must not reach D"
    assert not changed(s_0, s_2), "D's loss must not reach S"
    assert changed(d_0, d_2), "D's loss must reach D"


def test_joint_step_equals_separate_forward_passes():
    """One forward pass of D on S's maps gives both tapes the same as two would."""
    config = tiny_config(**ENCODER, **PLAIN)
    batch = tiny_batch()
    joint = tiny_state(config)
    scalars = joint_step(
        joint.segmenter,
        joint.learners[D],
        batch,
        tf.constant(0.5),
        config.discriminator,
    )

    state = tiny_state(config)
    s, d = state.segmenter.model, state.learners[D].model
    truth = tf.cast(batch["label"], tf.float32)[..., tf.newaxis]
    with tf.GradientTape() as tape:
        logits = s(batch["image"], training=True)
        maps = class_probabilities(logits)[..., 1:]
        adversarial = tf.reduce_mean(segmenter_loss(d(maps, training=True), REAL))
        loss_seg = tf.reduce_mean(cross_entropy(logits, batch["label"]))
        loss = loss_seg + 0.5 * adversarial
    s_gradients = tape.gradient(loss, s.trainable_variables)
    with tf.GradientTape() as tape:
        real = tf.reduce_mean(discriminator_loss(d(truth, training=True), REAL))
        fake = tf.reduce_mean(discriminator_loss(d(tf.stop_gradient(maps), training=True), FAKE))
        loss_d = (real + fake) / 2
    d_gradients = tape.gradient(loss_d, d.trainable_variables)
    state.segmenter.apply(s_gradients)
    state.learners[D].apply(d_gradients)
    for network, expected in (
        (joint.segmenter.model, s),
        (joint.learners[D].model, d),
    ):
        for got, weight in zip(trainable(network), trainable(expected), strict=True):
            np.testing.assert_allclose(got, weight, atol=1e-5)
    losses = {
        "segmenter/loss_seg": loss_seg,
        "segmenter/loss_adv": adversarial,
        "d/loss_d": loss_d,
    }
    for name, loss in losses.items():
        assert float(scalars[name]) == pytest.approx(float(loss), rel=1e-5), name


@pytest.mark.parametrize(
    ("changes", "logits_a_map"), [({"discriminator": {"d_spectral_norm": True}}, 16), (ENCODER, 1)]
)
def test_alternating_steps_update_one_network_each(changes, logits_a_map):
    config = tiny_config(**changes)
    state = tiny_state(config)
    batch = tiny_batch() | {"is_real": tf.constant([True, False, False, True])}
    s_before, d_before = (
        trainable(state.segmenter.model),
        trainable(state.learners[D].model),
    )
    segmenter_step(
        state.segmenter,
        state.learners[D],
        batch,
        tf.constant(1.0),
        config.discriminator,
    )
    s_after = values_of(state.segmenter.model)
    assert changed(s_before, trainable(state.segmenter.model))
    assert not changed(d_before, trainable(state.learners[D].model))
    scalars = discriminator_step(state.segmenter, state.learners[D], batch, config.discriminator)
    assert not changed(s_after, values_of(state.segmenter.model)), "nor S's batch-norm statistics"
    assert changed(d_before, trainable(state.learners[D].model))
    assert float(scalars["d/accuracy_real"].denominator) == 2 * logits_a_map


def test_d_learns_to_distinguish_labels_from_maps():
    config = tiny_config(**ENCODER)
    state = tiny_state(config)
    s, d = state.segmenter.model, state.learners[D].model
    batch = tiny_batch() | {"is_real": tf.constant([True, False, False, True])}
    maps = class_probabilities(s(batch["image"], training=False))[..., 1:]
    truth = tf.cast(batch["label"], tf.float32)[..., tf.newaxis]
    real = batch["is_real"][:, tf.newaxis, tf.newaxis, tf.newaxis]
    logits = d(tf.where(real, truth, maps), training=True)
    losses = tf.where(real, discriminator_loss(logits, REAL), discriminator_loss(logits, FAKE))
    step = discriminator_step(state.segmenter, state.learners[D], batch, config.discriminator)
    assert float(step["d/loss_d"]) == pytest.approx(float(tf.reduce_mean(losses)), rel=1e-5)


def test_frozen_d_normalises_by_batch_statistics():
    """D's moving statistics are far off, so inference mode would give another answer."""
    config = tiny_config(**ENCODER)
    state = tiny_state(config)
    args = (tiny_batch(), tf.constant(1.0), config.discriminator)
    expected = float(
        segmenter_step(state.segmenter, state.learners[D], *args)["segmenter/loss_adv"]
    )
    state = tiny_state(config)
    for weight in state.learners[D].model.non_trainable_weights:
        weight.assign(weight + 100.0)
    got = float(segmenter_step(state.segmenter, state.learners[D], *args)["segmenter/loss_adv"])
    assert got == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("is_real", [[True] * 4, [False] * 4])
def test_a_mixed_batch_of_one_kind_counts_nothing_of_the_other(is_real):
    config = tiny_config()
    state = tiny_state(config)
    batch = tiny_batch() | {"is_real": tf.constant(is_real)}
    scalars = discriminator_step(state.segmenter, state.learners[D], batch, config.discriminator)
    assert np.isfinite(float(scalars["d/loss_d"]))
    real = float(scalars["d/accuracy_real"].denominator)
    fake = float(scalars["d/accuracy_fake"].denominator)
    assert (real > 0, fake > 0) == (is_real[0], not is_real[0])


@pytest.mark.parametrize("schedule", ["joint", pytest.param("alternating", marks=pytest.mark.slow)])
def test_changing_lambda_and_learning_rates_retraces_nothing(schedule):
    falling = {"s_optimizer": {"decay": 0.5}, "d_optimizer": {"rate": "cosine", "warmup": 1}}
    config = tiny_config(method={"schedule": schedule, "compare": ("standard",)}, **falling)
    state = tiny_state(config)
    strategy = tf.distribute.get_strategy()
    for phase in phases_of(config, state):
        step = compile_phase(phase, strategy, xla=False)
        batch = tiny_batch()
        if phase.name == "discriminator":
            batch["is_real"] = tf.constant([True, False, False, True])
        for lambda_adv in (0.1, 1.0, 0.0):
            step(batch, {"lambda_adv": tf.constant(lambda_adv)})
        assert step.experimental_get_tracing_count() == 1


def test_a_lambda_of_zero_throughout_builds_no_discriminator():
    config = tiny_config(method={"lambda_adv": ((0, 0.0), (3, 0.0))})
    state = tiny_state(config)
    assert "discriminator" not in state.learners
    assert [phase.name for phase in phases_of(config, state)] == ["supervised"]
    assert "discriminator" not in tiny_state(tiny_config(method={"method": "supervised"})).learners
    later = tiny_config(method={"lambda_adv": ((0, 0.0), (3, 0.1))})
    assert "discriminator" in tiny_state(later).learners


def test_compared_networks_start_from_the_same_weights():
    state = tiny_state(tiny_config(method={"compare": ("standard",)}))
    assert not changed(
        values_of(state.segmenter.model), values_of(state.learners["standard"].model)
    )


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_steps_learn_in_mixed_precision(precision):
    tf.keras.mixed_precision.set_global_policy(precision)
    config = tiny_config(method={"compare": ("standard",)})
    state = tiny_state(config)
    (phase,) = phases_of(config, state)
    step = compile_phase(phase, tf.distribute.get_strategy(), xla=False)
    losses = [
        float(step(tiny_batch(), {"lambda_adv": tf.constant(0.1)})["segmenter/loss_seg"])
        for _ in range(20)
    ]
    assert losses[-1] < 0.6 * losses[0]
