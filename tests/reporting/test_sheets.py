import numpy as np
import pytest

from tfadvseg.reporting.sheets import arranged, class_patches, middle, scaled, shortened


def picture(height: int, width: int, value: int) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_rows_and_columns_take_the_largest_picture_and_a_frame():
    sheet = arranged([[picture(4, 10, 10), picture(6, 3, 20)], [picture(2, 5, 30), None]])
    assert sheet.rows == [(0, 8), (16, 20)]  # 8 pixels between
    assert sheet.columns == [(0, 12), (20, 25)]
    assert sheet.pixels.shape == (20, 25, 3)
    assert (sheet.pixels[1:5, 1:11] == 10).all()
    assert (sheet.pixels[1:7, 21:24] == 20).all()
    assert (sheet.pixels[17:19, 1:6] == 30).all()
    assert (sheet.pixels[0, :12] == 150).all() and (sheet.pixels[7, 20:25] == 150).all()
    # Nothing is drawn in the empty place, in the gaps and below a picture smaller than its row.
    assert (sheet.pixels[16:, 20:] == 255).all() and (sheet.pixels[6:16, :12] == 255).all()


def test_a_wide_gap_moves_all_later_columns():
    row = [picture(2, 2, 0)] * 3
    assert arranged([row], wide_gaps=[1]).columns == [(0, 4), (28, 32), (40, 44)]


def test_the_middle_is_that_of_the_pixels():
    assert middle((0, 1)) == 0
    assert middle((10, 14)) == 11.5
    assert middle((0, 4), (12, 16)) == 7.5


@pytest.mark.parametrize(("size", "expected"), [((30, 40), (15, 20)), ((7, 5), (28, 20))])
def test_scaling_keeps_the_shape(size, expected):
    even = scaled(picture(*size, 90), 20)
    assert even.shape == (*expected, 3) and (even == 90).all()


def test_reducing_averages_so_that_thin_lines_stay():
    lined = picture(400, 400, 0)
    lined[:, ::9] = 255
    reduced = scaled(lined, 50)
    assert reduced.mean() == pytest.approx(255 / 9, abs=1)
    # The brightness of each line remains, though seven of eight columns are gone.
    assert (reduced.sum(axis=(0, 2)) > 0).sum() >= len(range(0, 400, 9))


def test_a_very_flat_picture_keeps_a_row():
    assert scaled(picture(1, 500, 3), 20).shape == (1, 20, 3)


def test_long_names_keep_both_ends():
    assert shortened("exactly16letters") == "exactly16letters"
    assert shortened("a_very_long_name_0012.png") == "a_very_…0012.png"
    assert len(shortened("x" * 100)) == 16


def test_a_legend_names_every_class_and_ignored_pixels_only_if_there_are_any():
    arguments = (("red_cell", "cell"), ((255, 0, 0), (0, 51, 0)))
    patches = class_patches(*arguments, any_ignored=False)
    assert [patch.get_label() for patch in patches] == ["red cell", "cell"]
    assert patches[1].get_facecolor() == (0, 0.2, 0, 1)
    assert class_patches(*arguments, any_ignored=True)[-1].get_label() == "ignored"
    with pytest.raises(ValueError):
        class_patches(("cell",), ((255, 0, 0), (0, 51, 0)), any_ignored=False)
