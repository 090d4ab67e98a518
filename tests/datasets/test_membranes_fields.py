"""Smooth random fields."""

import numpy as np
import pytest

from tfadvseg_datasets.membranes.fields import smooth_noise, soft_step


@pytest.mark.parametrize("scale", [1.0, 3, 40])
def test_noise_has_mean_0_and_variance_1_everywhere(scale):
    rng = np.random.default_rng(0)
    fields = np.stack([smooth_noise(rng, (24, 33), scale) for _ in range(600)])
    assert fields.dtype == np.float32
    np.testing.assert_allclose(fields.mean(axis=0), 0, atol=0.2)
    np.testing.assert_allclose(fields.std(axis=0), 1, atol=0.15)


def test_noise_varies_over_its_scale():
    """Points at a quarter of the scale are nearly equal; points four scales apart are unrelated."""
    rng = np.random.default_rng(0)
    fields = np.stack([smooth_noise(rng, (60, 60), 12) for _ in range(100)])
    assert np.mean(fields[:, 3:] * fields[:, :-3]) > 0.9
    assert abs(np.mean(fields[:, :, 48:] * fields[:, :, :-48])) < 0.1


def test_soft_step_goes_from_0_to_1():
    steps = soft_step(np.array([-9, 0, 9], np.float32), 0.5)
    np.testing.assert_allclose(steps, [0, 0.5, 1], atol=1e-6)
