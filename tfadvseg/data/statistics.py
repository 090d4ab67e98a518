"""Statistics of a dataset, computed over a stream of examples. No TensorFlow here."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tfadvseg.data.descriptors import IGNORE_LABEL, DatasetDescriptor
from tfadvseg.data.examples import Example, check_label
from tfadvseg.data.levels import ChannelLevels, ChannelStatistics
from tfadvseg.errors import UserError


@dataclass(frozen=True)
class DataStatistics:
    """Statistics of a set of examples.

    Attributes:
        images: number of images.
        least_size, largest_size: (height, width), in pixels; height and width are separate
            extremes.
        channels: mean, deviation and range per channel.
        class_pixels: int64 [K], labelled pixels per class.
        class_images: int64 [K], images that contain each class.
        ignored_pixels: number of pixels whose label is `ignore_label`.
    """

    images: int
    least_size: tuple[int, int]
    largest_size: tuple[int, int]
    channels: ChannelStatistics
    class_pixels: np.ndarray
    class_images: np.ndarray
    ignored_pixels: int

    @property
    def mean(self) -> np.ndarray:
        return self.channels.mean

    @property
    def std(self) -> np.ndarray:
        return self.channels.std

    @property
    def class_frequencies(self) -> np.ndarray:
        """Share of each class in the labelled pixels, float64 [K]; NaN if there are none."""
        total = self.class_pixels.sum()
        return self.class_pixels / total if total else np.full(len(self.class_pixels), np.nan)


def measure(stream: Iterable[Example], num_classes: int) -> DataStatistics:
    """Measures examples one by one and keeps only counts; exact for any number of them.

    Raises:
        UserError: there are no examples, or one is wrong (`check_label`).
    """
    images = 0
    sizes: list[tuple[int, ...]] = []
    levels = ChannelLevels()
    pixels = np.zeros(256, dtype=np.int64)
    containing = np.zeros(256, dtype=np.int64)
    for example in stream:
        check_label(example, num_classes)
        images += 1
        sizes = [*sizes[:2], example.label.shape]
        sizes = [np.min(sizes, axis=0), np.max(sizes, axis=0)]
        levels.add(example.image)
        counts = np.bincount(example.label.ravel(), minlength=256)
        pixels += counts
        containing += counts > 0
    if not images:
        raise UserError("There are no images to measure.")
    least, largest = ((int(size[0]), int(size[1])) for size in sizes)
    return DataStatistics(
        images=images,
        least_size=least,
        largest_size=largest,
        channels=levels.statistics(),
        class_pixels=pixels[:num_classes],
        class_images=containing[:num_classes],
        ignored_pixels=int(pixels[IGNORE_LABEL]),
    )


def format_statistics(descriptor: DatasetDescriptor, statistics: DataStatistics) -> str:
    """Two tables, for channels and for classes, below a line about the images."""
    least, largest = statistics.least_size, statistics.largest_size
    size = f"{least[0]} x {least[1]}"
    if largest != least:
        size += f" to {largest[0]} x {largest[1]}"
    lines = [f"{statistics.images} images of {size} pixels (height x width)", ""]
    measured = statistics.channels
    count = len(measured.mean)
    names = {1: ("grey",), 3: ("red", "green", "blue")}.get(count, tuple(map(str, range(count))))
    deep = any(measured.low != 0) or any(measured.high != 255)
    lines.append(f"{'channel':<20}{'mean':>9}{'std':>9}" + f"{'low':>9}{'high':>9}" * deep)
    for name, mean, std, low, high in zip(names, *measured, strict=True):
        lines.append(f"{name:<20}{mean:>9.3f}{std:>9.3f}" + f"{low:>9g}{high:>9g}" * deep)
    lines += ["", f"{'class':<20}{'pixels':>15}{'frequency':>11}{'images':>8}"]
    rows = zip(
        descriptor.class_names,
        statistics.class_pixels,
        statistics.class_frequencies,
        statistics.class_images,
        strict=True,
    )
    for class_id, (name, pixels, frequency, images) in enumerate(rows):
        lines.append(f"{f'{class_id} {name}':<20}{pixels:>15,}{frequency:>11.6f}{images:>8}")
    if statistics.ignored_pixels:
        lines.append(f"{'ignored':<20}{statistics.ignored_pixels:>15,}")
    return "\n".join(lines)
