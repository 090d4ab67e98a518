import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tfadvseg.reporting.confusion_figure import _percent, _short, confusion_figure

BLUE, EMPTY = (0, 114, 178), (242, 242, 242)
"""Of a share of 1, and of a row without pixels."""


def drawn(confusion, folder, names=None) -> np.ndarray:
    """Draws and reads the picture; checks that no other file remains."""
    path = folder / "plots" / "confusion.png"
    names = names or [f"class_{i}" for i in range(len(confusion))]
    confusion_figure(np.array(confusion), names, path)
    assert [file.name for file in path.parent.iterdir()] == ["confusion.png"]
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.array(picture.convert("RGB"))


def places(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """[N,2] rows and columns of the pixels of a colour, without the colour bar."""
    # Eroded, so that the edges of letters do not count.
    found = np.argwhere(ndimage.binary_erosion((picture == colour).all(axis=-1), iterations=3))
    return found[found[:, 1] < picture.shape[1] - 210]


def test_rows_are_normalised_and_not_columns(tmp_path):
    """All pixels of both classes are predicted as class 0: two full cells in one column."""
    picture = drawn([[7, 0], [2_000_000, 0]], tmp_path)
    blue = places(picture, BLUE)
    (top, left), (bottom, right) = blue.min(axis=0), blue.max(axis=0)
    assert bottom - top == pytest.approx(2 * (right - left), rel=0.05)


def test_the_diagonal_runs_down_to_the_right(tmp_path):
    picture = drawn(np.eye(3, dtype=int) * 5, tmp_path)
    blue = places(picture, BLUE)
    assert np.corrcoef(blue.T)[0, 1] > 0.8


def test_a_class_without_pixels_has_an_empty_row(tmp_path):
    full, without = ([[3, 1], [1, 3]], [[3, 1], [0, 0]])
    assert not len(places(drawn(full, tmp_path), EMPTY))
    grey = places(drawn(without, tmp_path), EMPTY)
    (top, left), (bottom, right) = grey.min(axis=0), grey.max(axis=0)
    assert right - left == pytest.approx(2 * (bottom - top), rel=0.05)
    assert top > places(drawn([[3, 0], [0, 3]], tmp_path), BLUE)[:, 0].min()


@pytest.mark.parametrize("classes", [2, 6, 7, 20])
def test_nothing_is_cut_off_at_the_edges(classes, tmp_path):
    confusion = np.random.default_rng(0).integers(0, 10**9, (classes, classes))
    names = [f"a_rather_long_name_{i}" for i in range(classes)]
    picture = drawn(confusion, tmp_path, names)
    inside = picture[2:-2, 2:-2]
    assert picture.min() < 100
    assert (picture.sum(dtype=np.int64) - inside.sum(dtype=np.int64)) == 255 * (
        picture.size - inside.size
    )


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100"), (0.99999, ">99.9"), (0.999, "99.9"), (0.1234, "12.3"), (0.0004, "<0.1")],
)
def test_what_is_not_all_or_nothing_does_not_read_so(share, text):
    assert _percent(share, True) == text
    assert _percent(0.0, False) == "0"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1k"),
        (1234, "1.23k"),
        (45_678, "45.7k"),
        (99_960, "100k"),
        (999_600, "1M"),
        (161_442_628, "161M"),
        (2_006_574, "2.01M"),
        (7_000_000_000, "7G"),
        (1_234_000_000_000, "1234G"),
    ],
)
def test_counts_are_short(count, text):
    assert _short(count) == text


def test_a_hundred_classes_fit_into_a_picture(tmp_path):
    picture = drawn(np.eye(100, dtype=int), tmp_path)
    assert max(picture.shape) < 3000
    blue = places(picture, BLUE)
    assert len({*(blue[:, 0] // 20)}) > 95, "cells of 20 pixels, on the diagonal"


def test_a_matrix_of_another_size_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\(2, 2\) for 3 classes"):
        confusion_figure(np.eye(2), ["a", "b", "c"], tmp_path / "c.png")
    assert not list(tmp_path.iterdir())


def test_the_same_counts_give_the_same_file(tmp_path):
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    for file in files:
        confusion_figure(np.array([[3, 1], [1, 4]]), ["a", "b"], file)
    assert files[0].read_bytes() == files[1].read_bytes()
