"""Predictions in files as the Cityscapes benchmark takes them, and in its colours to look at.

The benchmark's own `evalPixelLevelSemanticLabeling.py` looks for exactly one PNG of label ids a
frame, at the frame's full resolution, whose name begins with `CITY_NUMBER_NUMBER`; colours
therefore lie in a folder of their own.
"""

import io
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from tfadvseg.errors import UserError
from tfadvseg.files import atomic
from tfadvseg_datasets.cityscapes_ids import to_colours, to_label_ids

LABEL_FOLDER, COLOUR_FOLDER = "labelIds", "color"

FRAME_SIZE = (1024, 2048)
"""(height, width) of Cityscapes' frames."""

_FRAME = re.compile(r"([^_/\\]+_\d{6}_\d{6})(_leftImg8bit)?(\.png)?")


def frame_name(key: str) -> str:
    """`CITY_NUMBER_NUMBER` of an example's key or a file's name.

    Raises:
        UserError: it is no name of that form.
    """
    match = _FRAME.fullmatch(key)
    if match is None:
        raise UserError(
            f"{key}: no Cityscapes frame; the benchmark takes names such as "
            "frankfurt_000000_000294 (city, sequence, frame)."
        )
    return match[1]


def check_frames(keys: Iterable[str]) -> None:
    """Makes sure that examples are frames, each another one.

    Raises:
        UserError: a name is no frame's, or two are names of one frame.
    """
    seen = set()
    for key in keys:
        frame = frame_name(key)
        if frame in seen:
            raise UserError(f"{key}: the frame {frame} is there twice; one is enough.")
        seen.add(frame)


def write_submission(
    folder: str | Path,
    key: str,
    prediction: np.ndarray,
    size: tuple[int, int] | None = FRAME_SIZE,
) -> tuple[Path, Path]:
    """Writes one prediction: `labelIds/FRAME_labelIds.png` and `color/FRAME_color.png`.

    Args:
        folder: of all predictions; hand in or evaluate its folder `labelIds`.
        key: of the frame, with or without `_leftImg8bit`.
        prediction: integer [H,W], training ids; 255 becomes `unlabeled` (0).
        size: (height, width) that it must have; None for any, as of frames made smaller.

    Returns:
        Where the label ids and the colours are.

    Raises:
        UserError: the name is no frame's, the size another, or a value is no training id.
    """
    folder, frame = Path(folder), frame_name(key)
    if prediction.ndim != 2 or (size is not None and prediction.shape != size):
        expected = "height x width" if size is None else f"{size[0]} x {size[1]}"
        shown = " x ".join(map(str, prediction.shape))
        raise UserError(
            f"{key}: the prediction is {shown}; the benchmark takes {expected}: predict at the "
            "frame's full resolution."
        )
    try:
        label_ids, colours = to_label_ids(prediction), to_colours(prediction)
    except ValueError as error:
        raise UserError(
            f"{key}: the prediction holds {error} Use a model of Cityscapes' 19 classes."
        ) from None
    label_path = folder / LABEL_FOLDER / f"{frame}_labelIds.png"
    colour_path = folder / COLOUR_FOLDER / f"{frame}_color.png"
    atomic.write_bytes(label_path, _png(label_ids))
    atomic.write_bytes(colour_path, _png(colours))
    return label_path, colour_path


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
