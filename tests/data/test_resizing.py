"""Resizing of examples."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.config import DataConfig
from tfadvseg.data.examples import Example
from tfadvseg.data.resizing import resize_example, resize_image
from tfadvseg.data.sources import load_splits
from tfadvseg.models.ops.resampling import resize_bicubic


def test_image_and_label_get_the_size_and_labels_stay_ids():
    generator = np.random.default_rng(0)
    label = generator.choice([0, 7, 255], (31, 45)).astype(np.uint8)
    image = generator.integers(0, 256, (31, 45, 3)).astype(np.uint8)
    resized = resize_example(Example("a", image, label), (16, 60))
    assert resized.image.shape == (16, 60, 3) and resized.label.shape == (16, 60)
    assert set(np.unique(resized.label)) <= {0, 7, 255}
    same = resize_example(Example("a", image, label), (31, 45))
    assert same.image is image and same.label is label


def test_a_grey_image_stays_grey():
    assert resize_image(np.full((8, 8, 1), 9, np.uint8), (4, 6)).tolist() == [[[9]] * 6] * 4


@pytest.mark.parametrize("size", [(20, 24), (96, 128), (90, 50)])
def test_exports_resize_as_training_did_to_within_a_grey_level(size):
    generator = np.random.default_rng(1)
    image = generator.integers(0, 256, (60, 80, 3)).astype(np.uint8)
    (ours,) = resize_bicubic(tf.constant(image[np.newaxis], tf.float32), size)
    assert np.abs(ours - resize_image(image, size)).max() <= 1


def test_every_part_of_a_dataset_is_resized():
    config = DataConfig(dataset="cells", resize=(40, 56), train_split="train[:2]")
    splits = load_splits(config, seed=0)
    for examples in (splits.train, splits.val):
        assert {image.shape for image in examples.images} == {(40, 56, 3)}
        assert {label.shape for label in examples.labels} == {(40, 56)}
    unresized = load_splits(dataclasses.replace(config, resize=()), seed=0)
    assert unresized.train.images[0].shape != (40, 56, 3)


@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32"])
def test_other_depths_and_channels_are_resized_channel_by_channel(dtype):
    levels = np.random.default_rng(0).integers(0, 256, (20, 30, 1), dtype=np.uint8)
    deep = np.concatenate([levels, 255 - levels], -1).astype(dtype)
    resized = resize_image(deep, (10, 15))
    assert (resized.dtype, resized.shape) == (dtype, (10, 15, 2))
    expected = resize_image(levels, (10, 15))[..., 0].astype(int)
    assert np.abs(resized[..., 0].astype(float) - expected).max() <= 1
