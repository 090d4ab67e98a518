"""Labels drawn from the outlines of objects that annotation tools store. No TensorFlow here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from absl import logging
from skimage.draw import polygon

from tfadvseg.config import DataConfig
from tfadvseg.config.data_checks import MAX_CLASSES
from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.folder_files import FolderFile
from tfadvseg.errors import UserError
from tfadvseg_datasets.decoded import Decoded
from tfadvseg_datasets.pairs import some

BACKGROUNDS = ("background", "_background_")
"""Names of the class that no object covers."""

IGNORED = ("__ignore__", "ignore", "void")
"""Names of ignored pixels in labelme, unless `--class_names` contains them."""

Size = tuple[int, int]


@dataclass(frozen=True)
class Shape:
    """An object, given by outlines or by a mask.

    Attributes:
        name: name of its class.
        rings: outlines, float [n,2] each: (x, y) from the top left corner of the image, where the
            first pixel extends from 0 to 1. The object is the union of their interiors.
        mask: pixels of the object, bool [h,w].
        corner: (row, column) of the mask's first pixel in the image.
    """

    name: str
    rings: tuple[np.ndarray, ...] = ()
    mask: np.ndarray | None = None
    corner: tuple[int, int] = (0, 0)

    def draw(self, label: np.ndarray, value: int) -> None:
        """Sets the object's pixels in a label [H,W] to a value; pixels beyond it are dropped."""
        for ring in self.rings:
            # A pixel belongs to the object if its centre does.
            label[polygon(ring[:, 1] - 0.5, ring[:, 0] - 0.5, label.shape)] = value
        if self.mask is not None:
            top, left = self.corner
            rows, columns = np.nonzero(self.mask)
            rows, columns = rows + top, columns + left
            inside = (
                (rows >= 0) & (columns >= 0) & (rows < label.shape[0]) & (columns < label.shape[1])
            )
            label[rows[inside], columns[inside]] = value


@dataclass(frozen=True)
class Annotated:
    """The annotations of one image.

    Attributes:
        shapes: objects, in the order in which they are drawn.
        size: (height, width) of the image according to the annotations; None if not given.
        notes: annotations that are not drawn, one phrase each.
    """

    shapes: Sequence[Shape]
    size: Size | None = None
    notes: tuple[str, ...] = ()


ReadShapes = Callable[[Path, Path], Annotated]
"""Function of a file of annotations and an image's file to the annotations of that image."""


@dataclass(frozen=True)
class Outlines:
    """Annotations of a folder's images.

    Attributes:
        files: the images, each with its file of annotations, if any.
        names: names of the classes; pixels that no object covers belong to the first.
        read_shapes: reads the annotations of an image.
    """

    files: tuple[FolderFile, ...]
    names: tuple[str, ...]
    read_shapes: ReadShapes

    def read_label(self, source: tuple[str, Path, Path | None], sizes: Sequence[Size]) -> Decoded:
        """Draws the label of an image: class ids uint8 [H,W] (`folder_pages.ReadLabel`).

        Raises:
            UserError: the annotations give another image size, or cannot be read.
        """
        _, image_file, label_file = source
        assert label_file is not None
        found = self.read_shapes(label_file, image_file)
        if len(sizes) != 1:
            raise UserError(
                f"{image_file}: {len(sizes)} pages, but annotations describe one image; store each "
                "page in a file of its own."
            )
        (size,) = sizes
        if found.size is not None and found.size != size:
            raise UserError(
                f"{label_file}: annotates {image_file.name} as {found.size[0]} x {found.size[1]} "
                f"(height x width), but it is {size[0]} x {size[1]}; they must agree."
            )
        label = np.zeros(size, np.uint8)
        for shape in found.shapes:
            shape.draw(label, self._value(shape.name))
        return Decoded([label], found.notes)

    def _value(self, name: str) -> int:
        if name in self.names:
            return self.names.index(name)
        return 0 if name.lower() in BACKGROUNDS else IGNORE_LABEL


