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

from tfadvseg.data.images import (
    SUFFIXES,
    find_image_files,
    is_image_file,
    log_notes,
    open_windows,
    read_images,
    read_window,
)
from tfadvseg.data.pictures import as_picture
from tfadvseg.errors import UserError
from tfadvseg.evaluation.cityscapes_submission import write_submission
from tfadvseg.evaluation.large_images import predicted_bands
from tfadvseg.evaluation.whole_images import ImagePredictor, predict_probabilities
from tfadvseg.files import atomic
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.reporting.colour import write_overlay
from tfadvseg.run.pyramid import collected, write_pyramid
from tfadvseg.run.side_work import read_ahead, written_behind
from tfadvseg_datasets.decoded import Decoded
from tfadvseg_datasets.windowed import Window, Windowed
from tfadvseg_datasets.zarr_folders import is_zarr

PREDICTIONS = "predictions"
OVERLAYS = "overlays"
PROBABILITIES = "probabilities"

OVERLAY_SIDE = 2048
"""Longest side of the overlay of an image that is read window by window."""


@dataclass(frozen=True)
class ImageFile:
    """A readable image file.

    Attributes:
        path: path of the file.
        names: names of its pages' predictions, without suffix.
        windows: reads it, if it is read window by window.
    """

    path: Path
    names: tuple[str, ...]
    windows: Windowed | None = None


def find_images(images: str) -> list[Path]:
    """Image files given by `--images`: those of a folder, one file, or those of a glob pattern.

    Raises:
        UserError: there are none.
    """
    if is_zarr(Path(images)):
        found = [Path(images)]
    elif Path(images).is_dir():
        found = find_image_files(images)
    else:
        # Path.glob refuses absolute patterns. A file may have brackets in its name.
        matches = [images] if Path(images).is_file() else glob.glob(images, recursive=True)  # noqa: PTH207
        found = [path for path in map(Path, sorted(matches)) if is_image_file(path)]
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
        windows = open_windows(path, spec.channels, spec.axes)
        if windows is None:
            pages, notes = read_pages(path, spec)
            sizes = [page.shape[:2] for page in pages]
        else:
            check_large(windows, spec)
            sizes, notes = [windows.size(i) for i in range(len(windows))], windows.notes
        noted.append((path, notes))
        for height, width in sizes:
            if size is not None and (height, width) != size:
                raise UserError(
                    f"{path}: is {height} x {width} (height x width), not {size[0]} x {size[1]}; "
                    "give images at their full resolution."
                )
        digits = max(3, len(str(len(sizes) - 1)))
        several = (f"{path.stem}_{number:0{digits}d}" for number in range(len(sizes)))
        names = (path.stem,) if len(sizes) == 1 else tuple(several)
        files.append(ImageFile(path, names, windows))
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
    return Decoded([_as_taken(path, page, spec) for page in pages], notes)


def check_large(windows: Windowed, spec: ModelSpec) -> None:
    """Refuses a file that is read window by window where a model cannot take it so.

    Raises:
        UserError: the model needs images whole, or takes others.
    """
    needs = "resizes" if spec.resize else "scales by percentiles"
    if spec.resize or spec.normalise == "percentile":
        raise UserError(
            f"{windows.path}: is read window by window, but this model {needs} whole images; give "
            "parts of it as files of their own."
        )
    read_taken(windows, 0, Window(0, 0, 1, 1), spec)


def read_taken(windows: Windowed, page: int, window: Window, spec: ModelSpec) -> np.ndarray:
    """A window of a page as a model takes it.

    Raises:
        UserError: as `read_pages`.
    """
    return _as_taken(Path(windows.path), read_window(windows, page, window), spec)


