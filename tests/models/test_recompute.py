"""Recomputed activations: less is kept in memory, and nothing else changes."""

import numpy as np
import pytest
import tensorflow as tf

from tests.testing_utils import changed, values_of
from tfadvseg.config.resolve import architecture
from tfadvseg.config.segmenter import SegmenterConfig
from tfadvseg.models.deeplab_v2 import RECOMPUTED_BLOCKS, TINY, Stage
from tfadvseg.models.ops.frozen_batch_norm import SOURCE, TARGET
from tfadvseg.models.segmenters import build_segmenter


def stage(recompute: bool, batch_norm: str, blocks: int = RECOMPUTED_BLOCKS + 1) -> Stage:
    """By default one that is recomputed in two parts."""
    tf.keras.utils.set_random_seed(1)
    made = Stage(blocks, 2, 1, 2, batch_norm, "1x1", recompute)
    made(tf.zeros([1, 4, 4, 3]), training=False, domain=SOURCE)
    return made


def gradients(layer: Stage, x: tf.Tensor, domain: int = SOURCE) -> list[tf.Tensor]:
    """Gradients of some loss, for the input and for every trainable variable."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.cast(layer(x, training=True, domain=domain), tf.float32)
        loss = tf.reduce_mean(tf.sin(3 * y))
    return tape.gradient(loss, [x, *layer.trainable_variables])


def assert_close(got: list, expected: list, tolerance: float = 1e-4) -> None:
    for one, other in zip(got, expected, strict=True):
        scale = max(np.abs(other).max(), 1e-3)
        np.testing.assert_allclose(one, other, atol=tolerance * scale)


def assert_same_training(batch_norm: str, domain: int, wrap) -> None:
    plain, again = (stage(recompute, batch_norm) for recompute in (False, True))
    before = values_of(plain)
    assert not changed(before, values_of(again))
    x = tf.random.normal([2, 9, 12, 3], mean=1)
    expected, got = (wrap(gradients)(layer, x, domain) for layer in (plain, again))
    assert max(np.abs(gradient).max() for gradient in expected[1:]) > 1e-2
    assert_close(got, expected)
    # Statistics that were updated twice would differ by a tenth.
    assert_close(values_of(again), values_of(plain), 1e-5)
    assert changed(before, values_of(again)) == (batch_norm != "frozen")


@pytest.mark.parametrize(
    ("batch_norm", "domain"),
    [
        ("published", SOURCE),
        pytest.param("frozen", SOURCE, marks=pytest.mark.slow),
        ("per_domain", TARGET),
    ],
)
def test_gradients_and_statistics_are_those_without(batch_norm, domain):
    assert_same_training(batch_norm, domain, tf.function)


def test_so_they_are_outside_a_graph():
    assert_same_training("published", SOURCE, lambda call: call)


@pytest.mark.slow
def test_so_they_are_over_two_replicas(two_replicas):
    x = tf.random.normal([2, 6, 6, 3])
    parts = two_replicas.experimental_distribute_values_from_function(
        lambda context: x[context.replica_id_in_sync_group :][:1]
    )
    outcomes = []
    for recompute in (False, True):
        with two_replicas.scope():
            layer = stage(recompute, "published", blocks=1)
        step = tf.function(lambda part, layer=layer: gradients(layer, part))
        per_replica = tf.nest.flatten(
            [two_replicas.experimental_local_results(g) for g in two_replicas.run(step, (parts,))]
        )
        outcomes.append([*per_replica, *values_of(layer)])
    assert_close(outcomes[1], outcomes[0])


def test_the_backward_pass_keeps_no_activation_of_a_stage():
    def kept(recompute: bool) -> int:
        """Inputs of batch norm that existed before any gradient."""
        layer = stage(recompute, "published")
        traced = tf.function(lambda x: gradients(layer, x))
        graph = traced.get_concrete_function(tf.TensorSpec([1, 6, 6, 3])).graph
        later: set[str] = set()  # operations that wait for the loss's gradient, a cosine
        count = 0
        for op in graph.get_operations():  # in the order in which they were made
            if op.type == "Cos" or any(tensor.op.name in later for tensor in op.inputs):
                later.add(op.name)
            if op.type == "FusedBatchNormGradV3":
                count += op.inputs[1].op.name not in later
        return count

    assert kept(False) == 3 * (RECOMPUTED_BLOCKS + 1) + 1
    assert kept(True) == 0


def test_without_training_it_makes_no_difference():
    plain, again = stage(False, "published"), stage(True, "published")
    x, before = tf.random.normal([1, 7, 5, 3]), values_of(again)
    expected, got = (layer(x, training=False, domain=TARGET) for layer in (plain, again))
    np.testing.assert_array_equal(got, expected)
    assert not changed(before, values_of(again))


@pytest.mark.slow
def test_mixed_precision_recomputes_in_its_own_precision():
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    x = tf.random.normal([2, 9, 12, 3])
    plain, again = (stage(recompute, "published") for recompute in (False, True))
    expected, got = (tf.function(gradients)(layer, x) for layer in (plain, again))
    assert {gradient.dtype for gradient in got} == {tf.float32}
    assert_close(got, expected, 0.02)


def test_the_configuration_s_own():
    config = SegmenterConfig("deeplab_v2", width=2, blocks=TINY, recompute=True)
    assert all(stage.recompute for stage in build_segmenter(config, 5, 3).body.stages)
    assert not architecture(config).recompute, "what is served trains no more"
