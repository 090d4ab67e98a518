"""Windows are a pure function of seed and step, and image and label move together."""

import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.config import DataConfig
from tfadvseg.data import augment
from tfadvseg.data.examples import Examples
from tfadvseg.data.normalisation import Normalisation
from tfadvseg.data.pipeline import (
    domain_windows,
    fixed_windows,
    mixed_windows,
    training_windows,
    whole_images,
)
from tfadvseg.data.windows import BoundaryMaps, window_maker

ALL = ("rotate", "flip", "scale", "elastic", "photometric")
IDENTITY = Normalisation((0.0,), (1.0,))


def examples(sizes=((40, 50), (30, 30), (64, 33)), classes=7) -> Examples:
    """Images are 30 times their labels, so that each can be derived from the other."""
    generator = np.random.default_rng(0)
    labels = tuple(generator.integers(0, classes, size).astype(np.uint8) for size in sizes)
    keys = tuple(str(i) for i in range(len(sizes)))
    return Examples(keys, tuple((30 * label)[..., np.newaxis] for label in labels), labels)


def collect(dataset: tf.data.Dataset) -> dict[str, np.ndarray]:
    batches = list(dataset.as_numpy_iterator())
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def windows(first: int, last: int, seed: int = 3, **changes) -> dict[str, np.ndarray]:
    config = dataclasses.replace(DataConfig(crop_size=(16, 16), augment=ALL), **changes)
    return collect(
        training_windows(window_maker(examples(), config, IDENTITY, seed), 4, first, last)
    )


@pytest.mark.parametrize("channels", [1, 3], ids=["grey", "colour"])
def test_a_pipeline_started_late_continues_where_it_would_have_been(channels):
    shown = examples()
    images = tuple(image.repeat(channels, -1) for image in shown.images)
    augment = ALL if channels == 1 else (*ALL, "colour")
    config = DataConfig(crop_size=(16, 16), augment=augment)
    normalisation = Normalisation((0.0,) * channels, (1.0,) * channels)
    window = window_maker(dataclasses.replace(shown, images=images), config, normalisation, 3)
    whole, late = (collect(training_windows(window, 4, first, 6)) for first in (0, 4))
    for name in whole:
        np.testing.assert_array_equal(whole[name][16:], late[name])


