"""DeepLab-v2: sizes, dilation, levels, and batch norm."""

import numpy as np
import pytest
import tensorflow as tf

from tests.testing_utils import changed, values_of
from tfadvseg.models.deeplab_v2 import RESNET50, TINY, Bottleneck, deeplab_v2, max_pool_ceil
from tfadvseg.models.deeplab_v2_vgg import deeplab_v2_vgg
from tfadvseg.models.multi_level import ATROUS_RATES, AtrousClassifier
from tfadvseg.models.ops.frozen_batch_norm import SOURCE, TARGET, FrozenAffineBatchNorm


def tiny(**options):
    return deeplab_v2(3, 5, TINY, width=4, **options)


def pooled_by_hand(row: np.ndarray) -> list[float]:
    """Windows of 3 every 2 pixels, the first one pixel outside, the last one still touching."""
    starts = range(-1, len(row), 2)
    return [max(row[max(start, 0) : start + 3]) for start in starts if start < len(row)]


@pytest.mark.parametrize("size", range(1, 10))
def test_max_pooling_rounds_sizes_up(size):
    row = np.random.default_rng(size).normal(size=size).astype(np.float32) - 5
    by_width = max_pool_ceil(tf.constant(row[None, None, :, None]), training=True)
    by_height = max_pool_ceil(tf.constant(row[None, :, None, None]), training=True)
    np.testing.assert_array_equal(by_width[0, 0, :, 0], pooled_by_hand(row))
    np.testing.assert_array_equal(by_height[0, :, 0, 0], pooled_by_hand(row))


@pytest.mark.parametrize("size", [(1, 1), (8, 9), (31, 64)])
def test_max_pooling_is_the_same_in_training_and_outside(size):
    random = np.random.default_rng(0).normal(size=(2, *size, 3)).astype(np.float32)
    x = tf.nn.relu(random)
    outside = max_pool_ceil(x, training=False)
    np.testing.assert_array_equal(outside, max_pool_ceil(x, training=True))


@pytest.mark.parametrize(
    ("size", "expected"),
    [((72, 136), (10, 18)), ((64, 96), (9, 13)), ((65, 33), (9, 5)), ((1, 7), (1, 2))],
)
@pytest.mark.parametrize("stride_place", ["1x1", "3x3"])
def test_levels_have_an_eighth_of_the_resolution(size, expected, stride_place):
    model = tiny(stride_place=stride_place)
    images = tf.random.normal([2, *size, 3])
    levels = model.level_logits(images, training=True)
    assert [level.shape.as_list() for level in levels] == [[2, *expected, 5]] * 2
    assert model(images, training=False).shape == [2, *size, 5]


def test_logits_are_upsampled_with_corners_in_place():
    model = tiny()
    images = tf.random.normal([1, 40, 56, 3])
    logits = model.level_logits(images, training=False)[-1]
    full = model(images, training=False)
    for row, column in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        np.testing.assert_allclose(full[0, row, column], logits[0, row, column], atol=1e-5)


def test_within_a_graph_of_unknown_sizes():
    model = tiny()
    call = tf.function(
        lambda images: model(images, training=False),
        input_signature=[tf.TensorSpec([None, None, None, 3])],
    )
    for size in ((17, 40), (32, 9)):
        images = tf.random.normal([1, *size, 3])
        np.testing.assert_allclose(call(images), model(images), atol=1e-4)


@pytest.mark.parametrize("dilation", [1, 2, 4])
def test_a_bottleneck_looks_as_far_as_its_dilation(dilation):
    block = Bottleneck(2, 1, dilation, True, "frozen", "1x1")
    block(tf.zeros([1, 13, 13, 3]), training=False, domain=SOURCE)
    block.conv2.kernel.assign(tf.ones_like(block.conv2.kernel))
    for layer in (block.conv1, block.conv3):
        layer.kernel.assign(tf.ones_like(layer.kernel))
    block.shortcut_conv.kernel.assign(tf.zeros_like(block.shortcut_conv.kernel))
    impulse = np.zeros([1, 13, 13, 3], np.float32)
    impulse[0, 6, 6] = 1
    reached = {
        (int(y) - 6, int(x) - 6)
        for y, x in np.argwhere(block(impulse, training=False, domain=SOURCE)[0, :, :, 0] > 0)
    }
    steps = (-dilation, 0, dilation)
    assert reached == {(dy, dx) for dy in steps for dx in steps}


