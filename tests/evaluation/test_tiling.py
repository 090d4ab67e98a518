import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfadvseg.evaluation.tiling import predict_labels_tiled, predict_tiled
from tfadvseg.models.unet import unet


def random_image(height: int, width: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)


def small_network(pooling: int) -> tf.keras.Model:
    """Two 3x3 convolutions, the second after a pooling of `pooling`; softmax over 3 classes."""
    tf.keras.utils.set_random_seed(2)
    images = tf.keras.Input((None, None, 1))
    x = tf.keras.layers.Rescaling(1 / 128, offset=-1)(images)
    x = tf.keras.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    x = tf.keras.layers.MaxPool2D(pooling)(x)
    x = tf.keras.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    x = tf.keras.layers.UpSampling2D(pooling)(x)
    return tf.keras.Model(images, tf.keras.layers.Conv2D(3, 1, activation="softmax")(x))


def identity(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32)


@pytest.mark.parametrize(
    ("pooling", "radius", "multiple"),
    # With a pooling of 4 a prediction reaches 1 pixel, then 1 cell of 4 to either side.
    [(1, 2, 1), (4, 8, 4)],
)
def test_equals_a_single_pass_away_from_the_borders(pooling, radius, multiple):
    network = small_network(pooling)
    image = random_image(136, 120)
    single = network(image[np.newaxis])[0].numpy()
    tiled = predict_tiled(
        network, image, tile=(64, 80), overlap=4 * radius, batch=3, multiple=multiple
    )
    inner = (slice(radius, -radius), slice(radius, -radius))
    np.testing.assert_allclose(tiled[inner], single[inner], atol=1e-6)
    # The border itself is mirrored instead of padded with zeros.
    assert np.abs(tiled - single)[0].max() > 1e-3


def test_tiles_off_the_pooling_grid_would_differ():
    network = small_network(4)
    image = random_image(136, 120)
    single = network(image[np.newaxis])[0].numpy()
    aligned, shifted = (
        predict_tiled(network, image, tile=(80, 80), overlap=34, multiple=multiple)
        for multiple in (4, 1)
    )
    inner = (slice(8, -8), slice(8, -8))
    np.testing.assert_allclose(aligned[inner], single[inner], atol=1e-6)
    assert np.abs(shifted - single)[inner].max() > 1e-2


@pytest.mark.parametrize("tile", [(45, 37), (64, 64), (45, 512)])
def test_an_image_that_fits_into_a_tile_is_predicted_in_one_pass(tile):
    network = small_network(1)
    image = random_image(45, 37)
    shapes = []

    def predict(images):
        shapes.append(images.shape)
        return network(images)

    tiled = predict_tiled(predict, image, tile=tile, overlap=8)
    assert shapes == [(1, 45, 37, 1)]
    np.testing.assert_array_equal(tiled, network(image[np.newaxis])[0])


@given(
    height=st.integers(1, 150),
    width=st.integers(1, 150),
    overlap=st.integers(0, 16),
    multiple=st.sampled_from([1, 4, 16]),
    batch=st.integers(1, 5),
)
@settings(max_examples=60, deadline=None)
def test_weights_sum_to_one_everywhere(height, width, overlap, multiple, batch):
    image = random_image(height, width, channels=3)
    tiled = predict_tiled(
        identity, image, tile=(48, 64), overlap=overlap, batch=batch, multiple=multiple
    )
    assert tiled.dtype == np.float32
    np.testing.assert_allclose(tiled, image, rtol=1e-5, atol=1e-4)


def test_every_pass_has_the_same_shape_and_is_traced_once():
    @tf.function(autograph=False)
    def predict(images):
        return tf.cast(images, tf.float32)

    image = random_image(200, 170)
    # 5 rows of 3 tiles: 3 batches of 5 rather than 6, 6 and 3.
    passes = []

    def recorded(images):
        passes.append(images.shape)
        return predict(images)

    tiled = predict_tiled(recorded, image, tile=(64, 80), overlap=16, batch=6, multiple=16)
    assert passes == [(5, 64, 80, 1)] * 3
    assert predict.experimental_get_tracing_count() == 1
    np.testing.assert_allclose(tiled, image, atol=1e-4)


