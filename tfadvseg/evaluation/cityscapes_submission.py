"""Prediction files in the format of the Cityscapes benchmark, and colour images for viewing.

The benchmark's own `evalPixelLevelSemanticLabeling.py` looks for exactly one PNG of label ids per
frame, at the frame's full resolution, whose name begins with `CITY_NUMBER_NUMBER`; colour images
are therefore in a separate folder.
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
"""(height, width) of Cityscapes frames."""

_FRAME = re.compile(r"([^_/\\]+_\d{6}_\d{6})(_leftImg8bit)?(\.png)?")


def frame_name(key: str) -> str:
    """`CITY_NUMBER_NUMBER` from an example's key or a file's name.

    Raises:
        UserError: the name does not have that form.
    """
    match = _FRAME.fullmatch(key)
    if match is None:
        raise UserError(
            f"{key}: not the name of a Cityscapes frame; expected a name such as "
            "frankfurt_000000_000294 (city, sequence, frame)."
        )
    return match[1]


def check_frames(keys: Iterable[str]) -> None:
    """Checks that all keys are names of frames and that no frame occurs twice.

    Raises:
        UserError: a key is not the name of a frame, or two keys are names of the same frame.
    """
    seen = set()
    for key in keys:
        frame = frame_name(key)
        if frame in seen:
            raise UserError(f"{key}: the frame {frame} occurs twice; give it once.")
        seen.add(frame)


def write_submission(
    folder: str | Path,
    key: str,
    prediction: np.ndarray,
    size: tuple[int, int] | None = FRAME_SIZE,
) -> tuple[Path, Path]:
    """Writes one prediction: `labelIds/FRAME_labelIds.png` and `color/FRAME_color.png`.

    Args:
        folder: for all predictions; submit or evaluate its subfolder `labelIds`.
        key: of the frame, with or without `_leftImg8bit`.
        prediction: integer [H,W], training ids; 255 becomes `unlabeled` (0).
        size: required (height, width); None accepts any, for instance for reduced frames.

    Returns:
        Paths of the label ids and of the colours.

    Raises:
        UserError: the key is not the name of a frame, the size is wrong, or a value is not a
            training id.
    """
    folder, frame = Path(folder), frame_name(key)
    if prediction.ndim != 2 or (size is not None and prediction.shape != size):
        expected = "height x width" if size is None else f"{size[0]} x {size[1]}"
        found = " x ".join(map(str, prediction.shape))
        raise UserError(
            f"{key}: the prediction is {found}, but must be {expected}; predict at the frame's "
            "full resolution."
        )
    try:
        label_ids, colours = to_label_ids(prediction), to_colours(prediction)
    except ValueError as error:
        raise UserError(
            f"{key}: wrong prediction: {error} Use a model with the 19 classes of Cityscapes."
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
