"""What every step with a D shares: losses that compare sides, the R1 penalty, balanced weights."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import SHARED
from tests.methods.adaptation_testing import (
    SINGLE_LEVEL,
    adaptation_batch,
    adaptation_step,
    multi_losses,
)
from tests.methods.adaptation_testing import learners as adaptation_learners
from tests.testing_utils import changed, phases_of, tiny_batch, tiny_config, tiny_state, values_of
from tfadvseg.config import DiscriminatorConfig, WeightSchedule
from tfadvseg.methods.adversarial import joint_step, segmenter_step
from tfadvseg.methods.adversaries import r1_gradients, squared_gradient_norms, with_r1
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.training.loop import compile_phase
from tfadvseg.training.state import Learner

D = "discriminator"
SGD = {"optimizer": "sgd", "learning_rate": 1.0, "momentum": 0.0}
PLAIN = {
    "s_optimizer": SGD,
    "d_optimizer": SGD,
    "discriminator": {"d_image": "none", "d_truth": "one_hot", "d_spectral_norm": False},
}
RATIO = {"lambda_adv": WeightSchedule(((0, 0.1),), ratio=True)}


def trainable(model: tf.keras.Model) -> list[np.ndarray]:
    return [variable.numpy() for variable in model.trainable_variables]


def own_maps(config, state, batch):
    """D's inputs: the label's maps and, as a function of S, S's."""
    del config
    real = tf.cast(batch["label"] == 1, tf.float32)[..., tf.newaxis]
    logits = state.segmenter.model(batch["image"], training=True)
    return real, class_probabilities(logits)[..., 1:], logits


@pytest.mark.parametrize("schedule", ["joint", "alternating"])
def test_relativistic_updates_are_those_of_the_published_losses(schedule):
    """By Jolicoeur-Martineau's algorithm 2, written out."""
    config = tiny_config(method={"gan": "relativistic", "schedule": schedule}, **PLAIN)
    state, batch = tiny_state(config), tiny_batch()
    bce = tf.nn.sigmoid_cross_entropy_with_logits
    d = state.learners[D].model
    with tf.GradientTape(persistent=True) as tape:
        real, fake, logits = own_maps(config, state, batch)
        on_real, on_fake = d(real), d(fake)
        from_fake = on_real - tf.reduce_mean(on_fake)
        from_real = on_fake - tf.reduce_mean(on_real)
        ones, zeros = tf.ones_like(on_real), tf.zeros_like(on_real)
        loss_d = 0.5 * tf.reduce_mean(bce(ones, from_fake) + bce(zeros, from_real))
        loss_adv = tf.reduce_mean(bce(zeros, from_fake) + bce(ones, from_real))
        target = tf.cast(batch["label"], tf.float32)
        loss_s = tf.reduce_mean(bce(target, logits[..., 0])) + 0.3 * loss_adv
    s_gradients = tape.gradient(loss_s, state.segmenter.model.trainable_variables)
    d_gradients = tape.gradient(loss_d, d.trainable_variables)
    before = trainable(state.segmenter.model), trainable(d)
    step = joint_step if schedule == "joint" else segmenter_step
    scalars = step(
        state.segmenter,
        state.learners[D],
        batch,
        tf.constant(0.3),
        config.discriminator,
        gan="relativistic",
    )
    assert float(scalars["segmenter/loss_adv"]) == pytest.approx(float(loss_adv), rel=1e-5)
    share = float(tf.reduce_mean(tf.cast(on_fake > tf.reduce_mean(on_real), tf.float32)))
    rate = scalars["d/fooling_rate"]
    assert float(rate.numerator / rate.denominator) == pytest.approx(share)
    for old, new, gradient in zip(
        before[0], trainable(state.segmenter.model), s_gradients, strict=True
    ):
        np.testing.assert_allclose(old - new, gradient, atol=2e-6)
    if schedule == "alternating":
        assert not changed(before[1], trainable(d))
        return
    assert float(scalars["d/loss_d"]) == pytest.approx(float(loss_d), rel=1e-5)
    for old, new, gradient in zip(before[1], trainable(d), d_gradients, strict=True):
        np.testing.assert_allclose(old - new, gradient, atol=2e-6)


