"""Image files, read as the folder dataset reads them and by the libraries alone."""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from benchmarks.settings import (
    BY_PILLOW,
    BY_TIFFFILE,
    OURS,
    PNG_PART,
    TIFF_PART,
    Settings,
)
from benchmarks.workload import Workload, Workloads, timed
from tfadvseg.data.images import read_images, read_labels


def build_reading(settings: Settings) -> Workloads:
    """Readers of grey sections of 8 bits, TIFF and PNG; `batch` files of `crop_size` each.

    Files are read repeatedly, so that the disk's cache holds them.
    """
    folder = Path(tempfile.mkdtemp(prefix="reading-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    tiffs, pngs = [], []
    for number in range(settings.batch):
        image = _section(settings.crop_size, number)
        tiffs.append(folder / f"{number}.tif")
        tifffile.imwrite(tiffs[-1], image, compression="zlib", photometric="minisblack")
        pngs.append(folder / f"{number}.png")
        Image.fromarray(image).save(pngs[-1])
    return {
        f"{TIFF_PART}, {OURS}": _reading(tiffs, read_images),
        f"{TIFF_PART}, {BY_TIFFFILE}": _reading(tiffs, tifffile.imread),
        f"{PNG_PART}, {OURS}": _reading(pngs, read_images),
        f"{PNG_PART}, {BY_PILLOW}": _reading(pngs, _by_pillow),
        f"{PNG_PART} as label, {OURS}": _reading(pngs, read_labels),
    }


def _section(size: tuple[int, int], seed: int) -> np.ndarray:
    """Cells with dark membranes and noise, which compress about as well as real sections."""
    generator = np.random.default_rng(seed)
    rows, columns = np.ogrid[: size[0], : size[1]]
    waves = np.sin(rows / 9 + generator.uniform(0, 6)) * np.cos(columns / 11)
    return (128 + 60 * waves + 12 * generator.normal(size=size)).clip(0, 255).astype(np.uint8)


def _by_pillow(path: Path) -> np.ndarray:
    with Image.open(path) as file:
        return np.array(file)


def _reading(paths: list[Path], read: Callable[[Path], object]) -> Workload:
    @timed
    def run(repetitions: int) -> None:
        for _ in range(repetitions):
            for path in paths:
                read(path)

    return Workload(run, images=len(paths))
