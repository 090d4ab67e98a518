"""Facts about a dataset that never change: one immutable descriptor each. No TensorFlow here."""

import colorsys
import dataclasses
from dataclasses import dataclass

IGNORE_LABEL = 255
"""The class id of pixels that no loss and no metric counts."""

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
        image_channels: 1 or 3.
        train_split, val_split: TFDS slices used unless flags name others. Empty for `folder` and
            `darkfield`, which are divided by a seed.
        foreground_class: where the task is to tell objects apart by the boundaries between them
            (EM membranes): the class inside objects. V_rand and V_info are measured then.
        darkfield_accuracy: whether the darkfield project's own accuracy is measured, too.
        has_background: whether class 0 is what lies between objects.
    """

    name: str
    class_names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    image_channels: int
    train_split: str
    val_split: str
    foreground_class: int | None = None
    darkfield_accuracy: bool = False
    has_background: bool = True

    @property
    def num_classes(self) -> int:
        return len(self.class_names)


def default_palette(num_classes: int) -> tuple[tuple[int, int, int], ...]:
    """Background black, ten colours that are easily told apart, then more that at least differ."""
    more = tuple(_later_colour(i) for i in range(num_classes - 1 - len(TAB10)))
    return ((0, 0, 0), *TAB10, *more)[:num_classes]


def _later_colour(index: int) -> tuple[int, int, int]:
    """Hues a golden section apart, each pale, bright, dark or dull."""
    saturation, value = ((0.45, 0.95), (1.0, 0.9), (1.0, 0.5), (0.4, 0.6))[index % 4]
    red, green, blue = colorsys.hsv_to_rgb(index * 0.618034 % 1, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


_MEMBRANE_CLASSES = ("membrane", "cell")
_MEMBRANE_PALETTE = ((0, 0, 0), (255, 255, 255))

ISBI2012 = DatasetDescriptor(
    name="isbi2012",
    class_names=_MEMBRANE_CLASSES,
    palette=_MEMBRANE_PALETTE,
    image_channels=1,
    train_split="train[:20]",
    val_split="train[20:]",
    foreground_class=1,
)

MEMBRANES = DatasetDescriptor(
    name="membranes",
    class_names=_MEMBRANE_CLASSES,
    palette=_MEMBRANE_PALETTE,
    image_channels=1,
    train_split="train",
    val_split="validation",
    foreground_class=1,
)

_BLOOD_CLASSES = ("background", "red_blood_cell", "spirochaete")
_BLOOD_PALETTE = ((0, 0, 0), (214, 39, 40), (23, 190, 207))

DARKFIELD = DatasetDescriptor(
    name="darkfield",
    class_names=_BLOOD_CLASSES,
    palette=_BLOOD_PALETTE,
    image_channels=3,
    train_split="",
    val_split="",
    darkfield_accuracy=True,
)

CELLS = DatasetDescriptor(
    name="cells",
    class_names=_BLOOD_CLASSES,
    palette=_BLOOD_PALETTE,
    image_channels=3,
    train_split="train",
    val_split="validation",
    darkfield_accuracy=True,
)

# The colours that CamVid itself gives to these classes (its label_colors.txt).
CAMVID = DatasetDescriptor(
    name="camvid",
    class_names=(
        "sky",
        "building",
        "pole",
        "road",
        "pavement",
        "tree",
        "sign_symbol",
        "fence",
        "car",
        "pedestrian",
        "bicyclist",
    ),
    palette=(
        (128, 128, 128),
        (128, 0, 0),
        (192, 192, 128),
        (128, 64, 128),
        (0, 0, 192),
        (128, 128, 0),
        (192, 128, 128),
        (64, 64, 128),
        (64, 0, 128),
        (64, 64, 0),
        (0, 128, 192),
    ),
    image_channels=3,
    train_split="train",
    val_split="val",
    has_background=False,
)

CAMVID_WITH_VOID = dataclasses.replace(
    CAMVID, class_names=(*CAMVID.class_names, "void"), palette=(*CAMVID.palette, (0, 0, 0))
)
"""The same data with void as a twelfth class instead of `IGNORE_LABEL`."""
