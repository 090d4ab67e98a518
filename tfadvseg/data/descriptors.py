"""Constant facts about a dataset: one immutable descriptor each. No TensorFlow here."""

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
"""Colours of classes without a palette."""


@dataclass(frozen=True)
class DatasetDescriptor:
    """Constant facts about a dataset.

    Attributes:
        name: the value of `--dataset`.
        class_names: one name per class id, in order of the ids.
        palette: one (red, green, blue) per class, 0-255.
        image_channels: from 1 to 16; 3 are red, green and blue.
        image_dtype: type of the images in memory, one of `pixels.IMAGE_DTYPES`.
        foreground_class: class inside objects, if the task is to separate objects by the boundaries
            between them (EM membranes); V_rand and V_info are measured then. Otherwise None.
        darkfield_accuracy: whether the darkfield project's own accuracy is measured as well.
        has_background: whether class 0 is the background between objects.
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
        """Whether its classes have names and are not only numbered."""
        return self.class_names != numbered_names(self.num_classes)


def numbered_names(num_classes: int) -> tuple[str, ...]:
    """Names of classes without names of their own."""
    return tuple(f"class_{class_id}" for class_id in range(num_classes))


def default_palette(num_classes: int) -> tuple[tuple[int, int, int], ...]:
    """Black for the background, ten easily distinguished colours, then further different ones."""
    more = tuple(_later_colour(i) for i in range(num_classes - 1 - len(TAB10)))
    return ((0, 0, 0), *TAB10, *more)[:num_classes]


def _later_colour(index: int) -> tuple[int, int, int]:
    """Hues at steps of the golden section; pale, bright, dark and dull in turn."""
    saturation, value = ((0.45, 0.95), (1.0, 0.9), (1.0, 0.5), (0.4, 0.6))[index % 4]
    red, green, blue = colorsys.hsv_to_rgb(index * 0.618034 % 1, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)
