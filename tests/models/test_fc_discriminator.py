import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.models.fc_discriminator import fc_discriminator


def test_it_has_the_published_number_of_parameters():
    widths = (19, 64, 128, 256, 512, 1)
    expected = sum(16 * a * b + b for a, b in itertools.pairwise(widths))
    assert fc_discriminator(19).count_params() == expected == 2_781_121


@pytest.mark.parametrize("size", [(32, 32), (63, 95), (72, 136), (64, 100)])
def test_each_convolution_halves_and_rounds_down(size):
    logits = fc_discriminator(3, width=2)(tf.zeros([2, *size, 3]))
    assert logits.shape == [2, size[0] // 32, size[1] // 32, 1]


def convolved(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Windows of 4x4 every 2 pixels over [h,w,c] with one zero on every side, by definition."""
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    rows, columns = ((n - 4) // 2 + 1 for n in padded.shape[:2])
    return np.array(
        [
            [
                np.einsum("ijc,ijcf->f", padded[2 * y : 2 * y + 4, 2 * x : 2 * x + 4], kernel)
                for x in range(columns)
            ]
            for y in range(rows)
        ]
    )


def test_values_by_definition_at_odd_sizes():
    model = fc_discriminator(2, width=1)
    maps = np.random.default_rng(0).normal(size=(67, 33, 2)).astype(np.float32)
    x = maps
    for name in ("conv1", "conv2", "conv3", "conv4", "classifier"):
        layer = model.get_layer(name)
        x = convolved(x, layer.kernel.numpy()) + layer.bias.numpy()
        if name != "classifier":
            x = np.where(x > 0, x, 0.2 * x)
    np.testing.assert_allclose(model(maps[None])[0], x, rtol=1e-4, atol=1e-6)


def test_initial_weights_have_pytorch_s_bounds():
    model = fc_discriminator(19)
    for name, fan_in in (("conv1", 304), ("conv3", 2048)):
        for values in model.get_layer(name).get_weights():
            bound = fan_in**-0.5
            assert 0.9 * bound < np.abs(values).max() <= bound
            assert abs(values.std() - bound / 3**0.5) < 0.1 * bound
