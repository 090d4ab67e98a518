"""Whether a network is right as often as it is sure: expected calibration error.

Guo et al., On calibration of modern neural networks, ICML 2017 (arXiv 1706.04599), eq. 3: pixels
are sorted into bins by the probability of their most probable class, and ECE is the mean over
pixels of the difference between a bin's mean probability and its share of right answers.
"""

import numpy as np

from tfadvseg.data.descriptors import IGNORE_LABEL

BINS = 15
"""Of equal width between 0 and 1, as in the paper."""


def calibration_sums(label: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Pixels of one image by bin, to be added up over images.

    Args:
        label: [H,W] int, class ids or `IGNORE_LABEL`, whose pixels do not count.
        probabilities: [H,W,K] float, of each class.

    Returns:
        [BINS,3] float64: the number of pixels, the sum of their probabilities, and how many of them
        are right.
    """
    valid = label != IGNORE_LABEL
    confidence = probabilities.max(axis=-1)[valid].astype(np.float64)
    right = probabilities.argmax(axis=-1)[valid] == label[valid]
    # Bins hold their upper end, as the paper's intervals do.
    index = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    columns = (None, confidence, right.astype(np.float64))
    return np.stack([np.bincount(index, weights, BINS) for weights in columns], axis=-1)


def expected_calibration_error(sums: np.ndarray) -> float:
    """ECE in [0,1]; NaN where no pixel counts.

    Args:
        sums: [BINS,3], `calibration_sums` of all images added up.
    """
    pixels = sums[:, 0].sum()
    return float(np.abs(sums[:, 1] - sums[:, 2]).sum() / pixels) if pixels else float("nan")
