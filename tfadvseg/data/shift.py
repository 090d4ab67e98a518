"""Whether labels lie beside the objects that they describe. No TensorFlow here."""

import numpy as np
from scipy import ndimage

REACH = 24
"""Largest shift that is looked for, in pixels, up and down and to both sides."""

LEAST = 3
"""Smallest shift that is told from the width of edges."""

_LARGEST = 1024  # pixels of a side that are looked at, in the middle of the image


def shift_scores(image: np.ndarray, label: np.ndarray) -> np.ndarray | None:
    """How well the borders between labels fit the edges of an image, for every shift.

    Args:
        image: [H,W,C].
        label: [H,W].

    Returns:
        float [2 * REACH + 1, 2 * REACH + 1]: the correlation of both, where (REACH, REACH) is for
        labels as they are and a row further down for labels that would lie a row further up in
        truth; None where there are no borders, or the image is too small.
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
    # Correlation by Fourier transforms, with room so that opposite borders do not meet.
    shape = [side + 2 * REACH for side in edges.shape]
    spectrum = np.conj(np.fft.rfft2(edges, shape)) * np.fft.rfft2(borders, shape)
    scores = np.fft.irfft2(spectrum, shape) / edges.size
    shifts = np.arange(-REACH, REACH + 1)
    return scores[np.ix_(shifts, shifts)]


def likely_shift(scores: np.ndarray) -> tuple[int, int] | None:
    """The (rows down, columns right) by which labels seem to lie beside their images, if they do.

    Args:
        scores: the mean of `shift_scores` over images that share a shift.
    """
    row, column = np.unravel_index(scores.argmax(), scores.shape)
    down, right = int(row) - REACH, int(column) - REACH
    if max(abs(down), abs(right)) < LEAST or max(abs(down), abs(right)) == REACH:
        return None
    # A fit that stands out, and that is much better than that of labels as they are.
    best, here = scores[row, column], scores[REACH, REACH]
    stands_out = best > scores.mean() + 4 * scores.std() or best > 3 * np.median(np.abs(scores))
    return (down, right) if best > 0.1 and here < 0.6 * best and stands_out else None
