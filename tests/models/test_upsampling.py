"""Checkerboard patterns of upsampling on a constant map, and bilinear kernels."""

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.errors import UserError
from tfadvseg.models.ops.upsampling import bilinear_kernel, upsample
from tfadvseg.models.strided import strided


def checkerboard(upsampling: str, kernel: int, stride: int) -> float:
    """Unevenness of an upsampled constant map, without its border: (greatest - least) / mean.

    Map and kernels are constant, so only the layer's geometry can cause variation.
    """
    maps = tf.keras.Input((12, 12, 3))
    model = tf.keras.Model(
        maps,
        upsample(
            maps,
            2,
            stride,
            kernel,
            upsampling,
            "up",
            initializer="ones",
            allow_checkerboard=True,
        ),
    )
    upsampled = model(tf.ones([1, 12, 12, 3])).numpy()
    assert upsampled.shape == (1, 12 * stride, 12 * stride, 2)
    inside = upsampled[:, 2 * stride : -2 * stride, 2 * stride : -2 * stride]
    return float((inside.max() - inside.min()) / inside.mean())


@pytest.mark.parametrize(("kernel", "stride"), [(4, 2), (2, 2), (6, 2), (6, 3), (16, 8)])
def test_kernels_that_are_multiples_of_the_stride_leave_a_constant_map_constant(kernel, stride):
    assert checkerboard("transposed", kernel, stride) == pytest.approx(0, abs=1e-6)


# Along an axis, pixels alternate between 2 and 1 taps of 3: 4, 2, 2 and 1 of 9, 2.25 on average.
@pytest.mark.parametrize(("kernel", "expected"), [(3, 3 / 2.25), (5, (9 - 4) / 6.25)])
def test_other_kernels_print_a_checkerboard(kernel, expected):
    assert checkerboard("transposed", kernel, 2) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kernel", [3, 4, 5])
def test_interpolating_first_leaves_a_constant_map_constant(kernel):
    assert checkerboard("resize", kernel, 2) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("skips", [False, True])
def test_networks_refuse_uneven_kernels_saying_why(skips):
    with pytest.raises(UserError, match=r"--up_kernel=3: .*checkerboard.*2 and 1 of its taps"):
        strided(3, 2, skips, width=2, depth=2, up_kernel=3)
    assert strided(3, 2, skips, width=2, depth=2, up_kernel=3, allow_checkerboard=True)
    assert strided(3, 2, skips, width=2, depth=2, up_kernel=3, upsampling="resize")


@pytest.mark.parametrize("stride", [2, 8])
def test_bilinear_kernels_interpolate(stride):
    maps = tf.random.normal([1, 7, 9, 3])
    kernel = bilinear_kernel(stride, 3)
    size = [7 * stride, 9 * stride]
    ours = tf.nn.conv2d_transpose(maps, kernel, [1, *size, 3], stride)
    expected = tf.image.resize(maps, size)
    inside = (slice(None), slice(stride, -stride), slice(stride, -stride))
    np.testing.assert_allclose(ours[inside], expected[inside], atol=1e-5)
