"""Predictions of image files, as label files and as overlays to look at.

Imports no TensorFlow, so that files are found wanting before it has started.
"""

import glob
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tfadvseg.data.images import SUFFIXES, find_image_files, read_images
from tfadvseg.errors import UserError
from tfadvseg.evaluation.cityscapes_submission import write_submission
from tfadvseg.evaluation.whole_images import ImagePredictor, predict_probabilities
from tfadvseg.files import atomic
from tfadvseg.reporting.colour import write_overlay

PREDICTIONS = "predictions"
OVERLAYS = "overlays"
PROBABILITIES = "probabilities"


@dataclass(frozen=True)
class ImageFile:
    """A readable image file.

    Attributes:
        path: where it is.
        names: of its pages' predictions, without suffix.
    """

    path: Path
    names: tuple[str, ...]


def find_images(images: str) -> list[Path]:
    """Image files that `--images` stands for: a folder's, one file, or those of a glob pattern.

    Raises:
        UserError: there are none.
    """
    if Path(images).is_dir():
        found = find_image_files(images)
    else:
        # The module, not Path.glob, which refuses absolute patterns. A name with brackets in it
        # may be meant as it stands.
        matches = [images] if Path(images).is_file() else glob.glob(images, recursive=True)  # noqa: PTH207
        found = [path for path in map(Path, sorted(matches)) if path.is_file()]
    if not found:
        raise UserError(f"--images={images}: no image files there ({', '.join(SUFFIXES)}).")
    return found


def check_images(
    paths: Sequence[Path], image_channels: int, size: tuple[int, int] | None = None
) -> list[ImageFile]:
    """Reads every file once, so that an unfit one is noticed before anything is written.

    Args:
        paths: from `find_images`.
        image_channels: that the model takes.
        size: (height, width) that every page must have; None for any.

    Raises:
        UserError: a file is damaged, or grey where the model takes colour or the reverse, or of
            another size, or two would give predictions of the same name.
    """
    files = []
    for path in paths:
        pages = read_pages(path, image_channels)
        for page in pages:
            height, width = page.shape[:2]
            if size is not None and (height, width) != size:
                raise UserError(
                    f"{path}: is {height} x {width} (height x width), not {size[0]} x {size[1]}; "
                    "give images at their full resolution."
                )
        digits = max(3, len(str(len(pages) - 1)))
        several = (f"{path.stem}_{number:0{digits}d}" for number in range(len(pages)))
        files.append(ImageFile(path, (path.stem,) if len(pages) == 1 else tuple(several)))
    owners: dict[str, Path] = {}
    for file in files:
        # Probabilities of all pages are one file.
        for name in dict.fromkeys((file.path.stem, *file.names)):
            if name in owners:
                raise UserError(
                    f"{file.path}: its prediction {name}.png would have the name of that of "
                    f"{owners[name]}; predict them into separate folders."
                )
            owners[name] = file.path
    return files


def read_pages(path: Path, image_channels: int) -> list[np.ndarray]:
    """The pages of an image file, uint8 [H,W,image_channels] each.

    Colour without colours, which all GIF files and many scans are, is taken for grey.

    Raises:
        UserError: the file is damaged, or grey where the model takes colour or the reverse.
    """
    pages = []
    for page in read_images(path).pages:
        if image_channels == 1 and np.all(page == page[..., :1]):
            page = page[..., :1]
        if page.shape[-1] != image_channels:
            kinds = {1: "grey (1 channel)", 3: "colour (3 channels)"}
            raise UserError(
                f"{path}: is {kinds[page.shape[-1]]}; the model takes images that are "
                f"{kinds[image_channels]}. Convert it first."
            )
        pages.append(page)
    return pages


def predict_files(
    predictor: ImagePredictor,
    files: Sequence[ImageFile],
    output_dir: str | Path,
    tile: int,
    advance: Callable[[str], None],
    cityscapes: bool = False,
    probabilities_of: int | None = None,
) -> None:
    """Writes `output_dir`/predictions/NAME.png and `output_dir`/overlays/NAME.png a page.

    Predictions hold class ids, 8 bits in one channel; they look black where ids are small, which
    is what overlays are for. Of one class `output_dir`/probabilities/STEM.tif may hold the
    probabilities, 0 to 1 in 32-bit floats, with the pages of the image file.

    Args:
        predictor: of the images' number of channels.
        files: from `check_images`.
        output_dir: made if absent; files of the same names are replaced.
        tile: images higher or wider than this are predicted in overlapping tiles of this size,
            unless the model resizes them.
        advance: called with a page's name before it is predicted.
        cityscapes: also write what `evaluation.cityscapes_submission.write_submission` does.
        probabilities_of: the class id whose probabilities to write.

    Raises:
        UserError: `tile` is too small for the network, or with `cityscapes` a page is no frame.
    """
    for file in files:
        pages = read_pages(file.path, predictor.spec.image_channels)
        of_class = []
        for name, image in zip(file.names, pages, strict=True):
            advance(name)
            probabilities = predict_probabilities(predictor, image, tile)
            if probabilities_of is not None:
                of_class.append(probabilities[..., probabilities_of])
            label = probabilities.argmax(axis=-1).astype(np.uint8)
            _write_png(Path(output_dir) / PREDICTIONS / f"{name}.png", label)
            write_overlay(
                Path(output_dir) / OVERLAYS / f"{name}.png", image, label, predictor.spec.palette
            )
            if cityscapes:
                write_submission(output_dir, name, label)
        if of_class:
            _write_tiff(Path(output_dir) / PROBABILITIES / f"{file.path.stem}.tif", of_class)


def _write_png(path: Path, pixels: np.ndarray) -> None:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    atomic.write_bytes(path, buffer.getvalue())


def _write_tiff(path: Path, pages: Sequence[np.ndarray]) -> None:
    buffer = io.BytesIO()
    first, *others = (Image.fromarray(page) for page in pages)
    first.save(
        buffer, "TIFF", save_all=True, append_images=others, compression="tiff_adobe_deflate"
    )
    atomic.write_bytes(path, buffer.getvalue())
