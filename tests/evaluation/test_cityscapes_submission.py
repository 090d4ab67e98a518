"""Files in the Cityscapes submission format."""

import numpy as np
import pytest
from PIL import Image

from tfadvseg.errors import UserError
from tfadvseg.evaluation.cityscapes_submission import (
    FRAME_SIZE,
    check_frames,
    frame_name,
    write_submission,
)

FRAME = "frankfurt_000000_000294"
# Label ids of the 19 training ids, as listed by the benchmark.
LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)


def read(path) -> tuple[str, np.ndarray]:
    with Image.open(path) as file:
        return file.mode, np.array(file)


def test_label_ids_and_colours_are_the_official_ones(tmp_path):
    prediction = np.array([*range(19), 255], np.int32).reshape(4, 5)
    labels, colours = write_submission(tmp_path / "out", FRAME, prediction, size=None)
    assert labels == tmp_path / f"out/labelIds/{FRAME}_labelIds.png"
    assert colours == tmp_path / f"out/color/{FRAME}_color.png"
    mode, ids = read(labels)
    assert mode == "L"
    np.testing.assert_array_equal(ids.ravel(), [*LABEL_IDS, 0])
    mode, rgb = read(colours)
    assert mode == "RGB"
    road, train, void = rgb[0, 0], rgb[3, 1], rgb[3, 4]
    assert [tuple(c) for c in (road, train, void)] == [(128, 64, 128), (0, 80, 100), (0, 0, 0)]


def test_the_benchmark_finds_one_file_a_frame(tmp_path):
    """The script matches CITY_SEQUENCE_FRAME*.png below the folder that it is given."""
    for name in (FRAME, f"{FRAME}_leftImg8bit", "lindau_000001_000019"):
        write_submission(tmp_path, name, np.zeros((2, 3), np.uint8), size=None)
    assert len(list((tmp_path / "labelIds").rglob(f"{FRAME}*.png"))) == 1
    assert len(list((tmp_path / "labelIds").iterdir())) == 2


@pytest.mark.parametrize("key", [FRAME, f"{FRAME}_leftImg8bit", f"{FRAME}_leftImg8bit.png"])
def test_names_of_frames(key):
    assert frame_name(key) == FRAME


@pytest.mark.parametrize("key", ["00001", "frankfurt_0_294", f"x/{FRAME}", f"{FRAME}_labelIds", ""])
def test_other_names_are_refused(tmp_path, key):
    with pytest.raises(UserError, match="not the name of a Cityscapes frame"):
        write_submission(tmp_path, key, np.zeros((2, 3), np.uint8), size=None)
    assert not list(tmp_path.iterdir())


def test_frames_are_checked_together():
    check_frames([FRAME, "lindau_000001_000019_leftImg8bit"])
    with pytest.raises(UserError, match="photo: not the name of a Cityscapes frame"):
        check_frames([FRAME, "photo"])
    with pytest.raises(UserError, match=f"{FRAME}_leftImg8bit: the frame {FRAME} occurs twice"):
        check_frames([FRAME, f"{FRAME}_leftImg8bit"])


def test_predictions_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(
        UserError, match=f"{FRAME}: the prediction is 512 x 1024, but must be 1024 x 2048"
    ):
        write_submission(tmp_path, FRAME, np.zeros((512, 1024), np.uint8))
    with pytest.raises(UserError, match=r"prediction is 2 x 3 x 1, but must be height x width"):
        write_submission(tmp_path, FRAME, np.zeros((2, 3, 1), np.uint8), size=None)
    with pytest.raises(UserError, match="wrong prediction: 19: not a training id"):
        write_submission(tmp_path, FRAME, np.full(FRAME_SIZE, 19, np.uint8))
    assert not list(tmp_path.iterdir())
