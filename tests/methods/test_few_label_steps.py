"""AdvSemiSeg and DAN: which terms move which network, and what unlabelled images may change."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.testing_utils import changed, tiny_batch, tiny_config, tiny_state, values_of
from tfadvseg.config import Config, DiscriminatorConfig
from tfadvseg.losses.segmentation import cross_entropy
from tfadvseg.methods.advsemiseg import advsemiseg_step
from tfadvseg.methods.advsemiseg_parts import AdvSemiSegLosses
from tfadvseg.methods.confident_labels import confidence
from tfadvseg.methods.dan import dan_step
from tfadvseg.models.ops.domain_statistics import batch_norm_layers
from tfadvseg.models.outputs import predicted_label
from tfadvseg.training.state import TrainState

SGD = {"optimizer": "sgd", "learning_rate": 0.05}
PLAIN = {"s_optimizer": SGD, "d_optimizer": SGD}
ALL = AdvSemiSegLosses(lambda_adv=0.5, lambda_semi_adv=0.5, lambda_semi=1.0, threshold=0.0)


def few_labels(size: int = 4, unlabelled: int = 4) -> dict[str, tf.Tensor]:
    return tiny_batch(size) | {"unlabelled_image": 1.5 * tiny_batch(unlabelled, seed=1)["image"]}


def advsemiseg_config(**changes) -> Config:
    patch = {"discriminator": "patch", "d_width": 4, "d_depth": 2, "d_spectral_norm": False}
    return tiny_config(method={"method": "advsemiseg"}, discriminator=patch, **PLAIN | changes)


def dan_config(batch_norm: str = "published", **shown) -> Config:
    pooled = {"d_width": 4, "d_dropout": 0.0} | shown
    return tiny_config(
        method={"method": "dan"},
        discriminator=pooled,
        data={"crop_size": (32, 32)},
        segmenter={"batch_norm": batch_norm},
        **PLAIN,
    )


def scalars_of(
    losses: AdvSemiSegLosses, batch: dict[str, tf.Tensor], d_truth: str = "scaling"
) -> tuple[dict, TrainState]:
    """Scalars of one update from the same weights, and the networks after it."""
    state = tiny_state(advsemiseg_config())
    d = DiscriminatorConfig(d_truth=d_truth)
    scalars = advsemiseg_step(state.segmenter, state.learners["discriminator"], batch, losses, d)
    return scalars, state


def test_pseudo_labels_are_s_s_own_classes_where_d_is_confident():
    batch = few_labels()
    state = tiny_state(advsemiseg_config())
    logits = state.segmenter.model(batch["unlabelled_image"], training=True)
    own = float(tf.reduce_mean(cross_entropy(logits, predicted_label(logits))))
    scalars, _ = scalars_of(ALL, batch)
    assert float(scalars["segmenter/loss_semi"]) == pytest.approx(own, rel=1e-4)
    share = scalars["segmenter/semi_share"]
    assert float(share.numerator) == float(share.denominator) == 4 * 16 * 16


def test_without_a_confident_pixel_the_adversarial_term_stays():
    batch = few_labels()
    none = dataclasses.replace(ALL, threshold=1.1)
    scalars, state = scalars_of(none, batch)
    assert float(scalars["segmenter/loss_semi"]) == 0
    assert float(scalars["segmenter/semi_share"].numerator) == 0
    _, without = scalars_of(dataclasses.replace(none, lambda_semi=0.0), batch)
    _, still = scalars_of(dataclasses.replace(none, lambda_semi_adv=0.0), batch)
    after = values_of(state.segmenter.model)
    assert not changed(after, values_of(without.segmenter.model))
    assert changed(after, values_of(still.segmenter.model))


@pytest.mark.parametrize("term", ["lambda_adv", "lambda_semi_adv", "lambda_semi"])
def test_each_weight_moves_s_and_no_weight_of_s_moves_d(term):
    batch = few_labels()
    _, every = scalars_of(ALL, batch)
    _, one_less = scalars_of(dataclasses.replace(ALL, **{term: 0.0}), batch)
    assert changed(values_of(every.segmenter.model), values_of(one_less.segmenter.model)), (
        f"{term} reaches S"
    )
    for got, expected in zip(
        values_of(every.learners["discriminator"].model),
        values_of(one_less.learners["discriminator"].model),
        strict=True,
    ):
        np.testing.assert_allclose(got, expected, atol=1e-7)


def test_ignored_pixels_have_no_part_in_losses_of_d_s_answers():
    """With all labels ignored, D learns of unlabelled images alone, and S of no labelled one."""
    batch = few_labels()
    batch["label"] = tf.fill(tf.shape(batch["label"]), 255)
    scalars, _ = scalars_of(ALL, batch)
    assert float(scalars["segmenter/loss_seg"]) == float(scalars["segmenter/loss_adv"]) == 0
    assert float(scalars["d/loss_d"]) > 0


def test_confidence_is_the_label_that_d_answers():
    logits = tf.constant([[[[-1.0], [0.0], [0.25], [3.0]]]])
    np.testing.assert_allclose(
        confidence(logits, "vanilla")[0, 0], [0.26894, 0.5, 0.56218, 0.95257], atol=1e-5
    )
    np.testing.assert_allclose(confidence(logits, "ls")[0, 0], [0, 0, 0.25, 1])
    np.testing.assert_allclose(confidence(logits, "hinge")[0, 0], [0, 0.5, 0.625, 1])


def dan_update(config: Config, batch: dict[str, tf.Tensor], lambda_adv: float) -> TrainState:
    state = tiny_state(config)
    d = state.learners["discriminator"]
    dan_step(state.segmenter, d, batch, lambda_adv, config.discriminator)
    return state


def large(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The batch with four times the pixels, which the pooled D needs."""
    return {
        name: tf.repeat(tf.repeat(values, 2, axis=1), 2, axis=2) for name, values in batch.items()
    }


