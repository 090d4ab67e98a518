"""Detection of labels that are shifted against their images. No TensorFlow here."""

import numpy as np
from scipy import ndimage

REACH = 24
"""Largest shift that is searched, in pixels, in each direction."""

LEAST = 3
"""Smallest shift that is reported; smaller ones may be the width of edges."""

_LARGEST = 1024  # side of the central square that is used, in pixels


def shift_scores(image: np.ndarray, label: np.ndarray) -> np.ndarray | None:
    """Correlation of the borders between labels with the edges of an image, for every shift.

    Args:
        image: image [H,W,C].
        label: class ids [H,W].

    Returns:
        Correlations, float [2 * REACH + 1, 2 * REACH + 1]. Element (REACH, REACH) is that of the
        labels as they are; the next row down is that of labels moved up by one row. None if there
        are no borders, or the image is too small.
    """
    height, width = label.shape
    if min(height, width) < 4 * REACH:
        return None
    rows, columns = (
        slice((side - min(side, _LARGEST)) // 2, (side + min(side, _LARGEST)) // 2)
        for side in (height, width)
    )
    grey = image[rows, columns].astype(np.float64).mean(axis=-1)
    edges = ndimage.gaussian_gradient_magnitude(grey, 1.5)
    ids = label[rows, columns].astype(np.int64)
    borders = np.zeros(ids.shape)
    borders[:-1] += ids[1:] != ids[:-1]
    borders[:, :-1] += ids[:, 1:] != ids[:, :-1]
    borders = ndimage.gaussian_filter(np.minimum(borders, 1), 1.5)
    if borders.std() == 0 or edges.std() == 0:
        return None
    edges, borders = ((values - values.mean()) / values.std() for values in (edges, borders))
    # Correlation by Fourier transforms, padded so that opposite borders do not wrap around.
    shape = [side + 2 * REACH for side in edges.shape]
    spectrum = np.conj(np.fft.rfft2(edges, shape)) * np.fft.rfft2(borders, shape)
    scores = np.fft.irfft2(spectrum, shape) / edges.size
    shifts = np.arange(-REACH, REACH + 1)
    return scores[np.ix_(shifts, shifts)]


def likely_shift(scores: np.ndarray) -> tuple[int, int] | None:
    """The shift (rows down, columns right) of labels against their images; None if there is none.

    Args:
        scores: mean of `shift_scores` over images whose labels share a shift.
    """
    row, column = np.unravel_index(scores.argmax(), scores.shape)
    down, right = int(row) - REACH, int(column) - REACH
    if max(abs(down), abs(right)) < LEAST or max(abs(down), abs(right)) == REACH:
        return None
    # The best fit must stand out, and be much better than that of the labels as they are.
    best, here = scores[row, column], scores[REACH, REACH]
    stands_out = best > scores.mean() + 4 * scores.std() or best > 3 * np.median(np.abs(scores))
    return (down, right) if best > 0.1 and here < 0.6 * best and stands_out else None
