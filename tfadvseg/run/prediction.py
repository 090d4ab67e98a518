"""Predictions of image files, written as label files and overlays.

Imports no TensorFlow, so that invalid files are reported before it starts.
"""

import glob
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tfadvseg.data.images import SUFFIXES, find_image_files, log_notes, read_images
from tfadvseg.data.pictures import as_picture
from tfadvseg.errors import UserError
from tfadvseg.evaluation.cityscapes_submission import write_submission
from tfadvseg.evaluation.whole_images import ImagePredictor, predict_probabilities
from tfadvseg.files import atomic
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.reporting.colour import write_overlay
from tfadvseg_datasets.decoded import Decoded

PREDICTIONS = "predictions"
OVERLAYS = "overlays"
PROBABILITIES = "probabilities"


@dataclass(frozen=True)
class ImageFile:
    """A readable image file.

    Attributes:
        path: path of the file.
        names: names of its pages' predictions, without suffix.
    """

    path: Path
    names: tuple[str, ...]


def find_images(images: str) -> list[Path]:
    """Image files given by `--images`: those of a folder, one file, or those of a glob pattern.

    Raises:
        UserError: there are none.
    """
    if Path(images).is_dir():
        found = find_image_files(images)
    else:
        # Path.glob refuses absolute patterns. A file may have brackets in its name.
        matches = [images] if Path(images).is_file() else glob.glob(images, recursive=True)  # noqa: PTH207
        found = [path for path in map(Path, sorted(matches)) if path.is_file()]
    if not found:
        raise UserError(f"--images={images}: no image files found ({', '.join(SUFFIXES)}).")
    return found


def check_images(
    paths: Sequence[Path], spec: ModelSpec, size: tuple[int, int] | None = None
) -> list[ImageFile]:
    """Reads every file once, so that invalid files are reported before anything is written.

    Args:
        paths: from `find_images`.
        spec: spec of the model.
        size: (height, width) required of every page; None for any size.

    Raises:
        UserError: a file is damaged, has other channels, another depth or another size than
            required, or two predictions would have the same name.
    """
    files = []
    noted = []
    for path in paths:
        pages, notes = read_pages(path, spec)
        noted.append((path, notes))
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
        # Probabilities of all pages go to one file.
        for name in dict.fromkeys((file.path.stem, *file.names)):
            if name in owners:
                raise UserError(
                    f"{file.path}: its prediction {name}.png would have the name of that of "
                    f"{owners[name]}; predict them into separate folders."
                )
            owners[name] = file.path
    log_notes(noted)
    return files


def read_pages(path: Path, spec: ModelSpec) -> Decoded:
    """The pages of an image file as a model takes them, and notes.

    Colour files whose channels are all equal, such as GIF files and many scans, count as grey.

    Raises:
        UserError: the file is damaged, or has other channels than the model takes or another depth.
    """
    pages, notes = read_images(path, spec.channels, spec.axes)
    if spec.image_channels == 1:
        pages = [_grey(page) for page in pages]
    for page in pages:
        if page.shape[-1] != spec.image_channels:
            raise UserError(
                f"{path}: is {_kind(page.shape[-1])}; the model takes images that are "
                f"{_kind(spec.image_channels)}. Convert it first."
            )
        if page.dtype != spec.image_dtype:
            raise UserError(
                f"{path}: holds {page.dtype} pixels; the model was trained on {spec.image_dtype}. "
                "Give images of the same depth."
            )
    return Decoded(pages, notes)


def _grey(page: np.ndarray) -> np.ndarray:
    return page[..., :1] if page.shape[-1] == 3 and np.all(page == page[..., :1]) else page


def _kind(channels: int) -> str:
    known = {1: "grey (1 channel)", 3: "colour (3 channels)"}
    return known.get(channels, f"of {channels} channels")


def predict_files(
    predictor: ImagePredictor,
    files: Sequence[ImageFile],
    output_dir: str | Path,
    tile: int,
    advance: Callable[[str], None],
    cityscapes: bool = False,
    probabilities_of: int | None = None,
) -> None:
    """Writes `output_dir`/predictions/NAME.png and `output_dir`/overlays/NAME.png per page.

    Predictions hold class ids in one channel of 8 bits; they look black, hence the overlays. The
    probabilities of one class, 0 to 1 in 32-bit floats, can be written to
    `output_dir`/probabilities/STEM.tif, with one page per page of the image file.

    Args:
        predictor: a predictor for the images' number of channels.
        files: from `check_images`.
        output_dir: folder for the files; existing files of the same names are replaced.
        tile: images higher or wider than this are predicted in overlapping tiles of this size,
            unless the model resizes them.
        advance: called with a page's name before it is predicted.
        cityscapes: whether to write the files of `evaluation.cityscapes_submission` too.
        probabilities_of: class id whose probabilities are written; None for none.

    Raises:
        UserError: `tile` is too small for the network, or with `cityscapes` a page is not a
            Cityscapes frame.
    """
    for file in files:
        pages, _ = read_pages(file.path, predictor.spec)
        of_class = []
        for name, image in zip(file.names, pages, strict=True):
            advance(name)
            probabilities = predict_probabilities(predictor, image, tile)
            if probabilities_of is not None:
                of_class.append(probabilities[..., probabilities_of])
            label = probabilities.argmax(axis=-1).astype(np.uint8)
            _write_png(Path(output_dir) / PREDICTIONS / f"{name}.png", label)
            overlay = Path(output_dir) / OVERLAYS / f"{name}.png"
            write_overlay(overlay, as_picture(image), label, predictor.spec.palette)
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
