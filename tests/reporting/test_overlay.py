import numpy as np
import pytest
from PIL import Image

from tfadvseg.data.descriptors import IGNORE_LABEL, default_palette
from tfadvseg.reporting.colour import (
    IGNORED_COLOUR,
    colour_labels,
    colour_probabilities,
    overlay,
    overlay_palette,
    write_overlay,
)

COLOURS = ((0, 0, 0), (200, 100, 0), (0, 0, 250))


def test_colours_by_hand():
    image = np.full((1, 4, 1), 100, np.uint8)
    label = np.array([[0, 1, 2, IGNORE_LABEL]])
    expected = [[[100, 100, 100], [125, 100, 75], [75, 75, 138], [100, 100, 100]]]
    np.testing.assert_array_equal(overlay(image, label, COLOURS, alpha=0.25), expected)


def test_opacity_runs_from_nothing_to_all():
    image = np.random.default_rng(0).integers(0, 256, (5, 6, 3), np.uint8)
    label = np.random.default_rng(1).integers(1, 3, (5, 6))
    np.testing.assert_array_equal(overlay(image, label, COLOURS, alpha=0), image)
    np.testing.assert_array_equal(overlay(image, label, COLOURS, alpha=1), np.array(COLOURS)[label])


def test_the_image_itself_is_not_changed():
    image = np.full((2, 2, 3), 50, np.uint8)
    overlay(image, np.ones((2, 2), int), COLOURS)
    assert (image == 50).all()


def test_a_palette_of_greys_gets_colours_but_for_its_lightest_class():
    dark, light = overlay_palette(((0, 0, 0), (255, 255, 255)))
    assert light == (0, 0, 0) and len(set(dark)) > 1
    assert overlay_palette(COLOURS) == COLOURS
    image = np.full((1, 2, 1), 90, np.uint8)
    tinted = overlay(image, np.array([[0, 1]]), ((0, 0, 0), (255, 255, 255)))
    assert len(set(tinted[0, 0])) > 1 and set(tinted[0, 1]) == {90}


@pytest.mark.parametrize(
    "arguments",
    [
        (np.zeros((2, 3, 1), np.uint8), np.zeros((3, 2), int), COLOURS),
        (np.zeros((2, 3, 1), np.uint8), np.full((2, 3), 3), COLOURS),
        (np.zeros((2, 3, 1), np.uint8), np.full((2, 3), -1), COLOURS),
        (np.zeros((2, 3, 4), np.uint8), np.zeros((2, 3), int), COLOURS),
        (np.zeros((2, 3, 1), np.float32), np.zeros((2, 3), int), COLOURS),
        (np.zeros((2, 3, 1), np.uint8), np.zeros((2, 3), int), COLOURS, 1.5),
    ],
)
def test_what_cannot_be_laid_over_is_refused(arguments):
    with pytest.raises(ValueError):
        overlay(*arguments)


def test_the_file_holds_the_overlay_and_nothing_else_is_left(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (7, 9, 3), np.uint8)
    label = np.random.default_rng(1).integers(0, 3, (7, 9))
    write_overlay(tmp_path / "new" / "o.png", image, label, COLOURS)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["o.png"]
    with Image.open(tmp_path / "new" / "o.png") as picture:
        np.testing.assert_array_equal(np.array(picture), overlay(image, label, COLOURS))

    (tmp_path / "taken.png").mkdir()
    with pytest.raises(OSError):
        write_overlay(tmp_path / "taken.png", image, label, COLOURS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "taken.png"]


def test_labels_and_probabilities_in_colour():
    label = np.array([2, 0, IGNORE_LABEL], np.uint8)
    np.testing.assert_array_equal(
        colour_labels(label, COLOURS), [(0, 0, 250), (0, 0, 0), (170, 170, 170)]
    )
    mixed = colour_probabilities(np.array([[0.5, 0.25, 0.25]]), COLOURS)
    np.testing.assert_array_equal(mixed, [(50, 25, 62)])


def test_a_palette_of_all_256_ids_still_knows_the_ignored_one():
    with pytest.raises(ValueError, match="palette has 3"):
        colour_labels(np.array([254]), COLOURS)


@pytest.mark.parametrize("classes", [2, 11, 12, 255])
def test_every_class_has_a_colour_of_its_own(classes):
    palette = default_palette(classes)
    assert len(palette) == len({*palette, IGNORED_COLOUR}) - 1 == classes