@pytest.mark.parametrize(
    ("gan", "method"),
    [
        ("hinge", "joint"),
        ("relativistic", "alternating"),
        ("hinge", "adaptation"),
        pytest.param("relativistic", "joint", marks=pytest.mark.slow),
        pytest.param("hinge", "alternating", marks=pytest.mark.slow),
        pytest.param("relativistic", "adaptation", marks=pytest.mark.slow),
    ],
)
def test_every_phase_takes_every_loss_in_one_trace(gan, method):
    if method == "adaptation":
        changes = {"method": "adaptation"}
        target = {"target": {"dataset": "membranes", "crop_size": (16, 16)}}
        batch = {"source_image": tiny_batch()["image"], "source_label": tiny_batch()["label"]}
        batch["target_image"] = tiny_batch(seed=1)["image"]
    else:
        changes, target, batch = {"schedule": method}, {}, tiny_batch()
    r1 = {"discriminator": {"d_r1": 1.0, "d_r1_every": 2}}
    config = tiny_config(method={"gan": gan, **RATIO, **changes}, **target, **r1)
    state = tiny_state(config)
    for phase in phases_of(config, state):
        step = compile_phase(phase, tf.distribute.get_strategy(), xla=False)
        if phase.name == "discriminator":
            batch = {**batch, "is_real": tf.constant([True, False, False, True])}
        reports = [
            tf.nest.map_structure(float, step(batch, {"lambda_adv_ratio": tf.constant(share)}))
            for share in (0.1, 0.2, 0.0)
        ]
        for report in reports:
            assert all(np.isfinite(tf.nest.flatten(report)))
        if phase.name != "adversarial":
            # In the first and the third update of D, not in the second.
            assert [report["d/r1"].denominator for report in reports] == [1, 0, 1]
            assert reports[0]["d/r1"].numerator > 0 == reports[1]["d/r1"].numerator
        if phase.name != "discriminator":
            weights = [report["segmenter/lambda_adv"] for report in reports]
            assert weights[0] > 0 == weights[2]
        assert step.experimental_get_tracing_count() == 1


def test_relativistic_adaptation_compares_the_domains():
    """The scalars of a level are those of both domains' logits, source maps being constants."""
    segmenter, (judge,) = adaptation_learners(False)
    losses = multi_losses(gan="relativistic", **SINGLE_LEVEL)
    batch = adaptation_batch()
    before = values_of(segmenter.model), values_of(judge.model)
    source = tf.nn.softmax(segmenter.model(batch["source_image"], training=True))
    target = tf.nn.softmax(segmenter.model(batch["target_image"], training=True))
    with tf.GradientTape() as tape:
        on_source, on_target = judge.model(source), judge.model(target)
        bce = tf.nn.sigmoid_cross_entropy_with_logits
        from_target = on_source - tf.reduce_mean(on_target)
        from_source = on_target - tf.reduce_mean(on_source)
        zeros = tf.zeros_like
        loss_d = 0.5 * (
            tf.reduce_mean(bce(zeros(from_target), from_target))
            + tf.reduce_mean(bce(1 + zeros(from_source), from_source))
        )
    gradients = tape.gradient(loss_d, judge.model.trainable_variables)
    loss_adv = tf.reduce_mean(bce(zeros(from_source), from_source)) + tf.reduce_mean(
        bce(1 + zeros(from_target), from_target)
    )
    segmenter.model.set_weights(before[0])
    old = trainable(judge.model)
    scalars = adaptation_step(segmenter, [judge], [batch], losses)
    assert float(scalars["loss_d"]) == pytest.approx(float(loss_d), rel=1e-4)
    assert float(scalars["loss_adv"]) == pytest.approx(float(loss_adv), rel=1e-4)
    for a, b, gradient in zip(old, trainable(judge.model), gradients, strict=True):
        np.testing.assert_allclose((a - b) / 8.0, gradient, atol=2e-5)


@pytest.mark.needs_shared_data
@pytest.mark.parametrize("kind", ["linear", "quadratic", "patches"])
def test_r1_is_that_of_discriminators_whose_gradient_is_known(kind):
    folder = SHARED / "reference"
    if not folder.is_dir():
        pytest.skip(f"no reference numbers: {folder} is absent")
    settings = json.loads((folder / "gan_losses.json").read_text())
    with np.load(folder / "gan_losses.npz") as file:
        arrays = {name: tf.constant(value, tf.float32) for name, value in file.items()}
    maps = arrays["data_real"]
    with tf.GradientTape() as tape:
        tape.watch(maps)
        linear = tf.reduce_sum(arrays["linear"] * maps, axis=[1, 2, 3])
        logits = {
            "linear": linear + 0.3,
            "quadratic": tf.reduce_sum(arrays["quadratic"] * maps**2, axis=[1, 2, 3]) / 2,
            "patches": tf.stack(
                [linear, tf.reduce_sum(arrays["linear2"] * maps, axis=[1, 2, 3])], axis=-1
            ),
        }[kind]
    norms = squared_gradient_norms(logits, maps, tape)
    penalty = settings["gamma"] / 2 * tf.reduce_mean(norms)
    np.testing.assert_allclose(penalty, settings["penalties"][f"{kind}/r1"], rtol=1e-6)


def polynomial_d() -> Learner:
    """D(x) = sum over pixels of (w x)^2, whose gradient is 2 w^2 x."""
    maps = tf.keras.Input((2, 2, 1))
    scaled = tf.keras.layers.Conv2D(1, 1, use_bias=False, kernel_initializer="ones")(maps)
    logits = tf.keras.layers.Lambda(lambda x: tf.reduce_sum(x * x, axis=[1, 2, 3]))(scaled)
    return Learner(tf.keras.Model(maps, logits), tf.keras.optimizers.SGD(0.0), "d")


