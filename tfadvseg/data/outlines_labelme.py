"""Annotations of labelme: one .json per image. No TensorFlow here.

https://github.com/wkentaro/labelme
"""

import base64
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tfadvseg.data.folder_files import FolderFile
from tfadvseg.data.names import plain_name
from tfadvseg.data.outlines import Annotated, Outlines, Shape, classes_of, ring_of
from tfadvseg.errors import UserError
from tfadvseg.files.text import read_text

_CORNERS = 72
"""Number of corners of the polygon that is drawn for a circle."""


def read(place: str, files: Sequence[FolderFile], class_names: Sequence[str]) -> Outlines:
    """Reads every file once to find the names of the classes, which are sorted.

    Raises:
        UserError: a file was not written by labelme.
    """
    names = {
        shape.name
        for file in files
        if file.label is not None
        for shape in read_file(file.label, file.image).shapes
    }
    return Outlines(tuple(files), classes_of(sorted(names), class_names, place), read_file)


def read_file(path: Path, image: Path) -> Annotated:
    """The objects in a file, in its order: later ones are drawn on top of earlier ones.

    Polygons, rectangles, circles and masks are drawn; points and lines have no area.

    Raises:
        UserError: the file was not written by labelme.
    """
    del image
    shapes: list[Shape] = []
    left_out: dict[str, None] = {}
    try:
        content = json.loads(read_text(path))
        for each in content["shapes"]:
            shape = _shape(each)
            if shape is None:
                left_out[f"{each['shape_type']}s have no area and are left out"] = None
            else:
                shapes.append(shape)
        height, width = content.get("imageHeight"), content.get("imageWidth")
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise UserError(
            f"{path}: not a file of labelme ({type(error).__name__}: {error}); expected a JSON "
            "object with shapes, each with label, points and shape_type."
        ) from None
    size = (height, width) if height and width else None
    return Annotated(shapes, size, tuple(left_out))


def _shape(entry: dict[str, Any]) -> Shape | None:
    name, kind = plain_name(str(entry["label"])), entry.get("shape_type") or "polygon"
    points = ring_of(entry["points"])
    # Other tools write all corners of a rectangle, which may be turned.
    if kind == "polygon" or (kind == "rectangle" and len(points) == 4):
        return Shape(name, (points,))
    if kind == "rectangle":
        (x, y), (end_x, end_y) = points
        return Shape(name, (np.array([(x, y), (end_x, y), (end_x, end_y), (x, end_y)]),))
    if kind == "circle":
        centre, edge = points
        angles = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
        directions = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        return Shape(name, (centre + np.hypot(*(edge - centre)) * directions,))
    if kind == "mask":
        left, top = points[0]
        with Image.open(io.BytesIO(base64.b64decode(entry["mask"]))) as picture:
            mask = np.array(picture).astype(bool)
        return Shape(name, mask=mask, corner=(round(top), round(left)))
    return None