@pytest.mark.parametrize("branches", [2, 4])
def test_the_classifier_sums_its_branches(branches):
    classifier = AtrousClassifier(1, branches)
    classifier.build(tf.TensorShape([None, None, None, 2]))
    for index, convolution in enumerate(classifier.convolutions):
        convolution.kernel.assign(tf.fill(convolution.kernel.shape, 10.0**index))
        convolution.bias.assign([0.5])
    impulse = np.zeros([1, 51, 51, 2], np.float32)
    impulse[0, 25, 25, 0] = 1
    logits = classifier(impulse)[0, :, :, 0].numpy()
    biases = 0.5 * branches
    assert logits[25, 25] == pytest.approx(sum(10.0**i for i in range(branches)) + biases)
    for index, rate in enumerate(ATROUS_RATES):
        expected = biases + (10.0**index if index < branches else 0)
        for dy, dx in ((rate, rate), (0, -rate), (-rate, 0)):
            assert logits[25 + dy, 25 + dx] == pytest.approx(expected)
    assert len(classifier.weights) == 8, "all four branches are in a published checkpoint"
    assert len(classifier.trainable_weights) == 2 * branches


def test_a_single_level_network_is_the_deeper_half_of_the_other():
    multi, single = tiny(), tiny(multi_level=False)
    aux = sum(weight.shape.num_elements() for weight in multi.classifiers[0].weights)
    assert multi.count_params() - single.count_params() == aux > 0
    single.body.set_weights(multi.body.get_weights())
    single.classifiers[0].set_weights(multi.classifiers[1].get_weights())
    images = tf.random.normal([1, 33, 47, 3])
    (logits,) = single.level_logits(images, training=False)
    np.testing.assert_array_equal(logits, multi.level_logits(images, training=False)[1])


def test_the_stride_s_place_matters_and_changes_no_shape():
    first, second = tiny(stride_place="1x1"), tiny(stride_place="3x3")
    second.set_weights(first.get_weights())
    images = tf.random.normal([1, 64, 64, 3])
    assert not np.allclose(first(images), second(images), atol=1e-3)


@pytest.mark.slow
def test_a_resnet_50_body_has_as_many_parameters_as_torchvision_s_without_its_classifier():
    body = deeplab_v2(3, 1, RESNET50, multi_level=False).body
    moving = sum(w.shape.num_elements() for w in body.weights if "moving" in w.name)
    assert body.count_params() - moving == 25_557_032 - 2_049_000


@pytest.mark.slow
def test_vgg_16_has_an_eighth_of_the_resolution_and_the_known_number_of_parameters():
    model = deeplab_v2_vgg(3, 5, width=4)
    assert model.level_logits(tf.zeros([1, 50, 73, 3]), training=True)[0].shape == [1, 6, 9, 5]
    assert model(tf.zeros([1, 50, 73, 3])).shape == [1, 50, 73, 5]
    convolutions = [layer for _, layer in deeplab_v2_vgg(3, 5).body.numbered_convolutions()]
    # torchvision's VGG-16 without its classifier.
    assert sum(layer.count_params() for layer in convolutions[:13]) == 14_714_688
    assert [layer.dilation_rate[0] for layer in convolutions[9:]] == [1, 2, 2, 2, 4, 4]


def batch(seed: int = 0, mean: float = 3.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 2.0, (2, 3, 4, 5)).astype(np.float32)


def norm(mode: str) -> FrozenAffineBatchNorm:
    layer = FrozenAffineBatchNorm(mode)
    layer.build(tf.TensorShape([None, None, None, 5]))
    layer.gamma.assign([1.0, 2.0, 3.0, 4.0, 5.0])
    layer.beta.assign([0.0, 1.0, 0.0, -1.0, 0.0])
    return layer


