import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.models.discriminators import encoder_discriminator, patch_discriminator
from tfadvseg.models.outputs import class_probabilities, output_channels, predicted_label
from tfadvseg.models.unet import unet


def trainable_parameters(model: tf.keras.Model) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def biases_before_batch_norms(model: tf.keras.Model) -> int:
    norms = [
        layer for layer in model.layers if isinstance(layer, tf.keras.layers.BatchNormalization)
    ]
    return sum(int(layer.gamma.shape[0]) for layer in norms)


def test_unet_has_the_published_number_of_parameters_but_for_idle_biases():
    model = unet(1, 1, width=32, depth=4)
    assert trainable_parameters(model) + biases_before_batch_norms(model) == 7_851_969


def test_encoder_discriminator_has_the_published_number_of_parameters():
    model = encoder_discriminator((128, 128), 1, width=32, depth=4)
    assert trainable_parameters(model) + biases_before_batch_norms(model) == 4_748_385


@pytest.mark.parametrize("size", [(16, 16), (17, 30), (5, 3)])
@pytest.mark.parametrize(("channels", "classes"), [(1, 2), (3, 5)])
def test_unet_takes_any_size(size, channels, classes):
    model = unet(channels, output_channels(classes), width=4, depth=2)
    logits = model(tf.random.normal([2, *size, channels]), training=False)
    assert logits.shape == [2, *size, output_channels(classes)]
    assert class_probabilities(logits).shape == [2, *size, classes]
    assert predicted_label(logits).shape == [2, *size]


def test_padding_does_not_reach_far_into_the_image():
    model = unet(1, 1, width=4, depth=2)
    image = tf.random.normal([1, 64, 64, 1])
    whole = model(image, training=False)
    part = model(image[:, :62, :62], training=False)
    # The receptive field of two poolings is 44 pixels: 22 to each side.
    np.testing.assert_allclose(part[:, :36, :36], whole[:, :36, :36], atol=1e-5)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_logits_are_float32_in_every_precision(policy):
    tf.keras.mixed_precision.set_global_policy(policy)
    maps = tf.random.normal([2, 16, 16, 1])
    for model in (
        unet(1, 1, 4, 2),
        encoder_discriminator((16, 16), 1, 4, 2),
        patch_discriminator(1, 4, 2),
        patch_discriminator(1, 4, 2, spectral_norm=True),
    ):
        assert model(maps, training=False).dtype == tf.float32


def test_patch_discriminator_takes_any_size():
    model = patch_discriminator(3, width=4, depth=3)
    assert model(tf.zeros([2, 64, 32, 3])).shape == [2, 8, 4, 1]
    assert model(tf.zeros([1, 20, 33, 3])).shape == [1, 3, 5, 1]


def test_encoder_discriminator_refuses_sizes_it_cannot_halve():
    with pytest.raises(ValueError, match=r"\(20, 16\).*multiple of 8"):
        encoder_discriminator((20, 16), 1, 4, 3)


def test_spectral_norm_bounds_the_gain_of_each_convolution():
    model = patch_discriminator(1, width=4, depth=1, spectral_norm=True)
    for _ in range(30):
        model(tf.random.normal([2, 16, 16, 1]), training=True)
    for weight in model.trainable_weights:
        if len(weight.shape) == 4:
            matrix = weight.numpy().reshape(-1, weight.shape[-1])
            assert np.linalg.svd(matrix, compute_uv=False)[0] == pytest.approx(1, rel=1e-2)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_spectral_norm_keeps_kernels_in_float32_whatever_the_precision(policy):
    maps = tf.random.stateless_normal([2, 16, 16, 1], [1, 2])
    exact = patch_discriminator(1, width=8, depth=2, spectral_norm=True)
    tf.keras.mixed_precision.set_global_policy(policy)
    try:
        mixed = patch_discriminator(1, width=8, depth=2, spectral_norm=True)
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    mixed.set_weights(exact.get_weights())
    for _ in range(3):
        of_exact, of_mixed = exact(maps, training=True), mixed(maps, training=True)
    np.testing.assert_allclose(of_mixed, of_exact, rtol=0.1, atol=0.05)
    for one, other in zip(mixed.get_weights(), exact.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_probabilities_and_prediction_agree():
    for channels in (1, 4):
        logits = tf.random.normal([2, 8, 8, channels])
        probabilities = class_probabilities(logits)
        np.testing.assert_allclose(tf.reduce_sum(probabilities, -1), np.ones((2, 8, 8)), rtol=1e-5)
        np.testing.assert_array_equal(tf.argmax(probabilities, -1), predicted_label(logits))
