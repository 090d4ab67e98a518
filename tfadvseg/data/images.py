"""Reads image and label files of the user, with one clear error per unsuitable file."""

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from absl import logging

from tfadvseg.errors import UserError
from tfadvseg_datasets import raster, windowed
from tfadvseg_datasets.decoded import Decoded, Unsuitable
from tfadvseg_datasets.pairs import some
from tfadvseg_datasets.windowed import SLIDE_SUFFIXES, Window, Windowed
from tfadvseg_datasets.zarr_folders import is_zarr

T = TypeVar("T")

SUFFIXES = (".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", *SLIDE_SUFFIXES)
"""Suffixes of image files, in lower case."""


_UNREAD = (
    *(".avif", ".bmp", ".czi", ".dcm", ".dib", ".exr", ".hdr", ".heic", ".heif", ".j2k", ".jfif"),
    *(".jp2", ".jpe", ".jxl", ".lif", ".mrc", ".nd2", ".nii", ".npy", ".oib", ".oif", ".pbm"),
    *(".pgm", ".pnm", ".ppm", ".psd", ".tga", ".vsi", ".webp"),
)
"""Suffixes of images of other formats."""


def find_image_files(folder: str | Path, recursive: bool = False) -> list[Path]:
    """The image files in a folder, by suffix, in order of their paths.

    Args:
        folder: the folder.
        recursive: whether sub-folders are searched; hidden ones never are.

    Raises:
        UserError: the folder, or the file behind a link, does not exist.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder.")
    found = [
        path
        for path in (_tree(folder) if recursive else folder.iterdir())
        if not path.name.startswith(".")
    ]
    named = [path for path in found if path.suffix.lower() in SUFFIXES]
    if recursive:
        for path in found:
            if not path.suffix:  # perhaps a link to a folder
                require_target(path)
    return sorted(path for path in named if _is_there(path))


def unread_images(folder: Path, recursive: bool = False) -> list[Path]:
    """Files in a folder whose suffixes say that they are images of formats that are not read."""
    return sorted(
        path
        for path in (_tree(folder) if recursive else folder.iterdir())
        if path.suffix.lower() in _UNREAD and not path.name.startswith(".")
    )


def _tree(folder: Path) -> Iterator[Path]:
    """Every file below a folder; linked folders are entered, each once."""
    entered = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        entered.add(os.path.realpath(place))
        yield from (path for path in map(Path(place).joinpath, folders) if is_zarr(path))
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".")
            and not is_zarr(Path(place, name))
            and os.path.realpath(Path(place, name)) not in entered
        ]
        yield from (Path(place, name) for name in files)


def require_target(path: Path) -> None:
    """Refuses a link that leads nowhere.

    Raises:
        UserError: names the link and its target.
    """
    if path.is_symlink() and not path.exists():
        raise UserError(
            f"{path}: a link to {os.readlink(path)}, which is not there; fetch that file or mount "  # noqa: PTH115 (as written)
            "its disk, or remove the link."
        )


def _is_there(path: Path) -> bool:
    """Whether a path is a file; a link that leads nowhere is refused, not left out."""
    require_target(path)
    return is_image_file(path)


def is_image_file(path: Path) -> bool:
    """Whether a path is a file, or a folder that is one image."""
    return path.is_file() or is_zarr(path)


def has_several_pages(path: str | Path) -> bool:
    """Whether an image file has several pages, by its headers; False if it cannot be read."""
    return raster.count_pages(path) > 1


def open_windows(path: str | Path, channels: Sequence[int] = (), axes: str = "") -> Windowed | None:
    """An image file that is read window by window (`windowed.open_images`); None for others.

    Raises:
        UserError: as `read_images`.
    """
    return _told(lambda: windowed.open_images(path, channels, axes), path)


def open_label_windows(path: str | Path) -> Windowed | None:
    """A label file that is read window by window; None for others.

    Raises:
        UserError: as `read_labels`.
    """
    return _told(lambda: windowed.open_labels(path), path)


def read_window(file: Windowed, page: int, window: Window) -> np.ndarray:
    """A window of a page.

    Raises:
        UserError: the file is damaged, or its pixels there are of a kind that is not taken.
    """
    try:
        return file.read(page, window)
    except (UserError, MemoryError):
        raise
    except Unsuitable as error:
        raise UserError(str(error)) from None
    except Exception as error:  # the decoders raise many exception types on damaged files
        raise _damaged(file.path, error) from None


def _damaged(path: str | Path, error: Exception) -> UserError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return UserError(f"{path}: not a whole image ({reason}); replace it.")


def read_images(path: str | Path, channels: Sequence[int] = (), axes: str = "") -> Decoded:
    """The pages of an image file, as `raster.decode_images` gives them, and notes.

    Args:
        path: of the file.
        channels, axes: as in `DataConfig`.

    Raises:
        UserError: absent, damaged, or pixels of a kind that is not taken.
    """
    if is_zarr(Path(path)):
        return _whole(open_windows(path, channels, axes))
    return _read(functools.partial(raster.decode_images, channels=channels, axes=axes), path)


def read_labels(path: str | Path) -> Decoded:
    """The pages of a label file as the numbers stored in it, and notes.

    Returns:
        One integer array [H,W] per page.

    Raises:
        UserError: absent, damaged, or of a kind that cannot hold class ids.
    """
    if is_zarr(Path(path)):
        return _whole(open_label_windows(path))
    return _read(raster.decode_labels, path)


def read_colours(path: str | Path) -> Decoded:
    """The pages of a colour-coded label file, uint8 [H,W,3] each, and notes.

    Raises:
        UserError: absent, damaged, or of a kind that may change colours.
    """
    return _read(raster.decode_coloured_labels, path)


def _whole(file: Windowed | None) -> Decoded:
    """Every page of a file that could be read window by window."""
    assert file is not None
    pages = [read_window(file, i, Window(0, 0, *file.size(i))) for i in range(len(file))]
    return Decoded(pages, file.notes)


def _read(decode: Callable[[str | Path], Decoded], path: str | Path) -> Decoded:
    return _told(lambda: decode(path), path)


def _told(read: Callable[[], T], path: str | Path) -> T:
    try:
        return read()
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{path}: {reason}; give a file that can be read.") from None
    except ValueError as error:
        raise UserError(str(error)) from None
    except MemoryError:
        raise UserError(
            f"{path}: its pixels do not fit into memory; store a large image as a tiled TIFF or "
            "as Zarr, or replace the file if it is damaged."
        ) from None
    except (UserError, KeyboardInterrupt):
        raise
    except Exception as error:  # raised by a codec when a damaged Zarr folder is opened
        raise _damaged(path, error) from None


def log_notes(notes_of: Iterable[tuple[Path, Sequence[str]]]) -> None:
    """Logs what was left out of files or is displayed differently, one line per kind."""
    files: dict[str, list[Path]] = {}
    for path, notes in notes_of:
        for note in notes:
            files.setdefault(note, []).append(path)
    for note, paths in files.items():
        logging.warning("%s: %s.", some(paths), note)