def ring_of(points: object) -> np.ndarray:
    """An outline, float [n,2], from numbers x, y in turn or in pairs.

    Raises:
        ValueError, TypeError: not an even count of finite numbers.
    """
    ring = np.asarray(points, float).reshape(-1, 2)
    if not np.isfinite(ring).all():
        raise ValueError("coordinates that are not finite")
    return ring


def classes_of(found: Sequence[str], given: Sequence[str], place: str) -> tuple[str, ...]:
    """Names of the classes: those given, or else `background` and those found.

    Args:
        found: distinct names of objects.
        given: `--class_names`; pixels that no object covers belong to the first, and objects of
            other classes than these are ignored.
        place: path of the annotations, for messages.

    Raises:
        UserError: there are no objects, or none of a given class.
    """
    objects = [name for name in found if name.lower() not in BACKGROUNDS]
    if not given:
        objects = [name for name in objects if name.lower() not in IGNORED]
        if not objects:
            raise UserError(
                f"--annotations={place}: contain no objects; give annotations with outlines."
            )
        if odd := [name for name in objects if not name or "/" in name]:
            raise UserError(
                f"--annotations={place}: the class {odd[0]!r} is empty or has a slash, which "
                "separates the parts of metric names; rename it."
            )
        if len(objects) >= MAX_CLASSES:
            raise UserError(
                f"--annotations={place}: {len(objects)} classes besides the background, but class "
                f"ids are 0 to {MAX_CLASSES - 1}; choose some of them with --class_names."
            )
        return "background", *objects
    if not {*objects} & {*given[1:]}:
        raise UserError(
            f"--class_names={','.join(given)}: {place} has no objects of these classes, only of "
            f"{some(objects)}; the first name is that of pixels that no object covers."
        )
    if left_out := [name for name in objects if name not in given]:
        logging.info(
            "--annotations=%s: objects of %s are ignored (%d).",
            place,
            some(left_out),
            IGNORE_LABEL,
        )
    return tuple(given)


def read_outlines(config: DataConfig, images: Sequence[FolderFile]) -> Outlines:
    """Finds the annotations of a folder's images.

    Args:
        config: uses `annotations`, a COCO file or a folder of labelme's or Fiji's files, and
            `class_names`.
        images: images of the folder.

    Raises:
        UserError: there are no annotations, they cannot be read, or they match no image.
    """
    from tfadvseg.data import outlines_coco, outlines_fiji, outlines_labelme

    assert config.annotations is not None
    place = Path(config.annotations).expanduser()
    if place.is_file():
        return outlines_coco.read(place, images, config.class_names)
    if not place.is_dir():
        raise UserError(
            f"--annotations={place}: no such file or folder; give COCO's .json, or a folder of "
            "labelme's .json or Fiji's .roi and .zip files."
        )
    stems = {file.stem: file for file in images}
    found: dict[str, dict[str, Path]] = {"labelme": {}, "fiji": {}}
    for path in sorted(place.rglob("*") if config.recursive else place.iterdir()):
        kind = {".json": "labelme", ".roi": "fiji", ".zip": "fiji"}.get(path.suffix.lower())
        stem = path.relative_to(place).with_suffix("").as_posix()
        if kind is not None and stem in stems and not path.name.startswith("."):
            found[kind][stem] = path
    if all(found.values()):
        raise UserError(
            f"--annotations={place}: holds files of labelme and of Fiji; give a folder with only "
            "one kind."
        )
    if not any(found.values()):
        raise UserError(
            f"--annotations={place}: no .json, .roi or .zip has the stem of an image such as "
            f"{some([*stems][:1])}."
        )
    tool = outlines_labelme if found["labelme"] else outlines_fiji
    paths = found["labelme"] or found["fiji"]
    files = tuple(
        FolderFile(file.stem, file.image, paths.get(file.stem), file.part) for file in images
    )
    return tool.read(str(place), files, config.class_names)
