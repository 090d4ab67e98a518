"""Annotations in the COCO format: polygons and run-length encoded masks. No TensorFlow here.

https://cocodataset.org/#format-data
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfadvseg.data.folder_files import FolderFile
from tfadvseg.data.names import plain_name
from tfadvseg.data.outlines import Annotated, Outlines, Shape, Size, classes_of, ring_of
from tfadvseg.errors import UserError
from tfadvseg.files.text import read_text
from tfadvseg_datasets.pairs import some


def read(path: Path, images: Sequence[FolderFile], class_names: Sequence[str]) -> Outlines:
    """Reads a file of annotations.

    An entry belongs to the image whose path, without suffix, ends in the entry's `file_name`.
    Images without an entry have no label; images whose entry has no objects are background.
    Classes are sorted by their ids. Smaller objects are drawn on top of larger ones.

    Raises:
        UserError: the file is not in the COCO format, or lists none of the images.
    """
    try:
        content = json.loads(read_text(path))
        categories: dict[Any, str] = {}
        for each in content["categories"]:
            name = plain_name(str(each["name"]))
            if categories.setdefault(each["id"], name) != name:
                raise UserError(
                    f"{path}: the category id {each['id']} is {categories[each['id']]} and {name}; "
                    "give each id one name."
                )
        listed = {each["id"]: each for each in content["images"]}
        of_image: dict[Any, list[dict[str, Any]]] = {number: [] for number in listed}
        for each in content["annotations"]:
            if each["image_id"] not in of_image:
                raise UserError(
                    f"{path}: the annotation {each.get('id')} has image_id {each['image_id']!r}, "
                    "which images do not list; correct it."
                )
            of_image[each["image_id"]].append(each)
            if each["category_id"] not in categories:
                raise UserError(
                    f"{path}: the annotation {each.get('id')} has category_id "
                    f"{each['category_id']}, which categories do not list; correct it."
                )
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path}: not in the COCO format ({type(error).__name__}: {error}); expected a JSON "
            "object with images, annotations and categories."
        ) from None
    found: dict[Path, Annotated] = {}
    files, ends = [], _by_ends(images)
    matched: dict[str, Any] = {}
    for number, each in listed.items():
        stem = _match(str(each.get("file_name", "")), ends, path)
        if stem is not None:
            if stem in matched:
                raise UserError(f"{path}: lists the image {stem} twice; merge both entries.")
            matched[stem] = number
    if not matched:
        names = some([str(each.get("file_name")) for each in listed.values()])
        raise UserError(
            f"{path}: lists none of the folder's images ({images[0].image.name}, ...), only "
            f"{names}; correct each file_name."
        )
    for file in images:
        number = matched.get(file.stem)
        files.append(FolderFile(file.stem, file.image, None if number is None else path))
        if number is not None:
            size: Any = listed[number].get("height"), listed[number].get("width")
            size = None if None in size else size
            shapes = [(_area(each), each) for each in of_image[number]]
            drawn = [each for _, each in sorted(shapes, key=lambda pair: -pair[0])]
            found[file.image] = Annotated(
                [_shape(each, categories[each["category_id"]], size, path) for each in drawn],
                size,
            )
    order = [categories[number] for number in sorted(categories)]
    names = classes_of([*dict.fromkeys(order)], class_names, str(path))
    return Outlines(tuple(files), names, lambda _, image: found[image])


def _by_ends(images: Sequence[FolderFile]) -> dict[str, list[str]]:
    """Stems of images by every end of their paths, without suffix."""
    ends: dict[str, list[str]] = {}
    for file in images:
        parts = file.image.with_suffix("").parts
        for start in range(len(parts)):
            ends.setdefault("/".join(parts[start:]), []).append(file.stem)
    return ends


def _match(file_name: str, ends: dict[str, list[str]], path: Path) -> str | None:
    """Stem of the image whose path shares the longest end with a file name, if any."""
    parts = Path(file_name.replace("\\", "/")).with_suffix("").parts
    for start in range(len(parts)):
        stems = ends.get("/".join(parts[start:]), [])
        if len(stems) > 1:
            raise UserError(
                f"{path}: file_name {file_name} may be {some(stems)}; write more of its path."
            )
        if stems:
            return stems[0]
    return None


def _area(annotation: dict[str, Any]) -> float:
    box = annotation.get("bbox") or (0, 0, 0, 0)
    return float(annotation.get("area") or box[2] * box[3])


def _shape(annotation: dict[str, Any], name: str, size: Size | None, path: Path) -> Shape:
    outline = annotation.get("segmentation")
    try:
        if isinstance(outline, dict):
            height, width = outline["size"]
            if size is not None and (height, width) != size:
                raise UserError(
                    f"{path}: the mask of annotation {annotation.get('id')} is {height} x {width} "
                    f"(height x width), but its image is {size[0]} x {size[1]}; they must agree."
                )
            return Shape(name, mask=decoded_runs(outline["counts"], (height, width)))
        rings = tuple(map(ring_of, outline or ()))
    except (KeyError, TypeError, ValueError):
        raise UserError(
            f"{path}: the segmentation of annotation {annotation.get('id')} is neither polygons "
            "nor run lengths; correct it."
        ) from None
    if not rings:
        raise UserError(
            f"{path}: the annotation {annotation.get('id')} has no segmentation, only a box; "
            "segmentation needs outlines."
        )
    return Shape(name, rings)


def decoded_runs(counts: Sequence[int] | str, size: tuple[int, int]) -> np.ndarray:
    """A mask from run lengths of pixels outside and inside in turn, column by column.

    Args:
        counts: lengths; or their compressed text as in pycocotools: five bits per character, lowest
            bits first, where lengths from the third on are differences to the last but one.
        size: (height, width).

    Raises:
        ValueError: the lengths do not add up to the size.
    """
    if isinstance(counts, str):
        lengths: list[int] = []
        value = shift = 0
        for letter in counts.encode():
            bits = letter - 48
            value |= (bits & 31) << shift
            shift += 5
            if bits & 32:
                continue
            if bits & 16:
                value -= 1 << shift
            lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
            value = shift = 0
        counts = lengths
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(size, order="F")
