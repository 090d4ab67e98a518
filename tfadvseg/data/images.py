"""Image and label files of the user's, read with one clear error for each that is unfit."""

from pathlib import Path

import numpy as np
from PIL import Image

from tfadvseg.errors import UserError
from tfadvseg_datasets import raster

SUFFIXES = (".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff")
"""Of the files that are taken for images, in lower case."""


def find_image_files(folder: str | Path) -> list[Path]:
    """The image files directly in a folder, by suffix, in order of their names.

    Raises:
        UserError: no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder.")
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )


def has_several_pages(path: str | Path) -> bool:
    """Whether an image file does, as far as its headers tell; not of one that cannot be read."""
    if Path(path).suffix.lower() not in (".gif", ".tif", ".tiff"):
        return False
    try:
        with Image.open(path) as image:
            return getattr(image, "n_frames", 1) > 1
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def read_images(path: str | Path) -> list[np.ndarray]:
    """The pages of an image file, as `raster.read_images` gives them.

    Returns:
        one uint8 [H,W,C] a page, C = 1 (grey) or 3 (RGB; also of palette images).

    Raises:
        UserError: absent, damaged, or more than 8 bits a channel.
    """
    try:
        return raster.read_images(path)
    except (OSError, ValueError) as error:
        raise _user_error(path, error) from None


def read_labels(path: str | Path) -> list[np.ndarray]:
    """The pages of a label file as the numbers stored in it, palette files as their indices.

    Returns:
        one integer array [H,W] a page.

    Raises:
        UserError: absent, damaged, or of a kind that cannot hold class ids.
    """
    try:
        return raster.read_labels(path)
    except (OSError, ValueError) as error:
        raise _user_error(path, error) from None


def _user_error(path: str | Path, error: Exception) -> UserError:
    if isinstance(error, OSError):
        return UserError(f"{path}: {error.strerror or error}; give a file that can be read.")
    return UserError(str(error))
