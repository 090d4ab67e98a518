"""Labels of which only marks are kept."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.testing_utils import parse
from tfadvseg.data.examples import Examples
from tfadvseg.data.partial_labels import marked, with_marks_only
from tfadvseg.errors import UserError


def halves(size: int = 40) -> np.ndarray:
    """Class 0 above class 1, and a corner of class 2 beside ignored pixels."""
    label = np.zeros((size, size), np.uint8)
    label[size // 2 :] = 1
    label[:3, :4] = 2
    label[-1] = 255
    return label


@given(
    fraction=st.floats(0.001, 1),
    marks=st.sampled_from(["strokes", "squares"]),
    seed=st.integers(0, 9),
)
def test_marks_cover_the_share_of_each_class_and_agree_with_the_label(fraction, marks, seed):
    label = halves()
    kept = marked(label, fraction, marks, [seed])
    on_marks = kept != 255
    np.testing.assert_array_equal(kept[on_marks], label[on_marks])
    for class_id in range(3):
        count = (label == class_id).sum()
        assert (kept == class_id).sum() == np.ceil(fraction * count)


def test_marks_are_drawn_by_seed_and_key_and_are_connected():
    label = np.zeros((200, 200), np.uint8)
    images = (np.zeros((200, 200, 1), np.uint8),) * 2
    examples = Examples(("a", "b"), images, (label, label))
    one, again, other = (
        with_marks_only(examples, 0.002, "strokes", seed).labels for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one[0], again[0])
    assert (one[0] != one[1]).any() and (one[0] != other[0]).any()
    # One stroke: every marked pixel but the first has a marked neighbour.
    rows, columns = np.nonzero(one[0] == 0)
    for row, column in zip(rows, columns, strict=True):
        around = one[0][max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        assert (around == 0).sum() > 1
    assert len(rows) == 80


def test_the_same_marks_whatever_else_is_trained_on():
    label, image = halves(), np.zeros((40, 40, 1), np.uint8)
    both = Examples(("a", "b"), (image, image), (label, label))
    alone = dataclasses.replace(both, keys=("b",), images=(image,), labels=(label,))
    np.testing.assert_array_equal(
        with_marks_only(both, 0.1, "squares", 0).labels[1],
        with_marks_only(alone, 0.1, "squares", 0).labels[0],
    )


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--label_fraction=0", "--label_fraction=0.0: take more than 0"),
        ("--label_fraction=1.5", "--label_fraction=1.5"),
        ("--label_marks=squares", "no effect without --label_fraction"),
    ],
)
def test_bad_shares_are_refused(argument, words):
    with pytest.raises(UserError, match=words):
        parse("--method=supervised", argument)