def _as_taken(path: Path, page: np.ndarray, spec: ModelSpec) -> np.ndarray:
    """Pixels [H,W,C] with the channels of a model."""
    if spec.image_channels == 1:
        page = _grey(page)
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
    return page


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

    A page of a file that is read window by window gives predictions/NAME.tif and, where asked for,
    probabilities/NAME.tif, tiled BigTIFFs with levels of lower resolution, and an overlay of at
    most `OVERLAY_SIDE` pixels a side.

    Predictions hold class ids in one channel of 8 bits; they look black, hence the overlays. The
    probabilities of one class, 0 to 1 in 32-bit floats, can be written to
    `output_dir`/probabilities/STEM.tif, with one page per page of any other image file.

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
    folder = Path(output_dir)

    def read(file: ImageFile) -> list[np.ndarray]:
        return [] if file.windows is not None else read_pages(file.path, predictor.spec).pages

    with written_behind() as later:
        for file, pages in zip(files, read_ahead(read, files), strict=True):
            if file.windows is not None:
                predict_large(predictor, file, output_dir, tile, advance, probabilities_of)
                continue
            of_class = []
            for name, image in zip(file.names, pages, strict=True):
                advance(name)
                probabilities = predict_probabilities(predictor, image, tile)
                if probabilities_of is not None:
                    of_class.append(probabilities[..., probabilities_of])
                label = probabilities.argmax(axis=-1).astype(np.uint8)
                later(_write_png, folder / PREDICTIONS / f"{name}.png", label)
                later(_draw_overlay, folder / OVERLAYS / f"{name}.png", image, label, predictor)
                if cityscapes:
                    later(write_submission, output_dir, name, label)
            if of_class:
                later(_write_tiff, folder / PROBABILITIES / f"{file.path.stem}.tif", of_class)


def predict_large(
    predictor: ImagePredictor,
    file: ImageFile,
    output_dir: str | Path,
    tile: int,
    advance: Callable[[str], None],
    probabilities_of: int | None = None,
) -> None:
    """`predict_files` for a file that is read window by window; memory does not grow with it.

    Raises:
        UserError: `tile` is too small for the network, or the file is damaged.
    """
    assert file.windows is not None
    spec, predictions = predictor.spec, Path(output_dir) / PREDICTIONS
    if tile < 4 * spec.stride:
        raise UserError(f"--tile={tile}: this network needs tiles of at least {4 * spec.stride}.")
    for number, name in enumerate(file.names):
        advance(name)

        def read(*place: int, page: int = number) -> np.ndarray:
            assert file.windows is not None
            return read_taken(file.windows, page, Window(*place), spec)

        size = file.windows.size(number)
        predict = predictor.predict_probabilities
        bands = predicted_bands(predict, read, size, tile, spec.stride, probabilities_of)
        field = None if probabilities_of is None else "label"
        with collected(bands, predictions) as rows:
            write_pyramid(predictions / f"{name}.tif", rows, field)
            if probabilities_of is not None:
                path = Path(output_dir) / PROBABILITIES / f"{name}.tif"
                write_pyramid(path, rows, "probability")
            step = -(-max(size) // OVERLAY_SIDE)
            picture = as_picture(_thinned(read, size, step))
            label = rows.rows(0, size[0], step, field)
            write_overlay(Path(output_dir) / OVERLAYS / f"{name}.png", picture, label, spec.palette)


def _thinned(read: Callable[..., np.ndarray], size: tuple[int, int], step: int) -> np.ndarray:
    """Every `step`-th pixel of every `step`-th row of an image, read in pieces."""
    side = max(step, 2048 // step * step)

    def piece(top: int, left: int) -> np.ndarray:
        pixels = read(top, left, min(side, size[0] - top), min(side, size[1] - left))
        return pixels[::step, ::step].copy()  # a view would keep all of them

    bands = [
        [piece(top, left) for left in range(0, size[1], side)] for top in range(0, size[0], side)
    ]
    return np.concatenate([np.concatenate(band, axis=1) for band in bands])


def _draw_overlay(
    path: Path, image: np.ndarray, label: np.ndarray, predictor: ImagePredictor
) -> None:
    write_overlay(path, as_picture(image), label, predictor.spec.palette)


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
