import math

import numpy as np
import pytest

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.evaluation.calibration import BINS, calibration_sums, expected_calibration_error


def maps(*confidences):
    """Probabilities [1,N,2] of class 1."""
    positive = np.array(confidences, np.float32)
    return np.stack([1 - positive, positive], axis=-1)[np.newaxis]


def test_calibration_by_hand():
    """Two pixels of 0.9, one of them right; two of 0.7, both right; one that does not count.

    (|2 * 0.9 - 1| + |2 * 0.7 - 2|) / 4 = (0.8 + 0.6) / 4.
    """
    label = np.array([[1, 0, 1, 1, IGNORE_LABEL]])
    sums = calibration_sums(label, maps(0.9, 0.9, 0.7, 0.7, 0.6))
    assert sums[:, 0].sum() == 4
    assert sums[13] == pytest.approx([2, 1.8, 1]) and sums[10] == pytest.approx([2, 1.4, 2])
    assert expected_calibration_error(sums) == pytest.approx(0.35)


def test_the_class_that_is_predicted_is_what_must_be_right():
    """Class 0 with 0.78."""
    sums = calibration_sums(np.array([[0]]), maps(0.22))
    assert sums[11] == pytest.approx([1, 0.78, 1])


def test_certainty_is_in_the_last_bin():
    sums = calibration_sums(np.array([[1, 0]]), maps(1.0, 1.0))
    assert sums[BINS - 1].tolist() == [2, 2, 1]
    assert expected_calibration_error(sums) == 0.5


def test_nothing_to_count():
    assert math.isnan(expected_calibration_error(np.zeros((BINS, 3))))
