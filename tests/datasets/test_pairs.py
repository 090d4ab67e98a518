"""Images and labels in two files."""

import numpy as np
import pytest
from PIL import Image

from tfadvseg_datasets.pairs import Pair, png_files, read_pair, some, stored_image

IDS = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
NAMES = ("sea", "shore", "land")


@pytest.fixture
def pair(tmp_path) -> Pair:
    Image.fromarray(np.arange(18, dtype=np.uint8).reshape(2, 3, 3)).save(tmp_path / "image.png")
    Image.fromarray(IDS).save(tmp_path / "label.png")
    return Pair("x", tmp_path / "image.png", tmp_path / "label.png")


def test_pixels_and_ids_are_those_of_the_files(pair):
    image, label = read_pair(pair, NAMES)
    np.testing.assert_array_equal(image.ravel(), np.arange(18))
    np.testing.assert_array_equal(label, IDS)
    assert image.dtype == label.dtype == np.uint8


def test_ids_may_be_stored_as_rgb_or_palette(pair):
    Image.fromarray(np.repeat(IDS[:, :, None], 3, axis=2)).save(pair.label)
    np.testing.assert_array_equal(read_pair(pair, NAMES)[1], IDS)
    palette = Image.fromarray(IDS, "P")
    palette.putpalette([9, 9, 9, 200, 0, 0, 0, 200, 0])
    palette.save(pair.label)
    np.testing.assert_array_equal(read_pair(pair, NAMES)[1], IDS)


def test_grey_images_become_rgb(pair):
    Image.fromarray(IDS * 50).save(pair.image)
    image, _ = read_pair(pair, NAMES)
    np.testing.assert_array_equal(image, np.stack([IDS * 50] * 3, axis=-1))


def test_values_that_are_no_class_are_named_with_the_valid_ones(pair):
    Image.fromarray(IDS + 2).save(pair.label)
    message = r"label\.png: contains 3, 4; valid class ids are 0 \(sea\), 1 \(shore\), 2 \(land\)"
    with pytest.raises(ValueError, match=message):
        read_pair(pair, NAMES)


def test_sizes_that_differ_are_named(pair):
    Image.fromarray(IDS[:1]).save(pair.label)
    with pytest.raises(ValueError, match=r"label\.png: 1 x 3 .*image\.png is 2 x 3"):
        read_pair(pair, NAMES)


def test_colours_for_ids_are_refused(pair):
    colours = np.zeros((2, 3, 3), np.uint8)
    colours[0, 0] = (200, 0, 0)
    Image.fromarray(colours).save(pair.label)
    with pytest.raises(ValueError, match=r"label\.png: colours"):
        read_pair(pair, NAMES)


def test_png_files_are_found_by_name_and_sorted(tmp_path):
    for name in ("b.png", "a.PNG", "c.jpg", ".hidden.png"):
        (tmp_path / name).touch()
    assert list(png_files(tmp_path)) == ["a", "b"]


def test_long_lists_are_shortened():
    assert some(list("abcde")) == "a, b, c, d, e"
    assert some(list("abcdefg")) == "a, b, c, d, e and 2 more"


def test_what_tfds_keeps_is_the_file_only_where_it_decodes_alike(pair):
    image, _ = read_pair(pair, NAMES)
    assert stored_image(pair, image) == pair.image
    Image.fromarray(IDS * 50).save(pair.image)
    image, _ = read_pair(pair, NAMES)
    assert stored_image(pair, image) is image
