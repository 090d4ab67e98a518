"""Masks of images that S does not learn from. No TensorFlow here."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfadvseg.data.colour_map import ColourMap
from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.examples import Examples, shortened, values_of
from tfadvseg.data.folder_labels import class_ids
from tfadvseg.data.images import SUFFIXES, find_image_files, read_labels
from tfadvseg.errors import UserError


def read_masks(
    folder: str,
    value_map: Mapping[int, int],
    num_classes: int,
    colours: ColourMap | None = None,
) -> Examples:
    """Reads every label file directly in a folder.

    Args:
        folder: folder of masks; no images are needed.
        value_map: class id of each value in the files; empty if they hold class ids.
        num_classes: number of classes of the dataset.
        colours: meaning of the colours in the files, if they do not contain numbers.

    Returns:
        Examples whose images are all 0, [H,W,1].

    Raises:
        UserError: there are none, or one is unreadable or holds other values than class ids.
    """
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise UserError(f"--masks_dir={folder}: no such folder; give a folder of masks.")
    files = find_image_files(path)
    if not files:
        raise UserError(
            f"--masks_dir={folder}: holds no masks ({', '.join(SUFFIXES)}); put them there."
        )
    keys, masks = [], []
    for file in files:
        pages, _ = read_labels(file) if colours is None else colours.read(file)
        for number, page in enumerate(pages):
            unmapped = [v for v in values_of(page).tolist() if value_map and v not in value_map]
            if unmapped:
                raise UserError(
                    f"{file}: holds {shortened(np.array(unmapped))}, which --value_map does not "
                    "contain; add it there."
                )
            _check_values(str(file), values_of(page), value_map, num_classes)
            keys.append(file.stem if len(pages) == 1 else f"{file.stem}/{number:03d}")
            masks.append(class_ids(page, value_map))
    return without_images(tuple(keys), tuple(masks))


def _check_values(
    file: str, values: np.ndarray, value_map: Mapping[int, int], num_classes: int
) -> None:
    ids = np.array([value_map.get(value, value) for value in values.tolist()])
    odd = values[(ids < 0) | (ids >= num_classes)]
    if odd.size:
        raise UserError(
            f"{file}: a mask of other classes: it holds {shortened(odd)}, but the classes are 0 to "
            f"{num_classes - 1}; give masks of the dataset's own class ids, all of whose pixels "
            "are labelled."
        )


def without_images(keys: tuple[str, ...], masks: tuple[np.ndarray, ...]) -> Examples:
    """Masks as examples whose images are all 0."""
    images = tuple(np.zeros((*mask.shape, 1), np.uint8) for mask in masks)
    return Examples(keys, images, masks)


def check_masks(masks: Examples, crop_size: tuple[int, int], flag: str) -> None:
    """Refuses masks that give no windows for D.

    Args:
        masks: class ids.
        crop_size: (height, width) of a training window.
        flag: the flag that names them, as typed.

    Raises:
        UserError: naming the first mask that is smaller than a window, or that has ignored pixels.
    """
    assert masks.labels is not None
    for key, mask in zip(masks.keys, masks.labels, strict=True):
        if mask.shape[0] < crop_size[0] or mask.shape[1] < crop_size[1]:
            raise UserError(
                f"{flag}: the mask {key} is {mask.shape[0]} x {mask.shape[1]} (height x width), "
                f"smaller than --crop_size={crop_size[0]},{crop_size[1]}; give larger masks or "
                "smaller windows."
            )
        if (mask == IGNORE_LABEL).any():
            raise UserError(
                f"{flag}: the mask {key} has ignored pixels, by which D would recognise it; "
                "give masks in which every pixel has a class."
            )


def class_shares(masks: Examples, num_classes: int) -> tuple[float, ...]:
    """Share of each class among the pixels of all masks."""
    assert masks.labels is not None
    counts = sum(
        np.bincount(mask.ravel(), minlength=num_classes)[:num_classes] for mask in masks.labels
    )
    shares = np.asarray(counts, np.float64)
    return tuple((shares / shares.sum()).tolist())
