import csv

import numpy as np
import pytest

from tfadvseg.evaluation.per_image import per_image_csv


def test_a_row_an_image_by_hand():
    confusions = np.array([[[6, 2, 0], [1, 11, 0], [0, 0, 0]], np.zeros((3, 3), int)])
    text = per_image_csv(["one, of two", "nothing known"], confusions, ("a", "b", "c"))
    header, first, second = csv.reader(text.splitlines())
    assert header == ["image", "miou", "accuracy", "iou_a", "iou_b", "iou_c"]
    assert first[0] == "one, of two"
    assert [float(cell) for cell in first[1:5]] == pytest.approx(
        [(6 / 9 + 11 / 14) / 2, 17 / 20, 6 / 9, 11 / 14]
    )
    assert first[5] == ""
    assert second == ["nothing known", "", "", "", "", ""]


def test_an_image_without_a_name_is_refused():
    with pytest.raises(ValueError):
        per_image_csv(["a"], np.zeros((2, 2, 2), int), ("a", "b"))
