"""AdvSemiSeg, DAN and SegAN: losses that compare sides, ratios and masks, by gradients by hand."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.methods.test_conformance import assert_two_replicas_equal_one, config_for
from tests.methods.test_few_label_steps import advsemiseg_config, dan_config, few_labels, large
from tests.testing_utils import changed, noise_feed, tiny_config, tiny_state, values_of
from tfadvseg.config import Config, WeightSchedule
from tfadvseg.losses.segmentation import labels_where
from tfadvseg.methods.adversaries import r1_gradients
from tfadvseg.methods.advsemiseg import advsemiseg_step
from tfadvseg.methods.advsemiseg_parts import AdvSemiSegLosses
from tfadvseg.methods.confident_labels import confidence
from tfadvseg.methods.dan import dan_step, shown_to_d
from tfadvseg.methods.segan import segan_step
from tfadvseg.methods.supervised import segmentation_loss
from tfadvseg.models.ops.resampling import resize_aligned
from tfadvseg.models.outputs import class_probabilities, predicted_label
from tfadvseg.training.state import TrainState

SGD = {"optimizer": "sgd", "learning_rate": 1.0, "momentum": 0.0}
BY_HAND = {"s_optimizer": SGD, "d_optimizer": SGD}
RATIO = WeightSchedule(((0, 0.1),), ratio=True)
MASKED = {"d_ignored": "shown"}


def changing(config: Config, section: str, **changes) -> Config:
    replaced = dataclasses.replace(getattr(config, section), **changes)
    return dataclasses.replace(config, **{section: replaced})


def trainable(model: tf.keras.Model) -> list[np.ndarray]:
    return [variable.numpy() for variable in model.trainable_variables]


def bce(wanted: float, logits: tf.Tensor) -> tf.Tensor:
    return tf.nn.sigmoid_cross_entropy_with_logits(tf.fill(tf.shape(logits), wanted), logits)


def mean(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(values)


def compared(on_real: tf.Tensor, on_fake: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """D's and S's relativistic average losses, by Jolicoeur-Martineau's algorithm 2."""
    real, fake = on_real - mean(on_fake), on_fake - mean(on_real)
    return mean(bce(1.0, real)) + mean(bce(0.0, fake)), mean(bce(0.0, real)) + mean(bce(1.0, fake))


def assert_moved(before: list[np.ndarray], model: tf.keras.Model, gradients: list) -> None:
    """Checks the update of plain gradient descent with a rate of 1."""
    for old, new, gradient in zip(before, trainable(model), gradients, strict=True):
        np.testing.assert_allclose(old - new, 0 if gradient is None else gradient, atol=3e-6)


def number(value) -> float:
    return float(value.numerator / value.denominator)


def one_hot(label: tf.Tensor) -> tf.Tensor:
    return tf.one_hot(label, 2)


