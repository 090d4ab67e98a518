"""The D that pools its features to one logit, and its dropout."""

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.models.ops.channel_dropout import ChannelDropout
from tfadvseg.models.pooled_discriminator import pooled_discriminator


@pytest.mark.parametrize(
    ("size", "features"),
    [((32, 32), 4), ((48, 79), 6), ((224, 240), 4), ((336, 224), 6)],
)
def test_one_logit_of_windows_of_any_size(size, features):
    """3x4 cells of 48x79 are left, pooled 1 by 2; 21x14 of 336x224, pooled 7 by 7."""
    model = pooled_discriminator(size, 3, width=2)
    assert model(tf.zeros([2, *size, 3])).shape == (2, 1, 1, 1)
    assert model.get_layer("classifier").kernel.shape[0] == features * 16


def test_windows_that_vanish_are_refused():
    with pytest.raises(ValueError, match="at least 32"):
        pooled_discriminator((32, 31), 3)


def test_no_activation_follows_the_first_convolution():
    model = pooled_discriminator((32, 32), 1, width=2, dropout=0)
    names = [layer.name for layer in model.layers]
    assert names[1:4] == ["conv1", "conv2", "relu2"]


def test_dropout_drops_whole_channels_and_keeps_the_mean():
    layer = ChannelDropout(0.25)
    x = tf.ones([64, 3, 5, 32])
    np.testing.assert_array_equal(layer(x, training=False), x)
    y = layer(x, training=True).numpy()
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1, :1], y.shape))
    values, counts = np.unique(y, return_counts=True)
    np.testing.assert_allclose(values, [0, 4 / 3], rtol=1e-6)
    assert counts[0] / y.size == pytest.approx(0.25, abs=0.03)


def test_a_restored_dropout_goes_on_with_the_same_draws():
    x = tf.ones([4, 1, 1, 16])
    first, second = ChannelDropout(0.5), ChannelDropout(0.5)
    for layer in (first, second):
        layer.build(x.shape)
    one = first(x, training=True)
    assert not np.array_equal(one, second(x, training=True)), "each layer draws apart"
    second.set_weights(first.get_weights())
    next_one = first(x, training=True)
    assert not np.array_equal(one, next_one)
    np.testing.assert_array_equal(next_one, second(x, training=True))


def test_replicas_draw_apart(two_replicas):
    with two_replicas.scope():
        layer = ChannelDropout(0.5)
        layer.build([None, 1, 1, 64])
    drawn = two_replicas.run(lambda: layer(tf.ones([1, 1, 1, 64]), training=True))
    one, other = two_replicas.experimental_local_results(drawn)
    assert not np.array_equal(one, other)
    assert int(layer.state[1].numpy()) == 1
