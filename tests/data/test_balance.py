"""Windows that are centred on a class: how many are, on what, and that they repeat."""

import dataclasses

import numpy as np
import pytest

from tests.data.test_pipeline import IDENTITY, collect
from tfadvseg.config import DataConfig
from tfadvseg.data.examples import Examples
from tfadvseg.data.on_disk import HeldArray, OnDisk
from tfadvseg.data.pipeline import training_windows
from tfadvseg.data.windows import window_maker
from tfadvseg.errors import UserError

MOVES = ("rotate", "flip", "scale", "elastic")


def rare(ground: int = 0) -> Examples:
    """64 x 64 pixels of one value, with 2 x 2 pixels of class 1 at row 50, column 10."""
    label = np.full((64, 64), ground, np.uint8)
    label[50:52, 10:12] = 1
    return Examples(("a",), ((label % 251)[..., np.newaxis],), (label,))


def labels(examples: Examples, share: float, batches: int = 100, first: int = 0, augment=()):
    config = DataConfig(crop_size=(16, 16), augment=augment, crop_balance=share)
    window = window_maker(examples, config, IDENTITY, seed=3)
    return collect(training_windows(window, 4, first, batches))["label"]


def with_class_1(windows: np.ndarray) -> float:
    return (windows == 1).any(axis=(1, 2)).mean()


def test_a_rare_class_is_in_the_share_of_windows_that_was_asked_for():
    # Of 49 x 49 positions, 14 x 12 show a pixel of the class.
    by_chance = 14 * 12 / 49**2
    assert with_class_1(labels(rare(), 0)) == pytest.approx(by_chance, abs=0.05)
    # Half of the centred windows are centred on each of both classes.
    assert with_class_1(labels(rare(), 1)) == pytest.approx(0.5 + 0.5 * by_chance, abs=0.08)
    expected = 0.33 / 2 + (1 - 0.33 / 2) * by_chance
    assert with_class_1(labels(rare(), 0.33)) == pytest.approx(expected, abs=0.06)


def test_the_chosen_pixel_is_the_middle_of_its_window():
    middle = labels(rare(), 1)[:, 8, 8]
    assert {*middle} == {0, 1}
    assert (middle == 1).mean() == pytest.approx(0.5, abs=0.08)


def test_windows_that_are_not_centred_are_those_without_the_option():
    same = (labels(rare(), 0.25) == labels(rare(), 0)).all(axis=(1, 2))
    # Some others are equal by chance, as most of the image is.
    assert same.mean() > 0.75
    assert not same.all()


@pytest.mark.parametrize("augment", [(), MOVES], ids=["plain", "moved"])
def test_ignored_pixels_are_never_a_centre(augment):
    assert with_class_1(labels(rare(ground=255), 1, augment=augment)) == 1


@pytest.mark.parametrize("augment", [(), MOVES], ids=["plain", "moved"])
def test_windows_are_a_function_of_their_number(augment):
    whole = labels(rare(), 0.5, batches=6, augment=augment)
    late = labels(rare(), 0.5, batches=6, first=4, augment=augment)
    np.testing.assert_array_equal(whole[16:], late)


def test_images_without_labels_are_cut_anywhere():
    unlabelled = dataclasses.replace(rare(), labels=None)
    assert (labels(unlabelled, 1, batches=2) == 255).all()
    ignored = dataclasses.replace(rare(), labels=(np.full((64, 64), 255, np.uint8),))
    assert (labels(ignored, 1, batches=2) == 255).all()


def test_images_that_stay_on_disk_give_the_same_windows():
    held = rare()
    stored = Examples(
        held.keys, OnDisk(map(HeldArray, held.images)), OnDisk(map(HeldArray, held.labels))
    )
    np.testing.assert_array_equal(labels(stored, 0.5, 8), labels(held, 0.5, 8))


def test_at_the_border_the_window_stays_within_the_image():
    label = np.full((20, 16), 255, np.uint8)
    label[0, 15] = 2
    examples = Examples(("a",), (label[..., np.newaxis],), (label,))
    assert (labels(examples, 1, batches=2)[:, 0, 15] == 2).all()


def test_a_share_lies_between_0_and_1():
    with pytest.raises(UserError, match=r"--crop_balance=1\.5: give a share from 0 to 1"):
        DataConfig(crop_balance=1.5)
