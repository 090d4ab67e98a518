import math
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tfadvseg.reporting.curves import metrics_figure

BLUE, VERMILION, GREEN, PURPLE = (0, 114, 178), (213, 94, 0), (0, 158, 115), (170, 68, 153)
"""Of adversarial S, standard S, D's answers on real and on fake maps."""


def history(epochs: int, adversarial: bool = True, compare: bool = True, classes: int = 2) -> list:
    """A plausible run, with the columns that runs write."""
    rows = []
    for epoch in range(1, epochs + 1):
        row = {"epoch": epoch, "update": 100 * epoch}
        for network in ("segmenter", "standard") if compare else ("segmenter",):
            row[f"train/{network}/loss_seg"] = 0.2 + 0.5 / epoch
            row[f"val/{network}/loss_seg"] = 0.25 + 0.4 / epoch
            row[f"val/{network}/accuracy"] = row[f"val/{network}/miou"] = 0.9 - 0.3 / epoch
            row |= {f"val/{network}/f1_class{i}": 0.9 - 0.1 / epoch for i in range(classes)}
        if adversarial:
            row["lambda_adv"] = 0.1 if epoch < 3 else 1.0
            row["train/segmenter/loss_adv"] = 0.7
            row |= {f"train/d/{name}": 0.6 for name in ("loss_d", "accuracy_real", "fooling_rate")}
            row |= {"train/d/accuracy_fake": 0.4, "val/d/accuracy_real": 0.55}
        rows.append(row)
    return rows


def drawn(rows: list, folder) -> np.ndarray:
    """Draws and reads the picture; checks that no other file remains."""
    path = folder / "plots" / "metrics.png"
    metrics_figure(rows, path)
    assert [file.name for file in path.parent.iterdir()] == ["metrics.png"]
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.array(picture.convert("RGB"))


