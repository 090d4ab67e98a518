"""The synthetic sections and their TFDS builder."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from scipy import ndimage

from tfadvseg_datasets.membranes import membranes_dataset_builder
from tfadvseg_datasets.membranes.generate import CELL, MEMBRANE, generate_section, generate_split
from tfadvseg_datasets.membranes.membranes_dataset_builder import MembranesConfig

SMALL = MembranesConfig(seed=3, height=40, width=56, train=3, validation=2)


class MembranesTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own suite, on a small configuration."""

    DATASET_CLASS = membranes_dataset_builder.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = [SMALL]  # noqa: RUF012 (TFDS reads it from the class)
    SPLITS = {"train": 3, "validation": 2}  # noqa: RUF012
    EXAMPLE_DIR = "."  # no files are read


@pytest.fixture(scope="module")
def sections():
    return [generate_section(0, index) for index in range(8)]


def test_prepared_sections_equal_generated_ones(tmp_path):
    builder = tfds.builder("membranes", config=SMALL, data_dir=tmp_path)
    builder.download_and_prepare()
    for split in ("train", "validation"):
        examples = list(builder.as_dataset(split=split).as_numpy_iterator())
        expected = list(generate_split(3, split, range(len(examples)), (40, 56)))
        for number, (example, (image, label)) in enumerate(zip(examples, expected, strict=True)):
            assert example["id"].decode() == f"{split}-{number:02d}"
            np.testing.assert_array_equal(example["image"][..., 0], image)
            np.testing.assert_array_equal(example["label"][..., 0], label)


def test_configurations_that_differ_have_different_names():
    variants = [MembranesConfig(**{f: 7}) for f in ("seed", "height", "width", "train")]
    variants += [MembranesConfig(), MembranesConfig(validation=7)]
    assert len({config.name for config in variants}) == len(variants)


def test_a_section_is_a_function_of_seed_and_index():
    image, label = generate_section(5, 2, (48, 64))
    again, label_again = generate_section(5, 2, (48, 64))
    np.testing.assert_array_equal(image, again)
    np.testing.assert_array_equal(label, label_again)
    for other in (generate_section(6, 2, (48, 64)), generate_section(5, 3, (48, 64))):
        assert np.mean(other[0] != image) > 0.9


def test_train_and_validation_sections_differ():
    ((train, _),) = generate_split(0, "train", [0], (32, 32))
    ((validation, _),) = generate_split(0, "validation", [0], (32, 32))
    assert np.mean(train != validation) > 0.9


@pytest.mark.parametrize("size", [(1, 1), (17, 200), (130, 31)])
def test_any_size(size):
    image, label = generate_section(0, 0, size)
    assert image.shape == label.shape == size
    assert image.dtype == label.dtype == np.uint8
    assert set(np.unique(label)) <= {MEMBRANE, CELL}


@pytest.mark.parametrize("arguments", [(0, 0, (0, 5)), (-1, 0), (0, -1)])
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="must"):
        generate_section(*arguments)


def test_statistics_are_those_of_electron_micrographs(sections):
    """The ISBI 2012 sections have mean 126, std 44, 22 % membrane, means 88 and 141 by class."""
    image = np.stack([image for image, _ in sections]).astype(float)
    label = np.stack([label for _, label in sections])
    assert 115 < image.mean() < 137
    assert 36 < image.std() < 50
    assert 0.17 < np.mean(label == MEMBRANE) < 0.28
    assert 75 < image[label == MEMBRANE].mean() < 100
    assert 125 < image[label == CELL].mean() < 150


def test_membranes_part_many_cells(sections):
    for _, label in sections:
        _, cells = ndimage.label(label == CELL)
        assert cells >= 12


def test_a_threshold_does_not_solve_it(sections):
    """With organelles and noise, no threshold separates the classes nearly as well as a network."""
    best = 0.0
    for level in range(40, 160, 5):
        hits = misses = alarms = 0
        for image, label in sections:
            smooth = ndimage.gaussian_filter(image.astype(float), 1)
            membrane, found = label == MEMBRANE, smooth < level
            hits += np.sum(membrane & found)
            misses += np.sum(membrane & ~found)
            alarms += np.sum(~membrane & found)
        best = max(best, 2 * hits / (2 * hits + misses + alarms))
    assert 0.4 < best < 0.8


def test_organelles_look_like_membranes_but_are_cell(sections):
    """Deep inside cells, many pixels are as dark as a typical membrane."""
    dark_inside = deep_inside = 0
    for image, label in sections:
        smooth = ndimage.gaussian_filter(image.astype(float), 1)
        deep = ndimage.distance_transform_edt(label == CELL) > 6
        typical = np.median(smooth[label == MEMBRANE])
        dark_inside += np.sum(deep & (smooth < typical))
        deep_inside += np.sum(deep)
    assert 0.02 < dark_inside / deep_inside < 0.2
