import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.compat.addons import import_keras_cv
from tfadvseg.errors import UserError
from tfadvseg.models.deeplabv3plus import deeplabv3plus, resnet_encoder


def test_encoder_has_strides_4_and_16():
    low_level, high_level = resnet_encoder(3, "resnet18_v2")(tf.zeros([1, 64, 96, 3]))
    assert low_level.shape == [1, 16, 24, 64]
    assert high_level.shape == [1, 4, 6, 512]


@pytest.mark.slow
def test_bottleneck_encoder():
    low_level, high_level = resnet_encoder(1, "resnet50_v2")(tf.zeros([1, 32, 32, 1]))
    assert low_level.shape == [1, 8, 8, 256]
    assert high_level.shape == [1, 2, 2, 2048]


def test_head_is_the_papers():
    """Chen et al. 2018: rates 6, 12 and 18 at output stride 16, and 48 low-level channels."""
    model = deeplabv3plus(3, 5, "resnet18_v2")
    rates = {rate: model.get_layer(f"pyramid{rate}_conv").dilation_rate for rate in (6, 12, 18)}
    assert rates == {rate: (rate, rate) for rate in (6, 12, 18)}
    channels = {
        name: tuple(model.get_layer(f"{name}_conv").kernel.shape)
        for name in ("pyramid1", "pyramid12", "pyramid_image", "low_level", "decoder1", "decoder2")
    }
    assert channels == {
        "pyramid1": (1, 1, 512, 256),
        "pyramid12": (3, 3, 512, 256),
        "pyramid_image": (1, 1, 512, 256),
        "low_level": (1, 1, 64, 48),
        "decoder1": (3, 3, 256 + 48, 256),
        "decoder2": (3, 3, 256, 256),
    }
    names = ("pyramid_mean", "low_level_relu", "decoder2_relu")
    parts = tf.keras.Model(model.input, [model.get_layer(name).output for name in names])
    pooled, low_level, decoded = parts(tf.zeros([1, 64, 96, 3]))
    assert pooled.shape == (1, 1, 1, 512)
    assert low_level.shape[1:3] == decoded.shape[1:3] == (16, 24)


@pytest.mark.filterwarnings("ignore:`(Model.state|layer.)_?updates` will be removed")
@pytest.mark.parametrize("name", ["encoder.h5", "encoder.weights.h5"])
def test_encoder_takes_weights_that_kerascv_saved(name, tmp_path):
    theirs = import_keras_cv().models.ResNetV2Backbone(
        stackwise_filters=[64, 128, 256, 512],
        stackwise_blocks=[2, 2, 2, 2],
        stackwise_strides=[1, 2, 2, 2],
        include_rescaling=False,
        input_shape=(None, None, 3),
        block_type="basic_block",
    )
    theirs.save_weights(tmp_path / name)
    model = deeplabv3plus(3, 1, "resnet18_v2", str(tmp_path / name))
    ours = model.get_layer("resnet18_v2")
    for got, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_weights_of_another_encoder_are_refused(tmp_path):
    path = str(tmp_path / "encoder.h5")
    resnet_encoder(3, "resnet18_v2").save_weights(path)
    with pytest.raises(UserError, match=r"encoder\.h5: not weights of this resnet34_v2"):
        resnet_encoder(3, "resnet34_v2", path)


@pytest.mark.slow
def test_building_prints_nothing():
    """KerasCV announces its backend when it is imported."""
    code = (
        "from tfadvseg.models.deeplabv3plus import resnet_encoder;"
        "import sys; assert 'keras_cv' not in sys.modules;"
        "resnet_encoder(3, 'resnet18_v2')"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert run.stdout == "" and run.stderr == ""
