import numpy as np
import pytest
from PIL import Image

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.reporting.patch_maps import _enlarged, _logit_text, _plain_text, patch_maps_figure

PALETTE = ((10, 20, 30), (240, 230, 0))
NAMES = ("road", "sky")
SOURCE, UNDECIDED, TARGET = (0, 158, 115), (247, 247, 247), (170, 68, 153)


def drawn(folder, logits, domains=None, labels=None, size=(64, 64), **options) -> np.ndarray:
    """Draws one column per map and reads the picture; checks that no other file remains."""
    path = folder / "plots" / "patches.png"
    count = len(logits)
    patch_maps_figure(
        [np.full((*size, 3), 77, np.uint8)] * count,
        labels or [np.zeros(size, int)] * count,
        [np.ones(size, int)] * count,
        [np.array(each, np.float32) for each in logits],
        domains or ["source"] * count,
        PALETTE,
        NAMES,
        path,
        **options,
    )
    assert [file.name for file in path.parent.iterdir()] == ["patches.png"]
    with Image.open(path) as picture:
        return np.array(picture.convert("RGB"))


def extent(picture: np.ndarray, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Top, left, height and width of a coloured area between the names and the bar."""
    found = (np.abs(picture.astype(int) - colour) < 2).all(axis=-1)[:, 170:-190]
    rows, columns = (np.flatnonzero(found.sum(axis=axis) > 60) for axis in (1, 0))
    return rows[0], columns[0], np.ptp(rows) + 1, np.ptp(columns) + 1


def test_each_logit_fills_its_part_of_the_map_in_its_colour(tmp_path):
    picture = drawn(tmp_path, [[[-2, 0], [0, 2]]])
    (top, left, *source), (lower, right, *target) = (
        extent(picture, colour) for colour in (SOURCE, TARGET)
    )
    assert source == target == [160, 160]
    assert (lower - top, right - left) == (160, 160)
    assert extent(picture, UNDECIDED) == (top, left, 320, 320)


def test_image_label_prediction_and_map_stand_below_each_other(tmp_path):
    picture = drawn(tmp_path, [[[1.0]]])
    extents = [extent(picture, each) for each in ((77, 77, 77), *PALETTE, TARGET)]
    assert {each[1:] for each in extents} == {(extents[0][1], 320, 320)}
    assert np.diff([each[0] for each in extents]).tolist() == [330, 330, 330]


def test_columns_share_one_scale_of_colours(tmp_path):
    alone, beside = ([[1.0]],), ([[1.0]], [[-4.0]])
    assert (drawn(tmp_path, alone) == TARGET).all(axis=-1).sum() >= 320 * 320
    picture = drawn(tmp_path, beside)
    # A quarter of the way from undecided to target.
    paler = np.array(UNDECIDED) + (np.array(TARGET) - UNDECIDED) / 4
    at = (np.abs(picture - paler).max(axis=-1) < 2).sum()
    assert at >= 320 * 320
    assert extent(picture, SOURCE)[2:] == (320, 320)


def test_the_bar_runs_from_source_below_to_target_above(tmp_path):
    picture = drawn(tmp_path, [[[0.0, 0.0], [0.0, 3.0]]])[:, -190:]
    heights = [
        np.argwhere(np.abs(picture.astype(int) - colour).max(axis=-1) < 3)[:, 0].mean()
        for colour in (TARGET, SOURCE)
    ]
    assert heights[0] < heights[1]


def test_a_discriminator_that_knows_nothing_is_undecided_everywhere(tmp_path):
    assert extent(drawn(tmp_path, [np.zeros((3, 5))]), UNDECIDED)[2:] == (320, 320)


def test_by_least_squares_a_half_is_undecided(tmp_path):
    by_logits = drawn(tmp_path, [[[-2, 0], [0, 2]]])
    by_scores = drawn(tmp_path, [[[-1.5, 0.5], [0.5, 2.5]]], least_squares=True)
    for colour in (SOURCE, TARGET, UNDECIDED):
        assert extent(by_scores, colour) == extent(by_logits, colour)
    assert extent(drawn(tmp_path, [[[0.5]]], least_squares=True), UNDECIDED)[2:] == (320, 320)


def test_labels_are_left_out_where_they_are_not_known(tmp_path):
    label = np.zeros((64, 64), int)
    both, one, none = (
        drawn(tmp_path, [[[1.0]]] * 2, labels=labels)
        for labels in ([label, label], [label, None], [None, None])
    )
    assert both.shape == one.shape
    assert both.shape[0] - none.shape[0] == 330
    assert extent(both, PALETTE[0])[3] - extent(one, PALETTE[0])[3] == 330


def test_domains_stand_apart(tmp_path):
    together, apart = (
        drawn(tmp_path, [[[1.0]]] * 3, domains)
        for domains in (["source"] * 3, ["source", "target", "target"])
    )
    assert apart.shape[1] - together.shape[1] == 16


def test_ignored_pixels_have_their_colour(tmp_path):
    label = np.full((64, 64), IGNORE_LABEL)
    picture = drawn(tmp_path, [[[1.0]]], labels=[label])
    assert extent(picture, (170, 170, 170))[2:] == (320, 320)


def test_maps_that_do_not_divide_the_image_are_enlarged_to_the_nearest():
    logits = np.array([[1, 2, 3], [4, 5, 6]])
    expected = [[1, 1, 2, 3], [1, 1, 2, 3], [1, 1, 2, 3], [4, 4, 5, 6], [4, 4, 5, 6]]
    np.testing.assert_array_equal(_enlarged(logits, (5, 4)), expected)


@pytest.mark.parametrize(
    ("logit", "text"), [(0.0, "0 (0.500)"), (-2.0, "−2 (0.119)"), (0.01, "0.01 (0.502)")]
)
def test_logits_stand_beside_their_probabilities(logit, text):
    assert _logit_text(logit, 0) == text
    assert _plain_text(logit, 0) == text.split()[0]


@pytest.mark.parametrize(
    "change",
    [
        {"images": []},
        {"labels": []},
        {"predictions": [np.zeros((4, 6), int)] * 2},
        {"domains": []},
        {"labels": [np.zeros((4, 5), int)]},
        {"predictions": [np.zeros((6, 4), int)]},
        {"predictions": [np.full((4, 6), 2)]},
        {"patch_logits": [np.zeros((1, 2, 1))]},
        {"patch_logits": [np.array([[0, np.nan]])]},
        {"patch_logits": [np.array([[0, np.inf]])]},
        {"class_names": ("a",)},
    ],
)
def test_what_does_not_match_is_refused_before_anything_is_written(change, tmp_path):
    arguments = {
        "images": [np.zeros((4, 6, 3), np.uint8)],
        "labels": [None],
        "predictions": [np.zeros((4, 6), int)],
        "patch_logits": [np.zeros((1, 2))],
        "domains": ["target"],
        "palette": PALETTE,
        "class_names": NAMES,
    }
    with pytest.raises(ValueError):
        patch_maps_figure(**(arguments | change), path=tmp_path / "patches.png")
    assert not list(tmp_path.iterdir())
