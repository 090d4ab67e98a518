import numpy as np
import pytest
from PIL import Image

from tfadvseg.reporting.pseudo_labels import pseudo_labels_figure

PALETTE = ((200, 30, 30), (30, 30, 200))
SIZE = (2, 32, 32)


def arguments(**changes) -> dict:
    """Two windows of one grey level, with pseudo-labels of one class and mixed ones of another."""
    return {
        "images": np.full((*SIZE, 1), 77, np.uint8),
        "labels": np.zeros(SIZE, int),
        "confidences": np.full(SIZE, 0.6, np.float32),
        "views": np.full((*SIZE, 1), 91, np.uint8),
        "lessons": np.ones(SIZE, int),
        "weights": np.full(SIZE, 0.2, np.float32),
        "palette": PALETTE,
        "class_names": ("road", "sky"),
    } | changes


def test_each_row_stands_below_the_one_that_explains_it(tmp_path):
    path = tmp_path / "plots" / "pseudo_labels.png"
    pseudo_labels_figure(path=path, **arguments())
    assert [file.name for file in path.parent.iterdir()] == ["pseudo_labels.png"]
    with Image.open(path) as file:
        picture = np.array(file.convert("RGB")).astype(int)
    tops = []
    for colour in ((77,) * 3, PALETTE[0], (153,) * 3, (91,) * 3, PALETTE[1], (51,) * 3):
        found = (np.abs(picture - colour) < 2).all(-1)
        # Two pictures of 320 x 320 pixels beside each other; text and the legend are smaller.
        rows = np.flatnonzero(found.sum(1) >= 640)
        assert len(rows) == 320, colour
        tops.append(rows[0])
    assert np.diff(tops).tolist() == [330] * 5


@pytest.mark.parametrize("name", ["labels", "confidences", "lessons", "weights"])
def test_maps_of_other_sizes_are_refused(name, tmp_path):
    wrong = {name: np.zeros((2, 32, 31))}
    with pytest.raises(ValueError, match=rf"images are .*, {name} \(2, 32, 31\)"):
        pseudo_labels_figure(path=tmp_path / "x.png", **arguments(**wrong))
    empty = {"images": np.zeros((0, 32, 32, 1), np.uint8)}
    with pytest.raises(ValueError, match="no windows"):
        pseudo_labels_figure(path=tmp_path / "x.png", **arguments(**empty))