def test_advsemiseg_compares_true_maps_with_either_kind_of_predictions():
    """Two updates, of fewer unlabelled images than labelled ones."""
    config = advsemiseg_config(**BY_HAND)
    config = changing(changing(config, "discriminator", d_truth="one_hot"), "method")
    losses = AdvSemiSegLosses(0.3, 0.2, 0.4, threshold=0.5, gan="relativistic")
    state = tiny_state(config)
    s, d = state.segmenter.model, state.learners["discriminator"].model
    for update in range(2):
        batch = few_labels(4, 2)
        before = values_of(s)
        with tf.GradientTape(persistent=True) as tape:
            logits, others = (s(batch[n], training=True) for n in ("image", "unlabelled_image"))
            on_real, on_labelled, on_others = (
                resize_aligned(d(maps), (16, 16))
                for maps in (
                    one_hot(batch["label"]),
                    class_probabilities(logits),
                    class_probabilities(others),
                )
            )
            (d_one, adv), (d_two, semi_adv) = (
                compared(on_real, fake) for fake in (on_labelled, on_others)
            )
            loss_d = 0.5 * (4 / 6 * d_one + 2 / 6 * d_two)
            sure = tf.sigmoid(on_others - mean(on_real))[..., 0] >= 0.5
            semi = segmentation_loss(others, labels_where(sure, predicted_label(others)))
            loss_s = segmentation_loss(logits, batch["label"])
            loss_s += 0.3 * adv + 0.2 * semi_adv + 0.4 * semi
        s_gradients = tape.gradient(loss_s, s.trainable_variables)
        d_gradients = tape.gradient(loss_d, d.trainable_variables)
        s.set_weights(before)
        old = trainable(s), trainable(d)
        networks = state.segmenter, state.learners["discriminator"]
        scalars = advsemiseg_step(*networks, batch, losses, config.discriminator)
        assert_moved(old[0], s, s_gradients)
        assert_moved(old[1], d, d_gradients)
        for name, value in (("loss_adv", adv), ("loss_semi_adv", semi_adv), ("loss_semi", semi)):
            assert float(scalars[f"segmenter/{name}"]) == pytest.approx(float(value), rel=1e-4)
        assert float(scalars["d/loss_d"]) == pytest.approx(float(loss_d), rel=1e-4), update
        share = float(mean(tf.cast(sure, tf.float32)))
        assert number(scalars["segmenter/semi_share"]) == pytest.approx(share)


def test_confidence_by_comparison():
    logits = tf.constant([[[[1.0], [2.0]]]])
    np.testing.assert_allclose(
        confidence(logits, "relativistic", tf.constant(2.0))[0, 0], [0.26894, 0.5], atol=1e-5
    )


