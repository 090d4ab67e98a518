import numpy as np
import pytest
from PIL import Image

from tests.reporting.test_samples import place_of
from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.reporting.colour import overlay
from tfadvseg.reporting.overlays import overlays_figure

PALETTE = ((0, 0, 0), (214, 39, 40), (23, 190, 207))
NAMES = ("background", "red_blood_cell", "spirochaete")


def sample(height: int = 90, width: int = 640, seed: int = 0, channels: int = 3):
    """An image, its label and a prediction."""
    generator = np.random.default_rng(seed)
    image = generator.integers(0, 256, (height, width, channels), np.uint8)
    label, predicted = generator.integers(0, 3, (2, height, width))
    return image, label, predicted


def drawn(folder, samples, palette=PALETTE, names=NAMES, **options) -> np.ndarray:
    """Draws and reads the picture; checks that no other file remains."""
    path = folder / "plots" / "overlays.png"
    images, labels, predictions = (list(each) for each in zip(*samples, strict=True))
    overlays_figure(images, labels, predictions, palette, names, path, **options)
    assert [file.name for file in path.parent.iterdir()] == ["overlays.png"]
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.array(picture.convert("RGB"))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_prediction_stands_to_the_left_and_the_label_to_the_right(channels, tmp_path):
    samples = [sample(seed=seed, channels=channels) for seed in (0, 1)]
    picture = drawn(tmp_path, samples)
    places = [
        [place_of(overlay(image, ids, PALETTE, 0.45), picture) for ids in (predicted, label)]
        for image, label, predicted in samples
    ]
    (first, beside), (second, _) = places
    assert first[0] == beside[0] and beside[1] - first[1] > 640
    assert second[1] == first[1] and second[0] - first[0] > 90


def test_images_of_differing_sizes_get_one_width_and_keep_their_shapes(tmp_path):
    samples = []
    for colour, size in (((60, 0, 0), (100, 200)), ((0, 120, 0), (900, 1200))):
        label = np.zeros(size, int)
        samples.append((np.full((*size, 3), colour, np.uint8), label, label))
    picture = drawn(tmp_path, samples)
    for colour, height in (((60, 0, 0), 320), ((0, 120, 0), 480)):
        at = np.argwhere((picture == colour).all(axis=-1))
        # Two of 640 pixels, two frames and the gap between them.
        assert np.ptp(at[:, 0]) + 1 == height and np.ptp(at[:, 1]) + 1 == 2 * 640 + 10


def test_many_tall_images_fit_a_page(tmp_path):
    picture = drawn(tmp_path, [sample(300, 100, seed) for seed in range(6)])
    assert 1700 < picture.shape[0] < 2100


def test_nothing_shows_of_a_prediction_where_the_label_is_ignored(tmp_path):
    image, label, predicted = sample()
    label[:, :300] = IGNORE_LABEL
    other = predicted.copy()
    other[:, :300] = 1 - np.minimum(predicted[:, :300], 1)
    picture = drawn(tmp_path, [(image, label, predicted)])
    np.testing.assert_array_equal(picture, drawn(tmp_path, [(image, label, other)]))
    # A quarter of the image, which varies between pixels, shows through the veil.
    veiled = np.rint(0.25 * image[:, :300] + 0.75 * 170).astype(np.uint8)
    starts = (picture == veiled[0, 0]).all(axis=-1)
    found = [
        (top, left)
        for top, left in np.argwhere(starts)
        if np.array_equal(picture[top : top + 90, left : left + 300], veiled)
    ]
    assert len(found) == 2


def test_ignored_pixels_have_an_entry_in_the_legend(tmp_path):
    image, label, predicted = sample()
    label[0, 0] = IGNORE_LABEL

    def patches(samples):
        return (drawn(tmp_path, samples) == 170).all(axis=-1).sum()

    assert patches([(image, label, predicted)]) > patches([sample()]) + 100


def test_a_grey_palette_is_drawn_in_colours_in_picture_and_legend(tmp_path):
    greys = ((0, 0, 0), (255, 255, 255))
    image, label, predicted = sample(channels=1)
    label, predicted = label % 2, predicted % 2
    picture = drawn(tmp_path, [(image, label, predicted)], greys, ("membrane", "cell"))
    top, _ = place_of(overlay(image, label, greys, 0.45), picture)
    legend = picture[top + 100 :]
    assert (legend == (213, 94, 0)).all(axis=-1).sum() > 200
    # The transparent class has no black patch; letters have fewer black pixels.
    assert (legend == 0).all(axis=-1).sum() < 200


def test_keys_stand_to_the_left_and_are_not_cut_off(tmp_path):
    bare = drawn(tmp_path, [sample()])
    named = drawn(tmp_path, [sample()], keys=["MEMBRANE_SECTION_0012.PNG"])
    added = named.shape[1] - bare.shape[1]
    assert added > 100
    assert (named[:, :added] < 128).any() and (named[:, :2] == 255).all()


@pytest.mark.parametrize(
    "change",
    [
        {"images": []},
        {"images": [np.zeros((4, 6, 3), np.uint8)] * 7, "labels": [np.zeros((4, 6), int)] * 7},
        {"labels": []},
        {"predictions": [np.zeros((4, 6), int)] * 2},
        {"labels": [np.zeros((4, 5), int)]},
        {"predictions": [np.zeros((6, 4), int)]},
        {"predictions": [np.full((4, 6), 3)]},
        {"images": [np.zeros((4, 6, 3), np.float32)]},
        {"class_names": ("a",)},
        {"keys": ("a", "b")},
    ],
)
def test_what_does_not_match_is_refused_before_anything_is_written(change, tmp_path):
    arguments = {
        "images": [np.zeros((4, 6, 3), np.uint8)],
        "labels": [np.zeros((4, 6), int)],
        "predictions": [np.zeros((4, 6), int)],
        "palette": PALETTE,
        "class_names": NAMES,
    }
    with pytest.raises(ValueError):
        overlays_figure(**(arguments | change), path=tmp_path / "overlays.png")
    assert not list(tmp_path.iterdir())
