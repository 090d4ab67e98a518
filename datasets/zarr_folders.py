"""Zarr folders as images: an array, or an OME-Zarr whose full resolution is read."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tfadvseg_datasets.decoded import (
    Layout,
    Part,
    Unsuitable,
    chosen_channels,
    image_pixels,
    label_ids,
    planes_of,
)

_METADATA = ("zarr.json", ".zarray", ".zgroup")


def is_zarr(path: Path) -> bool:
    """Whether a path is a folder that Zarr wrote."""
    return path.is_dir() and any((path / name).is_file() for name in _METADATA)


def layouts(path: Path, axes: str) -> tuple[Layout, ...]:
    """How the one image of a folder lies in its array.

    Args:
        path: of the folder.
        axes: meaning of the array's axes, such as `CYX`; empty: as the folder says, or guessed.

    Raises:
        Unsuitable: it holds no array, or several that are not one image, or axes that do not fit.
    """
    array, named = _array(path)
    return (Layout(array.shape, _axes(path, array.shape, axes or named), array.dtype.itemsize),)


def opener(path: Path) -> Callable[[], Any]:
    """A function that opens the array, as `windowed.Opener`."""

    @contextmanager
    def opened() -> Iterator[Sequence[Any]]:
        yield (_array(path)[0],)

    return opened


def image_process(path: str, channels: Sequence[int]) -> Callable[[Part], tuple]:
    """A function from pixels of the array to images, as `windowed.Process`."""

    def process(part: Part) -> tuple[list[np.ndarray], tuple[str, ...]]:
        planes = planes_of(part.pixels, part.axes, path)
        chosen = (chosen_channels(plane, channels, path) for plane in planes)
        return [image_pixels(plane, path) for plane in chosen], ()

    return process


def label_process(path: str) -> Callable[[Part], tuple]:
    """A function from pixels of the array to labels, as `windowed.Process`."""

    def process(part: Part) -> tuple[list[np.ndarray], tuple[str, ...]]:
        planes = planes_of(part.pixels, part.axes, path)
        return [label_ids(plane, (), path)[0] for plane in planes], ()

    return process


def _array(path: Path) -> tuple[Any, str]:
    """The array, and what the folder says of its axes, if anything."""
    import zarr

    try:
        node: Any = zarr.open(str(path), mode="r")
    except Exception as error:  # Zarr raises many types on damaged metadata
        raise Unsuitable(f"{path}: Zarr cannot open it ({_line(error)}).") from None
    if isinstance(node, zarr.Array):
        return node, _dimension_names(node)
    attributes: dict[str, Any] = dict(node.attrs)
    scales = attributes.get("multiscales") or dict(attributes.get("ome", {})).get("multiscales")
    try:
        if scales:
            first = scales[0]
            axes = [each if isinstance(each, str) else each["name"] for each in first["axes"]]
            return node[first["datasets"][0]["path"]], "".join(axes).upper()
    except (KeyError, IndexError, TypeError) as error:
        raise Unsuitable(f"{path}: its multiscales cannot be read ({_line(error)}).") from None
    arrays = dict(node.arrays())
    if len(arrays) != 1:
        listed = ", ".join(sorted(arrays)) or "none"
        raise Unsuitable(
            f"{path}: a Zarr group of {len(arrays)} arrays ({listed}) that does not say which is "
            "the image; give the folder of one array."
        )
    (array,) = arrays.values()
    return array, _dimension_names(array)


def _dimension_names(array: Any) -> str:
    """Letters for the axes of an array whose names all are one letter; else nothing."""
    names = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS")
    known = [str(name).upper() for name in names or ()]
    return "".join(known) if known and all(len(name) == 1 for name in known) else ""


def _axes(path: Path, shape: tuple[int, ...], axes: str) -> str:
    if axes and len(axes) == len(shape):
        return axes
    if axes and len(axes) == sum(size > 1 for size in shape):
        letters = iter(axes)
        return "".join(next(letters) if size > 1 else "Q" for size in shape)
    if not axes and len(shape) == 2:
        return "YX"
    if not axes and len(shape) == 3:
        # As tifffile guesses: three or four numbers at the end are the samples of a pixel.
        return "YXS" if shape[-1] in (3, 4) and min(shape[:2]) > 4 else "TYX"
    said = f"axes {axes}" if axes else "no axes"
    raise Unsuitable(
        f"{path}: an array of {' x '.join(map(str, shape))} and {said}; say with --axes what each "
        "axis is, as in --axes=CYX."
    )


def _line(error: Exception) -> str:
    return json.dumps(" ".join(str(error).split())[:100] or type(error).__name__)
