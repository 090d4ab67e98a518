"""Moving statistics per domain, of networks of Keras's batch norm layers."""

import numpy as np
import pytest
import tensorflow as tf

from tests.testing_utils import MEMBRANES, changed, tiny_config, values_of
from tfadvseg.config import Config
from tfadvseg.methods.building import build_state
from tfadvseg.methods.levels import upsampled_logits
from tfadvseg.models.ops.domain_statistics import batch_norm_layers
from tfadvseg.models.ops.frozen_batch_norm import SOURCE, TARGET
from tfadvseg.training.state import Builder, Learner


def config(mode: str, segmenter: str = "unet") -> Config:
    network = {"segmenter": segmenter, "batch_norm": mode}
    if segmenter == "deeplabv3plus":
        network |= {"width": 0, "depth": 0}
    elif segmenter == "segnet":
        network |= {"depth": 0, "stage_convolutions": (1, 1)}
    return tiny_config(
        method={"method": "adabn"},
        target={"dataset": "membranes", "crop_size": (16, 16)},
        segmenter=network,
    )


def segmenter(mode: str, name: str = "unet") -> Learner:
    tf.keras.utils.set_random_seed(1)
    return build_state(Builder(config(mode, name), MEMBRANES)).segmenter


def noise(mean: float) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).normal(mean, 1, (2, 32, 32, 1)), tf.float32)


def means(learner: Learner) -> list[np.ndarray]:
    return [layer.moving_mean.numpy() for layer in batch_norm_layers(learner.model)]


@pytest.mark.parametrize(
    "name", ["unet", "segnet", pytest.param("deeplabv3plus", marks=pytest.mark.slow)]
)
def test_each_domain_moves_its_own(name):
    learner = segmenter("per_domain", name)
    forward = tf.function(upsampled_logits, autograph=False)
    start = means(learner)
    forward(learner, noise(3.0), SOURCE)
    assert not changed(start, means(learner)), "the network holds the target's"
    source = [variable.numpy() for variable in learner.statistics.source]
    forward(learner, noise(-3.0), TARGET)
    assert changed(start, means(learner))
    assert not changed(source, [variable.numpy() for variable in learner.statistics.source])
    moved = [s for s, t in zip(source[::2], start, strict=True) if not np.array_equal(s, t)]
    assert moved, "the source's moved, too"


def test_two_domains_apart_equal_two_networks_of_one_domain_each():
    both, source, target = (segmenter(mode) for mode in ("per_domain", "published", "published"))
    for mean in (1.0, 2.0):
        upsampled_logits(both, noise(mean), SOURCE)
        upsampled_logits(both, noise(-mean), TARGET)
        upsampled_logits(source, noise(mean), SOURCE)
        upsampled_logits(target, noise(-mean), TARGET)
    for got, expected in zip(means(both), means(target), strict=True):
        np.testing.assert_array_equal(got, expected)
    for got, expected in zip(both.statistics.source[::2], means(source), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_published_statistics_mix_the_domains_and_add_nothing_to_checkpoints():
    learner = segmenter("published")
    start = means(learner)
    upsampled_logits(learner, noise(3.0), SOURCE)
    assert changed(start, means(learner))
    assert not hasattr(learner, "statistics")


def test_frozen_batch_norm_neither_moves_nor_learns():
    learner = segmenter("frozen")
    before = values_of(learner.model)
    upsampled_logits(learner, noise(3.0), SOURCE)
    assert not changed(before, values_of(learner.model))
    trainable = {id(variable) for variable in learner.model.trainable_variables}
    for layer in batch_norm_layers(learner.model):
        assert id(layer.gamma) not in trainable


def test_replicas_keep_the_source_s_statistics_alike(two_replicas):
    with two_replicas.scope():
        learner = segmenter("per_domain")
    image = noise(3.0)

    @tf.function(autograph=False)
    def step():
        two_replicas.run(lambda: upsampled_logits(learner, image, SOURCE))

    start = means(learner)
    step()
    assert not changed(start, means(learner))
    alone = segmenter("per_domain")
    upsampled_logits(alone, image, SOURCE)
    for one, two in zip(alone.statistics.source[::2], learner.statistics.source[::2], strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)
