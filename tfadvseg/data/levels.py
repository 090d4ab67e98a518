"""Mean, deviation and range of each channel over many images of any depth. No TensorFlow here."""

from typing import NamedTuple

import numpy as np


class ChannelStatistics(NamedTuple):
    """Facts about the channels of images, float64 [C] each, on the images' own scale.

    Attributes:
        mean: mean over all pixels.
        std: standard deviation over all pixels; 1 if the channel is constant, so that division by
            it is harmless.
        low, high: range of the instrument: 0 and 255 for 8-bit images, the smallest and largest
            value for others. If levels from 0 fill more than half of the range of their bits, it is
            all of that range: 0 to 4095 for a camera of 12 bits.
    """

    mean: np.ndarray
    std: np.ndarray
    low: np.ndarray
    high: np.ndarray


class ChannelLevels:
    """Collects statistics image by image; [H,W,C] of one of `pixels.IMAGE_DTYPES`, all alike.

    Exact for integers, whose levels are counted; for floats, sums are in float64.
    """

    def __init__(self) -> None:
        self._kind: np.dtype | None = None
        self._counts: np.ndarray = np.zeros((), np.int64)
        self._moments: tuple[int, np.ndarray, np.ndarray] | None = None
        self._range: tuple[np.ndarray, np.ndarray] | None = None

    def add(self, image: np.ndarray) -> None:
        self._kind = image.dtype
        if image.dtype.kind == "f":
            self._add_moments(image)
        else:
            self._counts = self._counts + level_counts(image)

    def statistics(self) -> ChannelStatistics:
        """Statistics of all images so far.

        Raises:
            ValueError: there are none.
        """
        if self._kind is None:
            raise ValueError("no images")
        if self._kind.kind == "f":
            return self._float_statistics()
        counts = self._counts
        first = _first_level(self._kind)
        met = counts > 0
        low = first + met.argmax(axis=1).astype(np.float64)
        high = first + counts.shape[1] - 1 - met[:, ::-1].argmax(axis=1).astype(np.float64)
        if self._kind == np.uint8:
            low, high = np.zeros(len(counts)), np.full(len(counts), 255.0)
        elif self._kind == np.uint16:
            most = np.exp2(np.ceil(np.log2(high + 1))) - 1
            filled = high - low > most / 2
            low, high = np.where(filled, 0, low), np.where(filled, most, high)
            # Sums are over 256 levels where these suffice, so that images written with more bits
            # than they need have exactly the same mean.
            counts = counts[:, : max(256, int(np.flatnonzero(met.any(axis=0))[-1]) + 1)]
        mean, std = level_statistics(counts)
        return ChannelStatistics(mean + first, std, low, high)

    def _add_moments(self, image: np.ndarray) -> None:
        pixels = image.reshape(-1, image.shape[-1]).astype(np.float64)
        count, mean = len(pixels), pixels.mean(axis=0)
        squares = np.square(pixels - mean).sum(axis=0)
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        if self._moments is not None and self._range is not None:
            # Chan, Golub and LeVeque (1979): parts are merged without losing digits.
            before, before_mean, before_squares = self._moments
            change, total = mean - before_mean, before + count
            squares += before_squares + np.square(change) * before * count / total
            mean = before_mean + change * count / total
            count = total
            low, high = np.minimum(low, self._range[0]), np.maximum(high, self._range[1])
        self._moments, self._range = (count, mean, squares), (low, high)

    def _float_statistics(self) -> ChannelStatistics:
        assert self._moments is not None
        assert self._range is not None
        count, mean, squares = self._moments
        std = np.sqrt(squares / count)
        return ChannelStatistics(mean, np.where(std > 0, std, 1.0), *self._range)


def level_counts(image: np.ndarray) -> np.ndarray:
    """Pixels per channel and level of [H,W,C] of 8 or 16 bits: int64 [C,256 or 65536]."""
    first, levels = _first_level(image.dtype), 2 ** (8 * image.dtype.itemsize)
    channels = (image[..., channel].ravel() for channel in range(image.shape[-1]))
    if first:
        channels = (channel.astype(np.int32) - first for channel in channels)
    return np.stack([np.bincount(channel, minlength=levels) for channel in channels])


def level_statistics(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel, float64 [C], from counts of the levels from 0.

    A channel that is constant has deviation 1.
    """
    level = np.arange(counts.shape[1], dtype=np.float64)
    share = counts / counts.sum(axis=1, keepdims=True)
    mean = share @ level
    variance = (share * np.square(level - mean[:, None])).sum(axis=1)
    std = np.sqrt(variance)
    return mean, np.where(std > 0, std, 1.0)


def _first_level(kind: np.dtype) -> int:
    return int(np.iinfo(kind).min)
