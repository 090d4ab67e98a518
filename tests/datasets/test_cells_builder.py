"""The synthetic darkfield images and their TFDS builder."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from scipy import ndimage

from tfadvseg_datasets.cells import cells_dataset_builder
from tfadvseg_datasets.cells.cells_dataset_builder import CellsConfig
from tfadvseg_datasets.cells.generate import (
    BACKGROUND,
    RED_BLOOD_CELL,
    SPIROCHAETE,
    generate_image,
    generate_split,
)
from tfadvseg_datasets.cells.threads import STEP, splat, thick_lines

SMALL = CellsConfig(seed=3, height=40, width=56, train=3, validation=2, test=1)


class CellsTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own suite, on a small configuration."""

    DATASET_CLASS = cells_dataset_builder.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = [SMALL]  # noqa: RUF012 (TFDS reads it from the class)
    SPLITS = {"train": 3, "validation": 2, "test": 1}  # noqa: RUF012
    EXAMPLE_DIR = "."  # no files are read


@pytest.fixture(scope="module")
def images():
    return list(generate_split(0, "train", range(40)))


def test_prepared_images_equal_generated_ones(tmp_path):
    builder = tfds.builder("cells", config=SMALL, data_dir=tmp_path)
    builder.download_and_prepare()
    for split in ("train", "validation", "test"):
        examples = list(builder.as_dataset(split=split).as_numpy_iterator())
        expected = list(generate_split(3, split, range(len(examples)), (40, 56)))
        for number, (example, (image, label)) in enumerate(zip(examples, expected, strict=True)):
            assert example["id"].decode() == f"{split}-{number:02d}"
            np.testing.assert_array_equal(example["image"], image)
            np.testing.assert_array_equal(example["label"][..., 0], label)


def test_configurations_that_differ_have_different_names():
    fields = ("seed", "height", "width", "train", "validation", "test")
    variants = [CellsConfig(), *(CellsConfig(**{field: 7}) for field in fields)]
    assert len({config.name for config in variants}) == len(variants)


def test_an_image_is_a_function_of_seed_and_index():
    image, label = generate_image(5, 2, (48, 64))
    again, label_again = generate_image(5, 2, (48, 64))
    np.testing.assert_array_equal(image, again)
    np.testing.assert_array_equal(label, label_again)
    for other in (generate_image(6, 2, (48, 64)), generate_image(5, 3, (48, 64))):
        assert np.mean(other[0] != image) > 0.8


def test_splits_differ():
    first = [next(generate_split(0, s, [0], (32, 32)))[0] for s in ("train", "validation", "test")]
    assert np.mean(first[0] != first[1]) > 0.8
    assert np.mean(first[1] != first[2]) > 0.8


@pytest.mark.parametrize("size", [(1, 1), (17, 200), (130, 31)])
def test_any_size(size):
    image, label = generate_image(0, 0, size)
    assert (image.shape, label.shape) == ((*size, 3), size)
    assert image.dtype == label.dtype == np.uint8
    assert set(np.unique(label)) <= {BACKGROUND, RED_BLOOD_CELL, SPIROCHAETE}


@pytest.mark.parametrize("arguments", [(0, 0, (0, 5)), (-1, 0), (0, -1)])
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="must"):
        generate_image(*arguments)


def test_classes_are_as_imbalanced_as_in_darkfield(images):
    """The Kaggle set has 86, 13 and 1 %; a quarter of its images have no spirochaetes."""
    counts = np.stack([np.bincount(label.ravel(), minlength=3) for _, label in images])
    share = counts.sum(axis=0) / counts.sum()
    assert 0.78 < share[BACKGROUND] < 0.9
    assert 0.1 < share[RED_BLOOD_CELL] < 0.22
    assert 0.005 < share[SPIROCHAETE] < 0.02
    assert 0.1 < np.mean(counts[:, SPIROCHAETE] == 0) < 0.4


def test_colours_are_those_of_darkfield(images):
    """The Kaggle set has mean RGB by class (22, 29, 44), (128, 149, 171), (79, 111, 111)."""
    pixels = np.concatenate([image.reshape(-1, 3) for image, _ in images]).astype(float)
    label = np.concatenate([label.ravel() for _, label in images])
    np.testing.assert_allclose(pixels[label == BACKGROUND].mean(axis=0), (22, 29, 44), atol=14)
    np.testing.assert_allclose(
        pixels[label == RED_BLOOD_CELL].mean(axis=0), (128, 149, 171), atol=35
    )
    np.testing.assert_allclose(pixels[label == SPIROCHAETE].mean(axis=0), (79, 111, 111), atol=35)


def test_spirochaetes_are_thin_and_cells_are_not(images):
    """Largest distance of a pixel of each class to the border, per image."""
    for _, label in images:
        if np.any(label == SPIROCHAETE):
            # Where several cross, the distance is slightly larger.
            assert ndimage.distance_transform_edt(label == SPIROCHAETE).max() < 10
    depth = [ndimage.distance_transform_edt(label == RED_BLOOD_CELL).max() for _, label in images]
    assert np.median(depth) > 9


def test_brightness_alone_does_not_solve_it(images):
    """Debris, halos and cells are as bright as spirochaetes, so no threshold finds them well."""
    best = 0.0
    grey = np.stack([image.mean(axis=2) for image, _ in images])
    truth = np.stack([label for _, label in images]) == SPIROCHAETE
    for low in range(30, 200, 10):
        for high in (low + 30, low + 60, 256):
            found = (grey >= low) & (grey < high)
            hits = np.sum(found & truth)
            best = max(best, hits / (np.sum(found) + np.sum(truth) - hits))
    assert 0.02 < best < 0.4


def test_splat_keeps_weight_and_place():
    field = splat(np.array([[1.25, 2.5], [9.0, 9.0]]), np.array([2.0, 5.0]), (4, 5))
    expected = np.zeros((4, 5))
    expected[1, 2:4] = 0.75
    expected[2, 2:4] = 0.25
    np.testing.assert_allclose(field, expected, atol=1e-6)


def test_thick_lines_have_their_width():
    line = np.stack([np.full(200, 20.0), np.arange(200) * STEP], axis=-1)
    width = thick_lines([line], (41, 100), 2.6)[:, 30:70].sum(axis=0)
    assert np.all(width == 5)  # pixels whose centres are at most 2.6 off
    assert not thick_lines([], (3, 4), 2).any()
