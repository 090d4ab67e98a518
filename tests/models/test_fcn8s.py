import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.compat.addons import import_keras_cv
from tfadvseg.compat.legacy_keras import needs_tf_keras
from tfadvseg.errors import UserError
from tfadvseg.models.backbone_weights import load_backbone_weights
from tfadvseg.models.fcn8s import fcn8s, vgg16


@pytest.fixture(scope="module")
def kerascv_vgg16(tmp_path_factory):
    """KerasCV's VGG-16 without its dense layers, and a file of its weights."""
    if needs_tf_keras():
        pytest.skip("KerasCV's VGG-16 takes its layers from Keras 3, whatever the others use")
    model = import_keras_cv().models.VGG16Backbone(
        include_rescaling=False, include_top=False, input_shape=(None, None, 3)
    )
    path = tmp_path_factory.mktemp("vgg") / "vgg16.h5"
    model.save_weights(path)
    return model, str(path)


def test_body_is_vgg16_and_takes_its_weights(kerascv_vgg16):
    theirs, path = kerascv_vgg16
    body = vgg16(3)
    load_backbone_weights(body, path)
    images = tf.random.normal([1, 32, 64, 3])
    *_, ours = body(images)
    np.testing.assert_allclose(ours, theirs(images), rtol=1e-5, atol=1e-6)


def test_weights_of_another_network_are_refused(kerascv_vgg16, tmp_path):
    _, path = kerascv_vgg16
    with pytest.raises(UserError, match=r"--backbone_weights=.*vgg16 for images of 3 channels"):
        fcn8s(3, 5, width=2, backbone_weights=path)
    with pytest.raises(UserError, match="vgg16 for images of 1 channels"):
        fcn8s(1, 5, backbone_weights=path)


def test_the_network_starts_from_the_files_weights(tmp_path):
    small = vgg16(3, 2)
    small.save_weights(tmp_path / "small.weights.h5")
    model = fcn8s(3, 5, width=2, backbone_weights=str(tmp_path / "small.weights.h5"))
    for got, expected in zip(
        model.get_layer("vgg16").get_weights(), small.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(("name", "words"), [("none.h5", "no such file"), ("a.npz", "HDF5")])
def test_files_that_cannot_hold_weights_are_refused(name, words, tmp_path):
    (tmp_path / "a.npz").write_text("not weights")
    with pytest.raises(UserError, match=f"--backbone_weights=.*{name}: .*{words}"):
        fcn8s(3, 5, width=2, backbone_weights=str(tmp_path / name))


def test_damaged_file_is_refused(tmp_path):
    (tmp_path / "a.h5").write_text("not weights")
    with pytest.raises(UserError, match=r"a\.h5: not weights of this vgg16"):
        fcn8s(3, 5, width=2, backbone_weights=str(tmp_path / "a.h5"))


@pytest.mark.parametrize("size", [(33, 47), (3, 1)])
def test_upsampling_by_resizing_takes_any_size_and_learns(size):
    model = fcn8s(3, 4, width=2, upsampling="resize")
    with tf.GradientTape() as tape:
        logits = model(tf.random.normal([1, *size, 3]), training=True)
        loss = tf.reduce_mean(tf.square(logits - 1))
    assert logits.shape == [1, *size, 4]
    gradients = tape.gradient(loss, model.trainable_variables)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    last = [
        g for g, v in zip(gradients, model.trainable_variables, strict=True) if "logits" in v.name
    ]
    assert any(np.abs(gradient).max() > 0 for gradient in last)


def test_scores_of_three_strides_are_added():
    """If all scores are constant, the logits are their sum: bilinear upsampling keeps constants."""
    model = fcn8s(3, 4, width=2)
    for name, value in (("score7", 1.0), ("score4", 10.0), ("score3", 100.0)):
        kernel, bias = model.get_layer(name).weights
        kernel.assign(tf.zeros_like(kernel))
        bias.assign(tf.fill(bias.shape, value))
    logits = model(tf.random.normal([1, 128, 128, 3]), training=False)
    np.testing.assert_allclose(logits[0, 48:80, 48:80], np.full((32, 32, 4), 111.0), rtol=1e-5)
