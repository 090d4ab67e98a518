import math

import numpy as np
import pytest
from PIL import Image

from tfadvseg.reporting.class_curves import class_curves_figure

NAMES = ("background", "red_blood_cell", "spirochaete")
COLOURS = ((0, 114, 178), (213, 94, 0), (0, 158, 115))
BLACK = (0, 0, 0)


def history(epochs: int, networks=("segmenter",), stages=("val",), names=NAMES) -> list[dict]:
    rows = []
    for epoch in range(1, epochs + 1):
        row = {"epoch": epoch}
        for network in networks:
            for stage in stages:
                values = {name: (i + 1) / (len(names) + 1) for i, name in enumerate(names)}
                row |= {f"{stage}/{network}/iou_{name}": value for name, value in values.items()}
        rows.append(row)
    return rows


def drawn(rows: list, folder, names=NAMES) -> np.ndarray:
    """Draws and reads the picture; checks that no other file remains."""
    path = folder / "plots" / "classes.png"
    class_curves_figure(rows, names, path)
    assert [file.name for file in path.parent.iterdir()] == ["classes.png"]
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.array(picture.convert("RGB"))


def of_colour(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Pixels of the panel, without the legend, that have a colour: [H,W] bool."""
    return (picture == colour).all(axis=-1)[:, : picture.shape[1] - 220]


def test_classes_are_drawn_at_their_values_and_named_in_a_legend_outside(tmp_path):
    picture = drawn(history(20), tmp_path)
    heights = [np.argwhere(of_colour(picture, colour))[:, 0].mean() for colour in COLOURS]
    # At 0.25, 0.5 and 0.75: equally spaced, upwards.
    assert heights[0] > heights[1] > heights[2]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=2)
    legend = picture[:, picture.shape[1] - 220 :]
    assert all((legend == colour).all(axis=-1).any() for colour in COLOURS)


def test_classes_without_a_value_take_no_room_from_the_panels(tmp_path):
    names = [f"class_{i}" for i in range(19)]
    rows = [
        {name: math.nan if name.endswith("class_18") else value for name, value in row.items()}
        for row in history(1, ("segmenter", "standard"), names=names)
    ]
    picture = drawn(rows, tmp_path, names)
    grid = ((picture > 220) & (picture < 250)).all(axis=-1)
    assert grid.any(axis=0).mean() > 0.7


@pytest.mark.parametrize("epochs", [1, 20, 500])
@pytest.mark.parametrize("classes", [2, 20])
def test_a_run_of_any_length_and_many_classes(epochs, classes, tmp_path):
    names = [f"class_{i}" for i in range(classes)]
    picture = drawn(history(epochs, names=names), tmp_path, names)
    assert all(of_colour(picture, colour).any() for colour in COLOURS[: min(classes, 3)])
    # Room for one line of the legend each.
    assert picture.shape[0] >= 30 * classes


def test_training_is_dashed_and_validation_solid(tmp_path):
    def runs(stage):
        """Number of unbroken pieces in the longest row of class 1."""
        line = of_colour(drawn(history(40, stages=(stage,)), tmp_path), COLOURS[1])
        row = line[line.sum(axis=1).argmax()]
        return (np.diff(np.flatnonzero(row)) > 3).sum() + 1

    assert runs("val") == 1
    assert runs("train") > 20


def test_a_second_segmenter_has_a_panel_of_its_own(tmp_path):
    one = drawn(history(5), tmp_path)
    two = drawn(history(5, networks=("segmenter", "standard")), tmp_path)
    assert two.shape[1] - one.shape[1] == 720


def test_the_mean_is_black(tmp_path):
    rows = history(10)
    with_mean = [row | {"val/segmenter/miou": 0.6} for row in rows]
    without, added = (of_colour(drawn(each, tmp_path), BLACK) for each in (rows, with_mean))
    assert added.sum() > without.sum() + 500


@pytest.mark.parametrize("gap", [math.nan, None], ids=str)
def test_curves_bridge_epochs_without_a_value(gap, tmp_path):
    rows = history(8)
    column = "val/segmenter/iou_spirochaete"
    gappy = [row | ({column: gap} if row["epoch"] == 4 else {}) for row in rows]
    line = of_colour(drawn(gappy, tmp_path), COLOURS[2]).any(axis=0)
    reached = np.flatnonzero(line)
    assert line[reached[0] : reached[-1]].all()
    assert len(reached) == of_colour(drawn(rows, tmp_path), COLOURS[2]).any(axis=0).sum()


def test_a_class_that_was_never_measured_leaves_the_others(tmp_path):
    picture = drawn(history(5, names=NAMES[:2]), tmp_path, NAMES)
    present = [of_colour(picture, colour).any() for colour in COLOURS]
    assert present == [True, True, False]


@pytest.mark.parametrize(
    "rows", [[], [{"epoch": 1, "val/segmenter/miou": 0.5}], [{"val/segmenter/iou_cell": math.nan}]]
)
def test_nothing_to_draw_is_refused(rows, tmp_path):
    with pytest.raises(ValueError, match="no IoU"):
        class_curves_figure(rows, ("cell",), tmp_path / "classes.png")
    assert not list(tmp_path.iterdir())
