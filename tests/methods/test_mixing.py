"""Mixing and strong views: labels move with their pixels, and draws follow from seeds alone."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfadvseg.methods.mixing import (
    CUTMIX_AREA,
    classmix_masks,
    cutmix_masks,
    mix,
    partners,
    spread_over,
)
from tfadvseg.methods.strong_views import LIMIT, _blurred, noisy_view, strong_view

CLASSES = 6


def seeds(count: int, first: int = 0) -> tf.Tensor:
    return tf.constant([[first + i, 7] for i in range(count)], tf.int32)


def random_labels(seed: int, count: int, ignored: bool = True) -> np.ndarray:
    """Blocks of classes, and some pixels to ignore."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES, (count, 3, 4)).repeat(4, 1).repeat(4, 2).astype(np.int32)
    if ignored:
        labels[random.uniform(size=labels.shape) < 0.1] = 255
    return labels


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_classmix_takes_whole_classes_and_half_of_them(seed):
    labels = random_labels(seed, 3)
    masks = classmix_masks(tf.constant(labels), CLASSES, seeds(3, seed)).numpy()
    for label, mask in zip(labels, masks, strict=True):
        present = {*np.unique(label)} - {255}
        taken = {*np.unique(label[mask])}
        assert len(taken) == -(-len(present) // 2)
        assert taken <= present
        # All pixels of a class or none.
        np.testing.assert_array_equal(mask, np.isin(label, [*taken]))


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_a_cutmix_box_is_one_rectangle_within_the_image(seed):
    masks = cutmix_masks(seeds(4, seed), (24, 40), probability=1.0).numpy()
    for mask in masks:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert mask.sum() == len(rows) * len(columns) > 0
        assert np.ptp(rows) + 1 == len(rows) and np.ptp(columns) + 1 == len(columns)
        assert mask.sum() <= CUTMIX_AREA[1] * 24 * 40
    assert not cutmix_masks(seeds(4, seed), (24, 40), probability=0.0).numpy().any()


def test_half_of_the_images_have_a_box_and_boxes_are_everywhere():
    masks = cutmix_masks(seeds(600), (16, 16)).numpy()
    assert 0.42 < masks.any((1, 2)).mean() < 0.58
    assert masks.any(0).all()  # corners too


@pytest.mark.parametrize("kind", ["cutmix", "classmix"])
def test_labels_move_with_their_pixels(kind):
    """Each pixel's value tells its image, place and label: the mixed label is always its own."""
    labels = random_labels(1, 4)
    places = np.arange(labels.size).reshape(labels.shape)
    pixels = tf.constant(places[..., None], tf.float32)
    label = tf.constant(labels)
    if kind == "cutmix":
        mask = cutmix_masks(seeds(4), labels.shape[1:], probability=1.0)
        inside = partners(pixels), partners(label)
    else:
        mask = classmix_masks(label, CLASSES, seeds(4))
        inside = tf.reverse(pixels, [0]), tf.reverse(label, [0])
        mask = tf.reverse(mask, [0])
    image, mixed = (mix(mask, *pair) for pair in zip(inside, (pixels, label), strict=True))
    origin = image.numpy()[..., 0].astype(int)
    np.testing.assert_array_equal(mixed, labels.ravel()[origin])
    assert 0 < np.mean(origin != places) < 1
    # Pixels stay in their places within the image.
    area = labels[0].size
    np.testing.assert_array_equal(origin % area, places % area)


def test_partners_and_sources_are_the_same_however_replicas_share_them():
    batch = tf.range(8)
    np.testing.assert_array_equal(partners(batch), [1, 0, 3, 2, 5, 4, 7, 6])
    halves = [partners(batch[:4]), partners(batch[4:])]
    np.testing.assert_array_equal(tf.concat(halves, 0), partners(batch))
    np.testing.assert_array_equal(partners(tf.range(3)), [1, 0, 0])
    for count in (2, 4, 12):
        whole = spread_over(tf.range(4), count)
        parts = [spread_over(part, count // 2) for part in (tf.range(2), tf.range(2, 4))]
        np.testing.assert_array_equal(tf.concat(parts, 0), whole)
    np.testing.assert_array_equal(spread_over(tf.range(2), 6), [0, 0, 0, 1, 1, 1])


def drawn(images: tf.Tensor, each: tf.Tensor) -> list[tf.Tensor]:
    """Everything that is drawn for a batch."""
    labels = tf.constant(random_labels(0, len(images), ignored=False))
    return [
        tf.cast(cutmix_masks(each, (12, 16)), tf.float32),
        tf.cast(classmix_masks(labels, CLASSES, each), tf.float32),
        noisy_view(images, each),
        strong_view(images, each),
    ]


def test_what_is_drawn_for_an_image_follows_from_its_seed_alone():
    images = tf.constant(np.random.default_rng(0).normal(size=(4, 12, 16, 3)), tf.float32)
    alike = tf.repeat(images[:1], 4, axis=0)
    for one, again in zip(drawn(images, seeds(4)), drawn(images, seeds(4)), strict=True):
        np.testing.assert_array_equal(one, again)
    for function in (noisy_view, strong_view):
        views = function(alike, seeds(4)).numpy()
        assert all(not np.array_equal(views[0], view) for view in views[1:])
        alone = function(alike[:1], seeds(1, first=2)).numpy()
        np.testing.assert_allclose(alone[0], views[2], atol=1e-6)
        assert not np.array_equal(function(alike[:1], seeds(1), salt=1)[0], views[0])


def test_noise_is_small_and_cut_off():
    images = tf.zeros((2, 40, 40, 1))
    noise = noisy_view(images, seeds(2)).numpy()
    assert np.abs(noise).max() == pytest.approx(LIMIT)
    assert 0.08 < noise.std() < 0.1
    assert abs(noise.mean()) < 0.01


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_strong_views_move_no_pixel(channels):
    """A bright spot stays where it is, whatever else changes; constant images stay constant."""
    image = np.zeros((40, 15, 15, channels), np.float32)
    flat = strong_view(tf.constant(image), seeds(40)).numpy()
    assert np.ptp(flat, axis=(1, 2)).max() < 1e-5 < np.abs(flat).max()
    image[:, 7, 7] = 5
    views = strong_view(tf.constant(image), seeds(40)).numpy().sum(-1)
    for view in views:
        assert np.unravel_index(view.argmax(), view.shape) == (7, 7)


def test_blur_is_gaussian_and_keeps_the_mean_of_a_row():
    image = np.zeros((2, 21, 21, 1), np.float32)
    image[:, 10, 10] = 1
    sigma = tf.reshape(tf.constant([0.1, 1.0]), [2, 1, 1, 1])
    sharp, soft = _blurred(tf.constant(image), sigma).numpy()[..., 0]
    np.testing.assert_allclose(sharp, image[0, ..., 0], atol=1e-6)
    assert soft.sum() == pytest.approx(1, abs=1e-5)
    assert soft[10, 11] / soft[10, 10] == pytest.approx(np.exp(-0.5), rel=1e-5)
    assert soft[12, 11] / soft[10, 10] == pytest.approx(np.exp(-2.5), rel=1e-5)
    np.testing.assert_allclose(
        _blurred(tf.ones((2, 5, 6, 1)), sigma).numpy(), 1, atol=1e-6
    )  # also at the border
