import numpy as np
import pytest
from PIL import Image

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.reporting.samples import samples_figure

PALETTE = ((0, 0, 0), (255, 255, 255))
NAMES = ("membrane", "cell")
IGNORED = (170, 170, 170)


def windows(count: int = 3, size: tuple[int, int] = (140, 120), channels: int = 1):
    generator = np.random.default_rng(5)
    images = generator.integers(0, 256, (count, *size, channels), np.uint8)
    labels = generator.integers(0, 2, (count, *size))
    return images, labels


def drawn(folder, images, labels, predictions, palette=PALETTE, names=NAMES, **options):
    """Draws and reads the picture; checks that no other file remains."""
    path = folder / "plots" / "samples.png"
    samples_figure(images, labels, predictions, palette, names, path, **options)
    assert [file.name for file in path.parent.iterdir()] == ["samples.png"]
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.array(picture.convert("RGB"))


def places_of(window: np.ndarray, picture: np.ndarray) -> list[tuple[int, int]]:
    """Position of the window in the picture, pixel by pixel."""
    window, picture = (pixels @ np.array([1, 256, 65536]) for pixels in (window, picture))
    height, width = window.shape
    starts = np.ones((picture.shape[0] - height + 1, picture.shape[1] - width + 1), bool)
    # A few pixels of the first row leave few positions for a full comparison.
    for shift in range(0, width, 5):
        starts &= picture[: len(starts), shift : shift + starts.shape[1]] == window[0, shift]
    return [
        (int(top), int(left))
        for top, left in np.argwhere(starts)
        if np.array_equal(picture[top : top + height, left : left + width], window)
    ]


def place_of(window: np.ndarray, picture: np.ndarray) -> tuple[int, int]:
    (place,) = places_of(window, picture)
    return place


@pytest.mark.parametrize("channels", [1, 3])
def test_windows_stand_in_columns_pixel_by_pixel(channels, tmp_path):
    images, labels = windows(channels=channels)
    adversarial, standard = 1 - labels, np.roll(labels, 1, axis=1)
    picture = drawn(tmp_path, images, labels, {"segmenter": adversarial, "standard": standard})
    maps = np.array(PALETTE, np.uint8)
    rows = [np.broadcast_to(images, (*images.shape[:3], 3)), maps[labels]]
    rows += [maps[adversarial], maps[standard]]
    places = np.array([[place_of(window, picture) for window in row] for row in rows])
    tops, lefts = places[..., 0], places[..., 1]
    # Each row has one top edge and each column one left edge, in the given order.
    assert (tops == tops[:, :1]).all() and (np.diff(tops, axis=0) > 140).all()
    assert (lefts == lefts[:1]).all() and (np.diff(lefts, axis=1) > 120).all()


def test_small_windows_are_enlarged_by_a_whole_factor(tmp_path):
    images, labels = windows(size=(20, 35))
    picture = drawn(tmp_path, images, labels, {"segmenter": labels})
    enlarged = np.broadcast_to(images, (3, 20, 35, 3)).repeat(4, axis=1).repeat(4, axis=2)
    place_of(enlarged[0], picture)


def test_large_windows_are_reduced_by_means(tmp_path):
    # Checks of 1 pixel become an even grey; halves stay halves.
    images = np.zeros((1, 280, 280, 1), np.uint8)
    images[:, ::2, ::2] = images[:, 1::2, 1::2] = 200
    labels = np.zeros((1, 280, 280), int)
    labels[:, :, 140:] = 1
    picture = drawn(tmp_path, images, labels, {"segmenter": labels})
    assert (picture == 100).all(axis=-1).sum() >= 140 * 140
    half = np.zeros((140, 140, 3), np.uint8)
    half[:, 70:] = 255
    tops = [top for top, _ in places_of(half, picture)]
    assert len(tops) == 2  # label and prediction


def test_ten_windows_and_four_rows_fit_a_page(tmp_path):
    images, labels = windows(10, (128, 128))
    picture = drawn(tmp_path, images, labels, {"segmenter": labels, "standard": labels})
    height, width = picture.shape[:2]
    assert 1400 < width < 1800 and 550 < height < 750


def test_certain_probabilities_look_like_labels_and_others_mix_colours(tmp_path):
    images, labels = windows()
    of_labels = drawn(tmp_path, images, labels, {"segmenter": labels})
    certain = np.eye(2, dtype=np.float32)[labels]
    np.testing.assert_array_equal(
        drawn(tmp_path, images, labels, {"segmenter": certain}), of_labels
    )
    even = drawn(tmp_path, images, labels, {"segmenter": np.full_like(certain, 0.5)})
    assert (even == 128).all(axis=-1).sum() >= labels.size


def test_ignored_pixels_have_a_colour_of_their_own_and_an_entry_in_the_legend(tmp_path):
    images, labels = windows()
    plain = drawn(tmp_path, images, labels, {"segmenter": labels})
    ignoring = labels.copy()
    ignoring[0, :50] = IGNORE_LABEL
    picture = drawn(tmp_path, images, ignoring, {"segmenter": labels})

    def count(image):
        return int((image == IGNORED).all(axis=-1).sum())

    # The ignored pixels and the patch in the legend.
    assert count(picture) - count(plain) > 50 * 120 + 100


def test_keys_stand_above_the_windows(tmp_path):
    images, labels = windows()
    bare = drawn(tmp_path, images, labels, {"segmenter": labels})
    named = drawn(
        tmp_path, images, labels, {"segmenter": labels}, keys=("a", "b", "a very long key indeed")
    )
    above = named.shape[0] - bare.shape[0]
    assert above > 20
    assert (named[:above] < 128).any() and named.shape[1] == bare.shape[1]


def test_the_legend_of_many_classes_keeps_within_the_page(tmp_path):
    images, labels = windows(4)
    palette = tuple((i * 10, 255 - i * 10, 128) for i in range(19))
    names = tuple(f"a class named {i}" for i in range(19))
    picture = drawn(tmp_path, images, labels, {"segmenter": labels}, palette, names)
    for colour in palette[2:]:
        assert (picture == colour).all(axis=-1).sum() > 100
    assert (picture[:, :2] == 255).all() and (picture[:, -2:] == 255).all()
    assert (picture[-2:] == 255).all()


@pytest.mark.parametrize(
    "change",
    [
        {"labels": np.zeros((3, 140, 60), int)},
        {"labels": np.zeros((2, 140, 120), int)},
        {"predictions": {"segmenter": np.zeros((3, 60, 120), int)}},
        {"predictions": {"segmenter": np.zeros((3, 140, 120, 5), np.float32)}},
        {"images": np.zeros((3, 140, 120, 2), np.uint8)},
        {"images": np.zeros((3, 140, 120, 1), np.float32)},
        {"labels": np.full((3, 140, 120), 7)},
        {"keys": ("a", "b")},
        {"names": ("membrane",)},
    ],
)
def test_what_does_not_match_is_refused_before_anything_is_written(change, tmp_path):
    images, labels = windows()
    arguments = {
        "images": images,
        "labels": labels,
        "predictions": {"segmenter": labels},
    } | change
    with pytest.raises(ValueError):
        drawn(tmp_path, **arguments)
    assert not list(tmp_path.iterdir())


def test_no_windows_are_refused(tmp_path):
    images, labels = windows(0)
    with pytest.raises(ValueError):
        drawn(tmp_path, images, labels, {"segmenter": labels})
