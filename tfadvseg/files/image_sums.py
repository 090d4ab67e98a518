"""What an evaluation counted on each image, read back. No TensorFlow here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfadvseg.errors import UserError

IMAGE_SUMS = "image_sums.npz"
"""In a run's folder: of S's last state on the validation images."""

KEYS = "keys"


@dataclass(frozen=True)
class ImageSums:
    """Numbers of each image that add up over images.

    Attributes:
        keys: N names of images.
        sums: [N,...] by metric (`evaluation.image_metrics.IMAGE_METRICS`).
    """

    keys: tuple[str, ...]
    sums: Mapping[str, np.ndarray]


def read_image_sums(path: Path) -> ImageSums | None:
    """The sums in a file; None if there is no such file.

    Raises:
        UserError: the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            sums = {name: arrays[name] for name in arrays.files if name != KEYS}
            return ImageSums(tuple(map(str, arrays[KEYS])), sums)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, OSError) as error:
        raise UserError(f"{path}: not the sums of an evaluation ({error}).") from None
