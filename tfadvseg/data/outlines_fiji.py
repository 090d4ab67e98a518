"""Regions of interest of ImageJ and Fiji: a .roi or a .zip per image. No TensorFlow here."""

import functools
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfadvseg.data.folder_files import FolderFile
from tfadvseg.data.outlines import Annotated, Outlines, Shape
from tfadvseg.errors import UserError

OBJECT = "object"

_AREAS = ("POLYGON", "RECT", "OVAL", "FREEHAND", "TRACED")
"""Kinds of regions that have an area."""


def read(place: str, files: Sequence[FolderFile], class_names: Sequence[str]) -> Outlines:
    """A region belongs to the class with which its name begins, or to the only class of objects.

    Args:
        place: path of the annotations, for messages.
        files: images with their .roi or .zip files.
        class_names: names of the classes; pixels that no region covers belong to the first. Empty
            means background and object.

    Raises:
        UserError: the package roifile is not installed.
    """
    try:
        import roifile  # noqa: F401
    except ImportError:
        raise UserError(
            f"--annotations={place}: Fiji's regions need the package roifile; pip install roifile, "
            "or tfadvseg[fiji]."
        ) from None
    names = tuple(class_names) or ("background", OBJECT)
    return Outlines(tuple(files), names, functools.partial(read_file, names=names))


def read_file(path: Path, image: Path, names: Sequence[str]) -> Annotated:
    """The regions in a file, in its order: later ones are drawn on top of earlier ones.

    Raises:
        UserError: it is not a file of ImageJ or Fiji, or a region's name begins with no class.
    """
    import roifile

    del image
    try:
        read = roifile.roiread(path)
        regions = read if isinstance(read, list) else [read]
        shapes: list[Shape] = []
        left_out: dict[str, None] = {}
        for region in regions:
            kind = region.roitype.name
            if kind not in _AREAS:
                left_out[f"regions of the kind {kind.lower()} have no area and are left out"] = None
                continue
            name = _class_of(region.name or "", names, path)
            if region.composite:  # outlines of its parts and of its holes
                shapes.append(Shape(name, mask=_composite([*region.coordinates(multi=True)])))
            else:
                shapes.append(Shape(name, (np.asarray(region.coordinates(), float),)))
    except UserError:
        raise
    except Exception as error:  # roifile raises many types on other files
        raise UserError(
            f"{path}: not regions of ImageJ or Fiji ({type(error).__name__}: {error}); save it "
            "from the ROI manager again."
        ) from None
    return Annotated(shapes, None, tuple(left_out))


def _class_of(region: str, names: Sequence[str], path: Path) -> str:
    fitting = [n for n in names if re.match(rf"{re.escape(n)}(?![A-Za-z])", region)]
    if fitting:
        return max(fitting, key=len)
    if len(names) == 2:
        return names[1]
    raise UserError(
        f"{path}: the name of region {region!r} begins with none of "
        f"--class_names={','.join(names)}; name regions after their class, such as {names[1]}-1."
    )


def _composite(rings: Sequence[np.ndarray]) -> np.ndarray:
    """Pixels within an odd number of outlines."""
    arrays = [np.asarray(ring, float) for ring in rings]
    width, height = np.ceil(np.max([ring.max(axis=0) for ring in arrays], axis=0)).astype(int)
    mask = np.zeros((max(height, 1), max(width, 1)), np.uint8)
    for ring in arrays:
        own = np.zeros_like(mask)
        Shape("", (ring,)).draw(own, 1)
        mask ^= own
    return mask.astype(bool)
