"""The table of Cityscapes ids."""

import numpy as np
import pytest

from tfadvseg_datasets.cityscapes_ids import (
    CLASSES,
    TRAIN_CLASSES,
    to_colours,
    to_label_ids,
    to_train_ids,
)

# The label ids of the 19 training classes, as listed by the scripts of AdaptSegNet and the
# benchmark.
TRAINED = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)


def test_every_label_id_has_its_training_id():
    expected = np.full(35, 255)
    expected[list(TRAINED)] = range(19)
    np.testing.assert_array_equal(to_train_ids(np.arange(35)), expected)
    assert [c.label_id for c in CLASSES] == list(range(34))
    assert [c.train_id for c in TRAIN_CLASSES] == list(range(19))


def test_the_inverse_gives_label_ids_and_unlabeled():
    train_ids = np.array([*range(19), 255])
    np.testing.assert_array_equal(to_label_ids(train_ids), [*TRAINED, 0])
    np.testing.assert_array_equal(to_train_ids(to_label_ids(train_ids)), train_ids)


def test_colours_are_the_official_ones():
    colours = to_colours(np.array([[0, 8, 18, 255]], np.uint8))
    expected = [[(128, 64, 128), (107, 142, 35), (119, 11, 32), (0, 0, 0)]]
    np.testing.assert_array_equal(colours, expected)
    assert len({c.colour for c in TRAIN_CLASSES}) == 19


@pytest.mark.parametrize(
    ("convert", "value"),
    [
        (to_train_ids, 35),
        (to_train_ids, 255),
        (to_train_ids, -1),
        (to_label_ids, 19),
        (to_label_ids, 254),
        (to_colours, 33),
        (to_colours, -1),
    ],
)
def test_values_out_of_the_table_are_refused(convert, value):
    with pytest.raises(
        ValueError, match=rf"^{value}: not a (label|training) id; (label|training) ids are 0 to"
    ):
        convert(np.array([0, value]))
