import numpy as np
import pytest
from PIL import Image

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.reporting.chosen_labels import chosen_labels_figure
from tfadvseg.reporting.colour import IGNORED_COLOUR

PALETTE = ((10, 20, 30), (240, 230, 0))


def arguments(count: int = 2) -> dict:
    shape = (count, 32, 32)
    pseudo_labels = np.ones(shape, int)
    pseudo_labels[:, :, 16:] = IGNORE_LABEL
    confidence = np.full(shape, 1.0)
    confidence[:, :, 16:] = 0.0
    return {
        "images": np.full((*shape, 1), 77, np.uint8),
        "predictions": np.ones(shape, int),
        "pseudo_labels": pseudo_labels,
        "confidence": confidence,
        "threshold": 0.2,
        "confidence_name": "D: probability\nof a true map",
        "palette": PALETTE,
        "class_names": ("road", "sky"),
    }


def test_what_is_not_learned_is_drawn_as_ignored_and_dark(tmp_path):
    path = tmp_path / "pseudo_labels.png"
    chosen_labels_figure(**arguments(), path=path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    with Image.open(path) as picture:
        pixels = np.array(picture.convert("RGB")).reshape(-1, 3)
    window = 240 * 240

    def area(colour):
        return (pixels == colour).all(axis=-1).sum() / (2 * window)

    assert area((77, 77, 77)) == pytest.approx(1, abs=0.05)
    assert area(PALETTE[1]) == pytest.approx(1.5, abs=0.05), "prediction and half the pseudo-label"
    assert area(IGNORED_COLOUR) == pytest.approx(0.5, abs=0.05)
    assert area((0, 0, 0)) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"predictions": np.ones((2, 32, 31), int)}, "shapes differ"),
        ({"images": np.zeros((0, 32, 32, 1), np.uint8)}, "no windows"),
    ],
)
def test_windows_that_do_not_match_are_refused(change, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        chosen_labels_figure(**(arguments() | change), path=tmp_path / "pseudo_labels.png")
