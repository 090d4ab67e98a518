import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.errors import UserError
from tfadvseg.models.segnet import segnet

VGG16 = (2, 2, 3, 3, 3)


def convolutions(model: tf.keras.Model) -> list[tuple[int, int]]:
    """(input, output) channels of each convolution, in order."""
    return [
        tuple(layer.kernel.shape[2:])
        for layer in model.layers
        if isinstance(layer, tf.keras.layers.Conv2D)
    ]


def test_papers_shape():
    """Its 13 convolutions are those of VGG-16, and its decoder's are the same in reverse."""
    encoder = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256)]
    encoder += [(256, 512), (512, 512), (512, 512)] + [(512, 512)] * 3
    decoder = [(outputs, inputs) for inputs, outputs in reversed(encoder)]
    decoder[-1] = (64, 11)
    assert convolutions(segnet(3, 11, 64, VGG16)) == encoder + decoder


def test_published_darkfield_shape():
    """By the keys of its state, the first convolution narrows; the last stage has K channels."""
    encoder = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256)]
    decoder = [(256, 128), (128, 128), (128, 64), (64, 64), (64, 3), (3, 3)]
    assert convolutions(segnet(3, 3, decoder="darkfield")) == encoder + decoder


def test_published_darkfield_network_clips_its_logits():
    images = tf.random.normal([1, 16, 16, 3])
    assert float(tf.reduce_min(segnet(3, 3, 4, decoder="darkfield")(images))) == 0
    assert float(tf.reduce_min(segnet(3, 3, 4)(images))) < 0


def test_published_darkfield_network_is_drawn_as_pytorch_draws_it():
    """Uniform up to 1 / sqrt(fan_in); in the paper normal, after He et al."""
    bound = (9 * 64) ** -0.5
    kernel = segnet(3, 3, decoder="darkfield").get_layer("down0_2_conv").kernel.numpy()
    assert 0.99 * bound < np.abs(kernel).max() <= bound
    np.testing.assert_allclose(kernel.std(), bound / 3**0.5, rtol=0.02)
    kernel = segnet(3, 3).get_layer("down0_2_conv").kernel.numpy()
    np.testing.assert_allclose(kernel.std(), 2**0.5 * bound, rtol=0.02)


def test_clipped_logit_of_two_classes_is_refused():
    with pytest.raises(UserError, match=r"--segnet_decoder=darkfield.*class 0"):
        segnet(1, 1, decoder="darkfield")


def test_decoder_puts_features_where_the_encoder_found_them():
    model = segnet(1, 3, 4, (1, 1))
    layers = [model.get_layer(name).output for name in ("down0_1_relu", "up0_unpool")]
    features, unpooled = tf.keras.Model(model.input, layers)(tf.random.normal([1, 16, 16, 1]))
    # [rows, columns, pixel within the 2x2 window, channel]
    before, after = (
        np.reshape(maps[0], (8, 2, 8, 2, 4)).transpose(0, 2, 1, 3, 4).reshape(8, 8, 4, 4)
        for maps in (features, unpooled)
    )
    elsewhere = np.arange(4)[:, np.newaxis] != before.argmax(axis=2)[:, :, np.newaxis]
    assert after.any()
    assert not after[elsewhere].any()