@pytest.mark.parametrize("d_image", ["none", "concat"])
def test_dan_s_adversarial_term_moves_s(d_image):
    batch, config = large(few_labels(4, 2)), dan_config(d_image=d_image)
    alone, against = (dan_update(config, batch, weight) for weight in (0.0, 0.5))
    assert changed(values_of(alone.segmenter.model), values_of(against.segmenter.model))


def test_dan_s_d_never_sees_a_label():
    batch, config = large(few_labels()), dan_config()
    state = tiny_state(config)
    d = state.learners["discriminator"]
    before = values_of(d.model)
    # S does not move: through it labels do reach what D is shown.
    state.segmenter.apply = lambda gradients: None
    dan_step(state.segmenter, d, batch, 0.1, config.discriminator)
    first = values_of(d.model)
    assert changed(before, first)

    other = tiny_state(config)
    other.segmenter.apply = lambda gradients: None
    poisoned = batch | {"label": 1 - batch["label"]}
    dan_step(other.segmenter, other.learners["discriminator"], poisoned, 0.1, config.discriminator)
    assert not changed(first, values_of(other.learners["discriminator"].model))


def statistics_after(name: str, batch: dict[str, tf.Tensor]) -> tuple[list, list]:
    """Moving statistics of labelled and of unlabelled images after an update, kept per domain."""
    if name == "dan":
        config, batch = dan_config("per_domain"), large(batch)
    else:
        config = advsemiseg_config(segmenter={"batch_norm": "per_domain"})
    state = tiny_state(config)
    d = state.learners["discriminator"]
    if name == "dan":
        dan_step(state.segmenter, d, batch, 0.1, config.discriminator, two_domains=True)
    else:
        advsemiseg_step(state.segmenter, d, batch, ALL, config.discriminator)
    layers = batch_norm_layers(state.segmenter.model)
    unlabelled = [v.numpy() for n in layers for v in (n.moving_mean, n.moving_variance)]
    return [variable.numpy() for variable in state.segmenter.statistics.source], unlabelled


@pytest.mark.parametrize("name", ["dan", "advsemiseg"])
def test_statistics_per_domain_are_those_of_one_kind_of_images(name):
    batch = few_labels()
    labelled, unlabelled = statistics_after(name, batch)
    others = statistics_after(name, batch | {"image": batch["image"] + 1})
    assert changed(labelled, others[0]) and not changed(unlabelled, others[1])
    others = statistics_after(name, batch | {"unlabelled_image": batch["unlabelled_image"] + 1})
    assert not changed(labelled, others[0]) and changed(unlabelled, others[1])
