"""Normalisation of images of any depth, and pictures of them."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfadvseg.config import DataConfig
from tfadvseg.data.examples import Examples
from tfadvseg.data.normalisation import Normalisation
from tfadvseg.data.pictures import as_picture, percentile_scaled
from tfadvseg.data.pipeline import training_windows
from tfadvseg.data.windows import window_maker
from tfadvseg.export.serving_module import scaled_by_percentiles

RNG = np.random.default_rng(0)
LEVELS = RNG.integers(0, 256, (40, 40, 1), dtype=np.uint8)
LABEL = RNG.integers(0, 2, (40, 40), dtype=np.uint8)


def windows(image: np.ndarray, normalisation: Normalisation, augment: tuple[str, ...]):
    config = DataConfig(crop_size=(16, 16), augment=augment)
    window = window_maker(Examples(("a",), (image,), (LABEL,)), config, normalisation, 3)
    (batch,) = training_windows(window, 4, 0, 1)
    return batch["image"].numpy()


def test_eight_bits_in_sixteen_make_the_same_windows_to_the_last_digit():
    plain = Normalisation((120.0,), (70.0,))
    deep = Normalisation((120.0,), (70.0,), low=(0.0,), high=(255.0,))
    names = ("rotate", "flip", "elastic", "photometric")
    np.testing.assert_array_equal(
        windows(LEVELS, plain, names), windows(LEVELS.astype(np.uint16), deep, names)
    )


def test_low_bytes_reach_the_network():
    image = LEVELS.astype(np.uint16) * 256 + 7
    seen = windows(image, Normalisation((0.0,), (1.0,)), ())
    assert {*np.unique(seen % 256)} == {7}


def test_augmentation_changes_each_channel_by_its_own_range():
    image = np.concatenate([LEVELS.astype(np.float32) * 40, LEVELS / np.float32(2550)], -1)
    normalisation = Normalisation((0.0, 0.0), (1.0, 1.0), low=(0, 0), high=(10200, 0.1))
    changed = windows(image, normalisation, ("photometric",))
    assert changed[..., 0].max() > 1000
    assert 0 <= changed[..., 1].min() < changed[..., 1].max() <= 0.1001


@settings(max_examples=20, deadline=None)
@given(kind=st.sampled_from(["uint8", "uint16", "int16", "float32"]), size=st.integers(1, 30))
def test_percentiles_are_the_same_in_the_graph_of_an_export(kind, size):
    image = np.random.default_rng(size).integers(0, 250, (size, size + 1, 2)).astype(kind)
    scaled = percentile_scaled(image)
    in_graph = scaled_by_percentiles(tf.constant(image[np.newaxis], tf.float32))[0]
    np.testing.assert_allclose(scaled, in_graph, atol=1e-2, rtol=1e-5)
    if size > 15:
        assert np.percentile(scaled, 99.5, axis=(0, 1)).round(2).tolist() == [255, 255]


def test_percentiles_forget_gain_and_offset():
    image = RNG.normal(0, 1, (50, 50, 1)).astype(np.float32)
    drifted = image * 1000 + 500
    np.testing.assert_allclose(percentile_scaled(image), percentile_scaled(drifted), atol=0.02)
    assert not percentile_scaled(np.full((3, 3, 1), 7, np.uint16)).any()


def test_percentile_windows_are_cut_from_scaled_images():
    normalisation = Normalisation((100.0,), (50.0,), percentile=True)
    image = LEVELS.astype(np.uint16) * 100
    expected = (percentile_scaled(image) - 100) / 50
    seen = windows(image, normalisation, ())
    assert np.isin(seen.round(3), expected.round(3)).all()


def test_pictures_of_eight_bits_are_the_images_and_others_are_stretched():
    assert as_picture(LEVELS) is LEVELS
    deep = np.linspace(3000, 4000, 10000).reshape(100, 100, 1).astype(np.uint16)
    picture = as_picture(deep)
    assert (picture.dtype, picture.min(), picture.max()) == (np.uint8, 0, 255)
    assert as_picture(np.zeros((4, 4, 2), np.uint8)).shape == (4, 4, 1)
    assert as_picture(np.zeros((4, 4, 7), np.float32)).shape == (4, 4, 3)
    normalisation = Normalisation((3500.0,), (100.0,), low=(0,), high=(4095,))
    shown = normalisation.inverse(normalisation(tf.constant(deep[np.newaxis]))).numpy()
    assert np.abs(shown[0].astype(int) - picture).max() <= 1
