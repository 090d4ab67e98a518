"""The classes of Cityscapes by id: the official table, and maps between its two numberings.

`labelIds` number all 34 classes and are stored in the annotations (also in GTA5's); `trainIds`
number the 19 classes used for training and evaluation, and are 255 elsewhere. Source: `labels.py`
of the benchmark's scripts; Cordts et al., The Cityscapes Dataset for Semantic Urban Scene
Understanding, CVPR 2016.
"""

from typing import NamedTuple

import numpy as np

from tfadvseg_datasets.segmentation import IGNORE_LABEL


class StreetClass(NamedTuple):
    """One row of the table.

    Attributes:
        name: as Cityscapes spells it.
        label_id: 0 to 33.
        train_id: 0 to 18, or `IGNORE_LABEL`.
        colour: (red, green, blue), 0-255, of colour-coded labels.
    """

    name: str
    label_id: int
    train_id: int
    colour: tuple[int, int, int]


CLASSES = (
    StreetClass("unlabeled", 0, 255, (0, 0, 0)),
    StreetClass("ego vehicle", 1, 255, (0, 0, 0)),
    StreetClass("rectification border", 2, 255, (0, 0, 0)),
    StreetClass("out of roi", 3, 255, (0, 0, 0)),
    StreetClass("static", 4, 255, (0, 0, 0)),
    StreetClass("dynamic", 5, 255, (111, 74, 0)),
    StreetClass("ground", 6, 255, (81, 0, 81)),
    StreetClass("road", 7, 0, (128, 64, 128)),
    StreetClass("sidewalk", 8, 1, (244, 35, 232)),
    StreetClass("parking", 9, 255, (250, 170, 160)),
    StreetClass("rail track", 10, 255, (230, 150, 140)),
    StreetClass("building", 11, 2, (70, 70, 70)),
    StreetClass("wall", 12, 3, (102, 102, 156)),
    StreetClass("fence", 13, 4, (190, 153, 153)),
    StreetClass("guard rail", 14, 255, (180, 165, 180)),
    StreetClass("bridge", 15, 255, (150, 100, 100)),
    StreetClass("tunnel", 16, 255, (150, 120, 90)),
    StreetClass("pole", 17, 5, (153, 153, 153)),
    StreetClass("polegroup", 18, 255, (153, 153, 153)),
    StreetClass("traffic light", 19, 6, (250, 170, 30)),
    StreetClass("traffic sign", 20, 7, (220, 220, 0)),
    StreetClass("vegetation", 21, 8, (107, 142, 35)),
    StreetClass("terrain", 22, 9, (152, 251, 152)),
    StreetClass("sky", 23, 10, (70, 130, 180)),
    StreetClass("person", 24, 11, (220, 20, 60)),
    StreetClass("rider", 25, 12, (255, 0, 0)),
    StreetClass("car", 26, 13, (0, 0, 142)),
    StreetClass("truck", 27, 14, (0, 0, 70)),
    StreetClass("bus", 28, 15, (0, 60, 100)),
    StreetClass("caravan", 29, 255, (0, 0, 90)),
    StreetClass("trailer", 30, 255, (0, 0, 110)),
    StreetClass("train", 31, 16, (0, 80, 100)),
    StreetClass("motorcycle", 32, 17, (0, 0, 230)),
    StreetClass("bicycle", 33, 18, (119, 11, 32)),
)
"""All 34 classes, by label id. License plates (-1) never occur in labels."""

TRAIN_CLASSES = tuple(
    sorted((c for c in CLASSES if c.train_id != IGNORE_LABEL), key=lambda c: c.train_id)
)
"""The 19 training classes, by training id."""

TRAIN_NAMES = tuple(c.name.replace(" ", "_") for c in TRAIN_CLASSES)
"""Names of the training classes, with underscores for spaces."""

TRAIN_PALETTE = tuple(c.colour for c in TRAIN_CLASSES)
"""Their colours."""

LICENSE_PLATE_IN_GTA5 = 34
"""The id of license plates in GTA5's labels; Cityscapes uses -1."""

_OF_LABEL_ID = np.full(256, IGNORE_LABEL, np.uint8)
_OF_TRAIN_ID = np.zeros(256, np.uint8)
_COLOUR_OF_TRAIN_ID = np.zeros((256, 3), np.uint8)
for _c in CLASSES:
    _OF_LABEL_ID[_c.label_id] = _c.train_id
    if _c.train_id != IGNORE_LABEL:
        _OF_TRAIN_ID[_c.train_id] = _c.label_id
        _COLOUR_OF_TRAIN_ID[_c.train_id] = _c.colour


def to_train_ids(label_ids: np.ndarray) -> np.ndarray:
    """Training ids for label ids.

    Args:
        label_ids: integer [...], 0 to 33, or 34 for GTA5's license plates.

    Returns:
        uint8 [...], 0 to 18 or `IGNORE_LABEL`.

    Raises:
        ValueError: a value outside the table.
    """
    wrong = np.unique(label_ids[(label_ids < 0) | (label_ids > LICENSE_PLATE_IN_GTA5)])
    if wrong.size:
        raise ValueError(f"{_first(wrong)}: not a label id; label ids are 0 to {len(CLASSES) - 1}.")
    return _OF_LABEL_ID[label_ids]


def to_label_ids(train_ids: np.ndarray) -> np.ndarray:
    """Label ids for training ids; ignored pixels become 0 (`unlabeled`).

    Args:
        train_ids: integer [...], 0 to 18 or `IGNORE_LABEL`.

    Returns:
        uint8 [...].

    Raises:
        ValueError: a value outside the table.
    """
    return _OF_TRAIN_ID[_checked_train_ids(train_ids)]


def to_colours(train_ids: np.ndarray) -> np.ndarray:
    """Official colours for training ids; ignored pixels become black.

    Args:
        train_ids: integer [...], 0 to 18 or `IGNORE_LABEL`.

    Returns:
        uint8 [..., 3], RGB.

    Raises:
        ValueError: a value outside the table.
    """
    return _COLOUR_OF_TRAIN_ID[_checked_train_ids(train_ids)]


def _checked_train_ids(train_ids: np.ndarray) -> np.ndarray:
    valid = (train_ids >= 0) & (train_ids < len(TRAIN_CLASSES)) | (train_ids == IGNORE_LABEL)
    if not valid.all():
        raise ValueError(
            f"{_first(np.unique(train_ids[~valid]))}: not a training id; training ids are 0 to "
            f"{len(TRAIN_CLASSES) - 1}, and {IGNORE_LABEL} for ignored pixels."
        )
    return train_ids


def _first(values: np.ndarray) -> str:
    return ", ".join(map(str, values[:5])) + (", ..." if values.size > 5 else "")
