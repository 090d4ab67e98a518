"""What is told of a dataset that is likely wrong."""

import numpy as np
import pytest

from tfadvseg.data.examples import Example
from tfadvseg.data.faults import find_faults
from tfadvseg.data.shift import REACH, likely_shift, shift_scores
from tfadvseg.data.survey import survey
from tfadvseg_datasets.membranes.generate import generate_split

NAMES = ("ground", "cell", "worm")


def example(key: str, *ids: int, image: int | None = None) -> Example:
    """4 x 6 pixels whose label holds each of `ids`; the image follows from the key or a number."""
    level = sum(map(ord, key)) % 251 if image is None else image
    label = np.resize(np.array(ids, np.uint8), (4, 6))
    return Example(key, np.full((4, 6, 1), level, np.uint8), label)


def faults(**parts: list[Example]) -> list[str]:
    return find_faults({name: survey(part, 3) for name, part in parts.items()}, NAMES)


WHOLE = [example("a", 0, 1, 2), example("b", 0, 1, 2)]


def test_nothing_is_told_of_sound_data():
    assert faults(train=WHOLE, validation=[example("c", 0, 1, 2)]) == []


def test_classes_that_are_missing_or_in_one_image_only_are_told():
    told = faults(train=[example("a", 0, 1), example("b", 0)], validation=[example("c", 0)])
    assert told == [
        "No training image contains worm, so S cannot learn it.",
        "Only one training image contains cell: a.",
        "No image of validation contains cell, so it is not measured there.",
    ]


def test_ignored_pixels_are_told():
    mostly = [example("c", 255, 255, 0, 255, 255, 1), example("d", 255)]
    told = faults(train=WHOLE, validation=mostly)
    assert "1 of 2 images of validation have no labelled pixel: d." in told
    assert "83% of the pixels of validation are unlabelled (255, ignored)." in told
    assert faults(train=[example("a", 255)]) == ["No training image has a labelled pixel."]


def test_equal_images_are_told_within_and_between_parts():
    train = [*WHOLE, example("e", 0, 1, 2, image=ord("a"))]
    told = faults(train=train, validation=[example("z", 0, 1, 2, image=ord("b"))])
    assert told == [
        "Identical images in train and in validation: b = z. Metrics on them are not metrics on "
        "unseen images.",
        "Identical images within train: a = e.",
    ]


@pytest.fixture(scope="module")
def sections() -> list[tuple[np.ndarray, np.ndarray]]:
    return list(generate_split(0, "train", range(3)))


@pytest.mark.parametrize("moved", [(0, 0), (1, -1), (7, 0), (-5, 9)])
def test_the_shift_of_labels_is_found(sections, moved):
    scores = [
        shift_scores(image[..., None], np.roll(label, moved, (0, 1))) for image, label in sections
    ]
    found = likely_shift(np.mean(scores, axis=0))
    if max(map(abs, moved)) < 3:
        assert found is None
    else:
        assert found is not None
        np.testing.assert_allclose(found, moved, atol=1)


def test_shifted_labels_are_told_in_words(sections):
    parts = [
        Example(str(i), image[..., None], np.roll(label, (-6, 8), (0, 1)))
        for i, (image, label) in enumerate(sections)
    ]
    (told,) = find_faults({"train": survey(parts, 2)}, ("membrane", "cell"))
    assert told.startswith("Labels of train seem to be shifted ")
    assert "pixels up and " in told
    assert "pixels right: moved back" in told


def test_noise_and_plain_labels_have_no_shift():
    generator = np.random.default_rng(0)
    label = np.kron(generator.integers(0, 2, (16, 16)), np.ones((12, 12), int)).astype(np.uint8)
    noise = generator.integers(0, 256, (*label.shape, 1), np.uint8)
    assert likely_shift(shift_scores(noise, label)) is None
    assert shift_scores(noise, np.zeros_like(label)) is None
    assert shift_scores(noise[:REACH], label[:REACH]) is None
