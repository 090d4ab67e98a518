"""Images in Zarr folders: a single array, or the full resolution of an OME-Zarr."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tfadvseg_datasets.decoded import Layout, Opener, Part, Process, Unsuitable
from tfadvseg_datasets.pixels import images_of, labels_of

_METADATA = ("zarr.json", ".zarray", ".zgroup")


def is_zarr(path: Path) -> bool:
    """Whether a path is a folder that holds a Zarr array or group."""
    return path.is_dir() and any((path / name).is_file() for name in _METADATA)


def layouts(path: Path, axes: str) -> tuple[Layout, ...]:
    """Layout of the one image in a folder.

    Args:
        path: the folder.
        axes: meaning of the array's axes, such as `CYX`; empty means those that the folder names,
            or a guess from the shape.

    Raises:
        Unsuitable: no array, several arrays that are not one image, or axes that do not fit.
    """
    array, named = _array(path)
    if not array.size:
        raise Unsuitable(
            f"{path}: an array of {' x '.join(map(str, array.shape))} is empty; write it again."
        )
    return (Layout(array.shape, _axes(path, array.shape, axes or named), array.dtype.itemsize),)


def opener(path: Path) -> Opener:
    """Returns a function that opens the array."""

    @contextmanager
    def opened() -> Iterator[Sequence[Any]]:
        yield (_array(path)[0],)

    return opened


def image_process(path: str, channels: Sequence[int]) -> Process:
    """Returns a function from pixels of the array to images."""

    def process(part: Part) -> tuple[list[np.ndarray], tuple[str, ...]]:
        return images_of(part.pixels, part.axes, path, channels)

    return process


def label_process(path: str) -> Process:
    """Returns a function from pixels of the array to labels."""

    def process(part: Part) -> tuple[list[np.ndarray], tuple[str, ...]]:
        return labels_of(part.pixels, part.axes, path)

    return process


def _array(path: Path) -> tuple[Any, str]:
    """The array, and its axes if the folder names them; otherwise an empty string."""
    import zarr

    try:
        node: Any = zarr.open(str(path), mode="r")
    except Exception as error:  # Zarr raises many types if metadata is damaged
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
            f"{path}: a Zarr group of {len(arrays)} arrays ({listed}) without metadata that names "
            "the image; give the folder of one array."
        )
    (array,) = arrays.values()
    return array, _dimension_names(array)


def _dimension_names(array: Any) -> str:
    """Axes of an array if all their names are single letters; otherwise an empty string."""
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
        # The same guess as tifffile's: a last axis of 3 or 4 holds the samples of a pixel.
        return "YXS" if shape[-1] in (3, 4) and min(shape[:2]) > 4 else "TYX"
    named = f"axes {axes}" if axes else "no named axes"
    raise Unsuitable(
        f"{path}: an array of {' x '.join(map(str, shape))} with {named}; name each axis with "
        "--axes, as in --axes=CYX."
    )


def _line(error: Exception) -> str:
    return json.dumps(" ".join(str(error).split())[:100] or type(error).__name__)
