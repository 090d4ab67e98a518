"""Labels of large images, band after band, against a single pass."""

import itertools

import numpy as np
import pytest
from scipy import ndimage

from tfadvseg.evaluation.large_images import kept, predicted_bands
from tfadvseg.evaluation.tiling import spans


def local(reach: int):
    """Classes by the mean of each pixel's neighbourhood, mirrored like a tile's borders."""

    def predict(images: np.ndarray) -> np.ndarray:
        (image,) = images
        mean = ndimage.uniform_filter(
            image[..., 0].astype(np.float64), 2 * reach + 1, mode="mirror"
        )
        return np.stack([127.5 - mean, mean - 127.5], axis=-1)[np.newaxis].astype(np.float32)

    return predict


@pytest.mark.parametrize("size", [(20, 30), (64, 64), (65, 64), (64, 200), (150, 171), (301, 97)])
def test_labels_are_those_of_a_single_pass(size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 1), np.uint8)
    largest = 0

    def read(top: int, left: int, height: int, width: int) -> np.ndarray:
        nonlocal largest
        assert 0 <= top < top + height <= size[0] and 0 <= left < left + width <= size[1]
        largest = max(largest, height * width)
        return image[top : top + height, left : left + width]

    bands = list(predicted_bands(local(3), read, size, 64, 4))
    assert all(band.dtype == np.uint8 and band.shape[1] == size[1] for band in bands)
    expected = local(3)(image[np.newaxis])[0].argmax(-1)
    np.testing.assert_array_equal(np.concatenate(bands), expected)
    assert largest <= 64 * 64


@pytest.mark.parametrize("size", range(1, 400, 7))
def test_every_pixel_is_kept_once(size):
    stretches = kept(spans(size, 64, 21, 4))
    assert stretches[0][0] == 0 and stretches[-1][1] == size
    assert all(one[1] == other[0] for one, other in itertools.pairwise(stretches))
    assert all(first <= end for first, end in stretches)