def has_colour(picture: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return int((picture == colour).all(axis=-1).sum()) > 20


def adaptation_history(epochs: int, levels: tuple[str, ...] = ("", "aux_")) -> list:
    """A run of S on a source and a target, with one D per level."""
    rows = history(epochs, adversarial=False, compare=False)
    for row in rows:
        row["train/segmenter/aux_loss_seg"] = row["train/segmenter/loss_seg"] + 0.1
        for level in levels:
            row[f"train/segmenter/{level}loss_adv"] = 0.9
            names = ("loss_d", "accuracy_source", "accuracy_target", "fooling_rate")
            values = (0.6, 0.8, 0.3, 0.7)
            row |= {f"train/{level}d/{name}": v for name, v in zip(names, values, strict=True)}
    return rows


@pytest.mark.parametrize("epochs", [1, 20, 500])
def test_a_run_of_any_length_fills_two_rows_of_panels(epochs, tmp_path):
    picture = drawn(history(epochs), tmp_path)
    assert picture.shape == (840, 1720, 3)
    assert all(has_colour(picture, colour) for colour in (BLUE, VERMILION, GREEN, PURPLE))


def test_a_supervised_run_has_one_row_and_one_colour(tmp_path):
    picture = drawn(history(5, adversarial=False, compare=False), tmp_path)
    assert picture.shape == (490, 1720, 3)
    assert has_colour(picture, BLUE)
    assert not any(has_colour(picture, colour) for colour in (VERMILION, GREEN, PURPLE))


PALE_BLUE, PALE_GREEN, PALE_PURPLE = (128, 184, 216), (128, 206, 185), (212, 162, 204)
"""Of the auxiliary level: S and its rate of fooling, D's answers on source and on target."""


def test_an_adaptation_run_shows_both_levels_discriminators(tmp_path):
    picture = drawn(adaptation_history(20), tmp_path)
    assert picture.shape == (840, 1720, 3)
    for colour in (BLUE, GREEN, PURPLE, PALE_BLUE, PALE_GREEN, PALE_PURPLE):
        assert has_colour(picture, colour)


@pytest.mark.parametrize("level", ["", "aux_"])
def test_the_discriminator_of_one_level_is_shown_alone(level, tmp_path):
    picture = drawn(adaptation_history(20, (level,)), tmp_path)
    lower = picture[420:, :]
    for strong, pale in ((GREEN, PALE_GREEN), (PURPLE, PALE_PURPLE), (BLUE, PALE_BLUE)):
        # The names of the colours of the accuracies, in the panel, have full strength.
        curve, other = (pale, strong) if level else (strong, pale)
        assert (lower == curve).all(axis=-1).sum() > 500 > (lower == other).all(axis=-1).sum()


def test_many_classes_do_not_add_panels(tmp_path):
    of_three, of_many = (
        drawn(history(3, adversarial=False, compare=False, classes=classes), tmp_path)
        for classes in (3, 19)
    )
    np.testing.assert_array_equal(of_three, of_many)


def test_the_metric_of_the_best_epoch_is_drawn_beside_the_others(tmp_path):
    rows = history(5, adversarial=False, compare=False, classes=3)
    for row in rows:
        row["val/segmenter/precision_class1"] = 0.5
    usual, same, other = (tmp_path / f"{name}.png" for name in ("usual", "same", "other"))
    metrics_figure(rows, usual)
    metrics_figure(rows, same, best_metric="accuracy")
    metrics_figure(rows, other, best_metric="precision_class1")
    assert usual.read_bytes() == same.read_bytes()

    def panels(path):
        """Stretches of grey across the picture: the panels' lower edges."""
        with Image.open(path) as picture:
            pixels = np.array(picture.convert("L"))
        row = max(pixels[120:420], key=lambda line: (line < 60).sum())
        return (np.diff((row < 60).astype(int)) == 1).sum()

    assert panels(other) == panels(usual) + 1


def test_a_change_of_lambda_is_marked(tmp_path):
    row = {"val/segmenter/miou": 0.5}
    changing, constant = (
        drawn([row | {"lambda_adv": 0.1}] * 3 + [row | {"lambda_adv": last}] * 3, tmp_path)
        for last in (1.0, 0.1)
    )

    def vertical_lines(picture):
        """Columns that are grey, and darker than the grid, over most of a panel."""
        grey = (np.ptp(picture, axis=-1) == 0) & (picture[..., 0] > 100) & (picture[..., 0] < 220)
        return (grey.sum(axis=0) > 200).sum()

    assert vertical_lines(changing) > vertical_lines(constant)


def test_a_weight_that_follows_from_gradients_is_drawn(tmp_path):
    rows = [{"epoch": epoch, "train/segmenter/loss_adv": 0.7} for epoch in (1, 2, 3)]
    with_weight = [row | {"train/segmenter/lambda_adv": 0.1 * row["epoch"]} for row in rows]
    assert not np.array_equal(drawn(with_weight, tmp_path), drawn(rows, tmp_path))


@pytest.mark.parametrize("gap", [math.nan, math.inf, None], ids=str)
def test_curves_bridge_epochs_without_a_value(gap, tmp_path):
    rows = [{"epoch": epoch, "val/segmenter/miou": 1 - 0.5 / epoch} for epoch in range(1, 7)]
    without = [dict(row) for row in rows]
    for index in (0, 3):
        rows[index]["val/segmenter/miou"] = gap
        del without[index]["val/segmenter/miou"]
    picture = drawn(rows, tmp_path)
    np.testing.assert_array_equal(picture, drawn(without, tmp_path))
    line = (picture == BLUE).all(axis=-1)[100:].any(axis=0)
    reached = np.flatnonzero(line)
    assert line[reached[0] : reached[-1]].all()


def test_a_column_of_nan_is_no_panel(tmp_path):
    without = [{"epoch": epoch, "val/segmenter/miou": 0.5} for epoch in (1, 2)]
    rows = [row | {"train/d/loss_d": math.nan} for row in without]
    np.testing.assert_array_equal(drawn(rows, tmp_path), drawn(without, tmp_path))


def test_rows_without_epoch_are_counted_from_one(tmp_path):
    unnumbered = [{"val/segmenter/miou": 0.5}] * 3
    rows = [row | {"epoch": i + 1} for i, row in enumerate(unnumbered)]
    np.testing.assert_array_equal(drawn(rows, tmp_path), drawn(unnumbered, tmp_path))


def test_a_wide_range_of_losses_has_a_logarithmic_axis(tmp_path):
    """On a logarithmic axis a geometric series is a straight line, a quarter down after one."""
    rows = [{"epoch": i, "train/segmenter/loss_seg": 10.0**-i} for i in range(41)]
    picture = drawn(rows, tmp_path)
    at = np.argwhere((picture == BLUE).all(axis=-1))
    at = at[at[:, 0] > 100]  # below the legend
    (top, left), (bottom, right) = at.min(axis=0), at.max(axis=0)
    middle = at[np.abs(at[:, 1] - (left + right) / 2) < 10, 0].mean()
    assert middle == pytest.approx((top + bottom) / 2, abs=15)


@pytest.mark.parametrize("rows", [[], [{"epoch": 1, "train/segmenter/loss_seg": math.nan}]])
def test_nothing_to_draw_is_refused_and_leaves_the_old_picture(rows, tmp_path):
    path = tmp_path / "metrics.png"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="no metrics"):
        metrics_figure(rows, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_nothing(tmp_path):
    occupied = tmp_path / "metrics.png"
    occupied.mkdir()
    with pytest.raises(OSError):
        metrics_figure(history(2, adversarial=False), occupied)
    assert list(tmp_path.iterdir()) == [occupied]


def test_the_same_history_gives_the_same_file(tmp_path):
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    for file in files:
        metrics_figure(history(3, adversarial=False), file)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_leaves_pyplot_alone_and_prints_nothing(tmp_path):
    program = (
        "import sys; from tfadvseg.reporting.curves import metrics_figure;"
        f"metrics_figure([{{'epoch': 1, 'val/segmenter/miou': 0.5}}], {str(tmp_path / 'm.png')!r});"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
