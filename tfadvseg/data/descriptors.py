"""Facts about a dataset that never change: one immutable descriptor each. No TensorFlow here."""

import colorsys
from dataclasses import dataclass

from tfadvseg_datasets.segmentation import IGNORE_LABEL as IGNORE_LABEL

TAB10 = (
    (31, 119, 180),
    (255, 127, 14),
    (44, 160, 44),
    (214, 39, 40),
    (148, 103, 189),
    (140, 86, 75),
    (227, 119, 194),
    (127, 127, 127),
    (188, 189, 34),
    (23, 190, 207),
)
"""Colours for classes that come without a palette of their own."""


@dataclass(frozen=True)
class DatasetDescriptor:
    """What is true of a dataset whoever reads it.

    Attributes:
        name: the value of `--dataset`.
        class_names: one name a class id, in order of the ids.
        palette: one (red, green, blue) a class, 0-255.
        image_channels: from 1 to 16; 3 are red, green and blue.
        image_dtype: of the images in memory, one of `decoded.IMAGE_DTYPES`.
        foreground_class: where the task is to tell objects apart by the boundaries between them
            (EM membranes): the class inside objects. V_rand and V_info are measured then.
        darkfield_accuracy: whether the darkfield project's own accuracy is measured, too.
        has_background: whether class 0 is what lies between objects.
    """

    name: str
    class_names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    image_channels: int
    foreground_class: int | None = None
    darkfield_accuracy: bool = False
    has_background: bool = True
    image_dtype: str = "uint8"

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def names_classes(self) -> bool:
        """Whether its classes have names, or are numbered because nobody gave any."""
        return self.class_names != numbered_names(self.num_classes)


def numbered_names(num_classes: int) -> tuple[str, ...]:
    """Names of classes that nobody named."""
    return tuple(f"class_{class_id}" for class_id in range(num_classes))


def default_palette(num_classes: int) -> tuple[tuple[int, int, int], ...]:
    """Background black, ten colours that are easily told apart, then more that at least differ."""
    more = tuple(_later_colour(i) for i in range(num_classes - 1 - len(TAB10)))
    return ((0, 0, 0), *TAB10, *more)[:num_classes]


def _later_colour(index: int) -> tuple[int, int, int]:
    """Hues a golden section apart, each pale, bright, dark or dull."""
    saturation, value = ((0.45, 0.95), (1.0, 0.9), (1.0, 0.5), (0.4, 0.6))[index % 4]
    red, green, blue = colorsys.hsv_to_rgb(index * 0.618034 % 1, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)
