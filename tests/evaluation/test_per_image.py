import csv

import numpy as np
import pytest

from tfadvseg.evaluation.image_metrics import MeasuredTask
from tfadvseg.evaluation.per_image import per_image_csv
from tfadvseg.evaluation.report import Evaluation


def evaluation(confusions, names):
    return Evaluation({}, {"confusion": confusions}, MeasuredTask(names))


def test_a_row_per_image_by_hand():
    confusions = np.array([[[6, 2, 0], [1, 11, 0], [0, 0, 0]], np.zeros((3, 3), int)])
    measured = evaluation(confusions, ("a", "b", "c"))
    text = per_image_csv(["one, of two", "nothing known"], measured)
    header, first, second = csv.reader(text.splitlines())
    assert header == ["image", "miou", "accuracy", "iou_a", "iou_b", "iou_c"]
    assert first[0] == "one, of two"
    assert [float(cell) for cell in first[1:5]] == pytest.approx(
        [(6 / 9 + 11 / 14) / 2, 17 / 20, 6 / 9, 11 / 14]
    )
    assert first[5] == ""
    assert second == ["nothing known", "", "", "", "", ""]


def test_an_image_without_a_name_is_refused():
    with pytest.raises(ValueError, match="names for"):
        per_image_csv(["a"], evaluation(np.zeros((2, 2, 2), int), ("a", "b")))