def test_advsemiseg_s_ratio_weighs_the_labelled_images_term():
    config = changing(advsemiseg_config(**BY_HAND), "method", lambda_adv=RATIO)
    batch, weights = few_labels(), []
    state = tiny_state(config)
    s, d = state.segmenter.model, state.learners["discriminator"].model
    before = values_of(s)
    logits = tf.Variable(s(batch["image"], training=True))
    s.set_weights(before)
    with tf.GradientTape(persistent=True) as tape:
        seg = segmentation_loss(tf.convert_to_tensor(logits), batch["label"])
        maps = class_probabilities(tf.convert_to_tensor(logits))
        adv = mean(bce(1.0, resize_aligned(d(maps), (16, 16))))
    of_seg, of_adv = (float(tf.norm(tape.gradient(loss, logits))) for loss in (seg, adv))
    losses = AdvSemiSegLosses(tf.constant(0.1))
    for _ in range(2):
        networks = state.segmenter, state.learners["discriminator"]
        scalars = advsemiseg_step(*networks, batch, losses, config.discriminator)
        weights.append(float(scalars["segmenter/lambda_adv"]))
    assert weights[0] == pytest.approx(0.1 * of_seg / of_adv, rel=1e-3)
    assert weights[1] != weights[0]

    # The first update is that of the weight which the ratio found.
    plain = advsemiseg_config(**BY_HAND)
    moved = []
    for each, value in ((config, 0.1), (plain, weights[0])):
        state = tiny_state(each)
        networks = state.segmenter, state.learners["discriminator"]
        advsemiseg_step(*networks, batch, AdvSemiSegLosses(tf.constant(value)), each.discriminator)
        moved.append(trainable(state.segmenter.model))
    for one, other in zip(*moved, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_advsemiseg_s_d_learns_masks_of_other_images_in_place_of_labels():
    config = changing(advsemiseg_config(**BY_HAND), "discriminator", d_truth_tau=0.95, **MASKED)
    batch = few_labels()
    mask = 1 - batch["label"]
    batch |= {"mask": mask, "label": tf.fill(tf.shape(mask), 255)}
    losses = AdvSemiSegLosses(lambda_adv=0.5, lambda_semi_adv=0.0, lambda_semi=0.0)
    state = tiny_state(config)
    s, d = state.segmenter.model, state.learners["discriminator"].model
    for _ in range(2):
        before = values_of(s)
        with tf.GradientTape(persistent=True) as tape:
            fakes = [
                resize_aligned(d(class_probabilities(s(batch[name], training=True))), (16, 16))
                for name in ("unlabelled_image", "image")
            ]
            on_real = resize_aligned(d(0.05 + 0.9 * one_hot(mask)), (16, 16))
            loss_d = 0.5 * (mean(bce(1.0, on_real)) + mean(bce(0.0, tf.concat(fakes, axis=0))))
            loss_s = 0.5 * mean(bce(1.0, fakes[1]))  # no pixel has a label
        s_gradients = tape.gradient(loss_s, s.trainable_variables)
        d_gradients = tape.gradient(loss_d, d.trainable_variables)
        s.set_weights(before)
        old = trainable(s), trainable(d)
        networks = state.segmenter, state.learners["discriminator"]
        scalars = advsemiseg_step(*networks, batch, losses, config.discriminator)
        assert float(scalars["d/loss_d"]) == pytest.approx(float(loss_d), rel=1e-4)
        assert_moved(old[0], s, s_gradients)
        assert_moved(old[1], d, d_gradients)


def test_with_masks_labels_reach_no_loss_of_advsemiseg_s_d():
    after = []
    for flipped in (False, True):
        state = tiny_state(advsemiseg_config())
        state.segmenter.apply = lambda gradients: None  # through S labels do reach D
        batch = few_labels()
        batch["mask"] = batch["label"]
        batch["label"] = 1 - batch["label"] if flipped else batch["label"]
        d = state.learners["discriminator"]
        config = advsemiseg_config().discriminator
        advsemiseg_step(state.segmenter, d, batch, AdvSemiSegLosses(), config)
        after.append(values_of(d.model))
    assert not changed(*after)


def test_advsemiseg_s_batches_come_with_masks():
    config = changing(advsemiseg_config(), "method", masks_split="train")
    feed = noise_feed(config, tiny_state(config))
    for batch in (
        next(iter(feed.labelled_and_unlabelled(0, 0))),
        feed.first_labelled_and_unlabelled(2),
    ):
        assert batch["mask"].shape == batch["label"].shape


def dan_by_hand(state: TrainState, batch: dict, config: Config, compares: bool) -> tuple:
    """S's gradients of the weighted loss, both losses' gradients at its logits, and D's maps."""
    s, d = state.segmenter.model, state.learners["discriminator"].model
    images = tf.concat([batch["image"], batch["unlabelled_image"]], axis=0)
    before = values_of(s)
    with tf.GradientTape(persistent=True) as tape:
        logits = s(images, training=True)
        on_labelled, on_others = tf.split(
            d(shown_to_d(class_probabilities(logits), images, config.discriminator)), [4, 2]
        )
        seg, adv = segmentation_loss(logits[:4], batch["label"]), mean(bce(1.0, on_others))
        if compares:
            on_labelled = tf.stop_gradient(on_labelled)
            adv = compared(on_labelled, on_others)[1]
        loss_s = seg + 0.3 * adv
    gradients = tape.gradient(loss_s, s.trainable_variables)
    at_logits = [tape.gradient(loss, logits) for loss in (seg, adv)]
    s.set_weights(before)
    return gradients, at_logits, images, float(adv)


def test_dan_compares_the_two_kinds_of_images():
    config = changing(dan_config(discriminator="pooled"), "s_optimizer", **SGD)
    config = changing(config, "d_optimizer", **SGD)
    state, batch = tiny_state(config), large(few_labels(4, 2))
    s, d = state.segmenter.model, state.learners["discriminator"].model
    for _ in range(2):
        s_gradients, _, images, adv = dan_by_hand(state, batch, config, compares=True)
        old = trainable(s), trainable(d)
        scalars = dan_step(
            state.segmenter,
            state.learners["discriminator"],
            batch,
            tf.constant(0.3),
            config.discriminator,
            gan="relativistic",
        )
        assert_moved(old[0], s, s_gradients)
        assert float(scalars["segmenter/loss_adv"]) == pytest.approx(adv, rel=1e-4)
        moved = values_of(d)
        for variable, value in zip(d.trainable_variables, old[1], strict=True):
            variable.assign(value)
        with tf.GradientTape() as tape:
            maps = class_probabilities(s(images, training=False))
            on_labelled, on_others = tf.split(
                d(shown_to_d(maps, images, config.discriminator)), [4, 2]
            )
            # All six images weigh the same.
            right = bce(1.0, on_labelled - mean(on_others))
            wrong = bce(0.0, on_others - mean(on_labelled))
            loss_d = mean(tf.concat([right, wrong], axis=0))
        d_gradients = tape.gradient(loss_d, d.trainable_variables)
        d.set_weights(moved)
        assert_moved(old[1], d, d_gradients)
        assert float(scalars["d/loss_d"]) == pytest.approx(float(loss_d), rel=1e-4)


def test_dan_s_ratio_weighs_its_term_at_s_s_logits():
    config = changing(
        changing(dan_config(discriminator="pooled"), "s_optimizer", **SGD),
        "method",
        lambda_adv=RATIO,
    )
    state, batch = tiny_state(config), large(few_labels(4, 2))
    _, (of_seg, of_adv), _, _ = dan_by_hand(state, batch, config, compares=False)
    networks = state.segmenter, state.learners["discriminator"]
    scalars = dan_step(*networks, batch, tf.constant(0.1), config.discriminator)
    found = float(scalars["segmenter/lambda_adv"])
    assert found == pytest.approx(0.1 * float(tf.norm(of_seg) / tf.norm(of_adv)), rel=1e-3)
    again = dan_step(*networks, batch, tf.constant(0.1), config.discriminator)
    assert float(again["segmenter/lambda_adv"]) != found


def test_dan_s_penalty_is_taken_at_predictions_on_labelled_images():
    config = dan_config(discriminator="pooled", d_r1=2.0, d_r1_every=2)
    state, batch = tiny_state(config), large(few_labels(4, 2))
    state.segmenter.apply = lambda gradients: None
    d = state.learners["discriminator"]
    maps = class_probabilities(state.segmenter.model(batch["image"], training=False))
    maps = tf.stop_gradient(shown_to_d(maps, batch["image"], config.discriminator))
    # D is asked in inference mode after S's own pass has moved batch norm's statistics: S's
    # moving averages are those of the update, so that only the order of magnitude is by hand.
    _, penalty = r1_gradients(d, maps, config.discriminator)
    reports = [
        dan_step(state.segmenter, d, batch, tf.constant(0.1), config.discriminator)["d/r1"]
        for _ in range(2)
    ]
    assert [float(report.denominator) for report in reports] == [1, 0]
    assert float(reports[0].numerator) == pytest.approx(float(penalty), rel=0.5)


def test_segan_s_ratio_weighs_the_critic_s_loss():
    config = tiny_config(
        method={"method": "segan", "lambda_adv": RATIO},
        data={"crop_size": (32, 32)},
        s_optimizer=SGD,
    )
    batch = large(few_labels())
    moved, weight = [], tf.constant(0.1)
    for each in (config, changing(config, "method", lambda_adv=((0, 1.0),))):
        state = tiny_state(each)
        scalars = segan_step(state.segmenter, state.learners["discriminator"], batch, weight, 0.05)
        moved.append(trainable(state.segmenter.model))
        weight = scalars.get("segmenter/lambda_adv", weight)
    assert float(weight) > 0
    for one, other in zip(*moved, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("advsemiseg", {"gan": "relativistic", "masks_split": "train"}),
        ("dan", {"gan": "relativistic"}),
        ("segan", {}),
    ],
)
def test_two_replicas_compare_and_balance_as_one(name, changes, two_replicas):
    method = {"method": name, "lambda_adv": RATIO} | changes
    config = config_for(name, method=method, discriminator={"d_dropout": 0.0})
    assert_two_replicas_equal_one(config, two_replicas)