def test_published_batch_norm_moves_statistics_as_pytorch_does():
    layer, x = norm("published"), batch()
    y = layer(x, training=True)
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    expected = (x - mean) / np.sqrt(variance + 1e-5) * layer.gamma.numpy() + layer.beta.numpy()
    np.testing.assert_allclose(y, expected, atol=1e-4)
    np.testing.assert_allclose(layer.moving_means[0], 0.1 * mean, rtol=1e-5)
    unbiased = x.var((0, 1, 2), ddof=1)
    np.testing.assert_allclose(layer.moving_variances[0], 0.9 + 0.1 * unbiased, rtol=1e-5)
    moved = [np.array(weight) for weight in layer.get_weights()]
    y = layer(x, training=False)
    expected = (x - moved[2]) / np.sqrt(moved[3] + 1e-5) * moved[0] + moved[1]
    np.testing.assert_allclose(y, expected, atol=1e-4)
    assert not changed(moved, layer.get_weights())


def test_frozen_batch_norm_uses_and_keeps_the_moving_statistics():
    layer, x = norm("frozen"), tf.constant(batch())
    before = layer.get_weights()
    np.testing.assert_array_equal(layer(x, training=True), layer(x, training=False))
    assert not changed(before, layer.get_weights())
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(layer(x, training=True))
    expected = layer.gamma.numpy() / np.sqrt(1 + 1e-5)
    np.testing.assert_allclose(tape.gradient(total, x)[0, 0, 0], expected, rtol=1e-5)


def test_each_domain_can_have_statistics_of_its_own():
    layer = norm("per_domain")
    source, target = batch(0, 3.0), batch(1, -7.0)
    layer(source, training=True, domain=SOURCE)
    np.testing.assert_array_equal(layer.moving_means[TARGET], np.zeros(5))
    layer(target, training=True, domain=TARGET)
    np.testing.assert_allclose(layer.moving_means[0], 0.1 * source.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_means[1], 0.1 * target.mean((0, 1, 2)), rtol=1e-5)
    on_source = layer(target, training=False, domain=SOURCE)
    assert not np.allclose(on_source, layer(target, training=False, domain=TARGET))


@pytest.mark.parametrize("mode", ["published", "frozen", "per_domain"])
def test_scale_and_offset_are_out_of_every_optimizer_s_reach(mode):
    model = tiny(batch_norm=mode)
    names = {variable.name.split("/")[-1] for variable in model.trainable_variables}
    assert names == {"kernel:0", "bias:0"}
    before = [v for v in model.get_weights()]
    model.level_logits(tf.random.normal([1, 33, 33, 3]), training=True, domain=TARGET)
    assert changed(before, values_of(model)) == (mode != "frozen")


def test_over_replicas_statistics_are_the_global_batch_s_and_still_unbiased(two_replicas):
    x = batch(mean=100.0)
    alone = norm("published")
    expected = alone(x, training=True)
    with two_replicas.scope():
        replicated = norm("published")
    parts = two_replicas.experimental_distribute_values_from_function(
        lambda context: tf.constant(x[context.replica_id_in_sync_group :][:1])
    )
    normalise = tf.function(lambda part: replicated(part, training=True))
    got = two_replicas.experimental_local_results(two_replicas.run(normalise, args=(parts,)))
    np.testing.assert_allclose(np.concatenate(got), expected, atol=1e-3)
    for one, other in zip(alone.weights, replicated.weights, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_gives_float32_logits_and_keeps_statistics_in_float32(policy):
    exact = tiny()
    tf.keras.mixed_precision.set_global_policy(policy)
    mixed = tiny()
    mixed.set_weights(exact.get_weights())
    images = tf.random.normal([1, 65, 65, 3])
    expected, got = exact(images, training=False), mixed(images, training=False)
    assert got.dtype == tf.float32
    assert np.abs(got - expected).max() < 0.05 * np.abs(expected).max()
    assert {variable.dtype for variable in mixed.variables} == {tf.float32}
