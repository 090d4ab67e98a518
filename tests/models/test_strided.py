import pytest
import tensorflow as tf

from tfadvseg.models.strided import strided


@pytest.mark.parametrize(
    ("skips", "channels_up"),
    [
        (False, [(256, 128), (128, 64), (64, 32), (32, 12)]),
        # In each doubling except the first, the encoder adds as many channels again.
        (True, [(256, 128), (256, 64), (128, 32), (64, 12)]),
    ],
    ids=["fcn", "strided_unet"],
)
def test_shape_of_the_demonstrations_networks(skips, channels_up):
    model = strided(3, 12, skips)
    layers = [layer for layer in model.layers if isinstance(layer, tf.keras.layers.Conv2D)]
    assert {layer.kernel_size for layer in layers} == {(4, 4)}
    assert {layer.strides for layer in layers} == {(2, 2)}
    down, up = layers[:4], layers[4:]
    assert [tuple(layer.kernel.shape[2:]) for layer in down] == [
        (3, 32), (32, 64), (64, 128), (128, 256)
    ]  # fmt: skip
    assert all(isinstance(layer, tf.keras.layers.Conv2DTranspose) for layer in up)
    # Kernels of transposed convolutions have outputs before inputs.
    assert [tuple(layer.kernel.shape[:1:-1]) for layer in up] == channels_up
    *hidden, logits = layers
    assert {layer.activation.__name__ for layer in hidden} == {"relu"}
    assert logits.activation.__name__ == "linear"


def test_skips_join_features_of_the_same_resolution():
    model = strided(3, 12, skips=True, width=2)
    features = tf.keras.Model(
        model.input, [model.get_layer(f"{kind}1").output for kind in ("down", "up", "join")]
    )
    down, up, joined = features(tf.random.normal([1, 32, 48, 3]))
    assert down.shape == (1, 8, 12, 4)
    tf.debugging.assert_equal(joined, tf.concat([up, down], axis=-1))