def test_a_short_last_batch_is_filled_up():
    passes = []

    def recorded(images):
        passes.append(images.shape[0])
        return identity(images)

    image = random_image(16, 100)
    tiled = predict_tiled(recorded, image, tile=(16, 32), overlap=8, batch=3, multiple=8)
    # 5 tiles: 3 and 2.
    assert passes == [3, 3]
    np.testing.assert_allclose(tiled, image, atol=1e-4)


def test_seams_are_smooth():
    """Tiles that predict 0, 1, 0, ... blend without steps, and edges of tiles do not count."""

    def alternating(tiles):
        shape = (*tiles.shape[:3], 1)
        return np.arange(len(tiles)).reshape(-1, 1, 1, 1) % 2 * np.ones(shape, np.float32)

    image = random_image(8, 160)
    profile = predict_tiled(alternating, image, tile=(8, 64), overlap=32, batch=100, multiple=1)[
        0, :, 0
    ]
    assert profile.min() == 0 and profile.max() == 1
    # The blend runs over 8 pixels: a squared sine rises by at most pi / 2 / 8 a pixel.
    assert np.abs(np.diff(profile)).max() <= np.pi / 2 / 8 + 1e-6
    assert np.abs(np.diff(profile)).max() > 1 / 16


def test_reads_only_tiles_of_a_huge_image():
    read = []

    class Image:
        shape = (4000, 5000, 1)
        dtype = np.dtype(np.uint8)

        def __getitem__(self, index):
            rows, columns = index
            read.append(rows.size * columns.size)
            return np.zeros((rows.size, columns.size, 1), np.uint8)

    predict_tiled(identity, Image(), tile=(512, 512))
    assert max(read) == 512 * 512


@pytest.mark.parametrize(
    "arguments",
    [
        {"tile": (64, 64), "overlap": 40},
        {"tile": (16, 16), "overlap": 4, "multiple": 32},
        {"tile": (0, 64)},
        {"tile": (64, 64), "overlap": -1},
        {"tile": (64, 64), "batch": 0},
    ],
)
def test_tiles_that_cannot_cover_are_refused(arguments):
    with pytest.raises(ValueError):
        predict_tiled(identity, random_image(100, 100), **arguments)


def test_the_default_overlap_is_enough_for_a_deep_unet():
    tf.keras.utils.set_random_seed(0)
    model = unet(1, 1, width=2, depth=4)
    image = np.random.default_rng(0).normal(size=(1024, 1300, 1)).astype(np.float32)

    def predict(tiles):
        return model(tiles, training=False).numpy()

    tiled = predict_tiled(predict, image, tile=(1024, 1024), batch=1, multiple=16)
    whole = predict(np.pad(image, ((0, 0), (0, 12), (0, 0)))[np.newaxis])[0, :, :1300]
    inside = (slice(128, -128), slice(128, -140))
    np.testing.assert_allclose(tiled[inside], whole[inside], rtol=1e-5, atol=1e-5)
    assert np.abs(whole).max() > 0.01


@pytest.mark.parametrize("size", [(50, 60), (150, 210), (97, 96)])
def test_labels_of_tiles_are_those_of_a_single_pass_where_a_pixel_decides_alone(size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    shapes = set()

    def predict(part: np.ndarray) -> np.ndarray:
        shapes.add(part.shape)
        return part.max(axis=-1) // 64

    label = predict_labels_tiled(predict, image, tile=96)
    assert label.dtype == np.uint8
    np.testing.assert_array_equal(label, image.max(axis=-1) // 64)
    assert len(shapes) == 1


def test_labels_near_the_edges_of_tiles_are_not_taken():
    """A pixel of an overlap takes the label of the tile whose edge is farther away."""
    image = np.zeros((60, 200), np.uint8)

    def predict(part: np.ndarray) -> np.ndarray:
        label = np.zeros(part.shape, np.uint8)
        label[:, :10] = label[:, -10:] = 1
        return label

    assert predict_labels_tiled(predict, image, tile=96).max() == 0