@pytest.mark.parametrize("adapts", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_windows_of_two_domains_continue_likewise(adapts):
    config = DataConfig(crop_size=(16, 16), augment=ALL)
    source = window_maker(examples(), config, IDENTITY, 3)
    other = dataclasses.replace(config, crop_size=(8, 24))
    target = window_maker(examples(), other, IDENTITY, 4) if adapts else None
    whole = collect(domain_windows(source, target, 4, 0, 6))
    late = collect(domain_windows(source, target, 4, 4, 6))
    shapes = {"source_image": (24, 16, 16, 1), "source_label": (24, 16, 16)}
    if adapts:
        shapes["target_image"] = (24, 8, 24, 1)
    assert {name: values.shape for name, values in whole.items()} == shapes
    for name in whole:
        np.testing.assert_array_equal(whole[name][16:], late[name])


@pytest.mark.parametrize("name", ["photometric", "colour"])
def test_changes_of_colour_reach_the_image_and_not_the_label(name):
    shown = examples()
    # Red, green and blue differ, because otherwise a change of hue would be invisible.
    images = tuple(np.concatenate([image, image // 2, image // 3], -1) for image in shown.images)
    shown = dataclasses.replace(shown, images=images)
    normalisation = Normalisation((0.0,) * 3, (1.0,) * 3)
    made = {}
    for augment_by in ((), (name,)):
        config = DataConfig(crop_size=(16, 16), augment=augment_by)
        window = window_maker(shown, config, normalisation, 3)
        made[augment_by] = collect(training_windows(window, 4, 0, 2))
    plain, changed = made.values()
    np.testing.assert_array_equal(plain["label"], changed["label"])
    difference = np.abs(plain["image"] - changed["image"]).mean(axis=(1, 2, 3))
    assert difference.min() > 0.5


def test_seeds_differ_and_repeat():
    np.testing.assert_array_equal(windows(0, 2)["image"], windows(0, 2)["image"])
    assert (windows(0, 2)["image"] != windows(0, 2, seed=4)["image"]).any()


def test_every_example_comes_once_in_each_round():
    flat = Examples(
        tuple("abcde"),
        tuple(np.full((20, 20, 1), 10 * i, np.uint8) for i in range(5)),
        tuple(np.full((20, 20), i, np.uint8) for i in range(5)),
    )
    config = DataConfig(crop_size=(16, 16), augment=ALL[:2])
    labels = collect(training_windows(window_maker(flat, config, IDENTITY, 0), 5, 0, 8))["label"][
        :, 0, 0
    ]
    rounds = labels.reshape(8, 5)
    assert (np.sort(rounds, axis=1) == np.arange(5)).all()
    assert len({tuple(order) for order in rounds}) > 1


@pytest.mark.parametrize("names", [(), ("rotate",), ("flip",), ("rotate", "flip")])
def test_image_and_label_move_together(names):
    batch = windows(0, 6, augment=names)
    np.testing.assert_array_equal(batch["image"][..., 0], 30 * batch["label"])
    assert batch["image"].shape == (24, 16, 16, 1)
    assert batch["label"].dtype == np.int32


def test_windows_are_normalised():
    config = DataConfig(crop_size=(16, 16), augment=())
    window = window_maker(examples(), config, Normalisation((90.0,), (60.0,)), 3)
    normalised = collect(training_windows(window, 4, 0, 2))
    expected = (30.0 * normalised["label"] - 90) / 60
    np.testing.assert_allclose(normalised["image"][..., 0], expected, rtol=1e-6)


def test_non_square_windows_keep_their_shape():
    batch = windows(0, 6, crop_size=(16, 24), augment=("rotate", "flip"))
    assert batch["image"].shape == (24, 16, 24, 1)
    np.testing.assert_array_equal(batch["image"][..., 0], 30 * batch["label"])


def test_a_window_as_large_as_the_image_is_the_image():
    whole = examples(((16, 16),))
    config = DataConfig(crop_size=(16, 16), augment=())
    batch = collect(training_windows(window_maker(whole, config, IDENTITY, 0), 2, 0, 3))
    assert (batch["label"] == whole.labels[0]).all()


def both_ways(function, *args):
    """Results of `function` called eagerly and within Dataset.map: [eager, mapped]."""
    eager = function(*args)
    dataset = tf.data.Dataset.from_tensors(args).map(function)
    return [eager, next(iter(dataset))]


def test_quarter_turns_are_the_four_rotations():
    image = tf.reshape(tf.range(16), [4, 4, 1])
    expected = {np.rot90(image[..., 0], k).tobytes() for k in range(4)}
    seen = set()
    seeds = tf.stack([tf.range(40), tf.zeros(40, tf.int32)], axis=1)
    turn = functools.partial(augment.random_quarter_turn, image, image)
    for seed, mapped in zip(
        seeds, tf.data.Dataset.from_tensor_slices(seeds).map(turn), strict=True
    ):
        turned = turn(seed)
        for rotated, label in (turned, mapped):
            np.testing.assert_array_equal(rotated, label)
        np.testing.assert_array_equal(turned[0], mapped[0])
        seen.add(turned[1][..., 0].numpy().tobytes())
    assert seen == expected


def test_elastic_labels_are_never_interpolated_and_follow_the_image():
    # With two levels only, any other value in the image is interpolation at an edge.
    level = np.kron(np.indices((4, 4)).sum(0) % 2, np.ones((16, 16))).astype(np.uint8)
    image, label = (tf.constant(value * level[..., np.newaxis]) for value in (200, 2))
    moved = 0.0
    for number in range(10):
        (warped, warped_label), (mapped, _) = both_ways(
            lambda image, label, seed: augment.random_sampled_window(
                image, label, (64, 64), seed, elastic=True
            ),
            image,
            label,
            tf.constant([number, 5]),
        )
        np.testing.assert_allclose(warped, mapped, atol=1e-3)
        assert set(np.unique(warped_label)) == {0, 2}
        agrees = (warped.numpy() > 100) == (warped_label.numpy() > 0)
        assert agrees.mean() > 0.99
        moved += (warped_label.numpy() != label.numpy()).mean()
    assert moved / 10 > 0.02


def test_photometric_changes_grey_levels_within_range():
    image = tf.random.uniform([16, 16, 1], 0, 255, seed=1)
    results = [augment.random_photometric(image, tf.constant([n, 0])).numpy() for n in range(20)]
    for jittered in results:
        assert jittered.min() >= 0 and jittered.max() <= 255
        order = image.numpy().ravel().argsort()
        assert (np.diff(jittered.ravel()[order]) >= 0).all(), "the order of grey levels stays"
    assert np.std([jittered.mean() for jittered in results]) > 5


def test_mixed_windows_show_each_training_window_once_real_and_once_fake():
    config = DataConfig(crop_size=(16, 16), augment=ALL)
    window = window_maker(examples(), config, IDENTITY, 3)
    plain = collect(training_windows(window, 4, 6, 9))
    mixed = collect(mixed_windows(window, 4, 3, 24, 12, 0))
    for kind in (True, False):
        shown = mixed["image"][mixed["is_real"] == kind]
        assert sorted(map(bytes, shown)) == sorted(map(bytes, plain["image"]))
    batches = mixed["is_real"].reshape(-1, 4).mean(axis=1)
    assert np.std(batches) > 0, "shuffled, not alternating"
    late = collect(mixed_windows(window, 4, 3, 24, 12, 2))
    np.testing.assert_array_equal(mixed["image"][8:], late["image"])


def test_fixed_windows_are_the_same_every_time_and_the_last_batch_is_filled_up():
    first, again = (
        collect(fixed_windows(examples(), (16, 16), IDENTITY, 4, 10, seed=1)) for _ in range(2)
    )
    np.testing.assert_array_equal(first["image"], again["image"])
    assert len(first["image"]) == 12
    np.testing.assert_array_equal(first["weight"], [1] * 10 + [0] * 2)
    assert (first["label"][10:] == 255).all() and (first["label"][:10] != 255).all()


def test_whole_images_keep_their_sizes():
    batches = list(whole_images(examples(), IDENTITY, 2).as_numpy_iterator())
    assert [batch["image"].shape for batch in batches] == [
        (2, 40, 50, 1),
        (2, 30, 30, 1),
        (2, 64, 33, 1),
    ]
    for batch, label in zip(batches, examples().labels, strict=True):
        np.testing.assert_array_equal(batch["label"][0], label)
        assert (batch["label"][1] == 255).all()


def test_without_shuffling_an_order_drawn_once_repeats():
    flat = examples(((16, 16),) * 8)

    def rounds(shuffle: bool, seed: int) -> np.ndarray:
        config = DataConfig(crop_size=(16, 16), augment=(), shuffle=shuffle)
        window = window_maker(flat, config, IDENTITY, seed)
        return collect(training_windows(window, 8, 0, 2))["label"].reshape(2, 8, 16, 16)

    first, second = rounds(shuffle=False, seed=0)
    np.testing.assert_array_equal(first, second)
    assert {label.tobytes() for label in first} == {
        label.astype(np.int32).tobytes() for label in flat.labels
    }
    assert (first != np.stack(flat.labels)).any(), "not the order of the files"
    assert (first != rounds(shuffle=False, seed=1)[0]).any()
    shuffled = rounds(shuffle=True, seed=0)
    np.testing.assert_array_equal(shuffled[0], first)
    assert (shuffled[1] != first).any()


def test_channels_are_turned_around_after_they_are_normalised():
    normalisation = Normalisation((1.0, 2.0, 3.0), (1.0, 2.0, 4.0), "bgr")
    image = np.array([[[11, 22, 43]]], np.uint8)
    seen = normalisation(image)
    np.testing.assert_allclose(seen, [[[10, 10, 10]]])
    np.testing.assert_allclose(normalisation(np.array([[[11, 2, 3]]], np.uint8)), [[[0, 0, 10]]])
    np.testing.assert_array_equal(normalisation.inverse(seen), image)


def test_boundary_weights_move_with_the_label():
    whole = examples()
    levels = tuple((20 * label + 3).astype(np.uint8) for label in whole.labels)
    config = DataConfig(crop_size=(16, 16), augment=("rotate", "flip", "scale", "elastic"))
    window = window_maker(whole, config, IDENTITY, 3, BoundaryMaps(levels, unit=0.5))
    batches = [collect(training_windows(window, 4, 0, 3))]
    batches.append(
        collect(fixed_windows(whole, (16, 16), IDENTITY, 4, 8, 1, BoundaryMaps(levels, 0.5)))
    )
    for batch in batches:
        np.testing.assert_allclose(batch["boundary"], 0.5 * (20 * batch["label"] + 3))


def test_a_window_at_its_own_scale_is_a_plain_one():
    image, label = examples().images[0], examples().labels[0][..., np.newaxis]
    for number in range(5):
        seed = tf.constant([number, 1])
        sampled, sampled_label = augment.random_sampled_window(image, label, (16, 24), seed)
        np.testing.assert_array_equal(sampled, 30.0 * sampled_label.numpy())


@pytest.mark.parametrize("scale", [0.5, pytest.param(2.0, marks=pytest.mark.slow), 3.0])
def test_scaled_windows_show_more_or_less_of_the_image(scale):
    # A ramp: the difference of neighbouring window pixels is the image distance between them.
    ramp = np.arange(96, dtype=np.float32) * np.ones((96, 1), np.float32)
    image, label = ramp[..., np.newaxis], ramp.astype(np.uint8)[..., np.newaxis]
    for number in range(5):
        for window, window_label in both_ways(
            lambda seed: augment.random_sampled_window(
                image, label, (24, 24), seed, (scale, scale)
            ),
            tf.constant([number, 2]),
        ):
            steps = np.diff(window[12, 4:-4, 0])
            np.testing.assert_allclose(steps, 1 / scale, atol=0.1)
            # The label is that of the nearest pixel, within half a pixel of the image position.
            away = np.abs(window[4:-4, 4:-4] - window_label[4:-4, 4:-4].numpy().astype(np.float32))
            assert away.max() <= 0.51


def test_magnification_is_at_least_what_fits_a_small_image_into_the_window():
    image = np.full((20, 30, 3), 50, np.uint8)
    label = np.full((20, 30, 1), 4, np.uint8)
    window, window_label = augment.random_sampled_window(
        image, label, (32, 32), tf.constant([1, 1]), (0.5, 1.0), elastic=True
    )
    np.testing.assert_allclose(window, np.full((32, 32, 3), 50))
    assert (window_label.numpy() == 4).all()


def test_colour_changes_hue_and_saturation_and_leaves_grey_alone():
    generator = np.random.default_rng(0)
    image = tf.constant(generator.uniform(0, 255, (8, 8, 3)), tf.float32)
    grey = tf.repeat(image[..., :1], 3, axis=-1)
    changes = []
    for number in range(6):
        jittered, mapped = both_ways(augment.random_colour, image, tf.constant([number, 0]))
        np.testing.assert_allclose(jittered, mapped, atol=1e-2)
        assert jittered.numpy().min() >= 0 and jittered.numpy().max() <= 255.001
        # The largest channel is the value of HSV, which is unchanged.
        np.testing.assert_allclose(
            jittered.numpy().max(-1), image.numpy().max(-1), rtol=1e-3, atol=1e-2
        )
        changes.append(np.abs(jittered - image).mean())
        np.testing.assert_allclose(
            augment.random_colour(grey, tf.constant([number, 0])), grey, rtol=1e-3, atol=1e-2
        )
    assert np.mean(changes) > 3


def test_no_pipeline_is_tuned():
    """The cost of a tuner: see `fixed_parallelism`."""
    given = examples()
    window = window_maker(given, DataConfig(crop_size=(16, 16)), IDENTITY, seed=0)
    for dataset in (
        training_windows(window, 4, 0, 2),
        domain_windows(window, window, 4, 0, 2),
        mixed_windows(window, 4, 0, 0, 8, 0),
        fixed_windows(given, (16, 16), IDENTITY, 4, 8, 0),
        whole_images(given, IDENTITY, 1),
    ):
        assert dataset.options().autotune.enabled is False
