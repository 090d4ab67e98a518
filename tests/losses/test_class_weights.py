import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfadvseg.errors import UserError
from tfadvseg.losses.class_weights import class_weights, image_class_pixels, median_frequency

NAMES = ("background", "cell", "spirochaete")
COUNTS = np.array([[60, 30, 10], [80, 20, 0], [50, 0, 50]])
"""Three images of 100 pixels; of 300, 190 are background, 50 cell, 60 spirochaete."""


def test_pixels_of_an_image_leave_ignored_ones_out():
    label = np.array([[0, 2, 2], [255, 255, 0]], np.uint8)
    np.testing.assert_array_equal(image_class_pixels(label, 4), [2, 0, 2, 0])


def test_none_weighs_every_class_one():
    assert class_weights("none", COUNTS, NAMES) == ((1.0, 1.0, 1.0), ())


def test_one_minus_frequency_by_hand():
    weights, warnings = class_weights("one_minus_frequency", COUNTS, NAMES)
    assert weights == pytest.approx((110 / 300, 250 / 300, 240 / 300))
    assert warnings == ()


def test_one_minus_frequency_of_the_published_darkfield_counts():
    # 26,505,262 of 187,947,890 pixels are not background.
    counts = np.array([[161_442_628, 24_498_688, 2_006_574]])
    weights, _ = class_weights("one_minus_frequency", counts, NAMES)
    assert weights == pytest.approx((0.141025, 0.869652, 0.989324), abs=1e-6)


def test_median_frequency_counts_only_images_that_contain_the_class():
    # 190 / 300, 50 / 200 and 60 / 200, whose median is 0.3.
    weights, _ = class_weights("median_frequency", COUNTS, NAMES)
    assert weights == pytest.approx((0.3 * 300 / 190, 0.3 / 0.25, 1.0))


def test_median_frequency_of_an_even_number_of_classes_is_the_mean_of_the_middle_two():
    assert median_frequency(np.array([[10, 30]])) == pytest.approx((0.5 / 0.25, 0.5 / 0.75))


@pytest.mark.parametrize("rule", ["one_minus_frequency", "median_frequency"])
def test_a_class_absent_from_training_weighs_nothing_and_is_named(rule):
    counts = np.insert(COUNTS, 1, 0, axis=1)
    names = ("background", "dragon", "cell", "spirochaete")
    weights, (warning,) = class_weights(rule, counts, names)
    without, _ = class_weights(rule, COUNTS, NAMES)
    # It does not change the weights of the others, nor the median.
    assert weights == pytest.approx((without[0], 0, *without[1:]))
    assert "'dragon'" in warning and "weight in the loss: 0" in warning


@pytest.mark.parametrize("weighting", ["none", (2.0, 3.0, 4.0)])
def test_other_weights_of_an_absent_class_stand_but_it_is_named(weighting):
    counts = COUNTS * [1, 1, 0]
    weights, (warning,) = class_weights(weighting, counts, NAMES)
    assert weights == ((1, 1, 1) if weighting == "none" else weighting)
    assert "'spirochaete'" in warning


def test_given_weights_are_taken_as_they_are():
    assert class_weights([0.5, 0, 7], COUNTS, NAMES) == ((0.5, 0.0, 7.0), ())


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            (1.0, 2.0),
            "2 weights for 3 classes; give one weight each for background, cell, spirochaete",
        ),
        ((1.0, 2.0, 3.0, 4.0), "4 weights for 3 classes"),
        ((1.0, -2.0, 3.0), "--class_weights=1,-2,3.*'cell'"),
        ((1.0, 2.0, math.nan), "'spirochaete'"),
        ((math.inf, 2.0, 3.0), "'background'"),
        ((0.0, 0.0, 0.0), "greater than 0"),
    ],
)
def test_wrong_weights_are_refused(weights, message):
    with pytest.raises(UserError, match=message):
        class_weights(weights, COUNTS, NAMES)


@pytest.mark.parametrize("rule", ["none", "one_minus_frequency", "median_frequency"])
def test_no_labelled_pixels_are_refused(rule):
    with pytest.raises(UserError, match="no labelled pixels"):
        class_weights(rule, np.zeros([2, 3], np.int64), NAMES)


def test_a_single_class_leaves_one_minus_frequency_nothing_to_weigh():
    counts = np.array([[0, 7, 0]])
    with pytest.raises(UserError, match="'cell'"):
        class_weights("one_minus_frequency", counts, NAMES)
    assert class_weights("median_frequency", counts, NAMES)[0] == (0, 1, 0)


def test_mistaken_calls_are_refused():
    with pytest.raises(ValueError, match=r"\(3, 3\) for 2 classes"):
        class_weights("none", COUNTS, NAMES[:2])
    with pytest.raises(ValueError, match="median"):
        class_weights("median", COUNTS, NAMES)


@given(
    st.lists(st.lists(st.integers(0, 10**9), min_size=3, max_size=3), min_size=1, max_size=5),
    st.permutations(range(3)),
)
def test_weights_follow_a_renaming_and_a_copy_of_every_image(counts, order):
    pixels = np.array(counts)
    pixels[0] += [1, 2, 3]
    for rule in ("one_minus_frequency", "median_frequency"):
        weights, _ = class_weights(rule, pixels, NAMES)
        renamed, _ = class_weights(rule, pixels[:, order], NAMES)
        assert renamed == pytest.approx([weights[i] for i in order])
        doubled, _ = class_weights(rule, np.concatenate([pixels, pixels]), NAMES)
        assert doubled == pytest.approx(weights)


def test_imports_no_tensorflow():
    program = "import sys, tfadvseg.losses.class_weights; assert 'tensorflow' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
