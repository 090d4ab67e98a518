import math

import numpy as np
import pytest
from PIL import Image

from tfadvseg.reporting.comparison_curves import comparison_figure

METRIC = "val/segmenter/miou"
VERMILION, BLUE, GREEN = (213, 94, 0), (0, 114, 178), (0, 158, 115)
"""Of the first three runs."""


def rows(updates, values) -> list[dict]:
    return [
        {"epoch": i + 1, "update": update, METRIC: value}
        for i, (update, value) in enumerate(zip(updates, values, strict=True))
    ]


def drawn(runs, folder) -> np.ndarray:
    """Draws names with one seed and reads the picture; checks that no other file remains."""
    return drawn_seeds({name: [seed] for name, seed in runs.items()}, folder)


def drawn_seeds(runs, folder) -> np.ndarray:
    path = folder / "plots" / "comparison.png"
    comparison_figure(runs, METRIC, path, "mean IoU")
    assert [file.name for file in path.parent.iterdir()] == ["comparison.png"]
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.array(picture.convert("RGB"))


def line(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """[N,2] rows and columns of a curve's pixels, without the legend."""
    return np.argwhere((picture == colour).all(axis=-1) & (np.arange(len(picture)) > 95)[:, None])


def test_runs_are_placed_by_update_and_not_by_epoch(tmp_path):
    """The same number of epochs, but half the updates: half the way."""
    runs = {
        "source only": rows(range(0, 8001, 100), [0.2] * 81),
        "adapted": rows(range(0, 4001, 50), [0.3] * 81),
        "oracle": rows(range(0, 8001, 200), [0.4] * 41),
    }
    picture = drawn(runs, tmp_path)
    whole, half, oracle = (line(picture, colour) for colour in (VERMILION, BLUE, GREEN))
    assert np.ptp(half[:, 1]) == pytest.approx(np.ptp(whole[:, 1]) / 2, abs=4)
    assert half[:, 1].min() == pytest.approx(whole[:, 1].min(), abs=2)
    # At 0.2, 0.3 and 0.4: equally spaced, upwards.
    heights = [curve[:, 0].mean() for curve in (whole, half, oracle)]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=2)
    assert heights[0] > heights[1]


@pytest.mark.parametrize("gap", [math.nan, None], ids=str)
def test_curves_bridge_rows_without_a_value(gap, tmp_path):
    whole = rows(range(6), [0.1, 0.3, 0.2, 0.4, 0.3, 0.5])
    gappy = [row | ({METRIC: gap} if row["update"] == 3 else {}) for row in whole]
    without = [row for row in whole if row["update"] != 3]
    picture = drawn({"a": gappy}, tmp_path)
    np.testing.assert_array_equal(picture, drawn({"a": without}, tmp_path))
    assert np.isin(
        np.arange(*line(picture, VERMILION)[:, 1][[0, -1]]), line(picture, VERMILION)
    ).all()


def test_a_run_of_one_row_shows(tmp_path):
    picture = drawn({"a": rows([100], [0.5]), "b": rows([0, 200], [0.4, 0.6])}, tmp_path)
    assert len(line(picture, VERMILION)) > 20


def test_several_seeds_show_as_their_mean_over_each_one_thin(tmp_path):
    updates = range(0, 6400, 100)
    frame = rows(updates, [0.2, 0.6] * 32)  # the same axes for both pictures
    seeds = [rows(updates, [value] * 64) for value in (0.3, 0.5)]
    # The second seed lacks updates, so the mean omits them.
    seeds[1] = seeds[1][:40]
    mean = drawn_seeds({"frame": [frame], "seeds": seeds}, tmp_path)
    alone = drawn({"frame": frame, "seeds": rows(updates, [0.4] * 64)}, tmp_path)
    expected, got = line(alone, BLUE), line(mean, BLUE)
    assert set(got[:, 0]) == set(expected[:, 0])
    share = np.ptp(got[:, 1]) / np.ptp(expected[:, 1])
    assert share == pytest.approx(39 / 63, abs=0.02)
    # The curves of the seeds are paler, above and below.
    blueish = (mean[..., 2].astype(int) - mean[..., 0] > 30) & (mean != BLUE).any(axis=-1)
    middle = got[:, 0].mean()
    long = np.flatnonzero(blueish.sum(axis=1) > 300)
    long = long[long > 95]
    assert (long < middle - 20).any() and (long > middle + 20).any()


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ({}, "no runs"),
        (
            {"fine": [rows([1], [0.5])], "adapted": [rows([1], [math.nan])]},
            f"adapted has no {METRIC}",
        ),
        ({"adapted": [[]]}, "adapted has no"),
        ({"adapted": [rows([1], [0.5]), []]}, "adapted has no"),
        ({"adapted": [[{"epoch": 1, METRIC: 0.5}]]}, "adapted has no"),
        ({"adapted": [rows([1], [0.5]), rows([2], [0.5])]}, "at an update that its seeds share"),
    ],
)
def test_what_cannot_be_drawn_is_refused(runs, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        comparison_figure(runs, METRIC, tmp_path / "comparison.png", "mean IoU")
    assert not list(tmp_path.iterdir())