def test_r1_and_its_gradient_by_hand():
    d, config = polynomial_d(), DiscriminatorConfig(d_r1=3.0, d_r1_every=2)
    maps = tf.reshape(tf.range(8, dtype=tf.float32), [2, 2, 2, 1])
    # gamma / 2 * mean over images of sum (2 w^2 x)^2, at w = 1; its derivative is 4 times that.
    expected = 3.0 / 2 * 4 * sum(x * x for x in range(8)) / 2
    gradients, penalty = r1_gradients(d, maps, config)
    assert float(penalty) == pytest.approx(expected)
    assert gradients[0].numpy().item() == pytest.approx(4 * expected)
    for update, factor in enumerate((2, 0, 2, 0)):
        total, report = with_r1([tf.ones([1, 1, 1, 1])], d, maps, config)
        assert total[0].numpy().item() == pytest.approx(1 + factor * 4 * expected), update
        assert float(report["r1"].denominator) == (factor > 0)
        d.apply(total)


def test_a_penalty_leaves_spectral_norms_as_they_are():
    config = tiny_config(discriminator={"d_r1": 1.0})
    d = tiny_state(config).learners[D]
    before = values_of(d.model)
    r1_gradients(d, tf.random.normal([2, 16, 16, 2]), config.discriminator)
    assert not changed(before, values_of(d.model))


def test_a_ratio_s_weight_gives_the_adversarial_gradient_that_share():
    config = tiny_config(method=RATIO, **PLAIN)
    state, batch = tiny_state(config), tiny_batch()
    d = state.learners[D]
    norms, weights = [], []
    for _ in range(3):
        logits = tf.Variable(state.segmenter.model(batch["image"], training=True))
        with tf.GradientTape(persistent=True) as tape:
            target = tf.cast(batch["label"], tf.float32)
            bce = tf.nn.sigmoid_cross_entropy_with_logits
            seg = tf.reduce_mean(bce(target, logits[..., 0]))
            on_fake = d.model(class_probabilities(tf.convert_to_tensor(logits))[..., 1:])
            adv = tf.reduce_mean(bce(tf.ones_like(on_fake), on_fake))
        norms.append([float(tf.norm(tape.gradient(loss, logits))) for loss in (seg, adv)])
        scalars = joint_step(
            state.segmenter, d, batch, tf.constant(0.1), config.discriminator, gan="vanilla"
        )
        weights.append(float(scalars["segmenter/lambda_adv"]))
        # Averages over updates, the latest weighing most; their starting from 0 cancels.
        decay = 0.99 ** np.arange(len(norms))[::-1]
        of_seg, of_adv = decay @ np.array(norms)
        assert weights[-1] == pytest.approx(0.1 * of_seg / of_adv, rel=1e-3)
    assert len(set(weights)) == 3


def test_a_ratio_moves_s_as_the_weight_that_it_found():
    def after(lambda_adv, value):
        config = tiny_config(method=lambda_adv, **PLAIN)
        state = tiny_state(config)
        scalars = joint_step(
            state.segmenter, state.learners[D], tiny_batch(), value, config.discriminator
        )
        return trainable(state.segmenter.model), scalars

    by_ratio, scalars = after(RATIO, tf.constant(0.5))
    by_number, plain = after({}, scalars["segmenter/lambda_adv"])
    assert "segmenter/lambda_adv" not in plain
    for one, other in zip(by_ratio, by_number, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_ratio_is_part_of_the_checkpoint(tmp_path):
    config = tiny_config(method=RATIO)
    state = tiny_state(config)
    (phase,) = phases_of(config, state)
    weights = {"lambda_adv_ratio": tf.constant(0.1)}
    for _ in range(2):
        phase.step(tiny_batch(), weights)
    path = tf.train.Checkpoint(**state.learners).write(str(tmp_path / "c"))
    expected = phase.step(tiny_batch(seed=3), weights)
    resumed = tiny_state(config, seed=2)
    tf.train.Checkpoint(**resumed.learners).read(path).assert_consumed()
    (phase,) = phases_of(config, resumed)
    got = phase.step(tiny_batch(seed=3), weights)
    assert float(got["segmenter/lambda_adv"]) == float(expected["segmenter/lambda_adv"])
    without = tiny_state(tiny_config()).learners[D]
    assert without.balance is None


@pytest.mark.slow
@pytest.mark.parametrize("gan", ["hinge", "relativistic"])
def test_mixed_float16_learns_with_a_ratio_and_a_penalty(gan):
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    r1 = {"discriminator": {"d_r1": 0.1, "d_r1_every": 2}}
    config = tiny_config(method={"gan": gan, **RATIO}, **r1)
    state = tiny_state(config)
    (phase,) = phases_of(config, state)
    step = compile_phase(phase, tf.distribute.get_strategy(), xla=False)
    losses = [
        float(step(tiny_batch(), {"lambda_adv_ratio": tf.constant(0.1)})["segmenter/loss_seg"])
        for _ in range(20)
    ]
    assert losses[-1] < 0.6 * losses[0]
