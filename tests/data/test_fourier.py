"""Fourier domain adaptation of images: properties of the swap."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tfadvseg.data.fourier import swap_low_amplitudes

SIZES = st.tuples(st.integers(4, 12), st.integers(4, 12))


def images(size: tuple[int, int], seed: int) -> tf.Tensor:
    drawn = np.random.default_rng(seed).uniform(0, 255, (2, *size, 3))
    return tf.constant(drawn, tf.float32)


def amplitudes(image: tf.Tensor) -> np.ndarray:
    return np.abs(np.fft.fft2(np.asarray(image, np.float64), axes=(1, 2)))


@given(SIZES)
def test_a_window_of_size_0_changes_nothing(size):
    image = images(size, 0)
    np.testing.assert_array_equal(swap_low_amplitudes(image, images(size, 1), 0.0), image)


@given(SIZES)
def test_the_whole_spectrum_gives_the_style_s_amplitudes(size):
    style = images(size, 1)
    swapped = swap_low_amplitudes(images(size, 0), style, 0.5)
    np.testing.assert_allclose(amplitudes(swapped), amplitudes(style), rtol=1e-3, atol=0.5)


@given(SIZES, st.sampled_from([0.05, 0.1, 0.25]))
def test_frequencies_beyond_the_window_keep_their_amplitudes(size, beta):
    image, style = images(size, 0), images(size, 1)
    reach = int(beta * min(size))
    swapped = amplitudes(swap_low_amplitudes(image, style, beta))
    distance = [np.minimum(np.arange(n), n - np.arange(n)) for n in size]
    low = (distance[0][:, None] <= reach) & (distance[1][None, :] <= reach)
    for inside, expected in ((low, style), (~low, image)):
        np.testing.assert_allclose(
            swapped[:, inside], amplitudes(expected)[:, inside], rtol=1e-3, atol=0.5
        )


def test_an_image_in_its_own_style_stays_itself():
    image = images((8, 9), 0)
    np.testing.assert_allclose(swap_low_amplitudes(image, image, 0.25), image, atol=1e-2)


@pytest.mark.parametrize("beta", [0.01, 0.09])
def test_the_mean_is_the_style_s(beta):
    """The lowest frequency is taken with any window, as in the published code."""
    image, style = images((16, 16), 0), images((16, 16), 1) / 2
    swapped = swap_low_amplitudes(image, style, beta)
    means = [tf.reduce_mean(each, [1, 2]) for each in (swapped, style)]
    np.testing.assert_allclose(*means, rtol=1e-4)
