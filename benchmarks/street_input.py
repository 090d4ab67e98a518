"""The published input of adaptation: frames with the sizes of GTA5 and Cityscapes, resized."""

import atexit
import dataclasses
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.input_pipeline import consuming
from benchmarks.settings import FILES_PART, PREPARED_PART, Settings
from benchmarks.workload import Workload, Workloads
from tfadvseg.config import DataConfig
from tfadvseg.data.normalisation import Normalisation
from tfadvseg.data.pipeline import domain_windows
from tfadvseg.data.sources import load_split, load_unlabelled
from tfadvseg.data.windows import window_maker
from tfadvseg_datasets.cityscapes_ids import to_label_ids
from tfadvseg_datasets.streets.generate import generate_split

FRAMES = 2
"""Frames per domain; they are read repeatedly, so that the disk's cache holds them."""

_Size = tuple[int, int]
_PUBLISHED: tuple[_Size, ...] = ((1052, 1914), (720, 1280), (1024, 2048), (512, 1024))
_QUICK: tuple[_Size, ...] = ((66, 120), (45, 80), (64, 128), (32, 64))
"""Sizes of source frames, resized source frames, target frames, resized target frames."""


def build_street_input(settings: Settings) -> Workloads:
    """`domain_windows` over embedded street scenes, as PNG files in the layouts of the two sets and
    as the copies that TFDS prepares of them.

    With the camera's noise, files have 3 MB at 2048x1024 (width x height); without noise they would
    be far smaller and faster to read.
    """
    frames, size, target_frames, target_size = _PUBLISHED if settings.full_depth else _QUICK
    folder = Path(tempfile.mkdtemp(prefix="streets-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    source, target = folder / "gta5", folder / "cityscapes"
    for number, (image, label) in enumerate(_scenes(frames), start=1):
        _save(image, source / f"images/{number:05d}.png")
        _save(label, source / f"labels/{number:05d}.png")
    for number, (image, label) in enumerate(_scenes(target_frames)):
        frame = f"aachen_{number:06d}_000019"
        _save(image, target / f"leftImg8bit/train/aachen/{frame}_leftImg8bit.png")
        _save(label, target / f"gtFine/train/aachen/{frame}_gtFine_labelIds.png")
    source_config = DataConfig("gta5", str(source), resize=size, crop_size=size, augment=())
    target_config = DataConfig(
        "cityscapes_semseg", str(target), resize=target_size, crop_size=target_size, augment=()
    )
    options: dict[str, dict[str, Any]] = {
        FILES_PART: {"prepare": "none"},
        PREPARED_PART: {"prepared_dir": str(folder / "prepared")},
    }
    return {
        part: _consuming(
            dataclasses.replace(source_config, **changes),
            dataclasses.replace(target_config, **changes),
            settings,
        )
        for part, changes in options.items()
    }


def _consuming(config: DataConfig, target_config: DataConfig, settings: Settings) -> Workload:
    """Takes batches of both domains; an image of each counts."""
    normalisation = Normalisation((122.68, 116.67, 104.01), (1.0, 1.0, 1.0), "bgr")
    descriptor, examples = load_split(config, "all", seed=0)
    images = load_unlabelled(target_config, "train", 0, descriptor)
    windows = domain_windows(
        window_maker(examples, config, normalisation, seed=0),
        window_maker(images, target_config, normalisation, seed=1),
        settings.batch,
        0,
        2**62 // settings.batch,
    )
    return dataclasses.replace(consuming(windows, settings), images=2 * settings.batch)


def _scenes(size: _Size) -> list[tuple[np.ndarray, np.ndarray]]:
    """Images, uint8 [h,w,3], and labels with label ids of Cityscapes."""
    scenes = generate_split(0, "train", range(FRAMES), size, "camera")
    return [(image, to_label_ids(label)) for image, label in scenes]


def _save(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
