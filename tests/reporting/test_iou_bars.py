import math

import numpy as np
import pytest
from PIL import Image

from tfadvseg.reporting.iou_bars import iou_bars_figure

NAMES = ("road", "traffic_light")
VERMILION, BLUE, GREEN = (213, 94, 0), (0, 114, 178), (0, 158, 115)
"""Of the first three methods."""


def row(mean: float | None, *ious: float | None, names=NAMES) -> dict[str, float | None]:
    return {"miou": mean} | {f"iou_{name}": iou for name, iou in zip(names, ious, strict=True)}


def drawn(rows, folder, names=NAMES, errors=None) -> np.ndarray:
    """Draws and reads the picture; checks that no other file remains."""
    path = folder / "plots" / "bars.png"
    iou_bars_figure(rows, names, path, errors)
    assert [file.name for file in path.parent.iterdir()] == ["bars.png"]
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.array(picture.convert("RGB"))


def bars(picture: np.ndarray, colour: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """Middle row, left edge and length of every bar of a colour, downwards, without the legend."""
    filled = (picture == colour).all(axis=-1)
    filled[:65] = False
    lengths = filled.sum(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], lengths > 0, [0]])))
    middles = [(start + end) // 2 for start, end in edges.reshape(-1, 2)]
    return [(at, int(np.flatnonzero(filled[at])[0]), int(lengths[at])) for at in middles]


def test_bars_are_as_long_as_the_iou_and_the_mean_stands_on_top(tmp_path):
    rows = {"source only": row(0.4, 0.2, 0.6), "oracle": row(0.6, 0.8, 0.4)}
    picture = drawn(rows, tmp_path)
    first, second = bars(picture, VERMILION), bars(picture, BLUE)
    unit = first[0][2] / 0.4
    assert [length / unit for *_, length in first] == pytest.approx([0.4, 0.2, 0.6], abs=0.01)
    assert [length / unit for *_, length in second] == pytest.approx([0.6, 0.8, 0.4], abs=0.01)
    # Within a class the methods are in order, next to each other.
    gaps = [below[0] - above[0] for above, below in zip(first, second, strict=True)]
    assert gaps == pytest.approx([20] * 3, abs=1.5)
    assert first[1][0] - first[0][0] == pytest.approx(3 * 20, abs=4)


@pytest.mark.parametrize("gone", [math.nan, None], ids=str)
def test_a_class_without_iou_has_no_bar_but_a_word(gone, tmp_path):
    rows = {"a": row(0.5, 0.5, 0.5), "b": row(0.5, gone, 0.5)}
    picture = drawn(rows, tmp_path)
    (_, left, _), (above, _, _), _ = bars(picture, VERMILION)
    assert len(bars(picture, BLUE)) == 2
    at = above + 20  # where the other bar of the class would be
    word = picture[at - 8 : at + 8, left + 2 : left + 60]
    assert (word < 160).any() and (word.max(axis=-1) - word.min(axis=-1)).max() < 10
    without = {"a": rows["a"], "b": {"miou": 0.5, "iou_traffic_light": 0.5}}
    np.testing.assert_array_equal(picture, drawn(without, tmp_path))


def test_errors_reach_to_both_sides_of_the_end_of_a_bar(tmp_path):
    rows = {"a": row(0.5, 0.5, 0.25)}
    errors = {"a": {"miou": math.nan, "iou_road": 0.2}}
    picture = drawn(rows, tmp_path, errors=errors)
    at, left, unit = (lambda bar: (bar[0], bar[1], bar[2] * 4))(bars(picture, VERMILION)[-1])
    above = at - 40  # the other class
    dark = np.flatnonzero((picture[above - 2 : above + 3] < 80).all(axis=-1).any(axis=0))
    dark = dark[dark > left + 10]
    assert (dark.min() - left) / unit == pytest.approx(0.3, abs=0.01)
    assert (dark.max() - left) / unit == pytest.approx(0.7, abs=0.01)
    for other in (at, above - 40):
        inside = picture[other - 2 : other + 3, left + 10 : left + int(0.24 * unit)]
        assert not (inside < 80).all(axis=-1).any()


def test_every_class_and_method_has_room(tmp_path):
    names = [f"class_{i}" for i in range(19)]
    rows = {method: row(0.5, *[0.5] * 19, names=names) for method in ("a", "b", "c")}
    picture = drawn(rows, tmp_path, names)
    assert [len(bars(picture, colour)) for colour in (VERMILION, BLUE, GREEN)] == [20] * 3
    assert picture.shape[1] == 960
    edge = np.concatenate([picture[:2].ravel(), picture[-2:].ravel(), picture[:, :2].ravel()])
    assert (edge == 255).all()


@pytest.mark.parametrize(
    ("rows", "errors", "message"),
    [
        ({}, None, "No method"),
        ({"a": {}}, None, "No method"),
        ({"a": row(math.nan, None, math.nan)}, None, "No method"),
        ({"a": row(0.5, 0.5, 0.5)}, {"b": {}}, "errors of b"),
    ],
)
def test_what_cannot_be_drawn_is_refused(rows, errors, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        iou_bars_figure(rows, NAMES, tmp_path / "bars.png", errors)
    assert not list(tmp_path.iterdir())
