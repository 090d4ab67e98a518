from dataclasses import dataclass, field

import numpy as np
import pytest

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.examples import Examples
from tfadvseg.evaluation.em_metrics import em_scores
from tfadvseg.evaluation.report import evaluate_sections, format_table


@dataclass(frozen=True)
class Classes:
    class_names: tuple[str, ...] = ("membrane", "cell")
    image_channels: int = 1
    image_dtype: str = "uint8"
    normalise: str = "dataset"
    foreground_class: int | None = 1
    darkfield_accuracy: bool = False
    resize: tuple[int, ...] = ()
    stride: int = 8


@dataclass
class Brightness:
    """Uses an image's brightness as the probability of class 1."""

    spec: Classes = field(default_factory=Classes)
    sizes: list[tuple[int, ...]] = field(default_factory=list)

    def predict_probabilities(self, images: np.ndarray) -> np.ndarray:
        assert images.dtype == np.uint8
        self.sizes.append(images.shape)
        positive = images[..., :1].astype(np.float32) / 255
        return np.concatenate([1 - positive, positive], axis=-1)


def cells(height: int, width: int) -> np.ndarray:
    """Cells of 7 x 7 pixels between borders one pixel wide."""
    label = np.ones((height, width), np.uint8)
    label[::8], label[:, ::8] = 0, 0
    return label


def examples_of(labels: list[np.ndarray], wrong: int = 0) -> Examples:
    """Images that show their labels as 191 and 64, except for `wrong` pixels of the first."""
    images = []
    for label in labels:
        image = np.where(label == 1, 191, 64).astype(np.uint8)[..., np.newaxis]
        images.append(image)
    flat = images[0].reshape(-1)
    flat[:wrong] = 255 - flat[:wrong]
    return Examples(tuple(map(str, range(len(labels)))), tuple(images), tuple(labels))


def test_images_of_any_size_count_by_their_pixels():
    labels = [cells(24, 32), cells(8, 16)]
    # The first row of the first image is border: 32 border pixels are predicted as cell.
    metrics = evaluate_sections(Brightness(), examples_of(labels, wrong=32)).metrics
    border = sum((label == 0).sum() for label in labels)
    total = sum(label.size for label in labels)
    assert metrics["accuracy"] == pytest.approx(1 - 32 / total)
    assert metrics["recall_membrane"] == pytest.approx(1 - 32 / border)
    assert metrics["precision_cell"] == pytest.approx((total - border) / (total - border + 32))
    assert metrics["f1_cell"] == pytest.approx(2 * (total - border) / (2 * (total - border) + 32))


def test_each_image_is_counted_by_itself_too():
    labels = [cells(24, 32), cells(8, 16)]
    measured = evaluate_sections(Brightness(), examples_of(labels, wrong=32))
    first, second = measured.image_confusions
    borders = [int((label == 0).sum()) for label in labels]
    np.testing.assert_array_equal(first, [[borders[0] - 32, 32], [0, 24 * 32 - borders[0]]])
    np.testing.assert_array_equal(second, [[borders[1], 0], [0, 8 * 16 - borders[1]]])
    np.testing.assert_array_equal(measured.confusion, first + second)


def test_challenge_scores_are_those_of_the_same_sections():
    labels = [cells(24, 32), cells(16, 16)]
    examples = examples_of(labels, wrong=300)
    metrics = evaluate_sections(Brightness(), examples).metrics
    expected = em_scores([image[..., 0] / np.float32(255) for image in examples.images], labels)
    measured = {name: metrics[name] for name in expected.as_metrics()}
    assert measured == pytest.approx(expected.as_metrics())
    assert 0 < metrics["v_rand"] < 1


def test_without_a_foreground_class_there_are_no_challenge_scores():
    predictor = Brightness(Classes(foreground_class=None))
    metrics = evaluate_sections(predictor, examples_of([cells(16, 16)])).metrics
    assert not [name for name in metrics if name.startswith(("v_", "pixel"))]
    assert metrics["accuracy"] == 1


def test_ignored_pixels_do_not_count():
    label = cells(16, 16)
    examples = examples_of([label], wrong=16)
    ignoring = label.copy()
    ignoring[0] = IGNORE_LABEL
    metrics = evaluate_sections(
        Brightness(), Examples(examples.keys, examples.images, (ignoring,))
    ).metrics
    assert metrics["accuracy"] == 1
    assert metrics["pixel_error"] == 0


def test_large_images_are_predicted_in_tiles():
    predictor = Brightness()
    examples = examples_of([cells(100, 90), cells(40, 50)], wrong=200)
    tiled = evaluate_sections(predictor, examples, tile=64).metrics
    assert {shape[1:3] for shape in predictor.sizes} == {(64, 64), (40, 50)}
    assert tiled == pytest.approx(evaluate_sections(Brightness(), examples).metrics, abs=1e-9)


def test_tiles_lie_on_the_grid_of_the_network():
    predictor = Brightness(Classes(stride=24))
    evaluate_sections(predictor, examples_of([cells(200, 190)]), tile=100)
    assert {shape[1:3] for shape in predictor.sizes} == {(96, 96)}


@pytest.mark.parametrize(
    "examples",
    [
        Examples((), (), ()),
        Examples(("a",), (np.zeros((4, 4, 1), np.uint8),), None),
        Examples(("a",), (np.zeros((4, 4, 1), np.uint8),), (np.zeros((4, 5), np.uint8),)),
    ],
    ids=["no examples", "no labels", "another size"],
)
def test_what_cannot_be_measured_is_refused(examples):
    with pytest.raises(ValueError):
        evaluate_sections(Brightness(), examples)


ROWS = {
    "segmenter": {"accuracy": 0.92346, "f1_cell": 1.0},
    "standard": {"accuracy": float("nan"), "v_rand": 0.5},
}


def test_terminal_table():
    assert format_table(ROWS).splitlines() == [
        "          segmenter  standard",
        "--------  ---------  --------",
        "accuracy     0.9235       n/a",
        "f1_cell      1.0000         -",
        "v_rand            -    0.5000",
    ]
